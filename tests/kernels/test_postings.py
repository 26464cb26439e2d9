"""Tables of postings and of texts, against dictionaries."""

import random
from bisect import bisect_left, bisect_right

import naive_passages as naive
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provscan.kernels import postings as kernels
from provscan.kernels.exact_lookup import find_texts
from provscan.kernels.records import Postings, TextBuffer, frozen

pytestmark = pytest.mark.kernels


def bucket_offsets(entries, bits, pieces=1):
    """Bucket offsets of sorted entries that come in several parts."""
    starts = np.full((1 << bits) + 1, len(entries), np.uint32)
    first = 0
    for piece in np.array_split(entries, pieces):
        kernels.bucket_offsets(piece, first, bits, starts)
        first += len(piece)
    kernels.close_bucket_offsets(starts)
    return starts


def entries_of(keys, shift):
    """Sorted entries of some keys, each with its place as payload."""
    return np.sort(np.array([key << shift | i for i, key in enumerate(keys)], np.uint64))


KEYS = st.lists(st.sampled_from([0, 1, 2**31, 2**32 - 1]) | st.integers(0, 2**32 - 1), max_size=60)


@settings(max_examples=60)
@given(KEYS, st.integers(0, 6), st.integers(1, 40), st.randoms(use_true_random=False))
def test_equal_ranges_are_found(keys, bits, repeats, rng):
    if keys:
        keys = [*keys, *[rng.choice(keys)] * repeats]
    entries = entries_of(keys, 32)
    starts = bucket_offsets(entries, bits)
    listed = sorted(keys)
    for key in {*keys, 0, 7, 2**32 - 1, rng.randrange(2**32)}:
        bucket = key >> (32 - bits)
        first, size = kernels.equal_range(
            entries, np.int64(starts[bucket]), np.int64(starts[bucket + 1]), np.uint64(32), np.uint64(key), 1000
        )
        assert size == listed.count(key)
        if size:
            assert first == bisect_left(listed, key)
            assert first + size == bisect_right(listed, key)


@pytest.mark.parametrize("size", [1, 7, 8, 9, 10, 15, 16, 17, 31, 32, 33, 100, 1000])
@pytest.mark.parametrize("around", [0, 1, 20])
def test_long_ranges(size, around):
    keys = [5] * around + [6] * size + [7] * around
    entries = entries_of(keys, 24)
    assert kernels.equal_range(entries, 0, len(entries), np.uint64(24), np.uint64(6), 1000) == (around, size)
    # A range is measured up to the limit.
    first, found = kernels.equal_range(entries, 0, len(entries), np.uint64(24), np.uint64(6), 12)
    assert first == around
    assert found == size if size <= 12 else found > 12


def test_an_empty_table():
    entries = np.zeros(0, np.uint64)
    starts = bucket_offsets(entries, 0)
    assert starts.tolist() == [0, 0]
    assert kernels.equal_range(entries, 0, 0, np.uint64(32), np.uint64(3), 8)[1] == 0


@settings(max_examples=40)
@given(KEYS, st.integers(0, 8), st.integers(1, 5))
def test_bucket_offsets_are_where_buckets_begin(keys, bits, pieces):
    entries = entries_of(keys, 32)
    starts = bucket_offsets(entries, bits, pieces)
    buckets = sorted(key >> (32 - bits) for key in keys)
    assert starts.tolist() == [bisect_left(buckets, bucket) for bucket in range((1 << bits) + 1)]


def buffer(texts):
    raw = [text.encode() for text in texts]
    return frozen(TextBuffer(np.frombuffer(b"".join(raw), np.uint8), np.cumsum([0, *map(len, raw)])))


@given(st.lists(st.text(max_size=20), max_size=8))
def test_keys_of_texts(texts):
    keys = np.empty((len(texts), 2), np.uint64)
    kernels.text_keys(buffer(texts), keys)
    assert keys.tolist() == [list(naive.text_keys(text.encode())) for text in texts]


@settings(max_examples=40)
@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 3)), max_size=60), st.integers(1, 5))
def test_numbers_are_given_in_the_order_of_first_appearance(pairs, batches):
    # Keys that fall on one slot, and that differ in one half only.
    keys = np.array(pairs, np.uint64).reshape(-1, 2) << np.uint64(8)
    table, ids, known = np.zeros((128, 2), np.uint64), np.zeros(128, np.uint32), 0
    found = []
    for piece in np.array_split(keys, batches):
        numbers = np.empty(len(piece), np.int64)
        known = kernels.number_texts(piece, table, ids, known, numbers)
        found += numbers.tolist()
        larger, larger_ids = np.zeros((2 * len(ids), 2), np.uint64), np.zeros(2 * len(ids), np.uint32)
        kernels.move_texts(table, ids, larger, larger_ids)
        table, ids = larger, larger_ids
    order = list(dict.fromkeys(pairs))
    assert found == [order.index(pair) for pair in pairs]
    assert known == len(order)


@settings(max_examples=40)
@given(st.lists(st.text("ab", max_size=4), unique=True, max_size=12), st.lists(st.text("ab", max_size=4), max_size=12))
def test_equal_texts_are_found_by_their_bytes(licensed, asked):
    # All keys alike: only the bytes can tell.
    entries = np.arange(len(licensed), dtype=np.uint64)
    numbers = np.empty(len(asked), np.int64)
    postings = frozen(Postings(entries, bucket_offsets(entries, 0), 0))
    find_texts(np.zeros((len(asked), 2), np.uint64), buffer(asked), postings, buffer(licensed), numbers)
    assert numbers.tolist() == [licensed.index(text) if text in licensed else -1 for text in asked]


def test_equal_texts_are_found_by_their_keys():
    rng = random.Random(3)
    licensed = [str(rng.random()) for _ in range(500)]
    keys = np.empty((500, 2), np.uint64)
    kernels.text_keys(buffer(licensed), keys)
    entries = np.sort(keys[:, 0] & ~np.uint64(0xFFFFFF) | np.arange(500, dtype=np.uint64))
    asked = [*licensed[::-1], "none", ""]
    asked_keys = np.empty((len(asked), 2), np.uint64)
    kernels.text_keys(buffer(asked), asked_keys)
    numbers = np.empty(len(asked), np.int64)
    postings = frozen(Postings(entries, bucket_offsets(entries, 7), 7))
    find_texts(asked_keys, buffer(asked), postings, buffer(licensed), numbers)
    assert numbers.tolist() == [*range(499, -1, -1), -1, -1]
