"""Test filters of hashes against sets."""

import naive_passages as naive
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from provscan.index.segment.filters import bloom_filter, widened
from provscan.index.segment.postings import SEEDS
from provscan.kernels.records import frozen
from provscan.kernels.search import minimizers as seed_kernels

pytestmark = pytest.mark.kernels

HASHES = st.lists(st.integers(0, 2**64 - 1), max_size=50)
KEYS = st.lists(st.integers(0, 2**32 - 1), max_size=50)


@given(KEYS, KEYS, st.integers(2, 12))
def test_a_filter_contains_the_marked_seeds(keys, others, bits):
    words = np.zeros(1 << bits, np.uint64)
    seed_kernels.mark_seeds(
        np.array(keys, np.uint64) << np.uint64(32), SEEDS.form(), bloom_filter(words)
    )
    assert words.tolist() == naive.key_filter(map(naive.seed_hash, keys), bits)
    asked = keys + others
    found = np.empty(len(asked), np.bool_)
    seed_kernels.marked_seeds(
        np.array(asked, np.uint64) << np.uint64(32) | np.uint64(7),
        frozen(bloom_filter(words)),
        found,
    )
    marks = [naive.key_filter([naive.seed_hash(key)], bits) for key in asked]
    assert found.tolist() == [
        all(a & b == b for a, b in zip(words.tolist(), mark, strict=True))
        for mark in marks
    ]


@given(HASHES, st.integers(0, 500))
def test_a_wider_filter_contains_the_same_hashes(hashes, more):
    known = bloom_filter(np.array(naive.key_filter(hashes, 4), np.uint64))
    wide = widened(known, more).words
    marked = np.array(naive.key_filter(hashes, len(wide).bit_length() - 1), np.uint64)
    assert 64 * len(wide) >= 8 * more
    assert not np.any(wide & marked ^ marked)
