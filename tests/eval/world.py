"""
A made world that speaks: processes with clocks and running numbers, hops that call each other, and the truth.

Time in it is true time, in milliseconds. Only when an entry is written down does it get the clock of its process: wrong
by a constant, drifting not at all, and in a worker standing still between one wait and the next.
"""

import random
from dataclasses import dataclass, field
from typing import Any

from tests.eval.speech import CHATTER, Speech

START = 1_781_006_400_000.0  # some noon in summer
LAG_MS = 120.0
"""An entry reaches the server so long after it was spoken, and up to as much again."""


@dataclass(eq=False)
class Process:
    """
    Who speaks: its *source*, its clock (*skew* ms off; *frozen* between waits), and whether it numbers its entries.
    """

    system: str
    service: str
    source: str
    skew: float = 0.0
    frozen: bool = False
    numbered: bool = True
    client_spans: bool = True
    parents: bool = False
    spans: bool = True
    release: str | None = None
    waits: list[float] = field(default_factory=list)

    def clock(self, moment: float) -> float:
        """
        Return what the clock of the process shows at *moment*.
        """
        if self.frozen:
            moment = max((wait for wait in self.waits if wait <= moment), default=moment)
        return moment + self.skew


@dataclass(eq=False)
class Said:
    """
    One entry to be: who said it, and when truly; *at* is when a span it closes began.
    """

    who: Process
    spoken: float
    at: float
    level: str
    message: str
    more: dict[str, Any]
    id: str = ""
    closes: bool = False
    lost: bool = False


@dataclass(eq=False)
class Hop:
    """
    One hop of the request, in *who*, which calls others and closes. *via* is the caller's span around it.
    """

    world: "World"
    who: Process
    span_id: str
    parent_id: str | None
    name: str
    begin: float
    via: "Hop | None" = None
    caller: Process | None = None
    closing: Said | None = None

    def say(self, at: float, level: str, message: str, **more: Any) -> Said:
        if self.who.parents and self.parent_id and self.who.spans:
            more.setdefault("parent_id", self.parent_id)
        if self.who.spans:
            more.setdefault("span_id", self.span_id)
        return self.world.say(self.who, at, level, message, **more)

    def fail(self, at: float, kind: str, level: str = "error", text: str | None = None, **known: Any) -> Said:
        """
        Say that an exception of this *kind* came; the text of the line is the exception's, or *text*.
        """
        error = self.world.speech.failure(kind, **known)
        self.who.waits.append(at)
        said = text or self.world.draw.choice(("{type}: {message}", "{message}")).format(**error)
        return self.say(at, level, said, error=error)

    def call(self, who: Process, at: float, name: str) -> "Hop":
        """
        Return the hop that *who* opens for this one; it arrives a little later.
        """
        world, outer = self.world, self
        self.who.waits.append(at)
        if self.who.client_spans and who is not self.who:
            outer = world.hop(self.who, at, f"{name.partition(' ')[0]} {who.service}", self.span_id)
        made = world.hop(who, at + (world.net() if who is not self.who else 0.2), name, outer.span_id)
        made.via = outer if outer is not self else None
        made.caller = self.who
        return made

    def close(self, at: float, status: int | None = None, level: str | None = None, **more: Any) -> float:
        """
        Close the hop; return when whoever called it knows.
        """
        known = at + (self.world.net() if self.caller not in {None, self.who} else 0.3)
        if self.caller is not None:
            self.caller.waits.append(known)  # an answer lets a frozen clock go on
        if self.closing is None:
            if status is not None:
                more.setdefault("context", {"status": status, "route": f"/v1/{self.world.speech.noun}"})
            usual = "error" if (status or 0) >= 500 and self.world.exchanges else "info"
            self.closing = self._closed(at, level or usual, more)
        if self.via is not None and self.via.closing is None:
            self.via.close(known, status, level)
        return known

    def _closed(self, at: float, level: str, more: dict[str, Any]) -> Said:
        if self.parent_id:
            more["parent_id"] = self.parent_id
        self.who.waits += [self.begin, at]
        spoken = self.say(at, level, self.name, **more)
        spoken.at, spoken.closes = self.begin, True
        return spoken


