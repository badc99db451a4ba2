"""
urllib3: outgoing requests as hops that hand on the trace.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

import urllib3
from urllib3.connectionpool import HTTPConnectionPool
from urllib3.response import HTTPResponse

from tracelog.client.foreign import chosen
from tracelog.integrations.calls import OuterCall, Target, is_untold
from tracelog.integrations.patching import Make, Method, Undo, replace_all

if TYPE_CHECKING:
    from tracelog.client.client import Client

CALL: Final = "_tracelog_call"
"""Where an answer keeps the call that it answers, while its body is read."""

_READERS: Final = ("read", "read1", "read_chunked")
"""What takes a body from its connection: `stream`, `data` and `readinto` go through one of them. Not every
version has all."""


def setup(*, client: "Client | None" = None) -> Undo:
    """
    Log every request of every pool, and hand the trace to hosts that may know it.

    A request is one entry with all its retries; each hop of a redirect is one of its own. What breaks an
    answer while it is read is one more. A second call changes nothing.

    Returns:
        A function that undoes it.
    """
    who = chosen(client)

    def make(before: Method) -> Method:
        def urlopen(
            self: HTTPConnectionPool,
            method: str,
            url: str,
            body: Any = None,
            headers: Any = None,
            *more: Any,
            **rest: Any,
        ) -> Any:
            if not is_untold():
                return before(self, method, url, body, headers, *more, **rest)
            with OuterCall(who(), method, _target(self, url)) as call:
                sent = urllib3.HTTPHeaderDict(self.headers if headers is None else headers)
                call.write(sent)
                response = before(self, method, url, body, sent, *more, **rest)
                call.status = response.status
            answers(response, call)
            return response

        return urlopen

    return replace_all([(HTTPConnectionPool, "urlopen", make), *readers()])


def readers() -> list[tuple[type, str, Make]]:
    """
    Return what is to be replaced for a body that breaks to be told, see `answers`.
    """
    return [(HTTPResponse, name, _watched) for name in _READERS if name in vars(HTTPResponse)]


def answers(response: Any, call: OuterCall | None) -> None:
    """
    Have what breaks *response*, if it is urllib3's, told of *call*, or of none.
    """
    if isinstance(response, HTTPResponse):
        setattr(response, CALL, call)


def _watched(before: Method) -> Method:
    def read(self: HTTPResponse, *args: Any, **rest: Any) -> Any:
        call = vars(self).get(CALL)
        if call is None:
            return before(self, *args, **rest)
        with call.body():
            found = before(self, *args, **rest)
        return _told(found, call) if isinstance(found, Iterator) else found

    return read


def _told(chunks: Iterator[Any], call: OuterCall) -> Iterator[Any]:
    with call.body():
        yield from chunks


def _target(pool: HTTPConnectionPool, url: str) -> Target:
    """
    Return what a request through *pool* calls; a proxy is given the whole *url*.
    """
    said = urllib3.util.parse_url(url)
    if said.host:
        return Target(said.scheme or pool.scheme, said.host.strip("[]"), said.port, said.path or "/")
    return Target(pool.scheme, pool.host, pool.port, said.path or "/")
