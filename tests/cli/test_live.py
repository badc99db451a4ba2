"""
`tracelog tail --live` and `tracelog process`, as their own processes against one store.
"""

import json
import signal
import urllib.request

from tests.cli.started import Started
from tests.server.running import Running
from tests.stores.servers import RealServer
from tracelog.cli.live import events


def test_events_are_read_as_the_standard_has_them():
    """
    Comments say nothing, data may stand on several lines, an id holds until another one comes.
    """
    said = b": beat\n\nretry: 5\n\nid: 7\nevent: row\ndata: {\ndata:}\n\ndata: x\n\nevent: none\n\n"
    told = [(event.name, event.id, event.data) for event in events(said.splitlines(keepends=True))]
    assert told == [("row", "7", "{}"), ("", "7", "x")]


def test_a_processor_beside_the_server_feeds_the_live_tail(tmp_path):
    """
    What one process takes, a second one processes and a third one shows; the processor stops by a signal.
    """
    store = f"sqlite:///{tmp_path / 'logs.db'}"
    server = Started("serve", "--port", "0", "--store", store, "--no-process", "--no-limits")
    url = server.line(r"listening on (\S+)")
    worker = Started("process", "--store", store, "--sample", "1", "--interval", "0.5")
    worker.line(r"(processing) sqlite")
    tail = Started("tail", "--live", "--url", url, "--format", "ndjson", "level:error")
    for number in range(50):
        body = {"trace_id": "t", "id": f"e{number}", "level": "error", "message": "cannot reach the bank"}
        asked = urllib.request.Request(f"{url}/log", json.dumps(body).encode())
        urllib.request.urlopen(asked).close()
    rows: dict[str, int] = {}  # two, when five minutes of the clock end meanwhile
    while sum(rows.values()) < 50:
        shown = json.loads(tail.line(r"(\{.*\})", "stdout"))
        assert (shown["message"], shown["trace_id"]) == ("cannot reach the bank", "t")
        rows[shown["id"]] = shown["count"]
    assert sum(rows.values()) == 50
    assert worker.end(signal.SIGTERM)[0] == 0
    tail.end(signal.SIGINT)
    server.end(signal.SIGINT)


def test_a_store_that_goes_and_comes_back_is_told_beside_the_rows(tmp_path):
    """
    While the server's store is away the tail says why nothing comes, and then that it is back; it never ends.
    """
    with RealServer(tmp_path) as store, Running(store_url=store.url, process_sample=1.0) as running:
        running.post({"trace_id": "t", "level": "error", "message": "before it went"})
        tail = Started("tail", "--live", "--url", f"http://127.0.0.1:{running.port}")
        tail.line("(before it went)", "stdout")
        store.kill()
        assert "Redis" in tail.line(r"nothing comes: (.+)")
        store.start()
        assert tail.line("the store is (back)")
        tail.end(signal.SIGINT)
