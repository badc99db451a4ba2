"""
Which system a request comes from, told by what its runtime sends by default.
"""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracelog.core.detect import SIGNS, UNKNOWN, detect_system
from tracelog.core.entry import SYSTEMS

CHROME = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"
)


@pytest.mark.parametrize(
    ("headers", "system"),
    [
        ({"user-agent": "Convex/1.0"}, "convex"),
        ({"cf-worker": "shop.example.com", "user-agent": "anything"}, "worker"),
        ({"cf-worker": ""}, "worker"),
        (
            {"user-agent": CHROME, "sec-fetch-site": "cross-site", "origin": "https://shop.example.com"},
            "browser",
        ),
        ({"user-agent": CHROME}, "browser"),
        ({"origin": "http://localhost:3000"}, "browser"),
        ({"origin": "null", "user-agent": "node"}, "backend"),
        ({"user-agent": "python-httpx/0.28"}, "backend"),
        ({"user-agent": "Python/3.11 aiohttp/3.9"}, "backend"),
        ({"user-agent": "tracelog-python/1"}, "backend"),
        ({"user-agent": "node", "sec-fetch-mode": "cors"}, "backend"),
        ({"user-agent": "undici"}, "backend"),
        ({"user-agent": "Go-http-client/2.0"}, "backend"),
        ({"user-agent": "Bun/1.2.4"}, "backend"),
        ({"user-agent": "Deno/2.1.4"}, "backend"),
        ({"user-agent": "axios/1.7.9"}, "backend"),
        ({"user-agent": CHROME, "origin": "https://a.example", "x-requested-with": "axios/1"}, "browser"),
        ({"user-agent": "Java/17.0.13"}, "backend"),
        ({"user-agent": "Java-http-client/21.0.5"}, "backend"),
        ({"user-agent": "Apache-HttpClient/5.4 (Java/21)"}, "backend"),
        ({"user-agent": "Ruby"}, "backend"),
        ({"user-agent": "Faraday v2.12.2"}, "backend"),
        ({"user-agent": "GuzzleHttp/7"}, "backend"),
        ({"user-agent": "OTel-OTLP-Exporter-JavaScript/0.200.0"}, "backend"),
        ({"user-agent": "okhttp/4.12.0"}, "manual"),
        ({"user-agent": "curl/8.5"}, "manual"),
        ({"cf-ray": "230b030023ae2822-SJC"}, "manual"),
        ({}, "manual"),
    ],
)
def test_runtimes_are_told_apart(headers, system):
    """
    Each runtime is known by a header of its own; who sends none of them is `manual`.
    """
    assert detect_system(headers) == system


def test_a_worker_is_a_worker_whoever_started_it():
    """
    A worker that passes on the headers of a browser is still the worker.
    """
    assert (
        detect_system({"cf-worker": "a.example", "sec-fetch-site": "same-origin", "user-agent": CHROME})
        == "worker"
    )


@given(st.dictionaries(st.sampled_from([sign.header for sign in SIGNS]), st.text(max_size=20)))
def test_the_answer_is_always_a_known_system(headers):
    """
    Whatever headers say, the answer is a system that tracelog knows by name.
    """
    assert detect_system(headers) in SYSTEMS


def test_the_documents_show_the_table():
    """
    Every row of the table stands in the reference, in the order in which it is asked.
    """
    page = (Path(__file__).parents[2] / "docs" / "reference" / "entry.md").read_text().lower()
    table = page.split("## how the system is told")[1].split("##")[0].split("\n")

    def row_of(sign):
        names = {f"`{sign.header}: {sign.value}", f"`{sign.value or sign.header}`"}
        return next(at for at, row in enumerate(table) if any(name in row for name in names))

    rows = [row_of(sign) for sign in SIGNS]
    assert rows == sorted(rows)
    assert [table[row].rsplit("|", 2)[1].strip() for row in rows] == [f"`{sign.system}`" for sign in SIGNS]


@pytest.mark.parametrize("sign", SIGNS, ids=[f"{sign.header} {sign.value}" for sign in SIGNS])
def test_every_sign_can_decide(sign):
    """
    No row of the table is hidden by an earlier one.
    """
    assert detect_system({sign.header: sign.value}) == sign.system
    assert sign.system in {*SYSTEMS} - {UNKNOWN}
