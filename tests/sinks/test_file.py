"""
The file sink: whole lines of JSON, bounded, shared by processes, whatever happens in between.
"""

import gzip
import json
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from tests.sinks.parcels import parcel, row
from tracelog.core.encoding import PACKINGS, inflate
from tracelog.errors import ConfigError, SinkUnavailableError
from tracelog.sinks import open_sink
from tracelog.sinks.file import FileSink
from tracelog.testing import check_sink

ROOT = Path(__file__).resolve().parents[2]

WRITER = """
import sys
from tests.sinks.parcels import parcel
from tracelog.sinks.file import FileSink

sink = FileSink(sys.argv[1], max_bytes=20_000, keep=100, packing=sys.argv[3] or None)
for n in range(200):
    sink(parcel(f"{sys.argv[2]} {n}", f"{sys.argv[2]} {n} again"))
sink.close()
"""


def lines(*files: Path) -> list[dict]:
    found = []
    for file in files:
        data = file.read_bytes()
        found += (gzip.decompress(data) if file.suffix == ".gz" else data).splitlines()
    return [json.loads(line) for line in found]


def test_it_keeps_the_contract(tmp_path: Path):
    """
    The file sink meets every obligation of a sink.
    """
    check_sink(lambda: FileSink(tmp_path / "logs.ndjson"))


def test_entries_are_lines_of_json(tmp_path: Path):
    """
    Each entry is one line, whatever its message holds, in a file and a folder that only the user can read.
    """
    file = tmp_path / "deep" / "er" / "logs.ndjson"
    sink = open_sink(f"file://{file}")
    sink(parcel("one\ntwo\u2028three", row("with context", order=12)))
    sink(parcel())
    sink.close()
    assert [entry["message"] for entry in lines(file)] == ["one\ntwo\u2028three", "with context"]
    assert lines(file)[1]["context"] == {"order": 12}
    assert file.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("packing", [None, *PACKINGS])
def test_a_full_file_is_set_aside(packing: str | None, tmp_path: Path):
    """
    No file grows beyond its bound, so many are kept, the newest first, and what is in them can be read.
    """
    file = tmp_path / "logs.ndjson"
    sink = FileSink(file, max_bytes=1_000, keep=3, packing=packing)
    for n in range(40):
        sink(parcel(f"message {n}"))
    sink.close()
    ending = PACKINGS.get(packing or "", "")
    kept = [tmp_path / f"logs.ndjson.{number}{ending}" for number in (1, 2, 3)]
    assert sorted(tmp_path.iterdir()) == sorted([file, *kept])
    assert file.stat().st_size <= 1_000
    texts = [
        path.read_bytes() if packing is None else inflate(path.read_bytes(), packing.encode(), limit=10_000)
        for path in kept
    ]
    assert all(len(text) <= 1_000 for text in texts)
    told = [
        json.loads(line)["message"]
        for text in [*reversed(texts), file.read_bytes()]
        for line in text.splitlines()
    ]
    assert told == [f"message {n}" for n in range(40 - len(told), 40)]


def test_what_a_crash_left_while_packing_spoils_nothing(tmp_path: Path):
    """
    A draft of a writer that was killed is begun anew: nothing of it stands behind what is packed next.
    """
    (tmp_path / "logs.ndjson.1.packing").write_bytes(b"x" * 10_000)
    sink = FileSink(tmp_path / "logs.ndjson", max_bytes=1, keep=1)
    for n in range(2):
        sink(parcel(f"message {n}"))
    sink.close()
    packed = (tmp_path / "logs.ndjson.1.gz").read_bytes()
    assert json.loads(gzip.decompress(packed))["message"] == "message 0"


