"""Test limits of counts against textbook formulas and simulations."""

import numpy as np
import pytest
import scipy
from hypothesis import given
from hypothesis import strategies as st

from provscan.errors import ParameterError
from provscan.estimate.limits import (
    Chance,
    Factor,
    clopper_pearson,
    clumped_limit,
    exactly,
    least_shown,
    minus_chance,
    negative_binomial_quantile,
    predict_chance,
    product,
    sharing_factor,
    thinned,
    total,
)


@given(st.integers(0, 50), st.integers(1, 50))
def test_clopper_pearson_is_the_exact_interval(k, n):
    k = min(k, n)
    low, high = clopper_pearson(k, n)
    reference = scipy.stats.binomtest(k, n).proportion_ci(0.95, "exact")
    assert (low, high) == pytest.approx((reference.low, reference.high))


def test_shares_out_of_range():
    with pytest.raises(ParameterError, match="0 <= k <= n"):
        clopper_pearson(3, 2)
    with pytest.raises(ParameterError, match="n > 0"):
        clopper_pearson(0, 0)


@given(st.floats(0.3, 200), st.floats(0.01, 300), st.sampled_from([0.025, 0.5, 0.975]))
def test_negative_binomial_quantiles_are_those_of_scipy(shape, mean, q):
    k = negative_binomial_quantile(q, shape, mean)
    below, at = scipy.stats.nbinom.cdf([k - 1, k], shape, shape / (shape + mean))
    assert below < q + 1e-9
    assert at > q - 1e-9


@given(st.integers(0, 30), st.sampled_from([0.3, 1.0, 2.0, 9.0]))
def test_chance_is_the_exact_conditional_test(control, ratio):
    """The upper limit is the largest number of licensed clusters that is compatible
    with equal rates (Przyborowski & Wilenski).
    """
    share = ratio / (1.0 + ratio)
    counts = np.arange(2000)
    kept = counts[scipy.stats.binom.sf(counts - 1, counts + control, share) > 0.025]
    chance = predict_chance(np.full(control, ratio), np.ones(control), ratio)
    assert chance.high == max(kept)
    assert chance.expected == pytest.approx(control * ratio)
    assert chance.low <= chance.expected <= chance.high


def test_large_clusters_widen_the_limits_of_chance():
    single = predict_chance(np.ones(30), np.ones(30), 1.0)
    clustered = predict_chance(np.ones(30), np.append(np.ones(28), [16.0, 16.0]), 1.0)
    assert clustered.high - clustered.expected > 2 * (single.high - single.expected)
    alone = predict_chance(np.ones(2), np.ones(2), 1.0)
    with_sizes = predict_chance(
        np.ones(2), np.ones(2), 1.0, licensed_sizes=np.array([1.0, 16.0])
    )
    assert with_sizes.high > alone.high


def test_a_control_without_matches_bounds_chance():
    chance = predict_chance(np.zeros(0), np.zeros(0), 9.0)
    assert (chance.expected, chance.low) == (0.0, 0.0)
    # 0.9 ** 35 is the last power above 0.025.
    assert chance.high == 35


@pytest.mark.parametrize(
    ("total", "share"), [(5, 0.5), (40, 0.9), (300, 0.7), (1000, 0.1)]
)
def test_limits_of_a_thinned_count_contain_the_total(total, share):
    found = np.random.default_rng(1).binomial(total, share, 2000)
    limits = {n: thinned(float(n), share) for n in np.unique(found).tolist()}
    right = np.array([limits[n][0] <= total <= limits[n][1] for n in found.tolist()])
    assert right.mean() >= 0.945
    assert thinned(3.0, 1.0) == (3.0, 3.0)
    assert thinned(40.0, share, effect=4.0)[1] > thinned(40.0, share)[1]


@pytest.mark.parametrize("share", [0.5, 0.86, 0.97])
def test_more_expected_chance_never_raises_a_lower_limit(share):
    recall = Factor(share, 0.9 * share, min(1.0, 1.1 * share))
    lows = [
        total(minus_chance(29.0, Chance(expected, 0.0, 23.0)), recall).low
        for expected in np.linspace(0.0, 22.0, 500)
    ]
    assert (np.diff(lows) < 0).all()


