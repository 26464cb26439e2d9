import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from provscan.errors import ParameterError
from provscan.estimate import Estimate, clopper_pearson, korn_graubard, proportion, ratio, zero_upper


@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), st.sampled_from([0.9, 0.95]))
def test_clopper_pearson_is_the_exact_binomial_interval(counts, level):
    k, n = counts
    exact = binomtest(k, n).proportion_ci(level, method="exact")
    assert clopper_pearson(k, n, level) == pytest.approx((exact.low, exact.high), abs=1e-9)


def test_zero_of_n_is_bounded_exactly():
    assert zero_upper(300) == pytest.approx(1 - 0.05 ** (1 / 300))
    assert (1 - zero_upper(300)) ** 300 == pytest.approx(0.05)
    assert zero_upper(300) < 3 / 300


def test_no_trials_give_no_share():
    estimate = proportion(0, 0)
    assert not estimate.valid
    assert estimate.value is None
    assert "nothing was tried" in estimate.reason


def test_ratio_follows_cochran():
    hits, sizes = np.array([1.0, 5.0, 0.0, 4.0]), np.array([10.0, 20.0, 10.0, 10.0])
    sample = ratio(hits, sizes, fraction=0.5)
    residual = hits - 0.2 * sizes
    assert sample.share == pytest.approx(0.2)
    assert sample.variance == pytest.approx(0.5 * 4 / 3 * (residual @ residual) / 2500)
    assert sample.design_effect == pytest.approx(sample.variance / (0.2 * 0.8 / 50))
    assert sample.hit == 3


def test_clusters_of_one_are_a_simple_sample():
    rng = np.random.default_rng(1)
    hits = (rng.random(4000) < 0.1).astype(float)
    estimate = korn_graubard(ratio(hits, np.ones(4000)))
    assert (estimate.low, estimate.high) == pytest.approx(clopper_pearson(hits.sum(), 4000), rel=0.02)


def test_alike_clusters_widen_the_interval():
    hits = np.array([0.0, 100.0] * 10)
    estimate = korn_graubard(ratio(hits, np.full(20, 100.0)))
    assert estimate.raw["effective_size"] <= 20
    assert estimate.high - estimate.low > 0.4


def test_zero_hits_in_clusters_count_clusters_not_records():
    estimate = korn_graubard(ratio(np.zeros(10), np.full(10, 1000.0)))
    assert estimate.low == 0
    assert estimate.high == pytest.approx(clopper_pearson(0, 10)[1])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: clopper_pearson(3, 2), "0 <= k <= n"),
        (lambda: zero_upper(0), "n > 0"),
        (lambda: ratio([1.0], [2.0]), "at least 2"),
        (lambda: ratio([3.0, 1.0], [2.0, 2.0]), "0 <= hits <= size"),
        (lambda: ratio([1.0, 1.0], [2.0]), "one shape"),
        (lambda: Estimate(2.0, 0.0, 1.0), "in its interval"),
        (lambda: Estimate(None, None, None), "withhold it"),
        (lambda: Estimate(1.0, None, None, valid=False, reason="x"), "carries no value"),
        (lambda: Estimate(None, None, None, valid=False), "must say why"),
        (lambda: Estimate(1.0, 0.0, 2.0).scaled(math.inf), "finite"),
    ],
)
def test_errors_say_what_was_found(call, message):
    with pytest.raises(ParameterError, match=message):
        call()


def test_estimate_as_dict_is_plain():
    assert Estimate(1.0, 0.5, 2.0, method="m", raw={"k": 1}).scaled(2).as_dict() == {
        "value": 2.0,
        "low": 1.0,
        "high": 4.0,
        "level": 0.95,
        "valid": True,
        "reason": None,
        "method": "m",
        "kind": "estimate",
        "raw": {"k": 1},
    }
