"""
Crooked input made straight: valid or refused by name, each repair named, nothing lost.
"""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.corpus import CROOKED, NOW, SPAN, STRAIGHT, TRACE, made, nested, told
from tracelog.core.entry import FIELDS, RANK, SYSTEM, Entry, Limits, encode_entry, is_span_id, is_trace_id
from tracelog.core.straighten import ALIASES, EARLIEST_MS, KINDS, LATEST_AHEAD_MS, SERVER_FIELDS, straighten
from tracelog.errors import InvalidEntryError


@given(STRAIGHT)
def test_a_straight_entry_stays_as_it_is(values):
    """
    Every field of the contract is kept as it was sent, and nothing is called fixed.
    """
    entry = made(**values)
    assert {name: getattr(entry, name) for name in values} == values
    assert entry.fixed is None


@given(CROOKED)
def test_anything_becomes_valid_or_is_refused_by_name(raw):
    """
    Whatever is sent, the entry is valid in every field, can be stored, and needs no second repair.
    """
    sent = repr(raw)
    entry = refused = None
    try:
        entry = straighten(raw, now_ms=NOW, new_trace_id=lambda: TRACE)
    except InvalidEntryError as error:
        refused = error.reason
    assert repr(raw) == sent, "the input is left as it is"
    if entry is None:
        assert refused in {"missing_message", "bad_trace_id"}
        return
    assert is_trace_id(entry.trace_id)
    assert EARLIEST_MS <= entry.timestamp <= NOW + LATEST_AHEAD_MS
    assert entry.level in RANK
    assert entry.system == "" or SYSTEM.fullmatch(entry.system)
    assert all(span is None or is_span_id(span) for span in (entry.span_id, entry.parent_id))
    assert entry.kind is None or entry.kind in KINDS
    assert (entry.origin, entry.received_at) == (None, None)
    assert len(entry.id) <= 128
    stored = encode_entry(entry)
    assert b"\\u0000" not in stored
    again = straighten(
        {name: value for name, value in msgspec.json.decode(stored).items() if name != "fixed"},
        now_ms=NOW,
        new_trace_id=lambda: TRACE,
    )
    entry.fixed = None
    assert again == entry


@given(
    STRAIGHT,
    st.dictionaries(
        st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=10),
        st.integers(0, 9),
        max_size=8,
    ),
)
def test_unknown_fields_are_kept_under_context(values, unknown):
    """
    No value under an unknown name is lost, even where the context has the same name.
    """
    names = {name for others in ALIASES.values() for name in others}
    unknown = {f"{key}": value for key, value in unknown.items() if key not in FIELDS | names}
    entry = made(**{**values, **unknown})
    context = entry.context or {}
    own = values.get("context") or {}
    assert {key: context[key] for key in own} == own
    assert sorted(value for key, value in context.items() if key not in own) == sorted(unknown.values())


@given(
    STRAIGHT,
    st.dictionaries(
        st.sampled_from(sorted(SERVER_FIELDS)), st.one_of(st.text(), st.floats(), st.lists(st.text()))
    ),
)
def test_what_only_the_server_says_is_never_believed(values, claims):
    """
    Origin, arrival and the list of repairs never come from the body, not even as context.
    """
    assert made(**{**values, **claims}) == made(**values)


@pytest.mark.parametrize("field", sorted(ALIASES))
def test_other_names_of_a_field(field):
    """
    Each other name stands in for the field when it is absent or null, and is an unknown field when it is not.
    """
    value = {
        "trace_id": "t1",
        "timestamp": NOW - 5,
        "span_id": SPAN,
        "parent_id": SPAN,
        "duration_ms": 1.5,
    }.get(field, "warn")
    for name in ALIASES[field]:
        sent = {"PRIORITY": 4, "priority": 4, "syslog_severity": 4}.get(name, value)
        base = {} if field == "message" else {"message": "m"}
        assert getattr(made(**base, **{name: sent}), field) == value
        assert getattr(made(**base, **{field: None, name: sent}), field) == value
        entry = made(**{"message": "m", field: value, name: "other"})
        assert getattr(entry, field) == value
        assert entry.context == {name: "other"}


def test_of_several_other_names_the_likeliest_is_taken():
    """
    The first name of the table wins whatever the order in the body; the rest are kept.
    """
    entry = made(text="last", event="second", msg="first")
    assert entry.message == "first"
    assert entry.context == {"text": "last", "event": "second"}


def test_the_original_does_not_push_out_a_field_of_the_same_name():
    """
    A sender's own `original_timestamp` and ours are both kept, the refused value even where keys are cut.
    """
    entry = made(message="m", timestamp="soon", context={"original_timestamp": "mine"})
    assert entry.context == {"original_timestamp_": "soon", "original_timestamp": "mine"}
    full = made(message="m", timestamp="soon", context={str(n): n for n in range(300)})
    assert full.context["original_timestamp"] == "soon"


