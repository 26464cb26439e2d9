"""Test a small index with known answers, and the rules for joining segments."""

import random

import naive_passages
import numpy as np
import pyarrow as pa
import pytest
from three_texts import DAY, NEW_YEAR, TEXTS, TWEETS, canonical, strings, tweet
from tweets import sentence

import provscan
from provscan.index.segment import join
from provscan.index.segment.postings import SEEDS, unpacked
from provscan.index.segment.prepare import NO_TIME, times_of
from provscan.kernels.search.minimizers import place_code
from provscan.params import IndexParams


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    index = provscan.build_index(
        TWEETS[::-1], tmp_path_factory.mktemp("hand") / "i.index"
    )
    return index.reader.segments[0]


@pytest.fixture(scope="module")
def forgotten(tmp_path_factory):
    """Return the segment after the first tweet of the first text, and all tweets of the
    second text, were forgotten.
    """
    path = tmp_path_factory.mktemp("forgotten") / "i.index"
    provscan.build_index(TWEETS, path)
    provscan.forget(path, ["7", "4"])
    return provscan.open_index(path).reader.segments[0]


ALL = np.arange(3)


def test_rows_of_a_segment(whole):
    assert whole.tweets.ids.take(np.arange(6)).array().to_pylist() == [
        "7",
        "x8",
        "9",
        "4",
        "5",
        "6",
    ]
    assert whole.tweets.ids.numbers.all().tolist() == [7, -1, 9, 4, 5, 6]
    assert whole.living is None
    assert whole.living_rows.tolist() == [0, 1, 2, 3, 4, 5]
    assert whole.tweet_counts(ALL).tolist() == [3, 1, 2]
    assert whole.earliest(ALL).tolist() == [0, 3, 4]
    assert whole.texts_of(np.arange(6)).tolist() == [0, 0, 0, 1, 2, 2]
    assert [part.tolist() for part in whole.tweets_of(np.array([2, 0]))] == [
        [0, 0, 1, 1, 1],
        [4, 5, 0, 1, 2],
    ]
    assert whole.equal_texts(canonical(2, 3, 0, 1)).tolist() == [2, -1, 0, 1]
    assert whole.retweets(np.arange(6)).tolist() == [
        False,
        False,
        False,
        True,
        False,
        True,
    ]
    times = [
        NEW_YEAR,
        NEW_YEAR + 4 * DAY,
        NO_TIME,
        NEW_YEAR + 2 * DAY,
        NEW_YEAR + 3 * DAY,
        NEW_YEAR + 5 * DAY,
    ]
    assert whole.tweets.times.all().tolist() == times
    assert whole.tweets.rank(1) == (NEW_YEAR + 4 * DAY, 2, "x8")


@pytest.mark.parametrize(
    ("since", "young"),
    [
        # The first text has a tweet of unknown time, the others have a retweet.
        (NEW_YEAR - 1, [False, False, False]),
        (NEW_YEAR + 9 * DAY, [False, False, False]),
    ],
)
def test_texts_with_unknown_times_or_retweets_are_not_young(whole, since, young):
    assert whole.posted_since(since).tolist() == young


def test_a_text_is_as_old_as_its_first_tweet(tmp_path):
    rows = [tweet("1", 0, 3), tweet("2", 0, 7), tweet("3", 1, 5)]
    segment = provscan.build_index(rows, tmp_path / "i.index").reader.segments[0]
    third = NEW_YEAR + 2 * DAY
    assert segment.posted_since(third).tolist() == [True, True]
    assert segment.posted_since(third + 1).tolist() == [False, True]
    provscan.forget(tmp_path / "i.index", ["1"])
    segment = provscan.open_index(tmp_path / "i.index").reader.segments[0]
    assert segment.posted_since(third + 1).tolist() == [True, True]
    assert segment.posted_since(NEW_YEAR + 6 * DAY + 1).tolist() == [False, False]


def test_authors_of_retweets_are_not_counted(tmp_path):
    reader = provscan.build_index(TWEETS, tmp_path / "i.index").reader
    assert reader.author_counts(ALL).tolist() == [2, 0, 1]
    assert reader.count_tweets(np.array([2, 0, 0])) == 5
    places, numbers = reader.texts_of_ids(pa.array(["5", "nobody", "x8", "5"]))
    assert (places.tolist(), numbers.tolist()) == ([0, 2, 3], [2, 0, 2])
    rows, numbers = reader.equal_texts(canonical(3, 2, 0))
    assert (rows.tolist(), numbers.tolist()) == ([1, 2], [2, 0])
    assert reader.earliest_tweets(np.array([1, 0]))["retweet"].to_pylist() == [
        True,
        False,
    ]
    assert reader.longest == len(TEXTS[0]) - 1


