"""Test the contents of an index of one or several segments: licensed texts and their
tweets, the earliest first.
"""

from __future__ import annotations

import os
import random
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import naive
import numpy as np
import pyarrow as pa
import pytest

import provscan
from provscan.errors import InputError
from provscan.index.segment import join, postings
from provscan.index.segment.join import can_join, joined
from provscan.index.segment.seeds import seed_parts
from provscan.kernels.records import read_only
from provscan.kernels.search import minimizers
from provscan.readers import Limits

Build = Callable[..., provscan.Index]
Tweet = dict[str, Any]


def tweets_by_text(index: provscan.Index) -> dict[str, list[str]]:
    """Return the ids of each licensed text's tweets, in the order of the segments."""
    found: dict[str, list[str]] = {}
    for segment in index.reader.segments:
        ids = (
            segment.tweets.ids.take(np.arange(segment.info.tweets)).array().to_pylist()
        )
        for number, text in enumerate(segment.texts.array().to_pylist()):
            low, high = segment.tweet_starts.all()[number : number + 2].tolist()
            found[text] = ids[low:high]
    return found


def by_text(tweets: list[Tweet]) -> dict[str, list[Tweet]]:
    groups = defaultdict(list)
    for tweet in tweets:
        groups[naive.canonical(tweet["text"])].append(tweet)
    return dict(groups)


def milliseconds(tweet: Tweet) -> int:
    """Return the time of a tweet, computed independently of provscan."""
    if tweet.get("created_at"):
        day = int(tweet["created_at"][8:10])
        # Begin with 2020-01-01 10:00 UTC.
        return 1577872800000 + (day - 1) * 86_400_000
    return (int(tweet["id"]) >> 22) + 1288834974657


def by_time(tweet: Tweet) -> tuple[int, int]:
    return milliseconds(tweet), int(tweet["id"])


def test_equal_canonical_texts_are_stored_once_with_all_tweets(
    build: Build, tweets: list[Tweet]
) -> None:
    index = build(tweets)
    groups = by_text(tweets)
    assert len(index) == len(groups) < len(tweets)
    assert index.info()["tweets"] == len(tweets)
    assert index.info()["texts"] == len(groups)
    assert tweets_by_text(index) == {
        text: [tweet["id"] for tweet in sorted(group, key=by_time)]
        for text, group in groups.items()
    }
    (segment,) = index.reader.segments
    rows = segment.tweets.table(np.arange(len(tweets)))
    by_id = {tweet["id"]: tweet for tweet in tweets}
    ordered = [by_id[key] for key in rows["id"].to_pylist()]
    assert rows["text"].to_pylist() == [tweet["text"] for tweet in ordered]
    assert rows["author"].to_pylist() == [tweet["author"] for tweet in ordered]
    assert rows["created_at"].cast(pa.int64()).to_pylist() == [
        milliseconds(tweet) for tweet in ordered
    ]


@pytest.mark.parametrize(("tweets", "earliest"), [
    ([("5", "2021-01-01T00:00:00Z"), ("9", "2020-01-01T00:00:00Z")], "9"),
    ([("1300000000000000000", None), ("1200000000000000000", None)], "1200000000000000000"),  # noqa: E501
    # The first is from 2019.
    ([("1200000000000000000", None), ("7", "2011-01-01T00:00:00Z")], "7"),
    ([("x2", None), ("x1", None)], "x1"),
    ([("x2", None), ("1200000000000000000", None)], "1200000000000000000"),
    # Lower ids do not contain a time.
    ([("29699999999", None), ("29700000000", None)], "29700000000"),
    ([("4", "2020-01-01T00:00:00Z"), ("3", "2020-01-01T00:00:00Z")], "3"),
])  # fmt: skip
@pytest.mark.parametrize("limit", [None, 1])
def test_a_text_is_credited_to_its_earliest_tweet(
    build: Build,
    in_parts: Build,
    tweets: list[Any],
    earliest: str,
    limit: int | None,
) -> None:
    text = "the very same text for all of them"
    index = (in_parts if limit else build)(
        [{"id": key, "text": text, "created_at": date} for key, date in tweets]
    )
    assert len(index.reader.segments) == (2 if limit else 1)
    (row,) = index.match([text]).to_pylist()
    assert (row["tweet_id"], row["tweets"]) == (earliest, 2)


def some_documents(tweets: list[Tweet]) -> list[str]:
    rng = random.Random(4)
    texts = [tweet["text"] for tweet in tweets]
    alone = [text + " #tag" for text in texts[::3]]
    return [
        *alone,
        *(" ... ".join(rng.sample(texts, 12)) for _ in range(12)),
        "nothing of it",
        "",
    ]


