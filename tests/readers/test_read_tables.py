"""Parquet and Arrow files."""

import gzip
import itertools
import os

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from provscan.errors import FieldNotFoundError, InputError
from provscan.readers import Limits

TABLE = pa.table(
    {
        "id": pa.array([1, 2, None, 2**63 - 1]),
        "text": ["a", None, "c", "ü😀"],
        "user": [{"screen_name": "x", "age": 1}, None, {"screen_name": None, "age": 2}, {"screen_name": "y", "age": 3}],
        "date": pa.array([0, 1500, None, -1], pa.timestamp("ms")),
        "lang": pa.array(["en", "en", "de", None]).dictionary_encode(),
    }
)


def write_parquet(table, path, **options):
    pq.write_table(table, path, **options)
    return str(path)


def write_ipc(table, path, form):
    opener = pa.ipc.new_file if form == "file" else pa.ipc.new_stream
    with pa.OSFile(str(path), "wb") as file, opener(file, table.schema) as writer:
        writer.write_table(table, max_chunksize=2)
    return str(path)


@pytest.fixture(params=["parquet", "file", "stream"])
def save(request, tmp_path):
    if request.param == "parquet":
        return lambda table: write_parquet(table, tmp_path / "a.parquet", row_group_size=3)
    return lambda table: write_ipc(table, tmp_path / "a.arrow", request.param)


def test_texts_and_ids(save, read_all):
    found = read_all(save(TABLE))
    assert [tuple(row.values()) for row in found.rows] == [
        (0, "1", "text", "a"),
        (2, None, "text", "c"),
        (3, str(2**63 - 1), "text", "ü😀"),
    ]
    assert found.stats.skipped == {"no_text": 1}
    assert found.stats.examples["no_text"][0].record == 1
    assert (found.stats.records, found.stats.characters) == (3, 4)
    assert found.stats.bytes == sum(split.size for split in found.splits)


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.binary(), pa.large_binary(), pa.string_view()])
def test_kinds_of_text(tmp_path, read_all, kind):
    table = pa.table({"text": pa.array(["a", "é"]).cast(kind)})
    assert read_all(write_ipc(table, tmp_path / "a.arrow", "stream")).texts == ["a", "é"]


def test_text_in_a_dictionary(save, read_all):
    assert read_all(save(pa.table({"text": pa.array(["a", "b", "a"]).dictionary_encode()}))).texts == ["a", "b", "a"]


def test_invalid_utf8(save, read_all):
    broken = pa.array([b"ok", b"a\xffb", None], pa.binary())
    found = read_all(save(pa.table({"text": broken})))
    assert found.texts == ["ok", "a\ufffdb"]
    assert found.stats.repaired == {"invalid_utf8": 1}
    assert found.stats.skipped == {"no_text": 1}
    assert found.stats.examples["invalid_utf8"][0].record == 1


def test_invalid_utf8_in_what_claims_to_be_text(save, read_all):
    raw = pa.array([b"ok", b"a\xffb"], pa.binary())
    claimed = pa.StringArray.from_buffers(2, *raw.buffers()[1:])
    found = read_all(save(pa.table({"text": claimed})))
    assert found.texts == ["ok", "a\ufffdb"]
    assert found.stats.repaired == {"invalid_utf8": 1}


def test_numbers_where_text_should_be(save, read_all):
    found = read_all(save(pa.table({"text": [1, 2]})))
    assert found.rows == []
    assert found.stats.skipped == {"text_not_string": 2}


def test_texts_in_lists_and_objects(save, read_all):
    chat = [{"role": "user", "content": "how are you"}, {"role": "assistant", "content": "fine"}]
    table = pa.table({
        "messages": [chat, None, [{"role": "user", "content": None}]],
        "tags": [["some longer words here", "b"], [], None],
        "user": [{"bio": "likes long walks"}, {"bio": "is a cat"}, None],
    })  # fmt: skip
    found = read_all(save(table))
    assert list(zip(found.records, found.fields, found.texts, strict=True)) == [
        (0, "messages[0].content", "how are you"),
        (0, "messages[1].content", "fine"),
        (0, "tags[0]", "some longer words here"),
        (0, "tags[1]", "b"),
        (0, "user.bio", "likes long walks"),
        (1, "user.bio", "is a cat"),
    ]
    assert found.stats.records == 2
    assert found.stats.skipped == {"no_text": 1}
    assert read_all(save(table), text="messages[].content").texts == ["how are you", "fine"]
    assert read_all(save(table), text=("user.bio", "tags")).texts[:2] == ["likes long walks", "some longer words here"]


