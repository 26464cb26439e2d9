"""Seeds against their definition."""

import random
from itertools import pairwise

import naive_passages as naive
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tweets import SCRIPTS, sentence

from provscan.index import seed_scratch
from provscan.index.seeds import bloom_filter
from provscan.kernels import minimizers as kernels
from provscan.kernels.records import CodeBuffer, SeedParams, Seeds, TextBuffer, frozen

pytestmark = pytest.mark.kernels


def codes_of(*texts):
    """Code points of texts."""
    codes = np.array([ord(char) for text in texts for char in text], np.uint32)
    return CodeBuffer(codes, np.cumsum([0, *map(len, texts)]))


def minimizers(units, k, window):
    keys, places = room_for(len(units) + 1)
    n = kernels.minimizers(np.array(units, np.uint32), SeedParams(k, window), seed_scratch(1), keys, places)
    return list(zip(keys[:n].tolist(), places[:n].tolist(), strict=True))


def room_for(size):
    """Room for keys and places."""
    return np.empty(size, np.uint32), np.empty(size, np.int32)


def expected_minimizers(units, k, window):
    return [(naive.spread(key), place) for key, place in naive.minimizers(units, k, window)]


@settings(max_examples=50)
@given(
    st.lists(st.sampled_from([97, 98, 0x10FFFF, 0x1004E00]) | st.integers(0, 0x1FFFFFF), max_size=90),
    st.integers(4, 32),
    st.integers(1, 64),
)
def test_minimizers_are_the_least_of_their_windows(units, k, window):
    assert minimizers(units, k, window) == expected_minimizers(units, k, window)


def test_minimizers_across_the_border_of_a_chunk():
    rng = random.Random(1)
    units = [rng.randrange(97, 123) for _ in range(2300)]
    assert minimizers(units, 12, 8) == expected_minimizers(units, 12, 8)


@settings(max_examples=50)
@given(st.randoms(use_true_random=False), st.integers(4, 20), st.integers(1, 20))
def test_a_shared_stretch_shares_a_seed(rng, k, window):
    shared = [rng.randrange(97, 123) for _ in range(k + window - 1)]
    found = []
    for _ in range(2):
        head = [rng.randrange(97, 123) for _ in range(rng.randrange(30))]
        tail = [rng.randrange(97, 123) for _ in range(rng.randrange(30))]
        seeds = minimizers([*head, *shared, *tail], k, window)
        found.append({(key, place - len(head)) for key, place in seeds if 0 <= place - len(head) < window})
    assert found[0] & found[1]


def test_density():
    rng = random.Random(2)
    size = 4000
    seeds = minimizers([rng.randrange(97, 123) for _ in range(size)], 12, 8)
    assert len(seeds) / size == pytest.approx(2 / 9, rel=0.1)


@pytest.mark.parametrize("script", SCRIPTS)
def test_seeds_of_texts_stand_where_they_say(script):
    rng = random.Random(script)
    texts = [sentence(rng, script, letters) for letters in (0, 3, 9, 40, 120)]
    records = codes_of(*texts)
    size = 2 * len(records.codes) + 2
    dtypes = (np.uint32, np.int32, np.int32)
    seeds = Seeds(*(np.empty(size, dtype) for dtype in dtypes), np.empty(len(texts) + 1, np.int64))
    n = kernels.seeds_of(records, SeedParams(12, 8), seed_scratch(max(map(len, texts))), seeds)
    expected_bounds = [0]
    expected = []
    for text in texts:
        units = naive.units(text)
        for key, place in naive.minimizers([unit for unit, _ in units], 12, 8):
            expected.append((naive.spread(key), place, units[place][1]))
        expected_bounds.append(len(expected))
    assert list(zip(*(column[:n].tolist() for column in seeds[:3]), strict=True)) == expected
    assert seeds.bounds.tolist() == expected_bounds


