"""
The account: how much a process logged, and what became of it, is known exactly however it ended.
"""

import os
import threading
from pathlib import Path

import pytest

from tests import pair
from tests.client.programs import end, run
from tests.server.running import Running
from tracelog.client import folder as folders
from tracelog.client import keeping
from tracelog.client.account import Account
from tracelog.client.cells import Cells
from tracelog.client.client import Client
from tracelog.client.folder import ACCOUNT, DRAFT, create, lock, private_folder, sources, sweep
from tracelog.client.gate import Gate
from tracelog.client.salvage import claim
from tracelog.core.account_format import Note
from tracelog.core.rows import Header
from tracelog.errors import SinkRefusedError

DEAD = "http://127.0.0.1:9"
"""The discard port, where nobody listens."""


class Known(pair.Wire):
    """
    A wire to a server with an address, as programs have one.
    """

    url = DEAD


def accounts(folder):
    return sorted(path for path in Path(folder).rglob(f"*{ACCOUNT}"))


def left_in(folder):
    """
    Return what is known of each ended process, by its file's folder.
    """
    return [
        left.tell() for place in sorted({path.parent for path in accounts(folder)}) for left in claim(place)
    ]


def test_threads_step_together():
    """
    Steps of several threads are all counted, and so are those of cells that took over in between.
    """
    gate = Gate()
    going = threading.Barrier(5)

    def work():
        going.wait()
        for _ in range(30_000):
            next(gate.tick)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    going.wait()
    for _ in range(50):
        before, cells = gate.drops.cells, Cells()
        gate.count_in(cells)
        cells.carry(before)
    for thread in threads:
        thread.join()
    assert gate.drops.cells.read()["appended"] == 120_000


KILLS = {
    "at once": "for n in range(3): log.info('odd', x=object(), exc_info=ValueError('x'))\nos.kill(os.getpid(), 9)",
    "after a delivery": "tracelog.flush(2.0)\nfor n in range(40): log.info('more')\nos.kill(os.getpid(), 9)",
    "in a flood": (
        "import threading\n"
        "def busy():\n"
        "    for n in range(10_000): log.info('busy')\n"
        "threads = [threading.Thread(target=busy) for _ in range(4)]\n"
        "for t in threads: t.start()\n"
        "for t in threads: t.join()\n"
        "os.kill(os.getpid(), 9)"
    ),
}
LOGGED = {"at once": 503, "after a delivery": 540, "in a flood": 40_500}


@pytest.mark.parametrize("how", KILLS)
def test_a_killed_process_is_accounted_for(tmp_path, how):
    """
    However a process logged before it was killed, the next start of the program tells the server how many entries
    it made, what is stored, and what was lost; the server's ledger adds up, and no file is left.
    """
    with Running(limits=False) as server:
        setup = (
            f"tracelog.configure(service='shop', url='http://127.0.0.1:{server.port}', queue_entries=4000)\n"
        )
        program = setup + "log = tracelog.get_logger('x')\nfor n in range(500): log.info('m')\n" + KILLS[how]
        first = run(program, tmp_path, XDG_STATE_HOME=str(tmp_path / "state"))
        assert (first.code, len(accounts(tmp_path))) == (-9, 1)
        second = run(
            setup + "tracelog.get_logger('x').info('next')", tmp_path, XDG_STATE_HOME=str(tmp_path / "state")
        )
        ledger = server.get("/api/v1/ledger").json
    assert second.code == 0
    assert "ended early" in second.err
    assert accounts(tmp_path) == []
    killed = next(shown for shown in ledger["sources"].values() if shown["emitted"] > 1)
    assert killed["emitted"] == LOGGED[how]
    assert killed["balanced"]
    assert ledger["balanced"]
    assert killed["stored"] + sum(killed["dropped"].values()) == LOGGED[how]


def test_a_process_that_ends_well_leaves_nothing(tmp_path):
    """
    Who delivered everything, or never logged, leaves no file; neither does one without a server to tell.
    """
    with Running(limits=False) as server:
        run(
            f"""
for logs in (0, 5):
    client = tracelog.Client(url='http://127.0.0.1:{server.port}')
    for n in range(logs): client.get_logger('x').info('m')
    client.shutdown()
tracelog.get_logger('x').info('to the console')
""",
            tmp_path,
            XDG_STATE_HOME=str(tmp_path / "state"),
        )
        assert len(server.messages()) == 5
    assert accounts(tmp_path) == []


