"""No text is lost because it is late in a file, wherever it is.

``PROVSCAN_TRUTH_CASES`` and ``PROVSCAN_TRUTH_SEED`` draw more and other files.
"""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from truth import adapter, layouts

CASES = int(os.environ.get("PROVSCAN_TRUTH_CASES", "24"))
SEED = int(os.environ.get("PROVSCAN_TRUTH_SEED", "1"))


@pytest.mark.parametrize("case", range(CASES))
def test_late_texts_are_found_or_said_to_be_left_out(case: int, tmp_path: Path) -> None:
    layout = layouts.draw(random.Random(f"{SEED}/{case}"))
    path = layouts.write(layout, tmp_path)
    expected = layouts.places(path, layout.text)
    assert len(expected) == 1
    index = adapter.build_index([{"id": "1", "text": layout.text}], tmp_path / "index")
    run = adapter.scan([path], index, tmp_path / "run", planted=0)
    found = [(row.record, row.field) for row in run.rows]
    assert found == expected or run.status == adapter.INCOMPLETE, layout
    assert run.scanned == layout.records
