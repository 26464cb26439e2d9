"""Run the truth machine from the shell."""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from truth.core import Book
from truth.machines import MACHINES, NAMES, blocks, search


def main() -> bool:
    parser = argparse.ArgumentParser(prog="python -m tests.truth")
    parser.add_argument("--machine", choices=MACHINES, default="match")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--cases", type=int, default=200)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--law", choices=NAMES, help="the only law on two results")
    parser.add_argument("--case", type=int, help="repeat one case, under all laws")
    chosen = parser.parse_args()
    first, end, changes = 0, chosen.cases, 1
    if chosen.case is not None:
        first, end, changes = chosen.case, chosen.case + 1, len(NAMES)
    checked = partial(search, chosen.machine, chosen.seed)
    if chosen.machine == "match":
        checked = partial(checked, changes=changes, only=chosen.law)
    book, began = Book(), time.monotonic()
    # The workers of a pool of multiprocessing may not start processes.
    fork = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(chosen.workers, fork) as pool:
        for part in pool.map(checked, blocks(first, end)):
            book.add(part)
    print(book.table(), *book.unlikely(), sep="\n")
    seconds, found = time.monotonic() - began, len(book.violations)
    print(f"{end - first} cases, {found} violations, {seconds:.0f} s")
    return bool(book.violations or book.unlikely())


if __name__ == "__main__":
    sys.exit(main())
