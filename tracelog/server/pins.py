"""
Pins: traces that are kept past their time, until they are unpinned.
"""

from typing import Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from tracelog.core.pin_settings import PinSettings
from tracelog.stores import Store

LIST: Final = "/api/v1/pins"
ONE: Final = "/api/v1/pins/{ref}"


class Pins:
    """
    The endpoints over *store*, within the bounds of *settings*.
    """

    def __init__(self, store: Store, settings: PinSettings) -> None:
        self._store = store
        self._settings = settings

    async def listed(self, _request: Request) -> Response:
        """
        Tell what is pinned, and how much may be.
        """
        pins = await self._store.pins()
        return _json(
            {
                "pins": pins,
                "bytes": sum(pin.bytes for pin in pins),
                "most": self._settings.most,
                "most_bytes": self._settings.max_bytes,
            }
        )

    async def change(self, request: Request) -> Response:
        """
        Pin the trace that the address means, or, asked with DELETE, unpin it.
        """
        trace_id = await self._store.resolve(request.path_params["ref"])
        if request.method == "DELETE":
            ends = await self._store.unpin(trace_id)
            return _json({"success": True, "trace_id": trace_id, "expires_at": ends})
        pin = await self._store.pin(trace_id, self._settings)
        return _json({"success": True, "trace_id": trace_id, "expires_at": pin.until_ms, "bytes": pin.bytes})


def _json(value: object) -> Response:
    return Response(msgspec.json.encode(value), media_type="application/json")
