"""
The search language: what each term asks of an entry, and what may be skipped without asking.
"""

from typing import Any

import msgspec
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tracelog.core.entry import LEVELS, Entry, decode_entry, encode_entry
from tracelog.core.query import MAX_CHARS, MAX_TERMS, parse
from tracelog.core.search_text import text_of
from tracelog.errors import QuerySyntaxError

NOON_MS = 1_800_000_000_000.0

ENTRY = Entry(
    id="s-7",
    trace_id="ab12cd",
    timestamp=NOON_MS,
    system="worker",
    level="error",
    message='Card declined: "insufficient funds" at http://bank.example/pay',
    user_id="U1",
    service="checkout",
    logger="app.payments.card",
    environment="prod",
    release="1.4",
    area="checkout",
    span_id="00f067aa0ba902b7",
    parent_id="53995c3f42cd8ad8",
    duration_ms=1500.0,
    stack="TypeError: x\n  at pay (card.js:12)",
    error={"type": "TypeError", "message": "no funds", "cause": {"type": "BankError", "message": "code 51"}},
    context={
        "order": 12,
        "total": 99.5,
        "ok": False,
        "none": None,
        "code": "A-7",
        "amount": "12.50",
        "cart": {"items": [{"sku": "apple", "n": 3}, {"sku": "pear", "n": 1}], "coupon.code": "SPRING"},
        "empty": {},
        "note": "Straße",
        "größe": 4,
        "maße": {"höhe": 4},
        "日本": "東京",
    },
    source="src",
    seq=7,
    count=3,
    origin="server",
)


def matches(q: str, entry: Entry = ENTRY) -> bool:
    return parse(q, now_ms=NOON_MS + 60_000).matches(entry)


TRUE = [
    "",
    "   ",
    "declined",
    "DECLINED card",
    '"Card declined"',
    '"insufficient funds"',
    r'"\"insufficient funds\""',
    "http://bank.example/pay",
    "strasse",
    "BankError",
    '"code 51"',
    '"card.js:12"',
    "coupon",
    "apple",
    "99.5",
    "TypeError:",
    "level:error",
    "level:warn",
    "level:WARNING",
    "level:=error",
    "level:>=error",
    "level:>warn",
    "level:<fatal",
    "level:<=error",
    "system:worker",
    "system:browser,worker",
    "system:WORK*",
    "service:checkout logger:app.*",
    "logger:app.payments.card",
    "user:u1",
    "user_id:U1",
    "area:checkout",
    "env:prod environment:PROD",
    "release:1.4",
    "trace:ab12",
    "trace_id:ab12cd",
    "span:00f067aa0ba902b7",
    "parent:53995c3f42cd8ad8",
    "source:src id:s-7 seq:7 count:3 origin:server",
    "kind:entry",
    "error:TypeError",
    "error:bankerror",
    "error:Bank*",
    "message:declined",
    'msg:"card declined"',
    "stack:card.js",
    "dur:>100",
    "dur:1500",
    "dur:=1500",
    "dur:1.5s",
    "dur:>=1.5s",
    "dur:<1m",
    "dur:1000..2000",
    "dur:1500..2000",
    "dur:1000..1500",
    "dur:..2s",
    "dur:1s..",
    "since:2m",
    "since:1.5m",
    "-since:30s",
    "until:30s",
    "until:2027-01-15T08:00:01",
    "since:2027-01-15",
    "since:1800000000",
    "order:12",
    "order:12.0",
    "order:>11",
    "order:..12",
    "total:99.5",
    "ok:false",
    "none:null",
    "code:a-7",
    "code:A*",
    "code:x,a-7",
    "amount:12.5",
    "amount:>12",
    "cart.items.sku:pear",
    "cart.items.n:>2",
    "cart.coupon.code:spring",
    "context.order:12",
    "-debug -nothing",
    "-level:fatal",
    "-missing:1",
    'code:"A-7"',
    "--x",
    "user:*",
    "-why:*",
    'why:""',
    "größe:>3",
    "maße.höhe:4",
    "日本:東*",
]

FALSE = [
    "accepted",
    '"declined card"',
    "-declined",
    "level:fatal",
    "level:>error",
    "level:=warn",
    "level:<error",
    "system:work",
    "system:browser,backend",
    'system:"worker,browser"',
    'system:"work*"',
    "trace:12",
    "kind:summary",
    "error:Error",
    "message:TypeError",
    "dur:>1500",
    "dur:<1s",
    "dur:2000..3000",
    "since:30s",
    "until:2m",
    "order:13",
    "order:1",
    "order:<12",
    "ok:true",
    "code:>5",
    "code:A",
    "missing:1",
    'missing:""',
    "cart.items.sku:plum",
    "cart.items:apple",
    "cart:apple",
    "empty:apple",
    "order.deeper:1",
    'code:"a-7,x"',
    "declined level:fatal",
    "why:*",
    "-user:*",
    "größe:>4",
]


