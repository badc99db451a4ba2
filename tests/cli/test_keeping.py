"""
`tracelog export`, `import`, `pin` and `unpin` against real servers: files move a trace between them.
"""

import pytest

from tests.cli.started import Served
from tests.server.running import Running

START = 1_795_350_664_000.0


@pytest.fixture
def stored(served: Served, trace: str) -> str:
    """
    The trace of a stored request.
    """
    hop = {"trace_id": trace, "source": "s", "context": {"n": 1}}
    failed = {"level": "error", "error": {"type": "Refused", "message": "<no> money"}}
    served.post(
        {**hop, "seq": 0, "system": "browser", "message": "click", "timestamp": START},
        {**hop, "seq": 1, "system": "backend", "message": "no", "timestamp": START + 5, **failed},
    )
    return trace


@pytest.mark.parametrize("suffix", ["json", "ndjson", "html", "otlp.json"])
def test_a_file_moves_a_trace(served, stored, tmp_path, suffix):
    """
    What `export` writes by the name of its file, `import` puts into another store: `show` then says the same.
    """
    file = tmp_path / f"trace.{suffix}"
    assert served.run("export", stored, "-o", str(file)).exit_code == 0
    with Running() as other:
        there = Served(f"http://127.0.0.1:{other.port}", tmp_path)
        done = there.run("import", str(file))
        assert (done.exit_code, done.stdout) == (0, f"{stored}\n")
        assert done.stderr == "tracelog: 2 entries imported\n"
        assert there.run("show", stored).stdout == served.run("show", stored).stdout
        again = there.run("import", str(file))
        assert again.stderr == "tracelog: 0 entries imported, 2 were there already\n"


def test_what_cannot_be_imported_is_a_sentence(served, tmp_path):
    """
    A file that is missing, no export, or in part unreadable ends with one sentence; the good part is taken.
    """
    none = served.run("import", str(tmp_path / "none.json"))
    assert (none.exit_code, len(none.stderr.splitlines())) == (2, 1)
    file = tmp_path / "other.json"
    file.write_text("hello")
    assert "is no export" in served.run("import", str(file)).stderr
    file.write_text('{"trace_id":"half-read","message":"good"}\n{"trace_id":3}\n')
    half = served.run("import", str(file))
    assert (half.exit_code, half.stdout) == (1, "half-read\n")
    assert "1 entries of" in half.stderr


def test_pin_and_unpin(served, stored):
    """
    `pin` keeps a trace for longer than its hour, `unpin` gives it that again; both print its id.
    """
    before = served.get(f"/api/v1/traces/{stored}")["expires_at"]
    kept = served.run("pin", stored[:12])
    assert (kept.exit_code, kept.stdout) == (0, f"{stored}\n")
    assert f"tracelog unpin {stored}" in kept.stderr
    assert served.get(f"/api/v1/traces/{stored}")["expires_at"] > before + 20 * 86_400_000
    assert served.run("unpin", stored).exit_code == 0
    assert served.get(f"/api/v1/traces/{stored}")["expires_at"] == pytest.approx(before, abs=5_000)
    again = served.run("unpin", stored)
    assert (again.exit_code, again.stderr) == (1, f"tracelog: trace {stored} is not pinned\n")
    assert served.get("/api/v1/pins")["pins"] == []
