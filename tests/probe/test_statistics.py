"""Test the statistics of a probe with small examples that were computed by hand."""

import pytest
import scipy  # Its modules are imported when they are first used.

from provscan.errors import ParameterError
from provscan.probe.statistics import (
    Inference,
    paired_difference,
    stratified_excess,
)


def test_an_invalid_inference_has_no_numbers():
    held = Inference("method", "nothing", 1.0, 0.0, 2.0, 0.5)
    assert held.as_dict()["value"] == 1.0
    lost = Inference("method", "nothing", 1.0, 0.0, 2.0, 0.5, "too few").as_dict()
    assert [lost[name] for name in ("value", "low", "high", "p_value")] == [None] * 4


def test_differences_of_arms_by_hand():
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


def test_excess_of_strata_by_hand():
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
