"""Small corpora, and the expected contents of their indexes."""

import json
import random
from functools import cache
from pathlib import Path

import pytest
from tweets import SCRIPTS, sentence

import provscan


@cache
def some_tweets(count=240):
    """Return tweets of all scripts. Every fourth is a retweet of an earlier one."""
    rng = random.Random(11)
    tweets = []
    for number in range(count):
        text = sentence(rng, SCRIPTS[number % len(SCRIPTS)], rng.randrange(30, 120))
        if number % 4 == 3:
            text = (
                f"RT @somebody: {rng.choice(tweets)['text'].upper()} "
                f"https://t.co/{number}"
            )
        tweets.append(
            {
                "id": str(1_000_000_000_000_000_000 + rng.randrange(10**16)),
                "text": text,
                "author": f"author{number % 7}",
                "created_at": f"2020-01-{rng.randrange(1, 29):02} 10:00:00"
                if number % 3
                else None,
            }
        )
    return tweets


@pytest.fixture
def tweets():
    return [dict(tweet) for tweet in some_tweets()]


@pytest.fixture
def build(tmp_path):
    """Return a function that builds an index of tweets or texts in a new folder."""
    numbers = iter(range(1000))

    def built(tweets, **options):
        folder = tmp_path / f"{next(numbers)}"
        folder.mkdir()
        corpus = folder / "corpus.jsonl"
        rows = [
            tweet if isinstance(tweet, dict) else {"text": tweet} for tweet in tweets
        ]
        corpus.write_text("".join(json.dumps(row) + "\n" for row in rows))
        return provscan.build_index(corpus, folder / "licensed.index", **options)

    return built


@pytest.fixture
def in_parts(monkeypatch, build):
    """Return a function that builds an index, and adds a number of tweets at a time. No
    segments are merged.
    """
    monkeypatch.setattr("provscan.index.merges.FAN_OUT", 1 << 30)

    def built(tweets, count=1):
        index = build(tweets[:count])
        for low in range(count, len(tweets), count):
            part = build(tweets[low : low + count]).path
            corpus = Path(part).parent / "corpus.jsonl"
            index = provscan.build_index(corpus, index.path, append=True)
        return index

    return built
