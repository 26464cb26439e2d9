"""Test that code points are counted and located as in decoded texts."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from provscan.kernels.canonical.utf8 import (
    byte_places,
    code_points,
    decode_rows,
    newlines,
)
from provscan.kernels.records import CodeBuffer, TextBuffer, frozen

pytestmark = pytest.mark.kernels


LETTERS = st.sampled_from("aé語😀\0\x7f\x80\u07ff\u0800\uffff\U00010000\U0010ffff")


@given(
    st.lists(st.text(LETTERS, max_size=40), min_size=1),
    st.integers(1, 40),
    st.lists(
        st.tuples(
            st.integers(0, 99),
            st.integers(0, 1700),
            st.integers(0, 300),
            st.integers(0, 300),
        )
    ),
)
def test_places_of_code_points(texts, times, wanted):
    texts = [text * times for text in texts]
    data = [text.encode() for text in texts]
    text, offsets = (
        np.frombuffer(b"".join(data), np.uint8),
        np.cumsum([0, *map(len, data)]),
    )
    assert code_points(text) == sum(map(len, texts))
    wanted = sorted(
        (row % len(texts), *np.cumsum(steps).tolist()) for row, *steps in wanted
    )
    rows, points = (
        np.array([pair[0] for pair in wanted], np.int64),
        np.array([pair[1:] for pair in wanted], np.int64),
    )
    places = np.empty((len(wanted), 3), np.int64)
    byte_places(text, offsets, rows, points.reshape(-1, 3), places)
    assert places.tolist() == [
        [offsets[row] + len(texts[row][:point].encode()) for point in points]
        for row, *points in wanted
    ]


@given(st.text(LETTERS | st.sampled_from('\n"'), max_size=30), st.integers(1, 900))
def test_counts(text, times):
    data = (text * times).encode()
    assert code_points(np.frombuffer(data, np.uint8)) == len(text * times)
    assert newlines(np.frombuffer(data, np.uint8)) == data.count(b"\n")


@given(
    st.lists(
        st.text(LETTERS).map(str.encode)
        | st.sampled_from("é語😀").map(str.encode).map(lambda data: data[:-1])
        | st.sampled_from([b"\x80", b"\xc1", b"\xf5", b"\xff"])
    )
)
def test_bytes_outside_of_a_valid_sequence_are_replaced(parts):
    data = b"".join(parts)
    expected, at = "", 0
    while at < len(data):
        for size in range(1, 5):
            try:
                expected += data[at : at + size].decode()
            except UnicodeDecodeError:
                continue
            break
        else:
            size = 1
            expected += "\ufffd"
        at += size
    texts = TextBuffer(np.frombuffer(data, np.uint8), np.array([0, len(data)]))
    out = CodeBuffer(np.empty(len(data), np.uint32), np.zeros(2, np.int64))
    decode_rows(frozen(texts), np.zeros(1, np.int64), out)
    assert "".join(map(chr, out.codes[: out.offsets[1]])) == expected
