"""
Switches and mutes over HTTP: what pages capture, and who is not heard for a while.
"""

from collections.abc import Callable
from typing import Annotated, Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from tracelog.errors import RefusedChangeError
from tracelog.server.asked_body import told
from tracelog.server.guards import change
from tracelog.server.mutes import LONGEST_S, MOST, Mute, Mutes
from tracelog.server.office import CAPTURE, MUTE, Office, new_id

SWITCHES: Final = "/api/v1/switches"
MUTES: Final = "/api/v1/mutes"
ONE_MUTE: Final = "/api/v1/mutes/{id}"

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]


class Switches(msgspec.Struct, forbid_unknown_fields=True):
    """
    What is switched; None gives the settings their say again.
    """

    capture: bool | None


class Wanted(msgspec.Struct, forbid_unknown_fields=True):
    """
    A mute as it is asked for.
    """

    system: Name | None = None
    source: Name | None = None
    errors: bool = False
    minutes: Annotated[float, msgspec.Meta(gt=0, le=LONGEST_S / 60)] = 60.0
    why: Annotated[str, msgspec.Meta(max_length=200)] = ""


class Controls:
    """
    The endpoints.

    Args:
        office: Where all servers see what is said.
        mutes: As this server knows them.
        clock: Returns Unix milliseconds.
    """

    def __init__(self, office: Office, mutes: Mutes, *, clock: Callable[[], float]) -> None:
        self._office = office
        self._mutes = mutes
        self._clock = clock

    async def switches(self, request: Request) -> Response:
        """
        Tell how the switches stand; with POST, set them.
        """
        if request.method == "POST":
            wanted = await told(request, Switches)
            if wanted.capture is None:
                await self._office.take(CAPTURE)
            else:
                await self._office.put(CAPTURE, wanted.capture)
            change(request, "switches", capture="settings" if wanted.capture is None else wanted.capture)
        by = "settings" if self._office.said is None else "operator"
        return _json({"success": True, "capture": self._office.capture, "said_by": by})

    async def muted(self, request: Request) -> Response:
        """
        Tell what is muted; with POST, mute more.
        """
        if request.method == "POST":
            return await self._mute(request)
        return _json({"mutes": self._mutes.at(self._clock()), "most": MOST})

    async def unmute(self, request: Request) -> Response:
        """
        End a mute before its time.
        """
        name = request.path_params["id"]
        if not await self._office.take(f"{MUTE}{name}"):
            raise RefusedChangeError(
                f"there is no mute {name[:40]!r}; list them with GET {MUTES}",
                reason="unknown_mute",
                status=404,
            )
        change(request, "mutes.end", id=name)
        return _json({"success": True, "id": name})

    async def _mute(self, request: Request) -> Response:
        wanted = await told(request, Wanted)
        if wanted.system is None and wanted.source is None:
            raise RefusedChangeError(
                "name a system or a source: a mute of everybody would hide everything",
                reason="mute",
                status=400,
            )
        await self._office.refresh()
        await self._forget_old()
        now_ms = self._clock()
        if len(self._mutes.at(now_ms)) >= MOST:
            raise RefusedChangeError(f"there are {MOST} mutes already; end one first", reason="most_mutes")
        mute = Mute(
            id=new_id(),
            system=wanted.system,
            source=wanted.source,
            errors=wanted.errors,
            since_ms=now_ms,
            until_ms=now_ms + wanted.minutes * 60_000,
            by=request.state.who,
            why=wanted.why,
        )
        await self._office.put(f"{MUTE}{mute.id}", mute)
        shown = {"system": mute.system, "source": mute.source, "errors": mute.errors, "why": mute.why}
        change(request, "mutes.begin", id=mute.id, minutes=wanted.minutes, **shown)
        return _json({"success": True, **msgspec.to_builtins(mute)})

    async def _forget_old(self) -> None:
        """
        Take mutes off the board that are over, so that they cannot fill it.
        """
        for mute in self._mutes.over(self._clock()):
            await self._office.board.take(f"{MUTE}{mute.id}")


def _json(value: Any) -> Response:
    return Response(msgspec.json.encode(value), media_type="application/json")
