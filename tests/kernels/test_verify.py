"""Verification: the similarity of a span is that of the naive sets, and one licensed text wins a place."""

import random

import naive
import naive_passages
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tweets import SCRIPTS, edited, sentence

from provscan.kernels import prefilter as screen_kernels
from provscan.kernels import verify as kernels
from provscan.matching.verified import VerifiedCandidates, winners

pytestmark = pytest.mark.kernels
THRESHOLD, LEAST_SHARE = 0.3, 0.3


def codes_of(texts):
    return np.array([ord(c) for text in texts for c in text], np.uint32), np.cumsum([0, *map(len, texts)])


def hashes_of(codes):
    hashes = np.empty(len(codes), np.uint32)
    kernels.gram_hashes(codes, hashes)
    return hashes


def verify(records, pairs, texts, threshold=THRESHOLD, least_share=LEAST_SHARE, least_weight=1):
    """Rows (candidate, span, copied, grams, similarity) of candidates (record, code, place) with one text each."""
    codes, offsets = codes_of(records)
    licensed, text_offsets = codes_of(texts)
    size = 2 * (max(map(len, texts)) + max(map(len, records)) + 64)
    table = 1 << (4 * size).bit_length()
    n = len(pairs)
    out = np.full(n, -1), np.full((n, 2), -1), np.full((n, 2), -1), np.full((n, 3), -1, np.int32), np.zeros(n)
    count = kernels.verify(
        codes, hashes_of(codes), offsets, licensed, hashes_of(licensed), text_offsets,
        np.array([p[0] for p in pairs]), np.array([p[1] for p in pairs]), np.array([p[2] for p in pairs]), 0, n,
        threshold, least_share, least_weight,
        np.empty(table, np.int32), np.empty(size, np.int32), np.empty(table, np.int32), np.empty(size, np.int32),
        np.empty(size, np.bool_), np.empty(size, np.int32), *out,
    )  # fmt: skip
    return [tuple(column[i].tolist() for column in out) for i in range(count)]


def screened(records, pairs, texts, least_share, least_weight=1):
    """The candidates (record, code, place) with one text each that the screen lets through."""
    codes, offsets = codes_of(records)
    raw = [text.encode() for text in texts]
    room = max(map(len, raw))
    kept = np.zeros(len(pairs), np.bool_)
    screen_kernels.screen(
        hashes_of(codes), offsets, np.frombuffer(b"".join(raw), np.uint8), np.cumsum([0, *map(len, raw)]),
        np.array([p[0] for p in pairs]), np.arange(len(pairs)), np.array([p[1] for p in pairs]),
        np.array([p[2] for p in pairs]), least_share, least_weight, np.empty(room, np.uint32),
        np.empty(room, np.uint32), np.empty(1 << screen_kernels.FILTER_BITS, np.uint8), kept,
    )  # fmt: skip
    return set(np.flatnonzero(kept).tolist())


def tokens_before(text, place):
    return sum(2 if naive_passages.wide(char) else 1 for char in text[:place])


def canonical_sentence(rng, script, letters):
    return naive.canonical(sentence(rng, script, letters)) or "x"


@pytest.mark.parametrize("script", SCRIPTS)
def test_similarity_is_that_of_the_sets(script):
    rng = random.Random(script)
    records, pairs, texts = [], [], []
    for number in range(40):
        text = canonical_sentence(rng, script, rng.randrange(6, 160))
        before = naive.canonical(sentence(rng, script, rng.randrange(0, 80)))
        copy = naive.canonical(edited(rng, text, rng.choice([0, 0.02, 0.05, 0.1])))
        record = " ".join(filter(None, [before, copy, naive.canonical(sentence(rng, script, rng.randrange(0, 80)))]))
        start = record.index(copy)
        middle = len(copy) // 2
        known = rng.random() < 0.7
        texts.append(text)
        records.append(record)
        pairs.append((number, start + middle, tokens_before(text, middle)) if known else (number, -1, 0))
    rows = verify(records, pairs, texts)
    assert len(rows) > 20
    assert {candidate for candidate, *_ in rows} <= screened(records, pairs, texts, LEAST_SHARE)
    for candidate, (start, stop), (head, tail), grams, similarity in rows:
        text, span = texts[candidate], records[candidate][start:stop]
        assert similarity == pytest.approx(naive.jaccard(text, span), abs=1e-6)
        assert grams[0] / grams[1] == pytest.approx(naive.containment(text, span), abs=1e-6)
        assert grams[2] == len(naive.grams(span))
        assert similarity >= THRESHOLD
        assert grams[0] >= LEAST_SHARE * grams[1]
        assert not span.startswith(" ")
        assert not span.endswith(" ")
        assert -1 <= head < len(text)
        assert -1 <= tail <= len(text)
    exact = {candidate for candidate, *_, similarity in rows if similarity == 1}
    assert {i for i in range(40) if texts[i] in records[i] and len(texts[i]) > 30} <= exact


