"""Test records in memory."""

import random
from collections import OrderedDict
from datetime import datetime

import numpy as np
import pyarrow as pa
import pyarrow.dataset as pads
import pyarrow.parquet as pq
import pytest

from provscan.errors import FieldNotFoundError, InputError
from provscan.readers import LIMITS, Fields, ReadStats, read_objects
from provscan.readers.fields.dataset import bind
from provscan.readers.formats.protocol import Rows
from provscan.readers.schema import SCHEMA
from provscan.readers.texts.records import texts_of


def texts(obj, **names):
    stats = ReadStats()
    batches = list(read_objects(obj, Fields(**names), stats))
    for batch in batches:
        batch.validate(full=True)
        assert list(batch.schema)[:4] == list(SCHEMA)
    rows = [row for batch in batches for row in batch.to_pylist()]
    assert stats.records == len(rows)
    return [(row["record"], row["text"]) for row in rows], stats


def test_strings():
    assert texts(["a", "", "c"])[0] == [(0, "a"), (1, ""), (2, "c")]
    assert texts(str(number) for number in range(10_000))[0][-1] == (9999, "9999")


def test_values_that_are_not_strings_are_counted():
    found, stats = texts(["a", None, 5, "b\ud800"])
    assert found == [(0, "a"), (3, "b\ufffd")]
    assert stats.skipped == {"no_text": 1, "text_not_string": 1}
    assert stats.repaired == {"lone_surrogate": 1}
    assert stats.examples["no_text"][0].source == "<memory>"


def test_dicts():
    rows = [
        {"tweet": str(number), "created_at": datetime(2020, 1, 1)}
        for number in range(9000)
    ]
    found, _ = texts(iter(rows))
    assert found == [(number, str(number)) for number in range(9000)]
    with pytest.raises(FieldNotFoundError, match="<memory>: no field 'x' for the text"):
        texts([{"a": 1}, {"a": 2}], text="x")


@pytest.mark.parametrize(
    "make",
    [
        lambda table: table,
        lambda table: table.to_batches()[0],
        lambda table: table.to_reader(),
        lambda table: table["text"],
        lambda table: table["text"].chunk(0),
    ],
)
def test_arrow(make):
    table = pa.table({"text": pa.array(["a", None, "b"]), "n": [1, 2, 3]})
    found, stats = texts(make(table))
    assert found == [(0, "a"), (2, "b")]
    assert stats.skipped == {"no_text": 1}


def test_long_tables_are_cut():
    table = pa.table({"text": ["x"] * 40_000})
    assert [batch.num_rows for batch in read_objects(table)] == [16_384, 16_384, 7232]


def test_datasets():
    datasets = pytest.importorskip("datasets")
    dataset = datasets.Dataset.from_dict({"content": ["a", "b", "c"], "n": [1, 2, 3]})
    assert texts(dataset)[0] == [(0, "a"), (1, "b"), (2, "c")]
    assert texts(dataset.select([2, 0]))[0] == [(0, "c"), (1, "a")]
    assert texts(dataset.to_iterable_dataset())[0] == [(0, "a"), (1, "b"), (2, "c")]
    both = datasets.DatasetDict(train=dataset, test=dataset.select([1]))
    assert texts(both)[0] == [(0, "a"), (1, "b"), (2, "c"), (3, "b")]


def test_frames():
    polars = pytest.importorskip("polars")
    frame = polars.DataFrame({"text": ["a", "b"]})
    assert texts(frame)[0] == texts(frame.lazy())[0] == [(0, "a"), (1, "b")]


def test_a_pandas_frame():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"text": ["a", None], "n": [1, 2]})
    assert texts(frame)[0] == texts(frame["text"])[0] == [(0, "a")]


def test_a_pandas_frame_that_arrow_can_not_convert():
    pandas = pytest.importorskip("pandas")
    mixed = pandas.DataFrame({"text": ["a", 5, None, "b"], "n": range(4)})
    for obj in (mixed, mixed["text"]):
        with pytest.raises(InputError, match="values of several types"):
            texts(obj)
    said = pandas.DataFrame(
        [["some words in it", "and as many there"]], columns=["said", "said"]
    )
    (batch,) = read_objects(said)
    assert batch["text"].to_pylist() == ["some words in it", "and as many there"]


