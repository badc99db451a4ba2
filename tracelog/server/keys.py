"""
Keys over HTTP: made, listed and revoked by who has an admin key.
"""

from collections.abc import Callable, Iterable
from typing import Annotated, Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from tracelog.core.entry import SYSTEM
from tracelog.core.setting_values import ORIGIN
from tracelog.errors import RefusedChangeError
from tracelog.server.asked_body import told
from tracelog.server.guards import change
from tracelog.server.keyring import ROLES, Keyring, Known, StoredKey, digest_of, new_token
from tracelog.server.office import KEY, OPENED, Office, new_id

LIST: Final = "/api/v1/keys"
ONE: Final = "/api/v1/keys/{id}"

MOST: Final = 200
"""Keys that the store keeps: each reader's cookie is compared to all that may read."""

Origins = Annotated[tuple[Annotated[str, msgspec.Meta(max_length=300)], ...], msgspec.Meta(max_length=20)]


class Wanted(msgspec.Struct, forbid_unknown_fields=True):
    """
    A key as it is asked for.
    """

    role: str = "ingest"
    name: Annotated[str, msgspec.Meta(max_length=100)] = ""
    origins: Origins = ()
    system: str | None = None
    public: bool = False


class Keys:
    """
    The endpoints.

    Args:
        office: Where keys are kept.
        ring: The keys of this server.
        clock: Returns Unix milliseconds.
    """

    def __init__(self, office: Office, ring: Keyring, *, clock: Callable[[], float]) -> None:
        self._office = office
        self._ring = ring
        self._clock = clock

    async def listed(self, _request: Request) -> Response:
        """
        Tell which keys there are; no token and no digest of one.
        """
        given = [_shown(known.key, id=known.name, kept="settings") for known in self._ring.given]
        stored = sorted(self._office.keys.values(), key=lambda key: (key.created_ms, key.id))
        made = [
            _shown(key, id=key.id, kept="store", name=key.name, created_ms=key.created_ms, by=key.by)
            for key in stored
        ]
        return _json({"keys": [*given, *made], "open": self._ring.is_open, "most": MOST})

    async def make(self, request: Request) -> Response:
        """
        Make a key, and show its token this once.
        """
        wanted = await told(request, Wanted)
        await self._office.refresh()
        _check(wanted)
        if self._ring.is_open and wanted.role != "admin":
            raise RefusedChangeError(
                "the first key must be of role admin: with it this server asks everybody for a key, and "
                "without one nobody could make the others",
                reason="first_key",
            )
        if len(self._office.keys) >= MOST:
            raise RefusedChangeError(f"there are {MOST} keys already; revoke one first", reason="most_keys")
        token = new_token(wanted.role)
        key = StoredKey(
            id=new_id(),
            digest=digest_of(token).hex(),
            role=wanted.role,
            name=wanted.name,
            origins=wanted.origins,
            system=wanted.system,
            public=wanted.public or bool(wanted.origins),
            created_ms=self._clock(),
            by=request.state.who,
        )
        await self._office.put(f"{KEY}{key.id}", key)
        await self._office.take(OPENED)
        change(request, "keys.create", id=key.id, role=key.role, name=key.name, system=key.system)
        return _json({"success": True, "token": token, **_shown(key, id=key.id, name=key.name)})

    async def revoke(self, request: Request) -> Response:
        """
        Take a key away; `?last=1` also the last one of role admin, which opens the server or locks it up.
        """
        name = request.path_params["id"]
        await self._office.refresh()
        if any(known.name == name for known in self._ring.given):
            raise RefusedChangeError(
                "this key stands in the settings of the server; take it out there", reason="settings_key"
            )
        key = self._office.keys.get(name)
        if key is None:
            raise RefusedChangeError(
                f"there is no key {name[:40]!r}; list them with GET {LIST}", reason="unknown_key", status=404
            )
        rest = [known for known in self._ring.all if known.name != name]
        is_last = key.role == "admin" and not _has_admin(rest)
        if is_last and (rest or request.query_params.get("last") != "1"):
            raise _last_admin()
        if is_last:
            await self._office.put(OPENED, self._clock())
        await self._office.take(f"{KEY}{name}")
        if key.role == "admin" and not is_last and not _has_admin(self._ring.all):
            await self._office.put(
                f"{KEY}{name}", key
            )  # the other one was revoked at another server meanwhile
            raise _last_admin()
        change(request, "keys.revoke", id=name, role=key.role, name=key.name)
        return _json({"success": True, "id": name, "open": self._ring.is_open})


def _has_admin(keys: Iterable[Known]) -> bool:
    return any(known.key.role == "admin" for known in keys)


def _last_admin() -> RefusedChangeError:
    return RefusedChangeError(
        "this is the last key of role admin; revoke all others first and then this one with last=1, which "
        "lets everybody on the server's machine in without a key",
        reason="last_admin",
    )


def _check(wanted: Wanted) -> None:
    """
    Raises:
        RefusedChangeError: When no key can be like that (400).
    """
    if wanted.role not in ROLES:
        raise _wrong(f"role {wanted.role[:40]!r} is unknown; use ingest, read or admin")
    if wanted.role != "ingest" and (wanted.origins or wanted.system or wanted.public):
        raise _wrong("only an ingest key is bound to origins or a system, or public")
    if wanted.system is not None and not SYSTEM.fullmatch(wanted.system):
        raise _wrong("system must be 1 to 32 of a-z 0-9 _ -, such as browser")
    if not all(ORIGIN.fullmatch(origin) for origin in wanted.origins):
        raise _wrong("origins must name scheme and host each, such as https://app.example.com")


def _wrong(sentence: str) -> RefusedChangeError:
    return RefusedChangeError(sentence, reason="key", status=400)


def _shown(key: Any, **more: Any) -> dict[str, Any]:
    told_of = {"role": key.role, "origins": key.origins, "system": key.system, "public": key.public}
    return {**more, **told_of}


def _json(value: Any) -> Response:
    return Response(msgspec.json.encode(value), media_type="application/json")
