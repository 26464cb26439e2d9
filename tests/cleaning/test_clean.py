"""Test that ``provscan clean`` removes the matches of a run and preserves everything
else.
"""

import gzip
import io
import json
import os
import tarfile
import zipfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

import provscan
from provscan.cli import main
from provscan.errors import (
    IndexFormatError,
    InputError,
    OutputError,
    ParameterError,
    UsageError,
)

HERON = (
    "A heron on one leg at the bus stop, patient as the timetable of the village is "
    "not and never was, while umbrellas argue with the wind"
)
DOUGH = (
    "My sourdough starter has a name, a passport 😀 and a considerably better social "
    "life than I had during all of last November"
)
TWEETS = [
    {"id": "1", "text": HERON, "author": "ada"},
    {"id": "2", "text": DOUGH, "author": "bob"},
]
GOOD = [
    "The committee met on Tuesday and postponed the question of the northern bridge.",
    'She said "no", then wrote: ünïcödé 😀, and left the harbour before the ferry.',
    "Rain is expected in the hills; farmers bring their hay in before the evening.",
    "The museum shows forty drawings, most of which were lent by private collections.",
    "A new timetable for trams will be published by the end of the coming month.",
]
TOKEN = "[REMOVED]"


@pytest.fixture(scope="module")
def licensed(tmp_path_factory):
    return provscan.build_index(TWEETS, tmp_path_factory.mktemp("clean") / "a.index")


def records(count=40):
    """Return texts, and whether each contains a licensed tweet."""
    texts = []
    for n in range(count):
        good = f"{GOOD[n % len(GOOD)]} ({n})"
        if n % 7 == 3:
            tweet = (HERON, DOUGH)[n % 2]
            texts.append((f"😀 {good} {tweet} 😀 end {n}", True))
        else:
            texts.append((good, False))
    return texts


def flat(n, text):
    return {"id": f"d{n}", "n": n, "text": text, "score": n / 3}


