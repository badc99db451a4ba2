"""
A real page in Chromium before a worker, or behind the proxy.
"""

from tests.browser.test_delivery import sent, until
from tests.worker.test_worker import one, told


def test_a_request_from_the_page_to_the_backend_is_one_trace(world, chromium, trace):
    """
    Browser, worker and Python backend tell of one request under one trace, each hop the child of the one before, no
    secret in it, and the report finds all three systems.
    """
    page = chromium.new_page()
    page.goto(f"{world.runtime.urls['edge']}/page?logs={world.logs.url}&trace={trace}")
    page.wait_for_function("window.answered")
    assert page.evaluate("answered") == 503
    page.evaluate("tracelog.flush()")
    page.close()
    entries = told(world, trace, 7)
    call = one(entries, "POST /api/order 503")
    hop, forwarded = one(entries, "POST /api/order"), one(entries, "forwarding")
    asked = next(entry for entry in entries if entry["message"].endswith("/orders/tea 503"))
    served, said = one(entries, "POST /orders/tea"), one(entries, "out of tea")
    assert [each["system"] for each in (call, hop, asked, served)] == [
        "browser",
        "worker",
        "worker",
        "backend",
    ]
    assert hop["parent_id"] == call["span_id"]
    assert forwarded["span_id"] == asked["parent_id"] == hop["span_id"]
    assert served["parent_id"] == asked["span_id"]
    assert said["span_id"] == served["span_id"]
    assert (forwarded["service"], forwarded["user_id"]) == ("edge", "u1")
    assert forwarded["context"]["authorization"] == "Bearer [REDACTED:bearer]"
    assert (hop["level"], hop["context"]["status"]) == ("error", 503)
    report = world.logs.read(f"traces/{trace}/report")
    assert {each["system"] for each in report["systems"]} == {"browser", "worker", "backend"}


def test_a_real_page_falls_back_to_the_proxy(world, chromium, trace):
    """
    A page whose server cannot be reached loads the client through the proxy and sends there, across origins.
    """
    proxy = world.runtime.urls["proxy"]
    html = f"""<script src="{proxy}/tracelog.js" data-url="http://127.0.0.1:1" data-fallback="{proxy}/log"
        data-trace-id="{trace}"></script><script>console.log("from afar")</script>"""
    page = chromium.new_page()
    page.goto(world.site.page(html).replace("127.0.0.1", "shop.example"))
    page.evaluate("tracelog.flush()")
    page.close()
    assert until(lambda: sent(world.logs, trace), bool)[0]["message"] == "from afar"
