"""
What goes wrong between a command and its server is one sentence and an exit code.
"""

import http.server
import json
import threading
from contextlib import contextmanager

import pytest
from click.testing import CliRunner

from tracelog.cli import commands


@contextmanager
def answering(status, body, requests):
    """
    Run a server that gives every request the same answer, and yield its address.
    """

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            requests.append((self.path, dict(self.headers)))
            self.send_response(status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args):
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def run(*arguments, **environment):
    return CliRunner(env={"TRACELOG_URL": None, "TRACELOG_KEY": None, **environment}).invoke(
        commands, arguments
    )


def refusal(text, reason="r"):
    return json.dumps({"success": False, "error": text, "reason": reason}).encode()


@pytest.mark.parametrize(
    ("status", "body", "code", "said"),
    [
        (400, refusal("the query is wrong"), 2, "the query is wrong"),
        (401, refusal("a key is needed"), 2, "a key is needed; give a read key with --key or TRACELOG_KEY"),
        (403, refusal("this key may not do that"), 2, "this key may not do that"),
        (404, refusal("no such trace"), 1, "no such trace"),
        (421, refusal("another host"), 2, "another host"),
        (500, refusal("the server failed"), 1, "the server failed"),
        (503, refusal("the store is away"), 3, "the store is away"),
        (502, b"<html>bad gateway</html>", 3, "answered 502 and no more; is it a tracelog server?"),
        (404, b"[]", 1, "answered 404 and no more"),
        (200, b"<html>hello</html>", 3, "answered something that is no tracelog server's"),
        (404, refusal("two\nlines \x1b[31m"), 1, "two\\nlines \\x1b[31m"),
    ],
)
def test_a_refusal_is_a_sentence_and_a_code(status, body, code, said):
    """
    The server's own sentence is told; its status decides between usage, not found and unreachable.
    """
    with answering(status, body, []) as url:
        result = run("status", "--url", url)
    assert (result.exit_code, result.stdout) == (code, "")
    assert said in result.stderr
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize("command", [["status"], ["show", "x"], ["search"], ["tail"], ["export", "x"]])
def test_no_server_is_told_with_what_to_do(unused_url, command):
    """
    Where nobody listens, one sentence names the address and how to start a server; the exit code is 3.
    """
    result = run(*command, "--url", unused_url)
    assert (result.exit_code, result.stdout) == (3, "")
    assert result.stderr.startswith(f"tracelog: {unused_url} does not answer (")
    assert "`tracelog serve`" in result.stderr
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize("url", ["ftp://h", "h:1", "http://", "http://h:port", "http://[bad"])
def test_an_address_that_is_none_is_a_usage_error(url):
    """
    What is no HTTP address is refused before anything is asked.
    """
    result = run("status", "--url", url)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "url must be an address such as http://127.0.0.1:8787" in result.stderr


def test_a_wrong_variable_is_a_usage_error():
    """
    An address that is wrong in the environment is named.
    """
    result = run("status", TRACELOG_URL="localhost")
    assert result.exit_code == 2
    assert result.stderr.startswith("tracelog: TRACELOG_URL must be an address such as ")


def test_settings_of_programs_are_not_the_business_of_who_reads(served):
    """
    A level or limit that is wrong for the programs that log does not keep a person from reading.
    """
    wrong = {"TRACELOG_LEVEL": "loud", "TRACELOG_LIMITS": "maybe", "TRACELOG_SYSTEM": "My System"}
    result = run("status", "--url", served.url, **wrong)
    assert (result.exit_code, result.stderr) == (0, "")


@pytest.mark.parametrize("command", [("status",), ("serve", "--port", "0")])
def test_a_broken_pyproject_is_a_usage_error(command, tmp_path, monkeypatch):
    """
    A pyproject.toml that cannot be read may say where the server is: one sentence names file and line.
    """
    (tmp_path / "pyproject.toml").write_text("[tool.tracelog]\nurl = http://h\n")
    monkeypatch.chdir(tmp_path)
    result = run(*command)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == (
        f"tracelog: {tmp_path}/pyproject.toml cannot be read: Invalid value (at line 2, column 7)\n"
    )


def test_key_prefix_and_question_arrive():
    """
    The key goes as a bearer token, the path behind the address's own, the query encoded; unset options are
    left out.
    """
    requests = []
    with answering(200, b'{"entries":[],"cursor":null}', requests) as url:
        result = run("search", 'level:error "a b&c"', "--url", f"{url}/logs/", "--key", "k1", "--limit", "7")
    assert result.exit_code == 0
    ((path, headers),) = requests
    assert path == "/logs/api/v1/search?q=level%3Aerror+%22a+b%26c%22&limit=7"
    assert headers["Authorization"] == "Bearer k1"


def test_address_and_key_come_from_the_environment():
    """
    `TRACELOG_URL` and `TRACELOG_KEY` stand in for options that are not given.
    """
    requests = []
    with answering(200, b'{"entries":[],"cursor":null}', requests) as url:
        result = run("search", TRACELOG_URL=url, TRACELOG_KEY="k2")
    assert result.exit_code == 0
    assert requests[0][1]["Authorization"] == "Bearer k2"


@pytest.mark.parametrize("command", [["show", "x"], ["search"], ["tail"], ["status"]])
def test_an_answer_of_another_server_is_a_sentence(command):
    """
    JSON that is nothing a tracelog server says ends each command with one sentence, never with a traceback.
    """
    with answering(200, b'["hello"]', []) as url:
        result = run(*command, "--url", url)
    assert (result.exit_code, result.stdout) == (3, "")
    assert "answered something that is no tracelog server's" in result.stderr
