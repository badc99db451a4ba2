"""
The tools over HTTP: the official client and plain requests against a real server process.
"""

import http.client
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import anyio
import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from tests.cli.started import Started
from tests.mcp.agent import outside, session, text_of
from tests.mcp.conftest import PAGE, READER, SHOP, Logged
from tests.mcp.hostile import FORBIDDEN, HIDDEN, LINES, calls, poisoned
from tests.mcp.test_session import TOOLS, checkout
from tests.server.running import Running
from tracelog.errors import ConfigError
from tracelog.server import agents

pytestmark = pytest.mark.xdist_group("mcp_http")  # its tests share one process

MODERN, LEGACY = "2026-07-28", "2025-11-25"
KEYS = f"""
[[tool.tracelog.keys]]
token = "{READER}"
role = "read"
[[tool.tracelog.keys]]
token = "{PAGE}"
origins = ["{SHOP}"]
public = true
"""
ASK = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "status", "arguments": {}}}


@pytest.fixture(scope="module")
def agency(tmp_path_factory):
    """
    A real `tracelog serve --mcp` with a read key and a public key for one shop's pages, holding hostile lines.
    """
    folder = tmp_path_factory.mktemp("agency")
    (folder / "pyproject.toml").write_text(KEYS)
    started = Started(
        "serve", "--port", "0", "--store", "sqlite::memory:", "--no-limits", "--mcp", cwd=folder
    )
    url = started.line(r"listening on (\S+)")
    drain = threading.Thread(target=started.process.stderr.read, daemon=True)
    drain.start()
    served = Logged(url)
    served.post(*(poisoned(n, line) for n, line in enumerate(LINES)), key=PAGE, origin=SHOP)
    yield served
    started.process.terminate()
    drain.join()
    started.clear()


def talk(url, work, *, mode="auto", key=READER):
    """
    Return what *work* makes of the official client that talks to *url* over HTTP.
    """

    async def talking():
        headers = {"authorization": f"Bearer {key}"}
        async with (
            httpx2.AsyncClient(headers=headers, timeout=30) as sender,
            Client(streamable_http_client(f"{url}/mcp", http_client=sender), mode=mode) as client,
        ):
            return await work(client)

    return anyio.run(talking)


def post(url, body=ASK, *, method="POST", path="/mcp", **headers):
    """
    Return status, headers and JSON (None: there is none) of the answer to one plain request.
    """
    sent = {
        "content-type": "application/json",
        "accept": "application/json, text/event-stream",
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=30)
    connection.request(method, path, body if isinstance(body, bytes) else json.dumps(body), sent)
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    if "event-stream" in answer.headers.get("content-type", ""):
        text = text.partition("data: ")[2]
    try:
        return answer.status, answer.headers, json.loads(text)
    except ValueError:
        return answer.status, answer.headers, None


def modern(name="status", arguments=(), version=MODERN, **more):
    """
    Return body and headers of a call as the revision of 2026 wants it.
    """
    meta = {
        "io.modelcontextprotocol/protocolVersion": version,
        "io.modelcontextprotocol/clientCapabilities": {},
        "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
    }
    params = {"name": name, "arguments": dict(arguments), "_meta": meta}
    headers = {"mcp_protocol_version": version, "mcp_method": "tools/call", "mcp_name": name, **more}
    return {**ASK, "params": params}, headers


async def asked(client):
    """
    Return what an agent gets: definitions, a brief, a refusal, the protocol's version.
    """
    tools = (await client.list_tools()).tools
    templates = (await client.list_resource_templates()).resource_templates
    listed = await client.call_tool("traces", {"errors_only": True, "limit": 1, "text": "locked"})
    brief = await client.call_tool("brief", {"trace": listed.structured_content["traces"][0]})
    unknown = await client.call_tool("brief", {"trace": "f" * 32})
    offered = [one.model_dump(mode="json") for one in (*tools, *templates)]
    return offered, brief, unknown, client.protocol_version


async def every_answer(client):
    """
    Return the answers of all tools about the hostile lines, and their traces as resources.
    """
    answers = [(name, await client.call_tool(name, given)) for name, given in calls()]
    traces = [
        (await client.read_resource(f"tracelog://trace/{n + 1:032x}")).contents[0] for n in range(len(LINES))
    ]
    return answers, traces