def test_products_add_distances_on_the_logarithmic_scale():
    result = product(Factor(2.0, 1.0, 4.0), Factor(3.0, 3.0, 3.0))
    assert (result.value, result.low, result.high) == pytest.approx((6.0, 3.0, 12.0))
    both = product(Factor(1.0, 0.5, 2.0), Factor(1.0, 0.5, 2.0))
    assert both.high == pytest.approx(2.0 ** np.sqrt(2.0))
    assert product(Factor(0.0, 0.0, 5.0), Factor(2.0, 1.0, 3.0)) == Factor(
        0.0, 0.0, 15.0
    )
    assert product(Factor(2.0, 0.0, 5.0)).low == 0.0


@pytest.mark.parametrize("things", [1, 2, 5])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_sharing_factor_of_units_with_equally_many_things(things, share):
    showing = 1000 * scipy.stats.binom.pmf(np.arange(things + 1), things, share)
    showing = (
        np.append(showing[:3], showing[3:].sum())
        if things > 2
        else np.append(showing, np.zeros(3 - things))
    )
    factor = sharing_factor(showing, share)
    assert factor.value == pytest.approx(1000 / (showing[1:].sum() / share))
    assert share <= factor.low <= factor.value <= factor.high == 1.0


def test_sharing_factor_of_other_units():
    assert sharing_factor(np.array([0, 0, 0, 7]), 0.5).value == 0.5
    assert sharing_factor(np.zeros(4, np.int64), 0.5) == exactly(1.0)
    # Half of the units contain one thing, the others four: the value is a lower bound.
    showing = 500 * (
        scipy.stats.binom.pmf(np.arange(5), 1, 0.5)
        + scipy.stats.binom.pmf(np.arange(5), 4, 0.5)
    )
    factor = sharing_factor(np.append(showing[:3], showing[3:].sum()), 0.5)
    assert 0.9 < factor.value * showing[1:].sum() / 0.5 / 1000 < 1.0


def test_limits_of_chance_with_very_unequal_sizes_contain_it():
    rng = np.random.default_rng(3)
    within = []
    for _ in range(400):
        sizes = [
            np.minimum(rng.pareto(1.0, rng.poisson(15)) + 1, 300).round()
            for _ in range(2)
        ]
        like = np.append(sizes[1], rng.choice([1.0, 1.0, 1.0, 2.0, 3.0], 300))
        within.append(
            sizes[1].sum()
            <= predict_chance(np.ones(len(sizes[0])), sizes[0], 1.0, like).high
        )
    assert np.mean(within) >= 0.975


def test_limits_of_groups_scale_with_sizes_and_grow_with_the_effect():
    weights, sizes = np.array([1.0, 3.0, 2.0]), np.array([1.0, 1.0, 4.0])
    limits = [clumped_limit(weights, sizes, 3.0, effect) for effect in (1.0, 2.0, 5.0)]
    assert limits[0] < limits[1] < limits[2]
    ones = np.ones(5)
    alone = predict_chance(3 * ones, ones, 3.0).high
    assert clumped_limit(3 * ones, ones, 3.0, 1.0) == pytest.approx(alone)
    assert clumped_limit(weights, 7 * sizes, 3.0, 2.0) == pytest.approx(7 * limits[1])


def test_the_least_that_is_shown_is_one_more_than_chance_may_be():
    # Without a match of the control, each further cluster is half as probable.
    assert [least_shown(1.0, 2.0**-n * 0.99) for n in (1, 5, 7)] == [2, 6, 8]


def test_chance_explains_at_most_its_limit_and_thrice_what_is_expected():
    chance = Chance(2.0, 0.0, 5.0)
    assert [chance.explains(found) for found in (4.9, 5.0, 5.1)] == [True, True, False]
    assert [Chance(2.0, 0.0, 9.0).explains(n) for n in (6.0, 6.1)] == [True, False]
