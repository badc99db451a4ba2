"""
`tracelog redact`: the text comes out without its secrets, and the explanation says where they were.
"""

import io
import json
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.cli.started import plain_environment
from tracelog.cli.redact import LONGEST_BLOCK, pieces, places
from tracelog.core.redact import Hit, Redactor

REDACT = [sys.executable, "-m", "tracelog", "redact"]
REDACTOR = Redactor()
PEM = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC\n-----END PRIVATE KEY-----"


def redact(data, *arguments, cwd, env=None):
    return subprocess.run(
        [*REDACT, *arguments],
        input=data,
        capture_output=True,
        cwd=cwd,
        env={**plain_environment(), "TRACELOG_REDACT_KEY": "k", **(env or {})},
        timeout=60,
        check=False,
    )


def test_text_and_explanation(tmp_path):
    """
    The text comes out with marks, other bytes unchanged; each hit is told by line, columns, rule and category.
    """
    data = f"é password=hunter2 x\r\nkey {PEM} \xff\ntoken=abc123def".encode("latin-1")
    done = redact(data, "--explain", cwd=tmp_path)
    assert done.returncode == 0
    assert b"hunter2" not in done.stdout + done.stderr
    assert done.stdout.startswith(b"\xe9 password=[REDACTED:password:")
    assert done.stdout.count(b"\n") == 2
    assert done.stderr.decode().splitlines() == [
        "line 1, columns 12-18: password (named value)",
        "line 2, column 5 to line 4, column 25: private_key (private key)",
        "line 5, columns 7-15: token (named value)",
    ]


def test_explanation_as_json(tmp_path):
    """
    With `--format json` each hit is one object; without `--explain` nothing is told.
    """
    done = redact(b"a password=hunter2\n", "--explain", "--format", "json", cwd=tmp_path)
    assert [json.loads(line) for line in done.stderr.splitlines()] == [
        {
            "line": 1,
            "column": 12,
            "end_line": 1,
            "end_column": 18,
            "rule": "password",
            "category": "named value",
        }
    ]
    assert redact(b"a password=hunter2\n", cwd=tmp_path).stderr == b""


@pytest.mark.parametrize(
    ("text", "arguments", "code"),
    [
        (b"password=hunter2", (), 0),
        (b"password=hunter2", ("--check",), 1),
        (b"nothing here", ("--check",), 0),
        (b"bob@example.com", ("--check",), 0),
        (b"bob@example.com", ("--check", "--pii", "email"), 1),
        (b"", ("--check",), 0),
        (b"x", ("--pii", "iris"), 2),
        (b"x", ("no-such-file",), 2),
    ],
)
def test_exit_codes(text, arguments, code, tmp_path):
    """
    1 means found where asked, 2 called wrongly, 0 everything else.
    """
    assert redact(text, *arguments, cwd=tmp_path).returncode == code


def test_files_and_settings_of_the_project(tmp_path):
    """
    A file is read, and own rules and names of the project's settings count; a slow rule is one sentence.
    """
    (tmp_path / "app.log").write_text("EMP-123456 customerNo=77x\n", encoding="utf-8")
    config = tmp_path / "pyproject.toml"
    rules = '[tool.tracelog.redact]\nkeys = ["customer_no"]\nrules = [{name = "employee", pattern = "%s"}]\n'
    config.write_text(rules % "EMP-[0-9]{6}", encoding="utf-8")
    done = redact(b"", "--explain", "app.log", cwd=tmp_path)
    assert done.stderr.decode().splitlines() == [
        "line 1, columns 1-10: employee (own)",
        "line 1, columns 23-25: customer_no (own)",
    ]
    config.write_text(rules % "(a+)+", encoding="utf-8")
    refused = redact(b"", "app.log", cwd=tmp_path)
    assert (refused.returncode, refused.stdout) == (2, b"")
    assert b"the own redaction rule 'employee' repeats without an upper bound" in refused.stderr
    assert refused.stderr.count(b"\n") == 1


class Trickle(io.RawIOBase):
    """
    A pipe that gives what somebody wrote in the same pieces.
    """

    def __init__(self, parts):
        super().__init__()
        self._parts = iter(parts)

    def read1(self, _size):
        return next(self._parts, b"")


@given(st.lists(st.sampled_from([b"a", b"\n", b"x\ny\n", b"-----BEGIN K-----", b"-----END K-----\n"])))
def test_pieces_are_the_source(parts):
    """
    Nothing is lost or changed on the way, and every piece but the last ends with a line.
    """
    got = list(pieces(Trickle(parts)))
    assert b"".join(got) == b"".join(parts)
    assert all(piece.endswith(b"\n") for piece in got[:-1])


def test_lines_are_passed_on_at_once_and_key_blocks_are_kept_together():
    """
    A whole line does not wait for the next; the lines of a key wait for its end, but not for ever.
    """
    block = [f"{line}\n".encode() for line in PEM.split("\n")]
    assert list(pieces(Trickle([b"one\n", b"two\nthr", b"ee\n", *block, b"four\n"]))) == [
        b"one\n",
        b"two\n",
        b"three\n",
        b"".join(block),
        b"four\n",
    ]
    endless = [block[0]] + [b"A" * 64 + b"\n"] * (2 * LONGEST_BLOCK // 65)
    assert max(map(len, pieces(Trickle(endless)))) <= LONGEST_BLOCK + 100
    assert max(map(len, pieces(Trickle([b"A" * 60_000] * 20)))) <= LONGEST_BLOCK + 60_000


@given(
    st.lists(st.sampled_from(["password=hunter2", "\n", "ä ", "token=abc123def\n", PEM, " "]), max_size=12)
)
def test_places_point_at_the_secrets(parts):
    """
    Lines and columns, counted from the first, lead to exactly what was replaced.
    """
    text = "".join(parts)
    hits = REDACTOR.explain(text).hits
    lines = text.split("\n")
    for hit, place in zip(hits, places(text, hits, 1), strict=True):
        secret = text[hit.start : hit.end]
        assert secret.startswith(lines[place.line - 1][place.column - 1 :][: len(secret.split("\n")[0])])
        assert lines[place.end_line - 1][: place.end_column].endswith(secret.split("\n")[-1])
    assert next(places("ab", [Hit("own", "own", 1, 1)], 7)).column == 2
