"""
A program that logs with loguru, shipped as it is: `python examples/integrations/with_loguru.py`. Needs
loguru.
"""

import sys

from loguru import logger

import tracelog
from tracelog.integrations.loguru import sink


def place_order(item: str) -> None:
    with tracelog.trace("place order", area="orders"):
        logger.bind(item=item).info("ordering {}", item)
        try:
            {"tea": 1}[item]
        except KeyError:
            logger.exception("order refused")


if __name__ == "__main__":
    tracelog.configure(service="shop")
    logger.remove()
    logger.add(sys.stderr, level="WARNING")
    logger.add(sink())
    place_order("tea")
    place_order("cup")
    tracelog.flush()
