"""Test matches against brute force: no wrong match is reported, and no clear match is
missed.
"""

import random

import naive
import naive_match
import pytest
from nightly import NIGHTLY
from tweets import SCRIPTS, edited, sentence

THRESHOLD, CONTAINMENT, STRETCH = 0.25, 0.5, 40


def corpus(rng):
    return [
        sentence(rng, script, rng.randrange(30, 80)).strip()
        for script in SCRIPTS
        for _ in range(3)
    ]


def records(rng, tweets):
    """Return copies, alone or among other text of the same script, of which up to a
    tenth of the characters are edited.
    """
    texts = []
    for _ in range(30):
        number = rng.randrange(len(tweets))
        copy = edited(rng, tweets[number], rng.choice([0, 0, 0.02, 0.05, 0.1]))
        if rng.random() < 0.3:
            copy = copy[: int(len(copy) * rng.uniform(0.5, 1))]
        around = [
            sentence(rng, SCRIPTS[number // 3], rng.randrange(120)) for _ in range(2)
        ]
        texts.append(rng.choice([copy, f"{around[0]} {copy} {around[1]}"]))
    return texts


def document(rng, tweets):
    parts = []
    for copy in rng.sample(tweets, 5):
        parts += [
            edited(rng, copy, rng.choice([0, 0.03])),
            sentence(rng, "latin", rng.randrange(20, 90)),
        ]
    return ". ".join(parts)


@pytest.mark.untraced
@pytest.mark.parametrize("seed", range(10 if NIGHTLY else 1))
def test_matches_agree_with_brute_force(build, seed):
    rng = random.Random(seed)
    tweets = corpus(rng)
    texts = [*records(rng, tweets), document(rng, tweets), "", "no tweet at all"]
    gates = {
        "threshold": THRESHOLD,
        "min_containment": CONTAINMENT,
        "partial_chars": STRETCH,
    }
    table = build(tweets).match(texts, min_chars=20, **gates)
    reported = {}
    for row in table.to_pylist():
        number, tweet = row["record"], int(row["tweet_id"])
        span = naive.canonical(texts[number][row["start"] : row["end"]])
        licensed = naive.canonical(tweets[tweet])
        assert row["similarity"] == pytest.approx(
            naive.jaccard(span, licensed), abs=1e-6
        )
        assert row["containment"] == pytest.approx(
            naive.containment(licensed, span), abs=1e-6
        )
        reported[number, tweet] = max(
            reported.get((number, tweet), 0.0), row["similarity"]
        )
    clear, missed = 0, []
    for number, text in enumerate(map(naive.canonical, texts)):
        for tweet, licensed in enumerate(map(naive.canonical, tweets)):
            possible = naive.containment(licensed, text) >= CONTAINMENT
            best = (
                naive_match.best(text, licensed, THRESHOLD, CONTAINMENT)
                if possible
                else None
            )
            if best is None:
                assert (number, tweet) not in reported or naive_match.longest_stretch(
                    text, licensed
                ) >= STRETCH
            elif best[0] >= 0.6 and best[1] >= 0.7:
                clear += 1
                if reported.get((number, tweet), 0.0) < best[0] - 0.15:
                    missed.append(best[0])
    assert clear >= 15
    assert len(missed) <= clear / 20
    assert max(missed, default=0.0) < 0.8
