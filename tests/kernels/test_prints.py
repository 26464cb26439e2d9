"""Prints of the wording around a seed, against their definition."""

import random

import naive_passages as naive
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provscan.kernels import prints as kernels
from provscan.kernels.records import Candidates, TextBuffer, frozen, read_only

pytestmark = pytest.mark.kernels

# Few letters, so that 5-grams recur; Chinese characters are two units.
texts = st.text(st.sampled_from("abc éя国語"), min_size=13, max_size=120) | st.text("abc ", min_size=13, max_size=200)


def text_buffer(*strings):
    data = [string.encode() for string in strings]
    offsets = np.cumsum([0, *map(len, data)])
    return frozen(TextBuffer(np.frombuffer(b"".join(data), np.uint8), offsets))


def prints_of(codes, offsets):
    out = np.full(len(codes) + len(offsets) * kernels.GAP, 7, np.uint8)
    kernels.prints(codes, offsets, out)
    return out


def kept(records, text, code, place, others=("", "")):
    """Of one candidate in the last of some records, ``others`` being the texts before and after its own."""
    codes = np.frombuffer("".join(records).encode("utf-32-le"), np.uint32)
    offsets = np.cumsum([0, *map(len, records)])
    known = prints_of(codes, offsets)
    candidate = Candidates(*(np.array([value]) for value in (len(records) - 1, 1, code, place)))
    out = np.zeros(1, np.bool_)
    texts = text_buffer(others[0], text, others[1]), read_only(np.zeros(0, np.int64))
    kernels.agreeing((known, offsets), texts, candidate, kernels.prints_scratch(1000), out)
    return bool(out[0])


@given(st.lists(st.text(max_size=40), max_size=4))
def test_prints_stand_between_zeros(records):
    codes = np.frombuffer("".join(records).encode("utf-32-le"), np.uint32)
    between = [0] * kernels.GAP
    expected = between + [value for record in records for value in padded(naive.prints(record), record) + between]
    assert prints_of(codes, np.cumsum([0, *map(len, records)])).tolist() == expected


def padded(values, record):
    return values + [0] * (len(record) - len(values))


@settings(max_examples=300)
@given(texts, texts, texts, st.tuples(texts, texts), st.data())
def test_candidates_are_kept_by_their_prints(before, text, record, others, draw):
    code = draw.draw(st.integers(0, len(record) - 1))
    place = draw.draw(st.integers(0, len(naive.units(text)) - 1))
    assert kept([before, record], text, code, place, others) == naive.agrees(record, text, code, place)


@given(st.text("abcdefghijklmnopqrstuvwxyz ", min_size=13, max_size=300), st.integers(0, 40), st.data())
def test_a_copy_is_kept_wherever_it_stands(text, before, draw):
    place = draw.draw(st.integers(0, len(text) - 1))
    assert kept(["x" * before + text], text, before + place, place)


@pytest.mark.parametrize("numbers", [[], [40]])
@pytest.mark.parametrize(("times", "expected"), [(1, [True, False, False]), (2, [True, True, False])])
def test_a_text_is_kept_once_for_each_diagonal(times, numbers, expected):
    text = "the quick brown fox jumps over the lazy dog and runs away into the dark wood"
    record, step = "xxxxx" + text * times, 5 if times == 1 else len(text)
    codes = np.frombuffer(record.encode("utf-32-le"), np.uint32)
    # The second one lies five places or a whole text beside the first; the third equals it.
    at = [20, 20 + step, 20 + step]
    rows = Candidates(*(np.array(column) for column in ([0] * 3, [0] * 3, at, [20] * 3)))
    out, known_by, offsets = np.zeros(3, np.bool_), read_only(np.array(numbers, np.int64)), np.array([0, len(codes)])
    known = prints_of(codes, offsets)
    kernels.agreeing((known, offsets), (text_buffer(text), known_by), rows, kernels.prints_scratch(100), out)
    assert out.tolist() == expected


def test_a_phrase_alone_is_not_kept():
    rng = random.Random(1)
    words = ["".join(rng.choices("abcdefghijklmnopqrstuvwxyz", k=6)) for _ in range(60)]
    text, record = " ".join(words[:20]), " ".join([*words[20:40], *words[8:10], *words[40:]])
    place, code = text.index(words[8]), record.index(words[8])
    assert not kept([record], text, code, place)
    # In a text whose places are not known to a unit nothing is refused.
    assert kept([record], "x" * 400 + text, code, place + 400)
