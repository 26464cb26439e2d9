"""Test which files are planned, and which are left out."""

import gzip
import io
import json
import os
import sys
import tarfile
import threading
import zipfile

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from provscan.errors import InputError, named_as_options
from provscan.readers import Fields, Split, checksum, plan
from provscan.readers.splits import UNKNOWN

LINE = b'{"text": "hello"}\n'


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.pdf", b"%PDF", "it is PDF"),
        ("a", b"\x7fELF\0\0", "neither its name nor its first bytes show"),
        ("a.jsonl.gz", LINE, "says gzip, but it starts with 7b 22 74 65"),
        ("a.jsonl.zst", gzip.compress(LINE), "says zstd, but it is gzip"),
        ("a.parquet", b"nonsense", "says parquet, but it starts with 6e 6f"),
        ("a.pkl", b"\x80\x04}", "a pickle, which is never opened"),
    ],
)
def test_unreadable_files(write, read_all, name, content, message):
    with pytest.raises(InputError, match=message):
        read_all(write(name, content))


def test_a_path_that_does_not_exist(read_all):
    for text in ("some words of a tweet", "many words " * 500, "goats"):
        with pytest.raises(InputError, match=r'exist: .* \[{"text": "..."}\]'):
            read_all([text])
    with named_as_options():
        with pytest.raises(InputError, match=r"^a path without a name does not exist$"):
            read_all([""])
        with pytest.raises(InputError, match=r"^nowhere/at/all does not exist$"):
            plan("nowhere/at/all", Fields())


def test_a_folder_is_walked_and_stray_files_are_reported(write, read_all, tmp_path):
    write("data/b.jsonl", LINE)
    write("data/a/z.txt", "text\n")
    write("data/a/part-0", LINE)
    write("data/.hidden.jsonl", LINE)
    write("data/_SUCCESS", b"")
    write("data/README.md", "# read me")
    write("data/data.bin", b"\0" * 100)
    write("data/numbers.jsonl", [{"n": 1}])
    write("data/logo.png", b"\x89PNG")
    (tmp_path / "data/a/loop").symlink_to(tmp_path / "data")
    (tmp_path / "data/broken.jsonl").symlink_to(tmp_path / "nowhere")
    (tmp_path / "data/self").symlink_to(tmp_path / "data/self")
    (tmp_path / "data/same.jsonl").symlink_to(tmp_path / "data/b.jsonl")
    os.chdir(tmp_path)
    found = read_all("data/")
    assert [split.source for split in found.splits] == [
        "data/README.md", "data/a/part-0", "data/a/z.txt", "data/b.jsonl",
    ]  # fmt: skip
    assert found.texts == ["# read me", "hello", "text", "hello"]
    assert dict(found.unread) == {
        "data/data.bin": "neither its name nor its first bytes show a known format",
        "data/logo.png": "it is an image",
        "data/broken.jsonl": "No such file or directory",
        "data/self": "Too many levels of symbolic links",
        "data/numbers.jsonl": "no field that contains text in its first records. The "
        "fields there are: n. "
        "Name the one that contains the text with text_field.",
    }
    assert dict(found.splits.ignored) == {
        "data/.hidden.jsonl": "hidden: its name starts with .",
        "data/_SUCCESS": "hidden: its name starts with _",
        "data/a/loop": "a link to a folder that was read already",
        "data/same.jsonl": "the same file as one that was found before",
    }