@settings(max_examples=60)
@given(st.text("ab ", min_size=1, max_size=40), st.text("ab ", min_size=1, max_size=60), st.booleans())
def test_any_two_texts(text, record, known):
    """Few letters repeat themselves: the sets are much smaller than the texts are long."""
    text, record = naive.canonical(text) or "a", naive.canonical(record) or "b"
    place = min(3, len(text) - 1, len(record) - 1)
    pairs = [(0, place if known else -1, place if known else 0)]
    rows = verify([record], pairs, [text], 0.1, 0.1)
    assert len(rows) <= len(screened([record], pairs, [text], 0.1))
    for _, (start, stop), _, grams, similarity in rows:
        span = record[start:stop]
        assert similarity == pytest.approx(naive.jaccard(text, span), abs=1e-6)
        assert grams[0] / grams[1] == pytest.approx(naive.containment(text, span), abs=1e-6)
    if record == text:
        assert [row[-1] for row in rows] == [1.0]


def test_the_screen_stops_what_has_too_few_grams_in_common():
    rng = random.Random(8)
    texts = [canonical_sentence(rng, "latin", 80) for _ in range(40)]
    records = [f"{text[:share]} {canonical_sentence(rng, 'latin', 80)}" for text in texts for share in (16, 70)]
    pairs = [(number, 0, 0) for number in range(len(records))]
    kept = screened(records, pairs, [text for text in texts for _ in range(2)], 0.55)
    assert {number for number in kept if number % 2} == set(range(1, len(records), 2))
    assert sum(number % 2 == 0 for number in kept) <= 2


def test_no_span_is_much_better_than_the_one_that_is_found():
    """The greatest index of hits is close to the greatest Jaccard index: the difference are repeated 5-grams."""
    rng = random.Random(5)
    for _ in range(20):
        text = canonical_sentence(rng, "latin", 40)
        copy = naive.canonical(edited(rng, text, 0.05))
        record = f"{canonical_sentence(rng, 'latin', 15)} {copy} {canonical_sentence(rng, 'latin', 15)}"
        (row,) = verify([record], [(0, record.index(copy), 0)], [text], 0.1, 0.1)
        best = max(naive.jaccard(text, record[i:j]) for i in range(len(record)) for j in range(i + 5, len(record) + 1))
        # What aligning an edited edge adds to a span may cost a little similarity.
        assert row[-1] >= best - 0.12


@pytest.mark.parametrize(("text", "record", "least", "found"), [
    ("short", "short", 5, 1), ("short", "short", 6, 0), ("abc", "abc", 1, 1), ("abc", "abd", 1, 0),
    ("abc", "abc d", 1, 0), ("日本語", "日本語", 6, 1), ("日本語", "日本語", 7, 0), ("a longer text", "none", 1, 0),
])  # fmt: skip
def test_least_lengths(text, record, least, found):
    assert len(verify([record], [(0, -1, 0)], [text], least_weight=least)) == found


def test_what_is_in_common_has_a_least_length():
    text = "the beginning of it and then an end that nobody expected here"
    record = "the beginning of it and then another thing altogether was said"
    common = len(naive.grams(text) & naive.grams(record)) + 4
    assert len(verify([record], [(0, -1, 0)], [text], 0.2, 0.2, common)) == 1
    assert len(verify([record], [(0, -1, 0)], [text], 0.2, 0.2, common + 2)) == 0


@given(st.text(max_size=30))
def test_hashes_of_5_grams(text):
    codes, _ = codes_of([text])
    hashes = hashes_of(codes)
    grams = {text[i : i + 5] for i in range(len(text) - 4)}
    assert len({(text[i : i + 5], int(hashes[i])) for i in range(len(text) - 4)}) == len(grams)
    assert not hashes[max(0, len(text) - 4) :].any()


# Start and length in units of 20 code points, or 1: within a cell of the grid, or over several.
ROWS = st.lists(
    st.tuples(
        st.integers(0, 30), st.integers(1, 12), st.integers(1, 9), st.integers(0, 9), st.sampled_from([0.5, 0.9]),
        st.sampled_from([-1, 3, 4]),
    ),
    max_size=9,
)  # fmt: skip


@settings(max_examples=80)
@given(st.lists(ROWS, min_size=1, max_size=3), st.sampled_from([1, 20]))
def test_one_licensed_text_wins_a_place(records, unit):
    flat = [(number, *row) for number, rows in enumerate(records) for row in rows]
    n = len(flat)
    rows = VerifiedCandidates(
        record=np.array([row[0] for row in flat], np.int64),
        text=np.arange(n)[::-1].copy(),
        span=unit * np.array([(row[1], row[1] + row[2]) for row in flat], np.int64).reshape(-1, 2),
        copied=np.array([(0, row[6]) for row in flat], np.int64).reshape(-1, 2),
        grams=np.array([(row[3], row[3] + row[4], row[3] + 1) for row in flat], np.int32).reshape(-1, 3),
        similarity=np.array([row[5] for row in flat]),
    )
    expected = []
    for number in range(len(records)):
        mine = [i for i in range(n) if rows.record[i] == number]
        named = [
            (
                rows.span[i].tolist(),
                rows.grams[i, 0] - 0.5 * (rows.grams[i, 1] + rows.grams[i, 2] - 2 * rows.grams[i, 0]),
                rows.similarity[i],
                # Of rows that are as good, the one that more of the text is a copy of, then the lower text.
                (-max(rows.copied[i, 1], 0), rows.text[i]),
            )
            for i in mine
        ]
        expected += [mine[i] for i in naive_passages.resolved(named)]
    assert np.flatnonzero(winners(rows)).tolist() == expected
