"""
Alerts sent to an address of the operator's: signed, retried, bounded, and by one server of a store only.

A notice is claimed on the board first. Who claims it sends it within the claim's time; if that server dies,
another one does. So a receiver gets each notice once, or, when an answer was lost, twice under one id.
"""

import asyncio
import hashlib
import hmac
from collections import Counter, deque
from collections.abc import Callable, Sequence
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec

from tracelog.errors import SinkUnavailableError, StoreUnavailableError
from tracelog.server.faults import Faults
from tracelog.sinks.post import Post
from tracelog.stores import Board

WAITS_S: Final = (0.0, 2.0, 10.0, 60.0, 300.0)
"""Before each try: six minutes in all, in which a receiver restarts."""

CLAIM_S: Final = 480
"""Longer than all tries together; then another server may take over."""

DONE_S: Final = 40 * 86_400
"""So long it is known that a notice was sent: longer than the month that budgets speak of."""

MOST: Final = 100
"""Notices that wait; a receiver that is away for long misses the oldest, which are counted."""

ANSWER_S: Final = 10.0
"""For one try, from connecting to the end of the answer: who sends byte by byte holds up no later alert, and
no server that stops."""

SIGNATURE: Final = "X-Tracelog-Signature"
DELIVERY: Final = "X-Tracelog-Delivery"

_AGAIN: Final = frozenset({408, 425, 429})
"""Answers below 500 that waiting may mend."""


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """
    Something that an operator wants to be told.

    Attributes:
        id: The same on every server that notices the same.
        kind: `budget`, `store`, `day` or `admin`.
        severity: `info`, `warn` or `error`.
        at_ms: When, Unix milliseconds.
    """

    id: str
    kind: str
    severity: str
    message: str
    at_ms: float
    data: dict[str, Any] = {}


class Hook:
    """
    The address, and what waits for it.

    Args:
        url: Where to; None sends nothing.
        secret: Signs what is sent; unsigned without it.
        kinds: Of notices that are wanted.
        board: Where servers agree on who sends.
        clock: Returns Unix seconds.
        faults: Told once a minute what the receiver says.
        heard: Called with each notice that is wanted, whether or not there is an address.
        waits_s: Before each try.
    """

    def __init__(  # noqa: PLR0913 - where to, what, and how often
        self,
        url: str | None,
        secret: str | None,
        kinds: Sequence[str],
        *,
        board: Board,
        clock: Callable[[], float],
        faults: Faults,
        heard: Callable[[Notice], None] | None = None,
        waits_s: Sequence[float] = WAITS_S,
    ) -> None:
        self._url = url
        self._secret = secret
        self._kinds = frozenset(kinds)
        self._board = board
        self._clock = clock
        self._faults = faults
        self._heard = heard
        self._waits_s = waits_s
        self._waiting: deque[Notice] = deque()
        self._sending: asyncio.Task[None] | None = None
        self._counts = Counter[str]()
        self._last: dict[str, Any] | None = None

    def wants(self, kind: str) -> bool:
        """
        Whether notices of *kind* are wanted at all.
        """
        return kind in self._kinds

    def tell(self, notice: Notice) -> None:
        """
        Say *notice* to the operator's function, and send it when its turn comes. Called on the event loop;
        returns at once.
        """
        if not self.wants(notice.kind):
            return
        if self._heard is not None:
            try:
                self._heard(notice)
            except Exception as error:  # it is the operator's, and must cost no alert
                self._faults.tell(error)
        if self._url is None:
            return
        if len(self._waiting) >= MOST:
            self._waiting.popleft()
            self._counts["dropped"] += 1
        self._waiting.append(notice)
        if self._sending is None or self._sending.done():
            self._sending = asyncio.get_running_loop().create_task(self._send())

    def view(self) -> dict[str, Any]:
        """
        Return what became of notices, for the status; the address stays secret, it may hold a token.
        """
        counts = {name: self._counts[name] for name in ("sent", "failed", "dropped", "left_to_others")}
        return {
            "url": self._url is not None,
            "signed": self._secret is not None,
            "kinds": sorted(self._kinds),
            "waiting": len(self._waiting),
            **counts,
            "last": self._last,
        }

    async def end(self, within_s: float) -> None:
        """
        Give what waits a moment to be sent, then give it up: another server, or this one started again, finds
        the same unsent after the claim's time.
        """
        if self._sending is not None:
            await asyncio.wait([self._sending], timeout=within_s)
            self._sending.cancel()

    async def _send(self) -> None:
        while self._waiting:
            notice = self._waiting.popleft()
            try:
                await self._settle(notice)
            except Exception as error:  # of one notice, and not of all that follow
                self._counts["failed"] += 1
                self._faults.tell(error)

    async def _settle(self, notice: Notice) -> None:
        try:
            claim = await self._board.claim(notice.id, CLAIM_S)
        except StoreUnavailableError:
            claim = "ours"  # perhaps it is what the notice is about; better twice than never
        if claim != "ours":
            self._counts["left_to_others"] += 1
            return
        said = await self._tries(notice)
        is_sent = said == ""
        self._counts["sent" if is_sent else "failed"] += 1
        self._last = {"id": notice.id, "at_ms": self._clock() * 1000, "error": said or None}
        if not is_sent:
            self._faults.say(f"the alert {notice.id} could not be sent to alert_url: {said}")
            return
        try:
            await self._board.done(notice.id, DONE_S)
        except StoreUnavailableError as error:
            self._faults.tell(error)

    async def _tries(self, notice: Notice) -> str:
        """
        Return why *notice* could not be sent; nothing when it was.
        """
        said = "no try was made"
        body = msgspec.json.encode(notice)
        for wait_s in self._waits_s:
            await asyncio.sleep(wait_s)
            status, said = await asyncio.to_thread(self._post, notice.id, body)
            if status < 300:
                return ""
            if status < 500 and status not in _AGAIN:
                break
        return said

    def _post(self, name: str, body: bytes) -> tuple[int, str]:
        """
        Return the status that the receiver answers, 599 when it does not, and what to say of it.
        """
        parts = urlsplit(self._url or "")
        target = f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}"
        post = Post(parts._replace(path="", query="", fragment=""), target, timeout=ANSWER_S)
        headers = {"Content-Type": "application/json", "User-Agent": "tracelog/1", DELIVERY: name}
        if self._secret is not None:
            headers[SIGNATURE] = signature_of(body, self._secret, int(self._clock()))
        try:
            status = post(body, headers).status
        except SinkUnavailableError as error:
            return 599, f"it does not answer ({type(error.__cause__).__name__})"
        finally:
            post.close()
        return status, f"it answers {status}"


def signature_of(body: bytes, secret: str, at_s: int) -> str:
    """
    Return the signature of *body*: HMAC-SHA256 over the moment, a dot and the bytes that are sent, so that
    what somebody recorded cannot be sent again later.
    """
    digest = hmac.new(secret.encode(), f"{at_s}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={at_s},v1={digest}"
