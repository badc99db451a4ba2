"""
What happens to rows between the queue and the sinks: the literal list of the background thread.

The order is the promise: what a hook adds is redacted too, and cutting comes after redaction, so that a cut
never hides half of a secret. A row that ends here leaves a `HOLE`, so that the others keep their numbers.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final, Protocol

from tracelog.client.load import SAID, Load
from tracelog.client.odd import encode_whole, shown
from tracelog.client.pipeline import LEVEL_INDEX
from tracelog.client.witness import WITNESSES
from tracelog.core.compact import Header, Ids, Meta, Row, pack_id, read_rows
from tracelog.core.cut import cut_entry
from tracelog.core.entry import DEFAULT_LIMITS, Entry
from tracelog.core.rows import EXTRA_FIELDS

Hook = Callable[[Entry], Entry | None]


class Cleaner(Protocol):
    """
    Takes the secrets out: what a `Redactor` does.

    Attributes:
        counts: Rule → how many secrets it replaced.
    """

    counts: dict[str, int]

    def suspect(self, data: bytes) -> bool: ...

    def entry(self, entry: Entry) -> Entry: ...

    def text(self, text: str) -> str: ...


class LetThrough:
    """
    Takes out nothing, for who switched redaction off: a `Redactor` costs tens of milliseconds to set up.
    """

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}

    def suspect(self, _data: bytes) -> bool:
        return False

    def entry(self, entry: Entry) -> Entry:
        return entry

    def text(self, text: str) -> str:
        return text


CLOSER: Final = 32
"""Rows looked at together once something in a batch looks like a secret: most of them are clean, and to look
at so many at once costs little more than at one."""

_BUILDING: Final = threading.Lock()
"""Held while msgspec builds a type: a second thread that needs it meanwhile takes it half built, and the
process dies of it. Who holds this also holds what keeps children from being forked: none inherits it held."""


class Background:
    """
    The stages, in order.

    Args:
        header: What the rows share.
        redactor: Takes the secrets out.
        hook: The user's `before_send`, or None.
    """

    def __init__(self, header: Header, redactor: Cleaner, hook: Hook | None) -> None:
        self._header = header
        self._redactor = redactor
        self._hook = hook
        self._scanning = threading.Lock()
        self._prepared = False
        self.stages: tuple[Callable[[Load], None], ...] = (
            _write_late,
            *((self._apply_hook,) if hook is not None else ()),
            self._redact,
        )

    def __call__(self, rows: list[Any]) -> Load:
        """
        Return what is left of *rows*, which it takes over. Never raises.
        """
        load = Load(rows)
        try:
            if not self._prepared:
                self._prepare()
            for stage in self.stages:
                stage(load)
        except BaseException as error:  # never unredacted, never uncounted
            load.spoil("pipeline_error")
            load.trouble = f"{_name(error)}; what could not be cleaned is dropped"
        for witness in WITNESSES:
            witness(self._header, load.rows)
        return load

    def _prepare(self) -> None:
        """
        Build what reads rows, before a hook or a sink does so by reading one.

        A child that is forked while msgspec is building a type has it half built, and dies of using it.
        """
        with self.steady():
            self._entry(_SAMPLE)
        self._prepared = True

    def pause(self, timeout: float) -> bool:
        """
        Keep this thread from where no child may be forked, until `go_on`; return whether that worked in time.

        RE2 has locks of its own: a child that is forked in the middle of a scan would inherit them held.
        """
        return self._scanning.acquire(timeout=timeout)

    def go_on(self) -> None:
        self._scanning.release()

    @contextmanager
    def steady(self) -> Iterator[None]:
        """
        Keep children from being forked, and other clients from building types, within the block.
        """
        with self._scanning, _BUILDING:
            yield

    def clean(self, text: str) -> str:
        """
        Return *text* without secrets.
        """
        with self._scanning:
            return self._redactor.text(text)

    def _apply_hook(self, load: Load) -> None:
        """
        Let the hook decide on each row. It may be what takes secrets out: where it fails, nothing leaves.
        """

        def hooked(row: bytes) -> bytes | str:
            try:
                kept = self._hook(self._entry(row)) if self._hook is not None else None
                return "before_send" if kept is None else _returned(kept)
            except BaseException as error:  # whatever a hook of the user's raises, the others go on
                load.trouble = f"before_send failed and its entries are dropped: {_name(error)}"
                return "before_send_error"

        load.change(hooked)

    def _redact(self, load: Load) -> None:
        """
        Scan all rows at once; only where something looks like a secret, or is too large, one by one.
        """
        text = load.said()
        long = load.changed and max(map(len, load.rows), default=0) > DEFAULT_LIMITS.entry
        with self._scanning:
            if not (long or self._redactor.suspect(text)):
                return
            for first in range(0, len(load.rows), CLOSER):
                end = first + CLOSER
                if long or self._redactor.suspect(b"".join(map(SAID, load.rows[first:end]))):
                    load.change(self._clean, first, end)

    def _clean(self, row: bytes) -> bytes | str:
        try:
            if len(row) <= DEFAULT_LIMITS.entry and not self._redactor.suspect(SAID(row)):
                return row
            return to_row(cut_entry(self._redactor.entry(self._entry(row))))
        except BaseException:  # what cannot be shown to be clean never leaves the process
            return "redact_failed"

    def _entry(self, row: bytes) -> Entry:
        return read_rows(self._header, [row])[0]


def _returned(kept: Entry) -> bytes:
    """
    Return the row of what a hook returned.

    Raises:
        TypeError: When that is no entry; other errors when no row can hold it.
    """
    if not isinstance(kept, Entry):
        raise TypeError(f"it must return the entry, another one or None, not {type(kept).__name__}")
    return to_row(kept)


def _name(error: BaseException) -> str:
    return f"{type(error).__name__}: {shown(error)}"


def _write_late(load: Load) -> None:
    try:
        load.said()
    except TypeError:  # costs nothing while all rows are bytes, which is nearly always
        load.change(_written)


def _written(row: Any) -> bytes | str:
    if type(row) is bytes:
        return row
    try:
        written: bytes = row.encode()
    except BaseException:  # a source file of a terabyte, or the like: one row of many
        return "encode"
    return written


def to_row(entry: Entry) -> bytes:
    """
    Return *entry* as a row of the compact batch: the way back of `compact.to_entry`.
    """
    extra = {name: value for name in EXTRA_FIELDS if (value := getattr(entry, name)) is not None}
    row = Row(
        entry.timestamp / 1000.0,
        Meta(LEVEL_INDEX.get(entry.level, 2), entry.logger),
        Ids(
            pack_id(entry.trace_id, 16) or entry.trace_id,
            bytes.fromhex(entry.span_id) if entry.span_id else None,
            bytes.fromhex(entry.parent_id) if entry.parent_id else None,
            entry.user_id,
            entry.area,
        ),
        entry.message,
        entry.context,
        extra or None,
    )
    return encode_whole(row, "fields", "extra")


_SAMPLE: Final = to_row(Entry(trace_id="sample", timestamp=1e12, level="info"))
