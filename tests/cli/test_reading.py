"""
`tracelog show`, `search` and `export` against a real server.
"""

import json
import re

import pytest
from redis import Redis

from tests.cli.started import Served
from tests.mcp.agent import outside
from tests.stores.servers import RealServer

START = 1_795_350_664_000.0


def checkout(trace):
    """
    Return a request that failed in billing and surfaced in the page.
    """
    hop = {"trace_id": trace}
    browser = {**hop, "system": "browser", "span_id": "a" * 16}
    backend = {**hop, "system": "backend", "service": "billing", "span_id": "b" * 16, "parent_id": "a" * 16}
    return [
        {**browser, "message": "click Buy", "timestamp": START},
        {**backend, "message": "charging", "timestamp": START + 10},
        {**backend, "message": "database is locked", "level": "error", "timestamp": START + 900},
        {**browser, "message": "checkout failed", "level": "error", "timestamp": START + 910},
    ]


@pytest.fixture
def stored(served: Served, trace: str) -> str:
    """
    The trace of a stored request.
    """
    served.post(*checkout(trace))
    return trace


def test_show_tells_the_story(served, stored):
    """
    `show` prints the report for people: every message of every system, no colour where no terminal is.
    """
    result = served.run("show", stored[:12])
    assert (result.exit_code, result.stderr) == (0, "")
    assert all(entry["message"] in result.stdout for entry in checkout(stored))
    assert "\x1b" not in result.stdout


def test_colour_can_be_asked_for(served, stored):
    """
    `--color` paints also where no terminal is, and changes no words.
    """
    assert "\x1b[" in served.run("show", stored, "--color").stdout
    assert served.run("show", stored, "--no-color").stdout == served.run("show", stored).stdout


def test_show_gives_the_report_to_programs(served, stored):
    """
    `show --format json` is the promised report.
    """
    report = json.loads(served.run("show", stored, "--format", "json").stdout)
    assert (report["trace_id"], len(report["timeline"]), len(report["chains"])) == (stored, 4, 1)


@pytest.mark.parametrize("form", ["terminal", "html"])
def test_what_the_store_has_dropped_is_told(tmp_path, start, trace, form):
    """
    Entries that a full Redis threw away are counted as not here, in the story and on the page.
    """
    with RealServer(tmp_path) as redis, Redis.from_url(redis.url) as client:
        started = start("serve", "--port", "0", "--store", redis.url, cwd=tmp_path)
        served = Served(started.line(r"listening on (\S+)"), tmp_path)
        served.post(*checkout(trace))
        client.ltrim(f"logs:{trace}", 1, -1)
        command = ["show", trace] if form == "terminal" else ["export", trace, "--format", "html"]
        shown = served.run(*command).stdout
    assert "1 entry not here" in shown
    assert "1 evicted from the store" in shown


@pytest.mark.parametrize("budget", [80, 300, 999_999])
def test_a_brief_keeps_to_its_budget(served, stored, budget):
    """
    `brief` says how complete it is and what failed, in at most so many tokens of four bytes, however few; what programs
    wrote is fenced, and the calls for more are commands.
    """
    result = served.run("brief", stored, "--budget", str(budget))
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.startswith("complete: yes; 4 entries of 2 systems, 2 errors, 1 failure, 910 ms; ")
    assert len(result.stdout.encode()) <= 4 * budget
    assert "database is locked" in result.stdout
    assert "database is locked" not in outside(result.stdout)
    if budget == 999_999:
        assert "\nledger: 4 logged = 4 shown + " in result.stdout
        assert "\nnext: tracelog search 'id:" in result.stdout


@pytest.mark.parametrize("budget", ["abc", "0", "-5", "1e3", "1000000", "2k", "\N{SUPERSCRIPT TWO}"])
def test_a_budget_that_is_none_is_a_usage_error(served, stored, budget):
    """
    What is no number of tokens is told with one that is, before anything is asked.
    """
    result = served.run("brief", stored, "--budget", budget)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.endswith(
        f"Error: Invalid value for '--budget': a number of tokens such as 2000, below 1,000,000, not {budget!r}\n"
    )


