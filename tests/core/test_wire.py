"""
Bytes become entries: form told by content, each item standing or falling alone.
"""

import pytest

from tests.core.corpus import GOOD, NOW, outcome, read, read_one, refusal
from tracelog.core.clean import shorten
from tracelog.core.entry import Entry
from tracelog.core.wire import Mint, decode_json


@pytest.mark.parametrize(
    ("body", "messages", "single"),
    [
        pytest.param(b'{"message":"a"}', ["a"], True, id="one object"),
        pytest.param(b'\xef\xbb\xbf{"message":"a"}', ["a"], True, id="byte order mark"),
        pytest.param(b' \r\n\t{"message":"a"} \n', ["a"], True, id="blanks around"),
        pytest.param(
            b'{\n  "message": "a",\n  "context": {\n    "x": {}\n  }\n}\n',
            ["a"],
            True,
            id="printed over lines",
        ),
        pytest.param(b'{"context": {}\n,"message":"a"\n}', ["a"], True, id="broken where a line could end"),
        pytest.param(
            b'{\r\n"message":"a","level":"WARN"\r\n}', ["a"], True, id="crooked and printed over lines"
        ),
        pytest.param(b"[]", [], False, id="empty array"),
        pytest.param(b" [ ] ", [], False, id="empty array with blanks"),
        pytest.param(b'[{"message":"a"}]', ["a"], False, id="array of one"),
        pytest.param(b'[\n {"message":"a"},\r\n {"message":"b"}\n]', ["a", "b"], False, id="printed array"),
        pytest.param(
            b'{"message":"a"}\n{"message":"b"}', ["a", "b"], False, id="lines without a final newline"
        ),
        pytest.param(
            b'{"message":"a"}\n{"message":"b"}\n', ["a", "b"], False, id="lines with a final newline"
        ),
        pytest.param(b'{"message":"a"}\r\n{"message":"b"}\r\n', ["a", "b"], False, id="CRLF"),
        pytest.param(
            b'\n\n{"message":"a"}\n\r\n \t\n{"message":"b"}\n\n', ["a", "b"], False, id="blank lines"
        ),
        pytest.param(
            b'\xef\xbb\xbf{"message":"a"}\n{"message":"b"}', ["a", "b"], False, id="lines behind a mark"
        ),
        pytest.param(
            b'{"message":"a"} \n  {"message":"b","level":"WARN"}',
            ["a", "b"],
            False,
            id="blanks and a crooked line",
        ),
        pytest.param(
            b'{"message":"{\\"}[\\n,"}\n{"message":"b","x":1}',
            ['{"}[\n,', "b"],
            False,
            id="brackets in strings",
        ),
        pytest.param(
            b'\x1e{"message":"a"}\n\x1e{"message":"b","x":1}\n', ["a", "b"], False, id="text sequence"
        ),
        pytest.param(
            b'\xef\xbb\xbf\x1e\x1e\n \x1e{\n"message":"a"\n}\r\n\x1e\x1e{"message":"\\u001e"}\x1e',
            ["a", "\x1e"],
            False,
            id="text sequence with nothing in places",
        ),
        pytest.param(b'\x1e{"message":"a"}', ["a"], False, id="text sequence of one"),
        pytest.param(b"\x1e\n\x1e", [], False, id="text sequence of none"),
    ],
)
def test_forms(body, messages, single):
    """
    One object, an array and lines of objects are told apart by content alone.
    """
    batch = read(body)
    assert [entry.message for entry in batch.entries] == messages
    assert batch.places == list(range(len(messages)))
    assert (batch.single, batch.drops) == (single, [])


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        pytest.param(b"", "empty", id="nothing"),
        pytest.param(b" \r\n\t ", "empty", id="blanks"),
        pytest.param(b"\xef\xbb\xbf", "empty", id="only a mark"),
        pytest.param(b"null", "not_json", id="null"),
        pytest.param(b"true", "not_json", id="true"),
        pytest.param(b"1", "not_json", id="a number"),
        pytest.param(b'"x"', "not_json", id="a string"),
        pytest.param(b"message=hello", "not_json", id="a form"),
        pytest.param(b"\x1f\x8b\x08\x00", "not_json", id="gzip that nobody inflated"),
        pytest.param('{"message":"a"}'.encode("utf-16"), "not_json", id="UTF-16"),
        pytest.param(b"\x92\x81\xa1v\x01\x90", "not_json", id="msgpack"),
        pytest.param(b'[{"message":"a"}', "bad_json", id="array cut off"),
        pytest.param(b'[{"message":"a"},', "bad_json", id="array cut off behind a comma"),
        pytest.param(b'[{"message":"a', "bad_json", id="array cut off in a string"),
        pytest.param(b'[{"message":"a\\', "bad_json", id="array cut off in an escape"),
        pytest.param(b'[{"message":"a"},]', "bad_json", id="trailing comma"),
        pytest.param(b'[,{"message":"a"}]', "bad_json", id="leading comma"),
        pytest.param(b"[,]", "bad_json", id="comma alone"),
        pytest.param(b'[{"message":"a"}]]', "bad_json", id="one bracket too many"),
        pytest.param(b'[{"message":"a"}][{"message":"b"}]', "bad_json", id="two arrays"),
        pytest.param(b'[{"message":"a"}]\n{"message":"b"}', "bad_json", id="an array and a line"),
        pytest.param(b"[", "bad_json", id="a bracket"),
        pytest.param(b"[" * 1_000_000, "bad_json", id="a million brackets"),
        pytest.param(b"[[{" * 300_000, "bad_json", id="brackets of both kinds"),
        pytest.param(b"[1][1]" * 300_000, "bad_json", id="brackets opened and closed"),
        pytest.param(b"[" + b"[1]{" * 300_000, "bad_json", id="more runs of brackets than are looked at"),
    ],
)
def test_what_is_no_body(body, reason):
    """
    A body that as a whole is none is refused with a status, a reason and one sentence.
    """
    error = refusal(body)
    assert (error.status, error.reason) == (400, reason)
    assert "\n" not in str(error)