def test_what_a_closed_process_could_not_say(tmp_path):
    """
    Entries that a process counted as dropped because its server was gone are told by the next one, with its reason.
    """
    state = {"XDG_STATE_HOME": str(tmp_path / "state")}
    run(
        f"tracelog.configure(url='{DEAD}', exit_timeout=0.1)\ntracelog.get_logger('x').info('m')",
        tmp_path,
        **state,
    )
    (told,) = left_in(tmp_path)
    assert (told.emitted, told.lost, told.report["dropped"]) == (1, 0, {"shutdown": 1})


def test_children_have_accounts_of_their_own(tmp_path):
    """
    A forked child counts for itself from the first entry, and lets go of its parent's lock.
    """
    run(
        f"""
tracelog.configure(url="{DEAD}", exit_timeout=0.1)
log = tracelog.get_logger("x")
for n in range(10): log.info("parent")
children = []
for c in range(3):
    pid = os.fork()
    if pid == 0:
        for n in range(c): log.info("child")
        for fd in (1, 2) if c == 2 else (): os.close(fd)
        time.sleep(30 if c == 2 else 0)
        os.kill(os.getpid(), 9)
    children.append(pid)
for pid in children[:2]: os.waitpid(pid, 0)
print(children[2])
os.kill(os.getpid(), 9)
""",
        tmp_path,
        XDG_STATE_HOME=str(tmp_path / "state"),
    )
    alive = [path for path in accounts(tmp_path) if (held := lock(path)) is None or os.close(held)]
    assert sorted(told.emitted for told in left_in(tmp_path)) == [0, 1, 10]
    assert len(alive) == 1
    pid = int(alive[0].name.split("-")[0], 16)
    os.kill(pid, 9)


def test_stats_and_account_agree(tmp_path, connect, monkeypatch):
    """
    At rest the file says what `stats()` says, before and after settings change.
    """
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    wire = Known()
    client = Client(
        sinks=[wire],
        flush_interval=0.01,
        redact=False,
        before_send=lambda e: e if e.message != "no" else None,
    )
    log = client.get_logger("x")
    for message in ("yes", "no", "yes"):
        log.info(message)
    client.flush()
    assert agreed(client)
    client.reconfigure(sinks=[wire], spool=tmp_path / "spool", flush_interval=0.01, redact=False)
    log.info("more")
    client.flush()
    assert agreed(client)
    assert accounts(tmp_path / "state") == []
    end(client, 5.0)
    assert accounts(tmp_path) == []


def agreed(client):
    state, stats = client._keeping._account.read(), client.stats()
    total = state.total()
    return (state.emitted, total.stored, total.dropped) == (
        stats["emitted"],
        stats["stored"],
        stats["dropped"],
    )


def test_a_server_that_does_not_take_the_last_word(tmp_path, connect):
    """
    A server that is away, or refuses the key, leaves the files for another time; a sink of another make that fails
    costs its client nothing.
    """
    folder = tmp_path / "spool"
    first, _ = connect(pair.away_for(60), spool=folder)
    for n in range(5):
        first.get_logger("x").info(f"m{n}")
    end(first, 0.1)
    refused = SinkRefusedError("no", reason="http_401")
    steps = [pair.taken, pair.raises(refused), pair.taken]
    second, wire = connect(*steps, spool=folder)
    second.get_logger("x").info("mine")
    second.flush()
    end(second, 5.0)
    assert wire.messages == ["mine"]
    assert len(accounts(folder)) == 1
    third, wire = connect(pair.taken, pair.too_large(2), spool=folder)
    third.get_logger("x").info("mine")
    end(third, 5.0)
    assert sorted(wire.messages) == ["m0", "m1", "m2", "m3", "m4", "mine"]
    assert accounts(folder) == []


@pytest.mark.parametrize(
    ("step", "outcome"),
    [
        (pair.refused, {"rejected": {"http_400": 5}}),
        (pair.raises(ValueError("x")), {"dropped": {"sink_error": 5}}),
        (pair.too_large(0), {"rejected": {"too_large": 5}}),
    ],
)
def test_what_the_next_server_says_is_reported(tmp_path, connect, step, outcome):
    """
    What became of an ended process's entries on the way stands in its last report.
    """
    folder = tmp_path / "spool"
    first, _ = connect(pair.away_for(60), spool=folder)
    for n in range(5):
        first.get_logger("x").info(f"m{n}")
    end(first, 0.1)
    second, wire = connect(pair.taken, step, spool=folder)
    second.get_logger("x").info("mine")
    end(second, 5.0)
    report = wire.reports[-1]
    assert report["emitted"] == 5
    assert report["balanced"]
    for name, reasons in outcome.items():
        assert report[name] == reasons