@pytest.fixture(scope="module")
def by_stdio(agency):
    """
    The answers of one session over stdio: all that is compared with those over HTTP.
    """
    agency.post(*checkout(f"{0xABC0:032x}"), key=PAGE, origin=SHOP)

    async def work(client):
        return await asked(client), await every_answer(client)

    return session(agency.url, work, TRACELOG_KEY=READER)


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_both_transports_offer_and_say_the_same(agency, by_stdio, mode):
    """
    By HTTP, in the revision of 2026 and in those before it, an agent gets the definitions and answers that it gets by
    stdio.
    """
    offered, brief, unknown, version = talk(agency.url, asked, mode=mode)
    ours, same, refused, _ = by_stdio[0]
    assert {one["name"] for one in offered} == {*TOOLS, "trace"}
    assert offered == ours
    assert brief.structured_content == same.structured_content
    assert outside(text_of(brief)) == outside(text_of(same))
    assert text_of(unknown).split("\n")[2:3] == text_of(refused).split("\n")[2:3]
    assert (unknown.is_error, version) == (True, MODERN if mode == "auto" else LEGACY)


@pytest.mark.parametrize("transport", ["http", "stdio"])
def test_no_line_of_a_stranger_leaves_the_fence(agency, by_stdio, transport):
    """
    Fifty commands that a page's public key logged stand inside the fence of every answer of every tool and of every
    resource, whichever way it is asked for, and nowhere else.
    """
    answers, traces = talk(agency.url, every_answer) if transport == "http" else by_stdio[1]
    assert {name for name, _ in answers} == TOOLS
    told = [(text_of(answer), repr(answer.structured_content)) for _, answer in answers]
    told += [(one.text, "") for one in traces]
    for text, data in told:
        free = outside(text).lower() + data.lower()
        assert not [word for word in FORBIDDEN if word in free], free
        assert not set(text) & set(HIDDEN)
    assert sum("number" in text for text, _ in told) >= 3 * len(LINES)


@pytest.mark.parametrize(
    ("headers", "status", "reason"),
    [
        ({}, 401, "key_missing"),
        ({"authorization": "Bearer wrong"}, 401, "key_unknown"),
        ({"authorization": f"Bearer {PAGE}", "origin": SHOP}, 403, "key_role"),
        ({"authorization": f"Bearer {READER}", "origin": "https://evil.example"}, 403, "origin"),
        ({"authorization": f"Bearer {READER}", "origin": "null"}, 403, "origin"),
        ({"authorization": f"Bearer {READER}", "sec_fetch_site": "cross-site"}, 403, "origin"),
    ],
)
def test_only_readers_may_call(agency, headers, status, reason):
    """
    Keys and origins decide as for any request that reads, before a word of the body is looked at.
    """
    answer = post(agency.url, b"no JSON", **headers)
    assert (answer[0], answer[2]["reason"]) == (status, reason)
    assert (answer[1].get("www-authenticate") == "Bearer") == (status == 401)


def test_without_keys_only_this_machine_by_its_own_name_may_call():
    """
    A name that is not the server's (DNS rebinding) and a page of another address are refused; loopback needs no key.
    """
    with Running(mcp=True) as server:
        url = f"http://127.0.0.1:{server.port}"
        body, headers = modern()
        assert post(url, body, **headers, host="evil.example")[0] == 421
        assert post(url, body, **headers, origin="http://localhost:3000")[0] == 403
        assert post(url, body, **headers, origin=url)[2]["result"]["structuredContent"]["server"] == "up"


def test_the_key_may_stand_in_the_address(agency):
    """
    Where an agent can be given an address only, `?key=` says who asks, for the tools' own questions as well.
    """
    body, headers = modern("traces", {"limit": 1})
    answer = post(agency.url, body, path=f"/mcp?key={READER}", **headers)
    assert answer[2]["result"]["structuredContent"]["shown"] == 1


def bare(method, **params):
    return {"jsonrpc": "2.0", "id": 7, "method": method, "params": params}


