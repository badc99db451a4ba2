"""
What an environment says of who reads a program's output, and which hosts are this machine. Pure.
"""

import re
from collections.abc import Mapping
from typing import Final

_LOOPBACK: Final = re.compile(r"localhost|\[?::1\]?|127(\.[0-9]{1,3}){3}")

AGENT_SIGNS: Final = (
    "AI_AGENT",  # what agents are asked to agree on
    "AMP_CURRENT_THREAD_ID",
    "ANTIGRAVITY_AGENT",
    "AUGMENT_AGENT",
    "CLAUDECODE",
    "CLAUDE_CODE",
    "CLINE_ACTIVE",
    "CODEX_CI",
    "CODEX_SANDBOX",
    "CODEX_THREAD_ID",
    "COPILOT_CLI",
    "CURSOR_AGENT",
    "GEMINI_CLI",
    "GOOSE_TERMINAL",
    "OPENCODE",
    "OPENCODE_CLIENT",
    "QWEN_CODE",
)
"""What coding agents set for the commands that they run. Left out are signs of an editor or a machine in
which people type as well, such as `CURSOR_TRACE_ID` and `REPL_ID`, and keys that are set for good."""

_NO: Final = frozenset(["", "0", "false", "no", "off"])


def is_agent(environ: Mapping[str, str]) -> bool:
    """
    Whether *environ* is that of a command that a coding agent runs.
    """
    return any(environ.get(sign, "").lower() not in _NO for sign in AGENT_SIGNS)


def is_loopback(host: str) -> bool:
    """
    Whether *host* names this machine only.
    """
    return _LOOPBACK.fullmatch(host.lower()) is not None