def test_the_description_of_an_index(tmp_path):
    provscan.build_index(TWEETS, tmp_path / "i.index")
    provscan.forget(tmp_path / "i.index", ["7", "4"])
    said = provscan.open_index(tmp_path / "i.index").info()
    files = list((tmp_path / "i.index" / "segments").rglob("*.*"))
    assert said["bytes"] == sum(path.stat().st_size for path in files)
    # Two of three texts remain, but the files still contain all three.
    of_texts = sum(
        path.stat().st_size for path in files if path.name.startswith("texts.")
    )
    assert said["bytes_per_text"]["texts"] == of_texts / 2
    assert (said["texts"], said["tweets"], said["forgotten"]) == (2, 4, 2)
    assert said["segments"] == [
        {"name": said["segments"][0]["name"], "texts": 3, "tweets": 6, "forgotten": 2}
    ]
    assert (said["purged"], said["last_purge"]) == (0, None)


def test_times_come_from_the_field_or_from_the_id():
    # In ids from 29700000000 on, the bits above the lower 22 are the time.
    stamp = 1_288_834_974_657
    ids = [
        "29699999999",
        "29700000000",
        str(5 << 40),
        "x",
        "2000000000000000000000",
        str(5 << 40),
    ]
    made = pa.array([None, None, None, None, None, 77], pa.timestamp("ms", tz="UTC"))
    found = times_of(strings(ids), made).tolist()
    assert found == [
        NO_TIME,
        stamp + (29_700_000_000 >> 22),
        stamp + (5 << 18),
        NO_TIME,
        NO_TIME,
        77,
    ]


@pytest.mark.parametrize("length", [10, 11])
def test_the_seed_table_contains_the_chosen_seeds(tmp_path, length):
    """The texts have unique wording, phrases that two texts share, or both; some are
    variants of a template, and some are long.
    """
    rng = random.Random(5)
    phrases = [sentence(rng, "latin", 60) for _ in range(80)] * 2
    rng.shuffle(phrases)
    texts = [sentence(rng, "latin", letters) for letters in (25, 90, 250, 900)]
    for own, shared in ((0, 1), (0, 4), (20, 4), (60, 3), (250, 5), (900, 9)) * 6:
        parts = [sentence(rng, "latin", own), *(phrases.pop() for _ in range(shared))]
        texts.append(" ".join(rng.sample(parts, len(parts))))
    texts += [
        " ".join(phrases[start : start + 3]) for start in range(0, len(phrases), 3)
    ]
    template = sentence(rng, "latin", 70)
    texts += [f"{template} {number}" for number in range(40)]
    rows = [{"id": str(number), "text": text} for number, text in enumerate(texts)]
    reader = provscan.build_index(rows, tmp_path / "i.index", seed_length=length).reader
    (segment,) = reader.segments
    window = reader.params.seed_window
    texts = segment.texts.array().to_pylist()
    held, frequent = naive_passages.table_seeds(texts, length, window)
    assert unpacked(
        segment.seeds.postings, SEEDS, segment.seeds.places
    ).tolist() == sorted(
        key << 32 | number << 8 | place_code(place) for key, number, place in held
    )
    seeds = [naive_passages.index_seeds(text, length, window) for text in texts]
    assert len(held) < 0.8 * sum(map(len, seeds))
    assert frequent & {key for key, _, _ in held}


def test_segments_are_joined_if_they_fit(whole, monkeypatch):
    size = whole.info.bytes
    for most_bytes, most_texts, fits in (
        (size, 6, True),
        (size - 1, 6, False),
        (size, 5, False),
    ):
        monkeypatch.setattr(join, "MOST_BYTES", most_bytes)
        monkeypatch.setattr(join, "NARROW_TEXTS", most_texts)
        assert join.can_join(whole.tables, whole.tables) == fits
    monkeypatch.setattr(join, "NARROW_TEXTS", 1 << 24)
    monkeypatch.setattr(join, "MOST_SMALL_BYTES", 3 * size)
    small, params = 3 * [whole.tables], IndexParams(seed_length=10)
    (three,) = join.joined_all(small, params)
    assert three.texts.array().to_pylist() == 3 * whole.texts.array().to_pylist()
    monkeypatch.setattr(join, "MOST_SMALL_BYTES", 3 * size - 1)
    assert len(join.joined_all(small, params)) == 3


def test_forgotten_texts_of_joined_segments(whole, forgotten):
    params = IndexParams(seed_length=10)
    both = join.joined(whole.tables, forgotten.tables, params)
    assert both.living is not None
    assert both.living.tolist() == [True, True, True, True, False, True]
    assert whole.tables.living is None


def test_a_text_in_several_segments_counts_once(tmp_path):
    for nth in range(3):
        # The repeated text is the first or the last of its segment.
        again = [
            tweet("1", 0, 5),
            tweet("2", 1, 6),
            tweet("3", nth, 7),
            tweet("4", 2, 8 if nth < 2 else 4),
        ]
        provscan.build_index(again[:2], tmp_path / f"{nth}.index")
        index = provscan.build_index(again[2:], tmp_path / f"{nth}.index", append=True)
        assert [segment.info.texts for segment in index.reader.segments] == (
            [2, 2] if nth < 2 else [2, 1]
        )
        assert index.reader.texts == index.info()["texts"] == 3
