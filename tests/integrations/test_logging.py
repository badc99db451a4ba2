"""
What any program logs with the standard library arrives as it was meant, once, with its trace.
"""

import copy
import logging
import logging.config
import logging.handlers
import pickle
import queue
import subprocess
import sys
import threading
import time
import warnings

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tracelog
from tests.integrations.loggers import logger_of
from tests.pair import pair
from tracelog.client.context import PLACE
from tracelog.client.hop import MUTED
from tracelog.integrations.logging import Handler, Logger, TraceFilter, setup
from tracelog.integrations.records import StampedRecord

LEVELS = [
    (5, "debug"),
    (logging.DEBUG, "debug"),
    (logging.INFO, "info"),
    (25, "info"),
    (logging.WARNING, "warn"),
    (logging.ERROR, "error"),
    (logging.CRITICAL, "fatal"),
    (99, "fatal"),
]


@pytest.fixture
def log(told):
    """
    A logger that hands everything to the default client.
    """
    return logger_of("shop.cart", Handler())


@pytest.mark.parametrize(("number", "level"), LEVELS)
def test_levels_are_ours(log, told, number, level):
    """
    A number of the standard library, also one between its own, is one of our levels.
    """
    log.log(number, "hello")
    (entry,) = told()
    assert (entry.level, entry.message, entry.logger) == (level, "hello", "shop.cart")


MESSAGES = [
    (("%s items for %s", 2, "u-81"), "2 items for u-81"),
    (("%(a)d of %(b)d", {"a": 1, "b": 2}), "1 of 2"),
    (("100%",), "100%"),
    (("%s and %s", 1), "%s and %s 1"),
    (("%d", "two"), "%d two"),
    (({"a": 1},), "{'a': 1}"),
    ((ValueError("no"),), "no"),
    (("half \ud800",), "half \ufffd"),
]


@pytest.mark.parametrize(("said", "message"), MESSAGES)
def test_arguments_are_applied(log, told, said, message):
    """
    Arguments are applied as the standard library does it; a wrong format costs nothing but its form.
    """
    log.warning(*said)
    (entry,) = told()
    assert entry.message == message


class Brace(logging.LogRecord):
    """
    A record of a program that formats with braces, as the cookbook has it.
    """

    def getMessage(self):  # noqa: N802 - the base class's name
        return str(self.msg).format(*self.args)


@pytest.mark.parametrize(
    ("said", "message"), [(("{} of {}", 1, 2), "1 of 2"), (("{} of {}", 1), "{} of {} 1")]
)
def test_a_factory_of_the_program_is_kept(log, told, said, message):
    """
    Records of a class of the program's own format themselves, and what its factory adds is a field.
    """

    def made(*args, **kwargs):
        record = Brace(*args, **kwargs)
        record.shard = 3
        return record

    logging.setLogRecordFactory(made)
    log.addHandler(Handler())
    with tracelog.trace("order") as here:
        log.info(*said)
    entry = told()[0]
    assert (entry.message, entry.context, entry.trace_id) == (message, {"shard": 3}, here.trace_id)


def test_extra_is_context(log, told):
    """
    `extra` becomes the context, whatever is in it, and nothing else does.
    """
    loop = []
    loop.append(loop)
    log.info("a", extra={"order": "o-7", "items": [1, {"sku": "A"}], 5: "five"})
    log.info("b", extra={"loop": loop})
    log.info("c")
    first, second, third = told()
    assert first.context == {"order": "o-7", "items": [1, {"sku": "A"}], "5": "five"}
    assert list(second.context) == ["loop"]
    assert third.context is None


def test_what_formatters_leave_behind_is_no_field(log, told):
    """
    What other handlers write into a record does not show.
    """
    other = logging.StreamHandler(open_null())
    other.setFormatter(logging.Formatter("%(asctime)s %(trace_id)s %(message)s"))
    other.addFilter(TraceFilter())
    log.handlers.insert(0, other)
    log.info("hello")
    log.info("mine", extra={"trace_id": "theirs"})
    first, second = told()
    assert (first.context, second.context) == (None, {"trace_id": "theirs"})


