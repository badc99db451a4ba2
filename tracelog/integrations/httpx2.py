"""
httpx2: outgoing requests, sync and async, as hops that hand on the trace.
"""

from typing import TYPE_CHECKING

import httpx2

from tracelog.integrations.patching import Undo
from tracelog.integrations.transports import watch

if TYPE_CHECKING:
    from tracelog.client.client import Client


def setup(*, client: "Client | None" = None) -> Undo:
    """
    Log every request of every client, and hand the trace to hosts that may know it.

    Its time ends with the headers of the answer; what breaks it while its body is read is an entry of its
    own. A second call changes nothing.

    Returns:
        A function that undoes it.
    """
    return watch(httpx2, client)
