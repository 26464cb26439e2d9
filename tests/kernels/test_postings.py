"""Test tables of postings and of texts against dictionaries."""

import random
from bisect import bisect_left, bisect_right

import naive_passages as naive
import numpy as np
import pytest
from compiled import compiled
from hypothesis import given, settings
from hypothesis import strategies as st

from provscan.index.segment.postings import (
    EXACT,
    SEEDS,
    TableLayout,
    chunk_of,
    packed,
    wide_seeds,
)
from provscan.kernels.records import Postings, TextBuffer, frozen, read_only
from provscan.kernels.storage import keys as key_kernels
from provscan.kernels.storage import postings as kernels
from provscan.kernels.storage import radix

pytestmark = pytest.mark.kernels
bucket_of, equal_range, text_of = map(
    compiled, (kernels.bucket_of, kernels.equal_range, kernels.text_of)
)


def bucket_offsets(entries, bits, pieces=1):
    """Return the bucket offsets of sorted entries, which are added in several parts."""
    starts = np.full((1 << bits) + 1, len(entries), np.uint32)
    first = 0
    for piece in np.array_split(entries, pieces):
        kernels.bucket_offsets(piece, EXACT.form(), first, bits, starts)
        first += len(piece)
    kernels.close_bucket_offsets(starts)
    return starts


def entries_of(keys, shift):
    """Return sorted entries of 64-bit keys. The text of an entry is the number of its
    key; if ``shift`` is 8, the entry also has a place.
    """
    low = [i << shift | (i * 37 % 256 if shift else 0) for i in range(len(keys))]
    return np.sort(
        np.array(
            [key >> 32 << 32 | below for key, below in zip(keys, low, strict=True)],
            np.uint64,
        )
    )


def table_of(keys, bits, shift=0):
    """Return entries, and a table of them with 32 bits of each key, of which 32 - bits
    are for the text.
    """
    entries = entries_of(keys, shift)
    out, places = (
        np.empty(len(entries), np.uint32),
        np.empty(len(entries) if shift else 0, np.uint8),
    )
    form = (SEEDS if shift else TableLayout(32)).form()
    kernels.pack_entries(entries, form, bits, 32, out, places)
    return (
        entries,
        frozen(Postings(out, bucket_offsets(entries, bits), bits, bits)),
        places,
    )


KEYS = st.lists(
    st.sampled_from([0, 1, 2**31, 2**32 - 1]) | st.integers(0, 2**32 - 1), max_size=60
).map(lambda keys: [key << 32 for key in keys])


@settings(max_examples=60)
@given(KEYS, st.integers(8, 12), st.integers(1, 40), st.randoms(use_true_random=False))
def test_equal_ranges_are_found(keys, bits, repeats, rng):
    if keys:
        keys = [*keys, *[rng.choice(keys)] * repeats]
    _, table, _ = table_of(keys, bits)
    listed = sorted(keys)
    for key in {*keys, 0, 7 << 32, 2**64 - 2**32, rng.randrange(2**32) << 32}:
        low, high = bucket_of(table, np.uint64(key | 5))
        first, size = equal_range(table, low, high, np.uint64(key | 5), 1000)
        assert size == listed.count(key)
        if size:
            assert first == bisect_left(listed, key)
            assert first + size == bisect_right(listed, key)
            assert {text_of(table, e) for e in range(first, first + size)} == {
                text for text, other in enumerate(keys) if other == key
            }


@pytest.mark.parametrize("size", [1, 11, 12, 13, 63, 64, 65, 100, 1000])
@pytest.mark.parametrize("around", [0, 1, 40])
def test_long_ranges(size, around):
    # The next key has text 0, so its entry is the next number.
    keys = [7 << 32] * around + [6 << 32] * size + [5 << 32] * around
    _, table, _ = table_of(keys, 12)
    wanted = np.uint64(6 << 32)
    low, high = bucket_of(table, wanted)
    assert (low, high) == (0, len(keys))
    assert equal_range(table, low, high, wanted, 1000) == (around, size)
    # A range that is longer than the limit is measured at least up to the limit.
    first, found = equal_range(table, low, high, wanted, 12)
    assert first == around
    assert found == size if size <= 12 else 12 < found <= size


def test_an_empty_table():
    _, table, _ = table_of([], 8)
    assert not table.starts.any()
    assert equal_range(table, 0, 0, np.uint64(3), 8)[1] == 0


@given(KEYS, st.integers(8, 12), st.sampled_from([0, 8]))
def test_entries_are_unpacked_unchanged(keys, bits, shift):
    entries, table, places = table_of(keys, bits, shift)
    again = np.empty_like(entries)
    kernels.unpack_entries(table, read_only(places), shift, again)
    assert again.tolist() == entries.tolist()


@settings(max_examples=40)
@given(KEYS, st.integers(0, 8), st.integers(1, 5))
def test_bucket_offsets_are_the_beginnings_of_buckets(keys, bits, pieces):
    entries = entries_of(keys, 0)
    starts = bucket_offsets(entries, bits, pieces)
    buckets = sorted(key >> (64 - bits) for key in keys)
    assert starts.tolist() == [
        bisect_left(buckets, bucket) for bucket in range((1 << bits) + 1)
    ]


def buffer(texts):
    raw = [text.encode() for text in texts]
    return frozen(
        TextBuffer(
            np.frombuffer(b"".join(raw), np.uint8), np.cumsum([0, *map(len, raw)])
        )
    )


