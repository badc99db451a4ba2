"""
What the demo's programs have in common, on the standard library alone: calls, and words with the director.
"""

import http.client
import json
import sys
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

CALL_S: Final = 10.0
"""Ten times what the slowest step of the story takes."""


def post(url: str, body: bytes, headers: Mapping[str, str]) -> tuple[int, bytes]:
    """
    Return status and body of the answer to `POST url`.

    Raises:
        OSError: When nobody answers.
    """
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=CALL_S)
    try:
        connection.request("POST", parts.path, body, {"content-type": "application/json", **headers})
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def post_entries(log_url: str, body: bytes, content_type: str) -> None:
    """
    Hand entries to the tracelog server at *log_url*.

    Raises:
        OSError: When they were not taken.
    """
    status, answer = post(f"{log_url}/log", body, {"content-type": content_type})
    if status != http.client.OK:
        raise OSError(f"the entries were not taken: {status} {answer[:200]!r}")


def addresses() -> list[str]:
    """
    Return what the process that started this one tells first: where the server is, and the next program.
    """
    told: list[str] = json.loads(sys.stdin.readline() or '["", ""]')
    return told


def say(line: str) -> None:
    """
    Tell the process that started this one.
    """
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
