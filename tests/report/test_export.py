"""Test lists of exhibits as spreadsheets, programs and terminals read them."""

import contextlib
import csv
import gc
import hashlib
import json
import os
from pathlib import Path

import openpyxl
import pyarrow.parquet as pq
import pytest
from folders import hostile, rows, seal, write_folder
from invariants import contents

from provscan import open_run, verify
from provscan.errors import InputError, OutputError, UsageError
from provscan.report.document import write_report
from provscan.report.export import export
from provscan.report.files import RunFiles
from provscan.report.wording import visible

FORMULA = tuple("=+-@\t\r\n＝＋－＠")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return write_folder(tmp_path_factory.mktemp("export") / "a.run", rows())


@pytest.fixture(scope="module")
def hostile_run(tmp_path_factory):
    made = rows(100, hostile())
    for row, text in zip(made, hostile(), strict=True):
        row.update(
            author=text[:60], source=text[:60], record_id=text[:60], counted=True
        )
    return write_folder(tmp_path_factory.mktemp("hostile") / "a.run", made)


def exported(run, suffix, **options):
    out = run.parent / f"list{suffix}"
    count, others = export(run, out, overwrite=True, **options)
    assert not (others and options.get("everything"))
    if suffix == ".csv":
        with out.open(encoding="utf-8-sig", newline="") as file:
            csv.field_size_limit(1 << 30)
            listed = list(csv.DictReader(file))
    elif suffix == ".xlsx":
        head, *body = openpyxl.load_workbook(out).active.iter_rows()
        listed = [
            {name.value: cell for name, cell in zip(head, row, strict=True)}
            for row in body
        ]
    elif suffix == ".jsonl":
        listed = [json.loads(line) for line in out.read_bytes().splitlines()]
    else:
        listed = pq.read_table(out).to_pylist()
    assert len(listed) == count
    return listed


def test_every_format_begins_with_the_strongest_finding(run):
    order = sorted(rows(), key=lambda row: (not row["counted"], -row["bits"]))
    for suffix in (".csv", ".jsonl", ".parquet"):
        assert [str(row["record"]) for row in exported(run, suffix)] == [
            str(row["record"]) for row in order[:52]
        ]
        listed = exported(run, suffix, everything=True)
        assert [str(row["record"]) for row in listed] == [
            str(row["record"]) for row in order
        ]
        assert [int(row["exhibit"]) for row in listed] == list(range(1, 61))
    listed = exported(run, ".jsonl", everything=True)
    first, last = listed[0], listed[-1]
    assert (first["passage"], first["tweet_id"], first["time"]) == (
        order[0]["passage"],
        "153264168760246272",
        "2012-01-01T00:00:00Z",
    )
    assert (first["match"], first["wording"]) == (
        "word for word",
        "extremely rare wording",
    )
    assert (last["counted"], last["passage"], last["tweet"]) == (False, None, None)
    assert {row["wording"] for row in listed if not row["counted"]} == {
        "common or known wording"
    }
    assert [row["record"] for row in listed if row["known"]] == [27]


def test_spreadsheets_contain_ids_as_text_and_numbers_as_numbers(run):
    first = exported(run, ".xlsx")[0]
    assert (first["tweet_id"].value, first["tweet_id"].data_type) == (
        "153264168760246272",
        "s",
    )
    assert (first["bits"].value, first["bits"].data_type) == (400, "n")
    assert first["counted"].value == "yes"


def test_a_spreadsheet_does_not_round_the_ids_in_csv(run):
    programs = exported(run, ".jsonl")
    for row, exact in zip(exported(run, ".csv"), programs, strict=True):
        assert not row["tweet_id"].isdigit()
        assert row["tweet_id"].lstrip("'") == exact["tweet_id"]


@pytest.mark.parametrize("suffix", [".csv", ".xlsx"])
def test_no_cell_is_a_formula_or_a_command(hostile_run, suffix):
    listed = exported(hostile_run, suffix)
    texts = hostile()
    for row in listed:
        for name, cell in row.items():
            value = cell if suffix == ".csv" else cell.value
            if suffix == ".csv":
                assert not value.startswith(FORMULA), name
            else:
                assert cell.data_type in ("s", "n"), name
            assert "\x1b" not in str(value)
            assert "\x00" not in str(value)
    number = next(i for i, text in enumerate(texts) if text.startswith("="))
    passage = next(
        row["passage"]
        for row in listed
        if str(getattr(row["record"], "value", row["record"])) == str(number)
    )
    assert (passage if suffix == ".csv" else passage.value).lstrip("'") == visible(
        texts[number]
    )


@pytest.mark.parametrize("suffix", [".jsonl", ".parquet"])
def test_programs_get_every_text_unchanged(hostile_run, suffix):
    listed = exported(hostile_run, suffix)
    assert sorted(row["passage"] for row in listed) == sorted(hostile())


def test_digests_replace_texts(run):
    whole, listed = exported(run, ".jsonl"), exported(run, ".jsonl", digests=True)
    assert listed[2]["tweet"] == hashlib.sha256(whole[2]["tweet"].encode()).hexdigest()
    assert listed[2]["before"] is None
    assert "ferry" not in (run.parent / "list.jsonl").read_text(encoding="utf-8")


