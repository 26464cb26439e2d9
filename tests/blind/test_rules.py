"""Test by examples which pairs of texts a blind index matches, and which contradictions
between its files are detected.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import provscan
from provscan.blind.index import BlindIndex, _problems, open_blind
from provscan.blind.kernels import Pairs
from provscan.blind.params import BlindLimits
from provscan.blind.scan import _accepted, _equal, scan_blind
from provscan.index.segment.packed import pack_numbers
from provscan.index.segment.strings import Strings
from provscan.kernels.records import CodeBuffer, frozen
from provscan.matching.matches import LEVELS
from provscan.params import MatchParams
from provscan.text import canonical_codes
from provscan.text_buffers import buffers, to_array

TEXTS = [
    "the first of three texts of a blind index",
    "the second text, which is said twice",
    "and the last one of all",
]


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> BlindIndex:
    path = tmp_path_factory.mktemp("blind")
    (path / "key").write_bytes(bytes(range(32)))
    rows = [
        {"id": key, "text": TEXTS[n]}
        for key, n in (("0", 0), ("x", 1), ("y", 1), ("z", 2))
    ]
    provscan.blind.build_index(rows, path / "b.index", key=path / "key")
    return open_blind(path / "b.index", bytes(range(32)))


def test_a_text_has_the_ids_and_the_number_of_its_tweets(index: BlindIndex) -> None:
    ids = index.tweet_ids(np.arange(3)).array().to_pylist()
    assert sorted(ids) == ["0", "x", "z"]
    assert dict(zip(ids, index.tweet_counts(np.arange(3)).tolist(), strict=True)) == {
        "0": 1,
        "x": 2,
        "z": 1,
    }
    assert index.info()["texts"] == 3
    assert index.info()["tweets"] == 4
    # A length has two bytes, and a hash four.
    assert index.info()["bytes_per_text"]["texts.lengths"] == 2.0
    assert index.info()["bytes_per_text"]["texts.hashes"] == 4.0
    assert index.info()["bytes"] == sum(
        path.stat().st_size for path in (index.path / "segments").rglob("*.*")
    )


def with_number(array: np.ndarray, place: Any, number: int) -> np.ndarray:
    array = np.array(array)
    array[place] = number
    return array


def of_texts(index: BlindIndex, **fields: Any) -> BlindIndex:
    return dataclasses.replace(index, texts=index.texts._replace(**fields))


def of_table(index: BlindIndex, **fields: Any) -> BlindIndex:
    return dataclasses.replace(index, table=index.table._replace(**fields))


def of_ids(index: BlindIndex, **fields: Any) -> BlindIndex:
    return dataclasses.replace(index, ids=index.ids._replace(**fields))


def with_offset(strings: Strings, place: int, number: int) -> Strings:
    return Strings(strings.text, with_number(strings.offsets, place, number))


BROKEN: list[tuple[str, Callable[[BlindIndex], BlindIndex]]] = [
    ("texts.hashes", lambda b: of_texts(b, hashes=b.texts.hashes[1:])),
    ("texts.hashes", lambda b: of_texts(b, hashes=b.texts.hashes[::-1])),
    ("texts.lengths", lambda b: of_texts(b, lengths=b.texts.lengths[1:])),
    (
        "texts.lengths",
        lambda b: of_texts(b, lengths=with_number(b.texts.lengths, 1, 0)),
    ),
    (
        "texts.fingerprints",
        lambda b: of_texts(b, fingerprints=b.texts.fingerprints[1:]),
    ),
    ("seeds.starts", lambda b: of_table(b, bits=b.table.bits + 1)),
    ("seeds.starts", lambda b: of_table(b, bits=-1)),
    ("seeds.starts", lambda b: of_table(b, starts=with_number(b.table.starts, 0, 1))),
    ("seeds.starts", lambda b: of_table(b, entries=b.table.entries[1:])),
    (
        "seeds.starts",
        lambda b: of_table(
            b, starts=with_number(b.table.starts, 1, b.table.starts[-1] + 1)
        ),
    ),
    (
        "ids.blocks",
        lambda b: of_ids(
            b, numbers=pack_numbers(with_number(b.ids.numbers.all(), 0, -3))
        ),
    ),
    ("ids.offsets", lambda b: of_ids(b, strings=with_offset(b.ids.strings, 1, 3))),
    (
        "ids.utf8",
        lambda b: of_ids(
            b, strings=Strings(b.ids.strings.text | 0x80, b.ids.strings.offsets)
        ),
    ),
    (
        "tweets.blocks",
        lambda b: dataclasses.replace(b, counts=pack_numbers(np.array([1, 0, 1]))),
    ),
]


def test_an_intact_blind_index_has_no_problems(index: BlindIndex) -> None:
    assert list(_problems(index)) == []


@pytest.mark.parametrize("case", range(len(BROKEN)))
def test_files_that_contradict_others_are_named(index: BlindIndex, case: int) -> None:
    name, change = BROKEN[case]
    assert next(iter(_problems(change(index))))[0] == name


def test_records_and_spans_that_equal_a_text_are_recognised(index: BlindIndex) -> None:
    texts = [TEXTS[1], f"so {TEXTS[0]} it was", "", f"{TEXTS[2]} no"]
    first, second = map(len, provscan.canonical(TEXTS[:2]))
    codes, offsets, _ = canonical_codes(*buffers(to_array(texts)))
    # Record, text, start and end of a span that equals a text, of one that is a letter
    # shorter, and of an empty span.
    places = [(1, 9, 3, 3 + first), (1, 9, 3, 2 + first), (1, 9, 5, 5)]
    pairs = pairs_of((*place, 0, 0, 0, 0, 0) for place in places)
    rows = _equal(frozen(CodeBuffer(codes, offsets)), pairs, index)
    ids = index.tweet_ids(rows.text).array().to_pylist()
    found = zip(rows.record.tolist(), ids, rows.span.tolist(), strict=True)
    assert list(found) == [(0, "x", [0, second]), (1, "0", [3, 3 + first])]
    assert rows.equal.all()
    assert rows.agree.tolist() == rows.fingerprints.tolist()


def test_each_text_of_a_blind_index_is_found_inside_another(index: BlindIndex) -> None:
    texts = [f"he wrote {text} - and that was all" for text in TEXTS]
    found = scan_blind(
        *buffers(to_array(texts)),
        index,
        MatchParams(min_chars=20),
        BlindLimits(min_chars=20),
    )
    assert found.row.tolist() == [0, 1, 2]
    assert [
        text[start:end]
        for text, (start, end) in zip(texts, found.span.tolist(), strict=True)
    ] == TEXTS
    assert index.tweet_ids(found.text).array().to_pylist() == ["0", "x", "z"]
    assert {LEVELS[level] for level in found.level.tolist()} == {"near_exact"}
    assert found.characters.tolist() == [len(text) for text in texts]


def pairs_of(rows: Iterable[tuple[int, ...]]) -> Pairs:
    """Return pairs from rows of record, text, start, end, agree, fingerprints, equal,
    rare and common.
    """
    record, text, start, end, agree, fingerprints, equal, rare, common = np.array(
        list(rows)
    ).T
    span = np.stack([start, end], axis=1)
    return Pairs(record, text, span, agree, fingerprints, equal > 0, rare, common)


def accepted(
    *rows: tuple[int, ...],
    lengths: list[int],
    ids: list[int] | None = None,
    margin: float = 0.0,
    **params: Any,
) -> list[tuple[int, int, float, float]]:
    """Return text, start, similarity and containment of the rows that are matches.

    The rows are those of :func:`pairs_of`.
    """
    index: Any = SimpleNamespace(
        texts=SimpleNamespace(lengths=np.array(lengths, np.uint16)),
        ids=SimpleNamespace(numbers=pack_numbers(np.array(ids or range(len(lengths))))),
    )
    limits = BlindLimits(min_chars=20, margin=margin)
    kept, similarity, containment = _accepted(
        pairs_of(rows), index, MatchParams(**{"min_chars": 20, **params}), limits
    )
    return list(
        zip(
            kept.text.tolist(),
            kept.span[:, 0].tolist(),
            similarity.tolist(),
            containment.tolist(),
            strict=True,
        )
    )


def test_similarity_is_estimated_from_fingerprints() -> None:
    # A text of 44 characters has 40 5-grams. 32 of its 40 fingerprints agree in a span
    # of 54 characters, so the similarity is 32 / (40 + 50 - 32).
    (found,) = accepted((0, 0, 10, 64, 32, 40, 0, 1, 0), lengths=[44])
    assert found == (0, 10, pytest.approx(32 / 58), pytest.approx(0.8))
    # If 16 of 20 fingerprints agree, the values are the same.
    (found,) = accepted((0, 0, 10, 64, 16, 20, 0, 1, 0), lengths=[44])
    assert found == (0, 10, pytest.approx(32 / 58), pytest.approx(0.8))
    (found,) = accepted((0, 0, 10, 54, 3, 40, 1, 0, 0), lengths=[44])
    assert found == (0, 10, 1.0, 1.0)
    # A span that is shorter than the text has a similarity of at most 1.
    (found,) = accepted((0, 0, 0, 24, 40, 40, 0, 1, 0), lengths=[44])
    assert found == (0, 0, 1.0, 1.0)


def test_rows_below_a_threshold_are_no_matches() -> None:
    half = (0, 0, 0, 44, 20, 40, 0, 1, 0)
    assert len(accepted(half, lengths=[44], threshold=1 / 3, min_containment=0.5)) == 1
    assert accepted(half, lengths=[44], threshold=0.34, min_containment=0.5) == []
    assert accepted(half, lengths=[44], threshold=0.3, min_containment=0.51) == []
    # If only some 5-grams have a fingerprint, the margin is added to a threshold.
    few = (0, 0, 0, 44, 10, 20, 0, 1, 0)
    assert len(accepted(few, lengths=[44], threshold=0.3, min_containment=0.5)) == 1
    assert (
        accepted(few, lengths=[44], threshold=0.3, min_containment=0.5, margin=0.01)
        == []
    )
    assert (
        len(
            accepted(
                half, lengths=[44], threshold=0.3, min_containment=0.5, margin=0.01
            )
        )
        == 1
    )
    # The margin is added to all three thresholds. Without it, the similarity of 20 / 60
    # and the 24 characters in common would be just enough.
    assert (
        len(
            accepted(
                few, lengths=[44], threshold=0.32, min_containment=0.3, margin=0.01
            )
        )
        == 1
    )
    assert (
        accepted(few, lengths=[44], threshold=0.33, min_containment=0.3, margin=0.01)
        == []
    )
    assert (
        len(
            accepted(
                few,
                lengths=[44],
                threshold=0.3,
                min_containment=0.3,
                margin=0.01,
                min_chars=23,
            )
        )
        == 1
    )
    assert (
        accepted(
            few,
            lengths=[44],
            threshold=0.3,
            min_containment=0.3,
            margin=0.01,
            min_chars=24,
        )
        == []
    )
    # Common seeds alone make no match, unless the texts are equal.
    assert accepted((0, 0, 0, 44, 40, 40, 0, 0, 3), lengths=[44]) == []
    assert len(accepted((0, 0, 0, 44, 40, 40, 1, 0, 3), lengths=[44])) == 1
    # A text must have at least 20 characters, and share at least 16 5-grams.
    assert len(accepted((0, 0, 0, 20, 16, 16, 0, 1, 0), lengths=[20])) == 1
    assert accepted((0, 0, 0, 19, 15, 15, 0, 1, 0), lengths=[19]) == []
    assert len(accepted((0, 0, 0, 24, 16, 20, 0, 1, 0), lengths=[24])) == 1
    assert accepted((0, 0, 0, 24, 15, 20, 0, 1, 0), lengths=[24]) == []


def test_one_place_has_one_text_of_a_blind_index() -> None:
    long, short = (0, 0, 0, 100, 96, 96, 0, 1, 0), (0, 1, 20, 64, 40, 40, 0, 1, 0)
    assert [row[0] for row in accepted(short, long, lengths=[100, 44])] == [0]
    # A complete shorter text wins over three quarters of a longer one: missing and
    # additional 5-grams count against a text.
    whole, three_quarters = (
        (0, 0, 0, 64, 60, 60, 0, 1, 0),
        (0, 1, 0, 104, 75, 100, 0, 1, 0),
    )
    assert [row[0] for row in accepted(three_quarters, whole, lengths=[64, 104])] == [0]
    # Of two texts with equal scores, the one that equals the span wins, then the one
    # with the earlier tweet, then the one with the lower number.
    first, second = (0, 0, 0, 44, 40, 40, 0, 1, 0), (0, 1, 0, 44, 40, 40, 0, 1, 0)
    assert [
        row[0] for row in accepted(first, second, lengths=[44, 44], ids=[9, 8])
    ] == [1]
    assert [
        row[0] for row in accepted(second, first, lengths=[44, 44], ids=[8, 8])
    ] == [0]
    assert [
        row[0]
        for row in accepted(first, (*second[:6], 1, 0, 0), lengths=[44, 44], ids=[8, 9])
    ] == [1]
    # Matches in other records and at adjacent places are kept, ordered by record and
    # place.
    others = [
        (1, 0, 50, 94, 40, 40, 0, 1, 0),
        (1, 1, 0, 44, 40, 40, 0, 1, 0),
        (0, 1, 3, 47, 40, 40, 0, 1, 0),
    ]
    assert [row[:2] for row in accepted(*others, lengths=[44, 44])] == [
        (1, 3),
        (1, 0),
        (0, 50),
    ]
    assert accepted((0, 0, 0, 44, 1, 40, 0, 1, 0), lengths=[44]) == []
