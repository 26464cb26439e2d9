"""Test Parquet and Arrow files."""

import itertools
import os

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from provscan.errors import FieldNotFoundError, InputError
from provscan.readers import Limits

TABLE = pa.table(
    {
        "id": pa.array([1, 2, None, 2**63 - 1]),
        "text": ["a", None, "c", "ü😀"],
        "user": [
            {"screen_name": "x", "age": 1},
            None,
            {"screen_name": None, "age": 2},
            {"screen_name": "y", "age": 3},
        ],
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
        return lambda table: write_parquet(
            table, tmp_path / "a.parquet", row_group_size=3
        )
    return lambda table: write_ipc(table, tmp_path / "a.arrow", request.param)


def test_invalid_utf8(save, read_all):
    broken = pa.array([b"ok", b"a\xffb", None], pa.binary())
    found = read_all(save(pa.table({"text": broken})))
    assert found.texts == ["ok", "a\ufffdb"]
    assert found.stats.repaired == {"invalid_utf8": 1}
    assert found.stats.skipped == {"no_text": 1}
    assert found.stats.examples["invalid_utf8"][0].record == 1


@pytest.mark.parametrize("kind", [pa.list_, pa.large_list])
def test_offsets_of_lists_are_checked(kind, tmp_path, read_all):
    width = np.int32 if kind is pa.list_ else np.int64
    offsets = pa.py_buffer(np.array([0, 1 << 30, 1, 2], width))
    texts = pa.array(["the first of some words", "and the last of them"])
    lists = pa.Array.from_buffers(
        kind(pa.string()), 3, [None, offsets], children=[texts]
    )
    path = write_ipc(pa.table({"text": lists}), tmp_path / "a.arrow", "file")
    with pytest.raises(InputError):
        read_all(path)


WORDS = ["the first of some words", "and the last of them"]


def test_columns_with_the_same_name(save, read_all):
    others = ["as well as others", "which are no texts"]
    table = pa.table(
        [WORDS, ["b", "a"], others, ["7", "8"], ["9", "0"]],
        names=["text", "note", "text", "id", "id"],
    )
    found = read_all(save(table))
    assert [(row["id"], row["field"], row["text"]) for row in found.rows] == [
        ("7", "text", WORDS[0]),
        ("7", "text_3", others[0]),
        ("8", "text", WORDS[1]),
        ("8", "text_3", others[1]),
    ]
    assert read_all(save(table), text="text_3").texts == others


def test_maps_in_lists(save, read_all):
    for lists in (pa.list_, pa.large_list, lambda kind: pa.list_(kind, 1)):
        maps = pa.array(
            [[[("a", text)]] for text in WORDS],
            lists(pa.map_(pa.string(), pa.string())),
        )
        found = read_all(save(pa.table({"said": maps})))
        assert [(row["field"], row["text"]) for row in found.rows] == [
            ("said[0][0].value", text) for text in WORDS
        ]


def test_concatenated_streams(tmp_path, read_all):
    path = tmp_path / "a.arrow"
    write_ipc(TABLE, path, "stream")
    once = path.read_bytes()
    path.write_bytes(once * 3)
    found = read_all(str(path))
    assert (found.texts, found.records) == (
        ["a", "c", "ü😀"] * 3,
        [0, 2, 3, 4, 6, 7, 8, 10, 11],
    )
    path.write_bytes(once + b"and no stream" * 9)
    found = read_all(str(path))
    assert found.texts == ["a", "c", "ü😀"]
    assert found.stats.damaged[0].reason.startswith("damaged: ")


def test_fields_of_a_struct_with_the_same_name_are_refused(save, read_all):
    texts = [pa.array([f"the {word} field of record"]) for word in "ab"]
    inner = pa.StructArray.from_arrays(texts, ["text", "text"])
    column = pa.ListArray.from_arrays([0, 1], inner)
    with pytest.raises(InputError, match="have the same name"):
        read_all(save(pa.table({"said": column})))


@pytest.mark.parametrize(
    ("values", "code"), [([1, 2], "text_not_string"), ([None, None], "no_text")]
)
def test_columns_without_text(values, code, save, read_all):
    found = read_all(save(pa.table({"text": values})))
    assert found.rows == []
    assert found.stats.skipped == {code: 2}


def test_texts_in_lists_and_objects(save, read_all):
    chat = [
        {"role": "user", "content": "how are you"},
        {"role": "assistant", "content": "fine"},
    ]
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
    assert read_all(save(table), text="messages[].content").texts == [
        "how are you",
        "fine",
    ]
    assert read_all(save(table), text=("user.bio", "tags")).texts[:2] == [
        "likes long walks",
        "some longer words here",
    ]


def test_no_field_for_the_text(save, read_all):
    path = save(pa.table({"n": [1], "user": [{"bio": "x"}], "text": ["a"]}))
    with pytest.raises(FieldNotFoundError, match=r"text .*The fields there are: n"):
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
    table = pa.table(
        {"text": [f"text {number}" for number in range(rows)], "id": range(rows)}
    )
    path = write_parquet(table, tmp_path / "a.parquet", row_group_size=group)
    found = read_all(path, target_bytes=target)
    assert found.texts == table["text"].to_pylist()
    assert found.records == list(range(rows))
    for split, following in itertools.pairwise(found.splits):
        assert split.end == following.start
        assert split.size >= target
    assert sum(split.size for split in found.splits) in (0, os.path.getsize(path))


def test_damaged_files(tmp_path, read_all):
    path = tmp_path / "a.parquet"
    write_parquet(TABLE, path)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(InputError, match=r"a\.parquet can't be read as "):
        read_all(str(path))


@pytest.mark.parametrize("form", ["file", "stream"])
@pytest.mark.parametrize("column", ["text", "created_at", "id"])
def test_invalid_offsets(tmp_path, read_all, form, column):
    names = {"text": ["one"] * 3, "created_at": ["2020-01-01"] * 3, "id": ["1"] * 3}
    names[column] = ["a marked text"] * 3
    path = tmp_path / "a.arrow"
    write_ipc(pa.table(names), path, form)
    good = np.array([13, 26], "<i4").tobytes()
    data = path.read_bytes()
    assert good in data
    path.write_bytes(data.replace(good, np.array([13, -(2**30)], "<i4").tobytes()))
    with pytest.raises(InputError, match=r"a\.arrow can't be read as arrow: "):
        read_all(str(path))


@pytest.mark.parametrize("form", ["file", "stream"])
def test_a_truncated_arrow_file_ends_early(tmp_path, read_all, form):
    path = tmp_path / "a.arrow"
    write_ipc(pa.table({"text": [f"text {n}" for n in range(1000)]}), path, form)
    data = path.read_bytes()
    for share in (0.3, 0.7):
        path.write_bytes(data[: int(share * len(data))])
        found = read_all(str(path))
        (damage,) = found.stats.damaged
        assert damage.records == len(found.rows)
        assert 150 < len(found.rows) < 800
    for lost in (1, 4, 8):
        path.write_bytes(data[:-lost])
        found = read_all(str(path))
        assert len(found.rows) == 1000
        assert found.stats.damaged[0].records == 1000


def test_rows_above_the_limit_are_skipped(tmp_path, read_all):
    path = str(tmp_path / "a.parquet")
    pq.write_table(pa.table({"text": ["x" * 5000, "y" * 5000]}), path)
    assert len(read_all(path).rows) == 2
    found = read_all(path, limits=Limits(record_bytes=4000))
    assert found.rows == []
    assert found.stats.skipped == {"record_too_long": 2}
