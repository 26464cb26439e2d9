"""Test the numbers that are computed from the verdicts of reviewers."""

import numpy as np
import pytest

from provscan.errors import ParameterError
from provscan.estimate import clopper_pearson
from provscan.estimate.limits import Factor
from provscan.handover.agreement import cohen_kappa, corrected_share, stratified_share


def test_kappa_is_that_of_the_textbook():
    # Cohen 1960, table 1: 200 cases in three categories.
    table = np.array([[88, 14, 18], [10, 40, 10], [2, 6, 12]])
    kappa = cohen_kappa(table)
    assert kappa is not None
    assert kappa.value == pytest.approx(0.4915, abs=1e-4)
    assert kappa.low < kappa.value < kappa.high < 1


def test_kappa_of_perfect_agreement_has_an_interval():
    kappa = cohen_kappa(np.diag([20, 20, 0]))
    assert kappa is not None
    low, _ = clopper_pearson(40, 40)
    assert (kappa.value, kappa.high) == (1, 1)
    assert kappa.low == pytest.approx((low - 0.5) / 0.5)


def test_kappa_is_not_defined_without_two_verdicts():
    assert cohen_kappa(np.zeros((3, 3), np.int64)) is None
    assert cohen_kappa(np.diag([9, 0, 0])) is None


def test_intervals_of_kappa_cover_the_truth():
    rng = np.random.default_rng(3)
    shares = np.array([[0.6, 0.04, 0.02], [0.05, 0.2, 0.01], [0.02, 0.01, 0.05]])
    expected = float(shares.sum(0) @ shares.sum(1))
    truth = (np.trace(shares) - expected) / (1 - expected)
    covered = 0
    for _ in range(400):
        table = rng.multinomial(120, shares.ravel()).reshape(3, 3)
        kappa = cohen_kappa(table)
        assert kappa is not None
        covered += kappa.low <= truth <= kappa.high
    assert covered >= 0.93 * 400


def ints(*values):
    return np.array(values, np.int64)


def test_a_share_of_equal_weights_has_the_exact_poisson_limits():
    from scipy.stats import chi2

    share = stratified_share(ints(48, 49), ints(50, 50), ints(700, 700))
    assert 1 - share.high == pytest.approx(chi2.ppf(0.025, 2 * 3) / 2 / 100)
    assert 1 - share.low == pytest.approx(chi2.ppf(0.975, 2 * 4) / 2 / 100)
    mirrored = stratified_share(ints(2, 1), ints(50, 50), ints(700, 700))
    assert mirrored.low == pytest.approx(1 - share.high)
    assert mirrored.high == pytest.approx(1 - share.low)


def test_a_share_needs_every_stratum():
    with pytest.raises(ParameterError, match="one has none"):
        stratified_share(ints(1, 0), ints(5, 0), ints(9, 9))
    with pytest.raises(ParameterError, match="one has none"):
        stratified_share(ints(0), ints(0), ints(0))


def test_the_correction_inverts_the_errors():
    accepted = 0.8 * 0.9 + 0.2 * 0.1
    share = Factor(accepted, accepted - 0.05, accepted + 0.05)
    corrected = corrected_share(share, (90, 100), (10, 100))
    assert corrected is not None
    assert corrected.value == pytest.approx(0.8)
    assert corrected.low < 0.8 - 0.05 / 0.8
    assert corrected.high > 0.8 + 0.05 / 0.8
