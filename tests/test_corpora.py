"""Test that the tiny corpus is the output of its generator, and has the properties that
its README describes.
"""

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from nightly import NIGHTLY

pytestmark = pytest.mark.untraced  # These tests run no code of provscan.
# Slow tests of the generator and of properties that it ensures.
at_night = pytest.mark.skipif(not NIGHTLY, reason="make nightly")
CORPORA = Path(__file__).parents[1] / "corpora"
TINY = CORPORA / "tiny"

sys.path.insert(0, str(CORPORA))
import generate  # noqa: E402


def rows(name):
    return [
        json.loads(line)
        for line in (TINY / name).read_text(encoding="utf-8").splitlines()
    ]


TWEETS, RECORDS, TRUTH = (
    rows("corpus/tweets.jsonl"),
    rows("dataset.jsonl"),
    rows("truth.jsonl"),
)
TEXTS = {tweet["id"]: tweet["text"] for tweet in TWEETS}


@at_night
def test_generator_writes_the_same_bytes(tmp_path):
    subprocess.run(
        [sys.executable, CORPORA / "generate.py", "--out", tmp_path], check=True
    )
    for name in ("corpus/tweets.jsonl", "dataset.jsonl", "truth.jsonl"):
        assert (tmp_path / name).read_bytes() == (TINY / name).read_bytes()


def test_the_truth_has_the_positions_of_the_copies():
    assert Counter(mark["kind"] for mark in TRUTH).keys() == {"record", "passage"}
    assert Counter(mark["channel"] for mark in TRUTH).keys() == set(generate.CHANNELS)
    for mark in TRUTH:
        span = RECORDS[mark["record"]]["text"][mark["start"] : mark["end"]]
        if mark["channel"] in ("exact", "retweeted", "commented"):
            assert span == TEXTS[mark["tweet_id"]]
        else:
            own, theirs = (
                generate.grams(generate.bare(text))
                for text in (span, TEXTS[mark["tweet_id"]])
            )
            assert len(own & theirs) / len(own | theirs) > 0.45, mark


@at_night
def test_other_records_resemble_no_tweet():
    known = generate.Known()
    for text in TEXTS.values():
        known.add(text)
    planted = {mark["record"] for mark in TRUTH}
    others = [
        row["text"]
        for number, row in enumerate(RECORDS)
        if number not in planted and row["text"]
    ]
    assert len(others) > 4_400
    assert max(known.nearest(text) for text in others) < 0.2