def test_no_field_for_the_text(save, read_all):
    path = save(pa.table({"n": [1], "user": [{"bio": "x"}], "text": ["a"]}))
    with pytest.raises(
        FieldNotFoundError, match=r"no field 'foo' for the text .*The fields there are: n, user, text, "
    ):
        read_all(path, text="foo")
    with pytest.raises(FieldNotFoundError, match=r"no field 'foo' for the id"):
        read_all(path, text="user.bio", id="foo")


def test_an_empty_table(save, read_all):
    found = read_all(save(TABLE.slice(0, 0)))
    assert found.rows == []
    assert found.stats.notes == {"empty_file": 1}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
@given(rows=st.integers(0, 50), group=st.integers(1, 20), target=st.integers(1, 2000))
def test_row_groups(tmp_path, read_all, rows, group, target):
    table = pa.table({"text": [f"text {number}" for number in range(rows)], "id": range(rows)})
    path = write_parquet(table, tmp_path / "a.parquet", row_group_size=group)
    found = read_all(path, target_bytes=target)
    assert found.texts == table["text"].to_pylist()
    assert found.records == list(range(rows))
    for split, following in itertools.pairwise(found.splits):
        assert split.end == following.start
        assert split.size >= target
    assert sum(split.size for split in found.splits) in (0, os.path.getsize(path))


def test_only_the_needed_columns_are_read(tmp_path, read_all, monkeypatch):
    asked = []
    original = pq.ParquetFile.iter_batches

    def spy(self, *args, **options):
        asked.append(options.get("columns"))
        return original(self, *args, **options)

    monkeypatch.setattr(pq.ParquetFile, "iter_batches", spy)
    read_all(write_parquet(TABLE.append_column("blob", [["x"] * 4]), tmp_path / "a.parquet", row_group_size=2))
    assert asked == [None, ["id", "text"], ["id", "text"]]


@pytest.mark.parametrize("name", ["a.parquet", "a.arrow"])
def test_damaged_files(tmp_path, read_all, name):
    path = tmp_path / name
    if name == "a.parquet":
        write_parquet(TABLE, path)
    else:
        write_ipc(TABLE, path, "file")
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(InputError, match=f"{name} can't be read as "):
        read_all(str(path))


@pytest.mark.parametrize("form", ["file", "stream"])
@pytest.mark.parametrize("column", ["text", "created_at", "id"])
def test_offsets_that_point_nowhere(tmp_path, read_all, form, column):
    names = {"text": ["one"] * 3, "created_at": ["2020-01-01"] * 3, "id": ["1"] * 3}
    names[column] = ["a marked text"] * 3
    path = tmp_path / "a.arrow"
    write_ipc(pa.table(names), path, form)
    good = np.array([13, 26], "<i4").tobytes()
    data = path.read_bytes()
    assert good in data
    path.write_bytes(data.replace(good, np.array([13, -(2**30)], "<i4").tobytes()))
    with pytest.raises(InputError, match=r"a\.arrow can't be read as Arrow IPC: "):
        read_all(str(path))


@pytest.mark.parametrize("form", ["file", "stream"])
def test_a_truncated_arrow_file_ends_early(tmp_path, read_all, form):
    path = tmp_path / "a.arrow"
    write_ipc(pa.table({"text": [f"text {n}" for n in range(1000)]}), path, form)
    data = path.read_bytes()
    for share in (0.3, 0.7):
        path.write_bytes(data[: int(share * len(data))])
        if form == "file":
            with pytest.raises(InputError, match=r"a\.arrow can't be read as Arrow IPC: "):
                read_all(str(path))
        else:
            found = read_all(str(path))
            (damage,) = found.stats.damaged
            assert damage.records == len(found.rows)
            assert 200 < len(found.rows) < 800


def test_rows_above_the_limit_are_skipped(tmp_path, read_all):
    path = str(tmp_path / "a.parquet")
    pq.write_table(pa.table({"text": ["x" * 5000, "y" * 5000]}), path)
    assert len(read_all(path).rows) == 2
    found = read_all(path, limits=Limits(record_bytes=4000))
    assert found.rows == []
    assert found.stats.skipped == {"record_too_long": 2}


@pytest.mark.parametrize("compress", [gzip.compress, zstandard.compress])
def test_compressed_as_a_whole(save, read_all, write, compress):
    path = save(TABLE)
    with open(path, "rb") as file:
        found = read_all(write("b.parquet.x", compress(file.read())))
    assert found.rows == read_all(path).rows
