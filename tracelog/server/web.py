"""
The pages: files as they lie in `tracelog/web` but for comments, without a build step and without data.

A page asks the reading endpoints for what it shows, so whoever may not read sees a page and no entry. It may
load from this server only, and its policy leaves a text that was taken for markup nothing to do.
"""

import gzip
import hashlib
import re
from collections.abc import Awaitable, Callable, Mapping
from functools import cache
from html import escape
from pathlib import Path
from typing import Final, NamedTuple

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tracelog.server.access import Access
from tracelog.server.body import read_body
from tracelog.server.bundle import bare

Endpoint = Callable[[Request], Awaitable[Response]]

FOLDER: Final = Path(__file__).parents[1] / "web"

MEDIA: Final = {".html": "text/html", ".css": "text/css", ".js": "text/javascript"}

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
"""Content Security Policy Level 3 with Trusted Types: no inline script or style, nothing from elsewhere."""

HEADERS: Final = {
    "cache-control": "no-cache",
    "content-security-policy": POLICY,
    "cross-origin-opener-policy": "same-origin",
    "vary": "accept-encoding",
}
"""A page asks each time whether its files are new: an updated server never meets an old page."""

IMPORT: Final = re.compile(r'^import [^;]*? from "\./([\w.]+)";', re.MULTILINE)
"""How our modules import each other."""

PAGES: Final = {"debug": ("/debug", "/debug/", "/debug/{ref}"), "logs": ("/logs",), "admin": ("/admin",)}
"""The addresses of each page. The first is where the navigation of all pages leads."""

LARGEST_KEY: Final = 1_024
"""Bytes of a key that a page sends."""

KEY_WITHIN_S: Final = 5.0


class File(NamedTuple):
    """
    A file as it is served: its bytes, the same by gzip, the name of its content, its media type.
    """

    body: bytes
    packed: bytes
    etag: str
    media_type: str


def web(answering: Callable[[Endpoint], Endpoint], access: Access) -> list[Route]:
    """
    Return the routes of the pages and of what they load.

    Args:
        answering: Gives an endpoint the headers that every answer has, and its errors their shape.
        access: Knows the hosts that this server answers for.
    """

    def page(name: str) -> Endpoint:
        async def endpoint(request: Request) -> Response:
            access.check_host(dict(request.scope["headers"]))
            return _sent(request, _page(name, request.scope.get("root_path", "")))

        return answering(endpoint)

    async def asset(request: Request) -> Response:
        access.check_host(dict(request.scope["headers"]))
        return _sent(request, _assets()[request.path_params["name"]])

    async def sign_in(request: Request) -> Response:
        """
        A key in the body becomes a cookie; an empty one signs out.
        """
        headers = dict(request.scope["headers"])
        access.check_own(headers)
        body = await read_body(request.receive, headers, limit=LARGEST_KEY, within=KEY_WITHIN_S)
        token = body.decode("utf-8", "replace").strip()
        root = request.scope.get("root_path", "") or "/"
        address = request.client.host if request.client else ""
        secure = access.proxies.is_https(headers, request.url.scheme, address)
        answer = Response(status_code=204)
        signed = [access.sign_in(token, headers, secure=secure, path=root)] if token else []
        for cookie in signed or access.sign_out(headers, path=root):
            answer.headers.append("set-cookie", cookie)
        return answer

    assets = [Route(f"/web/{name}", _named(answering(asset), name)) for name in _assets()]
    pages = [Route(path, page(name)) for name, paths in PAGES.items() for path in paths]
    return [*pages, *assets, Route("/api/v1/session", answering(sign_in), methods=["POST"])]


def _named(endpoint: Endpoint, name: str) -> Endpoint:
    async def named(request: Request) -> Response:
        request.scope["path_params"] = {"name": name}
        return await endpoint(request)

    return named


@cache
def _assets() -> Mapping[str, File]:
    paths = [path for path in sorted(FOLDER.iterdir()) if path.suffix in {".css", ".js"}]
    return {path.name: _file(_served(path), path.suffix) for path in paths}


def _served(path: Path) -> bytes:
    """
    Return a file as it lies, but for the comments of a module, which are a third of what would travel.
    """
    text = path.read_text("utf-8")
    return (bare(text) if path.suffix == ".js" else text).encode()


@cache
def _page(name: str, root: str) -> File:
    """
    Return the page *name* of a server that is mounted at *root*.
    """
    text = (FOLDER / f"{name}.html").read_text("utf-8")
    links = (f'<link rel="modulepreload" href="%ROOT%/web/{module}">\n' for module in _needed(f"{name}.js"))
    text = text.replace("%PRELOADS%", "".join(links)).replace("%NAV%", _navigation(name))
    return _file(text.replace("%ROOT%", escape(root)).encode(), ".html")


def _navigation(here: str) -> str:
    """
    Return links to all pages, of which *here* is the present one.
    """
    present = ' aria-current="page"'
    links = (
        f'<a href="%ROOT%{paths[0]}"{present if name == here else ""}>{name}</a>'
        for name, paths in PAGES.items()
    )
    return f'<nav aria-label="Pages">{"".join(links)}</nav>'


def _needed(module: str) -> list[str]:
    """
    Return all modules that *module* needs: a page names them, so that they come at once and not one by one.
    """
    found: dict[str, None] = {}

    def visit(name: str) -> None:
        for other in IMPORT.findall((FOLDER / name).read_text("utf-8")):
            if other not in found:
                found[other] = None
                visit(other)

    visit(module)
    return list(found)


def _file(body: bytes, suffix: str) -> File:
    etag = f'W/"{hashlib.sha256(body).hexdigest()[:16]}"'
    return File(body, gzip.compress(body, 9, mtime=0), etag, f"{MEDIA[suffix]}; charset=utf-8")


def _sent(request: Request, file: File) -> Response:
    headers = {**HEADERS, "etag": file.etag}
    if file.etag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    if "gzip" not in request.headers.get("accept-encoding", ""):
        return Response(file.body, media_type=file.media_type, headers=headers)
    return Response(file.packed, media_type=file.media_type, headers={**headers, "content-encoding": "gzip"})
