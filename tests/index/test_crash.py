"""Test that a command that is killed at any time leaves the old or the new index, and
that a reader sees a single generation.
"""

from __future__ import annotations

import contextlib
import functools
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
from forks import Fork
from nightly import NIGHTLY
from tweets import SCRIPTS, sentence

import provscan
from provscan.cli import main
from provscan.errors import OutputError
from provscan.index import build as index_build
from provscan.index import lock
from provscan.index.folder import changing
from provscan.index.segment import write as segment_writer

# The number of times that commands are killed. There are six commands.
KILLS, ROUNDS = (20, 10) if NIGHTLY else (6, 1)


def command(words: list[str]) -> None:
    """Run a command without its output."""
    # SIGTERM raises SystemExit, as in the program.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    main(words, standalone_mode=False)


def corpus(path: Path, low: int, high: int) -> None:
    rng = random.Random(8)
    rows = [
        {
            "id": str(10_000 + n),
            "text": f"{sentence(rng, SCRIPTS[n % 3], 60)} {n * 7919}",
        }
        for n in range(high)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows[low:]))


def state(folder: Path) -> tuple[int, str]:
    index = provscan.open_index(folder)
    return index.reader.manifest.generation, index.fingerprint


@pytest.mark.parametrize("seed", range(ROUNDS))
def test_a_killed_command_leaves_the_old_or_the_new_index(
    tmp_path: Path, seed: int, fork: Fork
) -> None:
    for name, low, high in (("a", 0, 500), ("b", 450, 750), ("c", 700, 900)):
        corpus(tmp_path / f"{name}.jsonl", low, high)
    start = tmp_path / "start.index"
    provscan.build_index(tmp_path / "a.jsonl", start)
    provscan.build_index(tmp_path / "b.jsonl", start, append=True)
    provscan.forget(start, [str(10_000 + n) for n in range(0, 300, 3)])
    work, other = tmp_path / "work.index", tmp_path / "other.index"
    commands = [
        ["index", str(tmp_path / "c.jsonl"), "-o", str(work), "--append"],
        ["index", str(tmp_path / "b.jsonl"), "-o", str(work), "--overwrite"],
        ["index", str(tmp_path / "b.jsonl"), "-o", str(other)],
        ["forget", str(work), *(str(10_000 + n) for n in range(1, 300, 3))],
        ["forget", str(work), "10001", "--purge"],
        ["forget", str(work), "--purge"],
    ]
    rng = random.Random(4 + seed)

    def run(
        words: list[str], seconds: float | None, how: int = signal.SIGKILL
    ) -> float:
        begun = time.monotonic()
        process = fork(command, words)
        assert process.pid is not None
        if seconds is not None:
            time.sleep(seconds)
            with contextlib.suppress(ProcessLookupError):  # The command has ended.
                os.kill(process.pid, how)
        process.join()
        return time.monotonic() - begun

    before = state(start)
    expected: dict[int, tuple[tuple[int, str], float]] = {}
    for kill in range(KILLS):
        number = kill % len(commands)
        target = other if str(other) in commands[number] else work
        for folder in (work, other):
            shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(start, work)
        if number not in expected:
            took = run(commands[number], None)
            expected[number] = state(target), took
            for folder in (work, other):
                shutil.rmtree(folder, ignore_errors=True)
            shutil.copytree(start, work)
        after, took = expected[number]
        run(
            commands[number],
            rng.random() * took * 1.1,
            rng.choice([signal.SIGKILL, signal.SIGTERM]),
        )
        steps = {before, after}
        if "--purge" in commands[number]:
            steps.add((before[0] + 1, after[1]))
        if target == work:
            assert state(work) in steps
        elif (other / "manifest.json").exists():
            assert state(other) == after
        # The next writer removes leftovers, and the same command gives the same result.
        if number in (0, 1, 2, 5) and (target == other or state(work) == before):
            if number == 2 and (other / "manifest.json").exists():
                continue
            run(commands[number], None)
            assert state(target) == after
        if (target / "manifest.json").exists():
            kept = state(target)
            run(["forget", str(target), "7"], None)
            assert state(target) == kept
            named = {
                "manifest.json",
                "lock",
                *provscan.open_index(target).reader.manifest.files(),
            }
            assert {
                str(p.relative_to(target)) for p in target.rglob("*") if p.is_file()
            } == named, kept
            provscan.verify(target, quick=True)


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
