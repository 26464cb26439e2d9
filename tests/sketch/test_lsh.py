"""Test the S-curve against a simulation, and band keys and two-bit sketches against
their definitions.
"""

import naive_sketch as naive
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from provscan.sketch import signatures as sketch

SIGNATURES = arrays.arrays(np.uint32, st.tuples(st.integers(0, 3), st.just(128)))


def random_signatures(count, seed=0):
    return np.random.default_rng(seed).integers(0, 2**32, (count, 128), np.uint32)


def test_the_share_of_equal_bands_follows_the_s_curve():
    similarity = 0.45
    left = random_signatures(4000)
    right = np.where(
        np.random.default_rng(1).random(left.shape) < similarity,
        left,
        random_signatures(4000, 2),
    )
    for bands, rows in ((32, 4), (16, 8), (20, 5)):
        found = (
            (
                sketch.band_keys(left, bands, rows)
                == sketch.band_keys(right, bands, rows)
            )
            .any(axis=1)
            .mean()
        )
        expected = 1 - (1 - similarity**rows) ** bands
        assert found == pytest.approx(
            expected, abs=5 * np.sqrt(expected * (1 - expected) / 4000) + 1e-3
        )


@given(
    SIGNATURES, st.sampled_from([(32, 4), (16, 8), (25, 5), (1, 1), (128, 1), (1, 128)])
)
def test_band_keys_follow_the_definition(signatures, banding):
    keys = sketch.band_keys(signatures, *banding)
    assert keys.dtype == np.uint64
    assert keys.shape == (len(signatures), banding[0])
    assert keys.tolist() == [
        naive.band_keys(row, *banding) for row in signatures.tolist()
    ]


def test_band_keys_do_not_collide():
    """Consecutive values are a hard case for a weak hash. Of 32-bit keys, some 2,400
    would collide.
    """
    signatures = np.arange(50_000 * 128, dtype=np.uint32).reshape(-1, 128)
    keys = sketch.band_keys(signatures[:5_000], 128, 1)
    assert len(np.unique(keys)) == keys.size
    keys = sketch.band_keys(signatures[:, ::-1].copy(), 2, 4)
    assert len(np.unique(keys)) == keys.size
    same = sketch.band_keys(np.full((1, 128), 7, np.uint32), 32, 4)
    assert len(np.unique(same)) == 32


@given(SIGNATURES)
def test_the_sketch_follows_the_definition(signatures):
    bits = sketch.two_bit_sketch(signatures)
    assert bits.dtype == np.uint64
    assert bits.tolist() == [naive.two_bit_sketch(row) for row in signatures.tolist()]


@pytest.mark.parametrize("similarity", [0.0, 0.3, 0.8])
def test_the_agreement_of_sketches_follows_the_similarity(similarity):
    """The minima are as small as those of a text of 80 5-grams."""
    random = np.random.default_rng(3)
    left = random.integers(0, 2**32 // 80, (5000, 128), np.uint32)
    other = random.integers(0, 2**32 // 80, (5000, 128), np.uint32)
    right = np.where(random.random(left.shape) < similarity, left, other)
    differing = sketch.two_bit_sketch(left) ^ sketch.two_bit_sketch(right)
    different = (differing[:, 0] | differing[:, 1]).reshape(-1, 1)
    agreeing = 64 - np.unpackbits(different.view(np.uint8), axis=1).sum(
        axis=1, dtype=np.int64
    )
    share = (1 + 3 * similarity) / 4
    variance = 64 * share * (1 - share)
    assert agreeing.mean() == pytest.approx(
        64 * share, abs=5 * np.sqrt(variance / 5000)
    )
    assert agreeing.var() == pytest.approx(variance, rel=0.1)


def test_signatures_may_be_read_only():
    signatures = random_signatures(3)
    keys, bits = sketch.band_keys(signatures, 32, 4), sketch.two_bit_sketch(signatures)
    signatures.flags.writeable = False
    np.testing.assert_array_equal(sketch.band_keys(signatures, 32, 4), keys)
    np.testing.assert_array_equal(sketch.two_bit_sketch(signatures), bits)
