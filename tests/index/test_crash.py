"""Test that a reader sees a single generation of an index, and what an interrupted or
failed writer leaves. tests/truth/files.py kills writers.
"""

import functools
import os
import random
import threading

import pytest
from tweets import sentence

import provscan
from provscan.errors import OutputError
from provscan.index import build as index_build
from provscan.index import lock
from provscan.index.segment import write as segment_writer


def test_a_reader_sees_a_single_generation(tmp_path):
    """Readers open the index before and after each change of its files, and keep it
    open while a writer appends, forgets, merges and replaces.
    """
    rng = random.Random(3)
    texts = [f"{sentence(rng, 'latin', 60)} number {n * 7919}" for n in range(60)]
    tweets = [{"id": str(100 + n), "text": text} for n, text in enumerate(texts)]
    folder = tmp_path / "a.index"
    readers = []
    seen = {}

    def look():
        readers.append(provscan.open_index(folder))
        for index in readers[-3:]:
            found = frozenset(index.match(texts)["tweet_id"].to_pylist())
            seen.setdefault(index.reader.manifest.generation, set()).add(found)

    def renamed(old, new, *, rename):
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


@pytest.mark.parametrize("step", ["_lock", "noted_in", "Lock"])
def test_ctrl_c_while_the_lock_is_taken_leaves_no_folder(step, tmp_path, monkeypatch):
    function = getattr(lock, step)

    def interrupted(*_):
        monkeypatch.setattr(lock, step, function)
        raise KeyboardInterrupt

    monkeypatch.setattr(lock, step, interrupted)
    with pytest.raises(KeyboardInterrupt):
        provscan.build_index(
            [{"id": "1", "text": "a first tweet"}], tmp_path / "a.index"
        )
    assert not list(tmp_path.iterdir())


def test_a_failed_append_adds_no_tweets(tweets, tmp_path, monkeypatch):
    index = tmp_path / "a.index"
    provscan.build_index(tweets[:1], index)
    before = sorted(index.rglob("*"))

    def full(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(index_build, "write_segment", full)
        with pytest.raises(OutputError, match="Nothing was changed"):
            provscan.build_index(tweets[1:], index, append=True)
    assert sorted(index.rglob("*")) == before


def test_ctrl_c_interrupts_the_writing_of_seeds(tweets, tmp_path, monkeypatch):
    """Python raises ``KeyboardInterrupt`` only in the main thread."""
    monkeypatch.setattr(segment_writer, "FEW_TWEETS", 0)

    def interrupted(*_):
        assert threading.current_thread() is threading.main_thread()
        raise KeyboardInterrupt

    monkeypatch.setattr(segment_writer, "write_seeds", interrupted)
    with pytest.raises(KeyboardInterrupt):
        provscan.build_index(tweets, tmp_path / "a.index")
    assert not list(tmp_path.iterdir())
