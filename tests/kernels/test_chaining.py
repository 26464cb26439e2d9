"""Candidates by chains of seeds, against dictionaries."""

from random import Random

import naive_passages as naive
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from provscan.index.filters import bloom_filter, new_filter
from provscan.index.seeds import OpenSeeds as Table
from provscan.kernels import bloom, postings
from provscan.kernels import chaining as chains
from provscan.kernels import minimizers as seed_kernels
from provscan.kernels.records import Candidates, Postings, Seeds, counters, frozen

pytestmark = pytest.mark.kernels

LIMITS = chains.ChainLimits(places=3, frequent_places=1, size=2, frequent_size=1)
TEXTS = 6
# In steps, some longer than one k-min-mer allows for.
SIZES = [1, 2, 3, 4, 6, 8]

# No 0: the hash of two is that of one.
keys = st.integers(1, 10).map(lambda key: key * 0x12345678 % 2**32)
# A record is seeds with the distance to the next one.
records = st.lists(st.lists(st.tuples(keys, st.integers(1, 8)), max_size=12), max_size=3)
# What the table holds: of a text a seed of the records, by its number, alone or with the next one, off the diagonal.
kinds, offs = st.sampled_from([0, 1, 1, 1]), st.sampled_from([0, 0, 0, 16, 17])
parts = st.lists(st.tuples(st.integers(0, TEXTS - 1), st.integers(0, 30), kinds, offs), max_size=40)


def table_of(kminmers, rare):
    """Seeds with (hash, text, place) and (key, text, place) in a table."""
    alone = np.array([key << 32 | text << 8 | place for key, text, place in rare], np.uint64)
    together = np.array([h >> 32 << 32 | text << 8 | place for h, text, place in kminmers], np.uint64)
    rows = np.sort(np.concatenate([alone, together]))
    known, known_rare = new_filter(0), new_filter(0)
    bloom.mark_all(np.array([h for h, _, _ in kminmers], np.uint64), bloom_filter(known))
    seed_kernels.mark_seeds(alone, bloom_filter(known_rare))
    starts, out, places = (
        np.full(257, len(rows), np.uint32),
        np.empty(len(rows), np.uint32),
        np.empty(len(rows), np.uint8),
    )
    postings.bucket_offsets(rows, 0, 8, starts)
    postings.close_bucket_offsets(starts)
    postings.pack_entries(rows, 8, 32, 8, out, places)
    return Table(Postings(out, starts, 8, 8), places, known, known_rare, new_filter(0)).record


def worth(chain):
    return -1 if chain is None else chain["last"] + (8 if chain["done"] else min(chain["seeds"], 8))


def run_of(entries, wanted):
    return sorted((text, place) for key, text, place in entries if key == wanted)


def chained(kminmers, rare, record, first_unit):
    """(text, code, place) of one record's candidates, in the order in which they are found."""
    units, unit = [], first_unit
    for _, step in record:
        units.append(unit)
        unit += step
    open_chains, seen, found = {}, {}, []
    for s, (key, _) in enumerate(record):
        for text, place in run_of(rare, key)[: LIMITS.places]:
            unit, diagonal = seen.get(text, (-1000, 0))
            if units[s] - unit >= chains.APART or abs(units[s] - place - diagonal) > chains.BAND_WIDTH:
                seen[text] = units[s], units[s] - place
                found.append((text, 1000 + units[s], place))
        if s + 1 < len(record):
            run = run_of(kminmers, naive.kminmer_hash(key, record[s + 1][0]))
            for text, place in run[: LIMITS.places]:
                diagonal, frequent, seeds, last = units[s] - place, len(run) > LIMITS.frequent_places, 2, s + 1
                places = open_chains.setdefault(text, [None] * chains.WAYS)
                ways = range(chains.WAYS if all(places[: chains.PAIR]) else chains.PAIR)
                near = [i for i in ways if places[i] and abs(places[i]["diagonal"] - diagonal) <= chains.BAND_WIDTH]
                # Else the place that is free, or of the chain that is short and has been idle.
                at = near[0] if near else min(ways, key=lambda i: worth(places[i]))
                chain = places[at] if near else None
                if chain:
                    seeds = chain["seeds"] + max(0, min(seeds, last - chain["last"]))
                    last, frequent = max(last, chain["last"]), frequent and chain["frequent"]
                done = chain is not None and chain["done"]
                enough = seeds * (LIMITS.frequent_size if frequent else LIMITS.size) >= SIZES[text]
                if enough and not done:
                    found.append((text, 1000 + units[s], place))
                places[at] = {
                    "diagonal": diagonal, "seeds": seeds, "last": last, "frequent": frequent, "done": done or enough
                }  # fmt: skip
    return found


def laid_out(records):
    """Keys, places and bounds of records."""
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
def test_candidates_are_texts_with_seeds_enough_on_one_diagonal(records, parts):
    seeds, places, bounds = laid_out(records)
    kminmers, rare = set(), set()
    for text, at, is_kminmer, off in parts:
        if is_kminmer and at + 1 < len(seeds):
            kminmers.add((naive.kminmer_hash(seeds[at], seeds[at + 1]), text, places[at] + off))
        elif not is_kminmer and at < len(seeds):
            rare.add((seeds[at], text, places[at] + off))
    assert candidates(seeds, places, bounds, kminmers, rare) == expected_of(records, kminmers, rare)


def expected_of(records, kminmers, rare):
    return [(i, *row) for i, record in enumerate(records) for row in chained(kminmers, rare, record, 40 * i)]


def candidates(seeds, places, bounds, kminmers, rare):
    """Candidates of all records, as the kernel writes them."""
    none, sizes = np.zeros(0), np.array(SIZES, np.uint8)
    state = frozen(chains.ChainState(none, none, sizes, np.arange(256), np.zeros(0, np.int64)))
    open_chains, rare_seeds = np.full((2, 1 << chains.CHAIN_BITS, 4), -1, np.int32)
    state = state._replace(chains=open_chains, rare=rare_seeds)
    units = np.array(places, np.int32)
    of_records = Seeds(np.array(seeds, np.uint32), units, units + np.int32(1000), np.array(bounds))
    out = Candidates(*np.empty((4, 20_000), np.int64))
    n = chains.seed_candidates(
        of_records, table_of(kminmers, rare), LIMITS, state, chains.chain_scratch(), out, counters()
    )
    assert n < 20_000
    return list(zip(*(column[:n].tolist() for column in out), strict=True))


@pytest.mark.parametrize("longest", [0, 3, 40, 700])
def test_it_does_not_matter_which_records_are_looked_up_together(longest):
    rng = Random(longest)
    alphabet = [rng.getrandbits(32) for _ in range(12)]
    records, size = [], 0
    while size < 3 * chains.CHUNK:
        record = [(rng.choice(alphabet), rng.randint(1, 8)) for _ in range(rng.randint(0, longest) or size % 2)]
        # Also records without a seed, where seeds are looked up together with those after them.
        records += [record, []] if rng.random() < 0.3 else [record]
        size += len(record) or 1
    seeds, places, bounds = laid_out(records)
    kminmers = {
        (naive.kminmer_hash(a, b), rng.randrange(TEXTS), rng.randint(0, 30)) for a in alphabet for b in alphabet
    }
    rare = {(key, rng.randrange(TEXTS), rng.randint(0, 30)) for key in alphabet[:2]}
    assert candidates(seeds, places, bounds, kminmers, rare) == expected_of(records, kminmers, rare)
