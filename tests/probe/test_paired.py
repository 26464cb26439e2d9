"""Test statistics of two matched arms against exact counts, scipy and simulation."""

import numpy as np
import pytest
import scipy  # Its modules are imported when they are first used.
from hypothesis import example, given
from hypothesis import strategies as st

from provscan.errors import ParameterError
from provscan.probe.statistics import (
    detectable_share,
    mcnemar,
    paired_difference,
    paired_power,
)


@given(st.integers(0, 60), st.integers(0, 60))
@example(1, 4)
@example(0, 0)
def test_mcnemar_is_the_binomial_test(b, c):
    expected = (
        scipy.stats.binomtest(b, b + c, alternative="greater").pvalue if b + c else 1.0
    )
    assert mcnemar(b, c) == pytest.approx(expected)


def test_at_the_limits_the_score_is_the_critical_value():
    """The test maximises the likelihood over the nuisance share instead of using the
    closed form.
    """
    b, c, n = 12, 2, 44
    for delta in (limits := paired_difference(b, c, n)).low, limits.high:
        q = np.linspace(max(0.0, -delta), (1 - delta) / 2, 400_003)[1:-1]
        best = q[
            np.argmax(
                b * np.log(q + delta)
                + c * np.log(q)
                + (n - b - c) * np.log(1 - 2 * q - delta)
            )
        ]
        z = (b - c - n * delta) / np.sqrt(n * (2 * best + delta - delta**2))
        assert abs(z) == pytest.approx(scipy.stats.norm.ppf(0.975), abs=1e-3)
    none = paired_difference(0, 0, 54)
    z2 = scipy.stats.norm.ppf(0.975) ** 2
    assert (none.low, none.high) == (
        pytest.approx(-z2 / (54 + z2)),
        pytest.approx(z2 / (54 + z2)),
    )


@given(st.integers(0, 30), st.integers(0, 30), st.integers(0, 30))
@example(1, 0, 0)
@example(0, 0, 0)
def test_the_interval_contains_the_difference_and_is_mirrored_with_the_arms(b, c, rest):
    pairs = b + c + rest
    if pairs == 0:
        with pytest.raises(ParameterError, match="pairs with one hit"):
            paired_difference(b, c, pairs)
        return
    found, turned = paired_difference(b, c, pairs), paired_difference(c, b, pairs)
    assert -1 <= found.low <= found.value <= found.high <= 1
    assert (turned.low, turned.high) == (
        pytest.approx(-found.high, abs=1e-6),
        pytest.approx(-found.low, abs=1e-6),
    )


@pytest.mark.parametrize(
    ("pairs", "first", "second"),
    [(60, 0.15, 0.0), (200, 0.08, 0.02), (400, 0.05, 0.05)],
)
def test_computed_power_agrees_with_a_simulation(pairs, first, second):
    rng = np.random.default_rng(1)
    a, b = rng.random((4000, pairs)) < first, rng.random((4000, pairs)) < second
    only = zip(
        (a & ~b).sum(axis=1).tolist(), (b & ~a).sum(axis=1).tolist(), strict=True
    )
    realised = np.mean([mcnemar(*counts) <= 0.025 for counts in only])
    assert paired_power(pairs, first, second) == pytest.approx(realised, abs=0.025)


def test_the_detectable_share_is_detected_with_the_required_power():
    share = detectable_share(200, 0.01)
    assert paired_power(200, share, 0.01) == pytest.approx(0.8, abs=0.002)
    assert detectable_share(4, 0.0) is None
    for shares in ((1.5, 0.0), (0.0, 1.5)):
        with pytest.raises(ParameterError, match="between 0 and 1"):
            paired_power(10, *shares)
    for counts in ((-1, 3), (3, -1)):
        with pytest.raises(ParameterError, match="0 or more"):
            mcnemar(*counts)


@pytest.mark.parametrize(
    ("first", "second"), [(0.3, 0.02), (0.05, 0.05), (0.02, 0.0), (0.9, 0.01)]
)
def test_intervals_of_differences_contain_the_truth(first, second):
    rng = np.random.default_rng(2)
    a, b = rng.random((800, 150)) < first, rng.random((800, 150)) < second
    covered = [
        found.low <= first - second <= found.high
        for x, y in zip(a, b, strict=True)
        if (found := paired_difference(int((x & ~y).sum()), int((y & ~x).sum()), 150))
    ]
    assert 0.93 <= np.mean(covered) <= 0.99
