"""Test which licensed text wins a place, and the meanings of the levels."""

import random
from itertools import combinations, pairwise

import naive
import pyarrow as pa
import pytest
from tweets import sentence

import provscan
from provscan.errors import ParameterError
from provscan.kernels.search.fingerprints import SLOT_BITS
from provscan.matching import LEVELS, MATCHES
from provscan.matching.user_index import SCORES
from provscan.params import SearchLimits

FOX = "The quick brown fox jumps over the lazy dog near the old river bank"
RAIN = "Rain again in the morning, and nobody warned the gardener about it"
SHIP = "A ship in harbour is safe but that is not what ships are built for"


def words(seed, letters):
    return sentence(random.Random(seed), "latin", letters)


def found(index, text):
    return [
        (span.tweet_id, text[span.start : span.end])
        for span in index.match_document(text)
    ]


def test_a_tweet_quoted_twice_gives_two_rows(build):
    index = build([FOX, RAIN])
    assert found(index, f"{FOX} {FOX}") == [("0", FOX), ("0", FOX)]
    text = f"{words(1, 900)} {FOX}. {words(2, 20)} {FOX}! {words(3, 2000)} {FOX}?"
    assert found(index, text) == [("0", FOX)] * 3


def test_neighbours_are_both_found(build):
    index = build([FOX, RAIN, SHIP])
    for glue in (" ", "\n", " | ", ". "):
        text = glue.join([RAIN, FOX, SHIP, RAIN])
        assert found(index, text) == [("1", RAIN), ("0", FOX), ("2", SHIP), ("1", RAIN)]


def test_an_edited_tweet_does_not_swallow_its_neighbour(build):
    index = build([FOX, RAIN])
    cut = FOX[:-12]
    text = f"{cut} {RAIN}"
    spans = index.match_document(text)
    assert [span.tweet_id for span in spans] == ["0", "1"]
    assert spans[0].end <= spans[1].start
    assert text[spans[1].start : spans[1].end] == RAIN


def test_a_long_tweet_wins_over_a_short_one_in_it(build):
    long = f"{RAIN} because {FOX.lower()} and so on"
    index = build([FOX, long])
    assert found(index, f"{words(1, 300)}. {long}. {words(2, 300)}") == [("1", long)]
    assert found(index, long) == [("1", long)]
    assert found(index, FOX) == [("0", FOX)]


def test_a_short_tweet_wins_if_the_long_one_is_incomplete(build):
    long = f"{FOX} {RAIN} {SHIP}"
    index = build([long, FOX])
    assert found(index, f"{words(1, 300)}. {FOX}. {words(2, 300)}") == [("1", FOX)]


def test_a_variant_of_a_template_is_found_as_itself(build):
    """Only some of the variants with the same seeds are compared."""
    rng = random.Random(21)
    host = words(22, 400)
    rest = (
        "received a new alert find out why at stocks daytrading trading market nyse "
        "nasdaq"
    )
    names = [
        "".join(rng.choices("abcdefghijkl", k=rng.randrange(2, 5))) for _ in range(900)
    ]
    tweets = [f"{name} {rest} {number}" for number, name in enumerate(names)]
    index = build(tweets)
    for number in (3, 450, 899):
        assert found(index, f"{host} {tweets[number]} {host}") == [
            (str(number), tweets[number])
        ]
        assert found(index, f"{host} x y {tweets[number]} z {host}") == [
            (str(number), tweets[number])
        ]


def test_variants_do_not_hide_each_other(build):
    """Candidates of different variants may share a slot of the table of recent ones."""
    place = {
        number: number * 0xFF51AFD7ED558CCD % 2**64 >> 64 - SLOT_BITS
        for number in range(2500)
    }
    alike = [(a, b) for a, b in combinations(place, 2) if place[a] == place[b]]
    assert alike
    texts = [words(1000 + number, 30).strip() for number in place]
    for a, b in alike:
        texts[a] = words(a, 140).strip()
        texts[b] = f"{texts[a]}s"
    index = build(texts)
    for _, b in alike[:20]:
        if sum(b in pair for pair in alike) == 1:
            assert (str(b), texts[b]) in found(
                index, f"{words(5, 700)} {texts[b]} {words(6, 700)}"
            )


@pytest.mark.parametrize("emoji", ["", "😀", "💯💯💯💯💪🏾💪🏾💪🏾💪🏾"])
def test_emoji_removed_next_to_a_frequent_hashtag(build, emoji):
    openings = [words(number, 13).strip() for number in range(60)]
    index = build([f"{opening} {emoji} #MayweathervMcgregor" for opening in openings])
    for number in (0, 20, 59):
        text = (
            f"{words(7, 600)}\n{openings[number]} mayweathervmcgregor\n{words(8, 600)}"
        )
        assert [tweet for tweet, _ in found(index, text)] == [str(number)]