def open_null():
    class Null:
        def write(self, text):
            return len(text)

        def flush(self):
            return None

    return Null()


def fail():
    try:
        {}["missing"]
    except KeyError as error:
        raise ValueError("no order") from error


def fail_twice():
    raise ExceptionGroup("both", [ValueError("a"), TypeError("b")])


def test_exceptions_come_with_causes(log, told):
    """
    `exc_info` in all its forms is the exception with its stack and causes.
    """
    try:
        fail()
    except ValueError as error:
        log.exception("one")
        log.log(40, "two", exc_info=error)
        log.log(40, "three", exc_info=sys.exc_info())
    entries = told()
    assert [entry.message for entry in entries] == ["one", "two", "three"]
    for entry in entries:
        assert entry.error == {
            "type": "ValueError",
            "message": "no order",
            "cause": {"type": "KeyError", "message": "'missing'"},
        }
        assert "in fail" in entry.stack


def test_groups_come_with_members(log, told):
    """
    An exception group tells its members.
    """
    try:
        fail_twice()
    except ExceptionGroup:
        log.exception("failed")
    (entry,) = told()
    assert "ValueError: a" in entry.stack
    assert "TypeError: b" in entry.stack


def test_without_an_exception_there_is_none(log, told):
    """
    `exc_info=True` where nothing is being handled adds nothing.
    """
    log.log(40, "calm", exc_info=True)
    (entry,) = told()
    assert (entry.error, entry.stack) == (None, None)


def test_stack_info_is_the_stack(log, told):
    """
    `stack_info` is the stack of the call.
    """
    log.info("where", stack_info=True)
    (entry,) = told()
    assert entry.message == "where"
    assert "test_stack_info_is_the_stack" in entry.stack


@pytest.mark.parametrize("fails", [False, True])
def test_a_queue_keeps_trace_time_and_exception(told, fails):
    """
    Behind a QueueHandler a record keeps the trace of the thread that logged, its moment, its message, its fields
    and its exception, although another thread handles it.
    """
    waiting = queue.SimpleQueue()
    log = logger_of("till", logging.handlers.QueueHandler(waiting))
    listener = logging.handlers.QueueListener(waiting, Handler())
    with tracelog.trace("order", user_id="u1") as here:
        before = time.time()
        try:
            fail()
        except ValueError:
            log.log(40, "%s failed", "it", exc_info=fails, stack_info=not fails, extra={"order": 7})
        after = time.time()
    listener.start()
    listener.stop()
    entry = next(entry for entry in told() if entry.logger == "till")
    assert (entry.trace_id, entry.span_id, entry.user_id) == (here.trace_id, here.span_id, "u1")
    assert before <= entry.timestamp / 1000.0 <= after
    assert (entry.message, entry.context) == ("it failed", {"order": 7})
    assert (entry.error or {}).get("message") == ("no order" if fails else None)
    assert "test_logging" in entry.stack


JSON = '{"at": "%(asctime)s", "said": "%(message)s"}'


@pytest.mark.parametrize("pickled", [False, True])
@pytest.mark.parametrize("form", ["%(asctime)s %(levelname)s %(trace_id)s: %(message)s", JSON, None])
def test_a_formatter_before_the_queue_leaves_the_entry_alone(told, form, pickled):
    """
    Behind a QueueHandler with a formatter an entry has the message itself, once, and nothing of the line around it.
    """
    waiting = queue.SimpleQueue()
    handler = logging.handlers.QueueHandler(waiting)
    handler.setFormatter(logging.Formatter(form))
    handler.addFilter(TraceFilter())
    log = logger_of("till", handler)
    with tracelog.trace("order") as here:
        log.info("charged %d for %s", 5, "tea", extra={"order": 7})
        log.info("{plain} 100%", extra={"order": 8})
        try:
            fail()
        except ValueError:
            log.exception("%s\nTraceback (most recent call last):\n", "quoted")
        log.info("where", stack_info=True)
        log.handle(log.makeRecord("till", logging.INFO, __file__, 1, "no args at 100%", None, None))
    listener = logging.handlers.QueueListener(queue.SimpleQueue(), Handler())
    while not waiting.empty():
        record = waiting.get()
        listener.handle(pickle.loads(pickle.dumps(record)) if pickled else record)
    entries = [entry for entry in told() if entry.logger == "till"]
    assert [entry.message for entry in entries][:2] == ["charged 5 for tea", "{plain} 100%"]
    assert [entry.context for entry in entries] == [{"order": 7}, {"order": 8}, None, None, None]
    assert {entry.trace_id for entry in entries} == {here.trace_id}
    assert (entries[2].message.split("\n")[0], entries[2].error["cause"]["type"]) == ("quoted", "KeyError")
    assert (entries[3].message, entries[3].error) == ("where", None)
    assert "test_logging" in entries[3].stack
    assert entries[4].message == "no args at 100%"


