"""Test the contents of an index of one or several segments: licensed texts and their
tweets, the earliest first.
"""

import random
from collections import Counter, defaultdict
from pathlib import Path

import naive
import numpy as np
import pyarrow as pa
import pytest

import provscan
from provscan.errors import InputError
from provscan.index.segment import postings
from provscan.kernels.records import read_only
from provscan.readers import Limits


def tweets_by_text(index):
    """Return the ids of each licensed text's tweets, in the order of the segments."""
    found = {}
    for segment in index.reader.segments:
        ids = (
            segment.tweets.ids.take(np.arange(segment.info.tweets)).array().to_pylist()
        )
        for number, text in enumerate(segment.texts.array().to_pylist()):
            low, high = segment.tweet_starts.all()[number : number + 2].tolist()
            found[text] = ids[low:high]
    return found


def by_text(tweets):
    groups = defaultdict(list)
    for tweet in tweets:
        groups[naive.canonical(tweet["text"])].append(tweet)
    return dict(groups)


def milliseconds(tweet):
    """Return the time of a tweet, computed independently of provscan."""
    if tweet.get("created_at"):
        day = int(tweet["created_at"][8:10])
        # Begin with 2020-01-01 10:00 UTC.
        return 1577872800000 + (day - 1) * 86_400_000
    return (int(tweet["id"]) >> 22) + 1288834974657


def by_time(tweet):
    return milliseconds(tweet), int(tweet["id"])


def test_equal_canonical_texts_are_stored_once_with_all_tweets(build, tweets):
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
    build, in_parts, tweets, earliest, limit
):
    text = "the very same text for all of them"
    index = (in_parts if limit else build)(
        [{"id": key, "text": text, "created_at": date} for key, date in tweets]
    )
    assert len(index.reader.segments) == (2 if limit else 1)
    (row,) = index.match([text]).to_pylist()
    assert (row["tweet_id"], row["tweets"]) == (earliest, 2)


def some_documents(tweets):
    rng = random.Random(4)
    texts = [tweet["text"] for tweet in tweets]
    alone = [text + " #tag" for text in texts[::3]]
    return [
        *alone,
        *(" ... ".join(rng.sample(texts, 12)) for _ in range(12)),
        "nothing of it",
        "",
    ]


@pytest.mark.parametrize("spilled", [1 << 24, 200])
def test_a_wide_segment_has_the_same_matches(build, tweets, monkeypatch, spilled):
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
def test_the_index_does_not_depend_on_the_workers(build, tweets, workers, monkeypatch):
    monkeypatch.setattr("provscan.readers.limits.LIMITS", Limits(batch_records=16))
    assert (
        build(tweets, workers=workers).fingerprint
        == build(tweets, workers=1).fingerprint
    )


def test_the_fingerprint_changes_with_content_and_parameters(build, tweets):
    base = build(tweets).fingerprint
    assert build(tweets[:-1]).fingerprint != base
    assert build(tweets[::-1]).fingerprint == base
    assert build(tweets, bands=16, rows=8).fingerprint != base
    assert build(tweets, bands=16, rows=8).params.bands == 16


def test_spilled_postings_are_the_same(build, tweets, monkeypatch):
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


@pytest.mark.parametrize("corpus", [[], ["@a", "http://b.c"], [""]])
def test_an_index_without_tweets(build, corpus):
    with pytest.raises(InputError, match=r"contains no tweets: .*\. No index"):
        build(corpus) if corpus else provscan.build_index(
            [], build(["x"]).path, overwrite=True
        )


def test_a_completely_forgotten_segment_does_not_make_texts_old(tmp_path):
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