@pytest.mark.parametrize("limit", [40, 100])
def test_segments_do_not_change_the_matches(
    build: Build, tweets: list[Tweet], in_parts: Build, limit: int
) -> None:
    documents = some_documents(tweets)
    single = build(tweets)
    expected = single.match(documents)
    assert expected.num_rows > 100
    assert max(expected.column("tweets").to_pylist()) > 1
    many = in_parts(tweets, count=limit)
    assert len(many.reader.segments) > len(tweets) // limit // 2
    assert many.match(documents).equals(expected)
    assert len(many) == len(single)
    assert many.info()["texts"] == single.info()["texts"]
    assert many.info()["tweets"] == single.info()["tweets"]


def test_a_text_in_two_segments_is_one_row(in_parts: Build) -> None:
    text = "a template that came back a year later"
    late = {"id": "late", "text": text, "created_at": "2022-05-05T00:00:00Z"}
    early = {"id": "early", "text": text.upper(), "created_at": "2021-05-05T00:00:00Z"}
    others = [f"some other text of number {number * 7919}" for number in range(9)]
    index = in_parts([late, {**late, "id": "later"}, *others, early], count=4)
    assert len(index.reader.segments) > 1
    rows = index.match(
        [text, f"he said: {text.upper()}! and left the room"]
    ).to_pylist()
    assert [(row["tweet_id"], row["tweets"], row["level"]) for row in rows] == [
        ("early", 3, "near_exact"),
        ("early", 3, "exact"),
    ]
    assert len(index) == 10


@pytest.mark.parametrize("spilled", [1 << 24, 200])
def test_a_wide_segment_has_the_same_matches(
    build: Build, tweets: list[Tweet], monkeypatch: pytest.MonkeyPatch, spilled: int
) -> None:
    documents = some_documents(tweets)
    narrow = build(tweets)
    expected = narrow.match(documents)
    assert expected.num_rows > 100
    monkeypatch.setattr(postings, "SPILL_ENTRIES", spilled)
    for name in ("postings", "join"):
        monkeypatch.setattr(f"provscan.index.segment.{name}.NARROW_TEXTS", 9)
    wide = build(tweets)
    places, others = (index.reader.segments[0].seeds.places for index in (wide, narrow))
    assert (places.dtype, others.dtype) == (np.uint16, np.uint8)
    assert Counter((places & 255).tolist()) == Counter(others.tolist())
    assert len(set((places >> 8).tolist())) > 100
    assert wide.match(documents).equals(expected)
    # If no check agrees, there are no candidates for passages.
    opened = wide.reader.tables[0]
    other = opened.seeds._replace(places=read_only(opened.seeds.places ^ 256))
    object.__setattr__(wide.reader, "tables", (opened._replace(seeds=other),))
    found = wide.match(documents).to_pylist()
    short = len(tweets[::3])
    assert {row["record"] >= short for row in expected.to_pylist()} == {True, False}
    assert {row["record"] >= short for row in found} == {False}
    assert provscan.verify(wide.path)["texts"] == len(wide)
    provscan.build_index([{"id": "1", "text": "a new one"}], wide.path, append=True)
    both = provscan.open_index(wide.path)
    assert len(both.reader.tables) == 2
    columns = ["record", "start", "end", "tweet_id", "tweets", "level", "similarity"]
    found = both.match(documents).select(columns)
    assert found.equals(expected.select(columns))


