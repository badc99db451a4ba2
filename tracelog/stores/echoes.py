"""
Echoes: what several systems of a trace say of one thing at once; `lua/echo.lua` tells the same to Redis.

A form that a trace has stored `TraceQuota.echo_burst` times within `echo_window_s` is refused until the
window is over, once a second system has said it. What one says alone may be the items of a list; its repeats
fold in the servers. A voice that the trace has not heard goes on: the first entry of each system, and its
first error. Windows are on the clock of the server that writes; a wrong clock stores more.

Pure: the embedded store runs it, and the tests hold the script against it.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from tracelog.core.prints import NO_PRINT, PRINT_CHARS, VOICE_CHARS
from tracelog.core.quota_settings import TraceQuota

REMEMBERED: Final = 32
"""Voices of a trace, and forms of its window; the oldest is forgotten, and what it says next is stored."""


SEVERAL: Final = "*"
"""Stands for more than one voice; none is called so."""


class Form(msgspec.Struct):
    """
    A form in its window.

    Attributes:
        times: How often it was stored.
        since: When the window began, Unix milliseconds.
        voice: Who said it, or `SEVERAL`.
    """

    times: int
    since: int
    voice: str


class Said(msgspec.Struct):
    """
    What a trace said.

    Attributes:
        voices: Heard so far, oldest first.
        forms: Those of windows that are not over, oldest first.
    """

    voices: list[str] = []
    forms: dict[str, Form] = {}

    @classmethod
    def read(cls, voices: str, forms: str, quota: TraceQuota, now_ms: float) -> "Said":
        """
        Return what `written` wrote, without the forms whose window is over at *now_ms*.
        """
        parts = iter(forms.split())
        known = {}
        for form, times, since, voice in zip(parts, parts, parts, parts, strict=True):
            if abs(int(now_ms) - int(since)) < quota.echo_window_ms:
                known[form] = Form(int(times), int(since), voice)
        return cls(voices.split(), known)

    def written(self) -> tuple[str, str]:
        """
        Return the voices and the forms as texts.
        """
        forms = [f"{name} {form.times} {form.since} {form.voice}" for name, form in self.forms.items()]
        return " ".join(self.voices), " ".join(forms)

    def echoes(self, print_: str, quota: TraceQuota) -> bool:
        """
        Return whether an entry with this print is refused.
        """
        voice, form = print_[:VOICE_CHARS], self.forms.get(print_[VOICE_CHARS:])
        if form is None or form.voice == voice or voice not in self.voices:
            return False
        return 0 < quota.echo_burst <= form.times

    def note(self, print_: str, now_ms: float) -> None:
        """
        Note that an entry with this print was stored.
        """
        if print_ == NO_PRINT:
            return
        voice, name = print_[:VOICE_CHARS], print_[VOICE_CHARS:]
        if voice not in self.voices:
            self.voices = [*self.voices, voice][-REMEMBERED:]
        form = self.forms.get(name)
        if form is None:
            if len(self.forms) >= REMEMBERED:
                del self.forms[next(iter(self.forms))]
            form = self.forms[name] = Form(0, int(now_ms), voice)
        form.times += 1
        if form.voice != voice:
            form.voice = SEVERAL


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