class SlotRecord(logging.LogRecord):
    """
    A record of the program's own make.
    """

    __slots__ = ("turn",)

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.turn = 7

    def getMessage(self):  # noqa: N802 - what it replaces
        return f"own {super().getMessage()}"


class StatefulRecord(SlotRecord):
    """
    A record that says itself what is copied of it.
    """

    def __getstate__(self):
        return {**vars(self), "turn": self.turn}

    def __setstate__(self, state):
        self.turn = state.pop("turn")
        vars(self).update(state)


def with_a_field(*args, **kwargs):
    record = logging.LogRecord(*args, **kwargs)
    record.turn = 7
    return record


FACTORIES = [(SlotRecord, "own charged 5"), (StatefulRecord, "own charged 5"), (with_a_field, "charged 5")]


@pytest.mark.parametrize("pickled", [False, True])
@pytest.mark.parametrize(("factory", "said"), FACTORIES)
def test_a_formatter_before_the_queue_meets_a_factory(told, factory, said, pickled):
    """
    Records of a program's own factory are told as well by their message behind a QueueHandler with a formatter, and
    copies of them are whole.
    """
    logging.setLogRecordFactory(factory)
    handle = Handler().handle
    waiting = queue.SimpleQueue()
    handler = logging.handlers.QueueHandler(waiting)
    handler.setFormatter(logging.Formatter("%(asctime)s | %(message)s"))
    log = logger_of("till", handler)
    with tracelog.trace("order") as here:
        log.info("charged %d", 5, extra={"order": 7})
        log.info("plain")
    first, second = waiting.get(), waiting.get()
    assert (first.turn, type(first)) == (7, factory if isinstance(factory, type) else logging.LogRecord)
    for record in (first, second):
        handle(pickle.loads(pickle.dumps(record)) if pickled else record)
    entry, plain = (entry for entry in told() if entry.logger == "till")
    assert (entry.message, entry.context["order"], entry.trace_id) == (said, 7, here.trace_id)
    assert plain.message == said.replace("charged 5", "plain")
    assert vars(copy.copy(logging.makeLogRecord({"order": 7})))["order"] == 7


def test_a_copy_that_is_changed_says_what_it_was_changed_to(told):
    """
    A handler that hands on a copy with other words is taken by its words.
    """
    handler = Handler()
    log = logger_of("till", handler)

    class Louder(logging.Handler):
        def emit(self, record):
            louder = copy.copy(record)
            louder.msg, louder.args = record.getMessage().upper(), ()
            handler.handle(louder)

    log.handlers[:] = [Louder()]
    log.info("charged %s", "tea")
    assert [entry.message for entry in told()] == ["CHARGED TEA"]


def test_a_group_leaves_the_message_behind_a_queue(told):
    """
    The text of an exception group that a QueueHandler puts into the message is taken out of it again.
    """
    waiting = queue.SimpleQueue()
    log = logger_of("till", logging.handlers.QueueHandler(waiting))
    listener = logging.handlers.QueueListener(waiting, Handler())
    try:
        fail_twice()
    except ExceptionGroup:
        log.exception("failed")
    listener.start()
    listener.stop()
    (entry,) = told()
    assert (entry.message, entry.error["type"]) == ("failed", "ExceptionGroup")


