"""Run the truth machine from the shell."""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from truth import check, clean, draw, laws, ledger, probe, writers


def checked(numbers: range, seed: int, changes: float, only: str | None) -> check.Book:
    """Check cases that share a world, and print violations."""
    book = check.Book()
    with tempfile.TemporaryDirectory() as folder:
        worlds = draw.Worlds(Path(folder))
        for number in numbers:
            case = draw.draw(seed, number, worlds)
            for violation in check.check(
                case, Path(folder, "case"), book, changes, only
            ):
                print(violation, flush=True)
    return book


def main() -> bool:
    parser = argparse.ArgumentParser(prog="python -m tests.truth")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--cases", type=int, default=200)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument(
        "--changes", type=float, default=1.0, help="laws on two results, a case"
    )
    parser.add_argument(
        "--law", choices=laws.CHANGES, help="the only law on two results"
    )
    parser.add_argument("--case", type=int, help="repeat one case, under all laws")
    parser.add_argument(
        "--machine", choices=("match", "ledger", "probe"), default="match"
    )
    chosen = parser.parse_args()
    if chosen.machine != "match":
        drawn = {"ledger": ledger.drawn, "probe": probe.drawn}[chosen.machine]
        count = 0
        with tempfile.TemporaryDirectory() as folder:
            for violation in drawn(Path(folder), chosen.seed, chosen.cases):
                print(violation, flush=True)
                count += 1
        print(f"{chosen.cases} cases, {count} violations")
        return bool(count)
    print(*writers.missing(), *clean.missing(), sep="\n")
    book, began = check.Book(), time.monotonic()
    first, end, changes = chosen.first, chosen.first + chosen.cases, chosen.changes
    if chosen.case is not None:
        first, end, changes = chosen.case, chosen.case + 1, len(laws.CHANGES)
    step = draw.CASES_OF_A_WORLD
    blocks = [range(n, min(end, n + step)) for n in range(first, end, step)]
    work = partial(checked, seed=chosen.seed, changes=changes, only=chosen.law)
    # The workers of a pool of multiprocessing may not start processes.
    fork = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(chosen.workers, fork) as pool:
        for part in pool.map(work, blocks):
            book.add(part)
    print(book.table())
    for name, right in sorted(book.tallies.items()):
        print(f"{name}: right in {right[True]} of {right.total()}")
    print(*book.unlikely(), sep="\n")
    seconds, found = time.monotonic() - began, len(book.violations)
    print(f"{end - first} cases, {found} violations, {seconds:.0f} s")
    return bool(book.violations or book.unlikely())


if __name__ == "__main__":
    sys.exit(main())
