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
from truth.draw import CASES_OF_A_WORLD, Case
from truth.laws import Scan

# A folder in memory, in which a case takes half of the time, or None.
MEMORY = "/dev/shm" if os.path.isdir("/dev/shm") else None
# Laws on one result.
FACTS = (
    laws.exact_copies_are_found,
    laws.nothing_else_is_found,
    laws.flags_are_true,
    laws.every_record_is_counted,
    laws.counts_follow_from_rows,
    laws.numbers_are_in_order,
    laws.evidence_shows_the_passage,
)
# Laws on two results, and the cases to which they apply.
CHANGES: dict[Callable[[Scan], None], Callable[[Case], bool]] = {
    # A sample of records is drawn by id.
    laws.the_layout_changes_nothing: lambda case: (
        case.whole
        or (case.options["sample"] == "records" and case.layout.shape != "one")
    ),
    laws.the_execution_changes_nothing: lambda case: True,
    laws.more_evidence_of_chance_raises_nothing: lambda case: (
        case.measured and case.whole
    ),
    laws.a_control_that_is_quoted_as_much_explains_all: lambda case: (
        case.whole and case.options["control"]
    ),
    laws.data_without_tweets_never_raises_at_least: lambda case: (
        case.measured and case.whole
    ),
    laws.repeated_files_count_again: lambda case: case.whole,
    laws.tweets_indexed_twice_count_once: lambda case: not case.options["fraction"],
    laws.a_baseline_marks_what_is_new: lambda case: case.whole,
    clean.cleaning_keeps_everything_else: lambda case: (
        len(case.texts) < 3000 and case.layout.format != "archive"
    ),
    handover.what_is_handed_over_agrees: lambda case: True,
    handover.a_damaged_run_is_refused: lambda case: True,
}
NAMES = [law.__name__ for law in CHANGES]


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
    options = case.settings() | {"by_command": number % 20 == 3}
    if case.options["resume"]:
        options["stop_after"] = number % 3
    result = adapter.scan(written.paths, case.index, folder / "a.run", **options)
    scan = Scan(case, folder, written, result)
    rng = random.Random(f"{seed} {number}")
    fitting = (law for law, applies in CHANGES.items() if applies(case))
    chosen = [law for law in fitting if only in (None, law.__name__)]
    count = int(changes) + (rng.random() < changes % 1)
    chosen = rng.sample(chosen, min(count, len(chosen)))
    for law in (*FACTS, *chosen):
        with book.law(law.__name__, *case.kinds):
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
    if not copied and case.measured:
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


def search(
    name: str, seed: int, numbers: range, *, one: bool = False, **options: object
) -> Book:
    """Check cases, each in a new folder, and print the violations; with ``one``, only
    until a case has one.
    """
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
            if one and book.violations:
                break
            shutil.rmtree(place)
    return book
