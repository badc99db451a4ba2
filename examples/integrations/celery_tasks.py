"""
A task that is published and run in one trace: `python examples/integrations/celery_tasks.py`. Needs celery;
broker and worker are in this one program, so nothing else has to run.
"""

from celery import Celery
from celery.contrib.testing.worker import start_worker

import tracelog
from tracelog.integrations.celery import setup

app = Celery("shop", broker="memory://", backend="cache+memory://")
app.conf.broker_transport_options = {"polling_interval": 0.02}
setup(app)
log = tracelog.get_logger("shop")


@app.task(name="shop.charge")
def charge(order: int) -> int:
    log.info("charging", order=order)
    return order


if __name__ == "__main__":
    tracelog.configure(service="shop")
    worker = start_worker(app, pool="solo", perform_ping_check=False)
    worker.__enter__()  # never left: an orderly end takes Celery seconds, and this program ends anyway
    with tracelog.trace("place order"):
        charge.delay(12).get(timeout=10)
    tracelog.flush()
