"""
Work that is handed to another process through a queue: who publishes it, and each time that it is run.

A queue is one's own, so the trace goes with every message. What runs goes on in the trace of who published
it, a second try as well as the first.
"""

from collections.abc import Mapping
from typing import Any

from tracelog.client.context import NOTHING, Wish
from tracelog.integrations.exchange import Block, Host


class Publication(Block):
    """
    A message on its way into a queue.

    Args:
        client: Who logs it.
        name: Of the work.
        fields: Carried by the entry.
    """

    def __init__(self, client: Host, name: str, fields: Mapping[str, Any]) -> None:
        super().__init__(client, f"publish {name}", NOTHING, fields)

    def carried(self, headers: Mapping[str, Any] | None) -> dict[str, Any]:
        """
        Return *headers* of the message with the trace in them.
        """
        return {**(headers or {}), **({} if self.muted else self.trace.headers())}


class Run(Block):
    """
    One try to do the work.

    Args:
        client: Who logs it.
        name: Of the work.
        headers: Of the message.
        fields: Carried by the entry.

    Attributes:
        again: Why it will be tried again; then its failure is a warning, and the last one is the error.
    """

    def __init__(
        self, client: Host, name: str, headers: Mapping[str, Any], fields: Mapping[str, Any]
    ) -> None:
        super().__init__(client, f"run {name}", Wish(headers=headers), fields)
        self.again: str | None = None

    def _level(self, failure: Exception | None) -> str:
        if self.again is not None:
            self.fields["tried_again"] = self.again
            return "warn"
        return super()._level(failure)