@pytest.mark.parametrize("q", TRUE)
def test_true(q: str):
    """
    These searches find the entry.
    """
    assert matches(q)
    assert parse(q, now_ms=NOON_MS + 60_000)(ENTRY)


@pytest.mark.parametrize("q", FALSE)
def test_false(q: str):
    """
    These searches do not find the entry.
    """
    assert not matches(q)


@pytest.mark.parametrize(
    ("q", "says"),
    [
        ('"open', "do not pair up"),
        ('a "b', "do not pair up"),
        ('"a"b', "do not pair up"),
        ('user:"open', "do not pair up"),
        ('-"open', "do not pair up"),
        ('note:"open', "do not pair up"),
        ('""', "empty text"),
        ('-""', "empty text"),
        ("-", "empty text"),
        ("a -", "empty text"),
        ("level:", "needs a value"),
        ("level:loud", "is none of debug, log, info, warn, error, fatal"),
        ("level:>", "is none of"),
        ("level:!error", "is none of"),
        ("dur:", "needs a value"),
        ("dur:long", "needs a number"),
        ("dur:>", "needs a number"),
        ("dur:1..x", "needs a number"),
        ("dur:5..1", "the smaller number comes first: 1..5"),
        ("dur:1s..900ms", "the smaller number comes first: 900ms..1s"),
        ("-seq:2..1", "the smaller number comes first: 1..2"),
        ("attempts:5..1", "the smaller number comes first: 1..5"),
        ("-cart.wait:2s..300ms", "the smaller number comes first: 300ms..2s"),
        ("since:1h until:2h", "since is later than until"),
        ("until:2026-01-01 x since:2026-01-02", "since is later than until"),
        ("seq:1e5", "needs a number"),
        ("since:", "needs a value"),
        ("since:yesterday", "is no time"),
        ("until:15x", "is no time"),
        ("x" * (MAX_CHARS + 1), "longer than"),
        ("a " * (MAX_TERMS + 1), "more than"),
        ("a\ud800", "half a character"),
        ("user:,", "no value beside it"),
        ("code:a,,b", "no value beside it"),
    ],
)
def test_refused(q: str, says: str):
    """
    What cannot be read is refused in one sentence that names it.
    """
    with pytest.raises(QuerySyntaxError, match=says) as refused:
        parse(q, now_ms=NOON_MS)
    assert refused.value.status == 400
    assert len(str(refused.value)) < 300 or len(q) > 100


@pytest.mark.parametrize("wrong", ["dur:long", "-level:loud", '""', "since:", 'user:"open'])
@pytest.mark.parametrize("before", ["", "   ", 'error "two words" -x ', "☕ é "])
def test_errors_say_where(before: str, wrong: str):
    """
    The sentence says as which character the term begins that cannot be read, whatever stands before it.
    """
    with pytest.raises(QuerySyntaxError, match=rf"\(character {len(before) + 1}\)$"):
        parse(f"{before}{wrong}", now_ms=NOON_MS)


def test_relative_time_needs_now():
    """
    A time that counts from now is refused when nobody says what time it is; a fixed one is not.
    """
    with pytest.raises(QuerySyntaxError, match="present time"):
        parse("since:15m")
    assert parse("since:2020-01-01").matches(ENTRY)


def test_absent_fields():
    """
    A bare entry matches no search for what it lacks, and every search for the opposite.
    """
    bare = Entry(id="i", trace_id="t", timestamp=NOON_MS, system="", level="info", message="")
    for q in ("user:u1", "dur:>0", "error:X", "order:1", "stack:x", "x", "seq:0"):
        assert not matches(q, bare)
        assert matches(f"-{q}", bare)


@pytest.mark.parametrize("level", LEVELS)
def test_levels_at_least(level: str):
    """
    A plain level means this or worse, by rank: the console's `log` ranks as `info`.
    """
    found = [name for name in LEVELS if matches(f"level:{level}", msgspec.structs.replace(ENTRY, level=name))]
    expected = {
        "debug": LEVELS,
        "log": LEVELS[1:],
        "info": LEVELS[1:],
        "warn": LEVELS[3:],
        "error": LEVELS[4:],
    }
    assert found == list(expected.get(level, LEVELS[5:]))


def test_kind():
    """
    A plain entry is of kind `entry`, any other of its own.
    """
    summary = msgspec.structs.replace(ENTRY, kind="summary")
    assert (matches("kind:summary", summary), matches("kind:entry", summary)) == (True, False)


