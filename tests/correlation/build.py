"""
Entries in few words, and traces for Hypothesis.
"""

from hypothesis import strategies as st

from tracelog.core.entry import LEVELS, Entry

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
START = 1_772_635_201_840.0  # 2026-03-04 14:40:01.840 UTC


def hop(number: int) -> str:
    return f"{number:016x}"


def log(
    id_: str, ms: float, message: str = "said", system: str = "backend", level: str = "info", **more
) -> Entry:
    """
    Return a plain entry, *ms* after the start.
    """
    return Entry(
        id=id_, trace_id=TRACE, timestamp=START + ms, system=system, level=level, message=message, **more
    )


def closing(id_: str, number: int, ms: float, took: float, *, parent: int | None = None, **more) -> Entry:
    """
    Return the entry that closes hop *number*, which began *ms* after the start, called by hop *parent*.
    """
    return log(
        id_,
        ms,
        **{"message": f"hop {number}", **more},
        span_id=hop(number),
        parent_id=None if parent is None else hop(parent),
        duration_ms=took,
    )


def not_kept(id_: str, ms: float, until: float, **more) -> Entry:
    """
    Return a row about entries that were not kept, from *ms* to *until* after the start.
    """
    counted = {"count": 5, "why": "rate", **more}
    return log(id_, ms, kind="suppressed", last_timestamp=START + until, **counted)


def ids(report) -> list[str]:
    return [row.id for row in report.timeline]


def at(report) -> dict[str, float]:
    return {row.id: row.at_ms for row in report.timeline}


_moments = st.one_of(
    st.integers(0, 40).map(float),  # many equal and near ones
    st.floats(-10_000, 10_000, allow_nan=False).map(lambda ms: round(ms, 3)),
)
_spans = st.one_of(st.none(), st.integers(1, 6).map(hop))


@st.composite
def entries(draw, index: int) -> Entry:
    """
    Return one entry of a wild trace: few sources, few hops, few texts, any combination of fields.
    """
    source = draw(st.sampled_from([None, "tab", "edge", "db"]))
    kind = draw(st.sampled_from([None, None, None, None, "summary", "suppressed", "context"]))
    moment = draw(_moments)
    counted = kind in {"summary", "suppressed"}
    return Entry(
        id=draw(st.sampled_from([f"e{index}", f"e{index}", f"e{index}", "", "e0"])),
        trace_id=TRACE,
        timestamp=START + moment,
        system=draw(st.sampled_from(["browser", "worker", "convex", "backend", "cron"])),
        service=draw(st.sampled_from([None, "shop", "billing"])),
        level=draw(st.sampled_from(LEVELS)),
        message=draw(st.sampled_from(["step 1", "step 2", "ready", "failed with status 502", ""])),
        span_id=draw(_spans),
        parent_id=draw(_spans),
        duration_ms=draw(st.one_of(st.none(), st.none(), st.sampled_from([0.0, 5.0, 120.5, -3.0, 1e300]))),
        error=draw(
            st.sampled_from(
                [None, None, {"type": "E", "message": "x", "cause": {"type": "F", "message": "y"}}]
            )
        ),
        source=source,
        seq=draw(st.one_of(st.none(), st.integers(0, 30))) if source else None,
        kind=kind,
        count=draw(st.sampled_from([None, 0, 1, 7])) if counted else None,
        last_timestamp=START + moment + draw(st.sampled_from([-5.0, 0.0, 300.0])) if counted else None,
        why="system_quota" if kind == "suppressed" else None,
        received_at=draw(st.one_of(st.none(), st.just(START + 50.0))),
    )


@st.composite
def traces(draw, most: int = 12) -> list[Entry]:
    """
    Return the entries of a wild trace.
    """
    return [draw(entries(i)) for i in range(draw(st.integers(0, most)))]
