"""
Incidents of time: somebody is slow, asks too often or stands in a queue, and at most a symptom is an error.
"""

from tests.eval.path import blame, go_in, go_out, go_well, root, server, side_calls
from tests.eval.world import World


def slow_dependency(world: World) -> None:
    """
    A service answers correctly, but later than its caller waits.
    """
    hops, draw = go_in(world), world.draw
    at = side_calls(world, hops[-1], hops[-1].begin + 15, 2)
    took = draw.choice((4000.0, 6000.0, 9000.0))
    slow = hops[-1].call(server(world), at, f"GET /v1/{world.speech.noun}/history")
    world.chat(slow, slow.begin, slow.begin + 20, 3)
    late = [slow.say(slow.begin + took - 5, "info", "scan of 1.2 M rows done")] if draw.random() < 0.5 else []
    patience = took * draw.uniform(0.3, 0.7)
    failed = hops[-1].fail(slow.begin + patience, "giving_up", peer=slow.who.service, ms=int(patience))
    if slow.via:
        slow.via.close(slow.begin + patience, 504)
    slow.close(slow.begin + took, 200)
    world.chain.append(failed)
    blame(world, slow)
    root(world, slow.closing, *late)
    go_out(world, hops, slow.begin + patience + 3, 504)


def slow_query(world: World) -> None:
    """
    Nothing fails; one query takes nearly all of the time.
    """
    hops, draw = go_in(world), world.draw
    at = side_calls(world, hops[-1], hops[-1].begin + 15, draw.choice((1, 3)))
    query = hops[-1].call(
        hops[-1].who, at, f"SELECT * FROM {world.speech.table} WHERE {world.speech.field} LIKE ?"
    )
    query.close(at + draw.uniform(2500, 7000))
    root(world, query.closing)
    at = side_calls(world, hops[-1], query.closing.spoken + 4, 2)
    go_well(world, hops, at)


def n_plus_one(world: World) -> None:
    """
    A list is read with one query and each of its items with one more.
    """
    hops, draw, speech = go_in(world), world.draw, world.speech
    hop = hops[-1]
    at = hop.begin + 10
    first = hop.call(hop.who, at, f"SELECT id FROM {speech.table} LIMIT 200")
    at = first.close(at + draw.uniform(5, 20))
    many = []
    for n in range(draw.randrange(25, 120)):
        name = (
            draw.choice((f"SELECT * FROM items WHERE {speech.noun}_id = {n * 37}",))
            if n
            else "SELECT * FROM items WHERE x_id = 4"
        )
        query = hop.call(hop.who, at, name)
        at = query.close(at + draw.uniform(8, 25)) + draw.uniform(0.1, 1.0)
        many.append(query.closing)
    at = side_calls(world, hop, at + 3, 1)
    go_well(world, hops, at)
    root(world, hop.closing, *many)


def noisy_neighbour(world: World) -> None:
    """
    Another tenant's job holds all connections; this request waits for one, and for nothing else.
    """
    hops, draw = go_in(world), world.draw
    hop = hops[-1]
    at = side_calls(world, hop, hop.begin + 15, 1)
    wait = hop.call(
        hop.who, at, draw.choice(("acquire connection", "wait for a worker slot", "pool.checkout", "queue"))
    )
    end = at + draw.uniform(2000, 6000)
    rival = hop.who
    for n in range(draw.randrange(3, 9)):
        world.say(
            rival,
            draw.uniform(at, end),
            "info",
            f"tenant t-9: export chunk {n} of 9 written, 5/5 connections busy",
        )
    wait.close(end)
    if draw.random() < 0.5:
        world.chain.append(hop.fail(end + 3, "pool"))
        root(world, wait.closing, world.chain[-1])
        go_out(world, hops, end + 5, 503)
        return
    root(world, wait.closing)
    go_well(world, hops, side_calls(world, hop, end + 4, 2))


def silent_gap(world: World) -> None:
    """
    A hop is busy for seconds between two of its lines and nobody else is at work.
    """
    hops, draw = go_in(world), world.draw
    hop = hops[-1]
    at = side_calls(world, hop, hop.begin + 15, 1)
    before = hop.say(at + 2, "info", "rendering template")
    at += draw.uniform(1500, 5000)
    after = hop.say(at, "info", "rendered")
    at = side_calls(world, hop, at + 2, 1)
    go_well(world, hops, at)
    root(world, before, after, hop.closing)
