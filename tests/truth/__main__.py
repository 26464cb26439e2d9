"""Run the truth machine from the shell."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from truth import draw, laws, writers


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.truth")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--cases", type=int, default=200)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--case", type=int, help="repeat one case, under all laws")
    chosen = parser.parse_args()
    for problem in writers.missing():
        print(problem)
    book, began = laws.Book(), time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        worlds = draw.Worlds(Path(folder))
        numbers = range(chosen.first, chosen.first + chosen.cases)
        if chosen.case is not None:
            numbers = range(chosen.case, chosen.case + 1)
        for number in numbers:
            case = draw.draw(chosen.seed, number, worlds)
            every = len(laws.CHANGES) if chosen.case is not None else 1
            for violation in laws.check(case, Path(folder, "case"), book, every):
                print(violation, flush=True)
    print(book.table())
    for name, right in sorted(book.tallies.items()):
        print(f"{name}: right in {right.count(True)} of {len(right)}")
    for unlikely in book.unlikely():
        print(unlikely)
    seconds = time.monotonic() - began
    print(f"{len(numbers)} cases, {len(book.violations)} violations, {seconds:.0f} s")
    return bool(book.violations or book.unlikely())


if __name__ == "__main__":
    sys.exit(main())
