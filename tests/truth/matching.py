"""Check scans: all facts, some changes, and the bounds against the truth."""

from __future__ import annotations

import random
from pathlib import Path

from truth import adapter, clean, draw, handover, laws, layouts
from truth.core import Book
from truth.draw import Case
from truth.laws import CHANGES, FACTS, Scan, measured

# The modules that register laws.
MODULES = (laws, clean, handover)


class Machine:
    """Checks cases of scans. ``changes`` is the mean number of laws on two results, and
    ``only`` the name of the only one.
    """

    def __init__(
        self, folder: Path, changes: float = 1, only: str | None = None
    ) -> None:
        self.folder, self.changes, self.only = folder, changes, only

    def check(self, seed: int, number: int, folder: Path, book: Book) -> None:
        case = draw.draw(seed, number, self.folder)
        written = layouts.write(case.values, case.layout, folder / "data")
        call = written.paths, case.index, folder / "a.run"
        options = case.settings() | {"by_command": case.by_command}
        if case.options["resume"]:
            options["stop_after"] = number % 3
        scan = Scan(case, folder, written, adapter.scan(*call, **options))
        rng = random.Random(f"{seed} {number}")
        chosen = [
            name
            for name, (applies, _) in CHANGES.items()
            if self.only in (None, name) and applies(case)
        ]
        count = int(self.changes) + (rng.random() < self.changes % 1)
        chosen = rng.sample(chosen, min(count, len(chosen)))
        for name, law in (FACTS | {name: CHANGES[name][1] for name in chosen}).items():
            with book.law(name, *kinds(case)):
                law(scan)
        tally(scan, book)


def kinds(case: Case) -> list[str]:
    names = ("format", "shape", "compression", "archive", "outer")
    layout = [f"{name} {getattr(case.layout, name)}" for name in names]
    return layout + [f"{name} {value}" for name, value in case.options.items()]


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
