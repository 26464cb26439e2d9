"""Test small examples of the statistics of a probe that were computed by hand."""

from __future__ import annotations

import numpy as np
import pytest
import scipy  # its parts are imported when they are first used

from provscan.errors import ParameterError
from provscan.probe.statistics import (
    Inference,
    cochran_armitage,
    detectable_share,
    paired_auc,
    paired_difference,
    paired_power,
    sign_flip,
    stratified_excess,
    unseen_texts,
)


def floats(*values: float) -> np.ndarray:
    return np.array(values, np.float64)


def test_an_inference_that_does_not_hold_has_no_numbers() -> None:
    held = Inference("method", "nothing", 1.0, 0.0, 2.0, 0.5)
    assert held.as_dict()["value"] == 1.0
    lost = Inference("method", "nothing", 1.0, 0.0, 2.0, 0.5, "too few").as_dict()
    assert [lost[name] for name in ("value", "low", "high", "p_value")] == [None] * 4


def test_differences_of_arms_by_hand() -> None:
    # 12 pairs for the first arm and none for the second: one-sided 2 ** -12.
    assert paired_difference(12, 0, 12).p_value == pytest.approx(2.0**-12)
    assert (paired_difference(12, 0, 12).value, paired_difference(12, 0, 12).high) == (
        1.0,
        1.0,
    )
    assert paired_difference(0, 12, 12).low == -1.0
    # The score test turns at z standard errors: without any hit z^2 / (n + z^2).
    z2 = scipy.stats.norm.ppf(0.975) ** 2
    for pairs in (1, 9):
        assert paired_difference(0, 0, pairs).high == pytest.approx(z2 / (pairs + z2))
    with pytest.raises(ParameterError, match="at most 3"):
        paired_difference(2, 2, 3)
    assert paired_difference(2, 1, 3).value == pytest.approx(1 / 3)
    # All six differences are positive: one of 2 ** 6 flips gives as much.
    assert sign_flip([1.0] * 6).p_value == pytest.approx(2.0**-6)
    assert sign_flip([1.0] * 6).invalid is None
    assert sign_flip([1.0] * 5 + [0.0]).invalid is not None
    assert sign_flip([3.0, -1.0] * 3).value == pytest.approx(1.0)
    # Rounded to parts of the largest one, however small; and the sums reach from -256
    # to 256.
    assert sign_flip([0.001] * 6).p_value == pytest.approx(2.0**-6)
    assert sign_flip([1.0, 0.28]).p_value == pytest.approx(0.25)


def test_power_by_hand() -> None:
    # Six pairs reject if all six differ for the first arm: 2 ** -6 is below 0.025, and
    # 2 ** -5 is not.
    assert paired_power(6, 0.5, 0.0) == pytest.approx(0.5**6)
    # Six or seven of seven, all of them for the first arm.
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
    # The share whose sixth power is 0.8, and none if the second arm has as much.
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
    # Each of the first arm is above i + 1 of the second: (1 + ... + 20) / 400.
    assert found.value == pytest.approx(210 / 400)
    # In pair i the placements are (i + 1) / 20 and 1 - (19 - i) / 20.
    error = np.std(2 * (np.arange(20) + 1) / 20, ddof=1) / np.sqrt(20)
    reach = scipy.stats.norm.ppf(0.975) * error
    assert (found.low, found.high) == (
        pytest.approx(210 / 400 - reach),
        pytest.approx(210 / 400 + reach),
    )
    # Far apart nothing scatters: half a pair is the least error.
    assert paired_auc(first + 99, second).low == pytest.approx(
        1 - scipy.stats.norm.ppf(0.975) * 0.5 / 20
    )
    assert paired_auc(first + 99, second).high == 1.0
    assert paired_auc(first[:19], second[:19]).invalid is not None


def test_trends_by_hand() -> None:
    # Doses 0 and 1, ten each: 1 and 6 hits. The slope is their difference.
    found = cochran_armitage([0, 1], [1, 6], [10, 10])
    assert found.value == pytest.approx(0.5)
    # Shares of (k + 1/2) / (n + 1) around the line, each half the spread from the mean.
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


def test_chao_by_hand() -> None:
    # 4 texts seen once, 1 twice, 1 thrice in 20 draws: 4 * 3 / (2 * 2) * 19 / 20 more.
    texts, mass = unseen_texts([1, 1, 1, 1, 2, 3], 20)
    new = 3 * 19 / 20
    assert texts.value == pytest.approx(6 + new)
    assert mass.value == pytest.approx(4 / 20)
    assert texts.invalid is None
    # Variance of Chao (1987): f2 (r^4 / 4 + r^3) and the number itself, with f2 + 1 for
    # f2, r = 4 / 2; log-normal.
    variance = new + 2 * (2**4 / 4 + 2**3)
    factor = np.exp(
        scipy.stats.norm.ppf(0.975) * np.sqrt(np.log(1 + variance / new**2))
    )
    assert texts.low == pytest.approx(6 + new / factor)
    assert unseen_texts([2, 3], 20)[0].low == unseen_texts([2, 3], 20)[0].value == 2
    assert unseen_texts([20], 20)[0].value == 1
    # Less than one more: 2 * 1 / (2 * 2) * 19 / 20.
    less = unseen_texts([1, 1, 2], 20)[0]
    assert less.value == pytest.approx(3 + 0.475)
    assert 3 < less.low < less.value
    assert unseen_texts([1], 1)[1].value == 1
    assert unseen_texts([], 0)[1].value == 0
    with pytest.raises(ParameterError, match="between 1 and"):
        unseen_texts([21], 20)


def test_a_population_that_was_asked_in_full_has_its_excess() -> None:
    found, first = stratified_excess([10, 4], [0, 4], [0, 4], 0, 10**9)
    # The first stratum was not asked; of the second all 4 are hits, at least 4 * 0.025
    # ** (1 / 4).
    assert (first, found.value) == (1, 4.0)
    assert found.low == pytest.approx(4 * 0.025**0.25, rel=1e-3)
    # Half of the error is for all three strata, the rest for the choice of a smaller
    # number of them.
    found, first = stratified_excess([4, 4, 4], [4, 4, 4], [0, 0, 4], 0, 10**9)
    assert (first, found.value) == (0, 4.0)
    assert found.low == pytest.approx(4 * 0.0125**0.25, rel=1e-3)
    assert stratified_excess([1], [1], [1], 0, 10**9)[0].value == pytest.approx(1)
    # Chance of a thousandth in two large strata hides the third, which has half of the
    # error with the second.
    found, first = stratified_excess(
        [10**9, 10**9, 4], [4, 4, 4], [0, 0, 4], 10**6, 10**9
    )
    assert first == 2
    assert found.low == pytest.approx(4 * 0.00625**0.25 - 4 * 0.001, rel=1e-3)
    for drawn, controls in ((0, 9), (5, 0)):
        found, first = stratified_excess([5], [drawn], [0], 0, controls)
        assert (found.invalid, first) == ("nothing was asked", 0)
    # 6 of 10 hits, 5 of 10 by chance.
    assert stratified_excess([100], [10], [6], 5, 10)[0].value == pytest.approx(10)
    for hits in (-1, 5):
        with pytest.raises(ParameterError, match="every stratum"):
            stratified_excess([4], [4], [hits], 0, 9)
