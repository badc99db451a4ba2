"""
What redaction costs and what it finds: ours with both engines beside two plain ways, in one process.

Claim: a clean batch costs at most 0.5 us an entry with google-re2 and 2 us without; a hostile line of 100 kB at
most 50 ms. Peers: every built-in pattern one after another with the standard library's `re`, and one pattern
of twenty words, which finds far less. CPU time of the thread, median of interleaved rounds.

    python tests/bench/bench_redact.py             # speed
    python tests/bench/bench_redact.py --hostile   # searches for the worst hostile lines, and prints them; takes a seed
    python tests/bench/bench_redact.py --quality   # precision and recall on the development corpus
"""

import random
import re
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.core.redact_corpus import SEED, clean_lines, judge, report, samples
from tests.core.redact_hostile import fragments, mixed, pairs, repeated
from tracelog.core.redact import Redactor
from tracelog.core.redact_engine import EngineName
from tracelog.core.redact_rules import built_in

ROUNDS = 9
ENTRIES = 2_000
SPARE = 100
NOW_MS = 1_763_812_800_123.0
LINE = 100_000
"""Bytes of one hostile line."""

BARS = {"re2": 0.5, "re": 2.0}
"""Microseconds an entry of a clean batch."""

HOSTILE_BAR = 50.0
"""Milliseconds a line."""

SAMPLES, CLEAN = 20_000, 20_000

PAIRS = 400
"""Pairs of fragments that are tried beside all fragments."""

MIXED = 1_500
"""Mixtures: fragments, separators and encodings, one in another."""

WORST = 20

HOSTILE = {
    "dots": "eyJa.",
    "one letter": "a",
    "at signs": "aaa@",
    "digits": "4111 ",
    "names": "token{",
    "quotes": 'token="\\',
    "json": 'token={"a":"b',
    "secrets": "password=ab1 ",
    "keys": "-----BEGIN PRIVATE KEY-----",
    "urls": "://a:b@",
    "curl": "curl -u a:b1 ",
    "entropy": "key=aB3",
    "codes": "otp is ",
    "base64": "eyJhYWFhYWFhYWFhYWFhYQ ",
}

WORDS = re.compile(
    "password|passwd|mysql_pwd|secret|auth|credential|private.?key|api.?key|session|cookie|social|credit|"
    "card.?number|ssn|jwt|token|bearer|csrf|xsrf|login",
    re.IGNORECASE,
)


def batch(count: int) -> list[bytes]:
    """
    Return *count* clean entries as the client packs them: each another message, other ids, other fields.
    """
    chance = random.Random(SEED)
    messages = [
        "request done",
        "GET /api/v1/orders/{} 200 in 12 ms",
        "cache miss for product {}",
        "order {} placed",
        "worker {} started, waiting for events",
        "retrying call to payment service, attempt {}",
        "user {} signed in from the web",
    ]
    rows = []
    for number in range(count):
        fields = {
            "user_id": f"u-{chance.randrange(10**6)}",
            "path": chance.choice(["/checkout", "/cart/items", "/orders"]),
            "status": chance.choice([200, 201, 302, 404]),
            "duration_ms": chance.random() * 100,
            "attempt": number,
        }
        ids = (f"{chance.getrandbits(128):032x}", f"{chance.getrandbits(64):016x}")
        message = chance.choice(messages).format(chance.randrange(10**5))
        rows.append(
            msgspec.msgpack.encode((NOW_MS + 13 * number, ("info", "shop.orders"), ids, message, fields))
        )
    return rows


def one_by_one() -> Callable[[str], str]:
    """
    Return the plain way to do the same: each pattern, and each kind of name, with `re.sub`.
    """
    rules = built_in()
    shapes = [
        re.compile(shape.pattern, re.IGNORECASE if shape.ignore_case else 0)
        for shape in rules.shapes
        if not shape.pii
    ]
    names = [
        re.compile(
            rf"(?:{'|'.join(words)})[\"' ]{{0,2}}[:=][\"' ]{{0,2}}[^\s\"',]+".replace(" ", "[ _-]?"),
            re.IGNORECASE,
        )
        for group in rules.keys.groups
        if (words := (*group.contains, *group.ends, *group.whole)) and not group.pii
    ]

    def clean(text: str) -> str:
        for pattern in (*shapes, *names):
            text = pattern.sub("[REDACTED]", text)
        return text

    return clean


