"""Filters of keys, against sets."""

import naive_passages as naive
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from provscan.kernels import filters

pytestmark = pytest.mark.kernels

KEYS = st.lists(st.integers(0, 2**32 - 1), max_size=50)


@given(KEYS, KEYS, st.integers(2, 12))
def test_a_filter_holds_what_was_marked_and_little_else(keys, others, bits):
    words, down = np.zeros(1 << bits, np.uint64), np.uint32(32 - bits)
    filters.mark_entries(np.array(keys, np.uint64) << np.uint64(32), words, down)
    assert words.tolist() == naive.key_filter(keys, bits)
    asked = keys + others
    held = np.empty(len(asked), np.bool_)
    filters.held_entries(np.array(asked, np.uint64) << np.uint64(32) | np.uint64(7), words, down, held)
    marks = [naive.key_filter([key], bits) for key in asked]
    assert held.tolist() == [all(a & b == b for a, b in zip(words.tolist(), mark, strict=True)) for mark in marks]
