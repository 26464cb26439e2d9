"""Test seeds against their definition."""

import random

import naive_match
import naive_passages as naive
import numpy as np
import pytest
from compiled import compiled
from hypothesis import given, settings
from hypothesis import strategies as st
from tweets import SCRIPTS, sentence

from provscan.index import seed_scratch
from provscan.index.segment.postings import SEEDS
from provscan.kernels.records import (
    CodeBuffer,
    SeedEntriesScratch,
    SeedParams,
    Seeds,
    TextBuffer,
    frozen,
)
from provscan.kernels.search import minimizers as kernels

pytestmark = pytest.mark.kernels
minimizers_of = compiled(kernels.minimizers)
index_minimizers = compiled(kernels.index_minimizers)
length_units, is_wide = compiled(kernels.length_units), compiled(kernels.is_wide)


def codes_of(*texts):
    """Return the code points of texts."""
    codes = np.array([ord(char) for text in texts for char in text], np.uint32)
    return CodeBuffer(codes, np.cumsum([0, *map(len, texts)]))


def text_buffer(texts):
    encoded = [text.encode() for text in texts]
    data = np.frombuffer(b"".join(encoded), np.uint8)
    return frozen(TextBuffer(data, np.cumsum([0, *map(len, encoded)])))


def minimizers(units, k, window):
    keys, places = room_for(len(units) + 1)
    n = minimizers_of(
        np.array(units, np.uint32), SeedParams(k, window), seed_scratch(1), keys, places
    )
    return list(zip(keys[:n].tolist(), places[:n].tolist(), strict=True))


def room_for(size):
    """Return arrays for keys and places."""
    return np.empty(size, np.uint32), np.empty(size, np.int32)


def expected_minimizers(units, k, window):
    return [
        (naive.spread(key), place) for key, place in naive.minimizers(units, k, window)
    ]


@settings(max_examples=50)
@given(
    st.lists(
        st.sampled_from([97, 98, 0x10FFFF, 0x1004E00]) | st.integers(0, 0x1FFFFFF),
        max_size=90,
    ),
    st.integers(4, 32),
    st.integers(1, 64),
)
def test_minimizers_are_the_smallest_of_their_windows(units, k, window):
    assert minimizers(units, k, window) == expected_minimizers(units, k, window)


@pytest.mark.parametrize("windows", [950, 959, 960, 961, 1920, 1921, 2300])
def test_minimizers_across_the_border_of_a_chunk(windows):
    rng = random.Random(windows)
    units = [rng.randrange(97, 123) for _ in range(windows + 12 - 1 + 8 - 1)]
    assert minimizers(units, 12, 8) == expected_minimizers(units, 12, 8)


@settings(max_examples=50)
@given(st.randoms(use_true_random=False), st.integers(4, 20), st.integers(1, 20))
def test_texts_with_a_common_stretch_have_a_common_seed(rng, k, window):
    shared = [rng.randrange(97, 123) for _ in range(k + window - 1)]
    found = []
    for _ in range(2):
        head = [rng.randrange(97, 123) for _ in range(rng.randrange(30))]
        tail = [rng.randrange(97, 123) for _ in range(rng.randrange(30))]
        seeds = minimizers([*head, *shared, *tail], k, window)
        found.append(
            {
                (key, place - len(head))
                for key, place in seeds
                if 0 <= place - len(head) < window
            }
        )
    assert found[0] & found[1]


def test_the_density_of_minimizers():
    rng = random.Random(2)
    size = 4000
    seeds = minimizers([rng.randrange(97, 123) for _ in range(size)], 12, 8)
    assert len(seeds) / size == pytest.approx(2 / 9, rel=0.1)


@pytest.mark.parametrize("script", SCRIPTS)
def test_the_positions_of_seeds(script):
    rng = random.Random(script)
    texts = [sentence(rng, script, letters) for letters in (0, 40, 3, 120, 9, 50)]
    records = codes_of(*texts)
    size = 2 * len(records.codes) + 2
    dtypes = (np.uint32, np.uint8, np.int32)
    seeds = Seeds(
        *(np.empty(size, dtype) for dtype in dtypes), np.full(len(texts) + 1, 7)
    )
    n = kernels.seeds_of(
        records, SeedParams(12, 8), seed_scratch(max(map(len, texts))), seeds
    )
    expected_bounds = [0]
    expected = []
    for text in texts:
        units = naive.units(text)
        for key, place in naive.minimizers([unit for unit, _ in units], 12, 8):
            expected.append((naive.spread(key), units[place][1]))
        expected_bounds.append(len(expected))
    assert (
        list(zip(seeds.keys[:n].tolist(), seeds.codes[:n].tolist(), strict=True))
        == expected
    )
    # A check depends on the units of a seed alone.
    of_key = dict(zip(seeds.keys[:n].tolist(), seeds.checks[:n].tolist(), strict=True))
    assert seeds.checks[:n].tolist() == [of_key[key] for key, _ in expected]
    assert len(set(of_key.values())) > len(of_key) // 3
    assert seeds.bounds.tolist() == expected_bounds


