"""Test the statistics of a probe with small examples that were computed by hand."""

from __future__ import annotations

import numpy as np
import pytest
import scipy  # Its modules are imported when they are first used.

from provscan.errors import ParameterError
from provscan.probe.statistics import (
    Inference,
    cochran_armitage,
    detectable_share,
    paired_auc,
    paired_difference,
    paired_power,
    stratified_excess,
)


def floats(*values: float) -> np.ndarray:
    return np.array(values, np.float64)


def test_an_invalid_inference_has_no_numbers() -> None:
    held = Inference("method", "nothing", 1.0, 0.0, 2.0, 0.5)
    assert held.as_dict()["value"] == 1.0
    lost = Inference("method", "nothing", 1.0, 0.0, 2.0, 0.5, "too few").as_dict()
    assert [lost[name] for name in ("value", "low", "high", "p_value")] == [None] * 4


def test_differences_of_arms_by_hand() -> None:
    # With 12 hits only in the first arm and none only in the second, p is 2 ** -12.
    assert paired_difference(12, 0, 12).p_value == pytest.approx(2.0**-12)
    assert (paired_difference(12, 0, 12).value, paired_difference(12, 0, 12).high) == (
        1.0,
        1.0,
    )
    assert paired_difference(0, 12, 12).low == -1.0
    # Without any hit, the upper limit is z^2 / (n + z^2).
    z2 = scipy.stats.norm.ppf(0.975) ** 2
    for pairs in (1, 9):
        assert paired_difference(0, 0, pairs).high == pytest.approx(z2 / (pairs + z2))
    with pytest.raises(ParameterError, match="at most 3"):
        paired_difference(2, 2, 3)
    assert paired_difference(2, 1, 3).value == pytest.approx(1 / 3)


def test_power_by_hand() -> None:
    # The test of six pairs rejects only if all six have a hit only in the first arm,
    # since 2 ** -6 is below 0.025, and 2 ** -5 is not.
    assert paired_power(6, 0.5, 0.0) == pytest.approx(0.5**6)
    # With seven pairs, the test rejects if six or seven have a hit only in the first
    # arm, and none only in the second.
    assert paired_power(7, 0.5, 0.0) == pytest.approx(8 / 2**7)
    assert paired_power(5, 1.0, 0.0) == 0.0
    assert (
        paired_power(5, 1.0, 0.0, alpha=0.05)
        == paired_power(5, 1.0, 0.0, alpha=2.0**-5)
        == 1.0
    )
    assert (
        paired_power(0, 1.0, 0.0),
        paired_power(9, 0.0, 0.0),
        paired_power(9, 1.0, 1.0),
    ) == (0, 0, 0)
    # The detectable share of six pairs is the sixth root of the power. There is none if
    # the second arm has a hit in half of the pairs.
    assert detectable_share(6, 0.0) == pytest.approx(0.8 ** (1 / 6), abs=2e-4)
    assert detectable_share(6, 0.0, power=0.5) == pytest.approx(
        0.5 ** (1 / 6), abs=2e-4
    )
    assert detectable_share(6, 0.5) is None
    assert detectable_share(6, 0.0, power=paired_power(6, 1.0, 0.0)) == pytest.approx(
        1.0
    )


def test_areas_by_hand() -> None:
    first, second = np.arange(20.0) + 0.5, np.arange(20.0)[::-1]
    found = paired_auc(first, second)
    # Score i of the first arm is above i + 1 of the second: (1 + ... + 20) / 400.
    assert found.value == pytest.approx(210 / 400)
    # In pair i the placements are (i + 1) / 20 and 1 - (19 - i) / 20.
    error = np.std(2 * (np.arange(20) + 1) / 20, ddof=1) / np.sqrt(20)
    reach = scipy.stats.norm.ppf(0.975) * error
    assert (found.low, found.high) == (
        pytest.approx(210 / 400 - reach),
        pytest.approx(210 / 400 + reach),
    )
    # If the arms are far apart, the error has its minimum, half a pair.
    assert paired_auc(first + 99, second).low == pytest.approx(
        1 - scipy.stats.norm.ppf(0.975) * 0.5 / 20
    )
    assert paired_auc(first + 99, second).high == 1.0
    assert paired_auc(first[:19], second[:19]).invalid is not None


def test_trends_by_hand() -> None:
    # There are 1 and 6 hits among ten members each. The slope is the difference of the
    # shares.
    found = cochran_armitage([0, 1], [1, 6], [10, 10])
    assert found.value == pytest.approx(0.5)
    # The error is computed from shares of (k + 1/2) / (n + 1). Each dose is 0.5 from
    # the mean.
    each = np.array([1.5, 6.5]) / 11
    reach = (
        scipy.stats.norm.ppf(0.975) * np.sqrt((10 * 0.25 * each * (1 - each)).sum()) / 5
    )
    assert (found.low, found.high) == (
        pytest.approx(0.5 - reach),
        pytest.approx(0.5 + reach),
    )
    assert cochran_armitage([0, 1], [0, 5], [10, 10]).invalid is None
    assert (
        cochran_armitage([0, 1], [10, 6], [10, 10]).invalid
        == "16 of 20 are recited, and a trend needs 5 that are and 5 that are not"
    )
    assert cochran_armitage([0, 1], [0, 0], [0, 0]).invalid is not None
    with pytest.raises(ParameterError, match="as many doses"):
        cochran_armitage([0, 1], [1], [2, 2])


def test_excess_of_strata_by_hand() -> None:
    found, first = stratified_excess([10, 4], [0, 4], [0, 4], 0, 10**9)
    # No member of the first stratum was drawn. All 4 members of the second are hits, so
    # the limit is 4 * 0.025 ** (1 / 4).
    assert (first, found.value) == (1, 4.0)
    assert found.low == pytest.approx(4 * 0.025**0.25, rel=1e-3)
    # Half of the error probability is allotted to the bound for all three strata.
    found, first = stratified_excess([4, 4, 4], [4, 4, 4], [0, 0, 4], 0, 10**9)
    assert (first, found.value) == (0, 4.0)
    assert found.low == pytest.approx(4 * 0.0125**0.25, rel=1e-3)
    assert stratified_excess([1], [1], [1], 0, 10**9)[0].value == pytest.approx(1)
    # With two large strata and a chance of 0.001, the best bound is that of the third
    # stratum alone. It has a quarter of the error probability.
    found, first = stratified_excess(
        [10**9, 10**9, 4], [4, 4, 4], [0, 0, 4], 10**6, 10**9
    )
    assert first == 2
    assert found.low == pytest.approx(4 * 0.00625**0.25 - 4 * 0.001, rel=1e-3)
    for drawn, controls in ((0, 9), (5, 0)):
        found, first = stratified_excess([5], [drawn], [0], 0, controls)
        assert (found.invalid, first) == ("nothing was asked", 0)
    # Of 10 members, 6 are hits, of which chance explains 5.
    assert stratified_excess([100], [10], [6], 5, 10)[0].value == pytest.approx(10)
    for hits in (-1, 5):
        with pytest.raises(ParameterError, match="every stratum"):
            stratified_excess([4], [4], [hits], 0, 9)
