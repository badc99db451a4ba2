"""
What tests of other programs rely on: captured entries, a clock, a server, and the brief of a test that failed.
"""

import logging
import re
import threading
from importlib.metadata import entry_points

import pytest

import tracelog
from tracelog.client.client import Client
from tracelog.core.rows import Header
from tracelog.errors import ConfigError, QuerySyntaxError
from tracelog.integrations.logging import Handler
from tracelog.sinks.memory import MemorySink
from tracelog.testing import FakeClock, LocalServer, capture, expect_no_errors, ring

pytest_plugins = ["pytester"]

ALONE = (
    "-pno:cacheprovider",
    *(f"-pno:{one.name}" for one in entry_points(group="pytest11") if one.name not in {"tracelog", "xdist"}),
)
"""Of the plugins that are installed a project here has ours and, for `-n`, xdist: to import all takes seconds."""

FAILING = """
import tracelog

log = tracelog.get_logger("shop")

def test_order(tracelog_capture):
    with tracelog.span("call bank"):
        log.error("card declined", order=12, password="hunter2")
    assert not tracelog_capture.find("level:error")

def test_fine(tracelog_capture):
    log.info("charged")
    assert tracelog_capture.expect("charged").trace_id == tracelog.current().trace_id
"""

SERVED = """
import tracelog

def test_served(tracelog_server):
    tracelog.configure(url=tracelog_server.url, service="shop")
    with tracelog.trace("order") as trace:
        tracelog.get_logger("shop").info("charged")
    assert tracelog.flush(5.0) == 0
    assert [entry["message"] for entry in tracelog_server.entries(trace.trace_id)] == ["charged", "order"]
"""


def test_what_is_logged_is_caught_and_goes_nowhere_else():
    """
    Loggers made before catch too, what is caught is redacted, and afterwards the client's own sink gets the rest.
    """
    own = MemorySink()
    client = Client(sinks=(own,), service="shop", level="warn")
    log = client.get_logger("shop")
    log.warning("before")
    with capture(client=client) as logs:
        log.debug("inside", password="hunter2")
        assert logs.messages == ["inside"]
        assert "hunter2" not in str(logs[0].context)
        assert (logs[0].service, logs[-1].logger, len(logs[:5])) == ("shop", "shop", 1)
    log.warning("after")
    log.debug("not at this level")
    assert client.flush() == 0
    assert [entry.message for entry in own.entries] == ["before", "after"]
    assert logs.messages == ["inside"]
    client.shutdown()


def test_settings_hold_within_the_block():
    """
    A setting of the block replaces the client's own, a wrong one is refused by name and changes nothing.
    """
    client = Client(sinks=(MemorySink(),))
    with capture(client=client, level="error") as logs:
        client.get_logger().info("quiet")
        client.get_logger().error("loud")
    assert logs.messages == ["loud"]
    with pytest.raises(ConfigError, match="levl"), capture(client=client, levl="error"):
        pass
    assert client.settings.level != "error"
    client.shutdown()


def test_an_inner_block_catches_for_itself():
    """
    What is logged in a block in a block stands in the inner one only.
    """
    client = Client(sinks=(MemorySink(),))
    log = client.get_logger()
    with capture(client=client) as outer:
        log.info("one")
        with capture(client=client) as inner:
            log.info("two")
        log.info("three")
    assert (outer.messages, inner.messages) == (["one", "three"], ["two"])
    client.shutdown()


def test_other_threads_are_waited_for():
    """
    `wait_for` returns what another thread logs a moment later; `expect` says what was logged instead.
    """
    client = Client(sinks=(MemorySink(),))
    with capture(client=client) as logs:
        asked = threading.Event()
        later = threading.Thread(target=lambda: (asked.wait(), client.get_logger().error("done", took=3)))
        later.start()
        with pytest.raises(AssertionError, match="nothing was logged"):
            logs.expect("done")
        asked.set()
        assert logs.wait_for('level:error "done"').context == {"took": 3}
        later.join()
        with pytest.raises(
            AssertionError, match=r"no entry matches 'level:fatal'; what was logged:\n  error done"
        ):
            logs.expect("level:fatal")
        with pytest.raises(QuerySyntaxError):
            logs.find("since:never")
    client.shutdown()


