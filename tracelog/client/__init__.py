"""
What a program imports: synchronous calls, one background thread, nothing that raises or waits.
"""