@given(st.lists(st.text(max_size=20), max_size=8))
def test_keys_of_texts(texts):
    keys = np.empty((len(texts), 2), np.uint64)
    key_kernels.text_keys(buffer(texts), keys)
    assert keys.tolist() == [list(naive.text_keys(text.encode())) for text in texts]


@settings(max_examples=40)
@given(
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 3)), max_size=60),
    st.integers(1, 5),
)
def test_texts_are_numbered_in_the_order_of_first_appearance(pairs, batches):
    # Some keys have the same slot, or differ in only one half.
    keys = np.array(pairs, np.uint64).reshape(-1, 2) << np.uint64(8)
    table, ids, known = np.zeros((128, 2), np.uint64), np.zeros(128, np.uint32), 0
    found = []
    for piece in np.array_split(keys, batches):
        numbers = np.empty(len(piece), np.int64)
        known = key_kernels.number_texts(piece, table, ids, known, numbers)
        found += numbers.tolist()
        larger, larger_ids = (
            np.zeros((2 * len(ids), 2), np.uint64),
            np.zeros(2 * len(ids), np.uint32),
        )
        key_kernels.move_texts(table, ids, larger, larger_ids)
        table, ids = larger, larger_ids
    order = list(dict.fromkeys(pairs))
    assert found == [order.index(pair) for pair in pairs]
    assert known == len(order)


@settings(max_examples=40)
@given(
    st.lists(st.text("ab", max_size=4), unique=True, max_size=12),
    st.lists(st.text("ab", max_size=4), max_size=12),
)
def test_equal_texts_are_found_by_their_bytes(licensed, asked):
    # All keys are equal, so the texts differ only in their bytes.
    _, postings, _ = table_of([0] * len(licensed), 8)
    numbers = np.empty(len(asked), np.int64)
    kernels.find_texts(
        np.zeros((len(asked), 2), np.uint64),
        buffer(asked),
        postings,
        buffer(licensed),
        numbers,
    )
    assert numbers.tolist() == [
        licensed.index(text) if text in licensed else -1 for text in asked
    ]


def test_equal_texts_are_found_by_their_keys():
    rng = random.Random(3)
    licensed = [str(rng.random()) for _ in range(500)]
    keys = np.empty((500, 2), np.uint64)
    key_kernels.text_keys(buffer(licensed), keys)
    _, postings, _ = table_of(keys[:, 0].tolist(), 9)
    asked = [*licensed[::-1], "none", ""]
    asked_keys = np.empty((len(asked), 2), np.uint64)
    key_kernels.text_keys(buffer(asked), asked_keys)
    numbers = np.empty(len(asked), np.int64)
    kernels.find_texts(asked_keys, buffer(asked), postings, buffer(licensed), numbers)
    assert numbers.tolist() == [*range(499, -1, -1), -1, -1]


@given(st.lists(st.integers(0, 4), max_size=30))
def test_entries_are_ordered_by_level(levels):
    entries, ends = np.arange(len(levels), dtype=np.uint64), np.empty(5, np.int64)
    out = np.empty_like(entries)
    radix.by_level(entries, np.array(levels, np.uint8), ends, out)
    assert out.tolist() == sorted(range(len(levels)), key=lambda i: levels[i])
    assert ends.tolist() == [
        sum(level <= last for level in levels) for last in range(5)
    ]


@pytest.mark.parametrize("texts", [1 << 24, (1 << 24) + 1, 1 << 28, 1 << 31])
def test_wide_entries_keep_key_text_and_place(texts):
    rng = np.random.default_rng(1)
    layout = wide_seeds(texts)
    keys, codes = rng.integers(0, 1 << 40, 500, np.uint64), rng.integers(0, 192, 500)
    first = texts - (1 << 16)
    numbers = rng.integers(0, 1 << 16, 500)
    chunk = chunk_of(
        keys << np.uint64(24) | numbers.astype(np.uint64) << np.uint64(8)
        | codes.astype(np.uint64),
        layout.part_bits,
    )  # fmt: skip
    kernels.widen_entries(chunk.entries, layout.form(), first)
    text_bits, low, found = layout.text_bits(texts), 0, []
    for part, high in enumerate(chunk.ends.tolist()):
        entries = chunk.entries[low:high]
        if len(entries):
            out, places = packed(entries, layout, texts, part)
            # The bits of the key between the bucket and the number of the text.
            stored = out >> np.uint32(text_bits) if text_bits < 32 else 0 * out
            found += zip(
                [part] * len(out),
                stored.tolist(),
                (out & np.uint32((1 << text_bits) - 1)).tolist(),
                places.tolist(),
                strict=True,
            )
        low = high
    top = 40 - layout.part_bits
    below = 8 + 32 - text_bits
    assert sorted(found) == sorted(
        (
            key >> top,
            (key >> 8) & ((1 << below - 8) - 1),
            first + number,
            (key & 255) << 8 | code,
        )
        for key, number, code in zip(
            keys.tolist(), numbers.tolist(), codes.tolist(), strict=True
        )
    )


def test_removed_texts_have_no_entries():
    entries = np.array([5 << 32 | 1, 6 << 32 | 0, 7 << 32 | 2], np.uint64)
    numbers = np.array([9, kernels.NO_TEXT, 8], np.uint32)
    count = kernels.renumber(entries, TableLayout(32).form(), numbers)
    assert entries[:count].tolist() == [6 << 32 | 9, 7 << 32 | 8]
