"""
The spool of a living process: what left its queue, on disk until it is delivered, in order.

A row of files of a few megabytes each. Nothing is forced onto the platter: what is written survives the end
of the process in any form, not a power cut. While all goes well a file is emptied again before the system
has written any of it to the disk.
"""

import os
from collections import deque
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec

from tracelog.client.folder import SPOOL, create, segments, spool_bytes
from tracelog.client.stock import Chunk
from tracelog.core.rows import Header
from tracelog.core.spool_format import HEAD_BYTES, SALT_BYTES, Batch, frame, head, read_body, scan

SEGMENT_BYTES: Final = 4 * 1024 * 1024
"""A file that is larger is followed by another one: the unit in which the oldest is given up."""

SHARES: Final = 8
"""A file is at most this part of the bound, so that a small spool, too, gives up little at a time."""


class SpoolFullError(OSError):
    """
    Nothing more fits under the bound.
    """


class Segment(msgspec.Struct):
    """
    One file: the running number of its first row and the one behind its last, its entries and its bytes.
    """

    path: Path
    seq: int
    end: int
    kept: int = 0
    size: int = HEAD_BYTES


class Spool:
    """
    Files in *folder* named after the source of *header*, of at most *most* bytes together with all others.

    For one thread at a time.

    Attributes:
        segments: The files, oldest first; the last one may be open.
        left: Entries in them that nobody holds in memory, when an outbox has let go of the spool.
        first: The running number of the first of these.
    """

    def __init__(self, folder: Path, header: Header, most: int) -> None:
        self.folder = folder
        self.segments: deque[Segment] = deque()
        self.left = 0
        self.first: int | None = None
        self.attend(header, most)
        self._fd = -1
        self._salt = b""
        self._number = 0
        self._others = 0

    def attend(self, header: Header, most: int) -> None:
        """
        Go on with this *header*, of the same source, and this bound.
        """
        self._header = header
        self._most = most
        self._segment_bytes = min(SEGMENT_BYTES, max(1, most // SHARES))

    @property
    def empty(self) -> bool:
        """
        Whether there is no file.
        """
        return not self.segments

    def resume(self, done: int) -> None:
        """
        Take over what this very process left when it was shut down before, from number *done* on.
        """
        for path in segments(self.folder, self._header.source):
            batches = [batch.after(done) for batch in _batches(path)]
            waiting = [batch for batch in batches if batch.kept]
            self._number = max(self._number, int(path.name.split(".")[-2]))
            if waiting:
                first, last = waiting[0].header.seq, waiting[-1]
                kept = sum(batch.kept for batch in waiting)
                end = last.header.seq + len(last.rows)
                self.segments.append(Segment(path, first, end, kept, path.stat().st_size))
        self.left = sum(segment.kept for segment in self.segments)
        self.first = self.segments[0].seq if self.segments else None

    def append(self, chunk: Chunk, now_ms: float) -> list[Segment]:
        """
        Write *chunk* behind the others, and return the files that had to go for it, the oldest.

        Raises:
            OSError: When the disk does not take it; then nothing of it is there.
        """
        header = msgspec.structs.replace(self._header, seq=chunk.seq, sent_at=now_ms)
        if self._fd < 0 or self.segments[-1].size >= self._segment_bytes:
            self.close()
            self._others = max(0, spool_bytes(self.folder) - sum(segment.size for segment in self.segments))
        record = frame(header, chunk.rows, self._salt)
        went = self._make_room(HEAD_BYTES + len(record))
        if self._fd < 0:
            self._begin(chunk.seq)
            record = frame(header, chunk.rows, self._salt)
        segment = self.segments[-1]
        self._write(segment, record)
        segment.seq = chunk.seq if segment.seq == segment.end else segment.seq
        segment.end = chunk.seq + len(chunk.rows)
        segment.kept += chunk.kept
        return went

    def holding(self, seq: int) -> Segment | None:
        """
        Return the first file that has rows with number *seq* or a higher one.
        """
        return next((segment for segment in self.segments if segment.end > seq), None)

    def read(self, segment: Segment) -> list[Batch]:
        """
        Return what is whole in *segment*, to which nothing is added any more.
        """
        if segment is self.segments[-1]:
            self.close()
        return _batches(segment.path)

    def release(self, done: int) -> None:
        """
        Let go of the files whose rows all have numbers below *done*.
        """
        while self.segments and self.segments[0].end <= done:
            if len(self.segments) == 1 and self._fd >= 0:
                self._empty(self.segments[0])
                return
            self._remove(self.segments.popleft())

    def discard(self) -> None:
        """
        Remove all files.
        """
        self.close()
        while self.segments:
            self._remove(self.segments.popleft())

    def close(self) -> None:
        """
        Let go of the open file: what comes next goes into another one.
        """
        if self._fd >= 0:
            os.close(self._fd)
        self._fd = -1

    def _begin(self, seq: int) -> None:
        self.close()
        self._number += 1
        path = self.folder / f"{self._header.source}.{self._number:08d}{SPOOL}"
        self._fd = create(path)
        self._salt = os.urandom(SALT_BYTES)
        segment = Segment(path, seq, seq, size=0)
        try:
            self._write(segment, head(self._salt))
        except OSError:
            self.close()
            self._remove(segment)
            raise
        self.segments.append(segment)

    def _write(self, segment: Segment, data: bytes) -> None:
        """
        Write all of *data*, or nothing.
        """
        written = 0
        try:
            while written < len(data):
                written += os.pwrite(self._fd, memoryview(data)[written:], segment.size + written)
        except OSError:
            os.ftruncate(self._fd, segment.size)
            raise
        segment.size += len(data)

    def _make_room(self, wanted: int) -> list[Segment]:
        """
        Remove the oldest files until *wanted* bytes fit, and return them.

        Raises:
            SpoolFullError: When they would not even then.
        """
        most = self._most - self._others
        if wanted > most:
            others = f", of which other processes took {self._others:,}" if self._others else ""
            raise SpoolFullError(f"a batch of {wanted:,} bytes is more than spool_bytes{others}")
        went: list[Segment] = []
        while self.segments and sum(segment.size for segment in self.segments) + wanted > most:
            if len(self.segments) == 1:
                self.close()
            went.append(self.segments.popleft())
            self._remove(went[-1])
        return went

    def _empty(self, segment: Segment) -> None:
        """
        Go on in the same file from its beginning: nothing in it is needed any more.
        """
        if segment.size > HEAD_BYTES:
            os.ftruncate(self._fd, HEAD_BYTES)
            segment.size, segment.kept, segment.seq = HEAD_BYTES, 0, segment.end

    def _remove(self, segment: Segment) -> None:
        with suppress(OSError):  # somebody else removed it
            segment.path.unlink()


def _batches(path: Path) -> list[Batch]:
    try:
        data = path.read_bytes()
    except OSError:  # it is gone, which its reader counts
        return []
    bodies = (found.body for found in scan(data))
    return [batch for body in bodies if body is not None and (batch := read_body(body)) is not None]
