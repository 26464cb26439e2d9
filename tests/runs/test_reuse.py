"""Test that a run that replaces another one scans only new and changed files, and that
its files are those of a full scan.
"""

import gzip
import json
import os
import shutil

import pytest
from dataset import TWEETS, some_records

import provscan
from provscan.matching import scan_task as task
from provscan.readers import Limits, limits
from provscan.runs.folder import SCANNED_FILE
from provscan.runs.scan import reuse, tasks

FILES = 7


@pytest.fixture
def folder(write, tmp_path):
    for number in range(FILES):
        write(f"data/{number:02}.jsonl", some_records(number, 40))
    return tmp_path / "data"


@pytest.fixture
def scanned(monkeypatch):
    """Return a list to which the name of each scanned file is added."""
    names = []
    read = task.read

    def noted(split, *args, **options):
        names.append(os.path.basename(split.source))
        return read(split, *args, **options)

    monkeypatch.setattr(task, "read", noted)
    return names


def content(run):
    """Return what a run has in common with a full scan of the same data."""
    found = {
        name: (run.path / name).read_bytes()
        for name in ("matches.parquet", "summary.json")
    }
    times = ("started", "finished", "seconds", "records_per_second")
    left_out = {*times, "repeat", "reused", "scanned", "checksum"}
    info = {key: each for key, each in run.info.items() if key not in left_out}
    return found | {"run.json": info}


def again(folder, index, tmp_path, **options):
    """Replace a run, and check it against a full scan."""
    run = provscan.match(
        folder, index, tmp_path / "a.run", overwrite=True, **{"workers": 2, **options}
    )
    shutil.rmtree(tmp_path / "full.run", ignore_errors=True)
    full = provscan.match(
        folder,
        index,
        tmp_path / "full.run",
        overwrite=True,
        **{"workers": 2, **options},
    )
    assert content(run) == content(full)
    assert full.info["reused"] == 0
    return run


def append(path):
    with path.open("a") as file:
        file.write(json.dumps({"id": "new", "text": TWEETS[3]["text"]}) + "\n")


def several(folder):
    (folder / "00.jsonl").touch()
    append(folder / "01.jsonl")
    append(folder / "0.jsonl")
    # Keep the size and the time.
    path = folder / "02.jsonl"
    before = path.stat()
    path.write_bytes(path.read_bytes().replace(b"a", b"e", 900))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    (folder / "03.jsonl").unlink()
    (folder / "04.jsonl").rename(folder / "99.jsonl")
    shutil.copy(folder / "05.jsonl", folder / "055.jsonl")
    return {"01.jsonl", "0.jsonl", "02.jsonl", "99.jsonl", "055.jsonl"}


def swapped(folder):
    first, second = folder / "03.jsonl", folder / "05.jsonl"
    content = first.read_bytes()
    first.write_bytes(second.read_bytes())
    second.write_bytes(content)
    # The format depends on the name.
    (folder / "06.jsonl").rename(folder / "06.txt")
    return {"03.jsonl", "05.jsonl", "06.txt"}


def damaged(folder):
    (folder / "03.jsonl").write_bytes(b"")
    text = (folder / "05.jsonl").read_bytes()
    (folder / "05.jsonl.gz").write_bytes(gzip.compress(text)[:-50])
    return {"03.jsonl", "05.jsonl.gz"}


@pytest.mark.parametrize("change", [several, swapped, damaged])
def test_only_new_and_changed_files_are_scanned(
    change, index, folder, tmp_path, scanned
):
    provscan.match(folder, index, tmp_path / "a.run", workers=2)
    # A damaged file is always scanned again.
    for changed in (change(folder), {"05.jsonl.gz"} if change is damaged else set()):
        scanned.clear()
        run = again(folder, index, tmp_path)
        whole = [path.name for path in folder.iterdir()]
        assert sorted(scanned) == sorted([*changed, *whole])
        assert run.info["reused"] == len(set(whole) - changed)


@pytest.mark.parametrize(
    "options",
    [
        {"text_field": "id"},
        {"sample": 0.5, "sample_by": "records"},
        {"sample": 0.5, "sample_by": "files"},
    ],
)
def test_nothing_is_reused_with_other_options(options, index, folder, tmp_path):
    provscan.match(folder, index, tmp_path / "a.run")
    assert again(folder, index, tmp_path, **options).info["reused"] == 0


