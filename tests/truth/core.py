"""Check cases of any kind, and keep what is violated and what many cases say."""

from __future__ import annotations

import os
import shutil
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from scipy.stats import binom

# A folder in memory, in which a case takes half of the time, or None.
MEMORY = "/dev/shm" if os.path.isdir("/dev/shm") else None
# A tally fails if its share of errors is above the nominal one with this p-value.
SURELY = 1e-4
NOMINAL = {"at_least": 0.025, "at_most": 0.025, "interval": 0.05, "claim": 0.025}
NOMINAL |= {"excess": 0.05}


@dataclass
class Book:
    """What was checked, what was violated, and how often statements that may be wrong
    were right.
    """

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
        """Return the statements that are wrong more often than they may be."""
        return [
            f"{name} is wrong in {right[False]} of {right.total()} cases"
            for name, right in self.tallies.items()
            if binom.sf(right[False] - 1, right.total(), NOMINAL[name.split()[0]])
            < SURELY
        ]

    def table(self) -> str:
        """Return the number of cases by kind and law, and the tallies."""
        laws = sorted({law for _, law in self.covered})
        lines = [f"{n} {law}" for n, law in enumerate(laws)]
        lines.append(" " * 22 + "".join(f"{n:>6}" for n in range(len(laws))))
        for kind in sorted({kind for kind, _ in self.covered}):
            counts = (f"{self.covered[kind, law] or '-':>6}" for law in laws)
            lines.append(f"{kind:22}" + "".join(counts))
        for name, right in sorted(self.tallies.items()):
            lines.append(f"{name}: right in {right[True]} of {right.total()}")
        return "\n".join(lines)


class Machine(Protocol):
    """Draws cases of one kind from a seed and a number, and checks them."""

    name: str

    def check(
        self, seed: int, number: int, folder: Path, book: Book
    ) -> Iterable[str]: ...


def search(
    machine: Machine, seed: int, numbers: range, folder: Path, book: Book
) -> Iterator[str]:
    """Check cases, each in a new folder, and yield the violations."""
    for number in numbers:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        try:
            found = [*machine.check(seed, number, folder, book)]
        except Exception as error:
            found = [f"{type(error).__name__}: {error}"]
        repeat = f"--machine {machine.name} --seed {seed} --case {number}"
        found = [f"python -m tests.truth {repeat}: {each}" for each in found]
        book.violations += found
        yield from found
    shutil.rmtree(folder, ignore_errors=True)
