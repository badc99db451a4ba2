"""
A program that logs with structlog, shipped as it is: `python examples/integrations/with_structlog.py`.
"""

import structlog

import tracelog
from tracelog.integrations.structlog import Processor

log = structlog.get_logger()


def place_order(item: str) -> None:
    with tracelog.trace("place order", area="orders"), structlog.contextvars.bound_contextvars(item=item):
        log.info("order received")
        try:
            {"tea": 1}[item]
        except KeyError:
            log.exception("order refused")


if __name__ == "__main__":
    tracelog.configure(service="shop")
    structlog.configure(processors=[structlog.contextvars.merge_contextvars, Processor()])
    place_order("tea")
    place_order("cup")
    tracelog.flush()
