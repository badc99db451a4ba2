"""
Writing in one step where one server holds everything: a script call for many traces and all that they share.
"""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

from tracelog.errors import StoreUnavailableError
from tracelog.stores.redis_faults import explain_text, explained
from tracelog.stores.redis_pack import Call, Settings, pack
from tracelog.stores.redis_store import WireStore
from tracelog.stores.redis_told import Told
from tracelog.stores.values import STORED, Row


class OneStepStore(WireStore):
    """
    A `Store` whose rows go to one server, packed by `redis_pack`.
    """

    async def _deliver(
        self, rows: Sequence[Row], told: Told, settings: Settings, fates: list[str]
    ) -> StoreUnavailableError | None:
        fault: StoreUnavailableError | None = None
        for call in pack(rows, now_ms=self._clock() * 1000, settings=settings, told=told):
            try:
                refused = await self._commit(call, settings.script, fates)
            except StoreUnavailableError as error:
                return error
            fault = self._remember(refused) if refused else fault
        return fault

    async def _commit(self, call: Call, script: str, fates: list[str]) -> StoreUnavailableError | None:
        """
        Send *call*, put what became of its rows into *fates*, and return why some are to be sent again.
        """
        self._check()
        try:
            with explained():
                letters, refused = await self._send(call, script)
        except StoreUnavailableError as error:
            raise self._remember(error) from error.__cause__
        self._fault = None
        if len(letters) == len(fates) == letters.count(b"A"):
            fates[:] = STORED * len(fates)
            return None
        for place, letter in zip(call.places, letters.decode(), strict=True):
            fates[place] = letter
        return explain_text(refused.decode()) if refused else None

    @abstractmethod
    async def _send(self, call: Call, script: str) -> Any:
        """
        Return the reply to *call*: the letters of its rows, and the last error behind those to be sent again.
        """
