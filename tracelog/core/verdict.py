"""
What the guard says about an entry: that it goes on, and how urgently, or why it does not.
"""

from typing import Final

import msgspec

from tracelog.core.fold import LOOP, LOOP_TEMPLATE


class Verdict(msgspec.Struct, frozen=True):
    """
    What is to become of an entry.

    Attributes:
        kept: Whether it goes on.
        word: Its class when it is kept (`critical`, `essential`, `privileged`, `normal`), else the reason why
            not (`loop`, `loop_template`, `noise`, `sampled`, `rate`, `echo`).
        sample_rate: Below 1 when it stands for a sampled population; the entry shall say so.
        held: Whether it is worth keeping in the flight recorder: not kept, and told by no summary.
    """

    kept: bool
    word: str
    sample_rate: float = 1.0
    held: bool = False


CRITICAL: Final = Verdict(kept=True, word="critical")
ESSENTIAL: Final = Verdict(kept=True, word="essential")
PRIVILEGED: Final = Verdict(kept=True, word="privileged")
NORMAL: Final = Verdict(kept=True, word="normal")
NOISE: Final = Verdict(kept=False, word="noise")
FOLDED: Final = Verdict(kept=False, word=LOOP)
FOLDED_TEMPLATE: Final = Verdict(kept=False, word=LOOP_TEMPLATE)
UNSAMPLED: Final = Verdict(kept=False, word="sampled", held=True)
RATE: Final = Verdict(kept=False, word="rate", held=True)
ECHOED: Final = Verdict(kept=False, word="echo", held=True)
"""Said of what the store refused, when it comes again."""
