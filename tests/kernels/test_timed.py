"""Test that texts with an arrow between digits, as in subtitles, are recognised."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from provscan.kernels.reading.subtitles import timed

pytestmark = pytest.mark.kernels

PARTS = ["", "-", "--", "-->", "->", ">", "1", "7", " ", "\t", "\n", "é", "x" * 70]


def found_in(texts):
    data = [text.encode() for text in texts]
    offsets = np.cumsum([0, *map(len, data)])
    rows = np.zeros(len(texts), np.int64)
    return rows[
        : timed(np.frombuffer(b"".join(data), np.uint8), offsets, rows)
    ].tolist()


@pytest.mark.parametrize(
    "text",
    [
        "1-->2",
        "1 --> 2",
        "x" * 100 + "00:01 \t-->\t 00:02",
        "--> 1 --> 2",
        "0 --> 1" * 20,
    ],
)
def test_an_arrow_between_digits(text):
    assert found_in(["", text, "x"]) == [1]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "->",
        "<!-- 1 -->",
        "1 -->",
        "--> 2",
        "1 -- > 2",
        "1\n-->2",
        "a --> 2",
        "1 --> b",
    ],
)
def test_texts_without_an_arrow_between_digits(text):
    assert found_in(["1", text, "2"]) == []


def test_arrows_do_not_continue_in_the_next_text():
    assert found_in(["1 --", "> 2", "1", " --> 2", "1 --> ", "2"]) == []


@given(st.lists(st.lists(st.sampled_from(PARTS), max_size=8).map("".join), max_size=8))
def test_each_text_is_found_once(texts):
    expected = [
        row
        for row, text in enumerate(texts)
        if re.search(r"[0-9][ \t]*-->[ \t]*[0-9]", text)
    ]
    assert found_in(texts) == expected
