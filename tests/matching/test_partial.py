"""Test copies of a part of a tweet. The length of the part decides, not its share."""

import random

import naive
import pytest
from tweets import SCRIPTS, sentence

BRIDGE = (
    "Breaking: the city council has voted to close the old harbour bridge for repairs "
    "until next spring, and the mayor of the town across the river calls it a disgrace"
)
AROUND = (
    "{}",
    'He wrote "{}"; since Monday nothing else',
    "Nobody knew.\n{}\nSo it went on and on all the night.",
)


def half(text, last):
    """Return the first or last half of the words."""
    middle = text.rindex(" ", 0, len(text) // 2)
    return text[middle + 1 :] if last else text[:middle]


@pytest.mark.parametrize("around", AROUND)
@pytest.mark.parametrize("last", [False, True])
def test_half_of_a_long_tweet_is_found_with_its_span(build, around, last):
    copy = half(BRIDGE, last)
    text = around.format(copy)
    (span,) = build([BRIDGE]).match_document(text)
    assert (text[span.start : span.end], span.level) == (copy, "partial")
    parts = naive.canonical(BRIDGE), naive.canonical(copy)
    assert span.containment == pytest.approx(naive.containment(*parts), abs=1e-6)
    assert span.similarity == pytest.approx(naive.jaccard(*parts), abs=1e-6)


@pytest.mark.parametrize("around", ["{}", "前の文章です。\n{}\n次の文章です。"])
def test_words_in_kana_do_not_end_a_copy(build, around):
    """Neither side of words that became longer has half of the tweet."""
    tweet = "例のぼうしやの展示室に入荷したから買わなくてもよさそう"
    copy = "例のぼうしやのてんじしつににゅうかしたから買わなくてもよさそう"
    text = around.format(copy)
    (span,) = build([tweet]).match_document(text)
    assert (text[span.start : span.end], span.level) == (copy, "weak")
    parts = naive.canonical(tweet), naive.canonical(copy)
    assert span.containment == pytest.approx(naive.containment(*parts), abs=1e-6)
    assert span.containment > 0.5


@pytest.mark.parametrize("script", SCRIPTS)
def test_halves_in_every_script(build, script):
    rng = random.Random(script)
    tweets = [sentence(rng, script, 150).strip() for _ in range(20)]
    index = build(tweets)
    halves = [tweet[: len(tweet) // 2] for tweet in tweets]
    rows = index.match([f"{half}\n" for half in halves]).to_pylist()
    found = {
        row["record"]: halves[row["record"]][row["start"] : row["end"]] for row in rows
    }
    assert [int(row["tweet_id"]) for row in rows] == [row["record"] for row in rows]
    assert len(found) >= 19
    for number, passage in found.items():
        assert len(passage) >= len(halves[number].strip()) - 8
        assert {row["level"] for row in rows} <= {"partial", "weak"}


@pytest.mark.parametrize("begin", [0, BRIDGE.index("has voted"), len(BRIDGE) - 50])
def test_a_stretch_may_be_from_anywhere_in_a_tweet(build, begin):
    index = build([BRIDGE])
    for size, found in ((35, 0), (50, 1)):
        assert (
            len(index.match_document(f"so {BRIDGE[begin : begin + size]} they say"))
            == found
        )
    stretch = f"so {BRIDGE[begin : begin + 50]} they say"
    (span,) = index.match_document(stretch)
    assert span.level == "partial"
    assert not index.match_document(stretch, partial_chars=52)
    assert not index.match_document(stretch, partial_chars=0)
    # A stretch must also have min_chars.
    assert not index.match_document(stretch, min_chars=52)


def test_half_of_a_short_tweet_may_be_shorter(build):
    index = build(
        [tweet := "Ferry to the outer islands is cancelled, use a night train"]
    )
    (span,) = index.match_document(tweet[:32], partial_chars=0)
    assert (span.start, span.end, span.level) == (0, 32, "weak")
    assert not index.match_document(tweet[:28])


def test_scattered_parts_must_add_up_to_half_of_the_tweet(build):
    tweet = (
        "Still having trouble with the new ticket machines? We are here to help with "
        "any questions you may have!"
    )
    others = "still having rain, so we are here to help with whatever you may have"
    assert (
        0.35 < naive.containment(naive.canonical(tweet), naive.canonical(others)) < 0.45
    )
    assert not build([tweet]).match_document(f"It rained. {others}. So it went.")
    more = others.replace("whatever", "any questions")
    assert naive.containment(naive.canonical(tweet), naive.canonical(more)) >= 0.5
    (span,) = build([tweet]).match_document(f"It rained. {more}. So it went.")
    assert span.level == "weak"


def test_reordered_parts_are_one_match(build):
    words = BRIDGE.split()
    swapped = " ".join(words[14:] + words[:14])
    for around in AROUND:
        text = around.format(swapped)
        (span,) = build([BRIDGE]).match_document(text)
        assert text[span.start : span.end] == swapped
        assert span.level == "strong"


def test_a_short_tweet_wins_over_half_of_a_long_one(build):
    first = half(BRIDGE, last=False)
    spans = build([BRIDGE, first]).match_document(f"They say: {first}.")
    assert [(span.tweet_id, span.level) for span in spans] == [("1", "exact")]


@pytest.mark.parametrize("tag", ["</p>", "<br/>", "</b></a>"])
@pytest.mark.parametrize("end", ["", " https://t.co/abc", " @ann"])
def test_tags_around_a_copy_are_not_part_of_it(build, tag, end):
    tweet = f"@ben {BRIDGE}{end}"
    index = build([tweet])
    for copy in (tweet, BRIDGE):
        text = f"Before it <p>{copy}{tag} and after it"
        (span,) = index.match_document(text)
        assert text[span.start : span.end] == copy


def test_a_cut_word_is_not_part_of_a_copy(build):
    index = build([f"Hell yeah, there comes the money, wh{'o' * 60}"])
    assert not index.match_document(f"And then he shouted wh{'o' * 60}!")
