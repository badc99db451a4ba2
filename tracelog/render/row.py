"""
What every face shows of a row in the same words: who spoke, and what was said.
"""

from tracelog.correlation import Row
from tracelog.render.text import clean


def who(row: Row) -> str:
    """
    Return the system of *row*, and its service where several services of that system spoke.
    """
    return clean(f"{row.system}/{row.service}" if row.service else row.system)


def said(row: Row) -> str:
    """
    Return the message of *row*, and in brackets what its exception tells besides.
    """
    text = clean(row.message)
    return f"{text} ({clean(row.error)})".lstrip() if row.error else text
