"""
The rules both sides obey: values in, values out.

Nothing here reads a clock, a file, a socket, the environment or a random source; whoever calls hands in
*now*, ids and seeds. The same rules reach JavaScript as data (`rules.json`, `tests/vectors`).
"""
