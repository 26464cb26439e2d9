"""Test that spans are in code points of the original, for tweets in text of the same
script.
"""

import json
import random

import pytest
from tweets import SCRIPTS, sentence

import provscan

# Sequences that become one canonical code point, or none.
BEFORE = [
    "&amp; &#128512; &eacute;",
    "e\u0301 க\u0bcd か\u3099",
    "👩‍👩‍👧 ❤️ 🇩🇪",
    "ﷺ ﬁ ①",
    "@user https://t.co/x RT",
    "\ufeff\u200b",
]


def corpus():
    rng = random.Random(21)
    return {
        script: [
            sentence(rng, script, rng.randrange(30, 90)).strip() for _ in range(12)
        ]
        for script in SCRIPTS
    }


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scripts")
    rows = [
        json.dumps({"id": f"{script}{number}", "text": text})
        for script, texts in corpus().items()
        for number, text in enumerate(texts)
    ]
    (folder / "corpus.jsonl").write_text("\n".join(rows))
    return provscan.build_index(folder / "corpus.jsonl", folder / "a.index")


@pytest.mark.parametrize("before", BEFORE)
@pytest.mark.parametrize("script", SCRIPTS)
def test_exact_spans(index, script, before):
    rng = random.Random(script + before)
    for number, tweet in enumerate(corpus()[script]):
        head = (
            sentence(rng, script, rng.randrange(5, 300))
            + " "
            + before
            + " "
            + sentence(rng, script, 20)
        )
        tail = sentence(rng, script, rng.randrange(5, 300))
        text = f"{head}. {tweet}. {tail}"
        (span,) = index.match_document(text)
        assert text[span.start : span.end] == tweet
        assert (span.tweet_id, span.level, span.similarity, span.containment) == (
            f"{script}{number}",
            "exact",
            1,
            1,
        )


@pytest.mark.parametrize("script", sorted({*SCRIPTS} - {"emoji"}))
def test_a_tweet_with_references_and_joiners_inside(index, script):
    rng = random.Random(script)
    for number, tweet in enumerate(corpus()[script]):
        clothes = "".join(
            f"&#{ord(char)};" if rng.random() < 0.3 else char for char in tweet
        )
        clothes = (
            "\u200b".join([clothes[:1], clothes[1:]])
            if not clothes.startswith("&")
            else clothes
        )
        text = f"{sentence(rng, script, 60)} ({clothes}) {sentence(rng, script, 60)}"
        (span,) = index.match_document(text)
        assert text[span.start : span.end] == clothes
        assert span.tweet_id == f"{script}{number}"
        assert span.similarity == 1
        assert span.level in ("exact", "near_exact")
