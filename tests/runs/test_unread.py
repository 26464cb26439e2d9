"""Test that unread members of compressed archives are listed as not scanned."""

import json
import zipfile

import pytest

import provscan
from provscan.errors import UsageError
from provscan.readers import checksum
from provscan.report.omissions import left_out

TEXT = "never trust a goat near the harbour"


def test_ignored_files_of_a_folder_are_listed(tmp_path):
    index = provscan.build_index([{"id": "1", "text": TEXT}], tmp_path / "a.index")
    data = tmp_path / "data"
    data.mkdir()
    for name in ("a.jsonl", "_part.jsonl"):
        (data / name).write_text(json.dumps({"text": TEXT}))
    (data / "again.jsonl").symlink_to("a.jsonl")
    (data / "b.jsonl").hardlink_to(data / "a.jsonl")
    run = provscan.match(data, index, tmp_path / "a.run", spike_ins=0)
    assert run.summary["records"] == 1
    assert {item["path"]: item["reason"] for item in run.summary["ignored"]} == {
        f"{data}/_part.jsonl": "hidden: its name starts with _",
        f"{data}/again.jsonl": "the same file as one that was found before",
        f"{data}/b.jsonl": "the same file as one that was found before",
    }
    assert run.summary["ignored_files"] == 3


def test_an_unreadable_control_is_listed(tmp_path):
    index = provscan.build_index([{"id": "1", "text": TEXT}], tmp_path / "a.index")
    control, broken = tmp_path / "c.jsonl", tmp_path / "d.parquet"
    control.write_text(
        '{"text": "no licensed tweet says this of a kettle"}\nnot JSON\n{"id": 3}\n'
    )
    broken.write_bytes(b"not Parquet")
    run = provscan.match(
        [{"text": TEXT}],
        index,
        tmp_path / "a.run",
        spike_ins=0,
        control=[control, broken],
    )
    assert [item["path"] for item in run.summary["unread"]] == [str(broken)]
    assert (
        "2 tweets of the control were not read (line that is not JSON: 1; no text: 1)."
        in left_out(run.summary)
    )


@pytest.mark.pages
def test_control_texts_that_are_licensed_are_reported(tmp_path):
    index = provscan.build_index([{"id": "1", "text": TEXT}], tmp_path / "a.index")
    control = tmp_path / "c.jsonl"
    control.write_text(
        json.dumps({"text": TEXT.upper()})
        + "\n"
        + '{"text": "a kettle that nobody sold"}\n'
    )
    run = provscan.match(
        [{"text": TEXT}], index, tmp_path / "a.run", spike_ins=0, control=control
    )
    assert run.matches["counted"].to_pylist() == [False]
    said = (
        "1 tweet of the control is also licensed, and so not used as control; matches "
        "of their texts are not counted."
    )
    assert said in left_out(run.summary)
    assert said in (run.path / "report.html").read_text(encoding="utf-8")


def test_control_null_and_known_data_must_be_other_data(tmp_path):
    index = provscan.build_index([{"id": "1", "text": TEXT}], tmp_path / "a.index")
    data, other = tmp_path / "data", tmp_path / "b.jsonl"
    data.mkdir()
    other.write_text('{"text": "a kettle that nobody sold"}')
    for name in "ab":
        (data / f"{name}.jsonl").write_text(
            json.dumps({"text": f"{name} {TEXT}"}) + "\n"
        )
    link = tmp_path / "link.jsonl"
    link.symlink_to(data / "a.jsonl")
    recipe = f"recipe:tweeteval={data / 'a.jsonl'}"
    for control in (data / "a.jsonl", link, [other, data], recipe):
        with pytest.raises(
            UsageError,
            match=r"scanned as a part of the dataset .* give tweets that are known",
        ):
            provscan.match(
                data, index, tmp_path / "a.run", spike_ins=0, control=control
            )
    for null in (data, [link, data / "b.jsonl", other]):
        with pytest.raises(
            UsageError, match="the clean data contains the whole dataset"
        ):
            provscan.match(
                data,
                index,
                tmp_path / "a.run",
                spike_ins=0,
                clean_data=null,
                fail_above=0,
            )
    # Clean data may be a part of the dataset that is known to contain no licensed
    # text.
    run = provscan.match(
        data, index, tmp_path / "a.run", spike_ins=0, clean_data=link, control=other
    )
    assert run.summary["records_matched"] == 2


@pytest.mark.pages
def test_the_report_says_that_prompts_were_not_scanned(tmp_path):
    index = provscan.build_index([{"id": "1", "text": TEXT}], tmp_path / "a.index")
    data = [{"prompt": TEXT, "response": f"{TEXT} is what you said, is it not"}]
    run = provscan.match(data, index, tmp_path / "a.run", spike_ins=0, outputs=True)
    page = (run.path / "report.html").read_text(encoding="utf-8")
    assert "<li>Prompts, which are not outputs of the model: 1</li>" in page
    assert "shown as ▒: 1</li>" in page


@pytest.mark.pages
def test_a_changed_input_is_not_reported_as_damaged(tmp_path):
    index = provscan.build_index([{"id": "1", "text": TEXT}], tmp_path / "a.index")
    data = tmp_path / "a.jsonl"
    data.write_text(json.dumps({"text": TEXT}) + "\n")

    class Changing(provscan.engine.Progress):
        def advance(self, amount):
            data.write_text(json.dumps({"text": "something else"}) + "\n" * 2)

    run = provscan.match(
        data, index, tmp_path / "a.run", spike_ins=0, progress=Changing()
    )
    assert (
        "1 file is damaged, or changed during the scan; data after the damage was not "
        "scanned." in left_out(run.summary)
    )
    assert "(0 records were read)" not in (run.path / "report.html").read_text(
        encoding="utf-8"
    )


def test_an_archive_has_a_checksum(tmp_path):
    index = provscan.build_index([{"id": "1", "text": TEXT}], tmp_path / "a.index")
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.jsonl", json.dumps({"text": TEXT}))
        archive.writestr("b.jsonl", json.dumps({"text": "something else"}))
    run = provscan.match(path, index, tmp_path / "a.run", spike_ins=0)
    (entry,) = run.info["inputs"]
    assert (entry["source"], entry["xxh3"]) == (str(path), checksum(path))
