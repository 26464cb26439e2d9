"""Run the truth machine on a few cases; ``PROVSCAN_TRUTH_CASES`` is their number, and
``PROVSCAN_TRUTH_SEED`` draws others.
"""

from __future__ import annotations

from itertools import combinations, product
from pathlib import Path

import pytest
from nightly import SEED, cases

from truth import bugs, check, clean, draw, laws, writers

pytestmark = pytest.mark.untraced

CASES = cases(200, 2000)
BLOCKS = [
    pytest.param(block, marks=pytest.mark.xdist_group(f"truth{block}"))
    for block in range(-(-CASES // draw.CASES_OF_A_WORLD))
]
# The mean number of laws on two results that a case is held against.
CHANGES = 0.2


def test_the_machine_writes_and_reads_every_registered_format() -> None:
    assert not writers.missing()
    assert not clean.missing()


def test_bugs_can_be_put_back() -> None:
    assert all(map(bugs.changed, bugs.BUGS.values()))


def test_every_pair_of_options_is_drawn(tmp_path: Path) -> None:
    rows = [draw.options_of(1, number) for number in range(200)]
    for (name, values), (other, others) in combinations(draw.FACTORS.items(), 2):
        for pair in product(values, others):
            if not draw.excluded(dict(zip((name, other), pair, strict=True))):
                assert any((row[name], row[other]) == pair for row in rows), pair


@pytest.mark.parametrize("block", BLOCKS)
def test_cases_obey_the_laws(block: int, tmp_path: Path) -> None:
    """Nightly runs also compare bounds with the truth, which needs many cases."""
    worlds, book = draw.Worlds(tmp_path), check.Book()
    first = block * draw.CASES_OF_A_WORLD
    for number in range(first, min(CASES, first + draw.CASES_OF_A_WORLD)):
        case = draw.draw(SEED, number, worlds)
        check.check(case, tmp_path / "case", book, CHANGES)
    assert not book.violations, "\n".join(book.violations)
    assert not book.unlikely()
    assert {law for _, law in book.covered} > laws.FACTS.keys()


@pytest.mark.parametrize("block", range(3))
def test_cleaning_keeps_everything_else(block: int, tmp_path: Path) -> None:
    worlds, book, law = draw.Worlds(tmp_path), check.Book(), clean.LAW
    first = CASES + block * draw.CASES_OF_A_WORLD
    for number in range(first, first + CASES // 40):
        case = draw.draw(SEED, number, worlds)
        check.check(case, tmp_path / "case", book, only=law)
    assert not book.violations, "\n".join(book.violations)
    assert law in {name for _, name in book.covered}
