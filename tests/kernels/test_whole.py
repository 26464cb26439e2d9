"""Test candidates for complete records against dictionaries."""

from collections import defaultdict
from random import Random

import numpy as np
import pytest

from provscan.index.segment.filters import bloom_filter
from provscan.kernels.records import (
    Candidates,
    EntryForm,
    Postings,
    Sketches,
    TextTable,
    counters,
    frozen,
)
from provscan.kernels.search import whole_records
from provscan.kernels.storage import postings as kernels

pytestmark = pytest.mark.kernels

BANDS, CAP, AGREE, MOST = 3, 4, 50, 3
TEXTS, BITS, TEXT_BITS = 40, 6, 8
KNOWN = 32 + BITS - TEXT_BITS


def table_of(rows):
    """Return a table of (key, text) with 2**BITS buckets and KNOWN of the 32 bits of a
    key.
    """
    entries = np.array(sorted(key << 32 | text for key, text in rows), np.uint64)
    starts, out = (
        np.full((1 << BITS) + 1, len(entries), np.uint32),
        np.empty(len(entries), np.uint32),
    )
    form = EntryForm(np.uint64(0), 0, 32, 0)
    kernels.bucket_offsets(entries, form, 0, BITS, starts)
    kernels.close_bucket_offsets(starts)
    kernels.pack_entries(entries, form, TEXT_BITS, KNOWN, out, np.empty(0, np.uint8))
    return Postings(out, starts, BITS, TEXT_BITS)


def filter_of(rows):
    """Return a filter of the keys."""
    words = np.zeros(16, np.uint64)
    kernels.mark_bands(
        np.array([key << 32 for key, _ in rows], np.uint64), KNOWN, bloom_filter(words)
    )
    return bloom_filter(words)


def runs_of(rows):
    runs = defaultdict(list)
    for key, text in sorted(rows):
        runs[key].append(text)
    return runs


def altered(rng, sketch, bits):
    return sketch ^ sum(1 << bit for bit in rng.sample(range(128), bits))


@pytest.mark.parametrize("records", [0, 1, 15, 16, 17, 50])
def test_candidates_are_equal_texts_and_the_most_similar_texts_of_the_bands(records):
    rng = Random(records)
    keys = [rng.getrandbits(KNOWN) << 32 - KNOWN for _ in range(12)]
    # Texts are so similar that a record has too many candidates, some equally good.
    sketches = [altered(rng, 0, rng.randrange(12)) for _ in range(TEXTS)]
    exact = [(rng.choice(keys), text) for text in range(TEXTS)]
    bands = [(rng.choice(keys), text) for text in range(TEXTS) for _ in range(BANDS)]
    of_key, of_band = runs_of(exact), runs_of(bands)
    text_key, band_key, own, expected, cut = [], [], [], [], 0
    for record in range(records):
        text_key.append(rng.choice([*keys, 1]))
        band_key.append([rng.choice([*keys, 1]) for _ in range(BANDS)])
        # The sketch differs in some bits from that of a text in one of the bands.
        near = rng.choice(of_band[band_key[-1][0]] or [0])
        own.append(altered(rng, sketches[near], rng.choice([0, 5, 14, 15, 16])))
        scored = dict.fromkeys(of_key[text_key[-1]][:MOST], 65)
        for key in band_key[-1]:
            cut += len(of_band[key]) > CAP
            for text in of_band[key][:CAP]:
                differing = own[-1] ^ sketches[text]
                same = 64 - ((differing | differing >> 64) & 2**64 - 1).bit_count()
                if same >= AGREE:
                    scored.setdefault(text, same)
        # The sort is stable, so of equally similar texts the first one is kept.
        expected += [
            (record, text)
            for text in sorted(scored, key=lambda text: -scored[text])[:MOST]
        ]

    def halves(numbers):
        return np.array([(n & 2**64 - 1, n >> 64) for n in numbers], np.uint64).reshape(
            -1, 2
        )

    def upper(keys, *shape):
        # The bits that are not in the tables are different.
        return (
            np.array(keys, np.uint64) << np.uint64(32)
            | np.uint64(2 ** (64 - KNOWN) - 1)
        ).reshape(*shape)

    table = frozen(
        TextTable(table_of(exact), table_of(bands), filter_of(bands), halves(sketches))
    )
    asked = Sketches(
        np.stack([upper(text_key, -1)] * 2, axis=1),
        halves(own),
        upper(band_key, -1, BANDS),
    )
    out, count = Candidates(*np.empty((4, records * MOST), np.int64)), counters()
    limits = whole_records.WholeLimits(
        band_texts=CAP, sketch_minima=AGREE, candidates=MOST
    )
    n = whole_records.whole_candidates(
        asked, table, limits, whole_records.whole_scratch(BANDS, MOST), out, count
    )
    assert (
        list(zip(out.record[:n].tolist(), out.text[:n].tolist(), strict=True))
        == expected
    )
    assert count.bands_cut[0] == cut
