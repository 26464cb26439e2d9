"""Test that interrupted runs can be resumed, with any cause, executor and number of
workers.
"""

from __future__ import annotations

import gzip
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from dataset import some_records
from forks import Fork
from ray_cluster import add_node

import provscan
from provscan.cli import main
from provscan.engine import Progress, Ran
from provscan.errors import InputError, OutputError, ParameterError, UsageError
from provscan.matching import scan_task as task
from provscan.readers import Limits
from provscan.runs.scan import tasks as scan_module

Write = Callable[..., Path]
FILES = 12


@pytest.fixture
def folder(write: Write, tmp_path: Path) -> Path:
    for number in range(FILES):
        write(f"data/{number:02}.jsonl", some_records(number, 60))
    return tmp_path / "data"


def complete(tmp_path: Path) -> set[str]:
    """Return the complete parts of an interrupted run."""
    return {
        path.stem[-2:]
        for path in (tmp_path / "a.run.unfinished" / "parts").glob("*.json")
    }


def content(run: Path) -> dict[str, bytes]:
    return {
        name: (run / name).read_bytes() for name in ("matches.parquet", "summary.json")
    }


def test_results_of_a_cluster_are_the_same(
    cluster: None, index: provscan.Index, folder: Path, tmp_path: Path
) -> None:
    expected = provscan.match(folder, index, tmp_path / "threads.run", workers=1)
    run = provscan.match(
        folder, index, tmp_path / "ray.run", ray="local", log=tmp_path / "log"
    )
    assert content(run.path) == content(expected.path)
    ended = [
        line
        for line in map(json.loads, (tmp_path / "log").read_text().splitlines())
        if line["event"] == "ended"
    ]
    assert {line["task"] for line in ended} == {
        f"{n}: {folder / f'{n:02}.jsonl'}, part 1" for n in range(FILES)
    }
    nodes = run.info["cluster"]["nodes"]
    assert sum(nodes.values()) == sum(path.stat().st_size for path in folder.iterdir())


class LosingNode(Progress):
    """Kills a node of the cluster when a task has finished."""

    def __init__(self, cluster: Any, node: Any) -> None:
        self.cluster, self.node = cluster, node

    def ended(self, task: str, ran: Ran) -> None:
        if self.node is not None:
            self.cluster.remove_node(self.node, allow_graceful=False)
            self.node = None


def test_results_are_the_same_if_a_node_is_lost(
    cluster: Any, index: provscan.Index, folder: Path, tmp_path: Path
) -> None:
    expected = content(
        provscan.match(folder, index, tmp_path / "threads.run", workers=1).path
    )
    losing = LosingNode(cluster, add_node(cluster, 1))
    try:
        run = provscan.match(
            folder,
            index,
            tmp_path / "a.run",
            ray="local",
            workers=3,
            progress=losing,
        )
    finally:
        lost = losing.node is None
        losing.ended("", Ran("", 0.0, 0))
    assert lost
    assert content(run.path) == expected