@pytest.mark.parametrize(
    ("q", "narrow"),
    [
        ("a -b c", {"texts": ("a", "c")}),
        ("level:warn level:=error", {"rank": 3}),
        ("level:>error", {"rank": 4}),
        ("level:<error -level:warn", {"rank": 0}),
        ("trace:ab trace:abc", {"trace": "abc"}),
        ("since:100000000000 since:200000000000", {"since_ms": 200_000_000_000.0}),
        ("until:100000000000 until:200000000000", {"until_ms": 100_000_000_000.0}),
        ("user:U1 source:Src kind:x code:A*", {"texts": ("u1", "a"), "fields": ("src",)}),
        ("user:a,b order:12 code:{x -user:c", {"texts": ()}),
        ("stack:X error:T", {"texts": ("x", "t")}),
    ],
)
def test_narrow(q: str, narrow: dict[str, Any]):
    """
    Positive terms bound what a store needs to visit; negated ones never do.
    """
    found = parse(q).narrow
    assert {name: getattr(found, name) for name in narrow} == narrow


@given(st.text(st.characters(), max_size=60))
def test_anything_parses_or_is_refused(q: str):
    """
    Any text is either a search or refused as one; no other error comes out, of reading or of asking.
    """
    try:
        query = parse(q, now_ms=NOON_MS)
    except QuerySyntaxError:
        return
    assert query.matches(ENTRY) in (True, False)
    assert query.text == q


term = st.one_of(
    st.sampled_from([q for q in TRUE + FALSE if q.strip() and " " not in q and not q.startswith("-")]),
    st.from_regex(r"[a-z.]{1,6}:[^\s\"]{1,8}", fullmatch=True),
    st.from_regex(r"[^\s\"-][^\s]{0,6}", fullmatch=True),
)


@given(term)
def test_negation_is_complement(q: str):
    """
    A term with a minus holds exactly where the term does not.
    """
    try:
        found = matches(q)
    except QuerySyntaxError:
        return
    assert matches(f"-{q}") is not found


@given(st.lists(st.sampled_from([q for q in TRUE + FALSE if q.strip()]), max_size=4))
def test_terms_are_anded(terms: list[str]):
    """
    A search holds where all of its terms hold, in any order.
    """
    expected = all(matches(each) for each in terms)
    assert matches(" ".join(terms)) is expected
    assert matches("  ".join(reversed(terms))) is expected


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
entries = st.builds(
    Entry,
    id=st.just("i"),
    trace_id=st.just("t"),
    timestamp=st.just(NOON_MS),
    system=st.sampled_from(["browser", "worker"]),
    level=st.sampled_from(LEVELS),
    message=st.text(max_size=12),
    user_id=st.none() | st.text(max_size=6),
    source=st.none() | st.text(max_size=6),
    stack=st.none() | st.text(max_size=8),
    error=st.none() | st.fixed_dictionaries({"type": st.text(max_size=6), "message": st.text(max_size=6)}),
    context=st.none() | st.dictionaries(st.text("abc.", min_size=1, max_size=3), json_values, max_size=3),
)


@given(entries, st.data())
def test_skipping_is_safe(entry: Entry, data: st.DataObject):
    """
    Whatever an entry holds is found by it, so nothing that matches is skipped, by its JSON or by its text.
    """
    pieces = [piece for piece in text_of(entry).split("\n") if piece]
    assume(pieces)
    piece = data.draw(st.sampled_from(pieces))
    low = data.draw(st.integers(0, len(piece) - 1))
    text = piece[low : data.draw(st.integers(low + 1, len(piece)))]
    quoted = '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
    for q in (
        quoted,
        f"user:{quoted}",
        f"source:{quoted}",
        f"a:{quoted}",
        f"error:{quoted}",
        f"stack:{quoted}",
    ):
        query = parse(q)
        raw = encode_entry(entry)
        if query.matches(decode_entry(raw)):
            assert query.may_match(raw)
            assert all(part in text_of(entry) for part in query.narrow.texts)
    assert parse(quoted).matches(entry)


def test_skipping_skips():
    """
    JSON that holds none of the letters looked for is not worth decoding, in any case of letters.
    """
    raw = encode_entry(msgspec.structs.replace(ENTRY, message="Card declined", stack=None, context=None))
    assert parse("DECLINED").may_match(raw)
    assert parse("user:u1 declined").may_match(raw)
    assert not parse("accepted").may_match(raw)
    assert not parse("user:u2").may_match(raw)
    assert parse("-accepted").may_match(raw)
    assert parse("12").may_match(raw)


@pytest.mark.parametrize(
    ("q", "raw"),
    [
        ("declined", b'{"message":"\\u0064eclined"}'),
        ("kelvin", '{"message":"\u212aelvin"}'.encode()),
        ("strasse", '{"message":"Stra\u00dfe"}'.encode()),
        ("100.0", b'{"message":"","context":{"n":1E2}}'),
        ("1e2", b'{"message":"1e2"}'),
        ('"say \\"hi\\""', b'{"message":"say \\"hi\\""}'),
        ("/path", b'{"message":"\\/path"}'),
        ("user:bob", b'{"message":"","user_id":"\\u0042ob"}'),
    ],
)
def test_other_spellings(q: str, raw: bytes):
    """
    JSON may spell a text in several ways; none of them is skipped.
    """
    assert parse(q).matches(decode_entry(raw))
    assert parse(q).may_match(raw)
