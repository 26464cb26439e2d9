"""Recall of a mixture of edits that nobody knows."""

from __future__ import annotations

import numpy as np
import pytest

from provscan.estimate import Planted, Strata, divide, q_values, rarefied, recall_of, years_apart

# Classes of damage of the copies of three edits, and how many of a class are found.
EDITS = {"light": [0.9, 0.1, 0.0, 0.0], "typos": [0.1, 0.5, 0.3, 0.1], "halves": [0.0, 0.0, 0.4, 0.6]}
FOUND = np.array([0.99, 0.95, 0.7, 0.1])


def planted(rng: np.random.Generator, each: int = 200) -> Planted:
    edit = np.repeat(list(EDITS), each)
    damage = np.concatenate([rng.choice(4, each, p=shares) for shares in EDITS.values()])
    return Planted(edit, np.zeros(len(edit), np.int64), damage, rng.random(len(edit)) < FOUND[damage])


@pytest.mark.parametrize("mixture", [[1.0, 0.0, 0.0], [0.5, 0.5, 0.0], [0.4, 0.3, 0.3]])
def test_the_mixture_is_estimated_and_its_limits_hold(mixture: list[float]) -> None:
    held, values, truths = [], [], []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        shares = np.array(mixture) @ np.array(list(EDITS.values()))
        copies = rng.multinomial(800, shares)
        seen = rng.binomial(copies, FOUND)
        recall = recall_of(planted(rng), seen.astype(float), np.array([float(seen.sum())]))
        assert recall is not None
        truth = seen.sum() / 800
        held.append(recall.low <= truth <= recall.high)
        values.append(recall.value)
        truths.append(truth)
    assert np.mean(held) >= 0.9
    assert np.mean(values) == pytest.approx(np.mean(truths), abs=0.04)


def test_what_is_hidden_is_seen_from_the_edits() -> None:
    rng = np.random.default_rng(1)
    seen = {}
    for name, shares in EDITS.items():
        shown = np.random.default_rng(2).binomial((np.array(shares) * 1000).astype(int), FOUND).astype(float)
        recall = recall_of(planted(rng), shown, np.array([shown.sum()]))
        assert recall is not None
        seen[name] = recall
    assert seen["light"].hidden < 0.02 < 0.3 < seen["halves"].hidden
    assert max(seen["halves"].mixture, key=seen["halves"].mixture.__getitem__) == "halves"


def test_nothing_found_is_no_recall() -> None:
    lost = Planted(np.array(["a", "b"]), np.zeros(2, np.int64), np.zeros(2, np.int64), np.zeros(2, np.bool_))
    assert recall_of(lost, np.zeros(4), np.zeros(1)) is None


def test_strata_without_enough_control_are_not_measured() -> None:
    licensed = np.array([[5000.0, 5000.0], [900.0, 0.0], [0.0, 0.0]])
    control = np.array([[1000.0, 500.0], [2.0, 0.0], [10.0, 0.0]])
    strata: Strata = divide(["latin", "thai", "greek"], [0, 40], licensed, control)
    assert strata.names == ["latin, from 0 characters", "latin, from 40 characters", "thai", "greek"]
    assert strata.weights[:3].tolist() == [5, 10, 0]
    assert strata.measured.tolist()[:3] == [True, True, False]
    assert [row["stratum"] for row in strata.as_list()] == strata.names


def test_smaller_datasets_see_fewer_bunches() -> None:
    assert rarefied(np.array([1.0, 3.0]), 2.0).tolist() == [2, 2]
    assert rarefied(np.array([1.0, 2.0]), 0.5).tolist() == [0.5, 0.75]


def test_years_against_years() -> None:
    years = np.array([2015, 2016, 2017, 2018])
    sizes = np.array([100, 100, 100, 100])
    even = years_apart(years, np.array([5, 5, 5, 5]), sizes)
    assert even is not None
    assert even["split"] == 2017
    assert even["low"] < 1 < even["high"]
    drift = years_apart(years, np.array([20, 20, 2, 1]), sizes)
    assert drift is not None
    assert drift["low"] > 1
    assert years_apart(years[:1], np.array([5]), sizes[:1]) is None


def test_q_values_count_bunches() -> None:
    q = q_values([10.0, 5.0, 1.0], np.arange(1.0, 101.0), [3.0, 2.0], [2.0, 2.0])
    assert q == pytest.approx([2 / 96, 2 / 96, 6 / 100])
    assert q_values([1.0], [1.0], [], 9.0)[0] == 1.0
