"""
The Lua scripts, read from `lua/` and put together.

`trace.lua` and `trace_quota.lua` touch the keys of one trace only; `commit.lua` is the step that a server
without slots takes for all traces of a call and for what they share. A cluster runs the two halves apart.
"""

import hashlib
from functools import lru_cache
from importlib import resources
from typing import Final

from tracelog.core.store_bounds import COMMIT_PARTS, ENDED_PARTS, PLAIN_PARTS, SHARED_PARTS

_GATE_PARTS: Final = ("_clock", "_ring", "_advance", "_shares", "_pools", "_order", "")
"""The gate's script in reading order: each part uses those before it."""


def _read(*names: str) -> str:
    folder = resources.files("tracelog.stores") / "lua"
    return "\n".join((folder / name).read_text(encoding="utf-8") for name in names)


_LIMITED: Final = ("store.lua", "quota.lua", "echo.lua", "notes.lua", "trace_quota.lua")

COMMIT: Final = _read(*COMMIT_PARTS)
COMMIT_LIMITED: Final = _read(*SHARED_PARTS, *_LIMITED, "commit.lua")
"""The same, each trace within its quota."""

KEEP: Final = _read(*PLAIN_PARTS, "one.lua")
KEEP_LIMITED: Final = _read(*_LIMITED, "one.lua")
SHARE: Final = _read(*SHARED_PARTS, "share.lua")
"""The two halves for a cluster: one trace, and what traces share."""

COUNT: Final = _read(*ENDED_PARTS, "count.lua")
REPORT: Final = _read("report.lua")
FOLD: Final = _read("fold.lua")
HEAT: Final = _read("heat.lua")
ALIASES: Final = _read("aliases.lua")
PIN: Final = _read("pin.lua")
TAKE: Final = _read("take.lua")
RENEW: Final = _read("renew.lua")
SHOWN: Final = _read("shown.lua")
PROCESSED: Final = _read("processed.lua")
PURGE: Final = _read("purge.lua")
ORPHAN: Final = _read("orphan.lua")
GATE: Final = _read(*(f"gate{part}.lua" for part in _GATE_PARTS))


@lru_cache(maxsize=64)
def sha_of(script: str) -> bytes:
    """
    Return the digest by which EVALSHA names *script*.
    """
    return hashlib.sha1(script.encode(), usedforsecurity=False).hexdigest().encode()
