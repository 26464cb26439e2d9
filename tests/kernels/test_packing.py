"""Test packed numbers, and sorted entries, against Python's lists."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provscan.kernels.records import read_only
from provscan.kernels.storage import packing, radix

pytestmark = pytest.mark.kernels

INT64 = st.integers(-(2**63), 2**63 - 1)
NUMBERS = st.one_of(
    st.lists(INT64, max_size=300),
    st.lists(st.integers(0, 200), max_size=300),
    st.lists(
        st.integers(-5, 5).map(lambda x: 1_700_000_000_000 + 1000 * x), max_size=300
    ),
    st.lists(st.just(2**63 - 1), max_size=300),
)


def packed(numbers):
    blocks = np.empty((-(-len(numbers) // packing.BLOCK), 2), np.int64)
    words = np.zeros(packing.measure(numbers, blocks), np.uint64)
    packing.pack(numbers, blocks, words)
    return words, blocks


def unpacked(words, blocks, rows):
    out = np.empty(len(rows), np.int64)
    packing.unpack(read_only(words), read_only(blocks), rows, out)
    return out.tolist()


@settings(max_examples=80)
@given(NUMBERS, st.randoms(use_true_random=False))
def test_packed_numbers_are_unpacked_unchanged(numbers, rng):
    words, blocks = packed(np.array(numbers, np.int64))
    assert unpacked(words, blocks, np.arange(len(numbers))) == numbers
    rows = [rng.randrange(len(numbers)) for _ in numbers]
    assert unpacked(words, blocks, np.array(rows, np.int64)) == [
        numbers[row] for row in rows
    ]


@pytest.mark.parametrize(
    ("numbers", "bits"),
    [
        ([7] * 128, 0),
        ([*range(100, 228)], 7),
        ([0, 1000] * 64, 1),
        ([0, 1001] * 64, 10),
        ([-(2**63), 2**63 - 1] * 64, 64),
    ],
)
def test_the_width_of_a_block_depends_on_its_range(numbers, bits):
    words, blocks = packed(np.array(numbers, np.int64))
    assert len(words) == 2 * bits
    assert blocks[0, 1] & 127 == bits
    assert blocks[0, 0] == min(numbers)


@settings(max_examples=60)
@given(
    st.lists(st.integers(0, 2**64 - 1) | st.integers(0, 40), max_size=200),
    st.integers(0, 400),
    st.randoms(use_true_random=False),
)
def test_entries_are_sorted(numbers, repeats, rng):
    # The entries of a frequent key differ in their lowest bits.
    if numbers:
        numbers = [
            *numbers,
            *(numbers[0] >> 12 << 12 | rng.randrange(1 << 12) for _ in range(repeats)),
        ]
        rng.shuffle(numbers)
    entries = np.array(numbers, np.uint64)
    radix.sort(
        entries, np.empty_like(entries), np.empty((3, 1 << radix.DIGIT), np.int64)
    )
    assert entries.tolist() == sorted(numbers)
