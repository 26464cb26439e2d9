"""Run the truth machine on a few cases; ``PROVSCAN_TRUTH_CASES`` is their number, and
``PROVSCAN_TRUTH_SEED`` draws others.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from truth import bugs, draw, laws, writers

pytestmark = pytest.mark.untraced

CASES = int(os.environ.get("PROVSCAN_TRUTH_CASES", "200"))
SEED = int(os.environ.get("PROVSCAN_TRUTH_SEED", "1"))
BLOCKS = [
    pytest.param(block, marks=pytest.mark.xdist_group(f"truth{block % 4}"))
    for block in range(-(-CASES // draw.CASES_OF_A_WORLD))
]


def test_the_machine_writes_every_registered_format() -> None:
    assert not writers.missing()


def test_bugs_can_be_put_back() -> None:
    assert all(map(bugs.changed, bugs.BUGS.values()))


def test_every_pair_of_options_is_drawn() -> None:
    rows = draw.in_pairs()
    for name, values in draw.FACTORS.items():
        for other, others in draw.FACTORS.items():
            for value in values:
                for each in others:
                    pair = {name: value} | {other: each}
                    if name < other and not draw.excluded(pair):
                        assert any(pair.items() <= row.items() for row in rows), pair


@pytest.mark.parametrize("block", BLOCKS)
def test_cases_obey_the_laws(block: int, tmp_path: Path) -> None:
    """Nightly runs also compare bounds with the truth, which needs many cases."""
    worlds, book = draw.Worlds(tmp_path), laws.Book()
    first = block * draw.CASES_OF_A_WORLD
    for number in range(first, min(CASES, first + draw.CASES_OF_A_WORLD)):
        laws.check(draw.draw(SEED, number, worlds), tmp_path / "case", book)
    assert not book.violations, "\n".join(book.violations)
    assert not book.unlikely()
    # Each case was held against each fact.
    assert sum(n for (_, law), n in book.covered.items() if law in laws.FACTS)