@pytest.mark.parametrize(
    ("body", "kept", "dropped"),
    [
        pytest.param(b"{}", [], [(0, "missing_message")], id="empty object"),
        pytest.param(b"{", [], [(0, "bad_json")], id="a brace"),
        pytest.param(b'{"message":"a"', [], [(0, "bad_json")], id="object cut off"),
        pytest.param(b'{"message":"a",}', [], [(0, "bad_json")], id="trailing comma"),
        pytest.param(b'{"message":"a" /* b */}', [], [(0, "bad_json")], id="comment"),
        pytest.param(b"{'message':'a'}", [], [(0, "bad_json")], id="single quotes"),
        pytest.param(b"{message:1}", [], [(0, "bad_json")], id="bare key"),
        pytest.param(b'{"message":"a"}{"message":"b"}', [], [(0, "bad_json")], id="two objects on one line"),
        pytest.param(b'{"message":"a\tb"}', [], [(0, "bad_json")], id="raw control character"),
        pytest.param(b'{"message":"a","trace_id":"*"}', [], [(0, "bad_trace_id")], id="bad trace id"),
        pytest.param(b'{"message":"a","trace_id":""}', [], [(0, "bad_trace_id")], id="empty trace id"),
        pytest.param(b'{"message":"a","trace_id":"\\u0000"}', [], [(0, "bad_trace_id")], id="NUL in the trace id"),
        pytest.param(b'{"message":"a"}\n{"mess', [(0, "a")], [(1, "bad_json")], id="last line cut off"),
        pytest.param(b'{"mess\n{"message":"a"}', [(1, "a")], [(0, "bad_json")], id="first line cut off"),
        pytest.param(b'{"message":"x\n{"message":"a"}\n', [(1, "a")], [(0, "bad_json")], id="first line cut off in a string"),
        pytest.param(b'{{\n{"message":"a"}\n', [(1, "a")], [(0, "bad_json")], id="first line never closed"),
        pytest.param(b'{"message":"a"}\nnull\n[]\n1\n{"message":"b"}', [(0, "a"), (4, "b")], [(1, "not_an_object"), (2, "not_an_object"), (3, "not_an_object")], id="lines of other types"),
        pytest.param(b'{"message":"a"}{"message":"b"}\n{"message":"c"}', [(1, "c")], [(0, "bad_json")], id="two objects on the first line"),
        pytest.param(b'[{"message":"a"},5,{"message":"b"}]', [(0, "a"), (2, "b")], [(1, "not_an_object")], id="a number in an array"),
        pytest.param(b'[{"message":"a"},{},{"message":"b"}]', [(0, "a"), (2, "b")], [(1, "missing_message")], id="an empty object in an array"),
        pytest.param(b'{"message":"a","n":-NaN}', [], [(0, "bad_json")], id="a NaN with a sign"),
        pytest.param(b'{"message":"a","n":nan}', [], [(0, "bad_json")], id="a NaN in small letters"),
        pytest.param(b'{"message":"a","n":1e999', [], [(0, "bad_json")], id="cut off behind a large number"),
        pytest.param(b'{"message":"a","n":' + b"1" * 5000 + b"x}", [], [(0, "bad_json")], id="digits and a letter"),
        pytest.param(b'[{"message":"a"},{"n":NaN},{"message":"b"}]', [(0, "a"), (2, "b")], [(1, "missing_message")], id="NaN and no message"),
        pytest.param(b'\x1e{"message":"a"\n\x1e{"message":"b"}\n\x1e7', [(1, "b")], [(0, "bad_json"), (2, "not_an_object")], id="a text sequence cut off within"),
        pytest.param(b'[{"message":"a",,},{"message":"b"}]', [(1, "b")], [(0, "bad_json")], id="commas in an item"),
        pytest.param(b'[{"message":"a"],{"message":"b"}]', [(1, "b")], [(0, "bad_json")], id="brackets that do not match"),
        pytest.param(b'[{"a":"\x01]},{"},{"message":"b"}]', [(1, "b")], [(0, "bad_json")], id="brackets in a bad string"),
        pytest.param(b'[tru,{"message":"b\\\\"},"\\\\",{"message":"c"}]', [(1, "b\\"), (3, "c")], [(0, "bad_json"), (2, "not_an_object")], id="scalars and backslashes"),
    ],
)  # fmt: skip
def test_one_bad_item_falls_alone(body, kept, dropped):
    """
    A bad line or item is rejected with its place and reason; the others are taken.
    """
    assert outcome(body) == (kept, dropped)