def cpu(run: Callable[[], object]) -> float:
    """
    Return the seconds of CPU that *run* took on this thread.
    """
    start = time.thread_time()
    run()
    return time.thread_time() - start


def speed() -> None:
    redactors: dict[str, Redactor] = {}
    engines: Sequence[EngineName] = ("re2", "re")
    for engine in engines:
        redactors[engine] = Redactor(engine=engine)
    made = batch(ENTRIES + SPARE)
    unsuspected = [row for row in made if not any(redactor.suspect(row) for redactor in redactors.values())]
    print(f"{len(made) - len(unsuspected)} of {len(made):,} clean entries are looked at closely in vain")
    rows = unsuspected[:ENTRIES]
    joined = b"".join(rows)
    texts = [row.decode("latin-1") for row in rows]
    plain = one_by_one()
    variants: dict[str, Callable[[], object]] = {
        "re2": lambda: redactors["re2"].suspect(joined),
        "re": lambda: redactors["re"].suspect(joined),
        "each pattern with re": lambda: [plain(text) for text in texts[: ENTRIES // 20]] * 20,
        "twenty words with re": lambda: [WORDS.search(text) for text in texts],
    }
    assert not redactors["re2"].suspect(joined)
    assert not redactors["re"].suspect(joined)
    figures: dict[str, list[float]] = {name: [] for name in variants}
    for _ in range(ROUNDS):
        for name, run in variants.items():
            entries = ENTRIES // 20 if name.startswith("each") else ENTRIES
            figures[name].append(cpu(run) / entries * 1e6)
    print(
        f"clean batch of {ENTRIES:,} entries, {len(joined) / ENTRIES:.0f} B each; median of {ROUNDS} interleaved rounds"
    )
    for name, times in figures.items():
        bar = f"   (bar {BARS[name]})" if name in BARS else ""
        print(f"  {name:<24}{statistics.median(times):>9.2f} us an entry{bar}")
    print(f"hostile lines of {LINE // 1000} kB, ms a line (bar {HOSTILE_BAR:.0f})")
    worst = dict.fromkeys(redactors, 0.0)
    for kind, unit in HOSTILE.items():
        text = (unit * (LINE // len(unit) + 1))[:LINE]
        lines = {engine: [] for engine in redactors}  # type: dict[str, list[float]]
        for _ in range(ROUNDS):
            for engine, redactor in redactors.items():
                lines[engine].append(cpu(lambda text=text, redactor=redactor: redactor.text(text)) * 1e3)
        middle = {engine: statistics.median(times) for engine, times in lines.items()}
        worst = {engine: max(worst[engine], middle[engine]) for engine in worst}
        print(f"  {kind:<24}" + "".join(f"{engine:>5} {ms:6.1f}" for engine, ms in middle.items()))
    print(f"  {'worst':<24}" + "".join(f"{engine:>5} {ms:6.1f}" for engine, ms in worst.items()))


def hostile() -> None:
    """
    Print the lines that take longest of all that the rules' own literals, names and carriers make.
    """
    engines: Sequence[EngineName] = ("re2", "re")
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else SEED
    units = list(dict.fromkeys([*fragments(), *pairs(PAIRS, seed), *mixed(MIXED, seed)]))
    print(
        f"the worst of {len(units)} repeated fragments, ms for a line of {LINE // 1000} kB (bar {HOSTILE_BAR:.0f})"
    )
    for engine in engines:
        redactor = Redactor(engine=engine)

        def took(unit: str, size: int, redactor: Redactor = redactor) -> float:
            text = repeated(unit, size)
            return cpu(lambda: redactor.text(text)) * 1e3

        first = sorted(units, key=lambda unit: took(unit, LINE), reverse=True)[: 2 * WORST]
        again = sorted(
            ((statistics.median(took(unit, LINE) for _ in range(3)), unit) for unit in first), reverse=True
        )
        for ms, unit in again[:WORST]:
            print(f"  {engine:>4} {ms:7.1f}  {unit!a}")


def quality() -> None:
    redactor = Redactor()
    print(report(judge(redactor, samples(SAMPLES, SEED), clean_lines(CLEAN, SEED))))


if __name__ == "__main__":
    {"--quality": quality, "--hostile": hostile}.get(" ".join(sys.argv[1:2]), speed)()
