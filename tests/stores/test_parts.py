"""
The pure parts of the stores: cursors, lines of traces, sentences for faults, lanes.
"""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis import exceptions as faults

from tests.stores.rows import NOON_MS, row
from tracelog.core.conditions import EVERYTHING, Narrow
from tracelog.core.entry import encode_entry
from tracelog.core.query import parse
from tracelog.errors import QuerySyntaxError
from tracelog.stores.cursors import Before, position, read_place, read_position, write_cursor
from tracelog.stores.hits import Hits, read
from tracelog.stores.redis_faults import explain, explain_text, is_lasting
from tracelog.stores.redis_lanes import Lanes
from tracelog.stores.redis_pack import Settings, pack
from tracelog.stores.summary import MAX_SYSTEMS, TITLE_CHARS, Gist, Summary, title_of

finite = st.floats(allow_nan=False, allow_infinity=False)


@given(finite, finite, st.text(), st.text())
def test_cursors_return(arrived: float, timestamp: float, trace_id: str, id_: str):
    """
    A cursor names exactly the place it was made of, and is safe in an address.
    """
    place = Before((arrived, timestamp, trace_id, id_), arrived)
    cursor = write_cursor(place)
    assert read_position(cursor) == place
    assert cursor.replace("-", "").replace("_", "").isalnum()
    assert read_place(write_cursor((arrived, trace_id))) == (arrived, trace_id)


@given(st.text(max_size=30))
def test_other_cursors_are_refused(cursor: str):
    """
    Any other text is refused as a cursor, and nothing else is raised.
    """
    for reader in (read_position, read_place):
        try:
            place = reader(cursor)
        except QuerySyntaxError:
            continue
        assert place is not None


def test_no_cursor():
    """
    No cursor is the first page.
    """
    assert (read_position(None), read_place(None)) == (None, None)


@pytest.mark.parametrize(
    ("message", "title"),
    [
        ("said", "said"),
        ("  said  \nmore", "said"),
        ("\n\n  \nsaid", "said"),
        ("a\r\nb", "a"),
        ("", ""),
        (" \n ", ""),
        ("x" * 1_000, "x" * TITLE_CHARS),
        ("\n" * 900 + "late", ""),
    ],
)
def test_titles(message: str, title: str):
    """
    A title is the first line that says something, and no longer than a line.
    """
    assert title_of(message) == title


def test_silent_first_error():
    """
    The title is the first error's even when that says nothing: a later one is not what went wrong first.
    """
    summary = Summary("trace-a")
    for message in ("", "later"):
        summary.add(Gist(level="error", message=message))
    assert summary.view(expires_at_ms=None).title == ""


def test_systems_are_bounded():
    """
    A line names so many systems and no more.
    """
    summary = Summary("trace-a")
    for at in range(MAX_SYSTEMS + 5):
        summary.add(Gist(system=f"s{at}"))
    assert len(summary.view(expires_at_ms=None).systems) == MAX_SYSTEMS


@pytest.mark.parametrize(
    ("error", "says", "lasting"),
    [
        (faults.OutOfMemoryError("command not allowed"), "full", False),
        (faults.BusyLoadingError("loading"), "loading", False),
        (faults.ReadOnlyError("You can't write"), "replica", False),
        (faults.MasterDownError("down"), "lost its primary", False),
        (faults.ClusterDownError("down"), "cluster is down", False),
        (faults.TryAgainError("multiple keys"), "moving", False),
        (faults.MovedError("3999 127.0.0.1:6381"), "part of a cluster", True),
        (faults.NoPermissionError("no"), "access list", True),
        (faults.AuthenticationError("Authentication required."), "wants a password", True),
        (
            faults.AuthenticationError("invalid username-password pair or user is disabled."),
            "refuses the user",
            True,
        ),
        (faults.ResponseError("MISCONF Errors writing to the AOF file"), "cannot save to disk", False),
        (faults.ResponseError("BUSY Redis is busy running a script"), "busy", False),
        (faults.ResponseError("WRONGTYPE Operation against a key"), "holds something else", True),
        (faults.ResponseError("ERR odd"), "ERR odd", False),
        (faults.TimeoutError("Timeout reading from socket"), "in time", False),
        (TimeoutError(), "in time", False),
        (faults.ConnectionError("Error 111 connecting to secret-host:6379"), "cannot be reached", False),
        (ConnectionRefusedError(), "cannot be reached", False),
    ],
)
def test_faults(error: Exception, says: str, lasting: bool):
    """
    Each fault of Redis is one sentence, and those that a person must mend are told apart.
    """
    fault = explain(error)
    assert says in str(fault)
    assert is_lasting(fault) is lasting
    assert "secret-host" not in str(fault)


def test_long_faults_are_cut():
    """
    An unknown error is repeated, but not at any length.
    """
    assert len(str(explain_text("ERR " + "x" * 10_000))) < 300


