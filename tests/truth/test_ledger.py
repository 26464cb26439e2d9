"""Draw some dozens of logs: honest conduct is not accused, and planted excess is found.

``PROVSCAN_TRUTH_CASES`` is the number of cases of all machines, and
``PROVSCAN_TRUTH_SEED`` draws others. ``python -m tests.truth.ledger`` draws a thousand.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from nightly import SEED, cases

from truth import ledger

pytestmark = pytest.mark.untraced

CASES = max(1, cases(200, 2000) // 100)
BLOCKS = [
    pytest.param(block, marks=pytest.mark.xdist_group(f"truth-ledger{block}"))
    for block in range(4)
]


def drawn(block: int, folder: Path) -> list[tuple[int, Path]]:
    seeds = [SEED * 1_000_000 + block * CASES + number for number in range(CASES)]
    found = [(seed, folder / str(seed)) for seed in seeds]
    for _, path in found:
        path.mkdir()
    return found


@pytest.mark.parametrize("block", BLOCKS)
def test_honest_conduct_is_never_accused(block: int, tmp_path: Path) -> None:
    for seed, folder in drawn(block, tmp_path):
        assert ledger.accusations(seed, folder) == []


@pytest.mark.parametrize("block", BLOCKS)
def test_excess_that_nothing_explains_is_found(block: int, tmp_path: Path) -> None:
    answers = [ledger.finds(seed, folder) for seed, folder in drawn(block, tmp_path)]
    found = [answer for answer in answers if answer is not None]
    assert found
    assert sum(right for right, _ in found) >= 0.95 * len(found) - 1, found
