"""
The live view under load: 100 readers at 1,000 entries a second, from the POST to the reader, with a real Valkey.

Claim: median delivery under 100 ms with every reader told everything, also beside 20 readers that read nothing, and
ingestion with 100 readers at least 0.8 of what it is without.

    python tests/bench/bench_live.py [seconds]
"""

import asyncio
import json
import re
import statistics
import sys
import tempfile
import time
from pathlib import Path
from urllib.parse import urlsplit

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.cli.started import Started
from tests.stores.servers import RealServer

READERS = 100
STALLED = 20
RATE = 1_000
TIMED = 5
"""Readers that read the time of each event: with all of them this program would be what is measured."""

TICK_S = 0.02
SENT = re.compile(rb'"sent":([0-9.]+)')
LETTERS = "abcdefghijklmnopqrstuvwxyz"


def word(number):
    """
    Return *number* in letters, so that each message is a row of its own.
    """
    return "".join(LETTERS[number // 26**place % 26] for place in range(4))


def memory(pid):
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) // 1024 for line in lines if line.startswith("VmRSS"))


async def reader(port, told, delays):
    """
    Count the events and, given a list of *delays*, note of each how long ago its entry was sent, in ms.
    """
    stream, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**22)
    writer.write(b"GET /api/v1/live?q=steady&limit=1 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
    while data := await stream.read(2**20):
        told.append(data.count(b"event: "))
        if delays is not None:
            now = time.time() * 1000
            delays += [now - float(sent) for sent in SENT.findall(data)]


async def stalled(port):
    """
    Ask and read nothing.
    """
    stream, writer = await asyncio.open_connection("127.0.0.1", port, limit=1024)
    writer.write(b"GET /api/v1/live HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
    return stream, writer


async def post(stream, writer, entries):
    body = json.dumps(entries).encode()
    writer.write(b"POST /log HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
    head = await stream.readuntil(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
    answer = await stream.readexactly(length)
    assert b" 200 " in head[:20], answer


def entries_of(first, count):
    sent = time.time() * 1000
    return [
        {
            "trace_id": f"load_{n % 100}",
            "id": f"{n}",
            "level": "error",
            "message": f"steady {word(n)}",
            "context": {"sent": sent},
        }
        for n in range(first, first + count)
    ]


async def steady(port, seconds):
    """
    Send `RATE` entries a second.
    """
    connection = await asyncio.open_connection("127.0.0.1", port)
    began, sent = time.perf_counter(), 0
    while (passed := time.perf_counter() - began) < seconds:
        due = int(passed * RATE) - sent
        if due:
            await post(*connection, entries_of(sent, due))
            sent += due
        await asyncio.sleep(TICK_S)
    return sent


async def flood(port, seconds, first):
    """
    Send batches of 100 as fast as they are taken, and return entries a second.
    """
    connections = [await asyncio.open_connection("127.0.0.1", port) for _ in range(4)]
    end, numbers = time.perf_counter() + seconds, iter(range(first, 10**12, 100))

    async def send(connection):
        sent = 0
        while time.perf_counter() < end:
            body = entries_of(next(numbers), 100)
            for each in body:
                each |= {"level": "info", "message": "flood"}
            await post(*connection, body)
            sent += 100
        return sent

    return sum(await asyncio.gather(*map(send, connections))) / seconds


async def measure(port, pid, seconds):
    alone = [await flood(port, 2, 10**7 * (n + 1)) for n in range(3)]
    before = memory(pid)
    delays, counts = [], []
    timed = [delays if n < TIMED else None for n in range(READERS)]
    tasks = [asyncio.create_task(reader(port, counts, each)) for each in timed]
    held = [await stalled(port) for _ in range(STALLED)]
    await asyncio.sleep(1)
    sent = await steady(port, seconds)
    await asyncio.sleep(2)
    told = sorted(delays)
    print(f"{READERS} readers, {STALLED} stalled, {sent / seconds:,.0f} entries/s, from POST to reader:")
    print(f"  median {statistics.median(told):.0f} ms, p99 {told[len(told) * 99 // 100]:.0f} ms")
    print(f"  told {sum(counts):,} of {sent * READERS:,}; memory {before} -> {memory(pid)} MiB")
    beside = [await flood(port, 2, 10**9 * (n + 1)) for n in range(3)]
    ratio = statistics.median(beside) / statistics.median(alone)
    print(
        f"ingestion {statistics.median(alone):,.0f}/s alone, {statistics.median(beside):,.0f}/s: {ratio:.2f}"
    )
    for task in tasks:
        task.cancel()
    for _, writer in held:
        writer.close()


def main():
    seconds = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    with tempfile.TemporaryDirectory() as folder, RealServer(Path(folder)) as redis:
        server = Started("serve", "--port", "0", "--store", redis.url, "--no-limits")
        port = urlsplit(server.line(r"listening on (\S+)")).port
        try:
            asyncio.run(measure(port, server.process.pid, seconds))
        finally:
            server.process.terminate()
            server.process.wait()


if __name__ == "__main__":
    main()
