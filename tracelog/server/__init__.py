"""
The ingestion server: takes entries from any system, stores them, gives them back as one story.
"""

from tracelog.server.app import create_app

__all__ = ["create_app"]