@pytest.mark.parametrize(
    ("value", "context", "fixed"),
    [
        ({"a": 1}, {"a": 1}, False),
        ({}, {}, False),
        (None, None, False),
        ("text", {"value": "text"}, True),
        ([1, 2], {"value": [1, 2]}, True),
        (False, {"value": False}, True),
        (
            {"a": 10**25, "b": -(10**25), "c": 2**64 - 1, "d": 2**53 + 1},
            {"a": str(10**25), "b": str(-(10**25)), "c": 2**64 - 1, "d": 2**53 + 1},
            True,
        ),
        ({"a": float("nan"), "b": float("-inf"), "c": -0.0}, {"a": "nan", "b": "-inf", "c": -0.0}, True),
        ({"k\x00": "v\x00"}, {"k\\x00": "v\\x00"}, True),
        ({"\ud800": "\udfff"}, {"\ufffd": "\ufffd"}, True),
        ({"": 1}, {"": 1}, False),
        (
            {"__proto__": 1, "constructor": {"toString": 2}, "__class__": 3},
            {"__proto__": 1, "constructor": {"toString": 2}, "__class__": 3},
            False,
        ),
    ],
)
def test_contexts(value, context, fixed):
    """
    A context is kept exactly where JSON and its readers can hold it, else cleaned and named.
    """
    assert told("context", value) == (context, fixed)


def test_keys_that_become_alike_are_both_kept():
    """
    Cleaning never lets one value replace another.
    """
    halves = dict(zip(("\ud800", "\ud801", "\ufffd"), (1, 2, 3), strict=True))
    assert told("context", halves)[0] == {
        "\ufffd": 1,
        "\ufffd_": 2,
        "\ufffd__": 3,
    }
    names = list(told("context", {"k" * 1000 + "1": 1, "k" * 1000 + "2": 2})[0])
    assert len(set(names)) == 2
    assert max(map(len, names)) == Limits().name


@pytest.mark.parametrize(("depth", "kept"), [(31, True), (32, True), (33, False), (900, False)])
def test_depth(depth, kept):
    """
    Objects are kept 32 deep, the context itself included; what is deeper is cut and named.
    """
    entry = made(message="m", context=nested(depth))
    assert (entry.context == nested(depth)) is kept
    assert (entry.fixed is None) is kept
    if not kept:
        assert entry.context == nested(32, "[cut: nested too deep]")


@pytest.mark.parametrize(
    ("field", "form"),
    [
        ("message", lambda inner: {"a": inner}),
        ("message", lambda inner: [inner]),
        ("error", lambda inner: [inner]),
        ("user_id", lambda inner: {"a": inner}),
        ("system", lambda inner: [inner]),
        ("stack", lambda inner: [inner]),
        ("level", lambda inner: {"a": inner}),
    ],
)
def test_deep_values_where_text_belongs(field, form):
    """
    A value nested as deep as a decoder goes is harmless in any field.
    """
    value = 1
    for _ in range(5000):
        value = form(value)
    assert "[cut: nested too deep]" in encode_entry(made(**{"message": "m", field: value})).decode()


def test_breadth():
    """
    Objects keep 255 of more than 256 keys, lists 999 of more than 1,000 items, and both say how many are missing.
    """
    context = made(
        message="m", context={"o": {str(n): n for n in range(10_000)}, "l": [0] * 1_000_000}
    ).context
    assert len(context["o"]) == 256
    assert context["o"]["[cut]"] == "9745 more keys"
    assert len(context["l"]) == 1000
    assert context["l"][-1] == "[cut: 999001 more items]"
    assert told("context", {str(n): n for n in range(256)})[1] is False
    assert told("context", {"l": [0] * 1000})[1] is False


@given(st.dictionaries(st.text(max_size=3), st.integers(), min_size=0, max_size=12), st.integers(1, 6))
def test_own_limits(context, keys):
    """
    Limits are settings: whatever the number of keys allowed, no more are kept, and a second pass changes nothing.
    """
    limits = Limits(keys=keys)
    once = made(limits, message="m", context=context).context
    assert len(once) <= keys
    assert made(limits, message="m", context=once).context == once


def test_the_result_is_an_entry():
    """
    The minimal body becomes an entry with what every stored entry has.
    """
    assert straighten({"trace_id": "test_123", "message": "test"}, now_ms=NOW, new_trace_id=str) == Entry(
        trace_id="test_123", timestamp=NOW, level="info", message="test"
    )