@pytest.mark.parametrize("script", ["latin", "chinese"])
def test_entries_of_an_index(script):
    rng = random.Random(script)
    texts = [sentence(rng, script, letters) for letters in (30, 5, 250)]
    records = codes_of(*texts)
    entries = np.empty(2 * len(records.codes), np.uint64)
    n = kernels.seed_entries(records, 100, SeedParams(12, 8), seed_scratch(250 * 2), room_for(1000), entries)
    expected = [
        naive.spread(key) << 32 | 100 + number << 8 | kernels.place_code(place)
        for number, text in enumerate(texts)
        for key, place in naive.index_minimizers([unit for unit, _ in naive.units(text)], 12, 8)
    ]
    assert entries[:n].tolist() == expected


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 250), st.integers(0, 2**32 - 1)), max_size=30))
def test_kminmers_are_two_frequent_seeds_of_a_text_that_follow_each_other(parts):
    entries = [key << 32 | text << 8 | place for text, place, key in sorted(parts, key=lambda part: part[0])]
    frequent = {key for _, _, key in parts if key % 4}
    high_frequency = naive.key_filter([naive.seed_hash(key) for key in frequent], 10)
    hashes, out = np.empty(len(entries) + 1, np.uint64), np.empty(len(entries) + 1, np.uint64)
    n = kernels.kminmer_entries(
        np.array(entries, np.uint64), bloom_filter(np.array(high_frequency, np.uint64)), hashes, out
    )
    assert list(zip(hashes[:n].tolist(), out[:n].tolist(), strict=True)) == [
        (h := naive.kminmer_hash(a >> 32, b >> 32), h >> 32 << 32 | a % 2**32)
        for a, b in pairwise(entries)
        if a % 2**32 >> 8 == b % 2**32 >> 8 and all(naive.holds(high_frequency, e >> 32) for e in (a, b))
    ]


@given(
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 7)), max_size=90),
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2)), min_size=8, max_size=8),
)
def test_rare_seeds_have_few_places_or_those_of_variants(seeds, templates):
    """Keys and texts; of each text which template it has, and how many bits are others."""
    far = [0, 2**128 - 1, int("01" * 64, 2), int("0011" * 32, 2)]
    sketches = [divmod(far[template] ^ (2 ** (16 * more) - 1) << 30, 2**64) for template, more in templates]
    entries = np.array(sorted(key << 54 | text << 8 for key, text in seeds), np.uint64)
    rare, frequent = np.empty(len(entries), np.bool_), np.zeros(1 << 10, np.uint64)
    rows = np.array([int(entry) >> 8 & 7 for entry in entries], np.int64)
    kernels.rare_seeds(entries, rows, np.array(sketches, np.uint64), 2, bloom_filter(frequent), rare)
    texts = {key: [sketches[text] for other, text in seeds if other == key] for key, _ in seeds}
    few = {key for key, found in texts.items() if len(found) <= 2 or naive.are_variants(found)}
    assert rare.tolist() == [int(entry) >> 54 in few for entry in entries]
    assert np.flatnonzero(frequent).tolist() == sorted(set(texts) - few)


@settings(max_examples=80)
@given(st.randoms(use_true_random=False), st.integers(0, 80), st.integers(4, 20), st.integers(1, 20))
def test_an_index_has_every_seed_that_a_copy_of_a_short_text_has(rng, length, k, window):
    text, before, after = ([rng.randrange(97, 123) for _ in range(size)] for size in (length, 40, 40))
    keys, places = room_for(length + 1)
    n = kernels.index_minimizers(np.array(text, np.uint32), SeedParams(k, window), seed_scratch(1), keys, places)
    found = list(zip(keys[:n].tolist(), places[:n].tolist(), strict=True))
    assert found == [(naive.spread(key), place) for key, place in naive.index_minimizers(text, k, window)]
    if length <= kernels.SHORT:
        copy = [(key, place - 40) for key, place in minimizers(before + text + after, k, window)]
        assert {seed for seed in copy if 0 <= seed[1] <= length - k} <= set(found)


def test_a_text_shorter_than_a_seed_has_none():
    assert minimizers([97] * 11, 12, 8) == []
    assert len(minimizers([97] * 12, 12, 8)) == 1


@given(st.integers(0, 6000))
def test_place_codes(unit):
    code = kernels.place_code(unit)
    if unit >= 4480:
        assert code == -1
        return
    assert 0 <= code < 256
    step = 1 if unit < 128 else 4 if unit < 384 else 64
    assert 0 <= unit - kernels.place_of(code) < step
    assert kernels.place_code(kernels.place_of(code)) == code


@given(st.characters(exclude_categories=("Cs",)))
def test_wide_characters(char):
    assert bool(kernels.is_wide(np.uint32(ord(char)))) == naive.wide(char)


@given(st.lists(st.text() | st.text(st.sampled_from("aé語が한😀🦊𠀀一\u3040\u30ff"), max_size=600), max_size=4))
def test_text_sizes_count_units(texts):
    data = "".join(texts).encode()
    offsets = np.cumsum([0, *(len(text.encode()) for text in texts)])
    sizes = np.empty(len(texts), np.uint8)
    buffer = frozen(TextBuffer(np.frombuffer(data, np.uint8), offsets))
    kernels.text_sizes(buffer, 20, np.empty(len(data), np.uint32), sizes)
    assert sizes.tolist() == [min(255, -(-len(naive.units(text)) // 20)) for text in texts]
