"""Test fingerprints of the wording around a seed against their definition."""

import math
import random
import string
from bisect import bisect_left

import naive_passages as naive
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provscan.kernels.records import Candidates, TextBuffer, Thresholds, frozen
from provscan.kernels.search import fingerprints as kernels

pytestmark = pytest.mark.kernels

# Texts with few different letters repeat 5-grams. A Chinese character is two units.
texts = st.text(st.sampled_from("abc éя国語"), min_size=13, max_size=120) | st.text(
    "abc ", min_size=13, max_size=200
)


def text_buffer(*strings):
    data = [string.encode() for string in strings]
    offsets = np.cumsum([0, *map(len, data)])
    return frozen(TextBuffer(np.frombuffer(b"".join(data), np.uint8), offsets))


def fingerprints_of(codes, offsets):
    out = np.full(len(codes) + len(offsets) * kernels.GAP, 7, np.uint8)
    kernels.fingerprints(codes, offsets, out)
    return out


# With these thresholds, a candidate needs 45% of the fingerprints of a short text.
USUAL = Thresholds(0.25, 0.5, 1, 40, 25, 6)


def kept(records, text, code, place, others=("", ""), thresholds=USUAL):
    """Return whether a candidate in the last of several records is kept. ``others`` are
    the licensed texts before and after that of the candidate.
    """
    return kept_of(
        records,
        [(len(records) - 1, 1, code, place)],
        (others[0], text, others[1]),
        thresholds,
    )[0]


def kept_of(records, candidates, texts, thresholds=USUAL):
    """Return for each candidate (record, text, code, place) whether it is kept."""
    codes = np.frombuffer("".join(records).encode("utf-32-le"), np.uint32)
    offsets = np.cumsum([0, *map(len, records)])
    columns = Candidates(
        *(np.array(column, np.int32) for column in zip(*candidates, strict=True))
    )
    licensed = text_buffer(*texts)
    out = np.empty(len(candidates), np.int64)
    room = kernels.fingerprints_scratch(1000)
    count = kernels.agreeing(
        kernels.FingerprintedRecords(codes, offsets, fingerprints_of(codes, offsets)),
        licensed,
        columns,
        thresholds,
        room,
        out,
    )
    kept = out[:count].tolist()
    assert kept == sorted(set(kept))
    return [number in kept for number in range(len(candidates))]


@given(st.lists(st.text(max_size=40), max_size=4))
def test_fingerprints_of_records_are_separated_by_zeros(records):
    codes = np.frombuffer("".join(records).encode("utf-32-le"), np.uint32)
    between = [0] * kernels.GAP
    expected = between + [
        value
        for record in records
        for value in padded(naive.fingerprints(record), record) + between
    ]
    assert (
        fingerprints_of(codes, np.cumsum([0, *map(len, records)])).tolist() == expected
    )


def padded(values, record):
    return values + [0] * (len(record) - len(values))


@settings(max_examples=300)
@given(texts, texts, texts, st.tuples(texts, texts), st.data())
def test_candidates_are_kept_by_their_fingerprints(before, text, record, others, draw):
    code = draw.draw(st.integers(0, len(record) - 1))
    # In a damaged table, a place may be outside of its text.
    place = draw.draw(st.integers(0, len(naive.units(text)) + 9))
    assert kept([before, record], text, code, place, others) == naive.agrees(
        record, text, code, place, USUAL
    )


@given(
    st.text("abcdefghijklmnopqrstuvwxyz ", min_size=13, max_size=300),
    st.integers(0, 40),
    st.data(),
)
def test_a_copy_is_kept_at_any_position(text, before, draw):
    place = draw.draw(st.integers(0, len(text) - 1))
    assert kept(["x" * before + text], text, before + place, place)


@pytest.mark.parametrize(
    "letters", [string.ascii_lowercase, "abcdefg\u00e9\u0451\u4e00\u3042"]
)
@pytest.mark.parametrize(("size", "place"), [
    (14, 3), (29, 0), (29, 20), (54, 53), (67, 40), (68, 40), (69, 68), (100, 20), (100, 27), (100, 40), (100, 99),  # noqa: E501
])  # fmt: skip
def test_the_minimum_of_shared_wording_at_both_ends(letters, size, place):
    rng = random.Random(size)
    text, noise = (
        "".join(rng.choices(letters, k=size)),
        "".join(rng.choices(letters, k=size + 60)),
    )
    code = 30 + naive.units(text)[place][1]

    def begun(cut):
        return noise[:30] + text[:cut] + noise[30 + cut :]

    def ended(cut):
        return noise[: 30 + cut] + text[cut:] + noise[30 + size :]

    longest = bisect_left(
        range(size),
        True,
        key=lambda cut: not naive.agrees(ended(cut), text, code, place, USUAL),
    )
    shortest = bisect_left(
        range(size),
        True,
        key=lambda cut: naive.agrees(begun(cut), text, code, place, USUAL),
    )
    records = [
        begun(size),
        *(begun(shortest + i) for i in (-2, -1, 0, 1)),
        *(ended(longest + i) for i in (-2, -1, 0, 1)),
    ]
    for shift in (-14, -13, 14, 15):
        found = kept_of(
            records,
            [(row, 1, code + shift, place) for row in range(9)],
            ("z" * 9, text, "z" * 9),
        )
        assert found == [
            naive.agrees(record, text, code + shift, place, USUAL) for record in records
        ]


