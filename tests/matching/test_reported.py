"""Test that anyone can recompute the values of a row from the record, the span and the
tweet.
"""

import random

import naive
import numpy as np
import pytest
import tweets

from provscan.index import sketch_texts
from provscan.matching.candidates import whole_records
from provscan.matching.matches import TruncatedLookups
from provscan.params import SearchLimits


def licensed(rng, script):
    url = "https://t.co/" + "".join(
        rng.choice("abcdefghijkABCDEFGHIJK0123456789") for _ in range(10)
    )
    text = tweets.sentence(rng, script, rng.randrange(30, 120))
    return rng.choice(
        [
            f"{text} {url}",
            f"@someone {text}!",
            f'"{text}" &amp; {url}',
            f"{text} #tag… {url} {url}",
        ]
    )


def changed(rng, text):
    """Return an edited copy. Most edits are at its edges and may include URLs."""
    edge = rng.randrange(4, 30)
    return rng.choice(
        [
            tweets.edited(rng, text, 0.04),
            text[:-edge] + tweets.edited(rng, text[-edge:], 0.2),
            tweets.edited(rng, text[:edge], 0.2) + text[edge:],
            text.replace("https", "htps"),
            f"RT @other: {text}",
        ]
    )


@pytest.mark.parametrize("script", tweets.SCRIPTS)
def test_similarity_and_level_describe_the_reported_span(build, script):
    rng = random.Random(script)
    originals = [licensed(rng, script) for _ in range(60)]
    index = build(originals)
    records = []
    for text in originals:
        around = [tweets.sentence(rng, script, rng.randrange(0, 200)) for _ in range(2)]
        records.append(f"{around[0]} {changed(rng, text)} {around[1]}")
    rows = index.match(records).to_pylist()
    assert len(rows) > 40
    for row in rows:
        span = naive.canonical(records[row["record"]][row["start"] : row["end"]])
        tweet = naive.canonical(originals[int(row["tweet_id"])])
        assert row["similarity"] == pytest.approx(naive.jaccard(span, tweet), abs=1e-6)
        assert row["containment"] == pytest.approx(
            naive.containment(tweet, span), abs=1e-6
        )
        if row["level"] == "near_exact":
            assert span == tweet
        elif row["level"] in ("strong", "weak"):
            assert span != tweet
            assert (row["similarity"] >= 0.8) == (row["level"] == "strong")


def test_the_representation_of_an_index(build):
    index = build(["a licensed text of some words", "and another one of them"])
    assert repr(index) == f"<provscan.Index {index.path}: 2 licensed texts>"
    assert index.match([]).num_rows == 0


def test_a_short_record_is_looked_up_as_a_whole(build):
    text = "a licensed text of some words"
    reader = build([text]).reader
    sketches = sketch_texts(reader.canonical_texts(np.array([0])), reader.params)
    (segment,) = reader.tables
    for rows, found in (([7], [(7, 0)]), ([], [])):
        given = type(sketches)(*(column[: len(rows)] for column in sketches))
        whole = whole_records(
            np.array(rows), given, segment, SearchLimits(), TruncatedLookups()
        )
        assert (
            list(zip(whole.record.tolist(), whole.text.tolist(), strict=True)) == found
        )
