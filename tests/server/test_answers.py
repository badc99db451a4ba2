"""
When a sender is told to come again: as soon as something of what was refused may pass.
"""

import pytest

from tests.core.corpus import NOW, mint
from tracelog.core.stage import Batch
from tracelog.core.wire import decode_json
from tracelog.server.answers import Answer, Room, answer, refusals


def refused(fates: str, room: Room, *, single: bool = False) -> Answer:
    """
    Return the answer to a batch, or to a single entry, that was refused as *fates* say.
    """
    batch = read(len(fates), single=single)
    batch.drop(refusals(batch, fates))
    return answer(batch, fates, NOW, room)


def read(many: int, *, single: bool) -> Batch:
    entries = ",".join('{"trace_id":"t","message":"m"}' for _ in range(many))
    body = entries if single else f"[{entries}]"
    return decode_json(body.encode(), now_ms=NOW, mint=mint())


@pytest.mark.parametrize(
    ("fates", "room", "wait_s"),
    [
        ("TTT", Room(7, 12.5, 600.0), 600.0),
        ("ZTZ", Room(7, 12.5, 600.0), 600.0),
        ("TTT", Room(7), 3_600.0),
        ("TST", Room(0, 12.5, 600.0), 12.5),
        ("SSS", Room(0, 12.5, 600.0), 12.5),
        ("BBB", Room(0, 0.0, 600.0), 60.0),
        ("CCT", Room(), 60.0),
    ],
)
def test_the_wait_is_that_of_what_refused(fates: str, room: Room, wait_s: float) -> None:
    """
    A full trace has room when its window is over at the latest, whatever the system's minute says; where anything else
    refused, too, that may pass sooner.
    """
    said = refused(fates, room)
    assert (said.status, said.headers) == (429, ((b"retry-after", b"%d" % -(-wait_s // 1)),))
    assert f'"retry_after":{wait_s}'.encode() in said.body
    alone = refused(fates[:1], room, single=True)
    first_s = {"T": room.trace_s, "Z": room.trace_s}.get(fates[0], wait_s)
    assert alone.status == 429
    assert f'"retry_after":{first_s}'.encode() in alone.body
