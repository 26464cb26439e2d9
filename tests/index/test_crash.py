"""Test that a reader sees a single generation of an index, and what an interrupted or
failed writer leaves. tests/truth/files.py kills writers.
"""

from __future__ import annotations

import functools
import os
import random
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from forks import Fork
from tweets import sentence

import provscan
from provscan.errors import OutputError
from provscan.index import build as index_build
from provscan.index import lock
from provscan.index.folder import changing
from provscan.index.segment import write as segment_writer


def test_a_reader_sees_a_single_generation(tmp_path: Path) -> None:
    """Readers open the index before and after each change of its files, and keep it
    open while a writer appends, forgets, merges and replaces.
    """
    rng = random.Random(3)
    texts = [f"{sentence(rng, 'latin', 60)} number {n * 7919}" for n in range(60)]
    tweets = [{"id": str(100 + n), "text": text} for n, text in enumerate(texts)]
    folder = tmp_path / "a.index"
    readers: list[provscan.Index] = []
    seen: dict[int, set[frozenset[str]]] = {}

    def look() -> None:
        readers.append(provscan.open_index(folder))
        for index in readers[-3:]:
            found = frozenset(index.match(texts)["tweet_id"].to_pylist())
            seen.setdefault(index.reader.manifest.generation, set()).add(found)

    def renamed(old: Any, new: Any, *, rename: Any) -> None:
        # Compilers also rename files.
        ours = str(new).startswith(str(folder))
        if ours:
            look()
        rename(old, new)
        if ours:
            look()

    provscan.build_index(tweets[:30], folder)
    for low in (0, 31):
        with pytest.MonkeyPatch.context() as patch:
            for name in ("rename", "replace"):
                call = functools.partial(renamed, rename=getattr(os, name))
                patch.setattr(os, name, call)
            provscan.build_index(tweets[low : low + 10], folder, append=True)
            provscan.forget(folder, [str(100 + n) for n in range(low, low + 3)])
            provscan.forget(folder, [], purge=True)
            provscan.build_index(tweets[low:], folder, overwrite=True)
    look()
    assert len(seen) >= 7
    assert all(len(answers) == 1 for answers in seen.values())


def keep_the_lock(folder: Path, held: Path) -> None:
    with changing(folder, "change"):
        held.touch()
        time.sleep(60)


def test_the_lock_of_a_dead_process_is_released(tmp_path: Path, fork: Fork) -> None:
    folder, held = tmp_path / "a.index", tmp_path / "held"
    provscan.build_index([{"id": "1", "text": "a first tweet that comes in"}], folder)
    holder = fork(keep_the_lock, folder, held)
    while not held.exists():
        assert holder.is_alive()
        time.sleep(0.001)
    with pytest.raises(
        OutputError,
        match=f"is being written by process {holder.pid} on .* wait until that ends",
    ):
        provscan.forget(folder, "1")
    holder.kill()
    holder.join()
    assert provscan.forget(folder, "1")["tweets"] == 1


@pytest.mark.parametrize("step", ["_lock", "noted_in", "Lock"])
def test_ctrl_c_while_the_lock_is_taken_leaves_no_folder(
    step: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    function = getattr(lock, step)

    def interrupted(*_: object) -> None:
        monkeypatch.setattr(lock, step, function)
        raise KeyboardInterrupt

    monkeypatch.setattr(lock, step, interrupted)
    with pytest.raises(KeyboardInterrupt):
        provscan.build_index(
            [{"id": "1", "text": "a first tweet"}], tmp_path / "a.index"
        )
    assert not list(tmp_path.iterdir())


def test_a_failed_append_adds_no_tweets(
    tweets: list[dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = tmp_path / "a.index"
    provscan.build_index(tweets[:1], index)
    before = sorted(index.rglob("*"))

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(index_build, "write_segment", full)
        with pytest.raises(OutputError, match="Nothing was changed"):
            provscan.build_index(tweets[1:], index, append=True)
    assert sorted(index.rglob("*")) == before


def test_ctrl_c_interrupts_the_writing_of_seeds(
    tweets: list[dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Python raises ``KeyboardInterrupt`` only in the main thread."""
    monkeypatch.setattr(segment_writer, "FEW_TWEETS", 0)

    def interrupted(*_: object) -> None:
        assert threading.current_thread() is threading.main_thread()
        raise KeyboardInterrupt

    monkeypatch.setattr(segment_writer, "write_seeds", interrupted)
    with pytest.raises(KeyboardInterrupt):
        provscan.build_index(tweets, tmp_path / "a.index")
    assert not list(tmp_path.iterdir())