def test_none_is_kept_where_none_is_wanted(tmp_path: Path):
    """
    Without kept files a full one is removed, and a parcel larger than the bound is still one file.
    """
    file = tmp_path / "logs.ndjson"
    sink = FileSink(file, max_bytes=100, keep=0)
    for n in range(5):
        sink(parcel(f"message {n} {'x' * 200}"))
    sink.close()
    assert [path.name for path in tmp_path.iterdir()] == ["logs.ndjson"]
    assert len(lines(file)) == 1


@pytest.mark.parametrize("packing", ["", "gzip"])
def test_processes_share_a_file(packing: str, tmp_path: Path):
    """
    Four processes write to one file that is set aside many times: every entry is there once, in order, none torn.
    """
    file = tmp_path / "logs.ndjson"
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, str(file), name, packing], cwd=ROOT)
        for name in "abcd"
    ]
    assert [writer.wait(60) for writer in writers] == [0] * 4
    files = sorted(tmp_path.iterdir(), key=lambda path: -int("".join(filter(str.isdigit, path.name)) or 0))
    assert len(files) > 3
    told = [entry["message"] for entry in lines(*files)]
    for name in "abcd":
        own = [message for message in told if message.startswith(name)]
        assert own == [text for n in range(200) for text in (f"{name} {n}", f"{name} {n} again")]


def test_a_torn_line_spoils_no_other(tmp_path: Path):
    """
    What a crash left half-written is ended before the next line.
    """
    file = tmp_path / "logs.ndjson"
    file.write_bytes(b'{"message":"cut o')
    FileSink(file)(parcel("whole"))
    torn, whole = file.read_bytes().splitlines()
    assert torn == b'{"message":"cut o'
    assert json.loads(whole)["message"] == "whole"


def test_a_disk_that_is_full_is_tried_again(tmp_path: Path):
    """
    What cannot be written leaves no half line, is offered again, and is written once when there is room.
    """
    file = tmp_path / "logs.ndjson"
    sink = FileSink(file)
    sink(parcel("first"))
    size = file.stat().st_size
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 50, hard))
    try:
        with pytest.raises(SinkUnavailableError, match="cannot be written"):
            sink(parcel("x" * 200))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert file.stat().st_size == size
    sink(parcel("x" * 200))
    assert [entry["message"] for entry in lines(file)] == ["first", "x" * 200]


def test_a_file_that_others_removed_is_made_again(tmp_path: Path):
    """
    Whoever removes or renames the file, as logrotate does, finds the next entries in a new one.
    """
    file = tmp_path / "logs.ndjson"
    sink = FileSink(file)
    sink(parcel("one"))
    file.rename(tmp_path / "moved")
    sink(parcel("two"))
    file.unlink()
    sink(parcel("three"))
    assert [entry["message"] for entry in lines(tmp_path / "moved", file)] == ["one", "three"]


def test_a_folder_in_its_place_is_told(tmp_path: Path):
    """
    What cannot be opened is one sentence with the path.
    """
    with pytest.raises(SinkUnavailableError, match=f"{tmp_path} cannot be written"):
        FileSink(tmp_path)(parcel("one"))


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("file:", "file:relative/path"),
        ("file:///folder/", "file:relative/path"),
        ("file://host/path", "file:relative/path"),
        ("file:logs?max_bytes=many", "no whole number"),
        ("file:logs?max_bytes=-1", "must not be negative"),
        ("file:logs?packing=rar", "gzip"),
        ("file:logs?size=1", "'size' is no option"),
    ],
)
def test_a_wrong_address_is_told(url: str, sentence: str):
    """
    A URL that names no file, or an option that is none, is refused in one sentence.
    """
    with pytest.raises(ConfigError, match=sentence):
        open_sink(url)


def test_an_address_says_everything(tmp_path: Path):
    """
    Path, bounds and packing stand in the URL; blanks are escaped.
    """
    sink = open_sink(f"file://{tmp_path}/a%20b.ndjson?max_bytes=200&keep=1&packing=none")
    for n in range(4):
        sink(parcel(f"message {n}"))
    sink.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a b.ndjson", "a b.ndjson.1"]
