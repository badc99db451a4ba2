"""
What pages fetch from this server without a key: the browser client, and whether they shall capture at all.

`/tracelog.js` is a classic script and a module at once, because it has neither import nor export and offers
the global `tracelog`; `/tracelog.mjs` is the same with exports. `/tracelog-core.js` is without its optional
parts. `/tracelog-worker.js` and `/tracelog-convex.js` are modules for the projects that copy them.
"""

import gzip
import hashlib
import json
from collections.abc import Awaitable, Callable, Mapping
from functools import cache
from typing import Any, Final, NamedTuple

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tracelog.core.guard_settings import GuardSettings
from tracelog.core.redact_rules import RULES_FILE
from tracelog.server.bundle import bundle, exported, map_of, module, source, text_of

Endpoint = Callable[[Request], Awaitable[Response]]

HEADERS: Final = {
    "access-control-allow-origin": "*",
    "cross-origin-resource-policy": "cross-origin",
    "timing-allow-origin": "*",
    "x-content-type-options": "nosniff",
    "vary": "accept-encoding",
}
"""The answers are the same for everybody and hold no secret: any page may read them."""

MAX_AGE_S: Final = 300
"""How long a page keeps a script unasked: that the server was updated shows within minutes."""

PATHS: Final = (
    "/tracelog.js",
    "/tracelog.mjs",
    "/tracelog.js.map",
    "/tracelog-core.js",
    "/tracelog-widget.js",
    "/tracelog-worker.js",
    "/tracelog-convex.js",
)

SIMPLE: Final = {
    "name",
    "anchors",
    "pattern",
    "ignore_case",
    "not_after",
    "not_before",
    "unless",
    "through",
    "body",
    "lead",
    "after",
}
"""What `redact.js` knows of a shape. Rules that say more are the server's alone."""

GUARD_NUMBERS: Final = ("run_burst", "run_window_s", "hot_above", "hot_window_s", "longest_s", "normal")


class Script(NamedTuple):
    """
    A file as it is served.

    Attributes:
        packed: The body by gzip.
        etag: Names its bytes.
    """

    body: bytes
    packed: bytes
    etag: str
    media_type: str


def page_rules() -> dict[str, Any]:
    """
    Return those of the shared rules that the browser client can use, and the numbers of its limits.

    Requests are no noise of a page: their rules are about the log of a server.
    """
    rules = json.loads(RULES_FILE.read_bytes())
    redaction, numbers = rules["redaction"], msgspec.to_builtins(GuardSettings())
    keys = redaction["keys"]
    return {
        "redaction": {
            "shapes": [shape for shape in redaction["shapes"] if shape.keys() <= SIMPLE],
            "keys": {**keys, "groups": [group for group in keys["groups"] if "pii" not in group]},
        },
        "noise": {"starts": rules["noise"]["starts"], "requests": []},
        "guard": {name: numbers[name] for name in GUARD_NUMBERS},
    }


@cache
def scripts() -> Mapping[str, Script]:
    """
    Return every script by its path; made when the first page asks.
    """
    whole = bundle("browser.js", page_rules)
    mapped = text_of(whole) + "//# sourceMappingURL=tracelog.js.map\n"
    names = exported("browser.js")
    exports = f"export default globalThis.tracelog;\nexport const {{ {names} }} = globalThis.tracelog;\n"
    made = (
        _script(mapped),
        _script(mapped + exports),
        _script(map_of(whole), "application/json"),
        _script(text_of(bundle("core.js", page_rules))),
        _script(source("widget.js")),
        _script(module("worker.js", page_rules)),
        _script(module("convex.js", page_rules)),
    )
    return dict(zip(PATHS, made, strict=True))


class Pages:
    """
    The routes that any page may use.

    Args:
        capture: Whether pages shall capture at this moment.
    """

    def __init__(self, capture: Callable[[], bool]) -> None:
        self._capture = capture

    def routes(self) -> list[Route]:
        """
        Return a route for each script.
        """
        return [Route(path, _serving(path)) for path in PATHS]

    def or_status(self, status: Endpoint) -> Endpoint:
        """
        Return *status*, but for `?page=1`, which a page of any origin may ask and which tells one word.
        """

        async def endpoint(request: Request) -> Response:
            if "page" not in request.query_params:
                return await status(request)
            said = msgspec.json.encode({"capture": self._capture()})
            headers = {**HEADERS, "cache-control": "no-store"}
            return Response(said, media_type="application/json", headers=headers)

        return endpoint


def _serving(path: str) -> Endpoint:
    async def endpoint(request: Request) -> Response:
        script = scripts()[path]
        headers = {**HEADERS, "etag": script.etag, "cache-control": f"public, max-age={MAX_AGE_S}"}
        if script.etag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        is_packed = "gzip" in request.headers.get("accept-encoding", "")
        if is_packed:
            headers["content-encoding"] = "gzip"
        body = script.packed if is_packed else script.body
        return Response(body, media_type=script.media_type, headers=headers)

    return endpoint


def _script(text: str, media_type: str = "text/javascript") -> Script:
    body = text.encode()
    etag = f'W/"{hashlib.sha256(body).hexdigest()[:16]}"'
    return Script(body, gzip.compress(body, 9, mtime=0), etag, media_type)