def test_errors_fail_a_block_that_expects_none():
    """
    An error in the block fails it with the brief of its trace; an allowed one does not.
    """
    client = Client(sinks=(MemorySink(),))
    with (
        pytest.raises(AssertionError, match="1 error was logged, the first 'card declined'") as raised,
        expect_no_errors(client=client),
        client.trace("order"),
    ):
        client.get_logger().error("card declined")
    assert "card declined" in str(raised.value).split("\n\n", 1)[1]
    with expect_no_errors(client=client, allow='"card declined"') as logs:
        client.get_logger().error("card declined")
    assert len(logs) == 1
    client.shutdown()


def test_foreign_loggers_are_caught():
    """
    What the standard library's logging hands to our handler is caught as well.
    """
    client = Client(sinks=(MemorySink(),))
    logger = logging.getLogger("foreign")
    handler = Handler(client=client)
    logger.addHandler(handler)
    with capture(client=client) as logs:
        logger.warning("from outside %s", 7)
    logger.removeHandler(handler)
    assert [(entry.level, entry.message) for entry in logs] == [("warn", "from outside 7")]
    client.shutdown()


def test_a_clock_moves_when_told():
    """
    The clock stands still until it is moved, forwards or backwards.
    """
    clock = FakeClock()
    assert (clock(), clock()) == (clock.now, clock.now)
    assert clock.advance(60) - clock.advance(-30) == 30
    assert FakeClock(5.0)() == 5.0


def test_a_server_listens_within_its_block():
    """
    A real client's entries are read back from it, and an unknown trace has none.
    """
    with LocalServer() as server:
        client = Client(url=server.url)
        with client.trace("order") as trace:
            client.get_logger().info("charged")
        assert client.shutdown(5.0) == 0
        assert [entry["message"] for entry in server.entries(trace.trace_id)] == ["charged", "order"]
        assert server.entries("0" * 32) == []
        assert server.get("/api/v1/ledger")["stored"] == 2


def test_a_failed_test_shows_its_brief(pytester: pytest.Pytester):
    """
    The report of a failing test has the brief of what it logged, without secrets; that of a passing one has none.
    """
    pytester.makepyfile(FAILING)
    result = pytester.runpytest_subprocess(*ALONE)
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["*- tracelog -*", "*card declined*"])
    assert "hunter2" not in str(result.stdout).split("- tracelog -")[1]


EVERYWHERE = """
import pytest
import tracelog

log = tracelog.get_logger("shop")

def test_body():
    log.error("body broke")
    assert 0

@pytest.fixture
def before():
    log.error("setup broke")
    raise RuntimeError("before")

def test_before(before):
    pass

@pytest.fixture
def after():
    yield
    log.error("teardown broke")
    raise RuntimeError("after")

def test_after(after):
    pass

def test_sent(tracelog_server):
    assert tracelog_server.brief(100) == ""
    client = tracelog.Client(url=tracelog_server.url)
    client.get_logger("shop").error("served and broke")
    client.shutdown(5.0)
    assert 0
"""


def test_every_failing_test_of_a_project_shows_its_brief(pytester: pytest.Pytester):
    """
    With the fixture for all tests, a failure before, in and after a test shows its brief once, also by xdist; a
    server's latest trace is shown, too.
    """
    pytester.makeini("[pytest]\nusefixtures = tracelog_capture")
    pytester.makepyfile(EVERYWHERE)
    result = pytester.runpytest_subprocess(*ALONE, "-n", "1")
    result.assert_outcomes(passed=1, failed=2, errors=2)
    text = result.stdout.str()
    for line in ("body broke", "setup broke", "teardown broke", "served and broke"):
        assert text.count(f"{line}, in") == 1
    assert text.count("- tracelog -") == 4


UNASKED = """
import logging
import time
import pytest
import tracelog

sink = tracelog.sinks.MemorySink()
tracelog.configure(service="shop", sinks=[sink], flush_interval=5)
tracelog.instrument("logging")
log = tracelog.get_logger("shop")

class Hangs:
    def __call__(self, parcel):
        time.sleep(30)
    def close(self):
        pass

def test_fine():
    log.error("none of it")

def test_breaks():
    with tracelog.trace("order", password="hunter2"):
        logging.getLogger("app").error("card declined")
    assert tracelog.current() is None
    assert 0

def test_logs_nothing():
    assert 0

def test_many():
    for n in range(50):
        with tracelog.trace(f"order {n}"):
            pass
    assert 0

def test_own_client():
    client = tracelog.Client(sinks=[Hangs()], exit_timeout=0)
    client.get_logger("till").error("hangs later")
    assert 0

def test_sent():
    assert tracelog.flush() == 0
    assert len(sink.entries) == 53
    assert [one["sink"] for one in tracelog.stats()["sinks"]] == ["MemorySink"]
"""