def test_of_equally_good_texts_the_first_is_reported(build):
    index = build([f"{FOX} one", f"{FOX} two"])
    assert [key for key, _ in found(index, FOX)] == ["0"]


@pytest.mark.parametrize(("copy", "level"), [
    (FOX, "exact"),
    (FOX.replace(" ", "\n "), "exact"),
    (FOX.replace("q", "&#113;"), "exact"),
    (FOX.upper(), "near_exact"),
    (f"{FOX[:20]}, {FOX[20:]}", "near_exact"),
    (FOX.replace("quick ", "quick @fox http://t.co/a "), "near_exact"),
    (FOX.replace("river", "rivers"), "strong"),
    (FOX.replace("lazy dog", "sleepy cat"), "weak"),
])  # fmt: skip
@pytest.mark.parametrize(
    "around", ["{}", "He wrote: {} - and then nothing for a week.", "long"]
)
def test_levels(build, copy, level, around):
    around = f"{words(1, 600)}. {{}}; {words(2, 600)}" if around == "long" else around
    (span,) = build([FOX]).match_document(around.format(copy))
    assert span.level == level
    assert (span.similarity == 1) == (level in ("exact", "near_exact"))
    assert (span.similarity >= 0.8) == (level != "weak")


def test_an_exact_copy_has_the_urls_and_punctuation_of_the_tweet(build):
    tweet = f"RT @ann: {FOX}!! https://t.co/abc #end 😀…"
    index = build([tweet])
    assert found(index, f'She wrote "{tweet}" today') == [("0", tweet)]
    (span,) = index.match_document(f"{words(1, 700)} {tweet} {words(2, 700)}")
    assert span.level == "exact"
    (span,) = index.match_document(FOX + " #end 😀")
    assert span.level == "near_exact"


@pytest.mark.parametrize("around", range(0, 24, 4))
def test_no_gap_between_short_and_long_records(build, around):
    """The canonical lengths of the records are just below, at and above the limit."""
    index = build([FOX, RAIN])
    for length in range(
        SearchLimits.whole_chars - 12 + around, SearchLimits.whole_chars - 8 + around
    ):
        for copy in (FOX, FOX.replace("lazy", "lzy"), FOX.replace("quick ", "")):
            head = words(length, 2 * SearchLimits.whole_chars)
            text = f"{copy} {head}"[:length]
            assert len(provscan.canonical([text])[0]) in (length, length - 1)
            assert [key for key, _ in found(index, text)] == ["0"]


@pytest.mark.parametrize(
    "length", [26, 27, 30, 60, 120, 280, 500, 511, 512, 513, 514, 600, 1200]
)
@pytest.mark.parametrize("script", ["latin", "chinese", "thai"])
def test_tweets_of_any_length_alone_and_in_text(build, length, script):
    rng = random.Random(length)
    tweet = sentence(rng, script, length).strip()
    index = build([tweet])
    assert found(index, tweet) == [("0", tweet)]
    text = f"{sentence(rng, script, 700)}. {tweet}. {sentence(rng, script, 50)}"
    assert found(index, text) == [("0", tweet)]


