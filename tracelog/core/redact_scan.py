"""
Finds many literals in one pass of `re`, for programs without RE2.

`re` has no fast search for a hundred literals: an alternation tries each of them at each place, and one
search for each reads the text a hundred times. But a class of characters costs the same however many members
it has. So the bytes are read as UTF-16, where two make one character, and the class holds one rare pair of
each literal. Two passes, from the first byte and from the second, see every pair of the text. What they stop
at is compared with the literals that have this pair.
"""

import re
from typing import Final, NamedTuple

NAME_END: Final = b'"'
"""Stands in a literal for whatever ends a name: a quote, `:`, `=`, an escape, a header byte of msgpack."""

_ENDS: Final = frozenset(b" \"'`\\:=%]\x7f") | frozenset(range(0x20)) | frozenset(range(0x80, 0x100))
_FOLD: Final = bytes(
    NAME_END[0] if code in _ENDS else code + 32 if chr(code).isupper() and code < 0x80 else code
    for code in range(256)
)
"""Lower case, and one sign for all ends. No byte stays above 0x7F, so no pair of them is a surrogate."""

_SAMPLE: Final = b"""
{"id":"checkout-1f0a-42","trace_id":"4bf92f3577b34da6a3ce929d0e0e4736","span_id":"00f067aa0ba902b7","timesta
mp":1732277353123.25,"system":"backend","level":"info","message":"GET /api/v1/orders/17 200 in 12.5 ms","ser
vice":"checkout","logger":"shop.orders.views","environment":"production","context":{"user_id":"u42","path":"
/cart/items","status":404,"duration_ms":88.1,"attempt":1,"method":"POST","host":"db-2.internal","remote_addr
":"10.0.0.7","version":"2.13.1"}} {"id":"worker-77c3-9","trace_id":"a3ce929d0e0e47364bf92f3577b34da6","times
tamp":1732277353125.5,"system":"worker","level":"error","message":"could not place order","service":"shop","
area":"payment","release":"2025.3.1","source":"worker-77c3","seq":9,"error":{"type":"TimeoutError","message"
:"no answer"},"context":{"user_id":"u7","path":"/pay","attempt":3,"duration_ms":0.7,"is_admin":false,"produc
t":"chair","customer":"c9","is_new":true,"event":"added"}} 2025-03-09 12:30:45.678 WARNING [worker-3] the re
quest for customer 981 failed after 3 retries, connection to payment service timed out and was closed; start
ed background task to process and update the list of products from cache, then sent mail with order details
 to the user, response received, waiting for next event before shutting down all handlers https://example.co
m/static/app.js?page=2&sort=desc ValueError: could not find or load item in table, deleted stale lock File "
/srv/app/main.py", line 210, in handle_request return await self.call(next_step, retry_count=5, timeout=30.0
) each place can have its own database, reading takes less than half of a second, this is because the last c
hange made it possible to scale up, applied patch
"""
"""What logs look like. A pair of letters is the better to look for, the less often it stands here."""

_SAMPLE_FOLDED: Final = _SAMPLE.translate(_FOLD)


class Literal(NamedTuple):
    """
    One literal to look for.

    Attributes:
        text: The literal; a last byte of `NAME_END` stands for any end of a name.
        owner: Given back with each place.
        ignore_case: Letters of ASCII only. A literal with `NAME_END` needs it.
        at: Which byte of the literal its place tells.
    """

    text: bytes
    owner: int
    ignore_case: bool
    at: int = 0


_TOO_HEAVY: Final = 12
"""Weight of a pair from which on a literal is cheaper to look for alone."""

_Entry = tuple[int, bytes, bytes, int, list[int]]
"""Where the pair stands in the literal, its folded form, the exact one if case matters, `at` and owners."""


class Scanner:
    """
    Finds every place of every literal.

    Args:
        literals: What to look for.
    """

    def __init__(self, literals: list[Literal]) -> None:
        self._alone: list[Literal] = []
        self._by_pair: dict[str, list[_Entry]] = {}
        for literal in literals:
            self._add(literal)
        self._pairs = re.compile("[" + "".join(map(re.escape, self._by_pair)) + "]").finditer

    def places(self, data: bytes) -> dict[int, list[int]]:
        """
        Return for each owner whose literals stand in *data* the places, in ascending order.
        """
        found: dict[int, list[int]] = {}
        folded = data.translate(_FOLD)
        for offset in (0, 1):
            for match in self._pairs(_as_pairs(folded, offset)):
                place = 2 * match.start() + offset
                for before, fold, exact, at, owners in self._by_pair[match[0]]:
                    start = place - before
                    if start < 0 or not folded.startswith(fold, start):
                        continue
                    if not exact or data.startswith(exact, start):
                        for owner in owners:
                            found.setdefault(owner, []).append(start + at)
        for literal in self._alone:
            place = data.find(literal.text)
            while place >= 0:
                found.setdefault(literal.owner, []).append(place + literal.at)
                place = data.find(literal.text, place + 1)
        for places in found.values():
            places.sort()
        return found

    def _add(self, literal: Literal) -> None:
        fold = literal.text.translate(_FOLD)
        exact = b"" if literal.ignore_case else literal.text
        for known in self._by_pair.values():
            for entry in known:
                if entry[1:4] == (fold, exact, literal.at):
                    entry[4].append(literal.owner)
                    return
        weights = {self._weight(fold[at : at + 2]): at for at in range(len(fold) - 1)}
        lightest = min(weights, default=_TOO_HEAVY)
        if lightest >= _TOO_HEAVY and exact:
            self._alone.append(literal)
            return
        before = weights[lightest]
        pair = _as_pairs(fold[before : before + 2], 0)
        self._by_pair.setdefault(pair, []).append((before, fold, exact, literal.at, [literal.owner]))

    def _weight(self, pair: bytes) -> int:
        """
        Return how often the search will stop at *pair* in vain, and how many literals it then compares.
        """
        doubled = (
            _TOO_HEAVY if pair[0] == pair[1] and pair.isalpha() else 0
        )  # long runs of a letter are common
        return doubled + 4 * _SAMPLE_FOLDED.count(pair) + len(self._by_pair.get(_as_pairs(pair, 0), ()))


def _as_pairs(folded: bytes, offset: int) -> str:
    """
    Return the bytes from *offset* on, two in a character. A last one alone is read in the other pass.
    """
    return folded[offset : len(folded) - (len(folded) - offset) % 2].decode("utf-16-le")
