"""
The archive of files: every batch whole and once, wherever its writer was killed.
"""

import asyncio
import gzip
import json
import os
import random
import resource
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.cli.started import ROOT, plain_environment
from tracelog.core.encoding import PACKINGS, inflate
from tracelog.errors import StoreUnavailableError
from tracelog.server.archives import NdjsonArchive, open_archive
from tracelog.server.archives.dead import DeadLetters
from tracelog.server.archives.journal import Journal

WRITER = """
import sys
from tracelog.server.archives import NdjsonArchive

archive = NdjsonArchive(sys.argv[1], max_bytes=2_000)
for line in sys.stdin:
    archive.write(line.strip(), [{"id": f"{line.strip()}-{at}", "message": "m" * 40} for at in range(7)])
    print(line.strip(), flush=True)
"""


def rows(batch: str, n: int = 3) -> list[dict[str, Any]]:
    return [{"id": f"{batch}-{at}", "message": "said\nso"} for at in range(n)]


def store(archive: NdjsonArchive, *batches: str) -> None:
    async def main() -> None:
        for batch in batches:
            await archive.store(batch, rows(batch))
        await archive.close()

    asyncio.run(main())


def ids(folder: Path) -> list[str]:
    """
    Return the ids of all rows, of full files first.
    """
    files = sorted(
        (
            file
            for file in folder.iterdir()
            if ".ndjson" in file.name and file.name[-7:] in {"son.zst", ".ndjson", "json.gz"}
        ),
        key=lambda file: (file.name == "a.ndjson", file.name),
    )
    found = []
    for file in files:
        packing = {".gz": b"gzip", ".zst": b"zstd"}.get(file.suffix, b"")
        text = inflate(file.read_bytes(), packing, limit=10_000_000)
        found += [json.loads(line)["id"] for line in text.splitlines()]
    return found


def expected(*batches: str, n: int = 3) -> list[str]:
    return [f"{batch}-{at}" for batch in batches for at in range(n)]


@pytest.mark.parametrize("packing", ["none", *PACKINGS])
def test_batches_are_lines_and_full_files_are_packed(tmp_path: Path, packing: str) -> None:
    """
    Rows are lines of JSON in the order they came; full files have names in that order and can be read.
    """
    archive = open_archive(f"ndjson://{tmp_path}/a.ndjson?max_bytes=300&packing={packing}")
    assert isinstance(archive, NdjsonArchive)
    names = [f"b{n}" for n in range(9)]
    store(archive, *names, "b3")
    assert ids(tmp_path) == expected(*names)
    full = [file for file in tmp_path.iterdir() if file.name.startswith("a-")]
    assert len(full) > 2
    assert {file.suffix for file in full} == {PACKINGS.get(packing, ".ndjson")}
    assert {file.stat().st_mode & 0o777 for file in tmp_path.iterdir()} == {0o600}
    assert archive.counted == {"rows": 27, "batches": 9, "repeated": 1, "failed": 0}


def test_a_file_is_set_aside_when_its_day_is_over(tmp_path: Path) -> None:
    """
    The first batch of a new day goes to a new file; so many old ones are kept as were asked for.
    """
    file = tmp_path / "a.ndjson"
    for at, name in enumerate("wxyz"):
        store(NdjsonArchive(file, keep=2), name)
        yesterday = time.time() - 86_400 * (9 - at)
        os.utime(file, (yesterday, yesterday))
    assert ids(tmp_path) == expected("x", "y", "z")
    assert len(list(tmp_path.glob("a-*.ndjson.gz"))) == 2
    store(NdjsonArchive(file, rotate="never"), "later")
    assert ids(tmp_path) == expected("x", "y", "z", "later")


class KilledError(BaseException):
    """
    Ends everything at once, as a kill does: no handler of errors runs.
    """


