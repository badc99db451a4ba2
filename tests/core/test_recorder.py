"""
The flight recorder: the last rows of a trace come back in time order, within bounds that never give way.
"""

from hypothesis import given
from hypothesis import strategies as st

from tracelog.core.recorder import ROW_COST, TRACE_COST, Recorder

STEPS = st.lists(
    st.tuples(st.sampled_from(["keep", "keep", "keep", "release"]), st.integers(0, 9), st.integers(0, 700)),
    max_size=200,
)


def recorder(**bounds):
    return Recorder(**{"rows": 20, "traces": 100, "size": 1 << 20, "row": 4_096, "released": 60, **bounds})


def test_an_error_gets_the_last_rows_in_time_order():
    """
    The last 20 come back, ordered by their own times, and only once.
    """
    tape = recorder()
    for n in range(30):
        assert tape.keep("a", b"%d" % n, float(n ^ 1))
    assert tape.release("a") == [b"%d" % (n ^ 1) for n in range(10, 30)]
    assert tape.release("a") == []
    assert (len(tape), tape.bytes) == (0, 0)


def test_traces_do_not_mix():
    """
    A trace is given its own rows only; one that nobody recorded has none.
    """
    tape = recorder()
    tape.keep("a", b"1", 1.0)
    tape.keep("b", b"2", 2.0)
    assert (tape.release("b"), tape.release("c"), tape.release("a")) == ([b"2"], [], [b"1"])


def test_one_trace_is_given_so_many_in_its_life():
    """
    Sixty rows and no more, however many errors ask; the last before an error are given first.
    """
    tape = recorder()
    given_rows = []
    for error in range(10):
        for n in range(17):
            tape.keep("a", b"%d" % (error * 17 + n), float(n))
        given_rows += tape.release("a")
    assert len(given_rows) == 60
    assert given_rows[51:] == [b"%d" % (3 * 17 + n) for n in range(8, 17)]
    assert tape.bytes == 0


def test_the_silent_trace_makes_room():
    """
    Beyond the number of traces, the one that spoke longest ago is forgotten.
    """
    tape = recorder(traces=2)
    for trace in ("a", "b", "a", "c"):
        tape.keep(trace, trace.encode(), 0.0)
    assert (tape.release("b"), tape.release("a"), tape.release("c")) == ([], [b"a", b"a"], [b"c"])


def test_a_row_that_is_too_large_is_not_kept():
    """
    A row over its bound, or over what the recorder may hold in all, is refused and costs nothing.
    """
    tape = recorder(row=10)
    assert not tape.keep("a", b"x" * 11, 0.0)
    small = recorder(size=TRACE_COST + ROW_COST + 5)
    assert not small.keep("a", b"x" * 6, 0.0)
    assert small.keep("a", b"x" * 5, 0.0)
    assert small.keep("a", b"y" * 5, 1.0)
    assert small.release("a") == [b"y" * 5]
    assert (tape.bytes, small.bytes) == (0, 0)


@given(STEPS, st.integers(1, 4), st.integers(1, 5), st.integers(1, 4_000))
def test_the_bounds_are_strict(steps, rows, traces, size):
    """
    After every step rows, traces and bytes are within their bounds, and the bytes are those of what is held.
    """
    tape = recorder(rows=rows, traces=traces, size=size, released=5)
    released = {}
    for clock, (step, trace, length) in enumerate(steps):
        if step == "keep":
            tape.keep(str(trace), bytes(length), float(clock))
        else:
            released[trace] = released.get(trace, 0) + len(tape.release(str(trace)))
        held = [held.rows for held in tape._tapes.values()]
        assert tape.bytes <= size
        assert len(tape) <= traces
        assert all(1 <= len(each) <= rows for each in held)
        assert tape.bytes == sum(TRACE_COST + sum(len(row) + ROW_COST for _, row in each) for each in held)
    assert all(count <= 5 for count in released.values())