def test_a_record_from_another_process_keeps_its_trace(told, log):
    """
    A record that was pickled keeps its trace and its exception; one made on a shipping thread is still refused.
    """
    made = []

    class Keep(logging.handlers.QueueHandler):
        def enqueue(self, record):
            made.append(pickle.dumps(record))

    there = logger_of("child", Keep(None))
    with tracelog.trace("child's work") as here:
        there.info("hello")
    try:
        fail()
    except ValueError:
        there.exception("failed")
    PLACE.set(MUTED)
    there.info("from a sink")
    PLACE.set(None)
    for data in made:
        log.handle(pickle.loads(data))
    first, second = [entry for entry in told() if entry.logger == "child"]
    assert (first.message, first.trace_id) == ("hello", here.trace_id)
    assert (second.message, second.error["cause"]["type"]) == ("failed", "KeyError")
    assert told.client.stats()["dropped"] == {"reentrant": 1}


def test_a_record_from_a_socket_is_read(told, log):
    """
    A record that comes as a dictionary, as SocketHandler sends it, has message and stack.
    """
    sender = logging.handlers.SocketHandler("127.0.0.1", 9)
    try:
        fail()
    except ValueError:
        record = logging.makeLogRecord(
            {"msg": "%s!", "args": ("no",), "exc_info": sys.exc_info(), "levelno": 40}
        )
    data = sender.makePickle(record)
    log.handle(logging.makeLogRecord(pickle.loads(data[4:])))
    (entry,) = told()
    assert (entry.message, entry.level) == ("no!", "error")
    assert entry.stack.endswith("ValueError: no order")


def test_one_line_is_one_entry(told):
    """
    A record that passes several handlers of ours on its way to the root, or comes back from a queue, is logged
    once; each client gets its own.
    """
    other, wire = pair()
    waiting = queue.SimpleQueue()
    root, child = logging.getLogger(), logging.getLogger("doubled.child")
    root.setLevel("INFO")
    handlers = [Handler(), Handler(client=other), logging.handlers.QueueHandler(waiting)]
    child.handlers[:] = [Handler(), Handler()]
    root.handlers[:] = handlers
    listener = logging.handlers.QueueListener(waiting, Handler())
    child.info("once")
    listener.start()
    listener.stop()
    child.handlers[:] = []
    other.shutdown(5)
    assert [entry.message for entry in told()] == ["once"]
    assert wire.messages == ["once"]


def test_levels_and_filters_of_the_program_hold(told):
    """
    What the logger, the handler or a filter holds back is not logged.
    """
    log = logger_of("a", level=logging.INFO)
    handler = Handler("WARNING")
    handler.addFilter(lambda record: "not me" not in record.getMessage())
    log.addHandler(handler)
    log.debug("below the logger")
    log.info("below the handler")
    log.warning("not me")
    log.warning("me")
    assert [entry.message for entry in told()] == ["me"]


def test_a_sink_that_logs_does_not_loop(connect):
    """
    What a sink logs while it ships is counted and ends there; so does what our own server says.
    """
    log = logger_of("sink")

    def talkative(wire, batch):
        wire.then(talkative)
        log.error("shipped %d", len(batch.entries))
        wire.entries |= {entry.id: entry for entry in batch.entries}

    client, wire = connect(talkative)
    log.addHandler(Handler(client=client))
    log.info("hello")
    assert client.flush(10) == 0
    server = logger_of("tracelog.server", Handler(client=client))
    server.error("store is away")
    assert client.shutdown(10) == 0
    assert wire.messages == ["hello"]
    assert client.stats()["dropped"]["reentrant"] >= 2


DICT_CONFIG = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"traced": {"format": "%(trace_id)s %(span_id)s %(message)s"}},
    "filters": {"trace": {"()": "tracelog.integrations.logging.TraceFilter"}},
    "handlers": {
        "tracelog": {"class": "tracelog.integrations.logging.Handler", "level": "INFO"},
        "console": {
            "class": "logging.StreamHandler",
            "stream": "ext://sys.stdout",
            "formatter": "traced",
            "filters": ["trace"],
        },
    },
    "root": {"level": "DEBUG", "handlers": ["tracelog", "console"]},
}


