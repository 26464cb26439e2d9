"""Test gates: the run is written, and an error is raised if more was found than
allowed.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import provscan
from provscan.errors import GateError, WithheldError

Write = Callable[..., Path]
TWEETS, OTHERS = 20, 30


@pytest.fixture
def dataset(latin: provscan.Index, write: Write) -> Path:
    """20 records with one tweet each, and 30 other records."""
    texts = latin.reader.raw_texts(np.arange(TWEETS)).array().to_pylist()
    texts += [f"record number {n} of nothing" for n in range(OTHERS)]
    return write("data.jsonl", [{"text": text} for text in texts])


def test_findings_are_compared_without_a_control(
    latin: provscan.Index, dataset: Path, tmp_path: Path
) -> None:
    run = provscan.match(dataset, latin, tmp_path / "a.run", fail_above=0.4)
    assert run.summary["answer"]["records"]["findings"] == TWEETS
    with pytest.raises(
        GateError, match=r"^40% of the records have findings: more than the 39\.9% that"
    ) as e:
        provscan.match(dataset, latin, tmp_path / "b.run", fail_above=0.399)
    assert provscan.open_run(tmp_path / "b.run").summary == e.value.run.summary


def test_the_lower_bound_is_compared_with_a_control(
    latin: provscan.Index, other: list[dict[str, Any]], dataset: Path, write: Write
) -> None:
    control = write("control.jsonl", other)
    run = provscan.match(dataset, latin, dataset.parent / "a.run", control=control)
    share = run.summary["answer"]["records"]["share"]["at_least"]
    assert 0 < share < 0.4
    for above, crossed in ((share, False), (share - 1e-6, True)):
        out = dataset.parent / f"{crossed}.run"
        options = {"control": control, "fail_above_claimed": above}
        if not crossed:
            provscan.match(dataset, latin, out, **options)
            continue
        with pytest.raises(GateError, match=r"^at least .* of the records contain"):
            provscan.match(dataset, latin, out, **options)


def test_a_withheld_bound_decides_nothing(
    latin: provscan.Index, other: list[dict[str, Any]], dataset: Path, write: Write
) -> None:
    """A null dataset of long records does not measure chance in short ones."""
    long = " ".join(row["text"] for row in other[:50])
    null, out = write("null.jsonl", [{"text": long}] * 300), dataset.parent / "a.run"
    with pytest.raises(WithheldError, match="lower bound is withheld: "):
        provscan.match(dataset, latin, out, null=null, fail_above_claimed=0.1)
    assert provscan.open_run(out).summary["answer"]["records"]["at_least"] is None
