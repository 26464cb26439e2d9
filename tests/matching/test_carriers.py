"""Test that samples of records and carrier records depend only on their contents."""

import numpy as np
import orjson
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from provscan.matching.record_samples import (
    LONGEST,
    CarrierSample,
    RecordSampler,
    record_keys,
    sample_keys,
)


def batch(texts, first=0, ids=None):
    return pa.RecordBatch.from_pydict(
        {
            "record": pa.array(range(first, first + len(texts)), pa.int64()),
            "id": pa.array(ids or [None] * len(texts), pa.string()),
            "text": pa.array(texts, pa.large_string()),
        }
    )


TEXTS = [f"text {n % 30}" for n in range(40)]


@given(st.permutations(range(40)), st.integers(1, 39), st.integers(1, 50))
def test_carriers_do_not_depend_on_order_or_splits(order, cut, size):
    whole, first, second = (CarrierSample(size, 5) for _ in range(3))
    whole.offer(batch(TEXTS))
    first.offer(batch([TEXTS[n] for n in order[:cut]]))
    late = CarrierSample(size, 5, first.limit)
    for n in order[cut:]:
        second.offer(batch([TEXTS[n]]))
        late.offer(batch([TEXTS[n]]))
    first.merge(
        CarrierSample.from_dict(
            orjson.loads(orjson.dumps((second if cut % 2 else late).as_dict()))
        )
    )
    assert first.records == whole.records
    assert len(whole.records) == min(size, 30)
    lowest = np.sort(np.unique(sample_keys(batch(TEXTS)["text"], 5)))[:size]
    assert list(whole.records) == lowest.tolist()
    assert all(
        record.copies == TEXTS.count(record.text) for record in whole.records.values()
    )


def test_long_carriers_are_cut():
    carriers = CarrierSample(2, 1)
    text = "один два " * 5000
    carriers.offer(batch([text]))
    (record,) = carriers.records.values()
    assert len(record.text) == LONGEST
    assert record.text in text


def test_keys_depend_only_on_the_content():
    texts = ["a", "b", "a", "a" * 9, "a" * 10, ""]
    keys = sample_keys(pa.array(texts, pa.large_string()), 1)
    assert keys[0] == keys[2]
    assert len(np.unique(keys)) == 5
    assert not np.any(keys == sample_keys(pa.array(texts, pa.large_string()), 2))
    # A slice of an array does not begin at the start of its buffer.
    assert (
        sample_keys(pa.array(texts, pa.large_string())[2:], 1).tolist()
        == keys[2:].tolist()
    )
    # Equal texts are distinguished by the ids or numbers of their records.
    same = record_keys(batch(["a"] * 4, ids=["x", "y", "x", None]), 1)
    assert same[0] == same[2]
    assert len(np.unique(same)) == 3
    assert record_keys(batch(["a"], first=7, ids=["x"]), 1)[0] == same[0]


def test_a_sample_does_not_depend_on_batches():
    texts = [f"text {n}" for n in range(8000)]
    whole = RecordSampler(0.25, 1).rows(batch(texts)).column("record").to_pylist()
    sampler = RecordSampler(0.25, 1)
    halves = [
        sampler.rows(part)
        for part in (batch(texts[:3000]), batch(texts[3000:], first=3000))
    ]
    assert [
        number for half in halves for number in half.column("record").to_pylist()
    ] == whole
    assert 1800 < len(whole) < 2200
    assert RecordSampler(1.0, 1).rows(batch(texts)).num_rows == 8000
    assert (
        whole != RecordSampler(0.25, 2).rows(batch(texts)).column("record").to_pylist()
    )


def test_all_rows_of_a_record_are_sampled_or_none():
    """Each field of a record is a row, and may be in a separate batch."""
    record = np.repeat(np.arange(200), 3)
    rows = pa.RecordBatch.from_pydict(
        {
            "record": pa.array(record),
            "id": pa.nulls(600, pa.string()),
            "text": pa.array([f"row {n}" for n in range(600)], pa.large_string()),
        }
    )
    whole = RecordSampler(0.5, 1).rows(rows).column("text").to_pylist()
    numbers = [int(text.split()[1]) // 3 for text in whole]
    assert all(numbers.count(number) == 3 for number in set(numbers))
    assert 60 < len(set(numbers)) < 140
    sampler = RecordSampler(0.5, 1)
    parts = [
        sampler.rows(rows.slice(low, 4)).column("text").to_pylist()
        for low in range(0, 600, 4)
    ]
    assert [text for part in parts for text in part] == whole
