"""
A program that logs with the standard library, shipped as it is:
`python examples/integrations/stdlib_logging.py`.

Its own lines go to standard error with the trace id in front, the entries to standard output, or to
TRACELOG_URL where that is set.
"""

import logging

import tracelog
from tracelog.integrations.logging import TraceFilter, setup

log = logging.getLogger("shop")


def place_order(item: str) -> None:
    with tracelog.trace("place order", area="orders"):
        log.info("ordering %s", item, extra={"item": item})
        try:
            {"tea": 1}[item]
        except KeyError:
            log.exception("no %s in stock", item)


if __name__ == "__main__":
    tracelog.configure(service="shop")
    setup()
    console = logging.StreamHandler()
    console.addFilter(TraceFilter())
    logging.basicConfig(level="INFO", format="%(trace_id)s %(message)s", handlers=[console])
    place_order("tea")
    place_order("cup")
    tracelog.flush()
