"""The machines by name, and the search for violations with one of them."""

from __future__ import annotations

import os
import random
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from truth import adapter, clean, draw, files, handover, laws, layouts, ledger, probe
from truth.core import Book
from truth.draw import CASES_OF_A_WORLD
from truth.laws import CHANGES, FACTS, Scan, measured

# A folder in memory, in which a case takes half of the time, or None.
MEMORY = "/dev/shm" if os.path.isdir("/dev/shm") else None
# The modules that register laws.
MODULES = (laws, clean, handover)


def check(
    seed: int,
    number: int,
    folder: Path,
    world: Path,
    book: Book,
    changes: float = 1,
    only: str | None = None,
) -> None:
    """Hold a scan against all facts, some changes and the truth. ``changes`` is the
    mean number of laws on two results, and ``only`` the name of the only one.
    """
    case = draw.draw(seed, number, world)
    written = layouts.write(case.values, case.layout, folder / "data")
    options = case.settings() | {"by_command": case.by_command}
    if case.options["resume"]:
        options["stop_after"] = number % 3
    result = adapter.scan(written.paths, case.index, folder / "a.run", **options)
    scan = Scan(case, folder, written, result)
    rng = random.Random(f"{seed} {number}")
    chosen = [
        name
        for name, (applies, _) in CHANGES.items()
        if only in (None, name) and applies(case)
    ]
    count = int(changes) + (rng.random() < changes % 1)
    chosen = rng.sample(chosen, min(count, len(chosen)))
    for name, law in (FACTS | {name: CHANGES[name][1] for name in chosen}).items():
        with book.law(name, *case.kinds):
            law(scan)
    tally(scan, book)


def tally(scan: Scan, book: Book) -> None:
    """Compare the bounds with the truth."""
    case, result = scan.case, scan.result
    copied = [each for each in case.places if each.copied and case.scanned(each.slot)]
    known = case.world.known if case.options["known"] else set()
    clear = [each for each in copied if each.tweet not in case.common | known]
    exact = [each for each in clear if each.exact]
    for unit, name in (("records", "record"), ("texts", "tweet")):
        every, some, same = (
            len({getattr(each, name) for each in part})
            for part in (copied, clear, exact)
        )
        bounds, right = result.bounds(unit), dict[str, bool]()
        if bounds.at_least is not None:
            right["at_least"] = bounds.at_least <= every
        if bounds.at_most is not None:
            right["at_most"] = bounds.at_most >= same
        if bounds.value is not None and some:
            right["interval"] = bounds.low <= some + 0.5 and every <= bounds.high + 0.5
        for kind, value in right.items():
            book.tallies[f"{kind} {unit}"][value] += 1
    if not copied and measured(case):
        book.tallies["claim"][not result.claims] += 1


# Each checks a case of a seed with a number, in a folder of its own and a folder that
# the cases of a search share.
MACHINES: dict[str, Callable[..., None]] = {
    "match": check,
    "ledger": ledger.check,
    "probe": probe.check,
    "files": files.check,
}


def blocks(first: int, end: int) -> Iterator[range]:
    """Divide cases among searches that each draw their own worlds."""
    step = CASES_OF_A_WORLD
    return (range(n, min(end, n + step)) for n in range(first, end, step))


def search(name: str, seed: int, numbers: range, **options: object) -> Book:
    """Check cases, each in a new folder, and print the violations."""
    book = Book()
    with tempfile.TemporaryDirectory(dir=MEMORY) as folder:
        for number in numbers:
            repeat = f"--machine {name} --seed {seed} --case {number}"
            book.case, known = f"python -m tests.truth {repeat}", len(book.violations)
            place = Path(folder, "case")
            place.mkdir()
            with book.law("a case has no error"):
                world = Path(folder, "world")
                MACHINES[name](seed, number, place, world, book, **options)
            for violation in book.violations[known:]:
                print(violation, flush=True)
            shutil.rmtree(place)
    return book