def test_nothing_is_reused_with_another_index(folder, tmp_path):
    index = provscan.build_index(TWEETS[:90], tmp_path / "a.index")
    provscan.match(folder, index, tmp_path / "a.run")
    index = provscan.build_index(TWEETS[60:], tmp_path / "a.index", append=True)
    assert again(folder, index, tmp_path).info["reused"] == 0
    assert again(folder, index, tmp_path).info["reused"] == FILES
    provscan.forget(tmp_path / "a.index", [TWEETS[100]["id"]])
    assert again(folder, tmp_path / "a.index", tmp_path).info["reused"] == 0


def test_nothing_is_reused_with_another_control_or_other_limits(
    index, folder, write, tmp_path, monkeypatch
):
    control = write("control.jsonl", [{"id": "c", "text": "of the control " * 4}])
    provscan.match(folder, index, tmp_path / "a.run", control=control)
    assert again(folder, index, tmp_path, control=control).info["reused"] == FILES
    write("control.jsonl", [{"id": "c", "text": TWEETS[5]["text"] + " more"}])
    assert again(folder, index, tmp_path, control=control).info["reused"] == 0
    monkeypatch.setattr(limits, "LIMITS", Limits(expansion=249))
    assert again(folder, index, tmp_path, control=control).info["reused"] == 0


def test_nothing_is_reused_of_another_program(index, folder, tmp_path, monkeypatch):
    provscan.match(folder, index, tmp_path / "a.run")
    monkeypatch.setattr(reuse, "sources_digest", lambda folder: "edited")
    assert again(folder, index, tmp_path).info["reused"] == 0


@pytest.mark.parametrize("name", [SCANNED_FILE, "removed", "other run"])
def test_a_changed_run_is_not_reused(name, index, folder, tmp_path):
    run = provscan.match(folder, index, tmp_path / "a.run")
    if name == "removed":
        (run.path / SCANNED_FILE).unlink()
    elif name == "other run":
        shutil.copy(folder / "01.jsonl", folder / "00.jsonl")
        other = provscan.match(folder, index, tmp_path / "b.run")
        shutil.copy(other.path / SCANNED_FILE, run.path)
    else:
        stored = bytearray((run.path / name).read_bytes())
        stored[len(stored) // 2] ^= 1
        (run.path / name).write_bytes(stored)
    assert again(folder, index, tmp_path).info["reused"] == 0


def test_carrier_records_are_those_of_a_full_scan(index, folder, tmp_path, monkeypatch):
    for module in (tasks, reuse):
        monkeypatch.setattr(module, "CARRIERS", 3)
    # A task keeps only carrier records that the tasks before it leave room for.
    provscan.match(folder, index, tmp_path / "a.run", workers=1)
    reused = []
    for number in range(FILES - 1):
        (folder / f"{number:02}.jsonl").unlink()
        reused.append(again(folder, index, tmp_path, workers=1).info["reused"])
    # If most of the records are gone, the files are scanned again.
    assert 0 in reused
    assert max(reused) > FILES // 2


def test_null_and_known_data_are_reused(index, folder, write, tmp_path):
    options = {
        "clean_data": write("null.jsonl", some_records(30, 80)),
        "other_sources": write("known.jsonl", [{"text": TWEETS[7]["text"]}]),
    }
    provscan.match(folder, index, tmp_path / "a.run", **options)
    assert again(folder, index, tmp_path, **options).info["reused"] == FILES + 2
    append(tmp_path / "known.jsonl")
    assert again(folder, index, tmp_path, **options).info["reused"] == FILES + 1


def test_an_interrupted_run_is_resumed_with_the_reused_parts(
    index, folder, tmp_path, monkeypatch, scanned
):
    provscan.match(folder, index, tmp_path / "a.run", workers=1)
    for number in (1, 4):
        append(folder / f"{number:02}.jsonl")
    noted = task.read

    def interrupt(split, *args, **options):
        if "04" in split.path:
            raise KeyboardInterrupt
        return noted(split, *args, **options)

    with monkeypatch.context() as patch:
        patch.setattr(task, "read", interrupt)
        with pytest.raises(KeyboardInterrupt):
            provscan.match(folder, index, tmp_path / "a.run", overwrite=True, workers=1)
    scanned.clear()
    run = provscan.match(folder, index, tmp_path / "a.run", overwrite=True, workers=1)
    assert scanned == ["04.jsonl"]
    full = provscan.match(folder, index, tmp_path / "full.run")
    assert content(run) == content(full) | {"run.json": content(run)["run.json"]}