@pytest.mark.parametrize("script", ["latin", "chinese"])
def test_entries_of_an_index(script):
    rng = random.Random(script)
    texts = [sentence(rng, script, letters) for letters in (30, 5, 250)]
    buffer, longest = text_buffer(texts), 250 * 3
    entries, sizes = (
        np.empty(2 * len(buffer.text), np.uint64),
        np.empty(len(texts), np.uint8),
    )
    scratch = SeedEntriesScratch(
        np.empty(longest, np.uint32), *room_for(2 * longest + 2), seed_scratch(longest)
    )
    n = kernels.seed_entries(
        buffer, 100, SeedParams(12, 8), scratch, entries, 20, sizes, False
    )
    expected = [
        naive.spread(key) << 32 | 100 + number << 8 | kernels.place_code(place)
        for number, text in enumerate(texts)
        for key, place in naive.index_minimizers(
            [unit for unit, _ in naive.units(text)], 12, 8
        )
    ]
    assert entries[:n].tolist() == expected


@given(
    st.lists(
        st.tuples(st.integers(0, 4), st.integers(1, 40)),
        max_size=6,
        unique_by=lambda part: part[0],
    )
)
def test_levels_are_logarithms_of_the_number_of_places(parts):
    entries = np.array(
        sorted(key << 54 | place for key, count in parts for place in range(count)),
        np.uint64,
    )
    levels = np.empty(len(entries), np.uint8)
    kernels.seed_levels(entries, SEEDS.form(), levels)
    assert levels.tolist() == [
        (count - 1).bit_length() for _, count in sorted(parts) for _ in range(count)
    ]


def test_levels_have_a_maximum():
    levels = np.empty(2000, np.uint8)
    kernels.seed_levels(np.arange(2000, dtype=np.uint64), SEEDS.form(), levels)
    assert set(levels.tolist()) == {kernels.LAST_LEVEL}


@settings(max_examples=80)
@given(
    st.randoms(use_true_random=False),
    st.sampled_from([39, 40, 41]) | st.integers(0, 80),
    st.integers(4, 20),
    st.integers(1, 20),
)
def test_an_index_has_every_seed_that_a_copy_of_a_short_text_has(
    rng, length, k, window
):
    text, before, after = (
        [rng.randrange(97, 123) for _ in range(size)] for size in (length, 40, 40)
    )
    keys, places = room_for(length + 1)
    n = index_minimizers(
        np.array(text, np.uint32), SeedParams(k, window), seed_scratch(1), keys, places
    )
    found = list(zip(keys[:n].tolist(), places[:n].tolist(), strict=True))
    assert found == [
        (naive.spread(key), place)
        for key, place in naive.index_minimizers(text, k, window)
    ]
    if length <= kernels.SHORT and k <= kernels.SHORT_LENGTH:
        copy = [
            (key, place - 40)
            for key, place in minimizers(before + text + after, k, window)
        ]
        assert {seed for seed in copy if 0 <= seed[1] <= length - k} <= set(found)


def test_a_text_shorter_than_a_seed_has_none():
    assert minimizers([97] * 11, 12, 8) == []
    assert len(minimizers([97] * 12, 12, 8)) == 1


def test_place_codes():
    for unit in range(4480):
        code = kernels.place_code(unit)
        assert 0 <= code < 256
        step = 1 if unit < 128 else 4 if unit < 384 else 64
        assert kernels.place_of(code) == unit // step * step
    assert [kernels.place_code(unit) for unit in (4480, 4481, 10**6)] == [-1] * 3


EDGES = [0x3040, 0x3100, 0x3400, 0xA000, 0xAC00, 0xD7B0, 0x20000, 0x32000]


@given(st.characters(exclude_categories=("Cs",)))
def test_wide_characters(char):
    assert bool(is_wide(np.uint32(ord(char)))) == naive.wide(char)


@pytest.mark.parametrize("char", [chr(edge - i) for edge in EDGES for i in (0, 1)])
def test_units_are_counted(char):
    text = f"abc{char}d{5 * char}\U0001f98a"
    codes = codes_of(text).codes
    for low, high in ((0, 11), (3, 4), (2, 5), (4, 11), (0, 3)):
        assert length_units(codes, low, high) == naive_match.units(text[low:high])


def sizes_of(texts):
    buffer = text_buffer(texts)
    longest = len(buffer.text)
    scratch = SeedEntriesScratch(
        np.empty(longest, np.uint32), *room_for(2 * longest + 2), seed_scratch(longest)
    )
    sizes = np.empty(len(texts), np.uint8)
    kernels.seed_entries(
        buffer,
        0,
        SeedParams(12, 8),
        scratch,
        np.empty(2 * longest, np.uint64),
        20,
        sizes,
        False,
    )
    return sizes.tolist()


@given(
    st.lists(
        st.text()
        | st.text(st.sampled_from("aé語が한😀🦊𠀀一\u3040\u30ff"), max_size=600),
        max_size=4,
    )
)
def test_sizes_of_texts_count_units(texts):
    assert sizes_of(texts) == [
        min(255, -(-len(naive.units(text)) // 20)) for text in texts
    ]


@pytest.mark.parametrize(
    ("length", "expected"), [(5_080, 254), (5_081, 255), (5_100, 255), (5_101, 255)]
)
def test_the_maximum_size_of_long_texts(length, expected):
    assert sizes_of(["a" * length]) == [expected]
