"""Candidates by chains of seeds, against dictionaries."""

from random import Random

import naive_passages as naive
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provscan.index.postings import Postings
from provscan.index.seeds import Seeds, new_filter, with_shift
from provscan.kernels import bloom
from provscan.kernels import chaining as chains
from provscan.kernels import minimizers as seed_kernels

pytestmark = pytest.mark.kernels

CAP, MANY = 3, 1
UNITS, FREQUENT_UNITS = 2, 1
TEXTS = 6
# In units, some longer than one pair allows for.
SIZES = [1, 2, 3, 4, 6, 8]

# No 0: the hash of two is that of one.
keys = st.integers(1, 10).map(lambda key: key * 0x12345678 % 2**32)
# A record is seeds with the distance to the next one.
records = st.lists(st.lists(st.tuples(keys, st.integers(1, 8)), max_size=12), max_size=3)
# What the table holds: of a text a seed of the records, by its number, alone or with the next one, off the diagonal.
kinds, offs = st.sampled_from([0, 1, 1, 1]), st.sampled_from([0, 0, 0, 16, 17])
parts = st.lists(st.tuples(st.integers(0, TEXTS - 1), st.integers(0, 30), kinds, offs), max_size=40)


def table_of(pairs, lone):
    """Seeds with (hash, text, place) and (key, text, place) behind a directory of one bucket."""
    alone = np.array([key << 32 | text << 8 | place for key, text, place in lone], np.uint64)
    together = np.array([h >> 32 << 32 | text << 8 | place for h, text, place in pairs], np.uint64)
    rows = np.sort(np.concatenate([alone, together]))
    known, known_lone = new_filter(0), new_filter(0)
    bloom.mark_all(np.array([h for h, _, _ in pairs], np.uint64), *with_shift(known))
    seed_kernels.mark_seeds(alone, *with_shift(known_lone))
    return Seeds(Postings(rows, np.array([0, len(rows)], np.uint32), 0), known, known_lone, new_filter(0))


def worth(chain):
    return -1 if chain is None else chain["last"] + (8 if chain["done"] else min(chain["seeds"], 8))


def chained(pairs, lone, record, first_token):
    """(text, code, place) of one record's candidates, in the order in which they are found."""
    tokens, token = [], first_token
    for _, step in record:
        tokens.append(token)
        token += step
    open_chains, found = {}, []
    for s, (key, _) in enumerate(record):
        sought = [(lone, key, 0)]
        if s + 1 < len(record):
            sought.append((pairs, naive.pair_hash(key, record[s + 1][0]), 1))
        for entries, wanted, pair in sought:
            run = sorted((text, place) for other, text, place in entries if other == wanted)
            for text, place in run[:CAP]:
                diagonal, frequent, seeds, last = tokens[s] - place, len(run) > MANY, 1 + pair, s + pair
                places = open_chains.setdefault(text, [None] * chains.WAYS)
                ways = range(chains.WAYS if all(places[: chains.PAIR]) else chains.PAIR)
                near = [i for i in ways if places[i] and abs(places[i]["diagonal"] - diagonal) <= chains.DRIFT]
                # Else the place that is free, or of the chain that is short and has been idle.
                at = near[0] if near else min(ways, key=lambda i: worth(places[i]))
                chain = places[at] if near else None
                if chain:
                    seeds = chain["seeds"] + max(0, min(seeds, last - chain["last"]))
                    last, frequent = max(last, chain["last"]), frequent and chain["frequent"]
                done = chain is not None and chain["done"]
                enough = seeds * (FREQUENT_UNITS if frequent else UNITS) >= SIZES[text] or not pair
                if enough and not done:
                    found.append((text, 1000 + tokens[s], place))
                places[at] = {
                    "diagonal": diagonal, "seeds": seeds, "last": last, "frequent": frequent, "done": done or enough
                }  # fmt: skip
    return found


def laid_out(some):
    """Keys, tokens and bounds of records."""
    seeds, token_at, bounds = [], [], [0]
    for number, record in enumerate(some):
        token = 40 * number
        for key, step in record:
            seeds.append(key)
            token_at.append(token)
            token += step
        bounds.append(len(seeds))
    return seeds, token_at, bounds


@settings(max_examples=300)
@given(records, parts)
def test_candidates_are_texts_with_seeds_enough_on_one_diagonal(some, parts):
    seeds, token_at, bounds = laid_out(some)
    pairs, lone = set(), set()
    for text, at, pair, off in parts:
        if pair and at + 1 < len(seeds):
            pairs.add((naive.pair_hash(seeds[at], seeds[at + 1]), text, token_at[at] + off))
        elif not pair and at < len(seeds):
            lone.add((seeds[at], text, token_at[at] + off))
    assert found(seeds, token_at, bounds, pairs, lone) == expected_of(some, pairs, lone)


def expected_of(some, pairs, lone):
    return [(i, *row) for i, record in enumerate(some) for row in chained(pairs, lone, record, 40 * i)]


def found(seeds, token_at, bounds, pairs, lone):
    """Candidates of all records, as the kernel writes them."""
    state = (np.full((1 << chains.CHAIN_BITS, 4), -1, np.int32), np.array(SIZES, np.uint8), np.arange(256))
    out, counters = np.empty((20_000, 4), np.int64), np.zeros(4, np.int64)
    n = chains.seed_candidates(
        np.array(seeds, np.uint32), np.array(token_at, np.int32), np.array(token_at, np.int32) + np.int32(1000),
        np.array(bounds), 0, len(bounds) - 1, table_of(pairs, lone).looked_up(), (CAP, MANY), state,
        (UNITS, FREQUENT_UNITS),
        out, 0, counters,
    )  # fmt: skip
    assert n < len(out)
    assert counters[2] == 0
    return [tuple(row) for row in out[:n].tolist()]


@pytest.mark.parametrize("longest", [0, 3, 40, 700])
def test_it_does_not_matter_which_records_are_looked_up_together(longest):
    dice = Random(longest)
    alphabet = [dice.getrandbits(32) for _ in range(12)]
    some, size = [], 0
    while size < 3 * chains.CHUNK:
        record = [(dice.choice(alphabet), dice.randint(1, 8)) for _ in range(dice.randint(0, longest) or size % 2)]
        # Also records without a seed, where seeds are looked up together with those after them.
        some += [record, []] if dice.random() < 0.3 else [record]
        size += len(record) or 1
    seeds, token_at, bounds = laid_out(some)
    pairs = {(naive.pair_hash(a, b), dice.randrange(TEXTS), dice.randint(0, 30)) for a in alphabet for b in alphabet}
    lone = {(key, dice.randrange(TEXTS), dice.randint(0, 30)) for key in alphabet[:2]}
    assert found(seeds, token_at, bounds, pairs, lone) == expected_of(some, pairs, lone)