def test_dict_config(told, capsys):
    """
    The handler and the filter can be named in a dictConfig; lines of existing formatters show the trace.
    """
    logging.config.dictConfig(DICT_CONFIG)
    log = logging.getLogger("dict.config")
    with tracelog.trace("order") as here:
        log.info("hello")
        log.debug("not shipped")
    entries = [entry for entry in told() if entry.logger == "dict.config"]
    assert [(entry.message, entry.trace_id) for entry in entries] == [("hello", here.trace_id)]
    shown = capsys.readouterr().out.splitlines()
    assert shown[0] == f"{here.trace_id} {here.span_id} hello"
    assert len(shown) == 2


FILE_CONFIG = """
[loggers]
keys=root
[handlers]
keys=tracelog
[formatters]
keys=
[logger_root]
level=INFO
handlers=tracelog
[handler_tracelog]
class=tracelog.integrations.logging.Handler
args=()
"""


def test_file_config(told, tmp_path):
    """
    The handler can be named in a fileConfig.
    """
    (tmp_path / "logging.ini").write_text(FILE_CONFIG)
    logging.config.fileConfig(tmp_path / "logging.ini", disable_existing_loggers=False)
    logging.getLogger("file.config").info("hello")
    assert [entry.message for entry in told()] == ["hello"]


def test_a_handler_outlives_a_new_configuration(told):
    """
    `dictConfig` closes every handler there is; ours goes on where it is still attached.
    """
    log = logger_of("kept", Handler())
    logging.config.dictConfig({"version": 1, "disable_existing_loggers": False})
    log.info("still here")
    assert [entry.message for entry in told()] == ["still here"]


def test_warnings_arrive(told):
    """
    With `captureWarnings` a warning is an entry.
    """
    logging.getLogger().addHandler(Handler())
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(capture=True)
        warnings.warn("old way", DeprecationWarning, stacklevel=1)
        logging.captureWarnings(capture=False)
    (entry,) = told()
    assert (entry.level, entry.logger) == ("warn", "py.warnings")
    assert "DeprecationWarning: old way" in entry.message


def test_outside_any_trace_the_filter_shows_the_process(told):
    """
    Outside any trace the filter shows the trace that the entry is found under; on a shipping thread none.
    """
    record = StampedRecord("a", 20, "", 0, "m", (), None)
    assert TraceFilter().filter(record)
    with tracelog.trace("step") as here:
        copied = copy.copy(record)
    assert (len(record.trace_id), copied.trace_id == here.trace_id) == (32, False)
    PLACE.set(MUTED)
    muted = StampedRecord("a", 20, "", 0, "m", (), None)
    PLACE.set(None)
    TraceFilter().filter(muted)
    assert (muted.trace_id, muted.span_id) == ("-", "-")


def test_setup_sees_every_logger_once(told):
    """
    `setup` logs what any logger lets through, also one that does not propagate and one that has our handler; a
    second call changes nothing, and it can be undone.
    """
    silent = logging.getLogger("setup.silent")
    silent.propagate, silent.level = False, logging.INFO
    silent.handlers[:] = [Handler()]
    undo = setup(level="INFO")
    setup()()
    silent.info("one")
    logging.getLogger("setup.other").warning("two")
    logging.getLogger("setup.other").debug("too low")
    undo()
    silent.handlers[:] = []
    silent.info("three")
    assert [entry.message for entry in told()] == ["one", "two"]


def test_setup_behind_another_wrapper_is_silenced(told):
    """
    Undone after somebody else has wrapped the dispatch in turn, it logs nothing more and leaves theirs alone.
    """
    undo = setup()
    ours = logging.Logger.callHandlers

    def theirs(self, record):
        ours(self, record)

    logging.Logger.callHandlers = theirs
    undo()
    logging.getLogger("wrapped").error("hello")
    assert (logging.Logger.callHandlers, told()) == (theirs, [])


