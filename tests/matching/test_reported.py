"""What a row reports can be recomputed by anyone from the record, the span and the tweet."""

from __future__ import annotations

import random
from collections.abc import Callable

import naive
import pytest
import tweets

import provscan

Build = Callable[..., provscan.Index]


def licensed(rng: random.Random, script: str) -> str:
    url = "https://t.co/" + "".join(rng.choice("abcdefghijkABCDEFGHIJK0123456789") for _ in range(10))
    text = tweets.sentence(rng, script, rng.randrange(30, 120))
    return rng.choice([f"{text} {url}", f"@someone {text}!", f'"{text}" &amp; {url}', f"{text} #tag… {url} {url}"])


def changed(rng: random.Random, text: str) -> str:
    """A copy in which mostly the edges are damaged, URLs included."""
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
def test_similarity_and_level_are_those_of_the_reported_span(build: Build, script: str) -> None:
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
        assert row["containment"] == pytest.approx(naive.containment(tweet, span), abs=1e-6)
        if row["level"] == "near_exact":
            assert span == tweet
        elif row["level"] in ("strong", "weak"):
            assert span != tweet
            assert (row["similarity"] >= 0.8) == (row["level"] == "strong")
