"""
How good the analysis is, as a table.

    python -m tests.eval.table            the seeds it is judged on
    python -m tests.eval.table --tuning   the seeds it was tuned on, with every miss
    python -m tests.eval.table --seeds 300 340    further seeds
"""

import sys
from collections.abc import Sequence
from statistics import mean

from tests.eval.score import Score, incidents, score

TUNING = range(40)
HELD_OUT = range(100, 106)
"""Seeds of a kind. Those held out draw from sentences that tuning never saw."""


def line(name: str, scores: Sequence[Score]) -> str:
    first = mean(one.rank == 1 for one in scores)
    three = mean(0 < one.rank <= 3 for one in scores)
    precisions = [one.precision for one in scores if one.precision is not None]
    precision = f"{mean(precisions):9.2f}" if precisions else "        -"
    tokens = [one.tokens for one in scores if one.tokens is not None]
    most = f"{max(tokens):6d}" if len(tokens) == len(scores) else "  none"
    return f"{name:<22}{len(scores):>5}{first:>8.2f}{three:>8.2f}{precision}{most}"


def table(scores: Sequence[Score]) -> str:
    """
    Return the table of *scores*: a line for each kind, and one for all.
    """
    kinds = dict.fromkeys(one.kind for one in scores)
    rows = [line(kind, [one for one in scores if one.kind == kind]) for kind in kinds]
    head = f"{'kind':<22}{'n':>5}{'first':>8}{'in 3':>8}{'precision':>9}{'tokens':>6}"
    evident = [one for one in scores if one.evident]
    return "\n".join([head, *rows, line("all", scores), line("with all evidence", evident)])


def main(arguments: Sequence[str]) -> None:
    tuning = "--tuning" in arguments
    further = range(*map(int, arguments[1:3])) if arguments[:1] == ["--seeds"] else HELD_OUT
    scores = [score(one) for one in incidents(TUNING if tuning else further, held_out=not tuning)]
    print(table(scores))
    if tuning:
        for one in scores:
            if one.rank != 1 or one.tokens is None or (one.precision is not None and one.precision < 1):
                print(one)


if __name__ == "__main__":
    main(sys.argv[1:])
