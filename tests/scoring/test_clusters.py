"""Test that clusters are connected components of the texts that share bands."""

import numpy as np
import pytest

from provscan.scoring.clusters import connected


def by_search(groups):
    """Return the components, found by a search from each row that has none yet."""
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
                    for other, keys in enumerate(groups)
                    if set(keys) & set(groups[row])
                ]
    return found


@pytest.mark.parametrize("seed", range(12))
def test_clusters_are_those_of_a_search(seed):
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


def test_a_long_chain_is_one_cluster():
    rows = 5000
    order = np.random.default_rng(1).permutation(rows)
    label = np.arange(rows)
    for first in (0, 1):
        keys = np.empty(rows, np.uint64)
        keys[order] = (np.arange(rows) + first) // 2
        label = connected(label, keys)
    assert label.tolist() == [0] * rows
