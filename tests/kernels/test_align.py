"""Test the extension of edited edges against plain edit distance."""

import naive_passages as naive
import numpy as np
import pytest
from compiled import compiled
from hypothesis import assume, given
from hypothesis import strategies as st

from provscan.kernels.search.align import BAND, Edge, new_costs
from provscan.kernels.search.align import aligned_end as helper

pytestmark = pytest.mark.kernels
aligned_end = compiled(helper)
WORDS = st.text("ab ", max_size=14)


def reach(text, other, step=1):
    if step < 0:
        text, other = text[::-1], other[::-1]
    a = np.array([*map(ord, text), 0], np.uint32)
    b = np.array([*map(ord, other), 0], np.uint32)
    at, place = (0, 0) if step > 0 else (len(text) - 1, len(other) - 1)
    return int(
        aligned_end(a, b, Edge(at, place, step), len(text), len(other), new_costs())
    )


@given(WORDS.filter(bool), WORDS, st.sampled_from([1, -1]))
def test_an_aligned_edge_is_the_prefix_with_the_least_distance(text, other, step):
    assume(abs(len(text) - len(other)) <= BAND)
    costs = naive.edit_costs(text, other)
    inside = range(max(0, len(text) - BAND), min(len(other), len(text) + BAND) + 1)
    best = min(costs[j] for j in inside)
    nearest = {j for j in inside if costs[j] == best}
    nearest = {
        j
        for j in nearest
        if abs(j - len(text)) == min(abs(i - len(text)) for i in nearest)
    }
    found = reach(text, other, step)
    if best * 10 <= len(text) * 6:
        assert found in nearest
    elif best * 10 > len(text) * 8:
        assert found == 0
    elif found:
        outermost = text.rpartition(" ")[2]
        assert found in nearest
        assert other[:found].endswith(outermost)


@pytest.mark.parametrize("step", [1, -1])
def test_examples(step):
    assert reach("and more", "and more of it", step) == 8
    assert reach("and more", "amd moore of", step) == 9
    assert reach("and more", "something", step) == 0
    assert reach("and more", "", step) == 0
    assert reach("abcdefgh word", "xyzxyzxx word", step) == 13, (
        "two thirds changed, the last word is there"
    )
    assert reach("abcdefgh word", "xyzxyzxx worx", step) == 0
