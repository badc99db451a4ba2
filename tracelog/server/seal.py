"""
Entries made final before anything looks at them: secrets out first, then cut to size.
"""

from tracelog.core.entry import Entry, Limits, encode_entry, encode_lines
from tracelog.core.redact import Redactor
from tracelog.core.straighten import cut_entry


def seal(entries: list[Entry], redactor: Redactor, limits: Limits) -> tuple[list[bytes], int]:
    """
    Return the final JSON of each of *entries*, and about how many bytes it is.

    The detector runs once over all of them; only when it fires is each entry looked at.

    Args:
        entries: Changed in place where something was taken out.
        redactor: The rules for secrets.
        limits: Of one entry.
    """
    whole = encode_lines(entries)
    rows = whole.split(b"\n")
    rows.pop()
    if redactor.suspect(whole):
        for index, row in enumerate(rows):
            if redactor.suspect(row):
                entries[index] = redactor.entry(entries[index])
                rows[index] = encode_entry(entries[index])
    longest = min(limits.message, limits.stack)
    if len(whole) > longest:
        for index, row in enumerate(rows):
            if len(row) > longest:
                entries[index] = cut_entry(entries[index], limits)
                rows[index] = encode_entry(entries[index])
    return rows, len(whole)
