"""Test the folder of an unfinished result: its lock, its checkpoint and the publication
of the result. Killed commands must resume and give the same result.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from dataset import some_records
from forks import Fork
from nightly import NIGHTLY

import provscan
from provscan import unfinished
from provscan.errors import InputError, OutputError, UsageError
from provscan.ledger import make_ledger
from provscan.unfinished import Work, unfinished_folder


def remove(folder: Path) -> None:
    for name in ("parts", "result"):
        shutil.rmtree(folder / name, ignore_errors=True)


WORK = Work(
    name="test",
    parts=("parts/*.json",),
    unit="part",
    remove=remove,
    request={"options": "options", "files": "files"},
)
REQUEST = {"options": {"a": 1}, "files": [["x", 1], ["y", 2]], "workers": 3}


def begin(target: Path, parts: int = 2, *, keep: bool = True) -> None:
    """Complete some parts, then fail."""
    with unfinished_folder(target, WORK) as folder:
        folder.begin(REQUEST, keep=keep)
        (folder.path / "parts").mkdir()
        for number in range(parts):
            (folder.path / "parts" / f"{number}.json").touch()
        raise InputError("failed")


def interrupted(target: Path, parts: int = 2, *, keep: bool = True) -> Path:
    """Return the unfinished folder of a command that failed."""
    place = target.with_name(f"{target.name}.unfinished")
    with pytest.raises(InputError) as raised:
        begin(target, parts, keep=keep)
    kept = f"2 complete parts kept in {place}: {unfinished.ADVICE}"
    note = kept if parts and keep else "No results were saved"
    assert raised.value.__notes__ == [note]
    return place


def test_parts_are_kept_until_the_command_is_resumed_or_starts_again(
    tmp_path: Path,
) -> None:
    target = tmp_path / "out"
    place = interrupted(target)
    with unfinished_folder(target, WORK) as folder:
        assert folder.earlier == REQUEST
        folder.begin(REQUEST | {"workers": 1})
        assert len(list((place / "parts").iterdir())) == 2
        (place / "result").mkdir()
        folder.publish(place / "result")
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize(("options", "left"), [({"a": 1}, 2), ({"a": 2}, 0)])
def test_overwriting_starts_again_only_if_the_request_is_another(
    options: dict[str, Any], left: int, tmp_path: Path
) -> None:
    place = interrupted(tmp_path / "out")
    with unfinished_folder(tmp_path / "out", WORK, overwrite=True) as folder:
        folder.begin(REQUEST | {"options": options})
        assert (folder.earlier is not None) == bool(left)
        assert len(list((place / "parts").glob("*.json"))) == left


def test_without_a_complete_part_nothing_is_kept(tmp_path: Path) -> None:
    assert not interrupted(tmp_path / "a", parts=0).exists()
    assert not interrupted(tmp_path / "b", keep=False).exists()
    assert list(tmp_path.iterdir()) == []


def test_forgotten_parts_are_not_kept(tmp_path: Path) -> None:
    interrupted(tmp_path / "out")

    def failing() -> None:
        with unfinished_folder(tmp_path / "out", WORK) as folder:
            folder.begin(REQUEST)
            folder.forget()
            raise InputError("of no use")

    with pytest.raises(InputError):
        failing()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"options": {"a": 2}}, r"other options \(a was 1 and is 2\)\. Undo that"),
        ({"files": [["x", 1], ["y", 3]]}, r"other files \(y\)\. Undo that change"),
        ({"files": [["x", 1]]}, r"other files \(y\)\. Undo that change and repeat"),
    ],
)
def test_only_the_same_request_is_resumed(
    changed: dict[str, Any], words: str, tmp_path: Path
) -> None:
    place = interrupted(tmp_path / "out")
    with (
        pytest.raises(UsageError, match=f"can't resume .* with {words}") as raised,
        unfinished_folder(tmp_path / "out", WORK) as folder,
    ):
        folder.begin(REQUEST | changed)
    assert not hasattr(raised.value, "__notes__")
    assert len(list((place / "parts").iterdir())) == 2


def test_one_process_writes_at_a_time(tmp_path: Path) -> None:
    with (
        unfinished_folder(tmp_path / "out", WORK),
        pytest.raises(OutputError, match="is being written by another process"),
        unfinished_folder(tmp_path / "out", WORK, overwrite=True),
    ):
        pass


@pytest.mark.parametrize("content", ["", "{}", '{"format": "another"}', "[1]", "x"])
def test_folders_that_provscan_did_not_write_are_refused(
    content: str, tmp_path: Path
) -> None:
    place = tmp_path / "out.unfinished"
    place.mkdir()
    names = ["mine", "unfinished.json"] if content else ["mine"]
    for name in names:
        (place / name).write_text(content)
    with (
        pytest.raises(OutputError, match="did not write: name another folder"),
        unfinished_folder(tmp_path / "out", WORK, overwrite=True),
    ):
        pass
    assert sorted(path.name for path in place.iterdir()) == names


def test_a_padded_checkpoint_of_a_killed_command_is_read(
    tmp_path: Path,
) -> None:
    place = interrupted(tmp_path / "out")
    with (place / "unfinished.json").open("ab") as file:
        file.write(bytes(99))
    with unfinished_folder(tmp_path / "out", WORK) as folder:
        assert folder.earlier == REQUEST


@pytest.mark.parametrize("atomic", [True, False])
def test_a_folder_is_replaced_only_if_requested(
    atomic: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not atomic:
        monkeypatch.setattr("ctypes.CDLL", lambda *_, **__: None)
    target = tmp_path / "out"
    for replace in (False, True):
        with unfinished_folder(target, WORK) as folder:
            result = folder.path / "result"
            result.mkdir()
            (result / "new").touch()
            target.mkdir(exist_ok=True)
            (target / "old").touch()
            if replace:
                folder.publish(result, replace=True)
                assert [path.name for path in result.iterdir()] == ["old"]
            else:
                with pytest.raises(FileExistsError):
                    folder.publish(result)
        assert [path.name for path in target.iterdir()] == ["new" if replace else "old"]
        assert [path.name for path in tmp_path.iterdir()] == ["out"]


KILLS = 25 if NIGHTLY else 1
NEVER = 10**9


def run_until_killed(folder: Path, command: str, left: int, seed: int) -> None:
    """Run a command. Kill this process soon after it has accessed files in the
    unfinished folder ``left`` times. If it is not killed, write the number of accesses
    to the file ``touches``.
    """
    touches = 0
    delay = random.Random(str(seed)).choice([0, 0, 0.001, 0.01, 0.1])

    def kill() -> None:
        time.sleep(delay)
        os.kill(os.getpid(), signal.SIGKILL)

    def count(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal touches
        if arguments and "out.unfinished" in str(arguments[0]):
            touches += 1
            if touches == left:
                threading.Thread(target=kill).start()

    os.chdir(folder)
    sys.addaudithook(count)
    if command == "match":
        options: dict[str, Any] = {"control": "control.jsonl", "clean_data": "null"}
        options |= {"spike_ins": 100, "workers": 2}
        provscan.match("data", "a.index", "out", **options)
    else:
        make_ledger(["logs"], "out", key="secret")
    Path("touches").write_text(str(touches))


def child(fork: Fork, folder: Path, command: str, left: int, seed: int = 0) -> int:
    """Run a command in a process, and return its number of accesses to the unfinished
    folder; 0 if the process was killed.
    """
    (folder / "touches").write_text("0")
    process = fork(run_until_killed, folder, command, left, seed)
    process.join()
    assert process.exitcode in (0, -signal.SIGKILL)
    # A process that is killed may be about to write the file in another thread.
    if process.exitcode:
        return 0
    return int((folder / "touches").read_text())


def make_inputs(folder: Path) -> None:
    records = [some_records(number, 30) for number in range(9)]
    tweets = [
        {"id": f"c{n}", "text": f"a tweet of the control, in no dataset, number {n}"}
        for n in range(60)
    ]
    sources = {f"data/{n}": rows for n, rows in enumerate(records[:6])}
    sources |= {f"null/{n}": rows for n, rows in enumerate(records[6:])}
    for name, rows in (sources | {"control": tweets}).items():
        path = folder / f"{name}.jsonl"
        path.parent.mkdir(exist_ok=True)
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    for number in range(4):
        path = folder / "logs" / f"{number}.csv"
        path.parent.mkdir(exist_ok=True)
        rows = [
            f"2022-01-0{1 + number}T00:{n:02}:00Z,reader,/2/tweets,200,{n}"
            for n in range(60)
        ]
        path.write_text("\n".join(["time,app,endpoint,status,tweets", *rows, ""]))


def result_of(command: str, out: Path) -> Any:
    if command == "match":
        names = ("matches.parquet", "evidence.parquet", "summary.json")
        return [(out / name).read_bytes() for name in names]
    ledger = json.loads((out / "ledger.json").read_text())
    paths = sorted(str(path.relative_to(out)) for path in out.rglob("*"))
    workbook = ledger["files"].pop("ledger.xlsx")  # It contains the time.
    return ledger, paths, bool(workbook)


@pytest.mark.parametrize("command", ["match", "ledger"])
def test_killed_commands_resume_to_the_same_result(
    command: str, index: provscan.Index, tmp_path: Path, fork: Fork
) -> None:
    """Commands are killed at random moments, and resumed until they finish."""
    make_inputs(tmp_path)
    shutil.copytree(index.path, tmp_path / "a.index")
    count, out = child(fork, tmp_path, command, NEVER), tmp_path / "out"
    expected = result_of(command, out)
    shutil.rmtree(out)
    rng = random.Random(2)
    for kill in range(KILLS):
        for again in range(2 - kill % 2):
            if not out.exists():
                left = 1 + rng.randrange(count)
                child(fork, tmp_path, command, left, 2 * kill + again)
        if not out.exists():
            assert child(fork, tmp_path, command, NEVER)
        assert result_of(command, out) == expected
        shutil.rmtree(out)
        # A process that is killed after the publication leaves its unfinished folder.
        shutil.rmtree(tmp_path / "out.unfinished", ignore_errors=True)
