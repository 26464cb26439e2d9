"""Test that a command that is killed at any time leaves the old or the new index, and
that readers see one generation.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from nightly import NIGHTLY
from tweets import SCRIPTS, sentence

import provscan
from provscan.errors import OutputError
from provscan.index import build as index_build
from provscan.index.segment import write as segment_writer

# Each of the six commands is killed; at night thirty times each.
KILLS, ROUNDS = (20, 10) if NIGHTLY else (6, 1)
READERS, SECONDS = (20, 60) if NIGHTLY else (2, 0.8)

# Runs commands that come in, one a line, each in a fork: what is imported and compiled
# is there already.
SERVER = """
import json, os, signal, sys
import provscan, provscan.runs.maintain
from provscan.cli import main
warm = provscan.build_index([{"id": "1", "text": "what is compiled now need not be compiled later"}], sys.argv[1])
provscan.build_index([{"id": "2", "text": "another text that comes in later"}], sys.argv[1], append=True)
provscan.forget(sys.argv[1], "2")
provscan.merge(sys.argv[1])
provscan.open_index(sys.argv[1]).match(["what is compiled now need not be compiled later"])
print("ready", flush=True)
for line in sys.stdin:
    child = os.fork()
    if child == 0:
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        try:
            main(json.loads(line), standalone_mode=False)
        except BaseException:
            os._exit(1)
        os._exit(0)
    print(child, flush=True)
    os.waitpid(child, 0)
    print("ended", flush=True)
"""  # noqa: E501


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
def test_a_killed_command_leaves_the_old_index_or_the_new_one(
    tmp_path: Path, seed: int
) -> None:
    for name, low, high in (("a", 0, 500), ("b", 450, 750), ("c", 700, 900)):
        corpus(tmp_path / f"{name}.jsonl", low, high)
    start = tmp_path / "start.index"
    provscan.build_index(tmp_path / "a.jsonl", start)
    provscan.build_index(tmp_path / "b.jsonl", start, append=True)
    provscan.forget(start, [str(10_000 + n) for n in range(0, 300, 3)])
    work, other = tmp_path / "work.index", tmp_path / "other.index"
    commands = [
        ["index", str(tmp_path / "c.jsonl"), "-o", str(work), "--append", "-q"],
        ["index", str(tmp_path / "b.jsonl"), "-o", str(work), "--overwrite", "-q"],
        ["index", str(tmp_path / "b.jsonl"), "-o", str(other), "-q"],
        ["forget", str(work), *(str(10_000 + n) for n in range(1, 300, 3))],
        ["forget", str(work), "10001", "--purge"],
        ["merge", str(work)],
    ]
    server = subprocess.Popen(
        [sys.executable, "-c", SERVER, str(tmp_path / "warm.index")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert server.stdin is not None
    assert server.stdout is not None
    assert server.stdout.readline() == "ready\n"
    rng = random.Random(4 + seed)

    def run(
        command: list[str], seconds: float | None, how: int = signal.SIGKILL
    ) -> float:
        assert server.stdin is not None
        assert server.stdout is not None
        server.stdin.write(json.dumps(command) + "\n")
        server.stdin.flush()
        child = int(server.stdout.readline())
        begun = time.monotonic()
        if seconds is not None:
            time.sleep(seconds)
            with contextlib.suppress(ProcessLookupError):  # it was faster
                os.kill(child, how)
        assert server.stdout.readline() == "ended\n"
        return time.monotonic() - begun

    try:
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
            # The next writer clears up what was half done, and the same command comes
            # to the same end.
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
    finally:
        server.stdin.close()
        server.stdout.close()
        server.wait()


READER = """
import sys, time
import provscan
folder, until = sys.argv[1], time.monotonic() + float(sys.argv[2])
texts = [line for line in open(sys.argv[3], encoding="utf-8").read().splitlines()]
answers = 0
while time.monotonic() < until:
    index = provscan.open_index(folder)
    ids = set(index.match(texts)["tweet_id"].to_pylist())
    generation = index.reader.manifest.generation
    time.sleep(0.05)
    assert set(index.match(texts)["tweet_id"].to_pylist()) == ids
    print(generation, ",".join(sorted(ids)), flush=True)
    answers += 1
