"""Test that every way to build an index gives the same answers for the same tweets."""

import csv
import gzip
import json
import random

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tweets import SCRIPTS, edited, sentence

import provscan

RNG = random.Random(8)
TWEETS = [
    {
        "id": f"{9000 + n}",
        "text": sentence(RNG, SCRIPTS[n % len(SCRIPTS)], 30 + n).strip(),
        "author": f"a{n % 7}",
        "created_at": f"2020-01-{n % 28 + 1:02}T10:00:00Z",
        "lang": "und",
    }
    for n in range(60)
]
TWEETS += [
    {**TWEETS[n], "id": f"{9500 + n}", "created_at": "2021-06-01T10:00:00Z"}
    for n in range(5)
]
TEXTS = [edited(RNG, tweet["text"], 0.03) for tweet in TWEETS[:20]]
TEXTS += [
    " -- ".join(tweet["text"] for tweet in RNG.sample(TWEETS, 4)) for _ in range(10)
]


def lines(tweets):
    return "".join(json.dumps(tweet) + "\n" for tweet in tweets)


def from_dicts(tweets, folder):
    return provscan.build_index(tweets, folder / "i.index")


def from_table(tweets, folder):
    return provscan.build_index(pa.Table.from_pylist(tweets), folder / "i.index")


def from_lines(tweets, folder):
    (folder / "tweets.jsonl").write_text(lines(tweets))
    return provscan.build_index(folder / "tweets.jsonl", folder / "i.index")


def from_a_folder(tweets, folder):
    (folder / "corpus").mkdir()
    (folder / "corpus" / "a.jsonl").write_text(lines(tweets[:30]))
    (folder / "corpus" / "b.jsonl.gz").write_bytes(
        gzip.compress(lines(tweets[30:]).encode())
    )
    return provscan.build_index(folder / "corpus", folder / "i.index", workers=2)


def from_parquet(tweets, folder):
    pq.write_table(
        pa.Table.from_pylist(tweets), folder / "tweets.parquet", row_group_size=16
    )
    return provscan.build_index(folder / "tweets.parquet", folder / "i.index")


def from_csv(tweets, folder):
    with (folder / "tweets.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(tweets[0]))
        writer.writeheader()
        writer.writerows(tweets)
    return provscan.build_index(folder / "tweets.csv", folder / "i.index")


def in_another_order(tweets, folder):
    return provscan.build_index(tweets[::-1], folder / "i.index")


def reopened(tweets, folder):
    from_dicts(tweets, folder)
    return provscan.open_index(folder / "i.index", verify=True)


def replaced(tweets, folder):
    provscan.build_index(tweets[:3], folder / "i.index")
    return provscan.build_index(tweets, folder / "i.index", overwrite=True)


WAYS = [
    from_dicts,
    from_table,
    from_lines,
    from_a_folder,
    from_parquet,
    from_csv,
    in_another_order,
    reopened,
    replaced,
]


@pytest.mark.parametrize("way", WAYS)
def test_every_index_answers_the_same(way, tmp_path):
    (tmp_path / "plain").mkdir()
    plain = provscan.build_index(TWEETS, tmp_path / "plain" / "i.index")
    index = way(TWEETS, tmp_path)
    assert len(index) == len(plain) == 60
    info = index.info()
    assert (info["texts"], info["tweets"]) == (60, 65)
    assert (
        index.match(TEXTS).drop(["source"]).equals(plain.match(TEXTS).drop(["source"]))
    )
    assert {row["tweet_id"] for row in plain.match(TEXTS).to_pylist()} >= {
        tweet["id"] for tweet in TWEETS[5:20]
    }