@pytest.mark.parametrize("command", ["show", "export"])
@pytest.mark.parametrize(("form", "begin"), [("ndjson", '{"id":'), ("md", "910 ms · 2 systems · complete\n")])
def test_exports_go_to_standard_output(served, stored, command, form, begin):
    """
    Without a file, `show` and `export` write the export itself and nothing else to standard output.
    """
    result = served.run(command, stored, "--format", form)
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.startswith(begin)
    assert "database is locked" in result.stdout


def test_export_writes_a_file(served, stored, tmp_path):
    """
    `export -o` writes the whole trace to the file and says so; standard output stays empty.
    """
    file = tmp_path / "trace.json"
    result = served.run("export", stored, "-o", str(file))
    assert (result.exit_code, result.stdout) == (0, "")
    assert f"{file.stat().st_size:,} bytes written" in result.stderr
    data = json.loads(file.read_text())
    assert [entry["message"] for entry in data["entries"]] == [entry["message"] for entry in checkout(stored)]


@pytest.mark.parametrize(
    ("name", "begin"),
    [
        ("t.json", '{"tracelog":1,'),
        ("t.ndjson", '{"id":'),
        ("t.md", "910 ms · 2 systems · complete\n"),
        ("T.HTML", "<!doctype html>"),
        ("trace", '{"tracelog":1,'),
    ],
)
def test_the_name_of_the_file_says_the_form(served, stored, tmp_path, name, begin):
    """
    Without `--format` the suffix decides, and a name without one means json; every form holds the trace.
    """
    file = tmp_path / name
    assert served.run("export", stored, "-o", str(file)).exit_code == 0
    text = file.read_text()
    assert text.startswith(begin)
    assert all(entry["message"] in text for entry in checkout(stored))


def test_a_form_that_was_asked_for_wins_over_the_name(served, stored, tmp_path):
    """
    `--format` decides whatever the file is called, and without a file too.
    """
    file = tmp_path / "t.md"
    assert served.run("export", stored, "-o", str(file), "--format", "ndjson").exit_code == 0
    assert len(list(map(json.loads, file.read_text().splitlines()))) == 4
    page = served.run("export", stored, "--format", "html")
    assert (page.exit_code, page.stdout[:15]) == (0, "<!doctype html>")


@pytest.mark.parametrize("suffix", [".txt", ".jsonl", ".md~"])
def test_a_suffix_that_says_nothing_is_a_usage_error(served, stored, tmp_path, suffix):
    """
    A suffix that names no form is told with those that do, and no file is made.
    """
    file = tmp_path / f"trace{suffix}"
    result = served.run("export", stored, "-o", str(file))
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == (
        f"tracelog: what {file} shall hold cannot be told by {suffix}; name it .otlp.json, .json, .ndjson, .md, "
        ".html, or use --format\n"
    )
    assert not file.exists()


def test_a_file_that_cannot_be_written_is_a_sentence(served, stored, tmp_path):
    """
    A path that cannot be written is named, with the reason.
    """
    result = served.run("export", stored, "-o", str(tmp_path / "none" / "trace.json"))
    assert result.exit_code == 1
    assert "cannot be written: No such file or directory" in result.stderr


@pytest.mark.parametrize("command", ["show", "brief", "export"])
@pytest.mark.parametrize("ref", ["no-such-trace", "00000000", "a/b?c#d", "\x1b[31m"])
def test_an_unknown_reference_is_a_sentence(served, command, ref):
    """
    What names no trace ends with one sentence that obeys nothing, and exit code 1.
    """
    result = served.run(command, ref)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("tracelog: ")
    assert len(result.stderr.splitlines()) == 1
    assert "\x1b" not in result.stderr


@pytest.mark.parametrize("command", ["show", "brief", "export"])
@pytest.mark.parametrize("ref", ["", " "])
def test_an_empty_reference_is_a_usage_error(served, command, ref):
    """
    What an unset variable of a script leaves of a reference is told as that, with exit code 2.
    """
    result = served.run(command, ref)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == (
        "tracelog: REF is empty; give a trace id, its first 8 characters or more, a traceparent, latest or "
        "latest-error\n"
    )


def test_search_prints_one_line_an_entry(served, stored):
    """
    What is found comes one line each, the earliest first.
    """
    result = served.run("search", f"trace:{stored} level:error")
    assert (result.exit_code, result.stderr) == (0, "")
    first, second = result.stdout.splitlines()
    assert first.endswith("backend billing  " + stored[:8] + "  database is locked")
    assert second.endswith("browser          " + stored[:8] + "  checkout failed")


