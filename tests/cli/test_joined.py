"""
Stack traces in a program's output: one entry each, whatever pieces they come in.
"""

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracelog.cli.joined import APART, MOST_LINES, Joiner, Said

PYTHON = """\
Traceback (most recent call last):
  File "shop.py", line 3, in charge
    raise ValueError("no\\tcard")
ValueError: no card"""

CHAINED = f"""\
{PYTHON}

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "shop.py", line 9, in order
    charge()
shop.OrderError: order 12"""

NODE = """\
TypeError: x is not a function
    at charge (/app/shop.js:3:9)
    at async order (/app/shop.js:9:3) {
    [cause]: Error: late"""

JAVA = """\
12:00:01 WARN Exception in thread "main" java.lang.IllegalStateException: late
\tat shop.Order.charge(Order.java:3)
Caused by: java.io.IOException: closed
\tat shop.Bank.call(Bank.java:7)
\t... 3 more"""

GROUP = """\
  + Exception Group Traceback (most recent call last):
  |   File "shop.py", line 3, in <module>
  |     raise ExceptionGroup("two", [ValueError(1)])
  | ExceptionGroup: two (1 sub-exception)
  +-+---------------- 1 ----------------
    | ValueError: 1
    +------------------------------------"""

NODE_FIELDS = """\
TypeError: no
    at order (/app/shop.js:3:11) {
  code: 'E1',
  [cause]: Error: root
      at bank (/app/bank.js:1:1)
}"""

GO = """\
panic: runtime error: index out of range [5] with length 3

goroutine 1 [running]:
main.(*Shop).charge(0x1, {0x2, 0x3})
\t/app/main.go:8 +0x1d
created by main.main in goroutine 1"""

RUST = """\
thread 'main' panicked at src/main.rs:4:5:
no card
stack backtrace:
   0: rust_begin_unwind
             at /rustc/library/std/src/panicking.rs:645:5
note: run with `RUST_BACKTRACE=full`"""

RUBY = """\
shop.rb:3:in `charge': no card (CardError)
\tfrom shop.rb:6:in `<main>'"""

PHP = """\
PHP Fatal error:  Uncaught Exception: no card in /app/shop.php:3
Stack trace:
#0 /app/shop.php(5): charge()
#1 {main}
  thrown in /app/shop.php on line 3"""

CASES = {
    "python": (PYTHON, "ValueError: no card", ("ValueError", "no card")),
    "python, chained": (CHAINED, "shop.OrderError: order 12", ("shop.OrderError", "order 12")),
    "javascript": (NODE, "TypeError: x is not a function", ("TypeError", "x is not a function")),
    "java": (JAVA, JAVA.split("\n", maxsplit=1)[0], None),
    "javascript, with fields": (NODE_FIELDS, "TypeError: no", ("TypeError", "no")),
    "go": (
        GO,
        "panic: runtime error: index out of range [5] with length 3",
        ("panic", "runtime error: index out of range [5] with length 3"),
    ),
    "rust": (RUST, "thread 'main' panicked at src/main.rs:4:5:", None),
    "ruby": (RUBY, "shop.rb:3:in `charge': no card (CardError)", None),
    "php": (PHP, "PHP Fatal error:  Uncaught Exception: no card in /app/shop.php:3", None),
    "python, group": (
        GROUP,
        "ExceptionGroup: two (1 sub-exception)",
        ("ExceptionGroup", "two (1 sub-exception)"),
    ),
}
"""Output, the line that speaks for it, and what was raised."""


def joined(text: str, pieces: int = 1) -> list[Said]:
    lines, joiner = text.split("\n"), Joiner()
    found: list[Said] = []
    for at in range(0, len(lines), pieces):
        found += joiner(lines[at : at + pieces])
    return found + list(joiner.rest())


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("pieces", [1, 2, 100])
def test_a_trace_is_one_thing_said(name: str, pieces: int):
    """
    Its lines are one entry with the whole trace, between ordinary lines that stay what they are.
    """
    text, line, raised = CASES[name]
    found = joined(f"before\n{text}\nafter", pieces)
    assert [each.text for each in found] == ["before", line, "after"]
    assert (found[1].stack, found[1].raised) == (text, raised)