WILD = ["NaN", "Infinity", "-Infinity", "1e999", "-1E+400", "1" * 400 + ".5", "-" + "7" * 5000]


@pytest.mark.parametrize("form", ["%s", "[%s]", '%s\n{"message":"b"}', '[{"message":"b"},%s]'])
@pytest.mark.parametrize("number", WILD, ids=lambda number: number[:9])
def test_a_number_out_of_range_costs_no_entry(number, form):
    """
    A number that JSON does not know or nobody can hold is kept as the text it was, wherever it stands in a
    context, and `fixed` names the context.
    """
    item = f'{{"trace_id":"t","message":"a","x":{number},"context":{{"n":[1,{{"m":{number}}}]}}}}'
    batch = read((form % item).encode())
    assert batch.drops == []
    (entry,) = [entry for entry in batch.entries if entry.message == "a"]
    assert entry.context == {"n": [1, {"m": number}], "x": number}
    assert entry.fixed == ["context"]


@pytest.mark.parametrize("number", WILD, ids=lambda number: number[:9])
@pytest.mark.parametrize("field", ["timestamp", "duration_ms", "seq", "count", "sample_rate", "span_id"])
def test_a_field_that_a_number_does_not_fit_refuses_it(field, number):
    """
    In a field of ours such a number is refused like any other wrong value, and kept beside it.
    """
    entry = read_one(f'{{"message":"a","{field}":{number}}}'.encode())
    assert entry.context == {f"original_{field}": number}
    assert field in entry.fixed
    assert getattr(entry, field) == (NOW if field == "timestamp" else None)