class World:
    """
    The processes and entries of one incident, and what truly happened.

    Attributes:
        roots: Entries any of which is the true root.
        chain: Every entry that truly belongs to the failure.
        evident: Whether every hop is closed and every step of the failure told: nothing of the path was lost.
        second: Entries of a failure that has nothing to do with the first.
    """

    def __init__(self, seed: int, *, held_out: bool) -> None:
        self.draw = random.Random(seed)
        self.speech = Speech(self.draw, held_out=held_out)
        self.trace = f"{self.draw.randrange(1, 16**32):032x}"
        self.exchanges = self.draw.random() < 0.5
        self.said: list[Said] = []
        self.hops: list[Hop] = []
        self.processes: list[Process] = []
        self.roots: list[Said] = []
        self.chain: list[Said] = []
        self.evident = True
        self.second: list[Said] = []

    def process(self, system: str, service: str | None = None, **more: Any) -> Process:
        draw = self.draw
        name = service or self.speech.service()
        made = Process(system, name, f"{name}-{draw.randrange(16**6):06x}", **more)
        made.client_spans = draw.random() < 0.6
        made.parents = draw.random() < 0.4
        made.numbered = draw.random() < 0.8
        made.frozen = system == "worker" and draw.random() < 0.7
        self.processes.append(made)
        return made

    def hop(self, who: Process, at: float, name: str, parent_id: str | None = None) -> Hop:
        made = Hop(self, who, f"{self.draw.randrange(1, 16**16):016x}", parent_id, name, at)
        who.waits.append(at)
        self.hops.append(made)
        return made

    def say(self, who: Process, at: float, level: str, message: str, **more: Any) -> Said:
        made = Said(who, at, at, level, message, more)
        self.said.append(made)
        return made

    def net(self) -> float:
        """
        Return how long one message travels.
        """
        return self.draw.uniform(1.0, 8.0)

    def chat(self, hop: Hop, begin: float, end: float, most: int = 4) -> None:
        """
        Let *hop* say what a healthy program says, between *begin* and *end*.
        """
        for _ in range(self.draw.randrange(1, most + 1)):
            level, text = self.speech.pick(CHATTER)
            hop.say(self.draw.uniform(begin, end), level, self.speech.words(text))

    def entries(self) -> list[dict[str, Any]]:
        """
        Return everything that was said and not lost, as a store gives it back, in the order of arrival.
        """
        spoken: dict[str, list[Said]] = {}
        for said in sorted(self.said, key=lambda said: said.spoken):
            spoken.setdefault(said.who.source, []).append(said)
        for source, lane in spoken.items():
            for seq, said in enumerate(lane):
                said.id = f"{source}-{seq}" if said.who.numbered else f"{self.draw.randrange(16**20):020x}"
                if said.who.numbered:
                    said.more = {**said.more, "source": source, "seq": seq}
        kept = [said for said in self.said if not said.lost]
        rows = [(said.spoken + LAG_MS * (1 + self.draw.random()), self._written(said)) for said in kept]
        rows.sort(key=lambda row: row[0])
        for arrived, row in rows:
            row["received_at"] = START + arrived
        return [row for _, row in rows]

    def _written(self, said: Said) -> dict[str, Any]:
        who = said.who
        row = {
            "id": said.id,
            "trace_id": self.trace,
            "timestamp": round(START + who.clock(said.at), 1),
            "system": who.system,
            "service": who.service,
            "level": said.level,
            "message": said.message,
            **said.more,
        }
        if said.closes:
            row["duration_ms"] = round(max(0.0, who.clock(said.spoken) - who.clock(said.at)), 1)
        if who.release:
            row["release"] = who.release
        if not who.spans:
            row.pop("parent_id", None)
        return row
