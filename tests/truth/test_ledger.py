"""Draw some dozens of logs: honest conduct is not accused, and planted excess is found.

``PROVSCAN_TRUTH_CASES`` is the number of cases of all machines, and
``PROVSCAN_TRUTH_SEED`` draws others. ``python -m tests.truth --machine ledger`` draws
many.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from nightly import SEED, cases

from truth import ledger

pytestmark = pytest.mark.untraced

CASES = max(1, cases(100, 2000) // 100)
BLOCKS = [
    pytest.param(block, marks=pytest.mark.xdist_group(f"truth-ledger{block}"))
    for block in range(4)
]


@pytest.mark.parametrize("block", BLOCKS)
def test_only_excess_that_nothing_explains_is_found(block: int, tmp_path: Path) -> None:
    found = list(ledger.drawn(tmp_path, SEED, CASES, block * CASES))
    assert not found, "\n".join(found)
