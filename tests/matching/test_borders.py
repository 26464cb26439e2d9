"""Test counts, positions and limits of a scan with values computed by hand."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from provscan.kernels.records import Candidates
from provscan.kernels.sketch.hashing import splitmix64
from provscan.matching import scan
from provscan.matching.candidates import NONE, _distinct, merged
from provscan.matching.liftover import Chunked, _windows
from provscan.matching.matches import (
    CONTEXT,
    Matches,
    TruncatedLookups,
    matches_in,
    passages,
)
from provscan.matching.matches import LONGEST as LONGEST_PASSAGE
from provscan.matching.overlaps import CELL, overlap_suppression, without_overlaps
from provscan.matching.part_files import PartResult, load_part
from provscan.matching.record_samples import (
    LONGEST,
    MAX_KEY,
    CarrierRecord,
    CarrierSample,
    RecordSampler,
    record_keys,
    sample_keys,
)
from provscan.matching.scan import _at_character, _blocks
from provscan.matching.scan_task import CARRIER_SEED, Sampling
from provscan.matching.verify import NO_STRETCH, VerifiedCandidates, thresholds
from provscan.params import MatchParams, SearchLimits


def rows_of(record: list[int], **columns: list[int]) -> pa.RecordBatch:
    return pa.RecordBatch.from_pydict(
        {
            name: pa.array(v, pa.int64())
            for name, v in {"record": record, **columns}.items()
        }
    )


def counted(*parts: tuple[pa.RecordBatch, list[int]]) -> tuple[int, int, float]:
    part = PartResult(0, "x.jsonl")
    for batch, length in parts:
        part.count(batch, np.array(length, np.int64))
    part._close()
    return part.records, part.characters, part.squares


def test_records_are_counted_with_their_lengths() -> None:
    # The records have 3, 4 + 5 and 6 code points. The second may continue in the next
    # batch or in the one after that.
    assert counted((rows_of([0, 1, 1, 2]), [3, 4, 5, 6])) == (3, 18, 9 + 81 + 36)
    assert counted((rows_of([0, 1]), [3, 4]), (rows_of([1, 2]), [5, 6])) == (
        3,
        18,
        9 + 81 + 36,
    )
    assert counted(
        (rows_of([0, 1]), [3, 1]), (rows_of([1]), [3]), (rows_of([1, 2]), [5, 6])
    ) == (3, 18, 9 + 81 + 36)
    assert counted((rows_of([]), [])) == (0, 0, 0)
    assert counted((rows_of([5]), [2]), (rows_of([]), []), (rows_of([6]), [1])) == (
        2,
        3,
        5,
    )


def test_a_piece_counts_only_the_code_points_it_owns() -> None:
    # A text of 30 code points has the pieces 0 to 20, which owns everything before 15,
    # and 10 to 30.
    pieces = rows_of([4, 4], offset=[0, 10], own_from=[0, 15], own_to=[15, 99])
    assert counted((pieces, [20, 20])) == (1, 30, 900)


def test_a_part_needs_both_files_to_be_complete(tmp_path: Path) -> None:
    part = PartResult(7, "x.jsonl", truncated=TruncatedLookups(1, 2))
    assert load_part(tmp_path, 7) is None
    part.count(rows_of([0, 1]), np.array([3, 4]))
    part.matches_file(tmp_path).write_bytes(b"12345")
    part.matches, part.bytes = 1, 5
    part.save(tmp_path)
    loaded = load_part(tmp_path, 7)
    assert loaded is not None
    assert (loaded.records, loaded.characters, loaded.squares) == (2, 7, 25)
    assert loaded.truncated == TruncatedLookups(1, 2)
    part.matches_file(tmp_path).write_bytes(b"1234")
    assert load_part(tmp_path, 7) is None
    part.matches_file(tmp_path).unlink()
    assert load_part(tmp_path, 7) is None
    # A part without matches has no file with matches.
    nothing = PartResult(8, "x.jsonl")
    nothing.save(tmp_path)
    assert load_part(tmp_path, 8) == nothing
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "00000007.json",
        "00000008.json",
    ]


def candidates(
    *rows: tuple[
        int, int, tuple[int, int], tuple[int, int, int], float, tuple[int, int]
    ],
) -> VerifiedCandidates:
    """Return verified candidates, given record, text, span, 5-grams (in common, of the
    text, of the span), similarity and copied stretch of the text.
    """
    record, text, span, grams, similarity, copied = zip(*rows, strict=True)
    return VerifiedCandidates(
        np.array(record),
        np.array(text),
        np.array(span),
        np.array(copied),
        np.array(grams, np.int32),
        np.array(similarity),
        np.zeros(len(rows), np.uint8),
        np.zeros((len(rows), 2)),
        np.zeros(len(rows), np.bool_),
    )


WHOLE = (-1, -1)


@pytest.mark.parametrize(
    ("first", "second", "kept"),
    [
        # A complete long text wins over a short text inside it.
        (((0, 100), (90, 96, 96), 0.9), ((20, 50), (26, 26, 26), 1.0), [True, False]),
        # 26 of 96 5-grams are present. `missing` is limited to 26, so the score is 13;
        # a short text of 26 has a higher score, one of 12 a lower score.
        (((0, 100), (26, 96, 30), 0.3), ((20, 50), (26, 26, 26), 1.0), [False, True]),
        (((0, 100), (26, 96, 26), 0.3), ((20, 50), (12, 12, 12), 1.0), [True, False]),
        # Foreign wording counts half: the scores are 30 - 5 and 26, then 32 - 4 and 26.
        (((0, 100), (30, 30, 40), 0.7), ((20, 50), (26, 26, 26), 1.0), [False, True]),
        (((0, 100), (32, 32, 40), 0.7), ((20, 50), (26, 26, 26), 1.0), [True, False]),
        # Ties are broken by similarity, then by the lower number of the text.
        (((0, 50), (26, 26, 26), 0.8), ((0, 50), (26, 26, 26), 0.9), [False, True]),
        (((0, 50), (26, 26, 26), 0.9), ((0, 50), (26, 26, 26), 0.9), [True, False]),
        # Neighbouring spans do not overlap.
        (((0, 50), (26, 26, 26), 0.9), ((50, 90), (26, 26, 26), 0.9), [True, True]),
    ],
)  # fmt: skip
def test_each_place_has_one_text(first: tuple, second: tuple, kept: list[bool]) -> None:
    rows = candidates((0, 3, *first, WHOLE), (0, 4, *second, WHOLE))
    assert overlap_suppression(rows).tolist() == kept
    turned = candidates((0, 4, *second, WHOLE), (0, 3, *first, WHOLE))
    assert overlap_suppression(turned).tolist() == kept[::-1]
    # Matches in different records do not overlap.
    apart = candidates((0, 3, *first, WHOLE), (1, 4, *second, WHOLE))
    assert overlap_suppression(apart).tolist() == [True, True]


def test_of_equal_matches_the_longer_copy_wins() -> None:
    same = ((0, 50), (26, 26, 26), 0.9)
    rows = candidates((0, 3, *same, (45, 70)), (0, 4, *same, (0, 40)))
    assert overlap_suppression(rows).tolist() == [False, True]
    # The copied stretch counts only if both its ends are known.
    rows = candidates((0, 3, *same, (-1, 90)), (0, 4, *same, (0, 2)))
    assert overlap_suppression(rows).tolist() == [False, True]
    rows = candidates((0, 3, *same, (0, 0)), (0, 4, *same, (0, 2)))
    assert overlap_suppression(rows).tolist() == [False, True]


def test_places_that_share_a_cell_are_distinguished() -> None:
    full = (26, 26, 26), 0.9, WHOLE
    for start, kept in ((3 * CELL - 11, False), (3 * CELL - 10, True)):
        # The last span has 20 code points, of which 11 or 10 overlap with another span.
        spans = [(0, CELL), (CELL, CELL + 1), (CELL + 1, 3 * CELL), (start, start + 20)]
        rows = candidates(*((0, n, span, *full) for n, span in enumerate(spans)))
        assert overlap_suppression(rows).tolist() == [True, True, True, kept]

    # Of two equal spans of one code point, one is kept.
    rows = candidates((0, 1, (CELL, CELL + 1), *full), (0, 2, (CELL, CELL + 1), *full))
    assert overlap_suppression(rows).tolist() == [True, False]


class Finder:
    """Finds a match of ten code points at each given position in the first text."""

    def __init__(self, *starts: int) -> None:
        self.starts = np.array(starts, np.int64)

    def __call__(self, text: np.ndarray, offsets: np.ndarray) -> Matches:
        count = len(self.starts)
        none = np.zeros(count, np.int64)
        span = np.stack([self.starts, self.starts + 10], axis=1)
        return Matches(
            none,
            span,
            none,
            none.astype(np.uint8),
            none / 1.0,
            none / 1.0,
            np.diff(offsets),
        )


def test_a_piece_has_the_matches_that_start_in_its_own_range() -> None:
    piece = texts_batch(["x" * 90], offset=[100])
    piece = piece.append_column("own_from", pa.array([120])).append_column(
        "own_to", pa.array([150])
    )
    found = matches_in(piece, Finder(0, 19, 20, 49, 50))
    assert found.span.tolist() == [[120, 130], [149, 159]]
    assert len(matches_in(piece, Finder()).row) == 0
    # The encoding is repaired only on request.
    broken = "It’s a café".encode().decode("cp1252")
    assert matches_in(texts_batch([broken]), Finder(0)).characters.tolist() == [
        len(broken.encode())
    ]
    # A complete text owns all its code points.
    assert matches_in(texts_batch(["x" * 90]), Finder(0, 70)).span.tolist() == [
        [0, 10],
        [70, 80],
    ]


def test_matches_of_segments_are_ordered_by_record_and_place() -> None:
    full = (26, 26, 26), 0.9, WHOLE
    first = candidates((0, 3, (60, 90), *full), (2, 1, (0, 30), *full))
    second = candidates(
        (0, 9, (0, 30), *full), (2, 8, (0, 30), *full), (2, 7, (40, 60), *full)
    )
    both = without_overlaps([first, second])
    assert list(zip(both.record.tolist(), both.text.tolist(), strict=True)) == [
        (0, 9),
        (0, 3),
        (2, 1),
        (2, 7),
    ]
    assert without_overlaps([first]).text.tolist() == [3, 1]


def test_a_match_is_located_with_one_more_chunk_on_each_side() -> None:
    full = (26, 26, 26), 0.9, WHOLE
    # Two texts have ten and three chunks of 10 bytes and 10 canonical characters each.
    places = np.arange(0, 131, 10)
    texts = Chunked(
        np.zeros(130, np.uint8), places, np.array([0, 10, 13]), places, places
    )

    def windows(*rows: tuple[int, int, int]) -> list[tuple[int, int]]:
        found = candidates(*((text, 1, (a, b), *full) for text, a, b in rows))
        low, high = _windows(texts, found)
        return list(zip(low.tolist(), high.tolist(), strict=True))

    # The match is in chunk 4.
    assert windows((0, 45, 50)) == [(3, 6)]
    # The match extends from the first character of chunk 4 to the first of chunk 5.
    assert windows((0, 40, 51)) == [(3, 7)]
    # A window does not extend beyond its text.
    assert windows((0, 2, 5), (0, 3, 9), (0, 90, 100)) == [(0, 2), (0, 2), (8, 10)]
    assert windows((1, 0, 5), (1, 25, 30)) == [(10, 12), (11, 13)]


def test_blocks_overlap_by_the_length_of_a_copy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def overlap(longest: int, least: int, most: int) -> int:
        limits = SearchLimits(
            block_bytes=1 << 21, min_overlap_bytes=least, max_overlap_bytes=most
        )
        reader: Any = SimpleNamespace(longest=longest)
        scan._scan_long(np.zeros(9, np.uint8), 0, 9, reader, MatchParams(limits=limits))
        return asked.pop()

    asked: list[int] = []
    monkeypatch.setattr(
        scan, "_blocks", lambda *arguments: asked.append(arguments[-1]) or []
    )
    # Blocks overlap by eight times the longest text if it is short, by twice the
    # longest text if it is long, and always within the limits.
    assert overlap(100, 300, 1 << 20) == 800
    assert overlap(100, 900, 1 << 20) == 900
    assert overlap(scan.SHORT_COPY // 4, 300, 1 << 20) == scan.SHORT_COPY
    assert overlap(scan.SHORT_COPY, 300, 1 << 20) == 2 * scan.SHORT_COPY
    assert overlap(scan.SHORT_COPY, 300, 500) == 500


def test_thresholds_for_the_kernels() -> None:
    found = thresholds(
        MatchParams(threshold=0.5, min_containment=0.25, min_chars=7, partial_chars=0)
    )
    assert tuple(found) == (0.5, 0.25, 7, NO_STRETCH, 25, 6)
    assert thresholds(MatchParams(partial_chars=90))[3] == 90
    # A stretch must also have min_chars.
    assert thresholds(MatchParams(min_chars=60, partial_chars=40))[3] == 60


def texts_batch(
    texts: list[str], record: list[int] | None = None, offset: list[int] | None = None
) -> pa.RecordBatch:
    columns = {
        "record": pa.array(record or range(len(texts)), pa.int64()),
        "id": pa.nulls(len(texts), pa.string()),
        "text": pa.array(texts, pa.large_string()),
    }
    if offset:
        columns["offset"] = pa.array(offset, pa.int64())
    return pa.RecordBatch.from_pydict(columns)


def test_passages_end_with_their_texts() -> None:
    texts = [
        "é" * 5 + "match" + "ü" * 3,
        "a" * (CONTEXT + 1) + "b" * (LONGEST_PASSAGE + 1) + "c" * (CONTEXT + 1),
    ]
    spans = [[0, 5], [5, 10], [CONTEXT + 1, CONTEXT + LONGEST_PASSAGE + 2]]
    found = Finder(0, 0, 0)(np.zeros(0, np.uint8), np.zeros(3, np.int64))
    found.row, found.span = np.array([0, 0, 1]), np.array(spans)
    columns = [column.to_pylist() for column in passages(texts_batch(texts), found)]
    assert [list(row) for row in zip(*columns, strict=True)] == [
        ["", "é" * 5, "match" + "ü" * 3],
        ["é" * 5, "match", "ü" * 3],
        ["a" * CONTEXT, "b" * LONGEST_PASSAGE, "c" * CONTEXT],
    ]


def test_carriers_have_the_lowest_keys() -> None:
    batch = texts_batch(["a", "b", "c", "b"])
    keys = sample_keys(batch["text"], 5).tolist()
    # Seeds are numbers modulo 2 ** 64.
    assert (
        sample_keys(batch["text"], 5 + 2**64).tolist()
        == sample_keys(batch["text"], 5 - 2**64).tolist()
        == keys
    )
    low, middle, high = sorted(set(keys))
    sample = CarrierSample(2, 5)
    sample.offer(batch)
    assert list(sample.records) == [low, middle]
    # No higher key can belong to the sample afterwards.
    assert sample.limit == middle
    assert CarrierSample(0, 5).limit == MAX_KEY
    # A key at the limit belongs to the sample.
    for limit, kept in ((high, 3), (high - 1, 2), (low, 1), (low - 1, 0)):
        bounded = CarrierSample(9, 5, limit)
        bounded.offer(batch)
        assert len(bounded.records) == kept
    other = CarrierSample(9, 5, low)
    whole = CarrierSample(9, 5)
    whole.offer(batch)
    other.merge(whole)
    assert list(other.records) == [low]
    nothing = CarrierSample(0, 5)
    nothing.offer(batch)
    assert nothing.records == {}
    assert CarrierSample.from_dict(whole.as_dict()).records == whole.records


def test_only_the_first_piece_of_a_text_can_be_a_carrier() -> None:
    sample = CarrierSample(9, 5)
    sample.offer(texts_batch(["begins", "goes on"], [3, 3], [0, 40]))
    assert [record.text for record in sample.records.values()] == ["begins"]


def test_the_length_of_a_carrier_is_that_of_its_complete_text() -> None:
    sample = CarrierSample(9, 5)
    for text in ("é" * (2 * LONGEST), "ü" * (2 * LONGEST) + "!", "x" * (LONGEST + 1)):
        sample.offer(texts_batch([text]))
    # The length is in code points up to 4 * LONGEST bytes, and in bytes beyond.
    assert sorted(record.length for record in sample.records.values()) == [
        LONGEST + 1,
        2 * LONGEST,
        4 * LONGEST + 1,
    ]
    assert {len(record.text) for record in sample.records.values()} == {LONGEST}
    merged = CarrierSample(9, 5, records={1: CarrierRecord(1, 5, "ab", 2)})
    merged.merge(CarrierSample(9, 5, records={1: CarrierRecord(1, 4, "cd", 3)}))
    assert merged.records == {1: CarrierRecord(1, 4, "cd", 5)}


def mixed(numbers: np.ndarray) -> list[int]:
    """Apply the finaliser of SplitMix64."""
    found = []
    for number in numbers.tolist():
        number = (number ^ number >> 30) * 0xBF58476D1CE4E5B9 % 2**64
        number = (number ^ number >> 27) * 0x94D049BB133111EB % 2**64
        found.append(number ^ number >> 31)
    return found


def test_a_fraction_is_a_limit_for_keys() -> None:
    batch = texts_batch([f"t{n}" for n in range(64)])
    keys = record_keys(batch, 3)
    # The key of a text is combined with a hash of the id (seed + 1) or, without an id,
    # of the record's number (seed + 2).
    unlike = splitmix64(5, np.arange(64))
    named = batch.set_column(1, "id", pa.array(["x"] + [None] * 63))
    assert keys.tolist() == mixed(sample_keys(batch["text"], 3) ^ unlike)
    unlike[0] = sample_keys(pa.array(["x"], pa.large_string()), 4)[0]
    assert record_keys(named, 3).tolist() == mixed(
        sample_keys(batch["text"], 3) ^ unlike
    )
    kept = RecordSampler(0.5, 3).rows(batch)["record"].to_pylist()
    assert kept == np.flatnonzero(keys < np.uint64(1 << 63)).tolist()
    assert RecordSampler(0.0, 3).rows(batch).num_rows == 0
    assert RecordSampler(1.0, 3).rows(batch) is batch
    # The carriers do not depend on the seed.
    for seed in (3, 4):
        assert Sampling(seed=seed, carriers=2).carrier_sample() == CarrierSample(
            2, CARRIER_SEED, MAX_KEY
        )
    assert Sampling() == Sampling(1.0, 1, 0, MAX_KEY)
    # A record that begins with a batch is chosen by its own key.
    for number in range(8):
        sampler = RecordSampler(0.5, 3)
        first = texts_batch([f"t{number}", "behind"], [number, number])
        assert sampler.rows(first).num_rows == (2 if number in kept else 0)


def found_pairs(*rows: tuple[int, int, int, int]) -> Candidates:
    """Return candidates, given record, text, code of the diagonal and place."""
    return Candidates(
        *(np.array(column, np.int64) for column in zip(*rows, strict=True))
    )


def as_rows(candidates: Candidates) -> list[tuple[int, ...]]:
    return list(zip(*(column.tolist() for column in candidates), strict=True))


def test_a_pair_found_as_a_passage_is_not_compared_as_a_whole() -> None:
    whole = found_pairs(
        (1, 6, -1, 0), (0, 5, -1, 0), (0, 5, -1, 0), (0, 4, -1, 0), (0, 4, -1, 0)
    )
    inside = found_pairs((2, 7, 4, 3), (0, 5, 3, 1), (0, 5, 9, 2), (1, 5, 0, 8))
    # Order pairs by record and text, higher codes first. A pair without a diagonal
    # occurs once.
    assert as_rows(merged(whole, inside)) == [
        (0, 4, -1, 0),
        (0, 5, 9, 2),
        (0, 5, 3, 1),
        (1, 5, 0, 8),
        (1, 6, -1, 0),
        (2, 7, 4, 3),
    ]
    assert as_rows(merged(whole, NONE)) == [(0, 4, -1, 0), (0, 5, -1, 0), (1, 6, -1, 0)]
    assert as_rows(merged(NONE, inside))[-1] == (2, 7, 4, 3)


def test_equal_stretches_are_searched_once() -> None:
    record, text, code = np.array([[1, 0, 1, 1, 1], [5, 6, 5, 4, 5], [9, 9, 9, 9, 8]])
    assert as_rows(_distinct(record, text, code)) == [
        (0, 6, 9, 0),
        (1, 4, 9, 0),
        (1, 5, 8, 0),
        (1, 5, 9, 0),
    ]
    assert _distinct(record[:0], text[:0], code[:0]) is NONE


def blocks(
    text: bytes, start: int, stop: int, block: int, overlap: int
) -> list[tuple[int, ...]]:
    return [
        tuple(each)
        for each in _blocks(np.frombuffer(text, np.uint8), start, stop, block, overlap)
    ]


def test_blocks_of_a_long_text() -> None:
    text = bytearray(b"a" * 100)
    # Each block owns 40 bytes, and has 16 more on each side.
    assert blocks(text, 0, 100, 40, 16) == [
        (0, 56, 0, 40),
        (24, 96, 40, 80),
        (64, 100, 80, 100),
    ]
    assert blocks(text, 10, 90, 40, 16) == [(10, 66, 10, 50), (34, 90, 50, 90)]
    assert blocks(text, 0, 40, 40, 16) == [(0, 40, 0, 40)]
    # A block is cut after the last white space in the last quarter of the overlap.
    for place, mark, cut in (
        (36, b" ", 37),
        (37, b"\n", 38),
        (39, b" ", 40),
        (35, b" ", 40),
    ):
        text[:] = b"a" * 100
        text[place : place + 1] = mark
        assert blocks(text, 0, 60, 40, 16) == [
            (0, min(60, cut + 16), 0, cut),
            (cut - 16, 60, cut, 60),
        ]
    text[36:40] = b"  a "
    assert blocks(text, 0, 60, 40, 16)[0][3] == 40
    text[39:40] = b"a"
    assert blocks(text, 0, 60, 40, 16)[0][3] == 38
    # A block is never cut inside a character.
    assert blocks("é".encode() * 50, 0, 100, 41, 15) == [
        (0, 54, 0, 40),
        (24, 94, 40, 80),
        (64, 100, 80, 100),
    ]
    assert _at_character(np.frombuffer("é".encode(), np.uint8), 2) == 2
