"""Test that scans with groups of shards give the same bytes as with one reader."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_shards import LOW, Build, Tweet, scanned, templates

import provscan
from provscan.errors import IndexFormatError, ParameterError
from provscan.index import GroupReader, IndexReader, open_shards
from provscan.params import SearchLimits


class Near:
    """A group of shards in this process."""

    def __init__(self, shards: Any) -> None:
        self.shards = shards

    def begin(self, method: str, *arguments: Any) -> Callable[[], Any]:
        return partial(getattr(self.shards, method), *arguments)


def grouped(reader: IndexReader, groups: int, **more: Any) -> GroupReader:
    shards, path = len(reader.manifest.shards), str(reader.path)
    return GroupReader(
        tuple(
            Near(
                open_shards(
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
def test_groups_give_the_matches_of_a_single_index(
    build: Build, corpus: list[Tweet], asked: list[str], groups: int
) -> None:
    paths = [build(corpus[:400], shards=shards).path for shards in (None, 5)]
    for path in paths:
        # The added tweets have new texts, and texts that are already in shards.
        provscan.build_index(corpus[350:], path, append=True)
        provscan.forget(path, [tweet["id"] for tweet in corpus[::7]])
    single, many = (provscan.open_index(path).reader for path in paths)
    reader = grouped(many, groups)
    assert reader.longest == single.longest
    for limits in (SearchLimits(), LOW):
        expected = scanned(single, asked, limits)
        assert scanned(reader, asked, limits) == expected  # type: ignore[arg-type]
        assert len(expected[0]) > len(asked) / 3
    for most in (10, 10**6):
        texts = [each.evenly_spaced_texts(most).array() for each in (single, reader)]
        assert texts[0].equals(texts[1])
        assert len(texts[0]) == min(most, single.size) or most == 10
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
    held = open_shards(str(reader.path), [0, 1], snapshot=reader.snapshot)
    own, _ = held.about_own("tweet_counts", np.arange(reader.size))
    assert set(own.tolist()) == {
        int(number) for segment in reader.segments[:2] for number in segment.numbers
    }
    with pytest.raises(IndexFormatError, match="is missing"):
        open_shards(str(reader.path), [1, 2], snapshot=reader.snapshot)


def test_fetched_shards_leave_nothing_on_disk(
    build: Build,
    corpus: list[Tweet],
    asked: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    index = build(corpus, shards=4)
    reader = provscan.open_index(index.path).reader
    expected = scanned(reader, asked, LOW)
    copy = Path(index.path).rename(tmp_path / "copy.index")
    many = grouped(reader, 2, fetched_from=str(copy))
    assert list((tmp_path / "tmp").iterdir()) == []
    assert scanned(many, asked, LOW) == expected  # type: ignore[arg-type]


def test_a_damaged_copy_is_not_opened(build: Build, corpus: list[Tweet]) -> None:
    index = build(corpus, shards=2)
    path = (
        Path(index.path)
        / "segments"
        / index.reader.segments[1].info.name
        / "texts.sketches"
    )
    path.write_bytes(bytes([path.read_bytes()[0] ^ 1]) + path.read_bytes()[1:])
    grouped_first = partial(
        open_shards,
        "nowhere",
        snapshot=index.reader.snapshot,
        fetched_from=str(index.path),
    )
    grouped_first([0])
    with pytest.raises(
        IndexFormatError, match=r"texts.sketches is damaged: expected XXH3-128"
    ):
        grouped_first([1])


def test_added_segments_must_be_joinable(
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
