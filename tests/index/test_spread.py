"""Test that a build by tasks in other processes gives the same bytes as a build in one
process.
"""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from index.conftest import some_tweets
from index.test_shards import templates

import provscan
from provscan.errors import (
    InputError,
    OutputError,
    ParameterError,
    UsageError,
    WorkerError,
)
from provscan.index.shards import build as index_spread
from provscan.indexing import shard_tasks


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """Return a folder of files of several sizes. Some tweets are repeated, some ids are
    repeated with another text, and some texts with another id.
    """
    tweets = [*some_tweets(), *templates()]
    again = [{**tweets[n], "text": tweets[n + 7]["text"]} for n in range(0, 300, 50)]
    again += [
        {**tweet, "id": f"other{n}"} for n, tweet in enumerate(tweets[:60:3])
    ] + tweets[5:200:9]
    again += [
        {"id": None, "text": "a tweet without an id of its own"},
        {"id": "empty", "text": "@a https://t.co/1"},
    ]
    folder = tmp_path / "corpus"
    folder.mkdir()
    for name, rows in {
        "a": tweets[:200],
        "b": tweets[200:],
        "c": again,
        "d": again[:3],
    }.items():
        (folder / f"{name}.jsonl").write_text(
            "".join(json.dumps(row) + "\n" for row in rows)
        )
    return folder


def content(index: provscan.Index) -> dict[str, bytes]:
    """Return the content of every file of an index, except the lock, by its path."""
    root = Path(index.path)
    paths = [path for path in root.rglob("*") if path.is_file() and path.name != "lock"]
    return {str(path.relative_to(root)): path.read_bytes() for path in paths}


def test_processes_write_the_same_files_as_threads(
    corpus: Path, tmp_path: Path
) -> None:
    shards = 5
    expected = provscan.build_index(corpus, tmp_path / "threads.index", shards=shards)
    about = expected.info()
    assert (
        min(about["versions"], about["repeated_tweets"], about["tweets_without_text"])
        > 0
    )
    log = tmp_path / "log"
    made = provscan.build_index(
        corpus,
        tmp_path / "processes.index",
        shards=shards,
        executor="processes",
        workers=2,
        log=log,
    )
    assert content(made) == content(expected)
    assert provscan.verify(made.path)["tweets"] == about["tweets"]
    ended = [
        line["task"]
        for line in map(json.loads, log.read_text().splitlines())
        if line["event"] == "ended"
    ]
    assert {task for task in ended if "shard" in task} == {
        f"shard {n + 1} of {shards}" for n in range(shards)
    }
    assert len([task for task in ended if task.startswith("read ")]) > 1


def test_spilled_postings_of_shards_are_the_same(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The postings do not fit into the allowed memory. The build uses threads, since
    other processes would not have the patched limit.
    """
    expected = content(provscan.build_index(corpus, tmp_path / "a.index", shards=3))
    monkeypatch.setattr("provscan.index.segment.postings.SPILL_ENTRIES", 3000)
    monkeypatch.setattr(
        shard_tasks, "EXECUTORS", {"processes": shard_tasks.EXECUTORS["threads"]}
    )
    options: dict[str, Any] = {"shards": 3, "executor": "processes", "workers": 2}
    made = provscan.build_index(corpus, tmp_path / "b.index", **options)
    assert content(made) == expected
    with pytest.raises(OutputError, match="exists already"):
        provscan.build_index(corpus / "d.jsonl", tmp_path / "b.index", **options)
    small = provscan.build_index(
        corpus / "d.jsonl", tmp_path / "b.index", overwrite=True, **options
    )
    assert (small.info()["generation"], small.info()["tweets"]) == (2, 3)


def test_a_cluster_writes_the_same_files_as_threads(
    cluster: None, corpus: Path, tmp_path: Path
) -> None:
    """The first attempt at a task of each kind is lost."""
    expected = content(
        provscan.build_index(corpus, tmp_path / "threads.index", shards=4)
    )
    with pytest.MonkeyPatch.context() as patch:
        for name in ("read_and_part", "write_shard"):
            (tmp_path / name).mkdir()
            patch.setattr(shard_tasks, name, Lossy(name, tmp_path / name))
        made = provscan.build_index(
            corpus, tmp_path / "ray.index", shards=4, executor="ray"
        )
    assert content(made) == expected
    assert {
        len(list((tmp_path / name).iterdir()))
        for name in ("read_and_part", "write_shard")
    } == {1}


class Lossy:
    """A function whose first call does all its work, but whose result is lost."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name, self.folder = name, folder

    def __call__(self, task: Any, advance: Any) -> Any:
        from provscan.indexing import shard_tasks

        result = getattr(shard_tasks, self.name)(task, advance)
        try:
            (self.folder / "lost").touch(exist_ok=False)
        except FileExistsError:
            return result
        raise ConnectionResetError("503")


def test_a_task_that_always_fails_ends_the_build(
    cluster: None, corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shard_tasks, "write_shard", unreachable)
    with pytest.raises(
        WorkerError,
        match=r"shard 1 of 2 failed 3 times \(OSError: gone\)\. No index was written",
    ):
        provscan.build_index(corpus, tmp_path / "a.index", shards=2, executor="ray")
    assert not (tmp_path / "a.index").exists()


def unreachable(task: Any, advance: Any) -> Any:
    raise OSError("gone")


def test_a_complete_part_is_not_replaced(tmp_path: Path) -> None:
    for _ in range(2):
        assert index_spread.write_parts([], tmp_path / "parts", 0, 2) == 0
    assert [path.name for path in (tmp_path / "parts").iterdir()] == ["00000000"]


def test_options_that_a_distributed_build_rejects(
    tmp_path: Path, corpus: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "a.index"
    with pytest.raises(
        UsageError,
        match="runs one task per shard: give two or more shards, or use threads",
    ):
        provscan.build_index(corpus, out, executor="ray")
    with pytest.raises(
        ParameterError,
        match="address='auto' applies only to a Ray cluster: also give executor='ray'",
    ):
        provscan.build_index(corpus, out, address="auto")
    with pytest.raises(ParameterError, match="executor='processes' needs files"):
        provscan.build_index(
            [{"id": "1", "text": "a text"}], out, executor="processes", shards=2
        )
    monkeypatch.setattr(
        shard_tasks, "EXECUTORS", {"processes": shard_tasks.EXECUTORS["threads"]}
    )
    (tmp_path / "empty.jsonl").write_text('{"id": "1", "text": "https://t.co/1"}\n')
    with pytest.raises(InputError, match="their texts have no letters or digits"):
        provscan.build_index(
            tmp_path / "empty.jsonl", out, executor="processes", shards=2
        )
    (corpus / "e.jsonl.gz").write_bytes(
        gzip.compress((corpus / "a.jsonl").read_bytes())[:-2000]
    )
    with pytest.raises(InputError, match=r"e\.jsonl\.gz is damaged"):
        provscan.build_index(corpus, out, executor="processes", shards=2)
    (corpus / "e.jsonl.gz").unlink()
    monkeypatch.setattr("provscan.index.segment.write.MAX_TEXTS", 10)
    with pytest.raises(OutputError, match="a shard would have more than 10 texts"):
        provscan.build_index(corpus, out, executor="processes", shards=2)
    assert not out.exists()
