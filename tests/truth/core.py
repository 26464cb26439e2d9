"""Hold results against laws, and keep what is violated and what many cases say.

A law is an assertion, or any other error of the code that checks it.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from scipy.stats import binom

# A tally fails if its share of errors is above the nominal one with this p-value.
SURELY = 1e-4
NOMINAL = {"at_least": 0.025, "at_most": 0.025, "interval": 0.05, "claim": 0.025}
NOMINAL |= {"excess": 0.05}


@dataclass
class Book:
    """What was checked, what was violated, and how often statements that may be wrong
    were right.
    """

    case: str = ""  # The command that repeats the case that is being checked.
    violations: list[str] = field(default_factory=list)
    covered: Counter[tuple[str, str]] = field(default_factory=Counter)
    tallies: dict[str, Counter[bool]] = field(
        default_factory=lambda: defaultdict(Counter)
    )

    @contextmanager
    def law(self, name: str, *kinds: str) -> Iterator[None]:
        """Hold a case of some kinds against the law that the block checks."""
        self.covered.update((kind, name) for kind in kinds)
        try:
            yield
        except Exception as error:
            what = f"{type(error).__name__}: {error}"
            self.violations.append(f"{self.case}: {name}: {what[:2000]}")

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


def same(found: Any, expected: Any, about: str = "") -> None:
    """Require that two values are the same, apart from the rounding of numbers."""
    wrong = [*islice(_differences(found, expected, about), 3)]
    assert not wrong, "; ".join(wrong)


def _differences(found: Any, expected: Any, key: str) -> Iterator[str]:
    if isinstance(found, dict) and isinstance(expected, dict):
        for name in sorted(found.keys() | expected.keys(), key=str):
            values = found.get(name), expected.get(name)
            yield from _differences(*values, f"{key} {name}")
    elif found != expected and not (
        isinstance(found, float)
        and isinstance(expected, float)
        and math.isclose(found, expected, rel_tol=1e-9)
    ):
        yield f"{key} is {str(found)[:300]}, not {str(expected)[:300]}"
