"""
Bounds of a store that several programs write to: a server, and the Redis sink beside it.

Both run the same script with the same arguments, so what both must know is said once, here.
"""

from typing import Final

CALL_ROWS: Final = 2_000
"""Rows a script call: Lua hands some 8,000 values to a command at most, and others are not kept waiting."""

MAX_LISTED: Final = 100_000
"""Traces that lists and searches see; older ones are still fetched by id until their time is over."""

LEDGER_TTL_S: Final = 24 * 3600
"""Counts outlive the entries they count: who looks the next morning still sees what was lost."""

QUEUE_BYTES: Final = 64 * 1024 * 1024
"""JSON that waits for processors at most, some 150,000 entries; `lines.lua` says the same. Past it entries
are stored as ever, and only their processing is cut, and counted."""

LIVE_ROWS: Final = 10_000
"""Rows of the live view; `shown.lua` says the same. Nobody scrolls further back."""

LIVE_TTL_S: Final = 3600
"""The live view is of the last hour, as the source design has it."""

PROCESS_S: Final = 12.0
PROCESS_SAMPLE: Final = 0.2
"""How often batches are processed and how much of what is ordinary they keep, as the source design has it."""

ENDED_PARTS: Final = ("runs.lua", "ended.lua")
SHARED_PARTS: Final = (*ENDED_PARTS, "lists.lua", "lines.lua", "listed.lua", "shared.lua")
PLAIN_PARTS: Final = ("store.lua", "trace.lua")
COMMIT_PARTS: Final = (*SHARED_PARTS, *PLAIN_PARTS, "commit.lua")
"""Files of the script that stores entries without a quota, in the order in which they use one another."""