def test_two_traces_are_two():
    """
    A trace that no sentence chains to the one before is another one, and an empty line between is not lost in it.
    """
    found = joined(f"{PYTHON}\n\n{PYTHON}\n{NODE}")
    assert [each.stack for each in found] == [PYTHON, PYTHON, NODE]


def test_an_object_is_never_joined():
    """
    A JSON line stays one, whatever follows it.
    """
    assert [each.text for each in joined('{"msg":"x"}\n    at home')] == ['{"msg":"x"}', "    at home"]


def test_a_trace_has_an_end():
    """
    Beyond so many lines a trace is cut into several: memory stays bounded.
    """
    found = joined("\n".join(["Error: deep", *["    at f (x.js:1:1)"] * (2 * MOST_LINES)]))
    assert [len((each.stack or "").split("\n")) for each in found] == [MOST_LINES, MOST_LINES, 1]


@given(
    st.lists(
        st.sampled_from([*PYTHON.split("\n"), *NODE.split("\n"), "", "plain", *CHAINED.split("\n")[4:8]])
    )
)
def test_no_line_is_lost(lines: list[str]):
    """
    Whatever comes, every line that is not blank stands in exactly one thing said, in its order.
    """
    joiner = Joiner()
    found = [*joiner(lines), *joiner.rest()]
    kept = [line for each in found for line in (each.stack or each.text).split("\n") if line.strip()]
    assert kept == [line for line in lines if line.strip()]


@pytest.mark.parametrize("chained", [False, True])
def test_what_python_prints_is_known(chained: bool):
    """
    The trace of a real interpreter is one thing said.
    """
    code = (
        "try:\n  1/0\nexcept ZeroDivisionError as e:\n  raise ValueError('no card') from e"
        if chained
        else "1/0"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    (said,) = joined(done.stderr.removesuffix("\n"))
    assert said.stack == done.stderr.removesuffix("\n")
    assert said.raised == (
        ("ValueError", "no card") if chained else ("ZeroDivisionError", "division by zero")
    )


CONTAINERS = """\
web-1  | ERROR refused trace_id=abc-123
web-1  | Traceback (most recent call last):
web-1  |   File "shop.py", line 3, in <module>
web-1  | ValueError: no card
db     | ready
2026-11-22T12:31:04.123456789Z Error: late
2026-11-22T12:31:04.223456789Z     at f (a.js:1:2)
{"log":"WARN disk\\n","stream":"stderr","time":"2026-11-22T12:31:04.123456789Z"}
{"log":"mine","level":"warn"}
a | b"""


def test_lines_of_containers_are_read_without_what_is_around_them():
    """
    Service and time of Docker, Compose and Kubernetes are fields; stack traces are joined within a container.
    """
    joiner = Joiner()
    found = [*joiner(CONTAINERS.split("\n")), *joiner.rest()]
    time = "2026-11-22T12:31:04.123456789Z"
    assert [(said.text, said.service, said.time, said.stack is not None) for said in found] == [
        ("ERROR refused trace_id=abc-123", "web-1", None, False),
        ("ValueError: no card", "web-1", None, True),
        ("ready", "db", None, False),
        ("Error: late", None, time, True),
        ("WARN disk", None, time, False),
        ('{"log":"mine","level":"warn"}', None, None, False),
        ("a | b", None, None, False),
    ]


@pytest.mark.parametrize("trace", [PYTHON, GO, NODE])
def test_services_may_print_through_each_other(trace: str):
    """
    A trace goes on where other containers print between its lines; one that never ends is not waited for.
    """
    first, second, *others = (f"web-1  | {line}" for line in trace.split("\n"))
    mixed = [first, second] if trace != PYTHON else [first, "db-1   | ready", second]
    for line in others:
        mixed += ["db-1   | ready", line]
    joiner = Joiner()
    found = [*joiner(mixed), *joiner.rest()]
    assert [said.stack for said in found if said.service == "web-1"] == [trace]
    assert {said.text for said in found if said.service == "db-1"} == {"ready"}
    joiner = Joiner()
    assert [*joiner([first, second, *["db-1   | ready"] * (APART + 2)])][APART - 1].service == "web-1"
