"""
A sample of what logs look like, by which the search for literals chooses what is rare.
"""

from typing import Final

_ENTRIES: Final = b"""
{"id":"checkout-1f0a-42","trace_id":"4bf92f3577b34da6a3ce929d0e0e4736","span_id":"00f067aa0ba902b7","timesta
mp":1732277353123.25,"system":"backend","level":"info","message":"GET /api/v1/orders/17 200 in 12.5 ms","ser
vice":"checkout","logger":"shop.orders.views","environment":"production","context":{"user_id":"u42","path":"
/cart/items","status":404,"duration_ms":88.1,"attempt":1,"method":"POST","host":"db-2.internal","remote_addr
":"10.0.0.7","version":"2.13.1"}} {"id":"worker-77c3-9","trace_id":"a3ce929d0e0e47364bf92f3577b34da6","times
tamp":1732277353125.5,"system":"worker","level":"error","message":"could not place order","service":"shop","
area":"payment","release":"2025.3.1","source":"worker-77c3","seq":9,"error":{"type":"TimeoutError","message"
:"no answer"},"context":{"user_id":"u7","path":"/pay","attempt":3,"duration_ms":0.7,"is_admin":false,"produc
t":"chair","customer":"c9","is_new":true,"event":"added"}}
"""
_PROSE: Final = b"""
2025-03-09 12:30:45.678 WARNING [worker-3] the request for customer 981 failed after 3 retries, connection t
o payment service timed out and was closed; started background task to process and update the list of produc
ts from cache, then sent mail with order details to the user, response received, waiting for next event befo
re shutting down all handlers https://example.com/static/app.js?page=2&sort=desc ValueError: could not find
 or load item in table, deleted stale lock File "/srv/app/main.py", line 210, in handle_request return await
 self.call(next_step, retry_count=5, timeout=30.0) each place can have its own database, reading takes less
 than half of a second, this is because the last change made it possible to scale up, applied patch
"""
SAMPLE: Final = 4 * _ENTRIES + _PROSE
"""What logs look like: the names and words of entries over and over. Pairs that are rare here are good."""
