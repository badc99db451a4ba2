"""
Prints: what entries share that say the same, wherever they are said.
"""

import subprocess
import sys

from hypothesis import given
from hypothesis import strategies as st

from tracelog.core.entry import LEVELS
from tracelog.core.prints import FORM_CHARS, NO_PRINT, PRINT_CHARS, VOICE_CHARS, form_of, print_of

systems = st.from_regex(r"[a-z0-9_-]{1,32}", fullmatch=True)


@given(systems, st.sampled_from(LEVELS), st.text())
def test_width(system, level, template):
    """
    A print is so many printable ASCII characters without a space, its voice and its form.
    """
    found = print_of(system, level, template)
    assert len(found) == PRINT_CHARS == VOICE_CHARS + FORM_CHARS == len(NO_PRINT)
    assert found.isascii()
    assert found.isprintable()
    assert " " not in found
    assert found[VOICE_CHARS:] == form_of(level, template)


@given(systems, systems, st.sampled_from(LEVELS), st.sampled_from(LEVELS), st.text(), st.text())
def test_what_two_share(one, two, level, other, template, words):
    """
    Forms are those of words and kind of level, voices those of systems and whether it is an error.
    """
    kinds = {"log": "info", "fatal": "error"}
    first, second = print_of(one, level, template), print_of(two, other, words)
    is_same_level = kinds.get(level, level) == kinds.get(other, other)
    is_same_voice = one == two and (level in {"error", "fatal"}) == (other in {"error", "fatal"})
    assert (first[:VOICE_CHARS] == second[:VOICE_CHARS]) == is_same_voice
    assert (first[VOICE_CHARS:] == second[VOICE_CHARS:]) == (is_same_level and template == words)


def test_every_process_agrees():
    """
    No process makes another print of the same, whatever its hash seed.
    """
    code = "from tracelog.core.prints import print_of; print(print_of('browser', 'warn', 'took * ms'))"
    found = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for seed in ("1", "2")
    }
    assert found == {print_of("browser", "warn", "took * ms")}
