"""
One service that logs: `python examples/one_service.py`. Nothing else has to run.

Lines go to standard output here. With `url="http://127.0.0.1:8787"` instead of `sinks=…` they go to a
server started with `tracelog serve`, and `tracelog show latest-error` tells the story of the order that
failed.
"""

import tracelog

tracelog.configure(service="orders", sinks=["stdout:"])
log = tracelog.get_logger(__name__)

STOCK = {"tea": 2, "cup": 0}


def take(item: str) -> None:
    with tracelog.span("take from stock", item=item):
        if STOCK[item] < 1:
            raise LookupError(f"no {item} left")
        STOCK[item] -= 1


def place_order(user: str, *items: str) -> None:
    with tracelog.trace("place order", user_id=user, area="orders"):
        log.info("order received", items=items)
        try:
            for item in items:
                take(item)
        except LookupError:
            log.exception("order refused")
        else:
            log.bind(password="hunter2").info("order placed")  # noqa: S106 - a secret, to see it replaced


if __name__ == "__main__":
    place_order("u1", "tea")
    place_order("u2", "tea", "cup")
    tracelog.flush()
