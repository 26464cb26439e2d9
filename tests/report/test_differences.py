"""Test which words differ: positions in UTF-16 units, kinds, and bounded work."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provscan.report.differences import DIFFERS, LEFT_OUT, NOT_COMPARED, WordDifferences
from provscan.text import canonical

COMPARE = WordDifferences()
# Two texts, and the marked words of each with their kinds.
EXAMPLES = json.loads(
    Path(__file__).with_name("differences.json").read_text(encoding="utf-8")
)


def marked(first, second):
    sides = zip((first, second), COMPARE.runs(first, second), strict=True)
    return [
        [
            (text.encode("utf-16-le")[2 * low : 2 * high].decode("utf-16-le"), kind)
            for low, high, kind in runs.tolist()
        ]
        for text, runs in sides
    ]


@pytest.mark.parametrize(("first", "second", "left", "right"), EXAMPLES)
def test_examples_of_differing_words(first, second, left, right):
    kinds = {"differs": DIFFERS, "left out": LEFT_OUT}
    expected = [
        [(words, kinds[kind]) for words, kind in side] for side in (left, right)
    ]
    assert marked(first, second) == expected


def test_words_that_were_not_compared_are_marked():
    left, _ = marked("word " * 5000, "word " * 300 + "end")
    assert left[-1][1] == NOT_COMPARED
    for hostile in ("a b " * 5000, "x" * 100_000, "a\u0301" * 5000, "\x00" * 500):
        marked(hostile, hostile[::-1] + " b")


WORDS = st.lists(
    st.sampled_from(
        ["ferry", "Ferry", "goat,", "@cat", "http://t.co/x", "日", "😂", "the"]
    ),
    max_size=12,
)


@given(WORDS, WORDS)
def test_without_the_marked_words_both_texts_are_equal(first, second):
    texts = " ".join(first), " ".join(second)
    left = []
    for text, runs in zip(texts, COMPARE.runs(*texts), strict=True):
        units = text.encode("utf-16-le")
        assert all(0 <= low < high <= len(units) // 2 for low, high, _ in runs.tolist())
        assert all(runs[i][1] <= runs[i + 1][0] for i in range(len(runs) - 1))
        for low, high, kind in reversed(runs.tolist()):
            if kind == DIFFERS:
                units = units[: 2 * low] + " ".encode("utf-16-le") + units[2 * high :]
        left.append(units.decode("utf-16-le"))
    assert [text.split() for text in canonical(left[:1])] == [
        text.split() for text in canonical(left[1:])
    ]