def write_lines(path, count=40):
    rows = [flat(n, text) for n, (text, _) in enumerate(records(count))]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_archives_folders_and_metadata(tmp_path, licensed):
    """Members and files keep their order and names; hidden files are not copied."""
    data = tmp_path / "set"
    write_lines(data / "b" / "ä 😀.jsonl")
    (data / "dataset_info.json").write_text('{"x": 1}')
    (data / ".hidden.jsonl").write_text("{}")
    (data / "empty.jsonl").write_text("")
    (data / "a.md").write_text(f"# Notes\n\n{HERON}\n")
    (data / "b.md").write_text("# Notes\n\nNothing of interest is to be read here.\n")
    lines = (data / "b" / "ä 😀.jsonl").read_bytes()
    members = {"z.jsonl": lines, "x/a.jsonl.gz": gzip.compress(lines), "c.md": b"c c"}
    with zipfile.ZipFile(data / "c.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    with tarfile.open(data / "d.tar", "w") as tar:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size, info.mtime = len(content), 1234567
            tar.addfile(info, io.BytesIO(content))
    run = provscan.match(data, licensed, tmp_path / "a.run", spike_ins=0)
    assert run.summary["answer"]["records"]["findings"] == 31
    out = tmp_path / "out"
    cleaned = provscan.clean(data, run.path, out)
    assert (cleaned.left, cleaned.manifest["records_removed"]) == (0, 31)
    kept = b"".join(
        line
        for line, (_, bad) in zip(lines.splitlines(True), records(), strict=True)
        if not bad
    )
    place = out / "set"
    assert (place / "b" / "ä 😀.jsonl").read_bytes() == kept
    assert sorted(path.name for path in place.iterdir()) == [
        *("b", "b.md", "c.zip", "d.tar", "dataset_info.json", "empty.jsonl")
    ]
    with zipfile.ZipFile(place / "c.zip") as archive:
        assert archive.namelist() == list(members)
        assert archive.read("z.jsonl") == kept
        assert gzip.decompress(archive.read("x/a.jsonl.gz")) == kept
    with tarfile.open(place / "d.tar") as tar:
        assert tar.getnames() == list(members)
        assert {info.mtime for info in tar} == {1234567}
        file = tar.extractfile("z.jsonl")
        assert file is not None
        assert file.read() == kept
    manifest = json.loads((out / "manifest.json").read_text())
    gone = [f["path"] for f in manifest["files"] if f["xxh3_after"] is None]
    assert gone == ["set/a.md"]
    assert [Path(path).name for path in manifest["not_copied"]] == [".hidden.jsonl"]


def test_options_select_matches(tmp_path, licensed):
    data = write_lines(tmp_path / "data.jsonl")
    lines = data.read_bytes().splitlines(True)
    dirty = [line for line, (_, bad) in zip(lines, records(), strict=True) if bad]
    data.write_bytes(b"".join(lines) + b'\n{"text": null}\nnot json\n')
    run = provscan.match(data, licensed, tmp_path / "a.run", spike_ins=0).path
    kept = provscan.clean(data, run, tmp_path / "kept", keep_only=True)
    assert (tmp_path / "kept" / "data.jsonl").read_bytes() == b"".join(dirty) + b"\n"
    assert kept.manifest["left"] is None
    dry = provscan.clean(data, run, dry_run=True)
    assert (dry.path, dry.manifest["records_with_matches"]) == (None, 6)
    assert provscan.clean(data, run, tmp_path / "a").manifest["not_cleaned"] == 2


def test_what_is_refused(tmp_path, licensed, monkeypatch):
    monkeypatch.chdir(tmp_path)
    data = write_lines(tmp_path / "set" / "data.jsonl")
    run = provscan.match("set", licensed, "a.run", spike_ins=0).path
    (tmp_path / "full").mkdir()
    before = sorted(os.listdir())
    for out, error, words in (
        ("full", OutputError, "exists"),
        ("set/out", OutputError, "would be inside an input"),
        (None, UsageError, r"name it with out \(-o\)"),
    ):
        with pytest.raises(error, match=words):
            provscan.clean("set", run, out)
    with pytest.raises(ParameterError, match="exclude each other"):
        provscan.clean("set", run, "out", mask="x", keep_only=True)
    with pytest.raises(ParameterError, match="on one line"):
        provscan.clean("set", run, "out", mask="x\n")
    with pytest.raises(UsageError, match="data in memory"):
        provscan.clean([{"text": "x"}], run, "out")
    with pytest.raises(IndexFormatError, match="is not an index"):
        provscan.clean("set", run, "out", index="full")
    other = provscan.build_index(TWEETS[:1], tmp_path / "other.index")
    with pytest.raises(InputError, match="not the index of the run"):
        provscan.clean("set", run, "out", index=other.path)
    (tmp_path / "other.index").rename(tmp_path / "full" / "o")
    sampled = provscan.match("set", licensed, "full/b.run", sample=0.5)
    with pytest.raises(InputError, match="scanned only a sample"):
        provscan.clean("set", sampled.path, "out")
    fixed = provscan.match("set", licensed, "full/c.run", fix_encoding=True)
    with pytest.raises(InputError, match="leave out mask"):
        provscan.clean("set", fixed.path, "out", mask="x")
    (tmp_path / "full" / "data.jsonl").write_bytes(data.read_bytes())
    with pytest.raises(InputError, match="not a finished run"):
        provscan.clean("set", tmp_path / "full", "out")
    data.write_bytes(data.read_bytes() + b"\n")
    with pytest.raises(InputError, match="has changed since the run read it"):
        provscan.clean("set", run, "out")
    (tmp_path / "set" / "more.jsonl").write_bytes(data.read_bytes())
    with pytest.raises(InputError, match="read 1 file, and the datasets have 2 now"):
        provscan.clean("set", run, "out")
    assert sorted(os.listdir()) == before


def test_files_that_cannot_be_written(tmp_path, licensed):
    data = write_lines(tmp_path / "set" / "b.jsonl")
    lines = data.read_bytes()
    (tmp_path / "set" / "a.jsonl").write_bytes(lines.decode().encode("utf-16"))
    (tmp_path / "set" / "c.jsonl.gz").write_bytes(gzip.compress(lines)[:-300])
    (tmp_path / "set" / "d.html").write_text(f"<html><p>{HERON}</p></html>")
    (tmp_path / "set" / "e.pdf").write_bytes(b"%PDF-1.4")
    (tmp_path / "set" / "f.eml").write_text(f"From: a@b.c\nTo: d@e.f\n\n{HERON}\n")
    run = CliRunner().invoke(
        main,
        [
            *("match", str(tmp_path / "set"), "-i", str(licensed.path)),
            *("-o", str(tmp_path / "a.run")),
        ],
    )
    assert run.exit_code == 3
    words = ["clean", str(tmp_path / "set"), str(tmp_path / "a.run")]
    words += ["-o", str(tmp_path / "out")]
    refused = CliRunner().invoke(main, words)
    assert refused.exit_code == 3
    assert "4 files can't be written: " in refused.output
    assert not (tmp_path / "out").exists()
    done = CliRunner().invoke(main, [*words, "--skip-unwritable"])
    assert done.exit_code == 0, done.output
    assert "Scanned again: no records with matches to remove" in done.output
    assert sorted(os.listdir(tmp_path / "out" / "set")) == ["a.jsonl", "b.jsonl"]
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert len(manifest["unwritable"]) == 4


def test_what_is_left_is_status_1(tmp_path, licensed, monkeypatch):
    """The mask is itself a licensed tweet, so the scan of the result finds it."""
    data = write_lines(tmp_path / "data.jsonl", 8)
    provscan.match(data, licensed, tmp_path / "a.run", spike_ins=0)
    words = ["clean", str(data), str(tmp_path / "a.run"), "--mask", HERON]
    done = CliRunner().invoke(main, [*words, "-o", str(tmp_path / "out")])
    assert done.exit_code == 1, done.output
    assert "Scanned again: 1 record with matches to remove" in done.output
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert manifest["left"] == 1


@pytest.mark.parametrize(
    "line",
    [
        '{"a": {"text": [["\\ud83d\\ude00 \\n\\"A%sB"]]}, "b": 1.50}',
        '{"a.b": "x", "m": [{"c": "A%sB", "d": {}}, {"c": "y y", "d": []}]}',
        '\t{ "x" : [ ] , "text" : "\\/ A%sB" , "n" : NaN }  ',
        '"A%sB"',
    ],
)
def test_json_is_masked_in_place(line, tmp_path, licensed):
    data = tmp_path / "a.jsonl"
    first = json.dumps({"text": GOOD[0]}) + "\n"
    data.write_text(first + line % f" {HERON} " + "\n" + line % " " + "\n")
    run = provscan.match(data, licensed, tmp_path / "a.run", spike_ins=0)
    if not run.summary["answer"]["records"]["findings"]:
        run = provscan.match(
            data, licensed, tmp_path / "b.run", text_field=["a.text[][]", "m[].c"]
        )
    provscan.clean(data, run.path, tmp_path / "out", mask='"\\')
    after = (tmp_path / "out" / "a.jsonl").read_text()
    assert after == first + line % ' \\"\\\\ ' + "\n" + line % " " + "\n"


def test_parquet_keeps_its_row_groups_and_compression(tmp_path, licensed):
    rows = [flat(n, text) for n, (text, _) in enumerate(records())]
    table = pa.Table.from_pylist(rows).replace_schema_metadata({"a": "b"})
    data = tmp_path / "a.parquet"
    pq.write_table(table, data, row_group_size=9, compression="zstd")
    run = provscan.match(data, licensed, tmp_path / "a.run", spike_ins=0)
    provscan.clean(data, run.path, tmp_path / "out")
    file = pq.ParquetFile(tmp_path / "out" / "a.parquet")
    assert file.num_row_groups == 5
    assert file.metadata.row_group(0).column(0).compression == "ZSTD"
    assert file.schema_arrow.equals(table.schema, check_metadata=True)


def test_documents_of_json(tmp_path, licensed):
    """A file that is one object is removed with it. Consecutive objects are removed one
    by one.
    """
    data = tmp_path / "set"
    data.mkdir()
    dirty = json.dumps({"text": HERON}, indent=2)
    clean = json.dumps({"text": GOOD[2], "more": {"a": "]}"}}, indent=2)
    (data / "a.json").write_text(dirty)
    (data / "b.json").write_text(f"{clean}\n{dirty}\n{clean}\n")
    run = provscan.match(data, licensed, tmp_path / "a.run", spike_ins=0)
    provscan.clean(data, run.path, tmp_path / "out")
    assert os.listdir(tmp_path / "out" / "set") == ["b.json"]
    assert (tmp_path / "out/set/b.json").read_text() == f"{clean}\n{clean}\n"


@pytest.mark.parametrize("mode", ["drop", "mask"])
def test_rows_that_are_broken_stay(mode, tmp_path, licensed):
    """Broken rows, blank lines and an unclosed quote don't change record numbers."""
    rows = [
        'id,text,more\r\n',
        f'1,"{GOOD[0]}",x\r\n',
        '\r\n',
        '2,too,many,values\r\n',
        f'3,"say ""{HERON}"" {GOOD[2]}",y\r\n',
        f'4,{GOOD[0]} and "quotes" here,z\n',
        *[f"{n},plain {GOOD[0]} {n},2020-01-0{n % 9}\n" for n in range(5, 20)],
        '20,"never closed,2020-01-01\n',
        *[f"{n},plain {GOOD[0]} {n},2020-01-0{n % 9}\n" for n in range(21, 40)],
        f"40,{DOUGH.replace(',', ';')},y\n",
    ]  # fmt: skip
    data = tmp_path / "a.csv"
    data.write_bytes("".join(rows).encode())
    run = provscan.match(data, licensed, tmp_path / "a.run", max_bad=0.5)
    assert run.summary["answer"]["records"]["findings"] == 2
    token = {"mask": "<,>"} if mode == "mask" else {}
    provscan.clean(data, run.path, tmp_path / "out", **token)
    if mode == "mask":
        rows[4] = rows[4].replace(HERON, "<,>")
        rows[-1] = '40,"<,>",y\n'
    else:
        rows[4] = rows[-1] = ""
    assert (tmp_path / "out" / "a.csv").read_bytes().decode() == "".join(rows)


def test_a_scan_of_the_result_reads_only_its_data(tmp_path, licensed):
    """The list of what was removed is no data; files of others with its name are."""
    data = write_lines(tmp_path / "a.jsonl")
    run = provscan.match(data, licensed, tmp_path / "a.run", spike_ins=0)
    out = tmp_path / "out"
    cleaned = provscan.clean(data, run.path, out)
    again = provscan.match(out, licensed, tmp_path / "b.run", spike_ins=0)
    kept = 40 - cleaned.manifest["records_removed"]
    assert again.summary["records"] == kept
    (out / "manifest.json").write_text('{"format": "of somebody else"}')
    again = provscan.match(out, licensed, tmp_path / "c.run", spike_ins=0)
    assert again.summary["records"] > kept


def test_a_saved_dataset(tmp_path, licensed):
    datasets = pytest.importorskip("datasets")
    texts = records()
    rows = [flat(n, text) for n, (text, _) in enumerate(texts)]
    datasets.Dataset.from_list(rows).save_to_disk(tmp_path / "set", num_shards=2)
    run = provscan.match(tmp_path / "set", licensed, tmp_path / "a.run", spike_ins=0)
    provscan.clean(tmp_path / "set", run.path, tmp_path / "out")
    again = datasets.load_from_disk(tmp_path / "out" / "set")
    assert list(again) == [
        row for row, (_, bad) in zip(rows, texts, strict=True) if not bad
    ]


def test_several_datasets_with_hostile_names(tmp_path, licensed, monkeypatch):
    """Names contain arbitrary bytes, and the command runs in another folder."""
    monkeypatch.chdir(tmp_path)
    names = ["a b\n'\".jsonl", "-x.jsonl", os.fsdecode(b"\xff\xfe.jsonl"), "%s{}.jsonl"]
    for name in names:
        write_lines(tmp_path / "set" / name)
    write_lines(tmp_path / "one.jsonl")
    run = provscan.match(["set", "one.jsonl"], licensed, "a.run", spike_ins=0)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    with pytest.raises(InputError, match="read 5 files, and the datasets have 1 now"):
        provscan.clean(["../one.jsonl"], tmp_path / run.path, "out")
    cleaned = provscan.clean(
        ["../set/", "../one.jsonl"], tmp_path / run.path, "out", index=licensed.path
    )
    assert cleaned.manifest["records_removed"] == 30
    assert sorted(os.listdir("out")) == [
        *("manifest.json", "one.jsonl", "removed.jsonl", "set")
    ]
    assert sorted(os.listdir("out/set")) == sorted(names)
    assert os.listdir(".") == ["out"]


@pytest.mark.parametrize(
    "kind",
    [
        pa.large_string(),
        pa.binary(),
        pa.string_view(),
        pa.dictionary(pa.int32(), pa.string()),
        pa.list_(pa.large_string()),
        pa.struct([("x", pa.timestamp("ns")), ("y", pa.list_(pa.string()))]),
    ],
    ids=str,
)
def test_types_of_columns(kind, tmp_path, licensed):
    """Texts are masked in columns of all types, and other rows stay as they are."""

    def value(text):
        if text is None:
            return None
        if pa.types.is_struct(kind):
            return {"x": None, "y": [None, text]}
        if pa.types.is_list(kind):
            return ["several words of text", None, text]
        return text.encode() if kind == pa.binary() else text

    texts = [None, GOOD[0], f"ü😀 {HERON} 😀", GOOD[2], None, f"{DOUGH} {GOOD[3]}", ""]
    masked = [
        text and text.replace(HERON, TOKEN).replace(DOUGH, TOKEN) for text in texts
    ]
    table, expected = (
        pa.table({"n": range(7), "text": pa.array(map(value, rows), kind)})
        for rows in (texts, masked)
    )
    data = tmp_path / "a.arrow"
    with pa.ipc.new_file(data, table.schema) as writer:
        writer.write_table(table)
    run = provscan.match(data, licensed, tmp_path / "a.run", spike_ins=0)
    assert run.summary["answer"]["records"]["findings"] == 2
    provscan.clean(data, run.path, tmp_path / "out", mask=TOKEN)
    with pa.ipc.open_file(tmp_path / "out" / "a.arrow") as file:
        found = file.read_all()
    assert found.schema.equals(table.schema)
    assert found.to_pylist() == expected.to_pylist()
    provscan.clean(data, run.path, tmp_path / "dropped")
    with pa.ipc.open_file(tmp_path / "dropped" / "a.arrow") as file:
        rows = table.to_pylist()
        assert file.read_all().to_pylist() == [*rows[:2], *rows[3:5], rows[6]]
