"""
Redaction on the development corpus: what it finds and what it leaves alone, on a small sample of one seed.
"""

import pytest

from tests.core.redact_corpus import SECRETS, SEED, Sample, clean_lines, judge, report, samples
from tracelog.core.redact import Redactor

SAMPLES, CLEAN = 1_300, 1_100
RECALL, CHANCE_RECALL, CLEAN_CHANGED = 0.99, 0.96, 5 / 1000
"""Thresholds: of all categories, of the one that is judged by chance, and of clean lines."""


@pytest.mark.parametrize("engine", ["re2", "re"])
def test_secrets_are_found_and_clean_lines_stay(engine):
    """
    At least 99 of 100 secrets of every category go, and at most 5 of 1,000 clean lines change.
    """
    verdict = judge(Redactor(engine=engine), samples(SAMPLES, SEED + 7), clean_lines(CLEAN, SEED + 7))
    assert verdict.recall >= RECALL, report(verdict)
    for category, (found, of) in verdict.found.items():
        assert found / of >= (CHANCE_RECALL if "chance" in category else RECALL), report(verdict)
    assert verdict.changed[0] / verdict.changed[1] <= CLEAN_CHANGED, report(verdict)


def test_the_judge_is_strict():
    """
    A redactor that does nothing finds nothing, and one that takes everything spoils every clean line.
    """

    class Nothing(Redactor):
        def text(self, text):
            return text

    class Everything(Redactor):
        def text(self, text):
            return "[REDACTED:all]"

    nothing = judge(Nothing(), samples(130, SEED), clean_lines(100, SEED))
    assert (nothing.recall, nothing.changed) == (0, (0, 100))
    everything = judge(Everything(), samples(130, SEED), clean_lines(100, SEED))
    assert (everything.recall, everything.precision, everything.changed) == (1, 130 / 230, (100, 100))
    assert "clean lines changed: 100 of 100" in report(everything)


def test_a_piece_of_a_secret_counts_as_missed():
    """
    A secret of which 12 characters are left is not found.
    """

    class Half(Redactor):
        def text(self, text):
            return text[: len(text) // 2]

    sample = Sample("x", "0123456789abcdefghijklmnopqrstuv", "0123456789abcdefghijklmnopqrstuv")
    assert judge(Half(), [sample], ["clean"]).missed == [sample]


def test_the_corpus_can_be_repeated():
    """
    The same seed gives the same corpus, and every category takes part.
    """
    assert list(samples(50, 3)) == list(samples(50, 3)) != list(samples(50, 4))
    assert {sample.category for sample in samples(50, 3)} == set(SECRETS)
    assert list(clean_lines(50, 3)) == list(clean_lines(50, 3))
