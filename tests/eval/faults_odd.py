"""
Incidents in which order, repetition or silence is the fault, and the loudest error is not.
"""

from tests.eval.path import blame, go_in, go_out, root, server, side_calls
from tests.eval.speech import HANDLED
from tests.eval.world import World


def swallowed_exception(world: World) -> None:
    """
    A step fails, is caught and replaced by nothing; a later step trips over that nothing.
    """
    hops, draw, speech = go_in(world), world.draw, world.speech
    at = hops[-1].begin + 15
    lookup = hops[-1].call(server(world), at, f"GET /v1/{speech.noun}/{speech.id}")
    level = draw.choice(("warn", "error"))
    texts = (
        "could not read {noun} {id}, using empty default",
        "no {field} for {id}: {why}",
        "skipping {id}, going on",
    )
    why = speech.failure("poison")
    root(world, lookup.say(at + 12, level, speech.words(draw.choice(texts), why=why["message"]), error=why))
    at = lookup.close(at + 15, 200)
    at = side_calls(world, hops[-1], at + 3, draw.choice((0, 1, 2)))
    bug = hops[-1].fail(at + 8, "bug")
    bug.message += speech.words(draw.choice((" while rendering {id}", " ({noun} {id})", " [{id}]")))
    world.chain.append(bug)
    go_out(world, hops, at + 10, 500)


def race(world: World) -> None:
    """
    Two requests write one row; who comes second finds it changed and fails.
    """
    hops, draw, speech = go_in(world), world.draw, world.speech
    rival = world.hop(server(world), 5.0, f"job: recount {speech.table}", hops[0].span_id)
    at = side_calls(world, hops[-1], hops[-1].begin + 15, 1)
    hops[-1].say(at, "info", f"read {speech.table}/{speech.id} at version 7")
    rival.say(at + 3, "info", f"wrote {speech.table}/{speech.id}, version 8")
    rival.close(at + 30)
    fault = hops[-1].fail(at + 12, "conflict")
    root(world, fault)
    go_out(world, hops, at + 15, 409 if draw.random() < 0.5 else 500)


def poison_message(world: World) -> None:
    """
    A queue hands out a message that nobody can read, again and again, until it is put aside.
    """
    hops, draw, speech = go_in(world, 1), world.draw, world.speech
    at = hops[-1].begin + 20
    hops[-1].say(at, "info", f"enqueued {speech.noun}.{speech.id}")
    consumer, begun = server(world), at + draw.uniform(30, 900)
    for hop in reversed(hops):
        at = hop.close(at + 5, 202)
    worker = world.hop(consumer, begun, f"consume {speech.table}", hops[-1].span_id)
    at, failed = begun + 2, []
    why = speech.failure("poison")
    for n in range(draw.choice((3, 4, 5))):
        attempt = world.hop(consumer, at, f"deliver {speech.noun}.{speech.id} #{n + 1}", worker.span_id)
        failed.append(attempt.say(at + 6, "error", f"{why['type']}: {why['message']}", error=why))
        at = attempt.close(at + 8, level="error" if world.exchanges else "info") + 200.0 * 2**n
        blame(world, attempt)
    root(world, *failed)
    texts = (
        "moved {id} to the dead letters",
        "message {id} exceeded its deliveries",
        "parking {noun}.{id}",
        "giving up on {id}",
    )
    world.chain.append(worker.say(at, "error", speech.words(speech.pick(texts))))
    worker.close(at + 3)


def partial_outage(world: World) -> None:
    """
    One of three replicas is away for a while; some calls fail and are survived, one is not, then all is well.
    """
    hops = go_in(world)
    hop, peer = hops[-1], server(world)
    at = hop.begin + 15
    for n in range(6):
        call = hop.call(peer, at, f"GET /v1/part/{n}")
        bad = n in {2, 3}
        if bad:
            fault = call.fail(call.begin + 9, "refused")
        at = call.close(call.begin + 12, 503 if bad else 200) + 4
        if n == 2:
            hop.say(at, "warn", "part 2 will be loaded later")
    blame(world, call)
    root(world, fault)
    failed = hop.say(at, "error", world.speech.words("{noun} incomplete: part 3 is missing"))
    world.chain.append(failed)
    end = go_out(world, hops, at + 3, 503)
    again = world.hop(hops[0].who, end + 400, f"GET /{world.speech.noun} again")
    call = again.call(hops[1].who, end + 405, f"GET /v1/{world.speech.noun}")
    world.chat(call, end + 410, end + 430)
    call.close(end + 440, 200)


def duplicate_delivery(world: World) -> None:
    """
    A webhook comes twice; the second cannot be stored beside the first.
    """
    hops, draw, speech = go_in(world, 1), world.draw, world.speech
    handler, at = server(world), hops[-1].begin + 20
    for n in range(2):
        hook = hops[-1].call(handler, at, f"POST /hooks/{speech.noun}")
        hook.say(hook.begin + 1, "info", f"event evt_{speech.id} received, delivery {n + 1}")
        insert = world.hop(handler, hook.begin + 4, f"INSERT INTO {speech.table}", hook.span_id)
        if n == 1:
            root(world, insert.fail(hook.begin + 11, "unique"))
            world.chain.append(hook.say(hook.begin + 14, "error", f"event evt_{speech.id} not applied"))
        insert.close(hook.begin + 12)
        at = hook.close(hook.begin + 16, 500 if n else 200) + (3 if n else draw.uniform(3, 300))
        blame(world, hook)
    go_out(world, hops, at, 500)


def two_failures(world: World) -> None:
    """
    Two things break in one request and have nothing to do with each other; one is survived, one is not.
    """
    hops, draw = go_in(world), world.draw
    hop, speech = hops[-1], world.speech
    side = hop.call(server(world), hop.begin + 15, "GET /v1/suggestions")
    kind, text, on = speech.pick(HANDLED)
    survived = side.say(side.begin + 9, "error", f"{kind}: {text}", error={"type": kind, "message": text})
    at = side.close(side.begin + 12, 500)
    hop.say(at + 2, "warn", on)
    world.second.append(survived)
    at = side_calls(world, hop, at + 5, 2)
    main = hop.call(server(world), at, f"POST /v1/{speech.noun}/commit")
    root(world, main.fail(main.begin + 30, draw.choice(("unique", "conflict", "bug", "pool"))))
    at = main.close(main.begin + 33, 500)
    blame(world, main)
    go_out(world, [*hops, main], at, 500)


def no_hops(world: World) -> None:
    """
    Old services that know the trace and no hops: only times, statuses, ids and names tie them together.
    """
    hops, draw, speech = go_in(world, 2), world.draw, world.speech
    for process in world.processes:
        process.spans = False
    fault = hops[-1].fail(hops[-1].begin + 60, draw.choice(("refused", "bug", "disk", "unique")))
    fault.message += f" [{speech.id}]"
    root(world, fault)
    at, status = hops[-1].begin + 66, draw.choice((500, 503))
    for i in range(len(hops) - 2, -1, -1):
        said = draw.choice(
            (
                "{peer} returned {status}",
                "{noun} {id}: upstream gave {status}",
                "{id} not done: {peer} failed",
            )
        )
        words = speech.words(said, peer=hops[i + 1].who.service, status=status)
        hops[i].who.waits.append(at)
        world.chain.append(hops[i].say(at, "error", words))
        at += draw.uniform(4, 20)
