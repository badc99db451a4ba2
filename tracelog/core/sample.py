"""
Sampling that keeps or leaves whole traces: the answer depends on the trace id alone.

Every process and language that meets a trace draws the same number from its id, so a trace is never kept in
one system and left out in another. Like OpenTelemetry's consistent probability sampling it keeps the high
numbers: what a tracer samples at the same rate is what is kept here, and a higher rate keeps all that a lower
one keeps.
"""

import re
from typing import Final
from zlib import crc32

from tracelog.core.quota_settings import OTHER

SAMPLED: Final = frozenset({"debug", "log", "info"})
"""Levels that are sampled. Warnings and errors are what one looks for in a log."""

SYSTEMS: Final = 256
"""Systems that are remembered: as many as quotas know by name, their aliases included, and that is a few."""

_W3C: Final = re.compile(r"[0-9a-f]{32}")
_RANDOM_DIGITS: Final = 14
"""56 bits: the part of a trace id that W3C Trace Context level 2 promises to be random."""

_BITS_32: Final = 0xFFFFFFFF


def number(trace_id: str) -> float:
    """
    Return the number that *trace_id* draws, evenly spread from 0 to 1.

    It is the low 56 bits of a W3C id; any other id is hashed (CRC-32, then the last step of MurmurHash3, or
    running numbers would come out in runs). Divided as doubles, so JavaScript draws the very same.
    """
    if _W3C.fullmatch(trace_id) is not None:
        return int(trace_id[-_RANDOM_DIGITS:], 16) / 2**56
    return _mixed(crc32(trace_id.encode("utf-8", "replace"))) / 2**32


def keep(trace_id: str, rate: float) -> bool:
    """
    Return whether the trace *trace_id* is among the share *rate* (0 to 1) that is kept.
    """
    if rate >= 1.0:
        return True
    return rate > 0.0 and number(trace_id) >= 1.0 - rate


class Sampler:
    """
    Knows the rate at which each system is sampled now.

    Args:
        mode: `pressure` samples a system that has used much of its share, `always` every system, `off` none.
        rate: Share of traces that is kept where there is sampling.
        above: Part of its share of the quota beyond which a system is under pressure.

    Attributes:
        is_active: Whether any system is sampled now.
    """

    def __init__(self, mode: str, rate: float, above: float) -> None:
        self._mode = mode
        self._rate = rate
        self._above = above
        self._pressed: dict[str, bool] = {}
        self._others = False
        self.is_active = mode == "always"

    def rate(self, system: str, level: str) -> float:
        """
        Return the share of traces whose ordinary entries of *level* are kept.
        """
        by_pressure = self._mode == "pressure"
        is_sampled = self._pressed.get(system, self._others) if by_pressure else self._mode == "always"
        return self._rate if is_sampled and level in SAMPLED else 1.0

    def pressure(self, system: str, used: float) -> None:
        """
        Note that *system* has used *used* (0 to 1) of its share of the quota. What is noted of `OTHER` holds
        for all systems of which nothing is noted.
        """
        if system == OTHER:
            self._others = used > self._above
        if system in self._pressed or len(self._pressed) < SYSTEMS:
            self._pressed[system] = used > self._above
        is_pressed = self._mode == "pressure" and True in self._pressed.values()
        self.is_active = is_pressed or self._mode == "always"


def _mixed(bits: int) -> int:
    bits ^= bits >> 16
    bits = bits * 0x85EBCA6B & _BITS_32
    bits ^= bits >> 13
    bits = bits * 0xC2B2AE35 & _BITS_32
    return bits ^ bits >> 16
