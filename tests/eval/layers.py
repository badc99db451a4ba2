"""
What lies on top of every incident: noise of a good day, floods, losses, double deliveries, clocks.
"""

from typing import Any

from tests.eval.path import server
from tests.eval.speech import FLOODS, HANDLED, NOISE
from tests.eval.world import World


def cover(world: World, *, clocks: bool) -> list[dict[str, Any]]:
    """
    Return the entries of *world* with everything on top that a real store would hold.

    Args:
        world: What happened.
        clocks: Whether the clocks of some processes are set wrong.
    """
    draw = world.draw
    end = max(said.spoken for said in world.said)
    if clocks and draw.random() < 0.4:
        for process in world.processes:
            if not process.spans:
                continue  # nothing in a log without hops tells of a clock that is a little off
            process.skew = draw.choice((0.0, -1.0, 1.0)) * draw.choice((30.0, 400.0, 20_000.0))
    survived(world, end)
    noise(world, end)
    for _ in range(draw.choice((0, 1, 1, 2))):
        flood(world, end)
    lose(world)
    rows = world.entries()
    return [*rows, *(dict(row) for row in rows if draw.random() < 0.05)]


def noise(world: World, end: float) -> None:
    draw = world.draw
    by_system = {process.system: process for process in world.processes}
    for _ in range(draw.randrange(2, 6)):
        system, level, text = world.speech.pick(NOISE)
        who = by_system.get(system)
        if who is not None:
            world.say(who, draw.uniform(0, end), level, world.speech.words(text))


def survived(world: World, end: float) -> None:
    """
    Let some hop ask for something optional, not get it, and go on.
    """
    draw = world.draw
    hosts = [hop for hop in world.hops if hop.caller not in {None, hop.who} and hop.closing]
    hosts = [hop for hop in hosts if hop.closing.spoken - hop.begin > 40 and not hop.closing.lost]
    if not hosts or draw.random() < 0.4:
        return
    hop = draw.choice(hosts)
    kind, text, on = world.speech.pick(HANDLED)
    at = draw.uniform(hop.begin + 1, hop.closing.spoken - 25)
    if any(said.level == "error" and abs(said.spoken - at) < 40 for said in world.said):
        return
    side = hop.call(server(world), at, "GET /v1/optional")
    side.say(
        side.begin + 4,
        draw.choice(("warn", "error")),
        f"{kind}: {text}",
        error={"type": kind, "message": text},
    )
    known = side.close(side.begin + 6, 500)
    hop.say(known + 1, "info", on)
    hop.say(known + 2, "debug", "going on")


def flood(world: World, end: float) -> None:
    draw = world.draw
    system, level, text = world.speech.pick(FLOODS)
    who = next((process for process in world.processes if process.system == system), None)
    if who is None:
        return
    begin, count = draw.uniform(0, end * 0.7), draw.choice((60, 300, 900))
    step = draw.uniform(0.2, 4.0)
    hop = next((hop for hop in world.hops if hop.who is who), None)
    within = draw.random() < 0.5 and who.spans and hop is not None
    begin = max(begin, hop.begin + 1) if within else begin
    for n in range(count):
        more = {"span_id": hop.span_id} if within else {}
        world.say(who, begin + n * step, level, text.format(n=n), **more)


def lose(world: World) -> None:
    """
    Lose some entries of every kind but the root; of half of the losses a row tells.
    """
    draw = world.draw
    rate = draw.choice((0.0, 0.0, 0.1, 0.25))
    lost: dict[str, int] = {}
    for said in world.said:
        share = rate / 4 if said.closes or said in world.chain else rate
        if said not in world.roots and not said.lost and draw.random() < share:
            said.lost = True
            world.evident = world.evident and not (said.closes or said in world.chain)
            lost[said.who.source] = lost.get(said.who.source, 0) + 1
    for process in world.processes:
        if lost.get(process.source) and draw.random() < 0.5:
            first = next(said for said in world.said if said.lost and said.who is process)
            row = {"kind": "suppressed", "count": lost[process.source], "why": "system_quota"}
            world.say(process, first.spoken, "debug", first.message, **row)
