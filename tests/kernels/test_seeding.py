"""Test candidates that share seeds with records against dictionaries."""

from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from provscan.index.segment.filters import new_filter
from provscan.index.segment.postings import SEEDS
from provscan.kernels.records import (
    Candidates,
    Postings,
    Seeds,
    SeedTable,
    counters,
    frozen,
    read_only,
)
from provscan.kernels.search import minimizers, seeding
from provscan.kernels.storage import postings

pytestmark = pytest.mark.kernels

LIMIT = 8
TEXTS = 6

keys = st.integers(1, 10).map(lambda key: key * 0x12345678 % 2**32)
# A record is a list of seeds, each with the distance to the next one.
records = st.lists(
    st.lists(st.tuples(keys, st.integers(1, 8)), max_size=12), max_size=3
)
# The content of the table: a text, the number of a seed in the records, and its
# distance from the diagonal.
offs = st.sampled_from([0, 0, 0, 16, 17])
parts = st.lists(
    st.tuples(st.integers(0, TEXTS - 1), st.integers(0, 30), offs), max_size=60
)


def table_of(contents):
    """Return a table of seeds (key, text, place)."""
    rows = np.sort(
        np.array(
            [key << 32 | text << 8 | place for key, text, place in contents], np.uint64
        )
    )
    known = new_filter(0)
    minimizers.mark_seeds(rows, SEEDS.form(), known)
    starts, out, places = (
        np.full(257, len(rows), np.uint32),
        np.empty(len(rows), np.uint32),
        np.empty(len(rows), np.uint8),
    )
    postings.bucket_offsets(rows, SEEDS.form(), 0, 8, starts)
    postings.close_bucket_offsets(starts)
    postings.pack_entries(rows, SEEDS.form(), 8, 32, out, places)
    return frozen(SeedTable(Postings(out, starts, 8, 8), places, known))


def of_record(contents, record, first_unit, limit):
    """Return (text, code, place) of the candidates in a record, in the order in which
    they are found.
    """
    unit, found = first_unit, []
    for key, step in record:
        run = sorted((text, place) for other, text, place in contents if other == key)
        found += [
            (text, unit, place)
            for text, place in (run if len(run) <= limit else run[: max(1, limit // 4)])
        ]
        unit += step
    return found


def laid_out(records):
    """Return the keys and places of all seeds, and the bounds of records."""
    seeds, places, bounds = [], [], [0]
    for number, record in enumerate(records):
        unit = 40 * number
        for key, step in record:
            seeds.append(key)
            places.append(unit)
            unit += step
        bounds.append(len(seeds))
    return seeds, places, bounds


@given(records, parts)
def test_candidates_are_texts_that_share_a_seed(records, parts):
    seeds, places, bounds = laid_out(records)
    contents = {
        (seeds[at], text, places[at] + off)
        for text, at, off in parts
        if at < len(seeds)
    }
    assert candidates(seeds, places, bounds, contents) == expected_of(records, contents)


def expected_of(records, contents, limit=LIMIT):
    return [
        (i, *row)
        for i, record in enumerate(records)
        for row in of_record(contents, record, 40 * i, limit)
    ]


def candidates(
    seeds, places, bounds, contents, limit=LIMIT, place_of=tuple(range(256))
):
    """Return the candidates in all records that the kernel finds. ``place_of`` has the
    place for each code.
    """
    # Seeds before the first record and after the last one belong to no record.
    other = [key for key, _, _ in contents][:1] * 9
    codes = np.array([0] * len(other) + places + [0] * len(other), np.int32)
    keys = np.array([*other, *seeds, *other], np.uint32)
    of_records = Seeds(
        keys, np.zeros(0, np.uint8), codes, np.array(bounds) + len(other)
    )
    out = Candidates(*np.empty((4, 20_000), np.int32))
    count, table = counters(), table_of(contents)
    scratch = seeding.seeding_scratch(limit)
    place_of = read_only(np.array(place_of))
    n = seeding.seed_candidates(of_records, table, limit, place_of, scratch, out, count)
    assert n < 20_000
    by_key = {key: sum(other == key for other, _, _ in contents) for key in seeds}
    assert count.seeds_cut[0] == sum(by_key[key] > limit for key in seeds)
    return list(zip(*(column[:n].tolist() for column in out), strict=True))


@pytest.mark.parametrize("limit", [1, 3, 8, 16, 100])
@pytest.mark.parametrize("more", [0, 1, 70])
def test_only_a_few_places_of_a_frequent_seed_are_read(limit, more):
    records = [[(5, 1)]]
    contents = {(5, text, 0) for text in range(limit + more)}
    assert candidates(*laid_out(records), contents, limit) == expected_of(
        records, contents, limit
    )


@pytest.mark.parametrize("others", [0, 40, 90])
def test_the_seeds_of_a_bucket_of_any_size_are_told_apart(others):
    """Keys whose upper eight bits are equal share a bucket."""
    records = [[(0x12345678, 1), (0x12345679, 1)]]
    contents = {(0x12345679, text, text) for text in range(LIMIT)}
    contents |= {(0x12000000 + key, 7, 0) for key in range(others)}
    contents |= {(0x12FFFFFF - key, 7, 0) for key in range(others)}
    assert candidates(*laid_out(records), contents) == expected_of(records, contents)


@pytest.mark.parametrize("code", [0, 127, 255])
def test_a_candidate_has_the_place_of_its_code(code):
    place_of = range(1000, 1256)
    found = candidates([6], [5], [0, 1], {(6, 3, code)}, place_of=place_of)
    assert found == [(0, 3, 5, 1000 + code)]


@pytest.mark.parametrize("longest", [0, 3, 40, 700])
def test_candidates_do_not_depend_on_which_records_are_looked_up_together(longest):
    rng = Random(longest)
    alphabet = [rng.getrandbits(32) for _ in range(12)]
    records, size = [], 0
    while size < 3 * seeding.CHUNK:
        record = [
            (rng.choice(alphabet), rng.randint(1, 8))
            for _ in range(rng.randint(0, longest) or size % 2)
        ]
        # Some records have no seeds.
        records += [record, []] if rng.random() < 0.3 else [record]
        size += len(record) or 1
    seeds, places, bounds = laid_out(records)
    contents = {
        (key, rng.randrange(TEXTS), rng.randint(0, 30))
        for key in alphabet[:8]
        for _ in range(rng.choice([1, 4, 12]))
    }
    assert candidates(seeds, places, bounds, contents) == expected_of(records, contents)