@pytest.mark.parametrize(("thresholds", "size", "least"), [
    (USUAL, 69, 0.44 * 64), (Thresholds(0.4, 0.9, 1, 40, 25, 6), 69, 0.44 * 64), (Thresholds(0.1, 0.25, 1, 40, 25, 6), 69, 0.9 * 64 * 25 / 69),  # noqa: E501
    (Thresholds(0.25, 0.1, 1, 1 << 40, 25, 6), 69, 0.9 * 64 * 25 / 69), (Thresholds(0.25, 0.5, 1, 20, 25, 6), 69, 16),  # noqa: E501
    (Thresholds(0.25, 0.5, 1, 1, 25, 6), 69, 1), (Thresholds(0.4, 0.9, 1, 1 << 40, 25, 6), 68, 0.81 * 64), (USUAL, 68, 0.45 * 64),  # noqa: E501
    (Thresholds(0.25, 0.5, 25, 40, 25, 6), 30, 0.75 * 26), (Thresholds(0.25, 0.5, 25, 40, 25, 6), 26, 0.9 * 22 * 25 / 26),  # noqa: E501
])  # fmt: skip
def test_a_candidate_needs_no_more_shared_wording_than_a_match(thresholds, size, least):
    rng = random.Random(1)
    text, noise = (
        "".join(rng.choices(string.ascii_lowercase, k=size)) for _ in range(2)
    )
    found = [
        kept([text[:cut] + noise[cut:]], text, 0, 0, thresholds=thresholds)
        for cut in range(size)
    ]
    assert found == [
        naive.agrees(text[:cut] + noise[cut:], text, 0, 0, thresholds)
        for cut in range(size)
    ]
    assert found.index(True) <= math.ceil(least) + 4


@pytest.mark.parametrize("size", [10, 30, 60, 100, 200])
def test_five_characters_of_four_bytes_may_be_anywhere(size):
    # If positions were bytes, the text after these characters would be out of range.
    rng = random.Random(size)
    letters = "".join(rng.choices(string.ascii_lowercase, k=size))
    for i in range(0, size, 4):
        text = letters[:i] + "\U0001f98a" * 5 + letters[i:]
        place = min(i + 31, size + 4)
        assert kept(["x" * 30 + text], text, 30 + place, place, ("", "y" * 99))


@pytest.mark.parametrize(("at", "expected"), [
    ([20, 20, 20], [True, False, False]), ([27, 13, 27], [True, False, False]), ([13, 27, 13], [True, False, False]),  # noqa: E501
    ([27, 12, 12], [True, True, False]), ([12, 27, 27], [True, True, False]), ([20, 96, 96], [True, True, False]),  # noqa: E501
])  # fmt: skip
def test_a_text_is_kept_once_for_each_diagonal(at, expected):
    text = (
        "the quick brown fox jumps over the lazy dog and runs away into the dark wood"
    )
    rows = [
        (record, number, code + 5 + i, 20 + i)
        for record in range(2)
        for number in range(2)
        for i, code in enumerate(at)
    ]
    assert kept_of(["xxxxx" + text * 2] * 2, rows, [text] * 2) == expected * 4


@pytest.mark.parametrize(
    "text",
    ["nobody asked the goat again", "\u043d\u0438\u043a\u0442\u043e \u043d\u0435"],
)
def test_a_text_with_too_few_letters_is_not_kept(text):
    size = len(text)
    for least in (size - 1, size, size + 1):
        assert kept_of(
            ["x" * 40 + text], [(0, 0, 40, 0)], [text], USUAL._replace(units=least)
        ) == [least <= size]


def test_diagonals_of_wide_texts_are_in_code_points():
    text = "".join(chr(0x4E00 + i * i % 5000) for i in range(60))
    # The first copy ends after 40 characters, each of which is two units.
    record = "xxxxx" + text[:40] + text
    first, other = [(0, 0, 5 + at, 2 * at) for at in (5, 25)]
    second = (0, 0, 45 + 45, 2 * 45)
    assert kept_of([record], [first, other, second], [text]) == [True, False, True]


def test_a_far_seed_may_begin_with_the_second_unit_of_a_character():
    text = "a" + "".join(chr(0x4E00 + i * i % 5000) for i in range(250))
    assert naive.units(text)[384][1] == 192 == naive.units(text)[383][1]
    assert kept(["xxxxx" + text], text, 5 + 192, 384)


def test_a_phrase_alone_is_not_kept():
    rng = random.Random(1)
    words = ["".join(rng.choices("abcdefghijklmnopqrstuvwxyz", k=6)) for _ in range(60)]
    text, record = (
        " ".join(words[:20]),
        " ".join([*words[20:40], *words[8:10], *words[40:]]),
    )
    place, code = text.index(words[8]), record.index(words[8])
    assert not kept([record], text, code, place)
    # From unit 384 on, the places of seeds are not exact.
    for start in (383 - place, 384 - place, 400):
        assert not kept([record], "x" * start + text, code, place + start)
        for before in (0, 20, 63):
            at = place + start - before
            assert kept([text], "x" * start + text, place, at) == (
                before == 0
                or (before == 20 and at >= 384)
                or (before == 63 and at >= 384)
            )
