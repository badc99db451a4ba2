"""
An OpenTelemetry SDK for node as it comes, with its own exporters, and the server that it sends to.
"""

import subprocess

from tests.cli.started import ROOT


def test_an_unmodified_sdk_reads_well_in_a_report(world):
    """
    Spans (JSON) and records (protobuf) are one trace with parents right; the report names the error and its type.
    """
    command = ["node", str(ROOT / "tests" / "node" / "otel.mjs"), world.logs.url]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    trace_id = done.stdout.strip()
    entries = {entry["message"]: entry for entry in world.logs.read(f"traces/{trace_id}")["entries"]}
    outer, inner, paying, refused = (
        entries[name] for name in ("POST /pay", "ask bank", "paying", "bank refused")
    )
    assert {entry["system"] for entry in entries.values()} == {"backend"}
    assert inner["parent_id"] == paying["span_id"] == outer["span_id"]
    assert refused["span_id"] == inner["span_id"]
    assert (paying["user_id"], paying["service"], paying["logger"], paying["environment"]) == (
        "u7",
        "js-pay",
        "shop.pay",
        "test",
    )
    assert (refused["level"], inner["level"], inner["duration_ms"] >= 0) == ("error", "error", True)
    report = world.logs.read(f"traces/{trace_id}/report")
    assert report["systems"][0]["service"] == "js-pay"
    root = report["chains"][0]["root"]
    found = next(entry for entry in entries.values() if entry["id"] == root)
    assert found["error"]["type"] == "TypeError"
    assert "card declined" in found["error"]["message"]
