"""
The spool: what left the queue survives its process, whatever becomes of the server, the disk and the files.
"""

import os
import stat
import threading
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import pair
from tests.client.programs import end, run
from tests.sinks.parcels import row
from tracelog.client.books import Books
from tracelog.client.complaint import Complaint
from tracelog.client.folder import private_folder, segments
from tracelog.client.gate import Gate
from tracelog.client.load import Load
from tracelog.client.lots import Bounds, Report, Terms
from tracelog.client.salvage import claim
from tracelog.client.spool import Spool
from tracelog.client.spooled import PAUSE_S, SpooledOutbox
from tracelog.client.stock import CHUNK_ROWS
from tracelog.core.compact import Header
from tracelog.core.spool_format import read_body, scan


class Broken(Spool):
    """
    A spool on a disk that can be filled up and emptied.
    """

    full = False

    def _write(self, segment, data):
        if self.full:
            raise OSError(28, "No space left on device")
        super()._write(segment, data)


class Desk:
    """
    A spooled outbox on a clock of its own, in *folder*, with a server that can go and come.
    """

    def __init__(self, folder, *, most=1_000_000, memory=100_000, age=3_600.0):
        self.now = 1_000.0
        self.wire = pair.Wire()
        self.up = True
        self.books = Books(Gate())
        self.header = Header(v=1, source=self.books.source, system="backend")
        self.spool = Broken(folder, self.header, most)
        self.bounds = Bounds(memory, age)
        self.done = 0
        self.put_so_far = 0
        self.ended = []
        self.begin()

    def begin(self):
        terms = Terms(self.header, 300.0, self.books, lambda: self.now, lambda: 1e9 + self.now, lambda: 1.0)
        self.outbox = SpooledOutbox(self, terms, self.spool, self.bounds, self.note_done)
        self.ended.append(self.outbox.ledger)

    def __call__(self, parcel):
        if not self.up:
            raise pair.SinkUnavailableError("nobody answers")
        return self.wire(parcel)

    def note_done(self, seq):
        assert seq >= self.done
        self.done = seq

    def put(self, count):
        rows = [row(f"m{self.put_so_far + n}") for n in range(count)]
        self.put_so_far += count
        with self.books.lock:
            self.outbox.put(self.books.give_numbers(count), Load(rows))

    def send(self):
        while self.outbox.send(lambda: Report({}, 0)):
            pass

    def restart(self):
        with self.outbox.still(), self.books.lock:
            self.outbox.give_up("shutdown")
        self.begin()

    def dropped(self):
        total = {}
        for ledger in self.ended:
            for reason, n in ledger.dropped.items():
                total[reason] = total.get(reason, 0) + n
        return total

    def balanced(self):
        stored = sum(ledger.stored for ledger in self.ended)
        lost = sum(self.dropped().values())
        return stored + lost + self.outbox.in_flight == self.put_so_far

    def drain(self):
        self.up = True
        self.spool.full = False
        for _ in range(20):
            self.now += 60.0
            self.send()

    def on_disk(self):
        files = [path.read_bytes() for path in segments(self.spool.folder, self.header.source)]
        found = [read_body(found.body) for data in files for found in scan(data)]
        return {batch.header.seq + n for batch in found for n in range(len(batch.rows))}


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), st.integers(1, 40)),
        st.tuples(
            st.sampled_from(["send", "down", "up", "full", "room", "restart", "wait", "shed"]), st.just(0)
        ),
    ),
    max_size=40,
)


def play(desk, steps):
    for name, n in steps:
        match name:
            case "put":
                desk.put(n)
            case "send":
                desk.send()
            case "down" | "up":
                desk.up = name == "up"
            case "full" | "room":
                desk.spool.full = name == "full"
            case "restart":
                desk.restart()
            case "wait":
                desk.now += 10.0
            case "shed":
                desk.outbox.shed(20, 2_000)
                assert desk.outbox.used(1_000_000) <= 20 + len(
                    desk.outbox._lot.parcel.rows if desk.outbox._lot else ()
                )
        assert desk.balanced()


@given(STEPS, st.sampled_from([200, 2_000, 100_000]))
def test_every_entry_reaches_one_end(tmp_path_factory, steps, memory):
    """
    Whatever server, disk, memory and settings do in between, each entry is delivered once, in order, or counted
    as dropped; with room on the disk none is dropped, and in the end nothing is left there.
    """
    desk = Desk(tmp_path_factory.mktemp("spool"), memory=memory)
    play(desk, steps)
    desk.drain()
    assert desk.balanced()
    assert desk.outbox.in_flight == 0
    assert desk.outbox.idle
    assert desk.outbox.parked == desk.outbox.bytes == 0
    assert desk.wire.duplicates == 0
    numbers = [int(message[1:]) for message in desk.wire.messages]
    assert numbers == sorted(numbers)
    assert len(numbers) + sum(desk.dropped().values()) == desk.put_so_far
    if ("full", 0) not in steps:
        assert desk.dropped() == {}
    assert desk.on_disk() == set()


