"""
A function of AWS Lambda, whose process is frozen behind each answer: `python
examples/integrations/lambda_function.py` calls it twice as the service does.
"""

from typing import Any

import tracelog
from tracelog.integrations.frozen import handler

tracelog.configure(service="charge")
log = tracelog.get_logger("charge")


@handler
def charge(event: dict[str, Any], _context: object) -> dict[str, int]:
    log.info("charging", order=event["order"])
    return {"statusCode": 200}


if __name__ == "__main__":
    caller = {"traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}
    for order in (12, 13):
        charge({"order": order, "headers": caller}, None)
