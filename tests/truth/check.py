"""The check of a case, and what many cases say together."""

from __future__ import annotations

import random
import shutil
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path

from scipy.stats import binom

from truth import adapter, clean, handover, laws, writers
from truth.draw import Case
from truth.laws import CHANGES, FACTS, Scan, measured

# The modules that register laws.
MODULES = (laws, clean, handover)
# A tally fails if its share of errors is above the nominal one with this p-value.
SURELY = 1e-4
NOMINAL = {"at_least": 0.025, "at_most": 0.025, "interval": 0.05, "claim": 0.025}


@dataclass
class Book:
    """What was checked, what was violated, and how often bounds were wrong."""

    violations: list[str] = field(default_factory=list)
    covered: Counter[tuple[str, str]] = field(default_factory=Counter)
    tallies: dict[str, Counter[bool]] = field(
        default_factory=lambda: defaultdict(Counter)
    )

    def add(self, other: Book) -> None:
        self.violations += other.violations
        self.covered += other.covered
        for name, right in other.tallies.items():
            self.tallies[name] += right

    def unlikely(self) -> list[str]:
        """Return the bounds that are wrong more often than they may be."""
        return [
            f"{name} is wrong in {right[False]} of {right.total()} cases"
            for name, right in self.tallies.items()
            if binom.sf(right[False] - 1, right.total(), NOMINAL[name.split()[0]])
            < SURELY
        ]

    def table(self) -> str:
        """Return the number of cases by kind and law."""
        laws = (*FACTS, *CHANGES)
        lines = [f"{n} {law}" for n, law in enumerate(laws)]
        lines.append(" " * 22 + "".join(f"{n:>6}" for n in range(len(laws))))
        for kind in sorted({kind for kind, _ in self.covered}):
            counts = (f"{self.covered[kind, law] or '-':>6}" for law in laws)
            lines.append(f"{kind:22}" + "".join(counts))
        return "\n".join(lines)


def kinds(case: Case) -> list[str]:
    names = ("format", "shape", "compression", "archive", "outer")
    layout = [f"{name} {getattr(case.layout, name)}" for name in names]
    return layout + [f"{name} {value}" for name, value in case.options.items()]


def check(
    case: Case, folder: Path, book: Book, changes: float = 1, only: str | None = None
) -> list[str]:
    """Scan a case, check all facts and some changes, and return the violations.

    ``changes`` is the mean number of changes, and ``only`` the only one.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    written = writers.write(case.records(case.layout), case.layout, folder / "data")
    call = written.paths, case.index, folder / "a.run"
    options = case.settings() | {"by_command": case.by_command}
    rng, found = random.Random(f"{case.seed} {case.number}"), list[str]()
    try:
        if case.options["resume"]:
            options["stop_after"] = case.number % 3
        scan = Scan(case, folder, written, adapter.scan(*call, **options))
    except Exception as error:
        book.violations.append(f"{case.repeats()}: {type(error).__name__}: {error}")
        return book.violations[-1:]
    fitting = [
        name
        for name, (applies, _) in CHANGES.items()
        if only in (None, name) and applies(case)
    ]
    number = int(changes) + (rng.random() < changes % 1)
    chosen = rng.sample(fitting, min(number, len(fitting)))
    laws = FACTS | {name: CHANGES[name][1] for name in chosen}
    for name, law in laws.items():
        try:
            problems = [*law(scan)]
        except Exception as error:
            problems = [f"{type(error).__name__}: {error}"]
        found += [f"{case.repeats()}: {name}: {each}" for each in problems[:3]]
        book.covered.update((kind, name) for kind in kinds(case))
    tally(scan, book)
    book.violations += found
    shutil.rmtree(folder)
    return found


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
        if bounds.estimate is not None and some:
            right["interval"] = bounds.low <= some + 0.5 and every <= bounds.high + 0.5
        for kind, value in right.items():
            book.tallies[f"{kind} {unit}"][value] += 1
    if not copied and measured(case):
        book.tallies["claim"][not result.claims] += 1
