"""Test the layers of a number: every digit of the example in docs/statistics.md, and
the order of the layers.
"""

import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from provscan.estimate import Chance, predict_chance, thinned
from provscan.estimate.layers import Found, Layers, Size, Strength, layered
from provscan.estimate.limits import Factor, SampleDesign, exactly, total
from provscan.estimate.recall import Recall

PAGE = (Path(__file__).parents[2] / "docs" / "statistics.md").read_text(
    encoding="utf-8"
)
COUNTED = Recall(0.90, 0.86, 0.93, {}, {})
ANY = Recall(0.95, 0.92, 0.97, {}, {})
NEARLY = Factor(0.95, 0.90, 0.98)


def found(findings, counted, **values):
    every = values.pop("every", findings)
    squares = values.pop("squares", counted)
    values.setdefault("alike", values.get("nearly"))
    return Found(findings, Size(every, every), Size(counted, squares), **values)  # type: ignore[arg-type]


def one_strength(count, chance, *, claimed=True, squares=None):
    return [
        Strength(Size(count, count if squares is None else squares), chance, claimed)
    ]


def test_the_example_by_hand():
    chance = predict_chance(np.full(3, 2.0), np.ones(3), 2.0)
    assert (chance.expected, chance.low, chance.high) == (6, 0, 20)
    each = predict_chance(np.full(3, 2.0), np.ones(3), 2.0, tail=0.025 / 4)
    assert each.high == 24
    rare = predict_chance(np.zeros(0), np.zeros(0), 2.0, tail=0.025 / 4)
    assert rare.high == 12
    assert thinned(104, 0.90) == pytest.approx((108.7, 123), abs=0.05)
    strengths = [*one_strength(110, each), *one_strength(104, rare)]
    number = layered(
        found(110, 110, every=118, nearly=80.0),
        strengths,
        chance,
        (COUNTED, ANY),
        NEARLY,
    )
    assert number.estimate is not None
    assert number.common_or_known == 8
    digits = [
        number.at_least,
        number.estimate.value,
        number.estimate.low,
        number.estimate.high,
        number.at_most,
    ]
    written = ["92", "115.6", "98.4", "127.1", "91"]
    assert [
        f"{value:.1f}".removesuffix(".0") for value in digits if value is not None
    ] == written
    assert re.findall(r"\*\*([0-9.]+)\*\*", PAGE) == written


@given(
    st.integers(0, 300),
    st.integers(0, 40),
    st.floats(0.2, 10),
    st.floats(0.35, 0.99),
    st.booleans(),
)
def test_layers_are_in_order(counted, clusters, weight, recall, claimed):
    chance = predict_chance(np.full(clusters, weight), np.ones(clusters), weight)
    measured = Recall(recall, 0.9 * recall, min(1.0, 1.05 * recall), {}, {})
    strengths = one_strength(counted, chance, claimed=claimed)
    number = layered(
        found(counted, counted, every=counted + 5, most=exactly(1000)),
        strengths,
        chance,
        (measured, measured),
        None,
    )
    assert number.estimate is not None
    assert number.at_least is not None
    assert number.at_most_any is not None
    middle = number.estimate
    ends = [
        0,
        number.at_least,
        middle.low,
        middle.value,
        middle.high,
        number.at_most_any,
        1000,
    ]
    assert ends == sorted(ends)
    if not claimed:
        assert number.at_least == middle.low == 0


@given(st.integers(0, 300), st.integers(0, 40), st.integers(0, 40), st.booleans())
def test_a_suspected_part_of_a_control_only_raises_the_upper_end(
    counted, clusters, suspected, claimed
):
    chance, otherwise = (
        predict_chance(np.full(n, 2.0), np.ones(n), 2.0)
        for n in (clusters, max(0, clusters - suspected))
    )
    strengths = one_strength(counted, chance, claimed=claimed)
    before, after = (
        layered(
            found(counted, counted),
            strengths,
            chance,
            (COUNTED, ANY),
            None,
            otherwise=other,
        )
        for other in (None, otherwise)
    )
    assert before.at_least == after.at_least
    assert before.estimate is not None
    assert after.estimate is not None
    assert before.estimate.low == after.estimate.low
    assert before.estimate.value == after.estimate.value
    assert before.estimate.high <= after.estimate.high


def test_at_least_is_the_highest_bound_of_the_claimed_strengths():
    noise, rare = Chance(100, 80, 120), Chance(0, 0, 8)
    of_all, of_rare = (
        Strength(Size(130, 130), noise, True),
        Strength(Size(70, 70), rare, True),
    )
    number = layered(found(130, 130), [of_all, of_rare], noise, (COUNTED, ANY), None)
    assert number.at_least == pytest.approx(62)
    assert number.estimate is not None
    assert number.estimate.low >= 62
    not_claimed = Strength(of_rare.found, rare, False)
    assert layered(
        found(130, 130), [of_all, not_claimed], noise, (COUNTED, ANY), None
    ).at_least == pytest.approx(10)
    assert (
        layered(found(130, 130), [not_claimed], noise, (COUNTED, ANY), None).at_least
        == 0
    )


