"""Test trends, areas under ROC curves, q-values and lower bounds with slow definitions
and simulations.
"""

import itertools

import numpy as np
import pytest
import scipy  # Its modules are imported when they are first used.
from hypothesis import given
from hypothesis import strategies as st
from nightly import NIGHTLY

from provscan.errors import ParameterError
from provscan.estimate import clopper_pearson
from provscan.probe.statistics import cochran_armitage, paired_auc, stratified_excess
from provscan.probe.summary import conformal_q_values


def test_the_trend_test_agrees_with_a_correlation():
    """The statistic is the correlation of dose and response times the square root of
    n - 1.
    """
    doses, hits, totals = [0, 2, 4, 6], [3, 5, 9, 14], [40, 30, 30, 25]
    x = np.repeat(doses, totals)
    y = np.concatenate([np.arange(n) < k for k, n in zip(hits, totals, strict=True)])
    z = np.corrcoef(x, y)[0, 1] * np.sqrt(len(x) - 1)
    found = cochran_armitage(doses, hits, totals)
    assert found.p_value == pytest.approx(scipy.stats.norm.sf(z), rel=1e-6)
    assert found.value == pytest.approx(np.polyfit(x, y, 1)[0])
    assert found.low < found.value < found.high


def test_a_trend_needs_doses_and_hits():
    assert (
        cochran_armitage([1, 1], [3, 4], [9, 9]).invalid
        == "all tweets have the same number of copies"
    )
    few = cochran_armitage([0, 1], [0, 2], [9, 9])
    assert (
        few.invalid
        == "2 of 18 are recited, and a trend needs 5 that are and 5 that are not"
    )
    assert few.as_dict()["value"] is None
    with pytest.raises(ParameterError, match="hits"):
        cochran_armitage([0, 1], [10, 2], [9, 9])


@given(
    st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=20, max_size=40)
)
def test_the_area_is_the_share_of_ordered_pairs(scores):
    a, b = (np.array(side) for side in zip(*scores, strict=True))
    expected = np.mean((a[:, None] > b) + 0.5 * (a[:, None] == b))
    found = paired_auc(a, b)
    assert found.value == pytest.approx(expected)
    assert 0 <= found.low <= found.value <= found.high <= 1


def test_intervals_of_areas_contain_the_truth():
    rng = np.random.default_rng(3)
    for shift in (0.0, 0.8):
        truth = scipy.stats.norm.cdf(shift / np.sqrt(2))
        found = [
            paired_auc(rng.normal(shift, 1, 100), rng.normal(0, 1, 100))
            for _ in range(600)
        ]
        assert (
            0.93 <= np.mean([each.low <= truth <= each.high for each in found]) <= 0.99
        )
    assert paired_auc([1.0], [2.0]).invalid == "1 pair is given, and 20 are needed"
    assert "2 pairs are given" in str(paired_auc([1.0, 3.0], [2.0, 2.0]).invalid)
    with pytest.raises(ParameterError, match="expected one score for each member"):
        paired_auc([1.0], [2.0, 3.0])


SCORES = st.lists(st.integers(0, 6).map(float), min_size=1, max_size=30)


@given(SCORES, SCORES)
def test_q_values_are_those_of_conformal_p_values(licensed, control):
    p_values = [
        (1 + sum(other >= score for other in control)) / (1 + len(control))
        for score in licensed
    ]
    found = conformal_q_values(np.array(licensed), np.array(control))
    assert found == pytest.approx(scipy.stats.false_discovery_control(p_values))


def test_a_list_by_q_values_has_its_error_rate():
    rng = np.random.default_rng(4)
    shares = []
    for _ in range(400):
        null, true = rng.normal(0, 1, 150), rng.normal(3, 1, 50)
        scores = np.concatenate([null, true])
        listed = conformal_q_values(scores, rng.normal(0, 1, 300)) <= 0.1
        shares.append(listed[:150].sum() / max(1, listed.sum()))
    assert np.mean(shares) <= 0.1


SIZE, DRAWN = [50_000, 3_000, 500, 60], [60, 60, 60, 60]


@pytest.mark.parametrize(
    ("share", "chance"),
    [
        ([0.02, 0.2, 0.5, 0.9], 0.01),
        ([0.1, 0.1, 0.1, 0.1], 0.1),
        ([0.004, 0.02, 0.02, 0.02], 0.0),
        *(
            [([0.01, 0.01, 0.7, 0.98], 0.01), ([0.05, 0.05, 0.05, 0.98], 0.05)]
            if NIGHTLY
            else []
        ),
    ],
)
def test_the_lower_bound_on_the_excess_is_valid(share, chance):
    rng = np.random.default_rng(5)
    truth = float(np.array(SIZE) @ (np.array(share) - chance))
    bounds = [
        stratified_excess(
            SIZE, DRAWN, rng.binomial(DRAWN, share), int(rng.binomial(240, chance)), 240
        )[0].low
        for _ in range(200)
    ]
    assert np.mean(np.array(bounds) <= truth + 1e-9) >= 0.97


def test_chance_in_a_large_stratum_does_not_hide_a_small_one():
    found, first = stratified_excess(SIZE, DRAWN, [0, 0, 30, 60], 0, 240)
    assert first == 2
    assert 180 < found.low < found.value == 310.0
    whole, first = stratified_excess(SIZE, DRAWN, [60, 60, 60, 60], 0, 240)
    assert (first, whole.value) == (0, sum(SIZE))
    nothing, _ = stratified_excess(SIZE, DRAWN, [0, 0, 0, 0], 0, 240)
    assert (nothing.value, nothing.low) == (0.0, 0.0)


def test_one_stratum_without_chance_has_the_exact_limit():
    for hits in (3, 30, 64):
        found, _ = stratified_excess([6400], [64], [hits], 0, 10**9)
        assert found.low == pytest.approx(6400 * clopper_pearson(hits, 64)[0], rel=1e-3)
    assert stratified_excess([5], [0], [0], 0, 0)[0].invalid == "nothing was asked"
    assert stratified_excess([5], [5], [5], 4, 4)[0].low == 0.0
    with pytest.raises(ParameterError, match="every stratum"):
        stratified_excess([5], [6], [0], 0, 9)


def test_the_bound_is_the_minimum_over_all_distributions_of_the_deviate():
    """Compare with all distributions of the squared deviate over two strata and the
    control, in steps of a hundredth.
    """
    tails = scipy.stats.norm.sf(
        scipy.stats.norm.isf(0.0125) * np.sqrt(np.arange(101) / 100)
    )
    first, second = (
        900 * scipy.stats.beta.ppf(tails, 9, 82),
        100 * scipy.stats.beta.ppf(tails, 20, 31),
    )
    chance = 1000 * scipy.stats.beta.isf(tails, 3, 138)
    least = min(
        first[a] + second[b] - chance[100 - a - b]
        for a, b in itertools.product(range(101), repeat=2)
        if a + b <= 100
    )
    found, start = stratified_excess([900, 100], [90, 50], [9, 20], 2, 140)
    assert start == 0
    assert found.low == pytest.approx(least, rel=0.01)
