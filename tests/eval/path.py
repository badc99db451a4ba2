"""
The usual road of a request in the made world: in from the page, out again with an answer or a failure.
"""

from collections.abc import Sequence

from tests.eval.speech import PAGE_ENDS, REPORTS
from tests.eval.world import Hop, Process, Said, World

SERVER = ("backend", "backend", "convex", "backend", "payments", "core")
"""Systems behind the edge; two are slugs of a team's own."""


def go_in(world: World, depth: int | None = None) -> list[Hop]:
    """
    Return the hops from the page to the service where it happens, outermost first, all open.
    """
    draw, speech = world.draw, world.speech
    verb = draw.choice(("POST", "GET", "PUT"))
    page = world.hop(world.process("browser"), 0.0, f"{verb} /{speech.noun}")
    page.say(1.0, "info", draw.choice(("click {}", "submit {} form", "navigate to /{}")).format(speech.noun))
    hops, at = [page], draw.uniform(5, 30)
    systems = ["worker"] if draw.random() < 0.7 else []
    systems += [draw.choice(SERVER) for _ in range(depth or draw.choice((1, 2, 2, 3)))]
    for system in systems:
        hop = hops[-1].call(world.process(system), at, f"{verb} /v1/{speech.noun}")
        world.chat(hop, hop.begin + 1, hop.begin + 10)
        hops.append(hop)
        at = hop.begin + draw.uniform(12, 40)
    return hops


def server(world: World, **more) -> Process:
    return world.process(world.draw.choice(SERVER), **more)


def side_calls(world: World, hop: Hop, at: float, calls: int) -> float:
    """
    Let *hop* make healthy calls to a service of its own, one after another; return when it goes on.
    """
    peer = server(world)
    for n in range(calls):
        made = hop.call(peer, at, f"GET /v1/{world.speech.pick(('limits', 'users', 'stock', 'rates'))}")
        end = made.begin + world.draw.uniform(4, 30)
        if n == 0:
            world.chat(made, made.begin, end, 2)
        at = made.close(end, 200) + world.draw.uniform(1, 6)
    return at


def go_out(world: World, hops: Sequence[Hop], at: float, status: int, *, told: float = 0.85) -> float:
    """
    Let a failure travel from the last of *hops* to the page; every step that is told joins the true chain.
    """
    draw, speech = world.draw, world.speech
    for i in range(len(hops) - 1, -1, -1):
        hop = hops[i]
        if i < len(hops) - 1 and (i == 0 or draw.random() < told):
            text = speech.pick(PAGE_ENDS if i == 0 else REPORTS)
            peer = hops[i + 1].who.service
            words = speech.words(text, peer=peer, status=status)
            context = {"context": {"status": status}} if draw.random() < 0.4 else {}
            world.chain.append(hop.say(at + 0.5, "error", words, **context))
        status = status if i else None
        at = hop.close(at + draw.uniform(1, 4), status)
        blame(world, hop)
        status = draw.choice((status, 500, 502)) if i else status
    page = hops[0]
    if draw.random() < 0.5:
        page.say(
            at + 2,
            "info",
            draw.choice(("toast shown: Something went wrong", "rendered error page", "sad cat shown")),
        )
    return at


def go_well(world: World, hops: Sequence[Hop], at: float) -> float:
    """
    Let every open hop of *hops* end well.
    """
    for hop in reversed(hops):
        world.chat(hop, at, at + 3, 2)
        at = hop.close(at + world.draw.uniform(3, 8), 200) + 0.5
    return at


def blame(world: World, hop: Hop) -> None:
    """
    Note the closings of *hop* that tell of a failure as steps of the true chain.
    """
    for closed in (hop.closing, hop.via.closing if hop.via else None):
        failed = closed is not None and (
            closed.level == "error" or closed.more.get("context", {}).get("status", 0) >= 400
        )
        if failed and closed not in world.chain:
            world.chain.append(closed)


def root(world: World, *said: Said) -> None:
    """
    Note *said* as the true root: any of them names it.
    """
    world.roots.extend(said)
    world.chain.extend(one for one in said if one not in world.chain)
