"""Test the flag for passages of a licensed text that are in another order, or without
the text between them.
"""

from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from compiled import compiled
from hypothesis import given
from hypothesis import strategies as st

import provscan
from provscan.kernels.search.grams import copied_wording as helper
from provscan.kernels.search.grams import set_scratch
from provscan.matching import copied_wording
from provscan.text_buffers import buffers

TEXT = (
    "the ferry leaves the old harbour at seven and nobody on board knows that the "
    "bridge is closed"
)
HALF = len(TEXT) // 2


@pytest.mark.parametrize(
    ("edit", "expected"),
    [
        (lambda text: text, False),
        (lambda text: f"he said: {text} (true)", False),
        (lambda text: text[:HALF], False),
        (
            lambda text: text.replace("harbour", "station").replace("bridge", "tunnel"),
            False,
        ),
        (
            lambda text: text.replace(
                "nobody", "nobody, not even those whom you would ask,"
            ),
            False,
        ),
        (lambda text: text[:40] + text[48:], False),
        (lambda text: text[HALF:] + " " + text[:HALF], True),
        (lambda text: text[60:] + " " + text[30:60] + " " + text[:30], True),
        (lambda text: text[:30] + " ... " + text[65:], True),
    ],
)
def test_pieces(edit, expected, tmp_path):
    index = provscan.build_index([{"id": "1", "text": TEXT}], tmp_path / "a.index")
    copies = pa.array([edit(TEXT), TEXT], pa.large_string())
    found = copied_wording(*buffers(copies), np.zeros(2, np.int64), index.reader)
    assert found.pieces.tolist() == [expected, False]


def naive(copy, text):
    common = [i for i in range(len(text) - 4) if text[i : i + 5] in copy]
    covered = {at for i in common for at in range(i, i + 5)}
    stretch = (min(covered), max(covered) + 1) if covered else (0, 0)
    places = [text.find(copy[i : i + 5]) for i in range(len(copy) - 4)]
    places = [
        at if at >= 0 and text.find(text[at : at + 5], at + 1) < 0 else -1
        for at in places
    ]
    passages = []
    for i, at in enumerate(places):
        if at < 0:
            continue
        if passages and at - i == passages[-1][-1][1] - passages[-1][-1][0]:
            passages[-1].append((i, at))
        else:
            passages.append([(i, at)])
    long = [passage for passage in passages if len(passage) >= 4]
    pieces = any(
        to < at or 7 * (to - at - (j - i)) > len(text)
        for (*_, (i, at)), ((j, to), *_) in pairwise(long)
    )
    theirs = [copy[i : i + 5] for i in range(len(copy) - 4)]
    ours = {text[i : i + 5] for i in range(len(text) - 4)}
    shared = [i for i, gram in enumerate(theirs) if gram in ours]
    inner = {*theirs[shared[0] : shared[-1] + 1]} if shared else {*theirs}
    similarity = len(inner & ours) / len(inner | ours)
    return *stretch, len(covered), pieces, similarity


@given(
    text=st.text("abcd", min_size=20, max_size=60),
    cuts=st.lists(
        st.tuples(st.integers(0, 60), st.integers(0, 60)), min_size=1, max_size=5
    ),
)
def test_pieces_agree_with_a_naive_search(text, cuts):
    copy = "x".join(text[low:high] for low, high in cuts)
    codes = [np.array([ord(c) for c in each], np.uint32) for each in (copy, text)]
    assert compiled(helper)(*codes, set_scratch(len(copy) + 1, len(text))) == naive(
        copy, text
    )