def test_a_search_may_begin_with_a_minus(served, stored):
    """
    What begins with one dash is a term turned round, also one that looks like `-n`; options stay options.
    """
    assert served.run("search", "-nothing", "-n", "1").stdout.count("\n") == 1
    assert served.run("search", "-n1", "-nothing").stdout.count("\n") == 1
    assert stored[:8] not in served.run("search", f"-trace:{stored}", "--limit=1000").stdout
    assert served.run("search", "--nonsense").exit_code == 2
    assert served.run("tail", "-h").exit_code == 0


@pytest.mark.parametrize(
    ("form", "read"),
    [("json", json.loads), ("ndjson", lambda text: list(map(json.loads, text.splitlines())))],
)
def test_search_gives_entries_to_programs(served, stored, form, read):
    """
    `json` is one array, `ndjson` one object a line; both hold whole entries.
    """
    found = read(served.run("search", f"trace:{stored}", "--format", form).stdout)
    assert [entry["message"] for entry in found] == [entry["message"] for entry in checkout(stored)]
    assert {entry["trace_id"] for entry in found} == {stored}


def test_a_huge_message_does_not_flood_the_screen(served, trace):
    """
    A message of 60 KB is one short line that counts the rest; programs get it whole.
    """
    served.post({"trace_id": trace, "message": "x" * 60_000})
    shown = served.run("search", f"trace:{trace}").stdout
    assert len(shown) < 1_200
    assert re.search(r"x\u2026 \(\+59,\d{3} characters\)\n$", shown)
    whole = served.run("search", f"trace:{trace}", "--format", "ndjson").stdout
    assert json.loads(whole)["message"] == "x" * 60_000


def test_search_reads_on_until_its_limit(served, trace):
    """
    A search goes through the server's pages; beyond its limit it keeps the latest and says that there are
    more.
    """
    served.post(*({"trace_id": trace, "message": f"m{n}", "timestamp": START + n} for n in range(700)))
    served.post(*({"trace_id": trace, "message": f"m{n}", "timestamp": START + n} for n in range(700, 1400)))
    whole = served.run("search", f"trace:{trace}", "--limit", "5000", "--format", "ndjson")
    assert [json.loads(line)["message"] for line in whole.stdout.splitlines()] == [
        f"m{n}" for n in range(1400)
    ]
    assert whole.stderr == ""
    some = served.run("search", f"trace:{trace}", "--limit", "1200")
    assert [line.split()[-1] for line in some.stdout.splitlines()] == [f"m{n}" for n in range(200, 1400)]
    assert "these are the latest 1,200" in some.stderr


@pytest.mark.parametrize(
    ("bounds", "found"),
    [
        (["--since", str((START + 5) / 1000)], 3),
        (["--until", str((START + 5) / 1000)], 1),
        (["--since", "2026-11-22T12:31:04Z", "--until", "2026-11-22T12:31:04.500Z"], 2),
    ],
)
def test_search_keeps_to_its_bounds_of_time(served, stored, bounds, found):
    """
    `--since` and `--until` take Unix time and dates.
    """
    result = served.run("search", f"trace:{stored}", *bounds)
    assert len(result.stdout.splitlines()) == found


@pytest.mark.parametrize(("query", "code"), [("level:error", 1), ("nothing-like-it", 0)])
def test_a_script_can_ask_whether_something_was_found(served, stored, query, code):
    """
    With `--exit-code`, 1 means found and 0 that nothing was; without it, both are 0.
    """
    assert served.run("search", f"trace:{stored} {query}", "--exit-code").exit_code == code
    assert served.run("search", f"trace:{stored} {query}").exit_code == 0


@pytest.mark.parametrize(
    "arguments", [["search", "level:loud"], ["search", "--since", "yesterday"], ["search", 'an "open text']]
)
def test_a_query_that_cannot_be_read_is_a_usage_error(served, arguments):
    """
    The server's sentence about a wrong query is told, with exit code 2.
    """
    result = served.run(*arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("tracelog: ")


def test_a_search_without_result_says_so(served, trace):
    """
    Nothing found is said to the person; the data is empty, and an empty array stays one.
    """
    result = served.run("search", f"trace:{trace}")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "tracelog: nothing found\n")
    assert served.run("search", f"trace:{trace}", "--format", "json").stdout == "[]\n"
