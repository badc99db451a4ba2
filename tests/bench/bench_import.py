"""
What `import tracelog` costs a program that starts: CPU time of a fresh interpreter, less that of an empty one.

Claim: at most 15 ms over `import msgspec`, which it needs, so at most 40 ms over a bare interpreter where msgspec
costs 25; and less than 0.7 of `import structlog`. All are measured in the same run, interleaved.

    python tests/bench/bench_import.py
"""

import os
import resource
import statistics
import subprocess
import sys
import tempfile

ROUNDS = 21
BARE = "pass"
STATEMENTS = (BARE, "import msgspec", "import logging", "import structlog", "import tracelog")


def cost(statement, environ):
    """
    Return the CPU milliseconds of an interpreter that runs *statement* and ends.
    """
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", statement], env=environ, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return 1000 * (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def main():
    with tempfile.TemporaryDirectory() as folder:
        # as installed: byte code is there, whatever this environment says about writing it
        environ = {**os.environ, "PYTHONPYCACHEPREFIX": folder}
        environ.pop("PYTHONDONTWRITEBYTECODE", None)
        for statement in STATEMENTS:
            cost(statement, environ)
        costs = {statement: [] for statement in STATEMENTS}
        for _ in range(ROUNDS):
            for statement in STATEMENTS:
                costs[statement].append(cost(statement, environ))
    print(f"CPU ms over a bare interpreter; median of {ROUNDS} interleaved rounds")
    over = {
        statement: statistics.median(a - b for a, b in zip(values, costs[BARE], strict=True))
        for statement, values in costs.items()
    }
    for statement in STATEMENTS[1:]:
        print(f"{statement:<18}{over[statement]:>8.1f}")
    ours = over["import tracelog"]
    print(f"over msgspec      {ours - over['import msgspec']:>8.1f}   (bar 15)")
    print(f"tracelog / structlog  {ours / over['import structlog']:.2f}   (bar 0.7)")


if __name__ == "__main__":
    main()
