"""Test with drawn runs that more evidence of chance raises no lower bound."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from truth import numbers

pytestmark = pytest.mark.untraced

# A case compares CHANGES pairs of runs, each of which takes about a second.
CASES = int(os.environ.get("PROVSCAN_TRUTH_CASES", "200")) // 50
SEED = int(os.environ.get("PROVSCAN_TRUTH_SEED", "1"))
CHANGES = 3


@pytest.mark.parametrize("case", range(CASES))
def test_more_evidence_of_chance_raises_no_lower_bound(
    case: int, tmp_path: Path
) -> None:
    """The changes take turns, so four cases have all of them."""
    names = [*numbers.CHANGES]
    chosen = [names[(CHANGES * case + n) % len(names)] for n in range(CHANGES)]
    seed = random.Random(1000 * SEED + case).randrange(10**9)
    assert [*numbers.violations(seed, tmp_path / "case", chosen)] == []
