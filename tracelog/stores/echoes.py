"""
Echoes: what several systems of a trace say of one thing at once; `lua/echo.lua` tells the same to Redis.

A form that a trace has stored `TraceQuota.echo_burst` times within `echo_window_s`, whoever said it, is
refused until the window is over. Only a voice that the trace has not heard goes on: the first entry of each
system, and its first error. Windows are on the clock of the server that writes; a wrong clock stores more.

Pure: the embedded store runs it, and the tests hold the script against it.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from tracelog.core.prints import NO_PRINT, PRINT_CHARS, VOICE_CHARS
from tracelog.core.quota_settings import TraceQuota

REMEMBERED: Final = 32
"""Voices of a trace, and forms of its window; the oldest is forgotten, and what it says next is stored."""


class Said(msgspec.Struct):
    """
    What a trace said.

    Attributes:
        voices: Heard so far, oldest first.
        forms: Form → how often it was stored since when, Unix milliseconds; oldest window first.
    """

    voices: list[str]
    forms: dict[str, tuple[int, int]]

    @classmethod
    def read(cls, voices: str, forms: str, quota: TraceQuota, now_ms: float) -> "Said":
        """
        Return what `written` wrote, without the forms whose window is over at *now_ms*.
        """
        parts = iter(forms.split())
        known = {
            form: (int(times), int(since)) for form, times, since in zip(parts, parts, parts, strict=True)
        }
        window_ms = quota.echo_window_ms
        return cls(
            voices.split(),
            {form: heard for form, heard in known.items() if abs(int(now_ms) - heard[1]) < window_ms},
        )

    def written(self) -> tuple[str, str]:
        """
        Return the voices and the forms as texts.
        """
        forms = [f"{form} {times} {since}" for form, (times, since) in self.forms.items()]
        return " ".join(self.voices), " ".join(forms)

    def echoes(self, print_: str, quota: TraceQuota) -> bool:
        """
        Return whether an entry with this print must wait.
        """
        voice, form = print_[:VOICE_CHARS], print_[VOICE_CHARS:]
        times, _ = self.forms.get(form, (0, 0))
        return 0 < quota.echo_burst <= times and voice in self.voices

    def note(self, print_: str, now_ms: float) -> None:
        """
        Note that an entry with this print was stored.
        """
        if print_ == NO_PRINT:
            return
        voice, form = print_[:VOICE_CHARS], print_[VOICE_CHARS:]
        if voice not in self.voices:
            self.voices = [*self.voices, voice][-REMEMBERED:]
        if form not in self.forms and len(self.forms) >= REMEMBERED:
            del self.forms[next(iter(self.forms))]
        times, since = self.forms.get(form, (0, int(now_ms)))
        self.forms[form] = (times + 1, since)


def prints_of(rows: int, prints: Sequence[str] | None) -> str:
    """
    Return a print for each of so many rows, one behind the other.

    Raises:
        ValueError: When *prints* is not one of `PRINT_CHARS` characters a row.
    """
    if prints is None:
        return NO_PRINT * rows
    joined = "".join(prints)
    if len(prints) != rows or len(joined) != PRINT_CHARS * rows or not joined.isascii():
        raise ValueError(f"prints must be one of {PRINT_CHARS} characters for each of the {rows} rows")
    return joined