def test_marks_are_columns(run):
    files = RunFiles.open(run)
    marks = run.parent / "marks.json"
    mark = {
        "exhibit": 2,
        "verdict": "rejected",
        "note": "=quotation",
        "tweet_id": files.exhibits["tweet_id"][1].as_py(),
    }
    marks.write_text(json.dumps({"run": files.identity, "marks": [mark]}))
    assert [
        (row["verdict"], row["note"]) for row in exported(run, ".csv", marks=marks)[:2]
    ] == [("", ""), ("rejected", "'=quotation")]
    marks.write_text(json.dumps({"run": "0" * 16, "marks": [mark]}))
    with pytest.raises(InputError, match="marks of run 0000000000000000"):
        export(run, run.parent / "list.csv", marks=marks)
    marks.write_text("[]")
    with pytest.raises(InputError, match="expected marks as a report saves them"):
        export(run, run.parent / "list.csv", marks=marks)
    for wrong in (
        [mark, {**mark, "verdict": "accepted"}],
        [{**mark, "exhibit": 2.5}],
        [{**mark, "exhibit": 1e999}],
    ):
        marks.write_text(json.dumps({"run": files.identity, "marks": wrong}))
        with pytest.raises(InputError, match="is marked twice, or is not a number"):
            export(run, run.parent / "list.csv", marks=marks)


def test_an_unknown_suffix_is_refused(run):
    with pytest.raises(UsageError, match=r"ends in \.html, \.csv, \.xlsx"):
        export(run, run.parent / "list.doc")


@pytest.mark.parametrize("name", ["matches.parquet", "summary.json", "run.json"])
def test_a_changed_run_is_refused(tmp_path, name):
    """An edited headline would appear in the report as if provscan had written it."""
    run = write_folder(tmp_path / "a.run", rows(9))
    stored = (run / name).read_bytes()
    (run / name).write_bytes(
        stored + b" "
        if "parquet" in name
        else stored.replace(b'"version": 1', b'"version": 2')
    )
    for shown in (
        lambda: write_report(run),
        lambda: export(run, tmp_path / "a.csv"),
        lambda: verify(run),
    ):
        with pytest.raises(InputError, match=f"{name} was changed"):
            shown()
    if "json" in name:
        with pytest.raises(InputError, match=f"{name} was changed"):
            open_run(run)


def test_a_run_without_matches_has_a_page_and_an_empty_list(tmp_path):
    run = write_folder(tmp_path / "empty.run", [])
    assert "record matches a licensed" in write_report(run).read_text(encoding="utf-8")
    assert exported(run, ".csv") == exported(run, ".jsonl") == []


@pytest.mark.parametrize("name", ["matches.parquet", "summary.json", "run.json"])
def test_no_file_of_the_run_is_replaced(tmp_path, name):
    run = write_folder(tmp_path / "a.run", rows(9))
    before = (run / name).read_bytes()
    writes = [lambda out: write_report(run, out)]
    writes += [lambda out: export(run, out)] * name.endswith(".parquet")
    for write in writes:
        with pytest.raises(OutputError, match="files that reports and lists are made"):
            write(run / name)
    assert (run / name).read_bytes() == before
    assert export(run, tmp_path / "matches.parquet") == (8, 1)
    link = tmp_path / "link"
    link.symlink_to(run / name)
    with pytest.raises(OutputError, match="link is one of the files"):
        write_report(run, link)
    assert (run / name).read_bytes() == before
    link.unlink()
    os.mkfifo(link)
    with pytest.raises(OutputError, match="link is not a regular file"):
        write_report(run, link)
    assert link.is_fifo()
    link.unlink()
    link.symlink_to(tmp_path / "a.html")
    with pytest.raises(OutputError, match="exists already"):
        write_report(run, link)
    assert write_report(run, link, overwrite=True) == link
    assert not link.is_symlink()
    assert not (tmp_path / "a.html").exists()


def test_a_table_without_the_columns_of_matches_is_refused(tmp_path):
    run = write_folder(tmp_path / "a.run", rows(9))
    pq.write_table(
        pq.read_table(run / "matches.parquet").drop_columns(["control"]),
        run / "matches.parquet",
    )
    seal(run, run)
    with pytest.raises(InputError, match=r"matches\.parquet can't be read"):
        write_report(run)


def test_an_interrupted_export_leaves_no_file(run, tmp_path, monkeypatch):
    out = tmp_path / f"{'x' * 250}.csv"
    assert export(run, out) == (52, 8)
    before = out.read_bytes()

    def interrupted(*values):
        raise KeyboardInterrupt

    monkeypatch.setattr("provscan.report.export.rarity", interrupted)
    with pytest.raises(KeyboardInterrupt):
        export(run, out, overwrite=True)
    assert [path.name for path in tmp_path.iterdir()] == [out.name]
    assert out.read_bytes() == before


def test_an_export_to_a_full_disk_is_an_error(run, tmp_path, monkeypatch, capfd):
    monkeypatch.setattr(
        "provscan.report.files.replacing_hidden",
        lambda target: contextlib.nullcontext(Path("/dev/full")),
    )
    for suffix in (".xlsx", ".csv", ".jsonl", ".parquet"):
        with pytest.raises(OutputError, match=r"can't be written: .*No space left"):
            export(run, tmp_path / f"a{suffix}")
    gc.collect()
    assert capfd.readouterr() == ("", "")
    assert contents(tmp_path) == {}
