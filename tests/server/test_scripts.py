"""
The scripts that pages load: small, fresh, for any origin, and the same as the modules they are made of.
"""

import gzip
import json
import re
import subprocess

import pytest

from tests.server.running import request
from tracelog.core.redact_rules import RULES_FILE
from tracelog.server.bundle import FOLDER
from tracelog.server.scripts import PATHS, page_rules, scripts
from tracelog.server.tight import tight

CORE_BYTES = 6 * 1024
DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"


def test_the_core_is_small():
    """
    What every page needs has at most 6 KB by gzip; with all parts and rules it is one request below 24 KB.
    """
    assert len(scripts()["/tracelog-core.js"].packed) <= CORE_BYTES
    assert len(scripts()["/tracelog.js"].packed) <= 24 * 1024


@pytest.mark.parametrize("path", PATHS)
def test_any_page_may_load_a_script(direct, path):
    """
    Scripts need no key and no allowed origin, travel packed, and are asked for anew only when they changed.
    """
    plain = direct.get(path, ("Origin", "https://shop.example"))
    assert plain.status == 200
    assert plain.header("access-control-allow-origin") == "*"
    assert plain.header("content-type").split(";")[0] in {"text/javascript", "application/json"}
    packed = direct.get(path, ("Accept-Encoding", "gzip, br"))
    assert packed.header("content-encoding") == "gzip"
    assert gzip.decompress(packed.body) == plain.body
    again = direct.get(path, ("If-None-Match", plain.header("etag")))
    assert (again.status, again.body) == (304, b"")
    assert direct.ask(request("POST", path, b"x")).status == 405


def test_it_is_a_classic_script_and_a_module(tmp_path):
    """
    `/tracelog.js` parses as either, `/tracelog.mjs` as a module; no name at the top of two modules is the same.
    """
    for path, name in [
        ("/tracelog.js", "a.cjs"),
        ("/tracelog.js", "a.mjs"),
        ("/tracelog.mjs", "b.mjs"),
        ("/tracelog-core.js", "c.cjs"),
        ("/tracelog-worker.js", "d.mjs"),
        ("/tracelog-convex.js", "e.mjs"),
    ]:
        file = tmp_path / name
        file.write_bytes(scripts()[path].body)
        subprocess.run(["node", "--check", file], check=True)


def test_nothing_is_lost_but_comments():
    """
    The file holds every line of the modules but comments, imports and the word `export`.
    """
    served = scripts()["/tracelog.js"].body.decode()
    assert "/**" not in served
    assert not re.search(r"^(import|export)\b", served, re.MULTILINE)
    for module in ("core.js", "ship.js", "redact.js", "network.js", "more.js"):
        for name in re.findall(
            r"^export (?:async )?(?:function|const) (\w+)", FOLDER.joinpath(module).read_text(), re.MULTILINE
        ):
            assert re.search(rf"^(async )?(function|const) {name}\b", served, re.MULTILINE), name


def read_vlq(text):
    numbers, value, shift = [], 0, 0
    for sign in text:
        digit = DIGITS.index(sign)
        value |= (digit & 31) << shift
        shift += 5
        if not digit & 32:
            numbers.append(-(value >> 1) if value & 1 else value >> 1)
            value = shift = 0
    return numbers


def test_the_map_leads_to_the_line_of_the_module():
    """
    Every line that is served is found in its module where the map says, and all modules are ignored.
    """
    body = scripts()["/tracelog.js"].body.decode().split("\n")
    told = json.loads(scripts()["/tracelog.js.map"].body)
    assert told["ignoreList"] == list(range(len(told["sources"])))
    module = number = checked = 0
    for line, mapping in zip(body, told["mappings"].split(";"), strict=False):
        if not mapping:
            continue
        _, to_module, to_line, _ = read_vlq(mapping)
        module, number = module + to_module, number + to_line
        original = told["sourcesContent"][module].split("\n")[number].strip()
        original = re.sub(r"/\*\*.*?\*/ ?", "", original)
        if not original.startswith("import "):
            assert tight("\n" + original.removeprefix("export "))[1:] == line
        checked += 1
    assert checked > 500


def test_pages_get_the_shared_rules_that_they_can_use():
    """
    They are rows of the one rules file: no personal data, no rule that looks around, nothing changed.
    """
    rules, told = json.loads(RULES_FILE.read_bytes()), page_rules()
    shapes = rules["redaction"]["shapes"]
    assert all(shape in shapes for shape in told["redaction"]["shapes"])
    assert len(told["redaction"]["shapes"]) > 55
    assert not any(
        "pii" in rule for rule in told["redaction"]["shapes"] + told["redaction"]["keys"]["groups"]
    )
    assert told["noise"]["starts"] == rules["noise"]["starts"]
    assert list(told["guard"]["normal"]) == [50, 25, 12, 6]


def test_a_page_is_told_one_word_of_the_status(direct):
    """
    A page of any origin may ask whether to capture; the rest of the status stays closed to it.
    """
    asked = direct.get("/api/v1/status?page=1", ("Origin", "https://shop.example"))
    assert asked.json == {"capture": True}
    assert asked.header("cache-control") == "no-store"
    assert direct.get("/api/v1/status", ("Origin", "https://shop.example")).status == 403


PARCEL = {"report": {"emitted": 3, "dropped": {"noise": 1}}, "source": "browser-1", "entries": []}


def test_a_parcel_brings_entries_and_the_ledger_of_its_page(way):
    """
    What a page dropped is in the ledger of its source, together with what it sent.
    """
    parcel = {**PARCEL, "source": f"page-{id(way)}"}
    entries = [{"trace_id": "t1", "message": "a", "source": parcel["source"], "seq": 0}, {"message": ""}]
    answer = way.post({**parcel, "entries": entries})
    assert (answer.json["accepted"], [each["reason"] for each in answer.json["rejected"]]) in [
        (1, ["missing_message"]),
        (2, []),
    ]
    ledger = way.get(f"/api/v1/ledger?source={parcel['source']}").json
    assert ledger["emitted"] == 3
    assert ledger["dropped"] == {"noise": 1}


def test_a_parcel_without_entries_is_a_report(way):
    """
    A page that dropped everything says so.
    """
    parcel = {**PARCEL, "source": f"quiet-{id(way)}", "report": {"emitted": 1, "dropped": {"noise": 1}}}
    assert way.post(parcel).json["success"] is True
    ledger = way.get(f"/api/v1/ledger?source={parcel['source']}").json
    assert (ledger["emitted"], ledger["balanced"]) == (1, True)


@pytest.mark.parametrize(
    "body",
    [
        b'{"report": 1, "source": "s", "entries": []}',
        b'{"report": {}}',
        b'{"report": {}, "source": "s", "entries": 7}',
        b'{"report":',
        b'{"report": {}, "source": 1, "entries": []}',
    ],
)
def test_what_is_no_parcel_is_refused_with_a_reason(way, body):
    """
    Never a fault of the server, always one sentence.
    """
    answer = way.post(body)
    assert answer.status == 400
    assert answer.json["error"]


def test_half_a_letter_costs_no_parcel(way):
    """
    A page may cut a letter in two; what it sends arrives with U+FFFD there.
    """
    body = b'{"report": {}, "source": "half", "entries": [{"trace_id": "half1", "message": "x \\ud800 y"}]}'
    assert way.post(body).json["accepted"] == 1
    assert way.get("/api/v1/traces/half1").json["entries"][0]["message"] == "x \ufffd y"
