"""Test that interrupted runs can be resumed, with any cause, executor and number of
workers.
"""

import json
import subprocess
from functools import partial

import pytest
from dataset import some_records
from ray_cluster import add_node

import provscan
from provscan.cli import main
from provscan.engine import Progress, Ran
from provscan.errors import InputError, OutputError, ParameterError, UsageError
from provscan.matching import scan_task as task
from provscan.runs.scan import tasks as scan_module

FILES = 12


@pytest.fixture
def folder(write, tmp_path):
    for number in range(FILES):
        write(f"data/{number:02}.jsonl", some_records(number, 60))
    return tmp_path / "data"


def complete(tmp_path):
    """Return the complete parts of an interrupted run."""
    return {
        path.stem[-2:]
        for path in (tmp_path / "a.run.unfinished" / "parts").glob("*.json")
    }


def content(run):
    return {
        name: (run / name).read_bytes() for name in ("matches.parquet", "summary.json")
    }


def test_results_of_a_cluster_are_the_same(cluster, index, folder, tmp_path):
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

    def __init__(self, cluster, node):
        self.cluster, self.node = cluster, node

    def ended(self, task, ran):
        if self.node is not None:
            self.cluster.remove_node(self.node, allow_graceful=False)
            self.node = None


def test_results_are_the_same_if_a_node_is_lost(cluster, index, folder, tmp_path):
    expected = content(
        provscan.match(folder, index, tmp_path / "threads.run", workers=1).path
    )
    losing = LosingNode(cluster, add_node(cluster, 1))
    try:
        run = provscan.match(
            folder, index, tmp_path / "a.run", ray="local", workers=3, progress=losing
        )
    finally:
        lost = losing.node is None
        losing.ended("", Ran("", 0.0, 0))
    assert lost
    assert content(run.path) == expected


def test_files_that_a_cluster_cannot_scan_are_listed(
    cluster, index, folder, tmp_path, monkeypatch
):
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


def lose(name, job, *args, **options):
    """A scan that fails for one file."""
    if job.split.path.endswith(name):
        raise ConnectionResetError("503")
    return task.scan(job, *args, **options)


def test_a_gate_without_a_measure_of_chance_is_refused_before_the_scan(index, tmp_path):
    with pytest.raises(UsageError, match=r"needs a lower bound.*cutoff, control"):
        provscan.match(
            tmp_path / "no such file", index, tmp_path / "a.run", fail_above_claimed=0.1
        )
    assert not list(tmp_path.iterdir())


def test_a_cluster_needs_files(index, tmp_path):
    with pytest.raises(ParameterError, match=r"needs files.*Save the data to a file"):
        provscan.match([{"text": "a"}], index, tmp_path / "a.run", ray="local")
    assert not list(tmp_path.iterdir())


@pytest.fixture
def interrupted(index, folder, tmp_path, monkeypatch):
    """A run that was interrupted in the sixth file."""
    read = task.read

    def interrupt(split, *args, **options):
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
    index, folder, tmp_path, interrupted, monkeypatch
):
    scanned = []
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
    with pytest.raises(OutputError, match="exists already: name"):
        provscan.match(folder, index, interrupted, overwrite=False)


def test_only_the_same_run_is_resumed(index, folder, tmp_path, interrupted):
    with pytest.raises(UsageError, match=r"options \(seed was 1 and is 2\)\. Undo"):
        provscan.match(folder, index, interrupted, seed=2)
    other = provscan.build_index(
        [{"id": "1", "text": "another index with another text in it"}],
        tmp_path / "o.index",
    )
    with pytest.raises(UsageError, match="with other tweets in the index"):
        provscan.match(folder, other, interrupted)
    with (folder / "03.jsonl").open("a") as file:
        file.write('{"text": "one record more"}\n')
    with pytest.raises(UsageError, match=r"other input files \(.*03\.jsonl\)\. Undo"):
        provscan.match(folder, index, interrupted)
    assert complete(tmp_path) >= {"00", "01", "02", "03", "04"}
    assert (
        provscan.match(folder, index, interrupted, overwrite=True).summary["records"]
        == 60 * FILES + 1
    )
    assert not (tmp_path / "a.run.unfinished").exists()


def test_a_damaged_part_is_scanned_again(index, folder, tmp_path, interrupted):
    parts = tmp_path / "a.run.unfinished" / "parts"
    (parts / "00000001.json").write_bytes(b"{")
    matches = parts / "00000002.arrow"
    matches.write_bytes(matches.read_bytes()[:-9])
    run = provscan.match(folder, index, interrupted)
    assert content(run.path) == content(
        provscan.match(folder, index, tmp_path / "whole.run").path
    )


def test_the_command_that_repeats_a_run(index, write, tmp_path, monkeypatch):
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


def test_data_that_cannot_be_read_again_leaves_no_parts(index, tmp_path):
    def records():
        yield from some_records(1, 5)
        raise InputError("broken")

    with pytest.raises(InputError) as caught:
        provscan.match(records(), index, tmp_path / "a.run")
    assert caught.value.__notes__ == ["No results were saved"]
    assert not list(tmp_path.iterdir())
