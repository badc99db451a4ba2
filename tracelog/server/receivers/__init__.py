"""
One file for each language that senders speak: request bytes become entries, and nothing else happens here.
"""
