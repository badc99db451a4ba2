"""
The agent's tools: what a coding agent asks of the logs, answered within a budget of tokens.

    answer → tools, watching (what a tool says; no SDK, no HTTP) → server (the official SDK)

The tools ask the server's reading endpoints through whatever `Ask` they are given, so they work from any
machine and say so when no server is there.
"""
