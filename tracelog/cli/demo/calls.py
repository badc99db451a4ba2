"""
What the demo's programs have in common, on the standard library alone: calls, and words with the director.
"""

import http.client
import json
import os
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

    Raises:
        SystemExit: When it has ended before it told.
    """
    line = sys.stdin.readline()
    if not line:
        raise SystemExit(0)
    told: list[str] = json.loads(line)
    return told


def say(line: str) -> None:
    """
    Tell the process that started this one.

    Raises:
        SystemExit: When it has ended.
    """
    try:
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for what the end would write again
        raise SystemExit(0) from None
