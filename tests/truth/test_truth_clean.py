"""Clean a few drawn datasets; ``PROVSCAN_TRUTH_CASES`` and ``PROVSCAN_TRUTH_SEED`` draw
more and others.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from truth import clean

pytestmark = pytest.mark.untraced

CASES = int(os.environ.get("PROVSCAN_TRUTH_CASES", "40"))
SEED = int(os.environ.get("PROVSCAN_TRUTH_SEED", "1"))
BLOCK = 20


def test_the_machine_reads_every_cleanable_format() -> None:
    assert not clean.missing()


@pytest.mark.parametrize("first", range(0, CASES, BLOCK))
def test_what_is_kept_equals_the_input(first: int, tmp_path: Path) -> None:
    numbers = range(first, min(first + BLOCK, CASES))
    violations = list(clean.violations(SEED, numbers, tmp_path))
    assert not violations, "\n".join(violations)
