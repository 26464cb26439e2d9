"""Test that clusters are the connected components of texts that share bands."""

from __future__ import annotations

import random

import numpy as np
import pytest

from provscan.scoring.clusters import components, connected


def by_search(groups: list[list[int]]) -> list[int]:
    """Return the components, found by a search from each row without one."""
    found = [-1] * len(groups)
    for start in range(len(groups)):
        if found[start] >= 0:
            continue
        number, waiting = max(found) + 1, [start]
        while waiting:
            row = waiting.pop()
            if found[row] < 0:
                found[row] = number
                waiting += [
                    other
                    for other, shared in enumerate(groups)
                    if set(shared) & set(groups[row])
                ]
    return found


@pytest.mark.parametrize("seed", range(12))
def test_components_are_those_of_a_search(seed: int) -> None:
    rng = random.Random(seed)
    rows, width = rng.randrange(1, 60), rng.randrange(1, 4)
    drawn = [[rng.randrange(rows * width) for _ in range(width)] for _ in range(rows)]
    known = {
        group: number
        for number, group in enumerate(
            sorted({group for row in drawn for group in row})
        )
    }
    groups = [[known[group] for group in row] for row in drawn]
    assert components(np.array(groups)).tolist() == by_search(groups)


@pytest.mark.parametrize("seed", range(12))
def test_connecting_one_group_at_a_time_gives_the_same_components(seed: int) -> None:
    rng = np.random.default_rng(seed)
    rows, width = rng.integers(1, 60), rng.integers(1, 5)
    groups = rng.integers(0, rows * 2, (rows, width)) * width + np.arange(width)
    label = np.arange(rows)
    for column in groups.T:
        label = connected(label, column.astype(np.uint64))
    assert np.unique(label, return_inverse=True)[1].tolist() == by_search(
        groups.tolist()
    )
    assert all(label[first] == first for first in label)


def test_a_long_chain_is_one_component() -> None:
    rows = 5000
    order = np.random.default_rng(1).permutation(rows)
    groups = np.empty((rows, 2), np.int64)
    groups[order] = np.stack([np.arange(rows), np.arange(1, rows + 1)], axis=1)
    assert components(groups).tolist() == [0] * rows