class Killer:
    """
    Ends the process, as far as a test can, at the *nth* call that changes something on the disk.
    """

    CHANGING = ("write", "fsync", "truncate", "ftruncate", "rename", "unlink")

    def __init__(self, patch: pytest.MonkeyPatch, nth: int) -> None:
        self.left = nth
        for name in self.CHANGING:
            patch.setattr(os, name, self._wrapped(name, getattr(os, name)))

    def _wrapped(self, name: str, real: Any) -> Any:
        def call(*given: Any, **more: Any) -> Any:
            self.left -= 1
            if self.left == 0 and name == "write":
                real(given[0], bytes(given[1])[: len(given[1]) // 2])  # torn
            if self.left <= 0:
                raise KilledError
            return real(*given, **more)

        return call


def test_killed_at_any_call_a_batch_is_there_once(tmp_path: Path) -> None:
    """
    Whichever change of the disk was the last one before a kill, in the middle of a write, of setting aside or of
    packing: after the batch was given again everything is there once, and whole.
    """
    for nth in range(1, 40):
        folder = tmp_path / str(nth)
        archive = NdjsonArchive(folder / "a.ndjson", max_bytes=250)
        store(archive, "1", "2")
        with pytest.MonkeyPatch.context() as patch:
            killer = Killer(patch, nth)
            with suppress(KilledError):
                NdjsonArchive(folder / "a.ndjson", max_bytes=250).write("3", rows("3"))
        store(NdjsonArchive(folder / "a.ndjson", max_bytes=250), "3", "4")
        assert ids(folder) == expected("1", "2", "3", "4"), nth
        if killer.left > 0:
            break
    else:
        raise AssertionError("there are more calls than were tried")
    assert nth > 6


def test_processes_that_are_killed_share_an_archive(tmp_path: Path) -> None:
    """
    Two writers are killed again and again while they write to one archive, and what they had not said to be done
    is given again: every batch is there once.
    """
    chance = random.Random(3)
    todo = {name: [f"{name}{n}" for n in range(20)] for name in "pq"}
    for turn in range(3):
        writers = {name: start(tmp_path / "a.ndjson") for name in todo}
        for name, writer in writers.items():
            writer.stdin.write("".join(f"{batch}\n" for batch in todo[name]))
            writer.stdin.close()
        for name, writer in writers.items():
            done = [writer.stdout.readline() for _ in range(chance.randint(2, 7))] if turn < 2 else []
            if turn < 2:
                writer.send_signal(signal.SIGKILL)
            done += writer.stdout.readlines()
            writer.stdout.close()
            writer.wait()
            told = {line.strip() for line in done if line.endswith("\n")}
            todo[name] = [batch for batch in todo[name] if batch not in told]
    assert todo == {"p": [], "q": []}
    times = Counter(ids(tmp_path))
    assert set(times) == {f"{name}{n}-{at}" for name in "pq" for n in range(20) for at in range(7)}
    assert set(times.values()) == {1}


def start(file: Path) -> Any:
    return subprocess.Popen(
        [sys.executable, "-c", WRITER, str(file)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=plain_environment(),
    )


def test_a_disk_without_room_keeps_the_batch_outside(tmp_path: Path) -> None:
    """
    What cannot be written is told, is not there in part, and is written when it can be.
    """
    archive = NdjsonArchive(tmp_path / "a.ndjson")
    archive.write("1", rows("1"))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (archive.path.stat().st_size + 50, hard))
    try:
        with pytest.raises(StoreUnavailableError, match="cannot be written: File too large"):
            asyncio.run(archive.store("2", rows("2")))
        with pytest.raises(StoreUnavailableError, match="cannot be written"):
            DeadLetters(tmp_path / "a.ndjson").write("otlp", "2", "bad", rows("2"))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert ids(tmp_path) == expected("1")
    assert archive.counted["failed"] == 1
    store(archive, "2")
    assert (ids(tmp_path), archive.last_error) == (expected("1", "2"), None)


def test_a_file_that_others_took_away_begins_anew(tmp_path: Path) -> None:
    """
    Who moves the file away, as logrotate does, finds the next batches in a new one; who cuts it is told.
    """
    file = tmp_path / "a.ndjson"
    archive = NdjsonArchive(file)
    archive.write("1", rows("1"))
    file.rename(tmp_path / "moved")
    archive.write("2", rows("2"))
    archive.write("1", rows("1"))
    assert ids(tmp_path) == expected("2")
    os.truncate(file, 5)
    with pytest.raises(OSError, match="made shorter by another program"):
        archive.write("3", rows("3"))


def test_notes_do_not_grow_for_ever(tmp_path: Path) -> None:
    """
    Old notes go, the latest stay known, to this process and to others.
    """
    path = tmp_path / "notes"
    first, second = Journal(path, largest=500), Journal(path)
    for n in range(200):
        first.catch_up()
        first.note(n, f"batch-{n}")
        if n % 7 == 0:
            second.catch_up()
            assert (second.size, f"batch-{n}" in second) == (n, True)
    fresh = Journal(path)
    fresh.catch_up()
    assert path.stat().st_size <= 500
    assert (fresh.size, "batch-199" in fresh, "batch-1" in fresh) == (199, True, False)


def test_packed_files_are_plain_gzip(tmp_path: Path) -> None:
    """
    Any program reads them.
    """
    archive = NdjsonArchive(tmp_path / "a.ndjson", max_bytes=1)
    store(archive, "1", "2")
    packed = next(tmp_path.glob("a-*.ndjson.gz"))
    assert [json.loads(line)["id"] for line in gzip.decompress(packed.read_bytes()).splitlines()] == expected(
        "1"
    )
