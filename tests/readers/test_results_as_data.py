"""Test that what provscan wrote is not taken for data."""

import json
import shutil
from pathlib import Path

import pytest

import provscan
from provscan.errors import InputError

TEXT = "Never trust a goat near the harbour, whatever it may have promised you"


@pytest.fixture
def folder(tmp_path):
    """Return a folder with an index and a run of it."""
    index = provscan.build_index([{"id": "1", "text": TEXT}], tmp_path / "a.index")
    provscan.match([{"text": TEXT}], index, tmp_path / "a.run", spike_ins=0)
    return tmp_path


@pytest.mark.parametrize("name", ["a.index", "a.run"])
def test_a_result_is_no_dataset(folder, name):
    with pytest.raises(InputError, match="of provscan, not a dataset"):
        provscan.match(folder / name, folder / "a.index", folder / "b.run")


def test_results_inside_a_dataset_are_not_scanned(folder):
    """The run has the text of a tweet in its evidence."""
    data = folder / "data"
    shutil.copytree(folder / "a.run", data / "old.run")
    shutil.copytree(folder / "a.index", data / "old.index")
    (data / "a.jsonl").write_text(json.dumps({"text": "nothing of it"}) + "\n")
    run = provscan.match(data, folder / "a.index", folder / "b.run", spike_ins=0)
    assert (run.summary["matches"], run.summary["records"]) == (0, 1)
    assert {Path(item["path"]).name for item in run.summary["ignored"]} >= {
        "old.run",
        "old.index",
    }


def test_other_files_beside_a_result_are_scanned(folder):
    """Nobody hides data by putting it into a run or an unfinished run."""
    data = folder / "data"
    line = json.dumps({"text": TEXT}) + "\n"
    shutil.copytree(folder / "a.run", data / "old.run")
    (data / "old.run" / "a.jsonl").write_text(line)
    (data / "b").mkdir()
    (data / "b" / "unfinished.json").write_text(json.dumps([{"text": TEXT}]))
    run = provscan.match(data, folder / "a.index", folder / "b.run", spike_ins=0)
    assert {Path(each).name for each in run.matches["source"].to_pylist()} == {
        "a.jsonl",
        "unfinished.json",
    }