@pytest.mark.parametrize(
    ("field", "read_as"),
    [
        ("message", "1e999"),
        ("user_id", "1e999"),
        ("stack", "1e999"),
        ("error", {"type": "Error", "message": "1e999"}),
    ],
)
def test_a_text_that_is_such_a_number_says_what_was_written(field, read_as):
    """
    Where a text belongs, the number is read as it was written.
    """
    entry = read_one(f'{{"message":"a","{field}":1e999}}'.encode())
    assert getattr(entry, field) == read_as
    assert entry.fixed == [field]


@pytest.mark.parametrize(
    ("item", "who"),
    [
        ({"source": "q8", "seq": 1, "system": "worker"}, ("q8-1", "q8", 1, "worker")),
        ({"id": "mine", "source": "q8", "seq": "7"}, ("mine", "q8", 7, "")),
        ({"source": "s" * 200, "system": "My App"}, ("", shorten("s" * 200, 96), None, "my-app")),
        ({"message": "m", "trace_id": "*", "source": "q8", "id": ["a", 1]}, ("a 1", "q8", None, "")),
        ({"seq": {}, "source": 5, "system": []}, ("", "5", None, "")),
        (7, None),
        (None, None),
    ],
)
def test_a_refused_entry_is_told_apart(item, who):
    """
    Of an entry that is refused, what says whose it was is kept, straightened like that of any other.
    """
    (drop,) = read([{"message": "ok"}, item]).drops
    told = drop.entry
    assert (told and (told.id, told.source, told.seq, told.system)) == who


def test_one_broken_line_in_a_hundred():
    """
    99 of 100 lines are kept, each with its own place, when one is broken.
    """
    lines = [GOOD] * 100
    lines[41] = b'{"message":'
    batch = read(b"\n".join(lines))
    assert len(batch.entries) == 99
    assert batch.places == [n for n in range(100) if n != 41]
    (drop,) = batch.drops
    assert (drop.index, drop.outcome, drop.reason) == (41, "rejected", "bad_json")
    assert drop.error.startswith("the entry is not valid JSON")


def test_the_minimal_body():
    """
    A trace id and a message are enough; the rest is filled in and nothing is called fixed.
    """
    assert read_one(b'{"trace_id":"test_123","message":"test"}') == Entry(
        id="minted-1", trace_id="test_123", timestamp=NOW, level="info", message="test"
    )


@pytest.mark.parametrize("extra", [{}, {"unknown": 1}], ids=["fast", "slow"])
@pytest.mark.parametrize(
    ("sent", "entry_id"),
    [
        ({"id": "mine"}, "mine"),
        ({"source": "p1", "seq": 0}, "p1-0"),
        ({"source": "p1", "seq": 7, "id": ""}, "p1-7"),
        ({"source": "p1"}, "minted-1"),
        ({"seq": 7}, "minted-1"),
        ({"source": "", "seq": 7}, "minted-1"),
        ({}, "minted-1"),
    ],
)
def test_ids(sent, entry_id, extra):
    """
    An entry without an id is named after its source and number, else by the mint.
    """
    assert read_one({"message": "m", **sent, **extra}).id == entry_id


@pytest.mark.parametrize("extra", [b"", b',"x":1'], ids=["fast", "slow"])
def test_a_body_mints_no_more_than_it_needs(extra):
    """
    Whatever way is taken, one trace id and one entry id are made for each entry that has none.
    """
    made = []
    bare = Mint(lambda: made.append("trace") or "t1", lambda: made.append("id") or "i1")
    body = b'[{"message":"a"},{"message":"b","trace_id":"t","id":"i"' + extra + b"}]"
    decode_json(body, now_ms=NOW, mint=bare)
    assert sorted(made) == ["id", "trace"]
