"""
The ingestion server: takes entries from any system, stores them, gives them back as one story.
"""

from typing import Any

__all__ = ["create_app"]


def __getattr__(name: str) -> Any:
    """
    Load the app when it is asked for: the receivers are of use where none of the server's libraries is.
    """
    if name != "create_app":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from tracelog.server.app import create_app  # noqa: PLC0415 - see above

    return create_app