assert answers
"""


def test_readers_see_one_generation_each(tmp_path: Path) -> None:
    """While a writer appends, forgets, merges and replaces, every answer is that of one
    generation.
    """
    rng = random.Random(3)
    texts = [f"{sentence(rng, 'latin', 60)} number {n * 7919}" for n in range(60)]
    tweets = [{"id": str(100 + n), "text": text} for n, text in enumerate(texts)]
    (tmp_path / "texts").write_text("\n".join(texts), encoding="utf-8")
    folder = tmp_path / "a.index"
    answers: dict[int, set[str]] = {}

    def note(index: provscan.Index) -> None:
        found = index.match(texts)["tweet_id"].to_pylist()
        answers[index.reader.manifest.generation] = set(found)

    note(provscan.build_index(tweets[:30], folder))
    readers = [
        subprocess.Popen(
            [
                sys.executable,
                "-c",
                READER,
                str(folder),
                str(SECONDS),
                str(tmp_path / "texts"),
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(READERS)
    ]
    step = 0
    while any(reader.poll() is None for reader in readers):
        action: Any = step % 4
        low = rng.randrange(0, 50)
        if action == 0:
            provscan.build_index(tweets[low : low + 10], folder, append=True)
        elif action == 1:
            provscan.forget(folder, [str(100 + n) for n in range(low, low + 3)])
        elif action == 2:
            provscan.merge(folder)
        else:
            provscan.build_index(tweets[low:], folder, overwrite=True)
        note(provscan.open_index(folder))
        step += 1
    for reader in readers:
        out, err = reader.communicate()
        assert reader.returncode == 0, err
        lines = [line.split(" ") for line in out.splitlines()]
        assert lines
        for generation, ids in lines:
            assert set(filter(None, ids.split(","))) == answers[int(generation)]
    assert step >= 4


def test_a_lock_of_a_dead_process_is_no_obstacle(tmp_path: Path) -> None:
    folder = tmp_path / "a.index"
    provscan.build_index([{"id": "1", "text": "a first tweet that comes in"}], folder)
    code = (
        "import sys, time; from pathlib import Path; from provscan.index.folder import "
        "changing\nwith changing(Path(sys.argv[1]), 'change'): print('held', "
        "flush=True); time.sleep(60)"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", code, str(folder)], stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    with pytest.raises(
        OutputError,
        match=f"is being written by process {holder.pid} on .* wait until that ends",
    ):
        provscan.forget(folder, "1")
    holder.kill()
    holder.communicate()
    assert provscan.forget(folder, "1")["tweets"] == 1


def test_an_addition_that_fails_leaves_none_of_its_tweets(
    tweets: list[dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = tmp_path / "a.index"
    provscan.build_index(tweets[:1], index)
    before = sorted(index.rglob("*"))

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(index_build, "write_segments", full)
        with pytest.raises(OutputError, match="Nothing was changed"):
            provscan.build_index(tweets[1:], index, append=True)
    assert sorted(index.rglob("*")) == before


def test_ctrl_c_is_noticed_while_the_seeds_of_a_large_index_are_written(
    tweets: list[dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They take longest, and Python raises ``KeyboardInterrupt`` in the main thread."""
    monkeypatch.setattr(segment_writer, "FEW_TWEETS", 0)

    def interrupted(*_: object) -> None:
        assert threading.current_thread() is threading.main_thread()
        raise KeyboardInterrupt

    monkeypatch.setattr(segment_writer, "write_seeds", interrupted)
    with pytest.raises(KeyboardInterrupt):
        provscan.build_index(tweets, tmp_path / "a.index")
    assert not list(tmp_path.iterdir())
