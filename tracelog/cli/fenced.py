"""
Entries as an agent reads them at a terminal: a line each, in the fence that the tools of `tracelog mcp` use.
"""

import secrets
from collections.abc import Sequence
from typing import Final

from tracelog.core.entry import Entry
from tracelog.correlation.words import plural
from tracelog.mcp.rows import lines_of
from tracelog.render.answer import MOST_TOKENS, NONCE_BYTES, Answer, worded

ONE: Final = "one in full: tracelog search 'id:ID' --format json"


def fenced(entries: Sequence[Entry], *notes: str) -> str:
    """
    Return *entries* in the order of their time behind a line with their number and our *notes*; where they
    are more than an agent takes at once, the worst and the earliest, the others counted.
    """
    facts = "; ".join([plural(len(entries), "entry", "entries"), *filter(None, notes)])
    answer = Answer([facts], lines_of(entries, fold=False), [ONE] if entries else [])
    return worded(answer, secrets.token_hex(NONCE_BYTES), MOST_TOKENS)