@pytest.mark.parametrize("script", ["latin", "chinese", "thai"])
def test_the_later_part_of_a_very_long_tweet(build, script):
    rng = random.Random(script)
    tweet = sentence(rng, script, 1500).strip()
    index = build([tweet])
    part = tweet[len(tweet) // 4 :].strip()
    text = f"{sentence(rng, script, 700)}. {part}. {sentence(rng, script, 50)}"
    (span,) = index.match_document(text)
    assert text[span.start : span.end] == part


def test_thresholds(build):
    index = build([FOX])
    copy = FOX.replace("lazy dog", "sleepy cat")
    (span,) = index.match_document(copy)
    assert index.match_document(
        copy, threshold=round(span.similarity - 0.01, 4), partial_chars=0
    )
    assert not index.match_document(
        copy, threshold=round(span.similarity + 0.01, 4), partial_chars=0
    )
    assert not index.match_document(
        copy, min_containment=round(span.containment + 0.01, 4), partial_chars=0
    )
    once = "Every 5-gram of this text stands in it but one time"
    assert len(naive.grams(naive.canonical(once))) == len(naive.canonical(once)) - 4
    index = build([once])
    assert index.match_document(once, min_chars=len(naive.canonical(once)))
    assert not index.match_document(once, min_chars=len(naive.canonical(once)) + 1)
    with pytest.raises(ParameterError, match=r"threshold must be between 0\.1 and 1"):
        index.match([FOX], threshold=3)
    with pytest.raises(ParameterError, match="min_chars must be at least 1, not 0"):
        index.match([FOX], min_chars=0)


WEIRD = [
    "",
    " ",
    "\x00",
    "\x00" * 5000,
    "\ufeff",
    "\ud800",
    "a",
    "@a",
    "😀" * 3000,
    "a" * 300_000,
    "ab" * 150_000,
    "\u0301" * 5000,
    "&" * 70_000,
    "&amp;" * 20_000,
    "ﷺ" * 90_000,
    "http://" * 9000,
    "RT @" * 9000,
    "<url>" * 9000,
    "\u200d" * 100_000,
    "中" * 90_000,
    "ㇰ" * 90_000,
    " " * 300_000,
    "\n" * 300_000,
    ("x" * 70 + " ") * 4000,
]


@pytest.fixture(scope="module")
def monotonous(tmp_path_factory):
    texts = [FOX, "aaaaaaaaaaaaaaaaaaaaaaaaaaaa", "中中中中中中中中中中中中中中中"]
    tweets = [{"id": str(n), "text": text} for n, text in enumerate(texts)]
    return provscan.build_index(tweets, tmp_path_factory.mktemp("weird") / "a.index")


@pytest.mark.parametrize("text", WEIRD, ids=range(len(WEIRD)))
def test_weird_texts(monotonous, text):
    table = monotonous.match([text, FOX, None, f"{text} {FOX} {text}"])
    rows = [row for row in table.to_pylist() if row["tweet_id"] == "0"]
    assert {row["record"] for row in rows} == {1, 3}
    start, end = rows[-1]["start"], rows[-1]["end"]
    assert (start, end) == (len(text) + 1, len(text) + 1 + len(FOX))


def test_rows_have_the_columns_of_the_contract(build):
    index = build([FOX])
    for texts in (
        [FOX, "no"],
        ["no"],
        [],
        pa.array([FOX]),
        pa.chunked_array([["a"], [FOX]]),
        (x for x in [FOX]),
    ):
        table = index.match(texts)
        assert table.schema.equals(pa.schema([*MATCHES, *SCORES]))
    (row,) = index.match(["no", FOX]).to_pylist()
    assert row == {
        "source": "<memory>",
        "record": 1,
        "record_id": None,
        "field": None,
        "start": 0,
        "end": len(FOX),
        "tweet_id": "0",
        "tweets": 1,
        "level": "exact",
        "similarity": 1.0,
        "containment": 1.0,
        "bits": None,
        "common": False,
        "known": False,
        "counted": True,
    }
    assert row["level"] in LEVELS


def test_rows_are_ordered_by_place(build):
    rng = random.Random(8)
    tweets = [words(100 + number, rng.randrange(30, 120)) for number in range(60)]
    index = build(tweets)
    texts = [" ... ".join(rng.sample(tweets, rng.randrange(1, 30))) for _ in range(20)]
    rows = index.match(texts).select(["record", "start", "end"]).to_pylist()
    places = [tuple(row.values()) for row in rows]
    assert places == sorted(places)
    assert len(places) == sum(text.count(" ... ") + 1 for text in texts)


CHORUS = "never gonna give you up " * 3 + "never gonna give you up"


def exactly(index, text, copy):
    """Check that exactly one match is found: the copy, with exactly its span."""
    (span,) = index.match_document(text)
    assert (text[span.start : span.end], span.level, span.similarity) == (
        copy,
        "exact",
        1.0,
    )


@pytest.mark.parametrize("rest", [0, 600])
def test_texts_that_repeat_themselves(build, rest):
    refrain = words(4, 180)
    for text in (
        CHORUS,
        " ".join([refrain] * 2),
        f"{refrain} {words(5, 60)} {refrain}",
        " ".join(f"{words(number, 60)} {refrain}" for number in range(6, 10)),
        "#PrayForHarbour " * 4 + "#PrayForHarbour",
    ):
        exactly(
            build([text, RAIN]),
            f"{words(1, rest)}. {text} / {words(2, rest)}" if rest else text,
            text,
        )


def test_words_next_to_a_copy_that_also_occur_in_it_are_not_part_of_it(build):
    thanks = "@united Thank you. Any help is appreciated."
    exactly(
        build([thanks]),
        f'{words(1, 600)} "Thank you\r\n{thanks}\n{words(2, 600)}',
        thanks,
    )
    coffee = (
        "Adderal, and 3 cups of coffee, and iced mocha later = bouncing off the "
        "walls.. I love this feeling!!"
    )
    exactly(
        build([coffee]),
        f"{words(1, 600)}. {coffee}\n\nof a call from the {words(2, 600)}",
        coffee,
    )
    long = words(3, 3000)
    exactly(
        build([long]),
        f"{words(1, 600)} {long[50:90]}. {long}. {long[-300:-250]} {words(2, 600)}",
        long,
    )
    (row,) = build([long]).match([f"{long}. {long[-30:]}"], threshold=1.0).to_pylist()
    assert (row["start"], row["end"]) == (0, len(long))


@pytest.mark.parametrize(
    "text",
    [
        "Bye ocean grove fishing pier:( @ Ocean Grove Fishing Pier "
        "http://t.co/lg6yWTmW",
        '$AAPL "I think iCahn I think iCahn I think iCahn"',
        "Lovely Valentines Day Flyer Template https://t.co/lppZjnmy5x #free #flyer "
        "#template",
    ],
)
def test_a_text_whose_ending_also_occurs_earlier(build, text):
    exactly(build([text]), text, text)
    exactly(build([text]), f"{words(1, 600)}\n{text}\n{words(2, 600)}", text)


def test_texts_next_to_templates_are_found(build):
    """Thousands of variants, which are all candidates, do not displace others."""
    variants = [
        f"thank you so much number {number} my friend" for number in range(1000, 2500)
    ]
    index = build([*variants, FOX])
    lines = [variants[number * 7 % 1500] for number in range(400)]
    assert [
        row["tweet_id"]
        for row in index.match([*lines, f"{words(1, 600)} {FOX}"]).to_pylist()
    ] == [*(str(number * 7 % 1500) for number in range(400)), "1500"]
    assert len(found(index, "\n".join([*lines, FOX]))) == 401


def test_many_matches_at_one_place(build):
    """Each match overlaps its neighbours."""
    index = build(
        [
            "#TheOldHarbourOfTown " * 3,
            *(f"Zebra number {number} at the crossing" for number in range(300)),
        ]
    )
    text = "\n".join(
        f"Zebra number {number * 7 % 300} at the crossing" for number in range(2000)
    )
    assert [int(tweet) - 1 for tweet, _ in found(index, text)] == [
        number * 7 % 300 for number in range(2000)
    ]
    spans = index.match_document("#TheOldHarbourOfTown " * 1500)
    assert 500 <= len(spans) <= 1000
    assert all(
        2 * (a.end - b.start) <= min(a.end - a.start, b.end - b.start)
        for a, b in pairwise(spans)
    )


@pytest.mark.parametrize(
    "unseen", ["\u200b", "\ufeff", "\u2060", "\u200e", "\u202c", "\u00ad"]
)
def test_dropped_text_is_part_of_a_copy_only_if_the_tweet_has_it(build, unseen):
    exactly(
        build([FOX]),
        f"{words(1, 600)}{unseen} {unseen}{FOX}{unseen} and so on {words(2, 600)}",
        FOX,
    )
    marked = f"{unseen}{FOX}{unseen}!{unseen}"
    exactly(build([marked]), marked, marked)
    exactly(build([marked]), f"{words(1, 600)}. {marked} {words(2, 600)}", marked)


@pytest.mark.parametrize(
    "text",
    [
        "\u200fمرحبا بالعالم كيف حالكم اليوم يا أصدقائي",
        "\ufeffHello there my good friends of the world",
        "Floyd den won like I said and got my money \u203c\ufe0f",
    ],
)
def test_punctuation_around_a_tweet(build, text):
    exactly(build([text]), text, text)


def test_lost_punctuation_makes_a_copy_near_exact(build):
    index = build(["\u200fمرحبا بالعالم كيف حالكم اليوم يا أصدقائي", f'\u200e"{FOX}"'])
    (arabic,) = index.match_document("مرحبا بالعالم كيف حالكم اليوم يا أصدقائي")
    (english,) = index.match_document(f'He said "{FOX}" again')
    assert (arabic.level, arabic.start, arabic.end) == ("near_exact", 0, 40)
    assert (english.level, english.start, english.end) == (
        "near_exact",
        8,
        10 + len(FOX),
    )


def test_a_bracket_after_a_link_is_not_part_of_it(build):
    tweet = f"{FOX} http://t.co/abc"
    exactly(
        build([tweet]),
        f"{words(1, 600)} (as they said: {tweet}) {words(2, 600)}",
        tweet,
    )


def test_a_retweet_mark_before_dropped_text(build):
    text = f"{words(1, 100)}. RT @somebody: \u200e{FOX} {words(2, 100)}"
    (span,) = build([FOX]).match_document(text)
    assert text[span.start : span.end] == f"RT @somebody: \u200e{FOX}"
