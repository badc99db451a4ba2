"""
Incidents in which something breaks: the fault is in one place, and the error travels.
"""

from tests.eval.path import blame, go_in, go_out, root, server, side_calls
from tests.eval.speech import REPORTS
from tests.eval.world import World


def timeout_cascade(world: World) -> None:
    """
    A statement waits for a lock until the database gives up; everybody above gives up earlier, or then.
    """
    hops, draw = go_in(world), world.draw
    at = side_calls(world, hops[-1], hops[-1].begin + 15, draw.choice((1, 2)))
    wait = draw.choice((2000.0, 3000.0, 5000.0))
    database = hops[-1].call(server(world), at, f"UPDATE {world.speech.table}")
    fault = database.fail(at + wait, "statement")
    database.close(at + wait + 2, 500)
    root(world, fault)
    blame(world, database)
    if draw.random() < 0.5:
        go_out(world, [*hops, database], at + wait + 4, 504)
        return
    patience = wait * 0.6
    failed = hops[-1].fail(at + patience, "giving_up", peer=database.who.service)
    world.chain.append(failed)
    go_out(world, hops, at + patience + 3, 504)


def bad_deploy(world: World) -> None:
    """
    A new release of one service meets a field that it does not expect.
    """
    hops = go_in(world)
    hop = hops[-1]
    hop.who.release = f"2.{world.draw.randrange(90)}.0"
    at = side_calls(world, hop, hop.begin + 15, 2)
    fault = hop.fail(at + 6, "bug")
    root(world, fault)
    go_out(world, hops, at + 8, 500)


def retry_storm(world: World) -> None:
    """
    A service is down; its caller tries again and again, and so does the caller's caller.
    """
    hops, draw = go_in(world), world.draw
    hop, peer = hops[-1], server(world)
    at, tries = hop.begin + 20, draw.choice((3, 4, 6))
    failed, down = [], world.speech.failure("refused")
    for n in range(tries):
        attempt = hop.call(peer, at, f"POST /v1/{world.speech.noun}")
        text = "{type}: {message}".format(**down)
        failed.append(attempt.say(attempt.begin + draw.uniform(3, 12), "error", text, error=down))
        at = attempt.close(attempt.begin + 15, 503)
        blame(world, attempt)
        if draw.random() < 0.6:
            hop.say(at + 1, "warn", f"attempt {n + 1} of {tries} did not work, next in {100 * 2**n} ms")
        at += 100.0 * 2**n
    root(world, *failed)
    gave_up = hop.say(
        at, "error", world.speech.words(world.speech.pick(REPORTS), peer=peer.service, status=503)
    )
    world.chain.append(gave_up)
    go_out(world, hops, at + 3, 503)


def skewed_clocks(world: World) -> None:
    """
    A plain failure, but the clocks of the services are minutes and hours apart.
    """
    hops, draw = go_in(world, 3), world.draw
    for hop in hops[1:]:
        hop.who.skew = draw.choice((-1, 1)) * draw.choice((900.0, 40_000.0, 3_600_000.0, 7_200_000.0))
    at = side_calls(world, hops[-1], hops[-1].begin + 15, 1)
    fault = hops[-1].fail(at + 30, draw.choice(("refused", "bug", "disk")))
    root(world, fault)
    go_out(world, hops, at + 33, 500)


def auth_expiry(world: World) -> None:
    """
    A token is over; who checks it says so in a warning, who asked is turned away.
    """
    hops, draw = go_in(world), world.draw
    at = side_calls(world, hops[-1], hops[-1].begin + 15, 1)
    checker = hops[-1].call(server(world), at, "POST /v1/token/introspect")
    world.chat(checker, checker.begin, checker.begin + 5, 2)
    fault = checker.fail(checker.begin + 8, "expired", draw.choice(("warn", "warn", "error")))
    root(world, fault)
    checker.close(checker.begin + 10, 401, "warn" if draw.random() < 0.5 else None)
    blame(world, checker)
    words = world.speech.words(world.speech.pick(REPORTS), peer=checker.who.service, status=401)
    world.chain.append(hops[-1].say(checker.begin + 18, "error", words))
    go_out(world, hops, checker.begin + 20, 401)


def missing_hop(world: World) -> None:
    """
    A service between says nothing at all; who it called is an orphan.
    """
    hops, draw = go_in(world, 3), world.draw
    at = side_calls(world, hops[-1], hops[-1].begin + 15, 1)
    fault = hops[-1].fail(at + 20, draw.choice(("refused", "bug", "disk", "pool")))
    root(world, fault)
    go_out(world, hops, at + 24, 500)
    silent = hops[-2].who
    for said in world.said:
        said.lost = said.lost or said.who is silent


def crash(world: World) -> None:
    """
    A process dies of the request: its last words are all there is of it, and its caller hears a reset.
    """
    hops, draw = go_in(world), world.draw
    at = side_calls(world, hops[-1], hops[-1].begin + 15, 1)
    victim = hops[-1].call(server(world), at, f"POST /v1/{world.speech.noun}/render")
    victim.say(at + 20, "info", world.speech.words("allocating buffers for {noun} {id}"))
    text = world.speech.pick(
        (
            "FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory",
            "java.lang.OutOfMemoryError: Java heap space",
            "panic: runtime error: index out of range [8] with length 8",
            "Worker was sent SIGKILL! Perhaps out of memory?",
        )
    )
    root(world, victim.say(at + 60, draw.choice(("fatal", "error")), text))
    resets = ("read ECONNRESET", "upstream prematurely closed connection", "socket hang up", "unexpected EOF")
    failed = hops[-1].say(at + 64, "error", world.speech.pick(resets))
    world.chain.append(failed)
    go_out(world, hops, at + 66, 502)


def fan_out_one_fails(world: World) -> None:
    """
    A page asks six services at once; one of them fails, and with it the page.
    """
    hops, draw = go_in(world), world.draw
    at, ends = hops[-1].begin + 20, []
    unlucky = draw.randrange(6)
    for n in range(6):
        call = hops[-1].call(server(world) if n < 3 else hops[-1].who, at, f"load part {chr(97 + n)}")
        end = call.begin + draw.uniform(20, 120)
        world.chat(call, call.begin, end, 2)
        if n == unlucky:
            root(world, call.fail(end - 2, draw.choice(("refused", "disk", "bug"))))
        ends.append(call.close(end, 500 if n == unlucky else 200))
        blame(world, call)
    go_out(world, hops, max(ends) + 2, 500)


def disk_full(world: World) -> None:
    """
    A store has no room left; its caller wraps the exception and throws it on.
    """
    hops, speech = go_in(world), world.speech
    at = side_calls(world, hops[-1], hops[-1].begin + 15, 2)
    store = hops[-1].call(server(world), at, f"PUT /objects/{speech.id}")
    fault = store.fail(store.begin + 30, "disk")
    root(world, fault)
    store.close(store.begin + 32, 507)
    blame(world, store)
    wrapped = {"type": "StorageError", "message": f"cannot keep {speech.id}", "cause": fault.more["error"]}
    failed = hops[-1].say(store.begin + 44, "error", f"StorageError: cannot keep {speech.id}", error=wrapped)
    world.chain.append(failed)
    go_out(world, hops, store.begin + 46, 500)
