"""
Ends and forks of real processes.
"""

import collections
import socket
import threading

import pytest

from tests.client.programs import run
from tests.sinks.scripted import reply, scripted
from tracelog.client import exits


def test_a_program_that_just_ends(tmp_path):
    """
    What a program logged is delivered when it ends, by returning, by `sys.exit` or by an exception, and nothing is
    said about it.
    """
    for end in ("", "sys.exit(0)"):
        ran = run(
            f"tracelog.configure(sinks=[File()])\nfor n in range(500): tracelog.get_logger('x').info(f'm{{n}}')\n{end}",
            tmp_path,
        )
        assert (ran.code, ran.out, ran.err) == (0, "", "")
    assert ran.messages == [f"m{n}" for n in range(500)] * 2


def test_a_program_that_logs_in_its_last_moments(tmp_path):
    """
    What is logged by exit handlers registered after us is delivered; what comes later is counted; finalizers that log
    while the interpreter goes down do no harm.
    """
    ran = run(
        """
import atexit, weakref
client = tracelog.configure(sinks=[File()])
log = tracelog.get_logger("x")
atexit.register(lambda: log.info("exit handler"))
class Dying:
    def __del__(self):
        log.info("finalizer")
kept = Dying()
kept.me = kept
other = Dying()
sys.modules["somewhere"] = Dying()
weakref.finalize(kept, log.info, "finalize")
log.info("main")
""",
        tmp_path,
    )
    assert (ran.code, ran.out, ran.err) == (0, "", "")
    assert {"main", "exit handler"} <= set(ran.messages) <= {"main", "exit handler", "finalize", "finalizer"}


def test_handlers_that_were_there_before(tmp_path):
    """
    An exit handler that was registered before tracelog was imported runs after its end: what it logs is counted.
    """
    program = """
import atexit, sys
def late():
    import tracelog
    tracelog.get_logger("x").info("late")
    print(tracelog.stats()["dropped"], tracelog.stats()["balanced"])
atexit.register(late)
"""
    (tmp_path / "sitecustomize.py").write_text(program)
    ran = run(
        "tracelog.configure(sinks=[File()])\ntracelog.get_logger('x').info('main')",
        tmp_path,
        PYTHONPATH=f"{tmp_path}:{__file__.rsplit('/tests/', 1)[0]}",
    )
    assert (ran.code, ran.out, ran.err) == (0, "{'after_close': 1} True\n", "")


@pytest.mark.parametrize("server", ["dead", "hanging"])
def test_a_program_whose_server_is_gone(tmp_path, server):
    """
    A program ends within its exit timeout, whether nobody listens or somebody who never answers, and says one line.
    """
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        if server == "dead":
            listener.close()
        ran = run(
            f"""
tracelog.configure(url="{address}", exit_timeout=0.5)
log = tracelog.get_logger("x")
for n in range(500): log.info("hello", n=n)
begun = time.monotonic()
import tracelog.client.exits as exits
exits.deliver_all(last=True)
print(time.monotonic() - begun < 0.5 + 0.2)
""",
            tmp_path,
        )
    assert (ran.code, ran.out) == (0, "True\n")
    assert ran.err.count("\n") == 1
    assert ran.err.startswith("tracelog: ")


def test_several_clients_share_the_time(tmp_path):
    """
    Clients whose sinks hang do not take the exit time one after the other, and keep no other client from delivering.
    """
    ran = run(
        """
class Hangs:
    def __call__(self, parcel): time.sleep(60)
    def close(self): pass
kept = [tracelog.Client(sinks=[Hangs()], exit_timeout=0.4) for _ in range(3)]
kept.append(tracelog.Client(sinks=[File()], exit_timeout=0.4))
kept += [tracelog.Client(sinks=[Hangs()], exit_timeout=0.4) for _ in range(3)]
for client in kept: client.get_logger("x").info("hello")
import tracelog.client.exits as exits
begun = time.monotonic()
exits.deliver_all(last=True)
print(time.monotonic() - begun < 0.4 + 0.2)
""",
        tmp_path,
    )
    assert (ran.code, ran.out) == (0, "True\n")
    assert ran.messages == ["hello"]


def test_what_has_nothing_to_deliver_is_left_alone(client_of):
    """
    A client that never logged starts no thread when the process ends.
    """
    client = client_of(sinks=["memory:"])
    exits.deliver_all(last=True)
    assert not client._shipper._looper.alive
    assert client.stats()["dropped"] == {}


FORKS = """
import threading
client = tracelog.configure(sinks=[File()], flush_interval=0.01)
log = tracelog.get_logger("x")
for n in range(50): log.info(f"parent {n}")
"""


