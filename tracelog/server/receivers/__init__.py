"""
One file for each language that senders speak: request bytes become entries, and nothing else happens here.

`native.py`, `convex.py`, `cloudflare.py` and `otlp.py` are the receivers; all have the same `receive`. The
other files are what they share, or one half of a language that has two.
"""
