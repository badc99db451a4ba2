"""
What nobody caught becomes an entry and goes where it went before: real programs that end by it, or go on.
"""

import functools
import sys
import threading

from tests.client.programs import run
from tracelog.integrations.unhandled import setup

UNCAUGHT = """
import asyncio, gc, logging, threading
{before}
from tracelog.integrations import instrument
tracelog.configure(sinks=[File()])
instrument({names})

def worker():
    raise KeyError("no such order")

async def main():
    async def task():
        raise LookupError("nobody asked")
    asyncio.create_task(task())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    gc.collect()

thread = threading.Thread(target=worker, name="packing")
thread.start()
thread.join()
asyncio.run(main())
raise ExceptionGroup("two", [ValueError("one"), OSError("other")])
"""

HOOKS = """
import sys, threading
sys.excepthook = lambda kind, error, tb: print("hook", kind.__name__)
threading.excepthook = lambda said: print("thread hook", said.exc_type.__name__)
"""


def test_programs_threads_and_tasks(tmp_path):
    """
    A program, a thread and a task that end by an exception are one entry each, the last delivered before the process
    ends, and standard error says what it says without us; also where log calls are entries as well.
    """
    plain = UNCAUGHT.format(before="", names='"rq"')
    expected = run(plain, tmp_path)
    assert (expected.code, expected.entries) == (1, [])
    for names in ('"unhandled"', '"auto"'):
        (tmp_path / "log").unlink()
        ran = run(UNCAUGHT.format(before="", names=names), tmp_path)
        said = [message.split("\n")[0] for message in ran.messages]
        assert said == [
            "a thread ended by an exception",
            "Task exception was never retrieved",
            "the program ended by an exception",
        ]
        assert ran.code == 1
        assert lines(ran.err) == lines(expected.err)


def lines(text):
    """
    Return the lines of *text* without what differs from run to run, and without the program's line of names.
    """
    return [line for line in text.splitlines() if " at 0x" not in line and "instrument(" not in line]


def test_hooks_that_were_there_are_called(tmp_path):
    """
    Hooks of the program's own still run, after the entry; undone, nothing of ours is left.
    """
    ran = run(UNCAUGHT.format(before=HOOKS, names='"unhandled"'), tmp_path)
    assert ran.out == "thread hook KeyError\nhook ExceptionGroup\n"
    assert len(ran.entries) == 3


def test_an_entry_tells_of_the_exception(told):
    """
    The entry has type, message, causes and thread; exiting and being interrupted are no failures; a second setup adds
    nothing, and the undo takes ours out, also from under a hook that somebody put around it.
    """
    before, threads = sys.excepthook, threading.excepthook
    seen = []
    sys.excepthook = lambda *said: seen.append(said[0])
    undo, again = setup(client=told.client), setup(client=told.client)
    try:
        ours = sys.excepthook
        sys.excepthook = functools.partial(ours)
        for error in (OSError("disk"), SystemExit(1), KeyboardInterrupt()):
            sys.excepthook(type(error), error, None)
        (entry,) = told()
        assert (entry.level, entry.error["type"], entry.error["message"]) == ("fatal", "OSError", "disk")
        again()
        undo()
        sys.excepthook(OSError, OSError("late"), None)
        assert len(told()) == 1
        assert seen == [OSError, SystemExit, KeyboardInterrupt, OSError]
        sys.excepthook = ours
        setup(client=told.client)()
        assert sys.excepthook is ours
    finally:
        sys.excepthook, threading.excepthook = before, threads