@pytest.mark.parametrize("workers", [2, 5])
def test_the_index_does_not_depend_on_the_workers(
    build: Build, tweets: list[Tweet], workers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("provscan.readers.limits.LIMITS", Limits(batch_records=16))
    assert (
        build(tweets, workers=workers).fingerprint
        == build(tweets, workers=1).fingerprint
    )


def test_the_fingerprint_changes_with_content_and_parameters(
    build: Build, tweets: list[Tweet]
) -> None:
    base = build(tweets).fingerprint
    assert build(tweets[:-1]).fingerprint != base
    assert build(tweets[::-1]).fingerprint == base
    assert build(tweets, bands=16, rows=8).fingerprint != base
    assert build(tweets, bands=16, rows=8).params.bands == 16


def test_spilled_postings_are_the_same(
    build: Build, tweets: list[Tweet], monkeypatch: pytest.MonkeyPatch
) -> None:
    base = build(tweets)
    monkeypatch.setattr(postings, "SPILL_ENTRIES", 50)
    monkeypatch.setattr("provscan.readers.limits.LIMITS", Limits(batch_records=7))
    spilled = build(tweets)
    (own,), (theirs,) = (
        list(Path(index.path, "segments").iterdir()) for index in (spilled, base)
    )
    assert own.name == theirs.name
    for path in theirs.iterdir():
        assert (own / path.name).read_bytes() == path.read_bytes(), path.name


def test_joined_segments_equal_a_single_segment(
    build: Build, tweets: list[Tweet]
) -> None:
    # The last of these tweets repeat earlier texts.
    later = [
        {
            "id": str((1580000000000 - 1288834974657 << 22) + number),
            "text": f"{tweet['text']} and that was said twice",
        }
        for number, tweet in enumerate(tweets[:10])
    ]
    distinct = list(
        {
            provscan.canonical([tweet["text"]])[0]: tweet for tweet in [*tweets, *later]
        }.values()
    )
    distinct.sort(key=by_time)
    cut = len(distinct) - 20
    readers = [
        build(part).reader for part in (distinct[:cut], distinct[cut:], distinct)
    ]
    large, small, whole = (reader.segments[0] for reader in readers)
    assert can_join(large.tables, small.tables)
    params = readers[0].params
    both = joined(large.tables, small.tables, params)
    for name in ("exact", "bands"):
        for own, theirs in zip(
            getattr(both.whole, name), getattr(whole.whole, name), strict=True
        ):
            assert np.array_equal(own, theirs), name
    own, theirs, before = (
        set(
            postings.unpacked(
                segment.seeds.postings, postings.SEEDS, segment.seeds.places
            ).tolist()
        )
        for segment in (both, whole, large)
    )
    assert before < own
    # A seed may be rarer in each segment than in both together, so other seeds may have
    # been chosen.
    entries = np.concatenate(
        list(seed_parts(both.texts, params, np.empty(len(both.texts), np.uint8)))
    ).tolist()
    keys = [
        {e >> 32 for e in entries if (e >> 8 & 0xFFFFFF < cut) == behind}
        for behind in (True, False)
    ]
    shared = {e >> 8 & 0xFFFFFF for e in entries if e >> 32 in keys[0] & keys[1]}
    assert shared
    assert {e >> 8 & 0xFFFFFF for e in own ^ theirs} <= shared
    found = np.empty(len(own), np.bool_)
    minimizers.marked_seeds(np.array(list(own), np.uint64), both.seeds.filter, found)
    assert found.all()
    size = min(len(segment.whole.band_filter.words) for segment in (both, whole))
    words, expected = (
        np.bitwise_or.reduce(segment.whole.band_filter.words.reshape(size, -1), axis=1)
        for segment in (both, whole)
    )
    assert np.array_equal(words & expected, expected)
    assert both.texts.array().equals(whole.texts.array())


@pytest.mark.parametrize(
    ("most", "small", "tables"), [(1 << 30, 1 << 30, 1), (0, 1 << 30, 2), (0, 0, 6)]
)
def test_appended_segments_are_looked_up_together(
    build: Build,
    tweets: list[Tweet],
    monkeypatch: pytest.MonkeyPatch,
    most: int,
    small: int,
    tables: int,
) -> None:
    monkeypatch.setattr("provscan.index.segment.join.MOST_BYTES", most)
    monkeypatch.setattr("provscan.index.segment.join.MOST_SMALL_BYTES", small)
    monkeypatch.setattr("provscan.index.merges.FAN_OUT", 99)
    index = build(tweets[:20])
    for low in (20, 30, 40, 50, 60):
        provscan.build_index(
            tweets[low : low + (180 if low == 60 else 10)], index.path, append=True
        )
    provscan.forget(index.path, [tweet["id"] for tweet in tweets[5:220:9]])
    index = provscan.open_index(index.path)
    sizes = [segment.texts for segment in index.reader.manifest.segments]
    assert len(sizes) == 6
    assert sizes == sorted(sizes, reverse=True)
    assert len(index.reader.tables) == tables
    left = [
        tweet for number, tweet in enumerate(tweets) if number not in range(5, 220, 9)
    ]
    asked = [tweet["text"] for tweet in tweets] + [
        " and ".join(tweet["text"] for tweet in tweets[:40])
    ]
    columns = ["record", "start", "end", "tweet_id", "tweets", "level", "similarity"]
    assert (
        index.match(asked)
        .select(columns)
        .equals(build(left).match(asked).select(columns))
    )


def test_small_tables_can_be_spilled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    random = np.random.default_rng(1)
    keys, texts, places = (
        random.integers(0, 1 << bits, 40, np.uint64) for bits in (32, 8, 8)
    )
    entries = np.sort(keys << np.uint64(32) | texts << np.uint64(8) | places)
    monkeypatch.setattr(postings, "SPILL_ENTRIES", 3)
    layout = postings.SEEDS
    writer = postings.PostingsWriter(tmp_path, "some", layout)
    for part in np.array_split(np.random.default_rng(2).permutation(entries), 20):
        writer.add(part)
    writer.close(256, 40)
    assert {path.name for path in tmp_path.iterdir()} == {
        "some.entries",
        "some.places",
        "some.starts",
    }
    table = postings.open_postings(tmp_path, "some", layout, 256)
    found = postings.map_array(tmp_path / "some.places", np.uint8)
    assert postings.unpacked(table, layout, found).tolist() == entries.tolist()
    starts = np.searchsorted(
        entries,
        np.arange(1 << table.bits, dtype=np.uint64) << np.uint64(64 - table.bits),
    )
    assert table.starts.tolist() == [*starts.tolist(), 40]


def test_an_index_is_mapped(build: Build, tweets: list[Tweet]) -> None:
    index = provscan.open_index(build(tweets).path)
    (segment,) = index.reader.segments
    table = segment.seeds.postings
    for array in (
        segment.texts.text,
        segment.whole.exact.entries,
        table.starts,
        segment.whole.sketches,
        segment.tweets.raw_texts.compressed,
        segment.tweets.times.words,
    ):
        assert not array.flags.writeable
        assert not array.flags.owndata
    mapped = Path("/proc/self/maps")
    if mapped.exists():
        lines = mapped.read_text()
        for name in ("texts.utf8", "bands.entries", "seeds.filter"):
            assert (
                os.path.realpath(Path(index.path, "segments", segment.info.name, name))
                in lines
            )


@pytest.mark.parametrize("corpus", [[], ["@a", "http://b.c"], [""]])
def test_an_index_without_tweets(build: Build, corpus: list[str]) -> None:
    with pytest.raises(
        InputError, match=r"contains no tweets: .*\. No index was written"
    ):
        build(corpus) if corpus else provscan.build_index(
            [], build(["x"]).path, overwrite=True
        )


def test_small_segments_next_to_one_that_is_too_large_to_join(
    build: Build, tweets: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """They get the seeds that they would have in a single segment."""
    index = build(tweets[:120])
    provscan.build_index(tweets[120:200], index.path, append=True)
    provscan.build_index(tweets[200:], index.path, append=True)
    records = [tweet["text"] for tweet in tweets]
    texts = [
        *records,
        " and then ".join(records),
        *(text[len(text) // 5 :] + " more words" for text in records),
    ]
    found = []
    for most in (join.MOST_BYTES, 0):
        monkeypatch.setattr(join, "MOST_BYTES", most)
        opened = provscan.open_index(index.path)
        assert len(opened.reader.tables) == (1 if most else 2)
        found.append(opened.match(texts))
    assert len(found[0]) >= len(texts)
    assert found[0].equals(found[1])


def test_a_text_in_two_segments_is_young_if_all_its_tweets_are(
    tmp_path: Path,
) -> None:
    def tweet(number: int, words: str, year: int) -> Tweet:
        return {
            "id": str(number),
            "text": f"{words} stands here for a while",
            "created_at": f"{year}-05-06",
        }

    first = [
        tweet(1, "a heron", 2021),
        tweet(2, "a goose", 2021),
        tweet(3, "a crane", 2019),
    ]
    second = [
        tweet(4, "a heron", 2022),
        tweet(5, "a goose", 2018),
        tweet(6, "a swan", 2021),
        tweet(7, "a tern", 2017),
    ]
    provscan.build_index(first, tmp_path / "a.index")
    index = provscan.build_index(second, tmp_path / "a.index", append=True).reader
    assert len(index.segments) == 2
    young = (
        index.canonical_texts(np.flatnonzero(index.posted_since(1_577_836_800_000)))
        .array()
        .to_pylist()
    )
    assert sorted(text.split()[1] for text in young) == ["heron", "heron", "swan"]


def test_a_completely_forgotten_segment_does_not_make_texts_old(
    tmp_path: Path,
) -> None:
    tweets = [
        {
            "id": year,
            "text": f"a heron stands here since {year}",
            "created_at": f"{year}-05-06",
        }
        for year in ("2018", "2021")
    ]
    provscan.build_index(tweets[:1], tmp_path / "a.index")
    provscan.forget(tmp_path / "a.index", ["2018"], purge=True)
    index = provscan.build_index(tweets[1:], tmp_path / "a.index", append=True).reader
    assert [len(segment.texts) for segment in index.segments] == [1, 0]
    assert index.posted_since(1_577_836_800_000).tolist() == [True]