def test_a_failed_test_shows_its_brief_unasked(pytester: pytest.Pytester):
    """
    Without any fixture a failed test shows what it alone has logged, by whichever client and library, within bounds;
    where it goes, and what tests see of it, stays as it was.
    """
    pytester.makepyfile(UNASKED)
    result = pytester.runpytest_subprocess(*ALONE)
    result.assert_outcomes(passed=2, failed=4)
    shown = result.stdout.str().split("- tracelog -")[1:]
    assert len(shown) == 3
    assert "card declined" in shown[0]
    assert "hunter2" not in shown[0].split("____")[0]
    assert "none of it" not in str(shown)
    assert re.search(r"^\d\d more traces$", shown[1], re.MULTILINE)
    assert len(shown[1].split("____")[0]) < 2_000 * 4
    assert "hangs later" in shown[2]


AGAIN = """
import time
import pytest
import tracelog
from tracelog.testing import plugin

class Away:
    def __call__(self, parcel):
        raise tracelog.errors.SinkUnavailableError("away")
    def close(self):
        pass

tracelog.configure(sinks=[Away()], exit_timeout=0, console="off", redact=False)
log = tracelog.get_logger("shop")
begun = time.perf_counter()

@pytest.mark.parametrize("turn", range(6))
def test_flaky(turn):
    log.error("tried once more")
    assert 0

def test_fast():
    assert time.perf_counter() - begun < 6 * 2 * 0.4

def test_broken(monkeypatch, request):
    log.error("never told")
    request.addfinalizer(monkeypatch.undo)
    monkeypatch.setattr(plugin, "_told", lambda _entries: {}["missing"])
    assert 0
"""

RERUN = """
from _pytest.runner import runtestprotocol

def pytest_runtest_protocol(item, nextitem):
    runtestprotocol(item, log=False, nextitem=nextitem)
    for report in runtestprotocol(item, log=False, nextitem=nextitem):
        item.ihook.pytest_runtest_logreport(report=report)
    return True
"""


def test_a_brief_holds_nobody_up(pytester: pytest.Pytester):
    """
    A test that is run again shows its brief again, nobody waits for a server that is away, and a brief that cannot be
    made is one line.
    """
    pytester.makeconftest(RERUN)
    pytester.makepyfile(AGAIN)
    result = pytester.runpytest_subprocess(*ALONE)
    result.assert_outcomes(passed=1, failed=7)
    text = result.stdout.str()
    assert text.count("- tracelog -") == 7
    assert text.count("no brief: KeyError: 'missing'") == 1


def test_what_is_kept_of_a_test_is_bounded(monkeypatch):
    """
    Of rows without end the latest are kept, in number and in bytes, whole, each under its own number.
    """
    monkeypatch.setattr(ring, "MOST_ROWS", 50)
    monkeypatch.setattr(ring, "MOST_BYTES", 1000)
    kept = ring._Kept(0.0)
    for n in range(100):
        kept.add(Header(), [b"%02d" % n] * 3)
    assert (kept.rows, kept.bytes, kept.seen) == (48, 96, 300)
    kept.add(Header(), [bytes([n]) * 300 for n in range(5)])
    header, rows, size = kept.parts[-1]
    assert (header.seq, rows, size) == (302, [bytes([n]) * 300 for n in (2, 3, 4)], 900)
    assert (kept.rows, kept.bytes, len(kept.parts)) == (48, 990, 16)


def test_a_project_can_switch_it_off(pytester: pytest.Pytester):
    """
    With the option off, only who asks by the fixture is shown a brief.
    """
    pytester.makeini("[pytest]\ntracelog_brief = false")
    pytester.makepyfile(UNASKED)
    result = pytester.runpytest_subprocess(*ALONE)
    assert "- tracelog -" not in result.stdout.str()


def test_a_served_test_sends_for_real(pytester: pytest.Pytester):
    """
    The fixture is a server that the default client sends to.
    """
    pytester.makepyfile(SERVED)
    pytester.runpytest_subprocess(*ALONE).assert_outcomes(passed=1)


def test_names_are_loaded_when_used():
    """
    Every promised name is there, and no other.
    """
    for name in tracelog.testing.__all__:
        assert callable(getattr(tracelog.testing, name))
    with pytest.raises(AttributeError, match="has no attribute 'captur'"):
        tracelog.testing.captur  # noqa: B018 - the access is the test
