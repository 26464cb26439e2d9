"""Recall of other copies than were planted, draws that are made once, and bounds without replacement."""

from __future__ import annotations

import numpy as np
import pytest

from provscan.errors import ParameterError
from provscan.estimate import SpikeIns, Stratified, TwoWays, chao1
from provscan.estimate.recall import Drawn


def one_class(found: int, planted: int) -> Stratified:
    """All copies look alike."""
    return Stratified(np.array([float(planted)]), np.array([float(found)]), np.array([100.0]))


def banded(matches: list[float], amounts: list[float] | None = None) -> TwoWays:
    """Half of the short spike-ins come back and nine tenths of the long ones."""
    sizes = None if amounts is None else np.array(amounts)
    bands = Stratified(np.array([500.0, 500.0]), np.array([250.0, 450.0]), np.array(matches), sizes, 0.0)
    return TwoWays(one_class(700, 1000), bands)


def test_recall_follows_the_lengths_of_what_was_found() -> None:
    assert banded([250_000, 450_000]).value == pytest.approx(0.7, abs=0.005)
    assert banded([0, 1_000_000]).value == pytest.approx(0.9, abs=0.005)
    assert banded([1_000_000, 0]).value == pytest.approx(0.5, abs=0.005)
    half = 1 / (0.5 / 0.5 + 0.5 / 0.9)
    assert banded([1_000_000, 1_000_000]).value == pytest.approx(half, abs=0.005)


def test_without_a_match_recall_is_that_of_the_spike_ins() -> None:
    assert banded([0, 0]).value == pytest.approx(0.7, abs=0.005)


def test_amounts_weigh() -> None:
    weighed = banded([1000, 1000], [10_000, 1_000_000])
    assert weighed.value == pytest.approx(101 / (1 / 0.5 + 100 / 0.9), abs=0.005)
    assert banded([1000, 1000], [5000, 5000]).value == pytest.approx(banded([1000, 1000]).value, abs=0.001)


def test_draws_scatter_about_the_value() -> None:
    recall = banded([300, 900])
    draws = recall.draw(np.random.default_rng(1), 4000)
    assert np.median(draws) == pytest.approx(recall.value, abs=0.01)
    assert 0.005 < draws.std() < 0.06
    assert ((draws > 0) & (draws <= 1)).all()


def test_nothing_found_is_no_recall() -> None:
    nothing = Stratified(np.array([100.0]), np.array([0.0]), np.array([0.0]))
    assert nothing.value == 0
    assert TwoWays(nothing, nothing).value == 0


def test_two_ways_multiply_odds() -> None:
    """Of looks that lose half and of lengths that lose half, four fifths are lost where a fifth of all is: 1 / 0.25."""
    way = Stratified(np.array([4000.0, 1000.0]), np.array([3500.0, 500.0]), np.array([0.0, 1e7]))
    assert way.value == pytest.approx(0.5, abs=0.001)
    assert TwoWays(way, way).value == pytest.approx(0.2, abs=0.001)


def test_a_class_of_few_is_mostly_like_the_rest() -> None:
    few = Stratified(np.array([9999.0, 1.0]), np.array([8999.0, 1.0]), np.array([0.0, 1e6]))
    assert few.value == pytest.approx((1 + 2 * 0.9) / 3, abs=0.001)
    draws = few.draw(np.random.default_rng(2), 4000)
    assert np.quantile(draws, 0.025) < 0.6


def test_draws_made_once_are_the_same_ones() -> None:
    recall = SpikeIns(90, 100)
    drawn = Drawn(recall, 3, 500)
    assert (drawn.planted, drawn.found, drawn.value) == (100, 90, 0.9)
    first = drawn.draw(np.random.default_rng(1), 500)
    second = drawn.draw(np.random.default_rng(2), 500)
    assert sorted(first) == sorted(second)
    assert set(drawn.draw(np.random.default_rng(3), 50)) <= set(first)


def test_a_bound_without_replacement() -> None:
    """Texts that stand once in the whole are all found once: the sample's share tells how many there are."""
    bound = chao1([1] * 300, fraction=0.1)
    assert bound.kind == "lower_bound"
    assert bound.value == pytest.approx(3000)
    assert bound.low is not None
    assert bound.high is not None
    assert 300 < bound.low < 3000 < bound.high
    # S + f1 ** 2 / (2 f2 n / (n - 1) + f1 q / (1 - q)) by hand: f1 = 2, f2 = 1, n = 4, q = 1/2.
    assert chao1([1, 1, 2], fraction=0.5).value == pytest.approx(3 + 4 / (2 * 4 / 3 + 2))
    assert chao1([2, 2], fraction=0.5).value == 2
    with pytest.raises(ParameterError, match="at least 0 and below 1"):
        chao1([1], fraction=1.0)


def test_the_bound_bounds() -> None:
    """Half of the texts once, half five times, a fifth of the copies seen."""
    rng = np.random.default_rng(5)
    copies = np.repeat(np.arange(2000), np.repeat([1, 5], 1000))
    values = []
    for _ in range(30):
        _, counts = np.unique(rng.permutation(copies)[: len(copies) // 5], return_counts=True)
        values.append(chao1(counts, fraction=0.2).value)
    assert 1200 < np.mean([value for value in values if value is not None]) <= 2000