def test_datasets_of_arrow(tmp_path):
    table = pa.table(
        {"text": [f"text {number}" for number in range(1000)], "n": range(1000)}
    )
    pq.write_table(table, tmp_path / "a.parquet", row_group_size=300)
    dataset = pads.dataset(tmp_path / "a.parquet")
    fragment = next(dataset.get_fragments())
    for obj in (dataset, dataset.scanner(), fragment, pads.dataset(table)):
        assert texts(obj)[0] == list(enumerate(table["text"].to_pylist()))


def test_an_iterator_that_raises():
    def broken():
        yield from [{"text": "a"}] * 5000
        raise ConnectionError("the server is gone")

    with pytest.raises(InputError, match=r"read \(after 4,096 records or more\)"):
        texts(broken())


def test_a_duckdb_relation():
    duckdb = pytest.importorskip("duckdb")
    assert texts(duckdb.sql("select 'a text' as text, 5 as n"))[0] == [(0, "a text")]


def test_the_error_for_a_mapping_lists_its_parts():
    with pytest.raises(InputError, match="take one of its parts: 'train'"):
        texts({"train": ["a"]})


def test_no_records():
    assert texts([])[0] == []
    assert texts(pa.table({"text": pa.array([], pa.string())}))[0] == []


@pytest.mark.parametrize(
    ("obj", "message"),
    [
        ("one text", "expected a list of texts, not one"),
        (5, "expected texts, dicts or an Arrow table"),
    ],
)
def test_unsupported_objects(obj, message):
    with pytest.raises(InputError, match=message):
        texts(obj)


def test_texts_of_derived_types_are_texts():
    """Strings of NumPy and subclasses of dict are read like plain ones."""
    records = [OrderedDict(text=np.str_(f"a text of NumPy, number {k}")) for k in "123"]
    rows = [row for batch in read_objects(records) for row in batch.to_pylist()]
    assert [row["text"] for row in rows] == [record["text"] for record in records]


WORDS = [[*(f"word{n}{k}" for k in range(6)), None, ""] for n in range(60)]
TURN = pa.struct([("role", pa.string()), ("content", pa.large_string())])
VALUES = {
    ("id", pa.int64()): [1, None, 2**60],
    ("text", pa.dictionary(pa.int32(), pa.string())): ["a text of words", "", None],
    ("raw", pa.binary()): [b"bytes with a caf\xe9 in them", b"", None],
    ("later", pa.string()): ["", None],
    ("tokens", pa.list_(pa.string())): [*WORDS, [], None],
    ("nested", pa.list_(pa.list_(pa.string()))): [
        [["some words of it"], None, ["and", None, "some more"]],
        [],
    ],
    ("chat", pa.list_(TURN)): [
        [
            {"role": "user", "content": "why is the sky blue today"},
            {"role": "assistant", "content": None},
            {"role": "assistant", "content": "because the light is scattered"},
        ],
        None,
    ],
}


@pytest.mark.parametrize("outputs", [False, True])
def test_columns_and_objects_give_the_same_texts(outputs):
    """Texts are extracted by one implementation for columns and one for objects."""
    rng = random.Random(1)
    records = [
        {name: rng.choice(values) for (name, _), values in VALUES.items()}
        for _ in range(60)
    ]
    fields = Fields(outputs=outputs)
    binding = bind(records, "", fields=fields, limits=LIMITS)
    assert binding.words
    assert binding.empty
    records += [
        {**records[0], "later": "a text that is late"},
        dict.fromkeys(records[0]),
    ]
    found = []
    columns = pa.RecordBatch.from_pylist(records, pa.schema(list(VALUES)))
    for values in (columns, records):
        stats = ReadStats()
        rows = Rows(range(len(records)), values)
        texts = texts_of(iter([rows]), binding, fields, stats.for_source(""), LIMITS)
        found.append(([row for part in texts for row in part.to_pylist()], stats))
    (rows, stats), of_objects = found
    assert of_objects == (rows, stats)
    assert len({row["field"] for row in rows}) == (8 if outputs else 9)
    assert stats.repaired.keys() == {"invalid_utf8"}
