"""Test the weight of a control text, which depends on its stratum and the rarity of its
wording.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from provscan.runs.counting.strata import TextSample, agreement, stratify
from provscan.scoring.lengths import SCRIPTS

LATIN, CYRILLIC = SCRIPTS.index("latin"), SCRIPTS.index("cyrillic")


def sample(total: int, script: list[int], rarity: list[float]) -> TextSample:
    count = len(script)
    years, unknown = (
        np.full(count, 2020),
        pa.chunked_array([pa.nulls(count, pa.string())]),
    )
    return TextSample(
        total,
        np.array(script),
        np.full(count, 3),
        years,
        unknown,
        unknown,
        np.array(rarity, np.float64),
    )


def test_commoner_wording_of_a_control_counts_for_less() -> None:
    licensed = sample(60_000, [LATIN] * 300, np.linspace(2, 5, 300).tolist())
    control = sample(20_000, [LATIN] * 300, np.linspace(2, 4, 300).tolist())
    strata = stratify(licensed, control)
    stratum = np.zeros(4, np.int64) + strata.of_class[LATIN, 3]
    weights = strata.weights_of(stratum, np.array([2.5, 3.5, 4.5, np.nan]))
    # Of the control's texts 150, 150 and none are in the thirds of the licensed ones; a
    # text whose wording is not known counts as its stratum does.
    assert weights[:2] == pytest.approx([2, 2], rel=0.02)
    assert weights[2:] == pytest.approx([12, 3])
    assert strata.heaviest == pytest.approx(12)
    assert agreement(licensed, control)["wording"] == pytest.approx(2 / 3, abs=0.07)


def test_lengths_that_no_stratum_makes_up_for_are_compared() -> None:
    """Two thirds of the control are short texts, of the licensed none."""
    licensed, control = (
        replace(
            sample(6000, [LATIN] * 300, [2.0] * 300), band=np.repeat([4, 5, n], 100)
        )
        for n in (5, 0)
    )
    control = replace(control, band=np.repeat([5, 0, 0], 100))
    assert stratify(licensed, licensed).lengths == pytest.approx(1)
    assert stratify(licensed, control).lengths == pytest.approx(1 / 3)
    # As many as a stratum of each length needs.
    both = (
        replace(licensed, band=np.repeat([0, 5, 5], 100)),
        replace(control, total=6000),
    )
    assert agreement(*both)["length"] == pytest.approx(2 / 3)
    assert stratify(*both).lengths == pytest.approx(1)


def test_what_strata_make_up_for_is_not_weighed_again() -> None:
    """Cyrillic texts, which are rarer here, are half of the licensed texts and a tenth
    of the control.
    """
    licensed = sample(60_000, [LATIN, CYRILLIC] * 150, [2.0, 4.0] * 150)
    control = sample(30_000, [LATIN] * 270 + [CYRILLIC] * 30, [2.0] * 270 + [4.0] * 30)
    strata = stratify(licensed, control)
    assert strata.factors.tolist() == [1, 1, 1]
    assert strata.weights.max() == pytest.approx(10)
