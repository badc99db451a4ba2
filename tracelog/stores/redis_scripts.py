"""
The Lua scripts, read from `lua/` and put together.

`trace.lua` touches the keys of one trace only; `commit.lua` is the step that a server without slots takes for
all traces of a call and for what they share. A cluster will run the two halves apart.
"""

import hashlib
from importlib import resources
from typing import Final

_GATE_PARTS: Final = ("_clock", "_ring", "_advance", "_shares", "_pools", "_order", "")
"""The gate's script in reading order: each part uses those before it."""


def _read(*names: str) -> str:
    folder = resources.files("tracelog.stores") / "lua"
    return "\n".join((folder / name).read_text(encoding="utf-8") for name in names)


COMMIT: Final = _read("shared.lua", "trace.lua", "commit.lua")
COUNT: Final = _read("count.lua")
GATE: Final = _read(*(f"gate{part}.lua" for part in _GATE_PARTS))


def sha_of(script: str) -> bytes:
    """
    Return the digest by which EVALSHA names *script*.
    """
    return hashlib.sha1(script.encode(), usedforsecurity=False).hexdigest().encode()
