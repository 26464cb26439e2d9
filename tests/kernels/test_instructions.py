"""Test vectors of bytes against loops over them."""

import naive_passages as naive
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from provscan.kernels import instructions as lanes
from provscan.kernels.jit import kernel

pytestmark = pytest.mark.kernels

values = st.binary(min_size=lanes.LANES, max_size=80)


@kernel
def compiled_masks(values, start, value):
    return lanes.equal_lanes(values, start, value), lanes.high_lanes(values, start)


@kernel
def compiled_fingerprints(known, begin, codes, first):
    lanes.prefetch(codes, first + 10**6)
    return lanes.nearby_fingerprints(known, begin, codes, first)


@kernel
def compiled_copies(values, start, out, places, at):
    lanes.widen(values, start, out, at)
    lanes.count_up(start, places, at)


@kernel
def compiled_zeros(bits):
    return lanes.trailing_zeros(bits)


@given(values, st.data())
def test_masks_of_bytes(data, draw):
    start = draw.draw(st.integers(0, len(data) - lanes.LANES))
    value = draw.draw(st.sampled_from(data) | st.integers(0, 255))
    equal, high = compiled_masks(np.frombuffer(data, np.uint8), start, np.uint8(value))
    part = data[start : start + lanes.LANES]
    assert [int(equal) >> i & 1 for i in range(64)] == [
        byte == value for byte in part
    ] + [False] * 32
    assert [int(high) >> i & 1 for i in range(64)] == [byte > 127 for byte in part] + [
        False
    ] * 32


@pytest.mark.parametrize("kind", [np.uint8, np.uint32])
@given(
    st.binary(min_size=130, max_size=130),
    st.text("ab\u0430", min_size=70, max_size=70),
    st.data(),
)
def test_fingerprints_nearby(kind, data, text, draw):
    begin, first = draw.draw(st.integers(0, 39)), draw.draw(st.integers(0, 2))
    codes = np.array([ord(char) for char in text]).astype(kind)
    found = compiled_fingerprints(np.frombuffer(data, np.uint8), begin, codes, first)
    wanted = enumerate(naive.fingerprints(text)[first : first + 64], begin)
    assert [bool(int(found) >> i & 1) for i in range(64)] == [
        value in data[at : at + 28] for at, value in wanted
    ]


@given(values, st.data())
def test_copies_of_bytes(data, draw):
    start, at = (
        draw.draw(st.integers(0, len(data) - lanes.WIDE)),
        draw.draw(st.integers(0, 4)),
    )
    out, places = (
        np.full(20 + lanes.WIDE, 7, np.uint32),
        np.full(20 + lanes.WIDE, 7, np.int32),
    )
    compiled_copies(np.frombuffer(data, np.uint8), start, out, places, at)
    assert out.tolist() == [7] * at + list(data[start : start + lanes.WIDE]) + [7] * (
        20 - at
    )
    assert places.tolist() == [7] * at + list(range(start, start + lanes.WIDE)) + [
        7
    ] * (20 - at)


@given(st.integers(0, 2**64 - 1) | st.integers(0, 63).map(lambda bit: 1 << bit))
def test_trailing_zeros(bits):
    binary = f"{bits:064b}"
    assert compiled_zeros(np.uint64(bits)) == len(binary) - len(binary.rstrip("0"))
