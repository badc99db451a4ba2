"""
A job that is enqueued and run in one trace: `REDIS_URL=redis://127.0.0.1:6379 python
examples/integrations/rq_jobs.py`. Needs rq, and a Redis.
"""

import os

from redis import Redis
from rq import Queue, SimpleWorker

import tracelog
from tracelog.integrations.rq import setup

log = tracelog.get_logger("shop")


def charge(order: int) -> int:
    log.info("charging", order=order)
    return order


if __name__ == "__main__":
    tracelog.configure(service="shop")
    setup()
    with Redis.from_url(os.environ.get("REDIS_URL", "redis://127.0.0.1:6379")) as connection:
        queue = Queue(connection=connection)
        with tracelog.trace("place order"):
            queue.enqueue("rq_jobs.charge", 12)  # by name: a worker imports it from this file
        SimpleWorker([queue], connection=connection).work(burst=True, logging_level="ERROR")
    tracelog.flush()
