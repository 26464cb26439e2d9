"""Test verification: similarities equal those of naive sets, and one licensed text is
kept per place.
"""

import random

import naive
import naive_match
import naive_passages
import numpy as np
import pytest
from compiled import compiled
from hypothesis import given, settings
from hypothesis import strategies as st
from tweets import SCRIPTS, edited, sentence

from provscan.kernels.records import Candidates, CodeBuffer, Thresholds, VerifiedRows
from provscan.kernels.search import grams as gram_kernels
from provscan.kernels.search import verify as kernels
from provscan.kernels.search.grams import IndexedText
from provscan.matching.overlaps import overlap_suppression
from provscan.matching.verify import VerifiedCandidates, grams_of

pytestmark = pytest.mark.kernels
decide, least_hits = compiled(kernels.decide), compiled(kernels.least_hits)
mark_grams = compiled(gram_kernels.mark_grams)
count_marked = compiled(gram_kernels.count_marked)
THRESHOLD, CONTAINMENT = 0.3, 0.3
# A minimum length of a stretch that no text reaches.
NEVER = 10_000
NO_TEXT = IndexedText(
    np.zeros(0, np.uint32), 0, np.zeros(0, np.int32), np.zeros(0, np.int32)
)


def codes_of(texts):
    return CodeBuffer(
        np.array([ord(c) for text in texts for c in text], np.uint32),
        np.cumsum([0, *map(len, texts)]),
    )


def candidates_of(pairs):
    record, code, place = (np.array([pair[i] for pair in pairs]) for i in range(3))
    return Candidates(record, np.arange(len(pairs)), code, place)


def verify(
    records,
    pairs,
    texts,
    threshold=THRESHOLD,
    containment=CONTAINMENT,
    units=1,
    stretch=NEVER,
    failed=False,
):
    """Return the verified rows of candidates (record, code, place), one for each
    text.
    """
    n = len(pairs)
    out = VerifiedRows(
        np.full(n, -1),
        np.full((n, 2), -1),
        np.full((n, 2), -1),
        np.full((n, 3), -1, np.int32),
        np.zeros(n),
        np.zeros(n, np.uint8),
        np.zeros((n, 2)),
    )
    room = kernels.verify_scratch(max(map(len, records)), max(map(len, texts)))
    count = kernels.verify(
        grams_of(codes_of(records), "records"),
        grams_of(codes_of(texts), "texts"),
        candidates_of(pairs),
        Thresholds(threshold, containment, units, stretch, 25, 6),
        room,
        out,
        failed,
    )
    return [tuple(column[i].tolist() for column in out) for i in range(count)]


def units_before(text, place):
    return sum(2 if naive_passages.wide(char) else 1 for char in text[:place])


def canonical_sentence(rng, script, letters):
    return naive.canonical(sentence(rng, script, letters)) or "x"


@pytest.mark.parametrize("script", SCRIPTS)
def test_similarity_and_containment_equal_those_of_naive_sets(script):
    rng = random.Random(script)
    records, pairs, texts = [], [], []
    for number in range(40):
        text = canonical_sentence(rng, script, rng.randrange(6, 160))
        before = naive.canonical(sentence(rng, script, rng.randrange(0, 80)))
        copy = naive.canonical(edited(rng, text, rng.choice([0, 0.02, 0.05, 0.1])))
        record = " ".join(
            filter(
                None,
                [
                    before,
                    copy,
                    naive.canonical(sentence(rng, script, rng.randrange(0, 80))),
                ],
            )
        )
        start = record.index(copy)
        middle = len(copy) // 2
        known = rng.random() < 0.7
        texts.append(text)
        records.append(record)
        pairs.append(
            (number, start + middle, units_before(text, middle))
            if known
            else (number, -1, 0)
        )
    rows = verify(records, pairs, texts)
    assert len(rows) > 20
    for candidate, (start, stop), (head, tail), grams, similarity, way, (
        letters,
        _,
    ) in rows:
        text, span = texts[candidate], records[candidate][start:stop]
        assert similarity == pytest.approx(naive.jaccard(text, span), abs=1e-6)
        assert grams[0] / grams[1] == pytest.approx(
            naive.containment(text, span), abs=1e-6
        )
        assert grams[2] == len(naive.grams(span))
        assert way == kernels.WHOLE
        assert letters == pytest.approx(
            naive.containment(text, span) * naive_match.units(text)
        )
        assert similarity >= THRESHOLD
        assert grams[0] >= CONTAINMENT * grams[1]
        assert not span.startswith(" ")
        assert not span.endswith(" ")
        assert -1 <= head < len(text)
        assert -1 <= tail <= len(text)
    exact = {candidate for candidate, *_, similarity, _, _ in rows if similarity == 1}
    assert {
        i for i in range(40) if texts[i] in records[i] and len(texts[i]) > 30
    } <= exact


