"""Test that files written at the same time don't disturb each other, and that a result
with a wrong file is never put in place.
"""

import io
import itertools
import json
import os

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from file_formats import compressed, members_of, opened, tar, zipped
from nightly import NIGHTLY

import provscan
from provscan.cleaning import rewriting
from provscan.errors import OutputError
from provscan.readers.bytes.compression import COMPRESSIONS, compressing


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_two_compressed_files_are_written_by_turns(compression):
    """Neither file gets the content of the other."""
    files = [io.BytesIO(), io.BytesIO()]
    contents = [b"A heron on one leg.\n" * 20_000, b"Wool prices rose.\n" * 20_000]
    with (
        compressing(files[0], compression) as first,
        compressing(files[1], compression) as second,
    ):
        for at in range(0, len(contents[0]), 50_000):
            first.write(contents[0][at : at + 50_000])
            second.write(contents[1][at : at + 50_000])
    assert [opened(file.getvalue(), compression) for file in files] == contents


HERON = (
    "A heron on one leg at the bus stop, patient as the timetable of the village is "
    "not and never was, while umbrellas argue with the wind"
)
TEXTS = [
    "The committee met on Tuesday and postponed the question of the bridge.",
    f"Rain is expected in the hills. {HERON} It will end soon.",
    "The museum shows forty drawings, most of which were lent by others.",
    "The committee met on Friday and decided the question of the tunnel.",
]


def rows_of(kind, data):
    reader = pa.BufferReader(data)
    return (
        pq.read_table(reader)
        if kind == "parquet"
        else pa.ipc.open_file(reader).read_all()
    )


def bytes_of(kind, table):
    out = io.BytesIO()
    if kind == "parquet":
        pq.write_table(table, out)
    else:
        with pa.ipc.new_file(out, table.schema) as writer:
            writer.write_table(table)
    return out.getvalue()


def written(kind):
    """Return a file with the texts."""
    records = [{"n": str(n), "text": text} for n, text in enumerate(TEXTS)]
    if kind in ("parquet", "arrow"):
        return bytes_of(kind, pa.Table.from_pylist(records))
    if kind == "json":
        return json.dumps(records, indent=1).encode()
    form = {"jsonl": "{}\n", "csv": '{},"{}"\n', "txt": "{}\n"}[kind]
    head = "n,text\n" if kind == "csv" else ""
    values = {
        "jsonl": [(json.dumps(record),) for record in records],
        "csv": [tuple(record.values()) for record in records],
        "txt": [(text,) for text in TEXTS],
    }[kind]
    return (head + "".join(form.format(*row) for row in values)).encode()


def damaged(kind, data, damage):
    """Return a file in which something else was changed."""
    if kind in ("parquet", "arrow"):
        table = rows_of(kind, data)
        if damage == "letter":
            texts = [t.replace("forty", "fortY") for t in table["text"].to_pylist()]
            table = table.set_column(1, "text", pa.array(texts))
        return bytes_of(kind, table.slice(0, len(table) - (damage == "record")))
    if damage == "letter":
        return data.replace(b"forty", b"fortY")
    if kind == "json":
        return json.dumps(json.loads(data)[:-1], indent=1).encode()
    return b"".join(data.splitlines(True)[:-1])


@pytest.fixture(scope="module")
def licensed(tmp_path_factory):
    tweets = [{"id": "1", "text": HERON}]
    return provscan.build_index(tweets, tmp_path_factory.mktemp("written") / "a.index")


def packed(name, data, container):
    if container == "zip":
        return zipped([(name, data)])
    return compressed(tar([(name, data)]), "gzip")


def unpacked(data, container):
    if container == "zip":
        return members_of(data, "zip")[0][1]
    return members_of(opened(data, "gzip"), "tar")[0][1]


WRITTEN = [
    *itertools.product(
        ["jsonl", "json", "csv", "txt", "parquet", "arrow"],
        ["", "zip", "tar.gz"],
        ["letter", "record", "bytes"],
        [None, "[X]"],
    )
]


# The step has no divisor in common with the numbers of values, so nearly all pairs of
# values are among every fifth case.
@pytest.mark.parametrize(
    ("kind", "container", "damage", "mask"), WRITTEN if NIGHTLY else WRITTEN[::5]
)
def test_a_wrong_file_is_never_put_in_place(
    kind, container, damage, mask, tmp_path, licensed, monkeypatch
):
    """The command fails, keeps its input, and succeeds when it is repeated."""
    before, name = written(kind), f"a.{kind}"
    path = tmp_path / (f"{name}.{container}" if container else name)
    path.write_bytes(packed(name, before, container) if container else before)
    asked = {"records": "lines"} if kind == "txt" else {}
    run = provscan.match(path, licensed, tmp_path / "a.run", spike_ins=0, **asked)
    verify = rewriting.verify_file

    def wrong(task, out, *more):
        data = out.read_bytes()
        if damage == "bytes":
            out.write_bytes(data[: len(data) // 2])
        else:
            inner = unpacked(data, container) if container else data
            inner = damaged(kind, inner, damage)
            out.write_bytes(packed(name, inner, container) if container else inner)
        verify(task, out, *more)

    with monkeypatch.context() as patched:
        patched.setattr(rewriting, "verify_file", wrong)
        with pytest.raises(OutputError):
            provscan.clean(path, run.path, tmp_path / "out", mask=mask, all=True)
    assert sorted(os.listdir(tmp_path)) == sorted(["a.run", path.name])
    cleaned = provscan.clean(path, run.path, tmp_path / "out", mask=mask, all=True)
    assert (cleaned.left, cleaned.manifest["spans"]) == (0, 1)
