"""Shards in groups, each held apart: a scan finds what it finds in the whole index, to
the byte.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_shards import LOW, Build, Tweet, scanned, templates

import provscan
from provscan.errors import IndexFormatError, ParameterError
from provscan.index import GroupReader, IndexReader, hold_shards
from provscan.index.folder import HEAD
from provscan.index.shards import fetch as fetched
from provscan.params import SearchLimits


class Near:
    """A group in this process."""

    def __init__(self, held: Any) -> None:
        self.held = held

    def begin(self, method: str, *arguments: Any) -> Callable[[], Any]:
        return partial(getattr(self.held, method), *arguments)


def grouped(reader: IndexReader, groups: int, **more: Any) -> GroupReader:
    shards, path = len(reader.manifest.shards), str(reader.path)
    return GroupReader(
        tuple(
            Near(
                hold_shards(
                    path, range(group, shards, groups), snapshot=reader.snapshot, **more
                )
            )
            for group in range(groups)
        )
    )


@pytest.fixture
def corpus(tweets: list[Tweet]) -> list[Tweet]:
    return [*tweets, *templates()]


@pytest.fixture
def asked(corpus: list[Tweet]) -> list[str]:
    texts = [tweet["text"] for tweet in corpus]
    return [
        *(f"{text} #tag" for text in texts[::2]),
        " ... ".join(texts[:40]),
        *texts[1::3],
        "nothing of it",
        "",
    ]


@pytest.mark.parametrize("groups", [1, 2, 5])
def test_groups_are_scanned_as_one_index(
    build: Build, corpus: list[Tweet], asked: list[str], groups: int
) -> None:
    paths = [build(corpus[:400], shards=shards).path for shards in (None, 5)]
    for path in paths:
        # What is added holds texts of all shards once more, and new ones.
        provscan.build_index(corpus[350:], path, append=True)
        provscan.forget(path, [tweet["id"] for tweet in corpus[::7]])
    single, many = (provscan.open_index(path).reader for path in paths)
    reader = grouped(many, groups)
    assert reader.longest == single.longest
    for limits in (SearchLimits(), LOW):
        expected = scanned(single, asked, limits)
        assert scanned(reader, asked, limits) == expected  # type: ignore[arg-type]
        assert len(expected[0]) > len(asked) / 3
    numbers = np.unique(np.array(expected[2]))
    for method in ("canonical_texts", "raw_texts", "tweet_ids"):
        assert (
            getattr(reader, method)(numbers)
            .array()
            .equals(getattr(single, method)(numbers).array())
        )
    assert (
        reader.tweet_counts(numbers).tolist() == single.tweet_counts(numbers).tolist()
    )


def test_a_group_opens_its_own_shards(build: Build, corpus: list[Tweet]) -> None:
    reader = build(corpus, shards=4).reader
    for segment in reader.segments[2:]:
        for path in (Path(reader.path) / "segments" / segment.info.name).iterdir():
            path.unlink()
    held = hold_shards(str(reader.path), [0, 1], snapshot=reader.snapshot)
    own, _ = held.own([], np.arange(reader.size))
    assert set(own.tolist()) == {
        int(number) for segment in reader.segments[:2] for number in segment.numbers
    }
    with pytest.raises(IndexFormatError, match="is missing"):
        hold_shards(str(reader.path), [1, 2], snapshot=reader.snapshot)


def test_shards_are_fetched_once(
    build: Build,
    corpus: list[Tweet],
    asked: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    index = build(corpus, shards=4)
    reader = provscan.open_index(index.path).reader
    expected = scanned(reader, asked, LOW)
    copy = Path(index.path).rename(tmp_path / "copy.index")
    names: list[str] = []
    get = fetched.FileStore.get
    monkeypatch.setattr(
        fetched.FileStore,
        "get",
        lambda self, path: (names.append(Path(path).name), get(self, path)),
    )
    assert scanned(grouped(reader, 2, fetched_from=str(copy)), asked, LOW) == expected  # type: ignore[arg-type]
    first = len(names)
    assert first > 100
    grouped(reader, 2, fetched_from=str(copy))
    assert names[first:] == ["manifest.json"] * 2


def test_fetched_shards_are_kept_within_a_limit(
    build: Build, corpus: list[Tweet], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(fetched, "_IN_USE", used := {})
    index = build(corpus[:300], shards=2)
    size = index.info()["bytes"]

    def fetch() -> Path:
        reader = provscan.open_index(index.path).reader
        return fetched.fetched(str(index.path), [0, 1], reader.snapshot)

    def change() -> None:
        provscan.forget(index.path, [corpus[len(folders)]["id"]])

    folders: list[Path] = []
    for gigabytes in ("", 1.5 * size / 1e9, 1.5 * size / 1e9):
        monkeypatch.setenv("PROVSCAN_CACHE_GB", str(gigabytes))
        folders.append(fetch())
        change()
    # All are in use.
    assert all(map(Path.exists, folders))
    for folder in folders[:2]:
        os.close(used.pop(folder))
    # The first is the one that was used last of these two.
    os.utime(folders[0])
    monkeypatch.setenv("PROVSCAN_CACHE_GB", str(3.5 * size / 1e9))
    folders.append(fetch())
    assert [folder.exists() for folder in folders] == [True, False, True, True]
    change()
    monkeypatch.setenv("PROVSCAN_CACHE_GB", "0")
    folders.append(fetch())
    assert [folder.exists() for folder in folders] == [False, False, True, True, True]
    monkeypatch.setenv("PROVSCAN_CACHE_GB", "much")
    with pytest.raises(
        ParameterError,
        match=r"PROVSCAN_CACHE_GB is 'much', and must be a number of gigabytes",
    ):
        fetch()
    for descriptor in used.values():
        os.close(descriptor)


def test_files_of_others_in_the_cache_stay(
    build: Build, corpus: list[Tweet], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is removed to make room is what was fetched, also by a process that was
    killed.
    """
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(fetched, "_IN_USE", {})
    index = build(corpus[:60], shards=2)
    shards = tmp_path / "cache" / "provscan" / "shards"
    others = [
        "photos/a.jpg",
        "0" * 32 + "/notes.txt",
        "1" * 32 + "/segments/.new-0123456789abcdef/mine",
    ]
    killed = shards / ("1" * 32)
    for name in [*others, f"{killed.name}/segments/0123456789abcdef/texts.utf8"]:
        (shards / name).parent.mkdir(parents=True)
        (shards / name).write_text(name)
    (killed / "lock").write_text(
        f"{HEAD}process "
        "1\nsegments/0123456789abcdef\nsegments/0123456789abcdef/texts.utf8\n"
    )
    monkeypatch.setenv("PROVSCAN_CACHE_GB", "0")
    folder = fetched.fetched(
        str(index.path), [0, 1], provscan.open_index(index.path).reader.snapshot
    )
    assert (folder / "manifest.json").is_file()
    assert not list(folder.glob("segments/.new-*"))
    assert {
        str(path.relative_to(shards)) for path in shards.rglob("*") if path.is_file()
    } - {str(path.relative_to(shards)) for path in folder.rglob("*")} == set(others)


def test_a_damaged_copy_is_not_opened(
    build: Build, corpus: list[Tweet], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    index = build(corpus, shards=2)
    path = (
        Path(index.path)
        / "segments"
        / index.reader.segments[1].info.name
        / "texts.sketches"
    )
    path.write_bytes(bytes([path.read_bytes()[0] ^ 1]) + path.read_bytes()[1:])
    grouped_first = partial(
        hold_shards,
        "nowhere",
        snapshot=index.reader.snapshot,
        fetched_from=str(index.path),
    )
    grouped_first([0])
    with pytest.raises(
        IndexFormatError, match=r"texts.sketches is damaged: expected XXH3-128"
    ):
        grouped_first([1])


def test_what_is_added_must_fit(
    build: Build, corpus: list[Tweet], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("provscan.index.merges.FAN_OUT", 99)
    path = build(corpus[:300], shards=2).path
    for low in (300, 340):
        provscan.build_index(corpus[low : low + 40], path, append=True)
    reader = provscan.open_index(path).reader
    monkeypatch.setattr("provscan.index.segment.join.MOST_SMALL_BYTES", 0)
    with pytest.raises(ParameterError, match="merge it, or leave out shard_groups"):
        grouped(reader, 2)