PROGRAM = """
import logging, sys
import tracelog
from tracelog.integrations.logging import setup
from tracelog.sinks import MemorySink
sink = MemorySink()
tracelog.configure(sinks=[sink], redact=False)
setup()
logging.getLogger("a").warning("as ever")
logging.basicConfig(stream=sys.stdout, format="%(message)s", level="INFO")
logging.getLogger("a").info("to stdout")
tracelog.flush()
assert [entry.message for entry in sink.entries] == ["as ever", "to stdout"]
"""


def test_the_output_of_a_program_stays_as_it_is():
    """
    After `setup` a program without configuration still writes its warnings, and `basicConfig` still works.
    """
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr, done.stdout) == (0, "as ever\n", "to stdout\n")


class Hostile(logging.LogRecord):
    """
    A record that cannot be read.
    """

    @property
    def levelno(self):
        raise RuntimeError("no level")

    @levelno.setter
    def levelno(self, value):
        return


class Counting:
    """
    Says how often it was asked for its text.
    """

    asked = 0

    def __str__(self):
        self.asked += 1
        return "counted"


def test_an_argument_is_asked_for_its_text_once(told, log):
    """
    An argument is asked once, whether the client is at work or rests: what it does then may cost, or log.
    """
    log.warning("say %s", "it")
    for gate_rests in (True, False):
        if gate_rests:
            told.client.gate.high_water = 0
        value = Counting()
        log.warning("say %s", value)
        assert value.asked == 1
    assert [entry.message for entry in told()] == ["say it", "say counted", "say counted"]


def test_a_hostile_record_is_counted(told, capsys):
    """
    A record that raises when it is read costs the program nothing and is counted.
    """
    Handler().handle(Hostile("a", 20, "", 0, "m", (), None))
    assert told() == []
    assert told.client.stats()["dropped"] == {"invalid": 1}
    assert capsys.readouterr().err == "tracelog: RuntimeError: no level\n"


def test_what_a_client_does_not_log_costs_nothing(connect):
    """
    Lines below the client's level, and all lines of a client that has no room, end at once; the latter are counted.
    """
    quiet, wire = connect(level="warn")
    full, _ = connect(queue_entries=1, flush_interval=60)
    for client in (quiet, full):
        log = logger_of("a", Handler(client=client))
        for number in range(100):
            log.info("line %d", number)
    assert (quiet.flush(10), wire.messages, quiet.stats()["emitted"]) == (0, [], 0)
    assert full.stats()["dropped"]["queue_overflow"] > 0


def test_odd_loggers_and_moments_are_taken(told):
    """
    A record whose name is no text, or whose moment is none, is an entry all the same.
    """
    for said in (
        {"name": 7, "created": "then", "msg": "a"},
        {"name": "b" * 999, "created": None, "msg": "b"},
    ):
        Handler().handle(logging.makeLogRecord({"levelno": 20, **said}))
    first, second = told()
    assert (first.logger, second.logger[:3]) == ("7", "bbb")
    assert abs(first.timestamp / 1000 - time.time()) < 60


def test_a_logger_for_each_object_does_not_fill_memory(told):
    """
    What is kept per logger is bounded.
    """
    from tracelog.client import foreign

    handler = Handler()
    for number in range(foreign.METAS_MOST + 10):
        handler.handle(logging.makeLogRecord({"name": f"object-{number}", "levelno": 20}))
    assert len(foreign._METAS) <= foreign.METAS_MOST


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.builds(object),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


@given(
    message=values, args=st.lists(values, max_size=3), extra=st.dictionaries(st.text(), values, max_size=3)
)
def test_anything_can_be_logged(message, args, extra):
    """
    Whatever message, arguments and fields are, the call returns and one entry arrives.
    """
    client, wire = pair()
    record = logging.makeLogRecord({"msg": message, "args": tuple(args), "levelno": 20})
    record.__dict__.update({key: value for key, value in extra.items() if key not in record.__dict__})
    Handler(client=client).handle(record)
    assert client.shutdown(10) == 0
    assert len(wire.entries) == 1