def test_a_mean_size_is_used_if_no_unit_was_found():
    chance = Chance(0, 0, 3)
    single, sized = (
        layered(found(0, 0, mean_size=unit), [], chance, (COUNTED, ANY), None)
        for unit in (1.0, 90.0)
    )
    assert single.at_most_any
    assert sized.at_most_any == pytest.approx(90 * single.at_most_any)


def test_layers_without_measurements_are_withheld():
    number = layered(found(10, 9), [], None, (None, ANY), None)
    assert (number.at_least, number.estimate, number.at_most) == (None, None, None)
    assert number.at_most_any is not None
    chance = Chance(0, 0, 2)
    number = layered(
        found(10, 9), one_strength(9, chance), chance, (None, None), NEARLY
    )
    assert (number.at_least, number.estimate, number.at_most_any) == (
        pytest.approx(7),
        None,
        None,
    )
    assert number.at_most is None


def test_strata_without_control_only_raise_the_upper_limit():
    chance = Chance(0, 0, 5)
    plain, with_more = (
        layered(
            found(50 + out, 50), one_strength(50, chance), chance, (COUNTED, ANY), None
        )
        for out in (0, 8)
    )
    assert plain.estimate is not None
    assert with_more.estimate is not None
    assert with_more.at_least == plain.at_least
    assert with_more.estimate.low == plain.estimate.low
    assert with_more.estimate.high == pytest.approx(plain.estimate.high + 8 / 0.86)


def test_the_limit_on_nearly_verbatim_copies_is_independent_of_other_layers():
    chance = Chance(0, 0, 5)
    number = layered(
        found(50, 50, nearly=10.0),
        one_strength(50, chance),
        chance,
        (COUNTED, ANY),
        NEARLY,
    )
    assert number.at_least is not None
    assert number.at_most is not None
    assert number.at_most == pytest.approx(total(exactly(10.0), NEARLY).high)
    assert number.at_most < number.at_least
    # Whole texts whose edited wording is too common for findings may be copies, too.
    more = layered(
        found(50, 50, nearly=10.0, alike=14.0), [], None, (None, ANY), NEARLY
    )
    assert more.at_most == pytest.approx(total(exactly(14.0), NEARLY).high)
    assert more.nearly_verbatim == 10.0
    none = layered(found(50, 50, nearly=0.0), [], None, (COUNTED, ANY), NEARLY)
    assert none.at_most == thinned(0, 0.90)[1]
    part = layered(
        found(50, 50, nearly=10.0, most=exactly(12.0)),
        [],
        None,
        (None, None),
        NEARLY,
        SampleDesign(0.5),
    )
    assert part.at_most == 12


def test_unequal_units_and_samples_widen_every_limit():
    certain = Factor(1.0, 1.0, 1.0)
    half = Recall(0.5, 0.25, 0.8, {}, {})
    none = Chance(0, 0, 0)
    # Units of 2 and 4 characters have the mean size 20 / 6, weighted by size. A design
    # effect of 2 doubles it.
    design = SampleDesign(0.5, 2.0)
    sized = layered(
        found(6, 6, squares=20.0),
        one_strength(6, none, squares=20.0),
        none,
        (half, half),
        certain,
        design,
    )
    assert sized.at_least == pytest.approx(thinned(6, 0.5, effect=20 / 3)[0])
    whole = total(Factor(6, 6, 6), half, design, 20 / 6)
    assert sized.estimate is not None
    assert (sized.estimate.value, sized.estimate.high, sized.at_most_any) == (
        whole.value,
        whole.high,
        whole.high,
    )


def test_scaled_and_raised_layers():
    number = Layers(12, 6.0, Factor(8, 6, 11), 5.0, 3.0, 11.0, 20.0, {"counted": 10})
    assert number.scaled(0.5, most=4.5).as_dict() == {
        "findings": 4.5,
        "nearly_verbatim": 2.5,
        "common_or_known": 1.5,
        "at_least": 3,
        "estimate": {"value": 4, "low": 3, "high": 4.5},
        "at_most": 4.5,
        "at_most_any": 4.5,
    }
    more = number.no_less(Layers(1, 7.0, Factor(7, 7, 12)))
    assert (more.at_least, more.estimate, more.at_most) == (7.0, Factor(8, 7, 12), 11.0)