@settings(max_examples=60)
@given(
    st.text("ab ", min_size=1, max_size=40),
    st.text("ab ", min_size=1, max_size=60),
    st.booleans(),
)
def test_texts_with_many_repeated_5_grams(text, record, known):
    """Texts of few letters repeat 5-grams, so their sets are much smaller than the
    texts.
    """
    text, record = naive.canonical(text) or "a", naive.canonical(record) or "b"
    place = min(3, len(text) - 1, len(record) - 1)
    pairs = [(0, place if known else -1, place if known else 0)]
    rows = verify([record], pairs, [text], 0.1, 0.1)
    for _, (start, stop), _, grams, similarity, *_ in rows:
        span = record[start:stop]
        assert similarity == pytest.approx(naive.jaccard(text, span), abs=1e-6)
        assert grams[0] / grams[1] == pytest.approx(
            naive.containment(text, span), abs=1e-6
        )
    if record == text:
        assert [row[4] for row in rows] == [1.0]


def test_no_other_span_is_much_more_similar():
    """The span is chosen by an index that counts repeated 5-grams, so its Jaccard index
    may be slightly lower than the maximum.
    """
    rng = random.Random(5)
    for _ in range(20):
        text = canonical_sentence(rng, "latin", 40)
        copy = naive.canonical(edited(rng, text, 0.05))
        record = (
            f"{canonical_sentence(rng, 'latin', 15)} {copy} "
            f"{canonical_sentence(rng, 'latin', 15)}"
        )
        place = [(0, record.index(copy), 0)]
        (row,) = verify([record], place, [text], 0.1, 0.1, failed=True)
        best = max(
            naive.jaccard(text, record[i:j])
            for i in range(len(record))
            for j in range(i + 5, len(record) + 1)
        )
        # Aligning an edited edge extends a span, which may cost a little similarity.
        assert row[4] >= best - 0.12


@pytest.mark.parametrize(("text", "record", "least", "found"), [
    ("short", "short", 5, 1), ("short", "short", 6, 0), ("abc", "abc", 1, 1), ("abc", "abd", 1, 0),  # noqa: E501
    ("abc", "abc d", 1, 0), ("日本語", "日本語", 6, 1), ("日本語", "日本語", 7, 0), ("a longer text", "none", 1, 0),  # noqa: E501
])  # fmt: skip
def test_the_minimum_number_of_letters_of_short_texts(text, record, least, found):
    assert len(verify([record], [(0, -1, 0)], [text], units=least)) == found


def test_the_minimum_number_of_letters_in_common():
    text = "the beginning of it and then an end that nobody expected here"
    record = "the beginning of it and then another thing altogether was said"
    letters = naive.containment(text, record) * len(text)
    assert len(verify([record], [(0, -1, 0)], [text], 0.2, 0.2, int(letters))) == 1
    assert len(verify([record], [(0, -1, 0)], [text], 0.2, 0.2, int(letters) + 1)) == 0


