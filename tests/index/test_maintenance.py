"""Test adding and merging: the result equals an index that is newly built from the
remaining tweets.
"""

import math
import os
import random

import pytest
from files_of_indexes import documents, segments

import provscan
from provscan.errors import OutputError


def test_order_files_and_repetitions_do_not_change_the_index(build, tweets):
    base = build(tweets)
    shuffled = random.Random(2).sample(tweets, len(tweets))
    assert segments(build(shuffled)) == segments(base)
    repeated = build([*shuffled, *tweets[:40]])
    assert segments(repeated) == segments(base)
    assert repeated.info()["repeated_tweets"] == 40


def test_the_row_kept_of_a_repeated_tweet_does_not_depend_on_order(build):
    rows = [
        {
            "id": "1",
            "text": "The same tweet, in two exports!",
            "author": author,
            "lang": lang,
            "created_at": date,
        }
        for author, lang in (("a", None), ("a", "en"), (None, "en"))
        for date in ("2020-05-05", None)
    ]
    rows.append({**rows[0], "text": "the same tweet in two exports"})
    expected = segments(build(rows))
    for seed in range(5):
        assert segments(build(random.Random(seed).sample(rows, len(rows)))) == expected


def test_appending_gives_the_same_answers_as_building(build, tweets, tmp_path):
    whole, index = build(tweets), build(tweets[:100])
    for low in range(100, 240, 28):
        part = tweets[low - 5 : low + 28]
        index = provscan.build_index(part, index.path, append=True)
        assert {
            name: index.info()["appended"][name]
            for name in ("added", "known", "forgotten")
        } == {"added": 28, "known": 5, "forgotten": 0}
    assert len(index.info()["segments"]) == 3
    assert (len(index), index.info()["tweets"], index.fingerprint) == (
        len(whole),
        240,
        whole.fingerprint,
    )
    assert index.info()["generation"] == 6
    found, expected = index.match(documents(tweets)), whole.match(documents(tweets))
    assert found.equals(expected)
    provscan.forget(index.path, [], purge=True)
    assert segments(provscan.open_index(index.path)) == segments(whole)
    assert provscan.open_index(index.path).info()["generation"] == 7


def test_small_segments_are_merged(build, tweets):
    index = build(tweets[:8])
    counts = []
    for low in range(8, 128, 8):
        index = provscan.build_index(tweets[low : low + 8], index.path, append=True)
        counts.append(len(index.info()["segments"]))
    # From the fourth segment on, each has more texts than all smaller ones together.
    assert 1 < max(counts) <= 3 + math.log2(16)
    assert index.fingerprint == build(tweets[:128]).fingerprint


def test_a_second_writer_is_told_who_has_the_lock(build, tweets):
    index = build(tweets)

    def slow():
        yield {"id": "1", "text": "a first tweet that comes in"}
        with pytest.raises(
            OutputError, match=rf"is being written by process {os.getpid()} on .* since"
        ):
            provscan.forget(index.path, "2")
        assert len(provscan.open_index(index.path)) == len(index)

    assert len(provscan.build_index(slow(), index.path, append=True)) == len(index) + 1
