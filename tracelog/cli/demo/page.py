"""
The demo's web page, as a program: it speaks HTTP as a browser does and knows nothing of tracelog's code.

Each line on standard input is a press of *Buy*; the answer is one line of JSON. `buy` is an ordinary one,
`storm` one in which the page's own code runs in circles while it waits.
"""

import itertools
import json
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from tracelog.cli.demo.calls import addresses, post, post_entries, say

BATCH: Final = 100
"""Entries a request: a browser may have 60 KB of requests in flight when its page goes away."""

STORM: Final = 400
STORM_PAUSE_S: Final = 0.0004


class Page:
    """
    One tab.

    Args:
        log_url: The tracelog server.
        shop_url: The edge worker behind which the shop is.
        token: What the customer's session is worth; it must never be seen in a log.
    """

    def __init__(self, log_url: str, shop_url: str, token: str) -> None:
        self._log_url = log_url
        self._shop_url = shop_url
        self._token = token
        self._source = f"page-{os.urandom(6).hex()}"
        self._numbers = itertools.count()
        self._waiting: list[dict[str, Any]] = []

    def buy(self, *, storm: bool) -> dict[str, Any]:
        """
        Press *Buy* and return the trace and the status that came back.
        """
        trace_id, click, call = os.urandom(16).hex(), os.urandom(8).hex(), os.urandom(8).hex()
        place = {"trace_id": trace_id, "user_id": "u-81", "area": "checkout"}
        self._log("info", "click Buy", **place, span_id=click, context={"items": 2, "total": "12.50"})
        headers = {"traceparent": f"00-{trace_id}-{call}-01", "authorization": f"Bearer {self._token}"}
        order = json.dumps({"order": f"o-{os.urandom(3).hex()}", "cents": 1250}).encode()
        started = time.time()
        with ThreadPoolExecutor(1) as network:
            answer = network.submit(post, f"{self._shop_url}/checkout", order, headers)
            for n in range(1, STORM + 1) if storm else ():
                self._log("log", f"cart re-rendered (effect run {n})", **place, span_id=click)
                time.sleep(STORM_PAUSE_S)
            status, _ = answer.result()
        hop = {**place, "span_id": call, "parent_id": click, "timestamp": started * 1000.0}
        took = (time.time() - started) * 1000.0
        self._log("info", "POST /checkout", **hop, duration_ms=took, context={"status": status})
        if status >= 400:
            said = f"checkout failed with status {status}"
            stack = f"Error: {said}\n    at placeOrder (checkout.js:41:11)\n    at async onBuy (cart.js:18:5)"
            error = {"type": "Error", "message": said}
            self._log(
                "error",
                f"Uncaught (in promise) Error: {said}",
                **place,
                span_id=click,
                stack=stack,
                error=error,
            )
        else:
            self._log("info", "order confirmed", **place, span_id=click)
        self._send()
        return {"trace_id": trace_id, "status": status}

    def _log(self, level: str, message: str, **fields: Any) -> None:
        entry = {
            "timestamp": time.time() * 1000.0,
            "system": "browser",
            "service": "web",
            "source": self._source,
        }
        entry |= {"seq": next(self._numbers), "level": level, "message": message}
        self._waiting.append({**entry, **fields})

    def _send(self) -> None:
        while self._waiting:
            post_entries(self._log_url, json.dumps(self._waiting[:BATCH]).encode(), "application/json")
            del self._waiting[:BATCH]


def main() -> None:
    log_url, shop_url = addresses()
    page = Page(log_url, shop_url, os.environ["DEMO_SESSION"])
    say("set")
    for line in sys.stdin:
        say(json.dumps(page.buy(storm=line.strip() == "storm")))


if __name__ == "__main__":
    main()
