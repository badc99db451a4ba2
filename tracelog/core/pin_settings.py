"""
How much may be kept past its time.
"""

from typing import Annotated, Final

import msgspec

MOST_PINS: Final = 1_000
"""Pinned traces are looked through one by one where lists are tidied."""

DAY_S: Final = 86_400


class PinSettings(msgspec.Struct, frozen=True, kw_only=True):
    """
    Bounds of all pinned traces together, in one store.

    Attributes:
        most: Traces.
        max_bytes: Their entries, as large as they were when they were pinned.
        max_age_s: Seconds after which a pin ends by itself.
    """

    most: Annotated[int, msgspec.Meta(ge=0, le=MOST_PINS)] = 100
    max_bytes: Annotated[int, msgspec.Meta(ge=0)] = 64 * 1024 * 1024
    max_age_s: Annotated[int, msgspec.Meta(ge=1, le=365 * DAY_S)] = 30 * DAY_S
