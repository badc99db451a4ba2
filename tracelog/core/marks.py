"""
Bits by system: which systems of a trace have something stored, and an error, as one number a trace.
"""


class Marks(dict[str, int]):
    """
    System → the bit that says "has something stored"; the next one says "has an error stored".

    Args:
        systems: Told apart; those that come later share one mark.
    """

    def __init__(self, systems: int) -> None:
        super().__init__()
        self._systems = systems

    def __missing__(self, system: str) -> int:
        mark = 1 << 2 * len(self)
        if len(self) < self._systems:
            self[system] = mark
        return mark
