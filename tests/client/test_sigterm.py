"""
SIGTERM in real processes: what waits is delivered, and then happens what would have happened.
"""

import signal
import threading

import pytest

from tests.client.programs import run

PROGRAM = """
import signal, threading
{before}
tracelog.configure(sinks=[File()], flush_on_sigterm={asked}, flush_interval=5)
log = tracelog.get_logger("x")
for n in range(500): log.info(f"m{{n}}")
{after}
os.kill(os.getpid(), signal.SIGTERM)
time.sleep(0.2)
print("went on")
"""

HANDLER = "signal.signal(signal.SIGTERM, lambda number, frame: (log.info('handler'), sys.exit(3)))"


@pytest.mark.parametrize(
    ("before", "after", "code", "said"),
    [
        ("", "", -signal.SIGTERM, ""),
        (HANDLER, "", 3, ""),
        ("signal.signal(signal.SIGTERM, lambda *_: print('mine'))", "", 0, "mine\nwent on\n"),
        ("signal.signal(signal.SIGTERM, signal.SIG_IGN)", "", 0, "went on\n"),
        ("", HANDLER, 3, ""),
        ("", "tracelog.configure(sinks=[File()], flush_on_sigterm=True)", -signal.SIGTERM, ""),
    ],
    ids=["default", "handler", "goes-on", "ignored", "replaced", "configured-twice"],
)
def test_what_waits_is_delivered_and_the_signal_goes_on(tmp_path, before, after, code, said):
    """
    A program that asks for it loses nothing to SIGTERM; its exit code and what its own handler does stay as they are.
    """
    ran = run(PROGRAM.format(before=before, after=after, asked=True), tmp_path)
    assert (ran.code, ran.out, ran.err) == (code, said, "")
    expected = [f"m{n}" for n in range(500)]
    assert ran.messages == expected + (["handler"] if HANDLER in (before, after) else [])


def test_unasked_the_signal_is_left_alone(tmp_path):
    """
    Nothing is touched by default.
    """
    ran = run(PROGRAM.format(before="", after="", asked=False), tmp_path)
    assert (ran.code, ran.out, ran.err) == (-signal.SIGTERM, "", "")


HANGING = """
import signal
class Hangs:
    def __call__(self, parcel): time.sleep(60)
    def close(self): pass
tracelog.configure(sinks=[Hangs()], flush_on_sigterm=True, exit_timeout={timeout})
tracelog.get_logger("x").info("hello")
begun = time.monotonic()
signal.signal(signal.SIGALRM, lambda *_: os.kill(os.getpid(), signal.SIGTERM))
signal.setitimer(signal.ITIMER_REAL, 0.1)
os.write(1, f"{{begun}}".encode())
os.kill(os.getpid(), signal.SIGTERM)
"""


@pytest.mark.parametrize(("timeout", "most"), [(0.4, 10.0), (30, 10.0)], ids=["timeout", "second-signal"])
def test_it_does_not_hold_a_program_up(tmp_path, timeout, most):
    """
    A sink that hangs holds the program up for the exit timeout at most, and a second signal ends that at once.
    """
    ran = run(HANGING.format(timeout=timeout), tmp_path)
    assert ran.code == -signal.SIGTERM
    assert ran.seconds < most


def test_only_the_main_thread_can_ask(client_of, capsys):
    """
    Asked for in another thread, it is one line that says what to do, and logging goes on.
    """
    made = []
    thread = threading.Thread(target=lambda: made.append(client_of(sinks=["memory:"], flush_on_sigterm=True)))
    thread.start()
    thread.join()
    assert "only the main thread may set a handler" in capsys.readouterr().err
    made[0].get_logger("x").info("hello")
    assert made[0].flush(5) == 0


UVICORN = """
import logging, signal, threading
import uvicorn
tracelog.configure(sinks=[File()], flush_on_sigterm=True, flush_interval=5)
log = tracelog.get_logger("x")

async def app(scope, receive, send):
    await receive()
    log.info("started")
    await send({"type": "lifespan.startup.complete"})
    threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGTERM)).start()
    await receive()
    log.info("stopping")
    await send({"type": "lifespan.shutdown.complete"})

uvicorn.run(app, port=0, log_config=None)
"""


def test_a_server_with_a_handler_of_its_own(tmp_path):
    """
    A real uvicorn stops in its own way and then lets the signal act: what its app logs until then is delivered.
    """
    ran = run(UVICORN, tmp_path)
    assert (ran.code, ran.messages) == (-signal.SIGTERM, ["started", "stopping"])


LEAVING = """
import signal
from multiprocessing import get_context

class Late(File):
    'Is told to end in the middle of its work, by which the process is ending already.'
    def __call__(self, parcel):
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(0.05)
        super().__call__(parcel)

tracelog.configure(sinks=[Late()], flush_interval=5, console="off")
log = tracelog.get_logger("x")

def work():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(3))
    for n in range(100): log.info(f"m{n}")

if __name__ == "__main__":
    if METHOD:
        child = get_context(METHOD).Process(target=work)
        child.start()
        child.join()
        assert child.exitcode in (0, 3), child.exitcode
    else:
        work()
"""


@pytest.mark.parametrize("method", [None, "fork", "spawn"])
def test_a_handler_that_exits_while_the_process_ends_costs_nothing(tmp_path, method):
    """
    A process that is leaving anyway and is told to end, by a handler of its own, delivers what it has, without a word.
    """
    ran = run(LEAVING.replace("METHOD", repr(method)), tmp_path)
    assert (ran.code, ran.out, ran.err) == (0, "", "")
    assert ran.messages == [f"m{n}" for n in range(100)]