def test_forked_children(tmp_path):
    """
    Forked children deliver what they log and nothing of their parent's, under names of their own; the parent delivers
    its own; nobody hangs.
    """
    ran = run(
        FORKS
        + """
children = []
for c in range(8):
    log.info(f"before {c}")
    pid = os.fork()
    if pid == 0:
        for n in range(25): log.info(f"child {c} {n}")
        stats = tracelog.stats()
        sys.exit(0 if stats["emitted"] == 25 and stats["balanced"] else 9)
    children.append(pid)
    log.info(f"after {c}")
print([os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in children])
""",
        tmp_path,
    )
    assert (ran.code, ran.out, ran.err) == (0, f"{[0] * 8}\n", "")
    expected = [f"parent {n}" for n in range(50)] + [
        f"{when} {c}" for c in range(8) for when in ("before", "after")
    ]
    expected += [f"child {c} {n}" for c in range(8) for n in range(25)]
    assert sorted(ran.messages) == sorted(expected)
    assert len({each for each, _ in ran.entries}) == len(expected)
    assert len({each.rsplit("-", 1)[0] for each, _ in ran.entries}) == 9


def test_forks_in_the_middle_of_everything(tmp_path):
    """
    200 forks while other threads log, flush and read the account: every child works and ends.
    """
    ran = run(
        FORKS
        + """
going = threading.Event()
def busy():
    while not going.is_set():
        log.info("busy", exc_info=ValueError("x"))
        tracelog.stats()
def flushing():
    while not going.is_set():
        tracelog.flush(0.5)
threads = [threading.Thread(target=busy, daemon=True) for _ in range(2)] + [threading.Thread(target=flushing, daemon=True)]
for thread in threads: thread.start()
codes = []
for begin in range(0, 200, 20):
    children = []
    for c in range(begin, begin + 20):
        pid = os.fork()
        if pid == 0:
            with tracelog.trace("t"):
                log.info(f"child {c}")
            os._exit(tracelog.flush(20.0))
        children.append(pid)
    codes += [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in children]
going.set()
for thread in threads: thread.join()
print(set(codes))
""",
        tmp_path,
    )
    assert (ran.code, ran.out, ran.err) == (0, "{0}\n", "")
    counted = collections.Counter(message for message in ran.messages if message.startswith("child"))
    assert counted == {f"child {c}": 1 for c in range(200)}
    assert len({each for each, _ in ran.entries}) == len(ran.entries)