@settings(max_examples=1000)
@given(
    st.integers(5, 60),
    st.just(0) | st.integers(0, 60),
    st.tuples(
        st.floats(0, 1),
        st.floats(0, 1),
        st.integers(1, 40),
        st.integers(5, 50) | st.just(NEVER),
    ),
    st.data(),
)
def test_the_minimum_number_of_hits_excludes_no_match(length, wide, values, draw):
    units = length + min(wide, length)
    distinct = draw.draw(st.integers(max(1, length - 9), length - 4))
    common = draw.draw(st.integers(1, distinct))
    limits = Thresholds(*values, 25, 6)
    # The best case for this number of 5-grams: the span has no others, and all of them
    # are in one stretch.
    fit = kernels.Fit(0, length, common, common, 0, 0)
    text = kernels.Text(NO_TEXT, length, units, distinct)
    stretch = (common + 4) * units / length
    if decide(fit, stretch, text, limits) != kernels.NEITHER:
        assert least_hits(length, units, distinct, limits) <= common + 1e-6


@given(st.text("ab c", min_size=5, max_size=80), st.text("ab c", min_size=5))
def test_marks_count_at_least_the_common_5_grams(record, text):
    marks, own = np.empty((2, 64), np.uint64)
    hashes, of_text = (
        grams_of(codes_of([each]), purpose).hashes
        for each, purpose in ((record, "records"), (text, "texts"))
    )
    mark_grams(hashes, 0, len(record) - 4, marks)
    mark_grams(of_text, 0, len(text) - 4, own)
    common = len(naive.grams(record) & naive.grams(text))
    assert count_marked(of_text, 0, len(text) - 4, marks) >= common
    assert sum(int(word).bit_count() for word in own) <= len(naive.grams(text))


@pytest.mark.parametrize("known", [True, False])
def test_swapped_parts_are_one_span(known):
    text = "abcdefghijklmnopqrstuvwxyzzyxwvutsrqponmlkjihgfedcba"
    swapped = text[21:] + text[:21]
    (row,) = verify(
        [f"so {swapped} it"],
        [(0, 3 if known else -1, 21 if known else 0)],
        [text],
        0.4,
        0.55,
    )
    assert row[1] == [3, 3 + len(swapped)]
    assert row[5] == kernels.WHOLE


def test_a_long_stretch_needs_no_containment():
    text = canonical_sentence(random.Random(3), "latin", 120)
    for low in (0, 20, 43):
        part = text[low : low + 77].strip()
        record = f"a {part} b"
        stretch = naive_match.longest_stretch(record, text)
        assert abs(stretch - len(part)) <= 2
        assert not verify(
            [record], [(0, -1, 0)], [text], 0.6, 0.9, stretch=int(stretch) + 1
        )
        (row,) = verify([record], [(0, -1, 0)], [text], 0.6, 0.9, stretch=int(stretch))
        assert row[5] == kernels.STRETCH
        assert row[6][1] == pytest.approx(stretch)
        assert record[row[1][0] : row[1][1]] == part