@pytest.mark.parametrize("damage", ["short", "garbage", "gone"])
def test_a_damaged_account_hides_no_entries(tmp_path, connect, damage):
    """
    Without a readable account the spool's entries are delivered all the same.
    """
    folder = tmp_path / "spool"
    first, _ = connect(pair.away_for(60), spool=folder)
    first.get_logger("x").info("kept")
    end(first, 0.1)
    (account,) = accounts(folder)
    if damage == "gone":
        account.unlink()
    else:
        account.write_bytes(b"x" * (10 if damage == "short" else 20_000))
    (told,) = [left.tell() for left in claim(folder)]
    assert (told.emitted, told.waiting, told.damaged) == (None, 1, 0 if damage == "gone" else 1)
    second, wire = connect(spool=folder)
    second.get_logger("x").info("mine")
    end(second, 5.0)
    assert sorted(wire.messages) == ["kept", "mine"]
    assert list(folder.iterdir()) == []


def test_nowhere_to_keep_it(tmp_path, monkeypatch, capsys):
    """
    A client whose user has no folder that will do works without an account, and says nothing about it.
    """
    monkeypatch.setenv("XDG_STATE_HOME", "/proc/nowhere")
    monkeypatch.setattr(keeping, "_temporary", lambda: Path("/proc/nowhere"))
    wire = Known()
    client = Client(sinks=[wire], flush_interval=0.01, redact=False)
    client.get_logger("x").info("m")
    client.shutdown()
    assert wire.messages == ["m"]
    assert capsys.readouterr().err == ""


def test_folders_of_strangers_are_not_read(tmp_path, monkeypatch):
    """
    Files that others own, links, and files of the living are not claimed.
    """
    folder = private_folder(tmp_path / "made" / "here")
    note = Note(header=Header(v=1, source="a-1"))
    living = Account.begin(folder, note)
    (folder / f"b-1{ACCOUNT}").symlink_to(living.path)
    (folder / f"c-1{ACCOUNT}").mkdir()
    assert set(sources(folder)) == {"a-1", "b-1", "c-1"}
    assert list(claim(folder)) == []
    with pytest.raises(BlockingIOError):
        Account.begin(folder, note)
    living.forget()
    with monkeypatch.context() as other:
        other.setattr(os, "geteuid", lambda: 12_345)
        assert list(claim(folder)) == []
    assert [left.source for left in claim(folder)] == ["a-1"]


def test_a_folder_is_swept(tmp_path, monkeypatch):
    """
    Unfinished accounts go after a minute, and of accounts that no server ever took the oldest beyond a bound.
    """
    monkeypatch.setattr(folders, "ACCOUNTS", 5)
    os.close(create(tmp_path / f"d-1{DRAFT}"))
    for number in range(7):
        path = tmp_path / f"{number}-1{ACCOUNT}"
        path.touch()
        os.utime(path, (number, number))
    sweep(tmp_path, 0.0)
    assert len(list(tmp_path.iterdir())) == 5 + 1
    assert not (tmp_path / f"0-1{ACCOUNT}").exists()
    sweep(tmp_path, 1e12)
    assert not (tmp_path / f"d-1{DRAFT}").exists()
    sweep(tmp_path / "nowhere", 0.0)


def test_a_full_disk_leaves_no_account(tmp_path, monkeypatch):
    """
    Where the file's bytes cannot be written, there is no file, and the error says why.
    """
    monkeypatch.setattr(os, "pwrite", lambda *_: 7)
    with pytest.raises(OSError, match="full"):
        Account.begin(tmp_path, Note(header=Header(v=1, source="a-1")))
    assert list(tmp_path.iterdir()) == []


def test_a_user_without_a_home(tmp_path, monkeypatch):
    """
    Where nobody says where state is kept, accounts are among the temporary files, unless somebody else owns the place.
    """
    monkeypatch.delenv("XDG_STATE_HOME")
    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    client = Client(sinks=[Known()], redact=False)
    assert len(accounts(tmp_path)) == 1
    assert len(keeping.account_folders()) == 1
    end(client)
    assert accounts(tmp_path) == []
    monkeypatch.setattr(os, "geteuid", lambda: 12_345)
    (tmp_path / "tracelog-12345").mkdir()
    assert keeping.account_folders() == []
