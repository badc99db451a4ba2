"""
Sampling: a pure function of trace id and rate, the same everywhere, that keeps or leaves whole traces.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracelog.core.quota_settings import OTHER
from tracelog.core.sample import SYSTEMS, Sampler, keep, number

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "sample.json").read_text(encoding="utf-8"))
IDS = st.one_of(
    st.text("0123456789abcdef", min_size=32, max_size=32),
    st.text("abcXYZ019_.:-", min_size=1, max_size=128),
)
RATES = st.floats(0, 1)


@pytest.mark.parametrize("case", VECTORS["cases"], ids=lambda case: case["trace_id"])
def test_the_vectors_hold(case):
    """
    Every shared id draws its number exactly, and is kept at the rates that the vectors say.
    """
    assert number(case["trace_id"]) == case["number"]
    assert {rate: keep(case["trace_id"], float(rate)) for rate in case["kept"]} == case["kept"]


@given(IDS, RATES, RATES)
def test_a_higher_rate_keeps_all_that_a_lower_one_keeps(trace_id, one, other):
    """
    The decision is monotone in the rate, and always the same.
    """
    low, high = sorted([one, other])
    assert keep(trace_id, low) <= keep(trace_id, high)
    assert keep(trace_id, low) == keep(trace_id, low)


@given(IDS)
def test_the_ends_are_certain(trace_id):
    """
    Rate 1 keeps every trace, rate 0 none, and every number lies between.
    """
    assert keep(trace_id, 1.0)
    assert not keep(trace_id, 0.0)
    assert 0 <= number(trace_id) <= 1


@pytest.mark.parametrize("form", ["trace_{}", "req-{:05d}", "{}", "{:032x}9e3779b97f4a7c15"])
def test_running_ids_are_kept_evenly(form):
    """
    Of each thousand of running ids about a fifth is kept, not runs of all or none.
    """
    ids = [form.format(n) for n in range(4_000)]
    if form.startswith("{:032x}"):
        ids = [f"{(n * 0x9E3779B97F4A7C15) % 2**128:032x}" for n in range(1, 4_001)]
    for start in range(0, 4_000, 1_000):
        assert 120 <= sum(keep(trace_id, 0.2) for trace_id in ids[start : start + 1_000]) <= 280


@pytest.mark.parametrize("seed", ["0", "77"])
def test_the_process_does_not_matter(seed):
    """
    Processes with other hash seeds keep the same traces.
    """
    program = (
        "from tracelog.core.sample import keep; print(*[n for n in range(200) if keep(f'trace_{n}', 0.2)])"
    )
    environment = {**os.environ, "PYTHONHASHSEED": seed}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == [str(n) for n in range(200) if keep(f"trace_{n}", 0.2)]


@pytest.mark.parametrize(
    ("mode", "used", "rate"),
    [
        ("pressure", 0.0, 1.0),
        ("pressure", 0.5, 1.0),
        ("pressure", 0.51, 0.2),
        ("always", 0.0, 0.2),
        ("off", 1.0, 1.0),
    ],
)
def test_the_mode_decides_when_there_is_sampling(mode, used, rate):
    """
    Ordinary levels are sampled under pressure, always or never; warnings and errors are not.
    """
    sampler = Sampler(mode, 0.2, 0.5)
    sampler.pressure("browser", used)
    assert sampler.is_active == (rate < 1)
    assert [sampler.rate("browser", level) for level in ("debug", "log", "info")] == [rate] * 3
    assert [sampler.rate("browser", level) for level in ("warn", "error", "fatal")] == [1.0] * 3


def test_pressure_is_of_one_system_and_ends():
    """
    One system under pressure does not thin another, and is itself again when the pressure ends.
    """
    sampler = Sampler("pressure", 0.2, 0.5)
    sampler.pressure("browser", 0.9)
    assert (sampler.rate("browser", "info"), sampler.rate("worker", "info")) == (0.2, 1.0)
    sampler.pressure("browser", 0.4)
    assert (sampler.rate("browser", "info"), sampler.is_active) == (1.0, False)


def test_invented_systems_are_bounded():
    """
    However many systems claim pressure, few are remembered.
    """
    sampler = Sampler("pressure", 0.2, 0.5)
    for n in range(1_000):
        sampler.pressure(f"s{n}", 1.0)
    assert sum(sampler.rate(f"s{n}", "info") < 1 for n in range(1_000)) == SYSTEMS


def test_systems_of_which_nothing_is_noted_are_as_others():
    """
    Pressure on `other` is on all systems that are not named, and on none that is.
    """
    sampler = Sampler("pressure", 0.2, 0.5)
    sampler.pressure("browser", 0.1)
    sampler.pressure(OTHER, 1.0)
    rates = {name: sampler.rate(name, "info") for name in ("browser", "mainframe", OTHER)}
    assert (rates, sampler.is_active) == ({"browser": 1.0, "mainframe": 0.2, OTHER: 0.2}, True)
    sampler.pressure(OTHER, 0.0)
    assert (sampler.rate("mainframe", "info"), sampler.is_active) == (1.0, False)
