"""
WSGI: each request of an app as a hop that goes on with its caller's trace.

    app = Middleware(app)

The answer is iterated by the server, long after the app has returned: the hop is current in each of its steps
and in none between them, because the same thread may serve another request there.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, Final

from tracelog.client.context import Wish
from tracelog.client.foreign import chosen
from tracelog.client.hop import MUTED
from tracelog.core.compact import CONTENT_TYPE
from tracelog.integrations.exchange import HEADER, Exchange, Inside

if TYPE_CHECKING:
    from tracelog.client.client import Client

Environ = dict[str, Any]
StartResponse = Callable[..., Callable[[bytes], object]]
App = Callable[[Environ, StartResponse], Iterable[bytes]]

KEY: Final = "tracelog.exchange"
"""Where an environment says that it is being watched already, and by what."""

_HTTP: Final = "HTTP_"


class Middleware:
    """
    A WSGI app around *app*.

    Args:
        app: The app.
        client: Who logs the requests; the default one when None.
    """

    def __init__(self, app: App, *, client: "Client | None" = None) -> None:
        self._app = app
        self._client = chosen(client)

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        if KEY in environ:
            return self._app(environ, start_response)
        if environ.get("CONTENT_TYPE") == CONTENT_TYPE:  # shipped by us: logged, it would be shipped for ever
            with Inside(MUTED):
                return self._app(environ, start_response)
        exchange = environ[KEY] = self._exchange(environ)
        try:
            with Inside(exchange.trace):
                parts = self._app(environ, _Start(exchange, start_response))
        except BaseException as error:
            _fail(exchange, error)
            raise
        return Parts(exchange, parts)

    def _exchange(self, environ: Environ) -> Exchange:
        method = environ.get("REQUEST_METHOD", "")
        path = environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "")
        wish = Wish(headers=[(name, value) for name, value in _headers(environ)])
        return Exchange(self._client(), f"{method} {path}", wish, {"method": method, "path": path})


class _Start:
    """
    `start_response` as the app gets it: notes the status, names the trace.
    """

    def __init__(self, exchange: Exchange, start: StartResponse) -> None:
        self._exchange = exchange
        self._start = start

    def __call__(
        self, status: str, headers: list[tuple[str, str]], *exc_info: Any
    ) -> Callable[[bytes], object]:
        code = status[:3]
        self._exchange.status = int(code) if code.isdecimal() else None
        if all(name.lower() != HEADER for name, _ in headers):
            headers = [*headers, (HEADER, self._exchange.trace.trace_id)]
        return self._start(status, headers, *exc_info)


class Parts:
    """
    The parts of an answer, each made in its hop. The exchange ends with the last, with `close()`, or with
    what they raise.
    """

    def __init__(self, exchange: Exchange, parts: Iterable[bytes]) -> None:
        self._exchange = exchange
        self._parts = parts
        self._steps: Iterator[bytes] | None = None

    def __len__(self) -> int:
        return len(self._parts)  # type: ignore[arg-type] # servers ask, and live with the TypeError

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        exchange = self._exchange
        try:
            with Inside(exchange.trace):
                if self._steps is None:
                    self._steps = iter(self._parts)
                return next(self._steps)
        except StopIteration:
            exchange.end()
            raise
        except BaseException as error:
            _fail(exchange, error)
            raise

    def close(self) -> None:
        """
        End, whether or not all parts were taken, after the app has cleaned up.
        """
        exchange = self._exchange
        close = getattr(self._parts, "close", None)
        try:
            if close is not None:
                with Inside(exchange.trace):
                    close()
        except BaseException as error:
            _fail(exchange, error)
            raise
        if not exchange.ended:
            exchange.end()


def _headers(environ: Environ) -> Iterator[tuple[str, Any]]:
    for name, value in environ.items():
        if name.startswith(_HTTP):
            yield name[len(_HTTP) :].replace("_", "-"), value


def _fail(exchange: Exchange, error: BaseException) -> None:
    if exchange.status is None and isinstance(error, Exception):
        exchange.status = 500  # what a server answers then
    exchange.end(error)