def test_the_same_files_are_left_out_of_folders_and_archives(read_all, tmp_path):
    table = pa.table({"text": ["saved words"]})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    arrow = sink.getvalue().to_pybytes()
    files = {
        "a.txt": b"some words\n",
        ".git/HEAD": b"ref: refs/heads/main\n",
        ".git/logs/x": b"some commit\n",
        "_drafts/b.txt": b"some draft\n",
        "d/.hidden.txt": b"some secret\n",
        "._a.txt": b"attributes that macOS adds\n",
        "__MACOSX/d/._a.txt": b"attributes that macOS adds\n",
        "d/saved/state.json": b'{"_split": "train"}',
        "d/saved/dataset_dict.json": b'{"splits": ["train"]}',
        "d/saved/cache-1.arrow": arrow,
        "d/saved/data.arrow": arrow,
        "d/cache-of.txt": b"more words\n",
    }
    folder = tmp_path / "data"
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for name, data in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(data)
            archive.writestr(name, data)
    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        tar.add(folder, ".")
    results = []
    for source, inner in ((folder, ""), (tmp_path / "a.zip", ""), ("a.tar", "./")):
        source = tmp_path / source
        found = read_all(source)
        assert not found.unread
        prefix = f"{source}/{inner}"
        ignored = {path.removeprefix(prefix): why for path, why in found.splits.ignored}
        results.append((sorted(found.texts), ignored))
    assert results[0] == results[1] == results[2]
    assert results[0] == (
        ["more words", "saved words", "some words"],
        {
            ".git": "hidden: its name starts with .",
            "_drafts": "hidden: its name starts with _",
            "._a.txt": "hidden: its name starts with .",
            "__MACOSX": "hidden: its name starts with _",
            "d/saved/dataset_dict.json": "describes the dataset and contains no "
            "records",
            "d/.hidden.txt": "hidden: its name starts with .",
            "d/saved/state.json": "describes the dataset and contains no records",
            "d/saved/cache-1.arrow": "a cache of the datasets library",
        },
    )


@pytest.fixture(autouse=True)
def _same_folder_afterwards():
    before = os.getcwd()
    yield
    os.chdir(before)


def test_a_folder_with_nothing_to_read(write, tmp_path):
    write("d/.hidden", "")
    with pytest.raises(InputError, match="no file to read"):
        plan(tmp_path / "d", Fields())


def test_several_sources_in_the_order_given(write, read_all):
    second, first = write("b.txt", "b\n"), write("a.txt", "a\n")
    assert read_all([second, first, second]).texts == ["b", "a"]


@pytest.mark.parametrize("compress", [bytes, gzip.compress, zstandard.compress])
@pytest.mark.parametrize(
    "content",
    [
        LINE + LINE,
        b"\xef\xbb\xbf" + LINE + LINE,
        json.dumps([{"text": "hello"}] * 2).encode(),
    ],
)
def test_standard_input(read_all, monkeypatch, content, compress):
    data = compress(content)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
    found = read_all("-")
    assert found.texts == ["hello", "hello"]
    assert found.records == [0, 1]
    assert found.stats.bytes == len(data)
    assert list(found.splits) == [Split("-", "-", UNKNOWN, None, 0, -1, 0, 0)]


def test_empty_standard_input(read_all, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"")))
    assert read_all("-").stats.notes == {"empty_file": 1}


def test_a_parquet_file_on_standard_input(read_all, monkeypatch):
    file = io.BytesIO()
    pq.write_table(pa.table({"text": ["a text"]}), file)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(file.getvalue())))
    assert read_all("-").texts == ["a text"]


@pytest.mark.parametrize("compress", [bytes, gzip.compress])
@pytest.mark.parametrize("kind", ["tar", "zip"])
def test_an_archive_on_standard_input(read_all, monkeypatch, kind, compress):
    file = io.BytesIO()
    if kind == "zip":
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr("a.jsonl", LINE)
    else:
        with tarfile.open(fileobj=file, mode="w") as archive:
            archive.addfile(tarfile.TarInfo("a.jsonl"))
    data = compress(file.getvalue())
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
    with pytest.raises(InputError, match="an archive can't be read from a pipe"):
        read_all("-")


def test_a_named_pipe(read_all, tmp_path):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_bytes, args=(LINE * 3,))
    writer.start()
    with pytest.warns(RuntimeWarning, match="is a named pipe: waiting"):
        assert read_all(str(path)).records == [0, 1, 2]
    writer.join()


def test_a_device(read_all):
    with pytest.raises(InputError, match="is a device, which may have no end"):
        read_all("/dev/zero")


def test_checksum(write):
    path = write("a", b"provscan")
    assert checksum(path) == "5d628b818d0521bfd2a30b488f0099ef"
    with pytest.raises(InputError, match="nowhere can't be read: No such file"):
        checksum("nowhere")