@given(st.lists(st.integers(1, 60), min_size=1, max_size=30), st.integers(2_000, 20_000))
def test_the_bound_holds(tmp_path_factory, sizes, most):
    """
    The files never take more than the bound; what goes for it is the oldest, and it is counted.
    """
    folder = tmp_path_factory.mktemp("spool")
    desk = Desk(folder, most=most, memory=most // 4)
    desk.up = False
    for size in sizes:
        desk.put(size)
        desk.send()
        assert sum(path.stat().st_size for path in folder.iterdir()) <= most
        assert desk.balanced()
    desk.drain()
    assert desk.balanced()
    assert set(desk.dropped()) <= {"spool_full"}
    arrived = [int(message[1:]) for message in desk.wire.messages]
    lost = sum(desk.dropped().values())
    newest = [n for n in arrived if n >= lost]
    assert newest[-1:] == [desk.put_so_far - 1]
    assert len(arrived) == desk.put_so_far - lost


def test_a_batch_that_is_larger_than_the_bound(tmp_path):
    """
    What can never fit stays in memory, and nothing is given up for it.
    """
    desk = Desk(tmp_path, most=1_000, memory=10_000)
    desk.up = False
    desk.put(5)
    desk.send()
    before = desk.on_disk()
    desk.put(100)
    desk.send()
    assert "spool_bytes" in desk.outbox.disk_trouble
    assert desk.on_disk() == before == {0, 1, 2, 3, 4}
    desk.drain()
    assert len(desk.wire.entries) == 105


def test_what_left_the_queue_is_on_disk_before_it_is_tried(tmp_path):
    """
    A batch that the server is being asked to take is in the file already, and leaves it when it was taken.
    """
    desk = Desk(tmp_path)
    seen = []
    desk.wire.then(lambda wire, batch: seen.append(desk.on_disk()) or pair.taken(wire, batch))
    desk.put(3)
    desk.send()
    assert seen == [{0, 1, 2}]
    assert (desk.on_disk(), desk.done) == (set(), 3)


def test_what_waits_too_long_is_given_up(tmp_path):
    """
    Entries that waited on disk for longer than the age are dropped, and said to be; the batch that is being tried
    has not come to that yet.
    """
    desk = Desk(tmp_path, memory=1, age=100.0)
    desk.up = False
    desk.put(5)
    desk.send()
    desk.put(5)
    desk.send()
    desk.now += 200.0
    desk.drain()
    assert desk.balanced()
    assert desk.dropped() == {"spool_expired": 5}
    assert desk.wire.messages == [f"m{n}" for n in range(5)]


def test_what_is_damaged_is_counted(tmp_path):
    """
    Entries whose place in the file was damaged are dropped, with a reason of their own; the others arrive.
    """
    desk = Desk(tmp_path, memory=1)
    desk.up = False
    for _ in range(4):
        desk.put(5)
        desk.send()
        desk.spool.close()  # each batch in a file of its own
    third = segments(tmp_path, desk.header.source)[2]
    data = bytearray(third.read_bytes())
    data[-3] ^= 1
    third.write_bytes(data)
    segments(tmp_path, desk.header.source)[3].unlink()
    desk.drain()
    assert desk.dropped() == {"spool_damaged": 10}
    assert len(desk.wire.entries) == 10
    assert desk.balanced()


def test_a_full_disk_costs_nothing_else(tmp_path):
    """
    While the disk takes nothing, entries wait in memory and are delivered from there; the trouble is told, no
    broken record is left, and after a pause the disk is used again.
    """
    desk = Desk(tmp_path)
    desk.spool.full = True
    desk.up = False
    desk.put(3)
    desk.send()
    assert "No space left" in desk.outbox.disk_trouble
    desk.spool.full = False
    desk.put(2)
    desk.send()
    assert desk.on_disk() == set()
    desk.now += PAUSE_S
    desk.send()
    assert desk.on_disk() == {0, 1, 2, 3, 4}
    assert desk.outbox.disk_trouble is None
    desk.drain()
    assert len(desk.wire.entries) == 5


@pytest.mark.parametrize("fault", ["file", "link", "readonly", "stranger"])
def test_a_folder_that_will_not_do(tmp_path, connect, capsys, monkeypatch, fault):
    """
    A spool that is a file, a link, in a folder that cannot be changed, or another user's, is told in one line and
    costs nothing else.
    """
    folder = tmp_path / "spool"
    if fault == "file":
        folder.write_text("")
    elif fault == "link":
        folder.symlink_to(tmp_path)
    elif fault == "readonly":
        folder = Path("/proc/nowhere")
    else:
        folder.mkdir()
        monkeypatch.setattr(os, "geteuid", lambda: 12_345)
    client, wire = connect(spool=folder)
    client.get_logger("x").info("hello")
    assert client.flush(2.0) == 0
    assert wire.messages == ["hello"]
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "the spool cannot be used" in said
    assert client.stats()["balanced"]


def test_files_are_private(tmp_path, connect):
    """
    The folder is made for this user only, and so are the files, even where the folder was open to others.
    """
    folder = tmp_path / "open"
    folder.mkdir(mode=0o755)
    client, _wire = connect(pair.away_for(60), spool=folder)
    client.get_logger("x").info("hello")
    client.flush(0.3)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    modes = {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}
    assert modes == {0o600}
    assert {path.suffix for path in folder.iterdir()} == {".account", ".spool"}
    assert private_folder(folder) == folder


def test_a_dead_server_and_the_next_client(tmp_path, connect):
    """
    What a client could not deliver waits in its ledger and on disk; the next one on the folder delivers it under
    its own ids, and nothing is left.
    """
    folder = tmp_path / "spool"
    first, _ = connect(pair.away_for(60), spool=folder)
    for n in range(50):
        first.get_logger("x").info(f"m{n}")
    assert end(first, 0.3) == 50
    assert (first.stats()["in_flight"], first.stats()["dropped"], first.stats()["balanced"]) == (50, {}, True)
    second, wire = connect(spool=folder)
    second.get_logger("x").info("mine")
    end(second, 2.0)
    assert sorted(wire.messages) == sorted([f"m{n}" for n in range(50)] + ["mine"])
    assert {entry.source for entry in wire.entries.values()} == {first.source, second.source}
    assert sorted(e.seq for e in wire.entries.values() if e.source == first.source) == list(range(50))
    assert list(folder.iterdir()) == []


def test_settings_may_change_while_it_waits(tmp_path, connect):
    """
    A client that gets other sinks goes on with what its spool holds.
    """
    folder = tmp_path / "spool"
    client, _ = connect(pair.away_for(60), spool=folder, exit_timeout=0.1)
    client.get_logger("x").info("before")
    client.flush(0.1)
    wire = pair.Wire()
    client.reconfigure(sinks=[wire], spool=folder, flush_interval=0.01, redact=False, exit_timeout=0.1)
    client.get_logger("x").info("after")
    assert client.flush(5.0) == 0
    assert wire.messages == ["before", "after"]
    stats = client.stats()
    assert (stats["emitted"], stats["stored"], stats["balanced"]) == (2, 2, True)
    assert end(client, 5.0) == 0
    assert list(folder.iterdir()) == []


def test_a_spool_heeds_what_changes(tmp_path, connect):
    """
    What is spooled after a change of settings bears the new names, and keeps to the new bound.
    """
    folder = tmp_path / "spool"
    client, _ = connect(pair.away_for(60), spool=folder, service="old")
    gone = pair.Wire(pair.away_for(60))
    change = {"sinks": [gone], "spool": folder, "flush_interval": 0.01, "exit_timeout": 0.1}
    client.reconfigure(**change, service="new", spool_bytes=20_000)
    log = client.get_logger("x")
    for _ in range(12):
        log.info("m" * 3_000)
        client.flush(0.02)
    files = sorted(folder.glob("*.spool"))
    assert 0 < sum(file.stat().st_size for file in files) <= 20_000
    assert client.stats()["dropped"]["spool_full"] > 0
    bodies = [read_body(found.body) for file in files for found in scan(file.read_bytes()) if found.body]
    assert {batch.header.service for batch in bodies} == {"new"}


def test_a_client_that_comes_back(tmp_path, connect):
    """
    A client that was shut down with entries in its spool, and is configured again, delivers them itself.
    """
    folder = tmp_path / "spool"
    client, _ = connect(pair.away_for(60), spool=folder)
    client.get_logger("x").info("before")
    assert end(client) == 1
    wire = pair.Wire()
    client.reconfigure(sinks=[wire], spool=folder, flush_interval=0.01, redact=False)
    client.get_logger("x").info("after")
    assert client.flush(5.0) == 0
    assert wire.messages == ["before", "after"]
    assert client.stats()["balanced"]
    assert client.stats()["stored"] == 2


def test_secrets_never_reach_the_disk(tmp_path, connect):
    """
    What is in the spool has passed redaction.
    """
    secret = "ghp_" + "a1B2" * 9
    client, _ = connect(pair.away_for(60), spool=tmp_path / "spool", redact=True)
    client.get_logger("x").info(f"token {secret}", password="hunter2-hunter2")
    client.shutdown(0.3)
    files = [path.read_bytes() for path in (tmp_path / "spool").iterdir()]
    assert any(b"token" in data for data in files)
    assert not any(secret.encode() in data or b"hunter2" in data for data in files)


KILLED = """
class Gone:
    def __call__(self, parcel):
        from tracelog.errors import SinkUnavailableError
        raise SinkUnavailableError("nobody answers")
    def close(self): pass
"""


def test_a_process_that_is_killed_while_its_server_is_gone(tmp_path):
    """
    What left the queue of a process before it was killed arrives by the next one, once, under its ids; what did
    not is known exactly.
    """
    first = run(
        KILLED
        + """
client = tracelog.configure(sinks=[Gone()], spool="spool", flush_interval=0.01)
log = tracelog.get_logger("x")
for n in range(3000): log.info(f"m{n}")
tracelog.flush(0.5)
for n in range(7): log.info("late")
os.kill(os.getpid(), 9)
""",
        tmp_path,
    )
    assert first.code == -9
    (left,) = claim(tmp_path / "spool")
    told = left.tell()
    assert told.emitted == 3007
    assert told.waiting + told.lost == 3007
    assert told.waiting >= 3000
    second = run(
        "tracelog.configure(sinks=[File()], spool='spool')\ntracelog.get_logger('x').info('next')", tmp_path
    )
    assert second.code == 0
    assert second.messages[:1] == ["next"]
    assert second.messages[1:3001] == [f"m{n}" for n in range(3000)]
    assert len({each for each, _ in second.entries}) == len(second.entries)
    assert list((tmp_path / "spool").iterdir()) == []


def test_several_processes_share_a_folder(tmp_path):
    """
    Processes that live keep their files; a forked child has its own; each entry arrives once.
    """
    ran = run(
        KILLED
        + """
tracelog.configure(sinks=[Gone()], spool="spool", flush_interval=0.01, exit_timeout=0.2)
log = tracelog.get_logger("x")
log.info("parent before")
tracelog.flush(0.1)
children = []
for c in range(4):
    pid = os.fork()
    if pid == 0:
        log.info(f"child {c}")
        tracelog.flush(0.2)
        os.kill(os.getpid(), 9)
    children.append(pid)
for pid in children: os.waitpid(pid, 0)
from tracelog.client.salvage import claim
from pathlib import Path
print(sum(1 for _ in claim(Path("spool"))))
log.info("parent after")
""",
        tmp_path,
    )
    assert (ran.code, ran.out) == (0, "4\n")
    done = run(
        "tracelog.configure(sinks=[File()], spool='spool')\ntracelog.get_logger('x').info('next')", tmp_path
    )
    expected = ["next", "parent before", "parent after", *(f"child {c}" for c in range(4))]
    assert sorted(done.messages) == sorted(expected)
    assert list((tmp_path / "spool").iterdir()) == []


@pytest.fixture(autouse=True)
def quiet(monkeypatch):
    """
    Each test may complain once.
    """
    monkeypatch.setattr(Complaint, "next_at", 0.0)


class Hanging(Spool):
    """
    A disk that takes nothing until it is let go.
    """

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.busy, self.go = threading.Event(), threading.Event()

    def append(self, chunk, now_ms):
        self.busy.set()
        self.go.wait(10)
        return super().append(chunk, now_ms)


def test_a_disk_that_hangs_holds_nobody_up(tmp_path):
    """
    While the disk hangs the account can be read and entries can be put in; who gives up does not wait for it, and
    every entry has one end.
    """
    desk = Desk(tmp_path)
    desk.outbox._spool = hanging = Hanging(desk.spool.folder, desk.header, 1 << 20)
    desk.put(10)
    sending = threading.Thread(target=desk.send)
    sending.start()
    assert hanging.busy.wait(10)
    begun = time.monotonic()
    desk.put(5)
    with desk.books.lock:
        assert desk.outbox.view()["in_flight"] == 15
    with desk.outbox.still(), desk.books.lock:
        desk.outbox.give_up("shutdown")
    assert time.monotonic() - begun < 1.0
    hanging.go.set()
    sending.join(10)
    assert not sending.is_alive()
    assert desk.balanced()


def test_a_long_outage_is_written_down_in_linear_time(tmp_path):
    """
    What waits behind the disk is written piece by piece, each row once.
    """
    desk = Desk(tmp_path, memory=0, most=100_000_000)
    desk.up = False
    desk.put(1)
    desk.send()
    written = []
    append = desk.spool.append
    desk.spool.append = lambda chunk, now_ms: written.append(len(chunk.rows)) or append(chunk, now_ms)
    for _ in range(30):
        desk.put(1_000)
    desk.now += PAUSE_S
    desk.send()
    assert sum(written) == 30_000
    assert max(written) <= CHUNK_ROWS
    desk.drain()
    assert desk.balanced()
    assert desk.outbox.idle
