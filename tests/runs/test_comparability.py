"""Test the weight of a control text, which depends on its stratum and the rarity of its
wording.
"""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from provscan.runs.counting.strata import TextSample, agreement, stratify
from provscan.scoring.lengths import SCRIPTS

LATIN, CYRILLIC = SCRIPTS.index("latin"), SCRIPTS.index("cyrillic")


def sample(total, script, rarity):
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
        pa.chunked_array([pa.nulls(count, pa.int64())]),
        np.zeros(count, np.int64),
    )


def test_control_texts_with_more_common_wording_have_lower_weights():
    licensed = sample(60_000, [LATIN] * 300, np.linspace(2, 5, 300).tolist())
    control = sample(20_000, [LATIN] * 300, np.linspace(2, 4, 300).tolist())
    strata = stratify(licensed, control)
    stratum = np.zeros(4, np.int64) + strata.of_class[LATIN, 3]
    weights = strata.weights_of(stratum, np.array([2.5, 3.5, 4.5, np.nan]))
    # 150, 150 and 0 of the control's texts are in the thirds of the licensed texts. A
    # text with unknown rarity has the weight of its stratum.
    assert weights[:2] == pytest.approx([2, 2], rel=0.02)
    assert weights[2:] == pytest.approx([12, 3])
    assert strata.heaviest == pytest.approx(12)
    assert agreement(licensed, control)["wording"] == pytest.approx(2 / 3, abs=0.07)


def test_lengths_are_compared_if_strata_do_not_correct_them():
    """Two thirds of the control texts are short, but none of the licensed ones."""
    licensed, control = (
        replace(
            sample(6000, [LATIN] * 300, [2.0] * 300),
            length_class=np.repeat([4, 5, n], 100),
        )
        for n in (5, 0)
    )
    control = replace(control, length_class=np.repeat([5, 0, 0], 100))
    assert stratify(licensed, licensed).length_overlap == pytest.approx(1)
    assert stratify(licensed, control).length_overlap == pytest.approx(1 / 3)
    # There are now enough control texts for strata by length.
    both = (
        replace(licensed, length_class=np.repeat([0, 5, 5], 100)),
        replace(control, total=6000),
    )
    assert agreement(*both)["length"] == pytest.approx(2 / 3)
    assert stratify(*both).length_overlap == pytest.approx(1)


def test_differences_that_strata_correct_are_not_corrected_again():
    """Cyrillic texts, which have more bits here, are half of the licensed texts and a
    tenth of the control.
    """
    licensed = sample(60_000, [LATIN, CYRILLIC] * 150, [2.0, 4.0] * 150)
    control = sample(30_000, [LATIN] * 270 + [CYRILLIC] * 30, [2.0] * 270 + [4.0] * 30)
    strata = stratify(licensed, control)
    assert strata.factors.tolist() == [1, 1, 1]
    assert strata.weights.max() == pytest.approx(10)