HALF_AN_ANSWER = {
    "http": ("url=address", b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"),
    "redis": ("sinks=[address.replace('http', 'redis')]", b"*2\r\n$"),
}


@pytest.mark.parametrize("kind", HALF_AN_ANSWER)
def test_forks_in_the_middle_of_an_answer(tmp_path, kind):
    """
    A child that is forked while the thread waits for the rest of an answer works and ends: what that thread has
    locked is the parent's.
    """
    settings, half = HALF_AN_ANSWER[kind]
    begun = threading.Event()

    def answer(peer):
        peer.sock.sendall(half)
        begun.set()
        peer.wait()
        return False

    def tell(_peer):
        begun.wait(10)
        return reply(200)(_peer)

    with scripted(answer, early=True) as server, scripted(tell) as told:
        ran = run(
            f"""
import signal, urllib.request
address = {server.url!r}
tracelog.configure({settings}, exit_timeout=0)
tracelog.get_logger("x").info("parent")
urllib.request.urlopen({told.url!r}).read()
pid = os.fork()
if pid == 0:
    tracelog.configure(sinks=[File()])
    tracelog.get_logger("x").info("child")
    os._exit(tracelog.flush(10.0))
signal.alarm(20)
signal.signal(signal.SIGALRM, lambda *_: os.kill(pid, signal.SIGKILL))
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
os._exit(sys.stdout.flush() or 0)
""",
            tmp_path,
        )
    assert (ran.out, ran.messages) == ("0\n", ["child"])


def test_a_fork_keeps_its_trace(tmp_path):
    """
    A child goes on in the trace of its parent, as hops of its own, and draws ids of its own.
    """
    ran = run(
        """
client = tracelog.configure(sinks=[File()])
def ids():
    inside = []
    for _ in range(300):
        with client.span() as span: inside.append(span.span_id)
    return inside
outside = json.loads("[]")
with client.trace("t") as trace:
    ids()
    before = tracelog.inject({})
    read, write = os.pipe()
    pid = os.fork()
    mine = ids()
    if pid == 0:
        os.write(write, json.dumps([tracelog.current().trace_id, mine]).encode())
        os._exit(0)
    os.waitpid(pid, 0)
    trace_id, theirs = json.loads(os.read(read, 1_000_000))
    print(trace_id == trace.trace_id, len(set(mine) & set(theirs)))
""",
        tmp_path,
    )
    assert (ran.code, ran.out, ran.err) == (0, "True 0\n", "")


def test_the_process_hop_of_a_child(tmp_path):
    """
    Outside any block a child is a hop caused by its parent's.
    """
    ran = run(
        """
tracelog.configure(sinks=[File()])
from tracelog.client.context import root
mine = root()
pid = os.fork()
if pid == 0:
    child = root()
    ok = (child.trace_id, child.parent_id) == (mine.trace_id, mine.span_id) and child.span_id != mine.span_id
    os._exit(0 if ok else 1)
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), root() is mine)
""",
        tmp_path,
    )
    assert (ran.code, ran.out, ran.err) == (0, "0 True\n", "")


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_children_of_multiprocessing(tmp_path, method):
    """
    Children of `multiprocessing`, which leave without running exit handlers, deliver what they log; a logger travels
    to them by name.
    """
    ran = run(
        f"""
import multiprocessing

def work(log, n):
    tracelog.configure(sinks=[File(sys.argv[1])]) if multiprocessing.get_start_method() != "fork" else None
    for i in range(20): log.info(f"child {{n}} {{i}}")

if __name__ == "__main__":
    multiprocessing.set_start_method("{method}")
    tracelog.configure(sinks=[File()])
    log = tracelog.get_logger("x")
    log.info("parent")
    children = [multiprocessing.Process(target=work, args=(log, n)) for n in range(3)]
    for child in children: child.start()
    for child in children: child.join()
    print([child.exitcode for child in children])
""",
        tmp_path,
    )
    assert (ran.code, ran.out, ran.err) == (0, "[0, 0, 0]\n", "")
    assert sorted(ran.messages) == sorted(
        ["parent", *(f"child {n} {i}" for n in range(3) for i in range(20))]
    )


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_process_pools_take_the_trace_along(tmp_path, method):
    """
    What a process pool runs by `carry` logs in the hop that handed it over, with what that knows, and is delivered
    when the pool ends.
    """
    ran = run(
        f"""
import multiprocessing
from concurrent.futures import ProcessPoolExecutor

if __name__ == "__mp_main__": tracelog.configure(sinks=[File(sys.argv[1])])

def work(n):
    tracelog.get_logger("x").info(f"work {{n}}")
    here = tracelog.current()
    return here.trace_id, here.span_id, here.user_id, tracelog.inject()["tracestate"]

if __name__ == "__main__":
    tracelog.configure(sinks=[File()])
    headers = {{"traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "tracestate": "a=1"}}
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("{method}")) as pool:
        with tracelog.trace("order", headers=headers, user_id="u1") as t:
            found = list(pool.map(tracelog.carry(work), range(4)))
    print({{(t.trace_id, t.span_id, "u1", "a=1")}} == set(found))
""",
        tmp_path,
    )
    assert (ran.code, ran.out, ran.err) == (0, "True\n", "")
    assert sorted(ran.messages) == ["order", *(f"work {n}" for n in range(4))]


def test_a_program_that_never_configures(tmp_path):
    """
    Without any configuration entries are lines on standard output, in the trace that was handed down, also when
    `inject` comes first.
    """
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    ran = run(
        """
print(tracelog.inject({})["x-trace-id"], tracelog.current().trace_id)
tracelog.get_logger("x").info("hello")
""",
        tmp_path,
        TRACEPARENT=f"00-{trace}-00f067aa0ba902b7-01",
    )
    first, second = ran.out.splitlines()
    assert first == f"{trace} {trace}"
    assert (f'"trace_id":"{trace}"' in second, '"message":"hello"' in second) == (True, True)
    assert (ran.code, ran.err) == (0, "")


def test_wrong_variables_are_one_line(tmp_path):
    """
    Wrong variables of a program that never configures are one line that names them; the others hold.
    """
    ran = run(
        "tracelog.get_logger('x').info('hello')",
        tmp_path,
        TRACELOG_LEVEL="loud",
        TRACELOG_LIMITS="maybe",
        TRACELOG_SERVICE="till",
    )
    assert ran.code == 0
    assert ran.err.count("\n") == 1
    assert "TRACELOG_LEVEL must be one of" in ran.err
    assert "TRACELOG_LIMITS must be on or off" in ran.err
    assert '"service":"till"' in ran.out


@pytest.mark.parametrize("variable", ["TRACELOG_URL", "TRACELOG_SINKS"])
def test_a_wrong_address_is_one_line(tmp_path, variable):
    """
    An address that cannot be used is one line that names the variable; entries go to standard output.
    """
    ran = run("tracelog.get_logger('x').info('hello')", tmp_path, **{variable: "nonsense://x"})
    assert (ran.code, ran.err.count("\n")) == (0, 1)
    assert ran.err.startswith(f"tracelog: {variable}")
    assert '"message":"hello"' in ran.out


def test_a_working_folder_that_is_gone(tmp_path):
    """
    A program whose working folder was removed logs like any other.
    """
    ran = run(
        """
os.mkdir("gone"); os.chdir("gone"); os.rmdir("../gone")
tracelog.get_logger("x").info("hello")
""",
        tmp_path,
    )
    assert (ran.code, ran.err) == (0, "")
    assert '"message":"hello"' in ran.out


def test_an_interrupted_program(tmp_path):
    """
    A program that is interrupted in the middle of its log calls ends as it would without them, and delivers.
    """
    ran = run(
        """
import signal
tracelog.configure(sinks=[File()])
log = tracelog.get_logger("x")
signal.setitimer(signal.ITIMER_REAL, 0.3)
signal.signal(signal.SIGALRM, lambda *_: sys.exit(7))
n = 0
while True:
    log.info("x", n=n, odd=[2**70])
    n += 1
    if n % 500 == 0: time.sleep(0.001)
""",
        tmp_path,
    )
    assert (ran.code, ran.err) == (7, "")
    assert len(ran.entries) > 0