@pytest.mark.parametrize("script", SCRIPTS)
def test_decisions_follow_from_the_reported_numbers(script):
    rng = random.Random(script)
    ways = set()
    for _ in range(30):
        text = canonical_sentence(rng, script, rng.randrange(20, 120))
        cut = slice(
            rng.randrange(len(text) // 2), rng.randrange(len(text) // 2, len(text))
        )
        record = naive.canonical(
            f"{sentence(rng, script, 30)} "
            f"{edited(rng, text[cut], rng.choice([0, 0.1]))}"
        )
        limits = (
            rng.choice([0.1, 0.3, 0.5]),
            rng.choice([0.2, 0.5]),
            rng.choice([1, 20, 40]),
            rng.choice([20, 40, NEVER]),
        )
        ((*_, grams, similarity, way, letters),) = verify(
            [record], [(0, -1, 0)], [text], *limits, failed=True
        )
        assert len(verify([record], [(0, -1, 0)], [text], *limits)) == (
            way != kernels.NEITHER
        )
        expected = naive_match.way(
            similarity, grams[0] / grams[1], *letters, limits, grams[1] - grams[0]
        )
        assert ("neither", "whole", "stretch")[way] == expected
        ways.add(expected)
    assert len(ways) > 1


def test_a_longer_run_is_tried_if_the_most_similar_one_lacks_containment():
    text = "study and learn this pattern fb twtr aapl tsla ddd do it almost daily"
    record = "study and maybe this pattern fb twtr aapl tsla people do it about daily"
    shared = naive.grams(text) & naive.grams(record)
    (row,) = verify([record], [(0, -1, 0)], [text], 0.4, 0.55)
    assert row[1] == [0, len(record)]
    assert row[3][0] == len(shared)
    assert len(shared) >= 0.55 * len(naive.grams(text))
    # The most similar run, without the words around it, contains less of the text.
    best = max(
        (naive.jaccard(record[low:high], text), -low, high)
        for low in range(40)
        for high in range(low + 20, len(record) + 1)
    )
    inside = naive.grams(record[-best[1] : best[2]]) & naive.grams(text)
    assert len(inside) < 0.55 * len(naive.grams(text))


@given(st.text(max_size=30))
def test_hashes_of_5_grams(text):
    hashes = grams_of(codes_of([text]), "text").hashes
    grams = {text[i : i + 5] for i in range(len(text) - 4)}
    assert len(
        {(text[i : i + 5], int(hashes[i])) for i in range(len(text) - 4)}
    ) == len(grams)
    assert not hashes[max(0, len(text) - 4) :].any()


# Starts and lengths are multiplied by 1 or 20, so that spans are within a cell of the
# grid or cross several cells.
ROWS = st.lists(
    st.tuples(
        st.integers(0, 30),
        st.integers(1, 12),
        st.integers(1, 9),
        st.integers(0, 9),
        st.sampled_from([0.5, 0.9]),
        st.sampled_from([-1, 3, 4]),
    ),
    max_size=9,
)


@settings(max_examples=80)
@given(st.lists(ROWS, min_size=1, max_size=3), st.sampled_from([1, 20]))
def test_one_licensed_text_is_kept_per_place(records, unit):
    flat = [(number, *row) for number, rows in enumerate(records) for row in rows]
    n = len(flat)
    rows = VerifiedCandidates(
        record=np.array([row[0] for row in flat], np.int64),
        text=np.arange(n)[::-1].copy(),
        span=unit
        * np.array([(row[1], row[1] + row[2]) for row in flat], np.int64).reshape(
            -1, 2
        ),
        copied=np.array([(0, row[6]) for row in flat], np.int64).reshape(-1, 2),
        grams=np.array(
            [(row[3], row[3] + row[4], row[3] + 1) for row in flat], np.int32
        ).reshape(-1, 3),
        similarity=np.array([row[5] for row in flat]),
        way=np.zeros(n, np.uint8),
        respaced=np.zeros(n, np.bool_),
    )
    expected = []
    for number in range(len(records)):
        own = [i for i in range(n) if rows.record[i] == number]
        named = [
            (
                rows.span[i].tolist(),
                # Missing 5-grams count at most as much as those that are there.
                rows.grams[i, 0]
                - 0.5 * min(rows.grams[i, 1] - rows.grams[i, 0], rows.grams[i, 0])
                - 0.5 * (rows.grams[i, 2] - rows.grams[i, 0]),
                rows.similarity[i],
                # Of equally good rows, the one that copies more of its text is kept,
                # and then the one with the lower text.
                (-max(rows.copied[i, 1], 0), rows.text[i]),
            )
            for i in own
        ]
        expected += [own[i] for i in naive_passages.resolved(named)]
    assert np.flatnonzero(overlap_suppression(rows)).tolist() == expected