class TestHits:
    @given(st.lists(st.integers(0, 12), unique=True), st.integers(1, 5), st.none() | st.integers(0, 12))
    def test_any_order(self, seqs: list[int], limit: int, after: int | None):
        """
        Whatever order entries come in, the page holds the newest behind the cursor, and tells of more.
        """
        rows = {seq: row("trace-a", seq) for seq in range(13)}
        before = None if after is None else Before(position(rows[after][0]), NOON_MS)
        hits = Hits(parse(""), EVERYTHING, limit, before)
        for seq in seqs:
            hits.offer(rows[seq][1])
        expected = sorted((seq for seq in seqs if after is None or seq < after), reverse=True)
        page = hits.page(NOON_MS, [])
        assert page.items == [rows[seq][1] for seq in expected[:limit]]
        assert (page.cursor is None) is (len(expected) <= limit)

    def test_settled(self):
        """
        A full page is settled for everything that arrived before its last entry, and for nothing later.
        """
        hits = Hits(parse(""), EVERYTHING, 1, None)
        hits.offer(row("trace-a", 5)[1])
        assert not hits.settled(0)
        hits.offer(row("trace-a", 7)[1])
        assert [hits.settled(NOON_MS + at) for at in (4, 5, 6)] == [True, False, False]

    @pytest.mark.parametrize("raw", [b"", b"{", b"[]", b'{"timestamp":"x"}', b"\xff", b"[" * 100_000])
    def test_no_entries(self, raw: bytes):
        """
        What is no entry is no hit.
        """
        assert read(raw, parse(""), EVERYTHING) is None

    def test_bounds(self):
        """
        The first bound belongs to the range, the second does not.
        """
        bounds = Narrow(since_ms=NOON_MS, until_ms=NOON_MS + 2)
        found = [read(row("trace-a", seq)[1], parse(""), bounds) is not None for seq in (-1, 0, 1, 2)]
        assert found == [False, True, True, False]


class _Line:
    """
    A connection that answers with what it was sent, or waits for ever.
    """

    def __init__(self) -> None:
        self.is_connected = False
        self.sent: list[bytes] = []
        self.drops = 0

    async def can_read(self) -> bool:
        return False

    async def send_packed_command(self, pieces: list[bytes], *, check_health: bool) -> None:
        self.sent.append(pieces[0])
        self.is_connected = True

    async def read_response(self) -> bytes:
        await asyncio.sleep(3600 if self.sent[-1] == b"hang" else 0)
        return self.sent[-1]

    async def disconnect(self, nowait: bool = False) -> None:
        self.drops += 1
        self.is_connected = False


class TestLanes:
    def test_turns(self):
        """
        Whoever waits longest gets the next free connection; newcomers do not overtake.
        """

        async def play() -> list[bytes]:
            lines: list[_Line] = []

            def make() -> _Line:
                lines.append(_Line())
                return lines[-1]

            lanes = Lanes(make, timeout_s=5, lanes=1)
            await asyncio.gather(*(lanes.call([b"%d" % at]) for at in range(50)))
            await lanes.close()
            return lines[0].sent

        assert asyncio.run(play()) == [b"%d" % at for at in range(50)]

    def test_hanging(self):
        """
        A reply that never comes ends its own command and drops its connection; those who wait have their bound too.
        """

        async def play() -> tuple[list[object], int]:
            line = _Line()
            lanes = Lanes(lambda: line, timeout_s=0.05, lanes=1)
            answers = await asyncio.gather(
                *(lanes.call([each]) for each in (b"hang", b"a", b"b")), return_exceptions=True
            )
            again = await lanes.call([b"c"])
            assert again == b"c"
            drops = line.drops
            await lanes.close()
            return answers, drops

        answers, drops = asyncio.run(play())
        assert isinstance(answers[0], TimeoutError)
        assert drops == 1
        assert all(isinstance(answer, TimeoutError | bytes) for answer in answers)

    def test_closing_a_hanging_lane(self):
        """
        Closing does not wait for a dead server longer than its time limit, and closes all the same.
        """

        async def play() -> int:
            line = _Line()
            lanes = Lanes(lambda: line, timeout_s=0.05, lanes=1)
            hanging = asyncio.ensure_future(lanes.call([b"hang"]))
            await asyncio.sleep(0)
            await lanes.close()
            with pytest.raises(TimeoutError):
                await hanging
            return line.drops

        assert asyncio.run(play()) >= 1


@pytest.mark.parametrize("rows", [1, 16, 17, 2_001])
def test_packed_length(rows: int):
    """
    The packed call announces exactly the strings that follow, so that nothing after it is misread.
    """
    packed = pack(
        [row(f"trace-{at % 5}", at, "x\r\n*1", source=f"s{at % 70}") for at in range(rows)],
        now_ms=NOON_MS,
        settings=Settings(3600),
    )
    for call in packed:
        data = b"".join(call.pieces)
        count, at = int(data[1 : data.index(b"\r\n")]), data.index(b"\r\n") + 2
        strings = []
        while at < len(data):
            end = data.index(b"\r\n", at)
            size = int(data[at + 1 : end])
            strings.append(data[end + 2 : end + 2 + size])
            at = end + 4 + size
        assert (len(strings), strings[0]) == (count, b"EVALSHA")
    assert sorted(place for call in packed for place in call.places) == list(range(rows))


def test_entries_of_later_versions():
    """
    A field that this version does not know makes an entry no less an entry.
    """
    raw = encode_entry(row("trace-a", 1)[0])[:-1] + b',"later":{"x":1}}'
    assert read(raw, parse("said"), EVERYTHING) is not None
