"""
urllib3: outgoing requests as hops that hand on the trace.
"""

from typing import TYPE_CHECKING, Any

import urllib3
from urllib3.connectionpool import HTTPConnectionPool

from tracelog.client.foreign import chosen
from tracelog.integrations.calls import OuterCall, Target, is_untold
from tracelog.integrations.patching import Method, Undo, replace

if TYPE_CHECKING:
    from tracelog.client.client import Client


def setup(*, client: "Client | None" = None) -> Undo:
    """
    Log every request of every pool, and hand the trace to hosts that may know it.

    A request is one entry with all its retries; each hop of a redirect is one of its own. A second call
    changes nothing.

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
            **rest: Any,
        ) -> Any:
            if not is_untold():
                return before(self, method, url, body, headers, **rest)
            with OuterCall(who(), method, _target(self, url)) as call:
                sent = urllib3.HTTPHeaderDict(self.headers if headers is None else headers)
                call.write(sent)
                response = before(self, method, url, body, sent, **rest)
                call.status = response.status
            return response

        return urlopen

    return replace(HTTPConnectionPool, "urlopen", make)


def _target(pool: HTTPConnectionPool, url: str) -> Target:
    """
    Return what a request through *pool* calls; a proxy is given the whole *url*.
    """
    said = urllib3.util.parse_url(url)
    if said.host:
        return Target(said.scheme or pool.scheme, said.host.strip("[]"), said.port, said.path or "/")
    return Target(pool.scheme, pool.host, pool.port, said.path or "/")