def test_a_line_seen_before_says_the_same(told, log):
    """
    The short way, which lines of a form seen before go, tells what the long way told the first time.
    """
    said = [
        (("plain",), {}),
        (("%s of %d", "u-81", 3), {}),
        (("%s of %d", "one alone"), {}),
        (("with fields",), {"extra": {"order": "o-7", "sum": 12.5, "deep": {"a": [1, (2, 3)]}}}),
        (("with itself",), {"extra": {"trace_id": "noon", "order": object}}),
        (("half \ud800",), {"extra": {"order": "\udfff"}}),
        (("long",), {"extra": {"text": "x" * 5000}}),
        (("m" * 300_000,), {}),
    ]
    for args, more in said:
        with tracelog.trace("work"):
            for _ in range(3):
                log.info(*args, **more)
    entries = [e for e in told() if e.logger == "shop.cart"]
    told_of = [(e.level, e.message, e.context, e.trace_id, e.fixed) for e in entries]
    assert len(told_of) == 3 * len(said)
    assert all(told_of[n] == told_of[n - n % 3] for n in range(len(told_of)))


def test_loggers_of_our_class_need_no_handler(told):
    """
    What loggers of our class log arrives as by a handler, once, with its place, and no other handler sees it.
    """
    told.client.apply(msgspec.structs.replace(told.client.settings, capture=("caller",)))
    log, seen = Logger("shop.cart"), []
    other = logging.Handler()
    other.emit = seen.append
    log.addHandler(other)
    log.info("with its place")
    told.client.apply(msgspec.structs.replace(told.client.settings, capture=()))
    with tracelog.trace("work") as here:
        for _ in range(3):
            log.warning("%s items", 2, extra={"order": "o-7"})
        try:
            int("no order")
        except ValueError:
            log.exception("failed")
        log.info("deep", stack_info=True)
    log.addFilter(lambda record: record.msg != "kept back")
    log.info("kept back")
    log.disabled = True
    log.info("disabled")
    entries = [entry for entry in told() if entry.logger == "shop.cart"]
    said = [(e.level, e.message, (e.context or {}).get("order")) for e in entries[1:]]
    assert said == [("warn", "2 items", "o-7")] * 3 + [("error", "failed", None), ("info", "deep", None)]
    assert entries[0].context["code"].startswith(f"{__file__}:")
    assert {e.trace_id for e in entries[1:]} == {here.trace_id}
    assert entries[4].error["type"] == "ValueError"
    assert entries[5].stack
    assert seen == []


def test_new_settings_hold_for_lines_seen_before(told, log):
    """
    A level that is set later holds for lines that were logged before it was.
    """
    for _ in range(3):
        log.info("seen")
    assert len(told()) == 3
    client = told.client
    client.apply(msgspec.structs.replace(client.settings, level="error"))
    log.info("not seen")
    log.error("seen, too")
    client.apply(msgspec.structs.replace(client.settings, level="debug"))
    log.info("seen again")
    assert client.stats()["emitted"] == 5


@given(
    message=values, args=st.lists(values, max_size=2), extra=st.dictionaries(st.text(), values, max_size=2)
)
@settings(max_examples=40)
def test_forms_do_not_mix(message, args, extra):
    """
    Whatever is logged again right after itself says the same.
    """
    client, wire = pair()
    handler = Handler(client=client)
    for _ in range(2):
        record = logging.makeLogRecord({"msg": message, "args": tuple(args), "levelno": 20})
        record.__dict__.update({key: value for key, value in extra.items() if key not in record.__dict__})
        handler.handle(record)
    assert client.shutdown(10) == 0
    first, second = wire.entries.values()
    assert (first.message, first.context) == (second.message, second.context)


def test_threads_log_into_one_queue(told, log):
    """
    Records of many threads all arrive, each under the trace of its thread.
    """

    def work(number):
        with tracelog.trace(f"work {number}") as here:
            for _ in range(50):
                log.info(here.trace_id)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    lines = [entry for entry in told() if entry.logger == "shop.cart"]
    assert len(lines) == 400
    assert all(entry.message == entry.trace_id for entry in lines)
