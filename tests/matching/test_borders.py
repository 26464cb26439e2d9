"""Test counts, positions and limits of a scan with values computed by hand."""

import numpy as np
import pyarrow as pa
import pytest

from provscan.kernels.records import Candidates
from provscan.kernels.sketch.hashing import splitmix64
from provscan.matching.candidates import NONE, merged
from provscan.matching.matches import (
    CONTEXT,
    Matches,
    TruncatedLookups,
    matches_in,
    passages,
)
from provscan.matching.matches import LONGEST as LONGEST_PASSAGE
from provscan.matching.overlaps import CELL, overlap_suppression
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
from provscan.matching.scan_task import CARRIER_SEED, Sampling
from provscan.matching.verify import VerifiedCandidates


def rows_of(record, **columns):
    return pa.RecordBatch.from_pydict(
        {
            name: pa.array(v, pa.int64())
            for name, v in {"record": record, **columns}.items()
        }
    )


def counted(*parts):
    part = PartResult(0, "x.jsonl")
    for batch, length in parts:
        part.count(batch, np.array(length, np.int64))
    part._close()
    return part.records, part.characters, part.squares


def test_records_are_counted_with_their_lengths():
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


def test_a_part_needs_both_files_to_be_complete(tmp_path):
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


def candidates(*rows):
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
def test_each_place_has_one_text(first, second, kept):
    rows = candidates((0, 3, *first, WHOLE), (0, 4, *second, WHOLE))
    assert overlap_suppression(rows).tolist() == kept
    turned = candidates((0, 4, *second, WHOLE), (0, 3, *first, WHOLE))
    assert overlap_suppression(turned).tolist() == kept[::-1]
    # Matches in different records do not overlap.
    apart = candidates((0, 3, *first, WHOLE), (1, 4, *second, WHOLE))
    assert overlap_suppression(apart).tolist() == [True, True]


def test_of_equal_matches_the_longer_copy_wins():
    same = ((0, 50), (26, 26, 26), 0.9)
    rows = candidates((0, 3, *same, (45, 70)), (0, 4, *same, (0, 40)))
    assert overlap_suppression(rows).tolist() == [False, True]
    # The copied stretch counts only if both its ends are known.
    rows = candidates((0, 3, *same, (-1, 90)), (0, 4, *same, (0, 2)))
    assert overlap_suppression(rows).tolist() == [False, True]
    rows = candidates((0, 3, *same, (0, 0)), (0, 4, *same, (0, 2)))
    assert overlap_suppression(rows).tolist() == [False, True]


def test_places_that_share_a_cell_are_distinguished():
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

    def __init__(self, *starts):
        self.starts = np.array(starts, np.int64)

    def __call__(self, text, offsets):
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


def test_matches_keep_their_places():
    # The encoding is repaired only on request.
    broken = "It’s a café".encode().decode("cp1252")
    assert matches_in(texts_batch([broken]), Finder(0)).characters.tolist() == [
        len(broken.encode())
    ]
    assert matches_in(texts_batch(["x" * 90]), Finder(0, 70)).span.tolist() == [
        [0, 10],
        [70, 80],
    ]


def texts_batch(texts, record=None):
    columns = {
        "record": pa.array(record or range(len(texts)), pa.int64()),
        "id": pa.nulls(len(texts), pa.string()),
        "text": pa.array(texts, pa.large_string()),
    }
    return pa.RecordBatch.from_pydict(columns)


def test_passages_end_with_their_texts():
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


def test_carriers_have_the_lowest_keys():
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


def test_the_length_of_a_carrier_is_that_of_its_complete_text():
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


def mixed(numbers):
    """Apply the finaliser of SplitMix64."""
    found = []
    for number in numbers.tolist():
        number = (number ^ number >> 30) * 0xBF58476D1CE4E5B9 % 2**64
        number = (number ^ number >> 27) * 0x94D049BB133111EB % 2**64
        found.append(number ^ number >> 31)
    return found


def test_a_fraction_is_a_limit_for_keys():
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


def found_pairs(*rows):
    """Return candidates, given record, text, code of the diagonal and place."""
    return Candidates(
        *(np.array(column, np.int64) for column in zip(*rows, strict=True))
    )


def as_rows(candidates):
    return list(zip(*(column.tolist() for column in candidates), strict=True))


def test_a_pair_found_as_a_passage_is_not_compared_as_a_whole():
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
