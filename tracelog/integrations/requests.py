"""
requests: outgoing calls as hops that hand on the trace.
"""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from requests.adapters import HTTPAdapter
from requests.models import PreparedRequest, Response

from tracelog.client.foreign import chosen
from tracelog.integrations.calls import OuterCall, Target, is_untold
from tracelog.integrations.patching import Method, Undo, replace_all
from tracelog.integrations.urllib3 import CALL, answers, readers

if TYPE_CHECKING:
    from tracelog.client.client import Client


def setup(*, client: "Client | None" = None) -> Undo:
    """
    Log every request of every session, and hand the trace to hosts that may know it.

    Each hop of a redirect is an entry of its own; what breaks an answer while it is read is one more. A
    second call changes nothing.

    Returns:
        A function that undoes it.
    """
    who = chosen(client)

    def make(before: Method) -> Method:
        def send(self: HTTPAdapter, request: PreparedRequest, *args: Any, **rest: Any) -> Any:
            if not is_untold():
                return before(self, request, *args, **rest)
            with OuterCall(who(), request.method or "", _target(request.url or "")) as call:
                traced = request.copy()  # the original is what a redirect to another host is made from
                call.write(traced.headers)
                response = before(self, traced, *args, **rest)
                call.status = response.status_code
            setattr(response, CALL, call)
            answers(response.raw, call)  # for who reads past requests, as with `shutil.copyfileobj`
            return response

        return send

    return replace_all(((HTTPAdapter, "send", make), (Response, "iter_content", _watched), *readers()))


def _watched(before: Method) -> Method:
    def iter_content(self: Response, *args: Any, **rest: Any) -> Any:
        chunks = before(self, *args, **rest)
        call = vars(self).get(CALL)
        if call is None:
            return chunks
        answers(self.raw, None)  # told once, as the exception that the program gets
        return _told(chunks, call)

    return iter_content


def _told(chunks: Iterable[Any], call: OuterCall) -> Iterator[Any]:
    with call.body():
        yield from chunks


def _target(url: str) -> Target:
    parts = urlsplit(url)
    return Target(parts.scheme, parts.hostname or "", parts.port, parts.path)