@pytest.mark.parametrize(
    ("body", "headers", "status", "code"),
    [
        (*modern(version="2031-01-01"), 400, -32022),
        (modern()[0], {**modern()[1], "mcp_name": "logs"}, 400, -32020),
        (modern()[0], {**modern()[1], "mcp_method": "tools/list"}, 400, -32020),
        (b"{", {"mcp_protocol_version": MODERN}, 400, -32700),
        (b"{", {"mcp_protocol_version": LEGACY}, 400, -32700),
        (b"x" * 70_000, {"mcp_protocol_version": MODERN}, 413, None),
    ],
    ids=["revision", "name", "method", "no JSON", "no JSON before", "too much"],
)
def test_what_is_not_the_protocol_is_told(agency, body, headers, status, code):
    """
    An unknown revision, headers that say something else than the body, no JSON and too much are answered as the
    revision says.
    """
    answer = post(agency.url, body, authorization=f"Bearer {READER}", **headers)
    assert answer[0] == status
    if code is not None:
        assert answer[2]["error"]["code"] == code
    if code == -32022:
        assert MODERN in answer[2]["error"]["data"]["supported"]


def test_there_is_no_session_to_keep(agency):
    """
    No session is given, one that somebody names is not asked for, and there is no stream of its own to open.
    """
    key = {"authorization": f"Bearer {READER}"}
    hello = bare(
        "initialize", protocolVersion=LEGACY, capabilities={}, clientInfo={"name": "t", "version": "1"}
    )
    status, headers, said = post(agency.url, hello, **key)
    assert (status, headers.get("mcp-session-id")) == (200, None)
    assert said["result"]["protocolVersion"] == LEGACY
    call = post(agency.url, ASK, **key, mcp_protocol_version=LEGACY, mcp_session_id="0" * 32)
    assert call[2]["result"]["structuredContent"]["server"] == "up"
    for method in ("GET", "DELETE", "PUT", "OPTIONS"):
        status, headers, _ = post(agency.url, b"", method=method, **key)
        assert (status, headers["allow"]) == (405, "POST")


def test_it_is_off_unless_switched_on():
    """
    Without the setting nobody is answered, and what would be done about it is said.
    """
    with Running() as server:
        status, _, said = post(f"http://127.0.0.1:{server.port}", modern()[0])
        assert (status, said["reason"]) == (404, "mcp_off")
        assert "--mcp" in said["error"]


def test_an_agent_outlives_the_server():
    """
    An agent that was connected goes on after a restart, in either revision: there is no session to lose.
    """
    first = Running(mcp=True)

    async def work(client):
        before = await client.call_tool("status", {})
        await anyio.to_thread.run_sync(first.stop)
        with Running(mcp=True, port=first.port):
            return before, await client.call_tool("status", {})

    for mode in ("auto", "legacy"):
        first = Running(mcp=True)
        with first:
            before, after = talk(f"http://127.0.0.1:{first.port}", work, mode=mode)
        assert (before.is_error, after.is_error) == (False, False)


def test_waiting_ends_with_what_comes_or_with_the_server():
    """
    A call waits for an entry; so many may wait as the server bears, the next is told when to come again; and a server
    that stops keeps nobody waiting.
    """
    with ThreadPoolExecutor(agents.CALLS) as pool, Running(mcp=True) as server:
        url = f"http://127.0.0.1:{server.port}"

        def wait(query):
            body, headers = modern("wait_for", {"query": query, "timeout": 60})
            while (answer := post(url, body, **headers))[0] == 503:
                pass  # the question below was in the way
            return answer

        waiting = [pool.submit(wait, query) for query in ["deployed"] + ["never"] * (agents.CALLS - 1)]
        body, headers = modern()
        while (refused := post(url, body, **headers))[0] == 200:
            pass
        assert (refused[0], refused[2]["reason"], refused[1]["retry-after"]) == (503, "busy", "5")
        server.post({"trace_id": "ab" * 16, "message": "deployed"})
        assert waiting[0].result()[2]["result"]["structuredContent"]["seen"]
        server.stop()
        for one in waiting[1:]:
            result = one.result()[2]["result"]
            assert result["isError"]
            assert "being stopped" in result["content"][0]["text"]


def test_a_server_without_the_library_says_so(monkeypatch):
    """
    Switched on where the SDK is not installed, the server does not start, and says what to install.
    """
    monkeypatch.setattr(agents.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match="extra `mcp`"):
        Running(mcp=True)