def test_files_that_a_cluster_cannot_scan_are_listed(
    cluster: None,
    index: provscan.Index,
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    expected = [
        record
        for number in range(FILES)
        if number != 5
        for record in some_records(number, 60)
    ]
    monkeypatch.setattr(scan_module, "scan", partial(lose, "05.jsonl"))
    run = provscan.match(folder, index, tmp_path / "ray.run", ray="local")
    (unread,) = run.summary["unread"]
    assert unread["path"].endswith("05.jsonl")
    assert (
        unread["reason"] == "all of it (3 attempts failed: ConnectionResetError: 503)"
    )
    assert run.summary["records"] == len(expected)
    assert run.info["cluster"]["failures"] == {"ConnectionResetError: 503": 3}


def lose(name: str, job: task.ScanTask, *args: Any, **options: Any) -> int:
    """A scan that fails for one file."""
    if job.split.path.endswith(name):
        raise ConnectionResetError("503")
    return task.scan(job, *args, **options)


def test_a_gate_without_a_measure_of_chance_is_refused_before_the_scan(
    index: provscan.Index, tmp_path: Path
) -> None:
    with pytest.raises(
        UsageError,
        match=r"fail_above_claimed needs a lower bound.*cutoff, control or clean_data",
    ):
        provscan.match(
            tmp_path / "no such file", index, tmp_path / "a.run", fail_above_claimed=0.1
        )
    assert not list(tmp_path.iterdir())


def test_a_cluster_needs_files(index: provscan.Index, tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match=r"needs files.*Save the data to a file"):
        provscan.match([{"text": "a"}], index, tmp_path / "a.run", ray="local")
    assert not list(tmp_path.iterdir())


class Kill(Progress):
    """Sends a signal to this process when a given number of bytes was scanned."""

    def __init__(self, after: float, number: int) -> None:
        self.left, self.number = after, number

    def advance(self, n: int) -> None:
        self.left -= n
        if self.left <= 0:
            os.kill(os.getpid(), self.number)


def match_until_killed(
    folder: Path, index: str, out: Path, after: float, number: int
) -> None:
    provscan.match(
        folder,
        index,
        out,
        workers=2,
        progress=Kill(after, number),
        spike_ins=300,
    )


def test_killed_runs_are_resumed(
    index: provscan.Index, folder: Path, tmp_path: Path, fork: Fork
) -> None:
    expected = content(
        provscan.match(folder, index, tmp_path / "whole.run", spike_ins=300).path
    )
    size = sum(path.stat().st_size for path in folder.iterdir())
    out = tmp_path / "a.run"
    rng = random.Random(1)
    parts: dict[Path, int] = {}
    places = sorted(rng.uniform(0.1, 0.9) for _ in range(2))
    for place, number in zip(places, (signal.SIGKILL, signal.SIGTERM), strict=True):
        process = fork(
            match_until_killed,
            folder,
            str(index.path),
            out,
            size * place,
            number,
        )
        process.join()
        assert process.exitcode == -number
        assert not out.exists()
        left = {
            path: path.stat().st_mtime_ns
            for path in (tmp_path / "a.run.unfinished" / "parts").glob("*.json")
        }
        # Complete parts are not written again.
        assert parts.items() <= left.items()
        parts = left
    provscan.match(folder, index, out, workers=2, spike_ins=300)
    assert content(out) == expected
    assert sorted(path.name for path in tmp_path.glob("a.run*")) == ["a.run"]
    assert not list(out.glob("*parts*"))


@pytest.fixture
def interrupted(
    index: provscan.Index, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """A run that was interrupted in the sixth file."""
    read = task.read

    def interrupt(split: Any, *args: Any, **options: Any) -> Any:
        if "05" in split.path:
            raise KeyboardInterrupt
        return read(split, *args, **options)

    with monkeypatch.context() as patch:
        patch.setattr(task, "read", interrupt)
        with pytest.raises(KeyboardInterrupt) as caught:
            provscan.match(folder, index, tmp_path / "a.run", workers=1)
    (note,) = caught.value.__notes__
    assert (
        f"complete parts kept in {tmp_path}/a.run.unfinished: repeat the command to "
        "resume it" in note
    )
    assert note.startswith(f"{len(complete(tmp_path))} ")
    return tmp_path / "a.run"


def test_an_interrupted_run_is_resumed(
    index: provscan.Index,
    folder: Path,
    tmp_path: Path,
    interrupted: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    scanned: list[str] = []
    kept = complete(tmp_path)
    assert {"00", "01", "02", "03", "04"} <= kept
    read = task.read
    monkeypatch.setattr(
        task,
        "read",
        lambda split, *a, **o: (
            scanned.append(split.source[-8:-6]) or read(split, *a, **o)
        ),
    )
    # The number of workers and the accepted damage may change.
    run = provscan.match(folder, index, interrupted, workers=3, max_bad=0.5)
    assert sorted(scanned) == sorted({f"{number:02}" for number in range(FILES)} - kept)
    assert content(run.path) == content(
        provscan.match(folder, index, tmp_path / "whole.run").path
    )
    with pytest.raises(
        OutputError,
        match="exists already: name",
    ):
        provscan.match(folder, index, interrupted, overwrite=False)


def test_only_the_same_run_is_resumed(
    index: provscan.Index, folder: Path, tmp_path: Path, interrupted: Path
) -> None:
    with pytest.raises(
        UsageError,
        match=r"with other options \(seed was 1 and is 2\)\. Undo that change and "
        "repeat the command to resume it, or start again with overwrite=True",
    ):
        provscan.match(folder, index, interrupted, seed=2)
    other = provscan.build_index(
        [{"id": "1", "text": "another index with another text in it"}],
        tmp_path / "o.index",
    )
    with pytest.raises(UsageError, match="with other tweets in the index"):
        provscan.match(folder, other, interrupted)
    with (folder / "03.jsonl").open("a") as file:
        file.write('{"text": "one record more"}\n')
    with pytest.raises(
        UsageError, match=r"with other input files \(.*03\.jsonl\)\. Undo that"
    ):
        provscan.match(folder, index, interrupted)
    assert complete(tmp_path) >= {"00", "01", "02", "03", "04"}
    assert (
        provscan.match(folder, index, interrupted, overwrite=True).summary["records"]
        == 60 * FILES + 1
    )
    assert not (tmp_path / "a.run.unfinished").exists()


def test_limits_of_the_readers_apply_in_every_worker(
    index: provscan.Index,
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (folder / "long.jsonl").write_text(
        json.dumps({"text": "long " * 8000})
        + "\n"
        + json.dumps({"text": "short"})
        + "\n"
    )
    monkeypatch.setattr(
        "provscan.readers.limits.LIMITS", Limits(chunk=1000, record_bytes=20_000)
    )
    run = provscan.match(folder, index, tmp_path / "a.run", workers=2, spike_ins=0)
    assert run.summary["skipped"] == {"record_too_long": 1}
    assert run.info["limits"]["record_bytes"] == 20_000


@pytest.mark.pages
def test_the_scan_of_a_null_dataset_is_resumed(
    index: provscan.Index,
    write: Write,
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The run is interrupted in the second file of the null dataset. Complete parts are
    not scanned again, and other files are refused.
    """
    for number in range(3):
        write(f"null/{number}.jsonl", some_records(100 + number, 40))
    null, out, scanned = tmp_path / "null", tmp_path / "a.run", list[str]()
    read = task.read

    def interrupt(split: Any, *args: Any, **options: Any) -> Any:
        if split.path.endswith("null/1.jsonl"):
            raise KeyboardInterrupt
        return read(split, *args, **options)

    def note(split: Any, *args: Any, **options: Any) -> Any:
        scanned.append("/".join(Path(split.path).parts[-2:]))
        return read(split, *args, **options)

    with monkeypatch.context() as patch:
        patch.setattr(task, "read", interrupt)
        with pytest.raises(KeyboardInterrupt):
            provscan.match(folder, index, out, clean_data=null, workers=1)
    write("other/0.jsonl", some_records(3, 40))
    with pytest.raises(UsageError, match=r"with other options \(clean_data was"):
        provscan.match(folder, index, out, clean_data=tmp_path / "other")
    before = (null / "2.jsonl").stat()
    with (null / "2.jsonl").open("a") as file:
        file.write("\n")
    with pytest.raises(
        UsageError, match=r"with other files of the null dataset \(.*2\.jsonl\)"
    ):
        provscan.match(folder, index, out, clean_data=null)
    os.truncate(null / "2.jsonl", before.st_size)
    os.utime(null / "2.jsonl", ns=(before.st_atime_ns, before.st_mtime_ns))
    monkeypatch.setattr(task, "read", note)
    run = provscan.match(folder, index, out, clean_data=null)
    assert {"null/1.jsonl", "null/2.jsonl"} >= set(scanned) >= {"null/1.jsonl"}
    assert run.summary["control"]["null"]["records"] == 120
    assert content(run.path) == content(
        provscan.match(folder, index, tmp_path / "whole.run", clean_data=null).path
    )
    assert sorted(path.name for path in out.iterdir()) == sorted(
        [
            "matches.parquet",
            "summary.json",
            "run.json",
            "report.html",
            "scanned.zip",
        ]
    )


def test_unread_files_of_a_null_dataset_are_listed(
    index: provscan.Index, write: Write, folder: Path, tmp_path: Path
) -> None:
    null = write("null/0.jsonl", some_records(100, 400)).parent
    (null / "1.jsonl.gz").write_bytes(
        gzip.compress((null / "0.jsonl").read_bytes() * 4)[:-2000]
    )
    (null / "2.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    summary = provscan.match(folder, index, tmp_path / "a.run", clean_data=null).summary
    assert [Path(damage["source"]).name for damage in summary["damaged"]] == [
        "1.jsonl.gz"
    ]
    assert [Path(unread["path"]).name for unread in summary["unread"]] == ["2.png"]
    empty = tmp_path / "empty.jsonl"
    empty.write_text('{"text": null}\n')
    with pytest.raises(InputError, match="null dataset"):
        provscan.match(folder, index, tmp_path / "b.run", clean_data=empty)


def test_a_damaged_part_is_scanned_again(
    index: provscan.Index, folder: Path, tmp_path: Path, interrupted: Path
) -> None:
    parts = tmp_path / "a.run.unfinished" / "parts"
    (parts / "00000001.json").write_bytes(b"{")
    matches = parts / "00000002.arrow"
    matches.write_bytes(matches.read_bytes()[:-9])
    run = provscan.match(folder, index, interrupted)
    assert content(run.path) == content(
        provscan.match(folder, index, tmp_path / "whole.run").path
    )


def test_two_processes_cannot_write_the_same_run(
    index: provscan.Index, folder: Path, tmp_path: Path
) -> None:
    """The second process does not damage the files of the first."""
    messages = []

    class Second(Progress):
        def start(self, *_: Any) -> None:
            with pytest.raises(
                OutputError, match="is being written by another process"
            ) as caught:
                provscan.match(folder, index, tmp_path / "a.run", overwrite=True)
            messages.append(str(caught.value))

    provscan.match(folder, index, tmp_path / "a.run", progress=Second())
    assert len(messages) == 1


def test_a_file_that_changes_is_reported(
    index: provscan.Index, folder: Path, tmp_path: Path
) -> None:
    class Change(Progress):
        def start(self, *_: Any) -> None:
            (folder / "00.jsonl").unlink()
            (folder / "02.jsonl").write_text('{"text": "other"}\n')
            (folder / "00.jsonl").write_text('{"text": "other"}\n')

        def finish(self) -> None:
            pass

    run = provscan.match(folder, index, tmp_path / "a.run", progress=Change())
    problems = {
        Path(damage["source"]).name: damage["problem"]
        for damage in run.summary["damaged"]
    }
    assert set(problems) == {"00.jsonl", "02.jsonl"}
    assert "changed while it was scanned" in problems["02.jsonl"]
    sums = {Path(entry["source"]).name: entry["xxh3"] for entry in run.info["inputs"]}
    assert sums["00.jsonl"] is None
    assert sums["01.jsonl"] is not None


def test_the_command_that_repeats_a_run(
    index: provscan.Index, write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The command works for several controls, and for names that look like options."""
    monkeypatch.chdir(tmp_path)
    tweets = [
        {
            "id": f"c{n}",
            "text": f"a tweet of the control that stands nowhere, number {n}",
        }
        for n in range(9)
    ]
    names = [write(name, tweets).name for name in ("-c.jsonl", "it's c.jsonl")]
    write("-i data.jsonl", some_records(3, 50))
    run = provscan.match(
        ["-i data.jsonl"],
        index,
        "a b.run",
        control=names,
        seed=4,
        sample=0.9,
        sample_by="records",
        workers=1,
        allow_unread=True,
        spike_ins=100,
    )
    before = content(run.path)
    # Split the command like a shell.
    words = subprocess.check_output(
        run.info["repeat"].replace("provscan", "printf '%s\\0'", 1),
        shell=True,
        text=True,
    )
    main(
        [*words.rstrip("\0").replace("\0--\0", "\0--overwrite\0--\0", 1).split("\0")],
        standalone_mode=False,
    )
    assert content(run.path) == before
    assert provscan.open_run("a b.run").info["repeat"] == run.info["repeat"]


def test_ctrl_c_prints_how_to_resume(
    index: provscan.Index, folder: Path, tmp_path: Path
) -> None:
    large = "".join(path.read_text() for path in folder.iterdir()) * 4
    for number in range(60):
        (folder / f"{number:02}.jsonl").write_text(large)
    command = [
        sys.executable,
        "-m",
        "provscan",
        "match",
        folder,
        "-i",
        index.path,
        "-o",
        tmp_path / "a.run",
    ]
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        started = subprocess.Popen(
            command,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )  # fmt: skip
        parts = tmp_path / "a.run.unfinished" / "parts"
        known = len(list(parts.glob("*.json")))
        while started.poll() is None and len(list(parts.glob("*.json"))) <= known:
            time.sleep(0.01)
        started.send_signal(number)
        out, err = started.communicate(timeout=60)
        assert started.returncode == 130, err
        assert out == ""
        (line,) = err.splitlines()
        assert line.startswith("provscan: Interrupted. ")
        assert "complete part" in line
        assert " kept in " in line
        assert "repeat the command to resume it." in line


def test_data_that_cannot_be_read_again_leaves_no_parts(
    index: provscan.Index, tmp_path: Path
) -> None:
    def records() -> Any:
        yield from some_records(1, 5)
        raise InputError("broken")

    with pytest.raises(InputError) as caught:
        provscan.match(records(), index, tmp_path / "a.run")
    assert caught.value.__notes__ == ["No results were saved"]
    assert not list(tmp_path.iterdir())
