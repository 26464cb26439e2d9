"""Test that an index in shards gives the same bytes as a single segment, and that its
files depend only on its tweets.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from tweets import sentence

import provscan
from provscan.errors import IndexFormatError, ParameterError, UsageError
from provscan.index import IndexReader, open_reader
from provscan.index.format import VERSION
from provscan.index.segment import filters, postings
from provscan.index.segment.prepare import sketch_texts
from provscan.index.shards.lookup import ShardTables
from provscan.kernels.records import Seeds, frozen
from provscan.kernels.storage import gather
from provscan.matching.scan import scan_texts
from provscan.params import MatchParams, SearchLimits
from provscan.text_buffers import buffers, to_array

Tweet = dict[str, Any]
Build = Callable[..., provscan.Index]

# Limits that are low enough for the templates to reach all of them.
LOW = SearchLimits(band_texts=3, whole_candidates=3, seed_places=3, variants=1)


def templates(count: int = 240) -> list[Tweet]:
    """Return variants of a few templates. Some are versions of one tweet, and many have
    equal times.
    """
    rng = random.Random(3)
    kinds = [
        sentence(rng, script, 90).split() for script in ("latin", "latin", "cyrillic")
    ]
    tweets: list[Tweet] = []
    for number in range(count):
        words = list(kinds[number % len(kinds)])
        words[rng.randrange(len(words))] = sentence(rng, "latin", 8)
        tweet = number - (number % 11 == 1)
        tweets.append({
            "id": str(9_000 + tweet),
            "text": " ".join(words),
            "author": f"author{number % 5}",
            "created_at": f"2020-01-{1 + tweet % 3:02} 10:00:00",
        })  # fmt: skip
    return tweets


def quotations() -> list[Tweet]:
    """Return groups of four texts that have only a phrase in common, so that they are
    not variants.
    """
    rng = random.Random(7)
    phrases = 4 * [sentence(rng, "latin", 40) for _ in range(12)]
    return [
        {
            "id": str(19_000 + number),
            "text": f"{sentence(rng, 'latin', 60)} {phrase} "
            f"{sentence(rng, 'latin', 30)}",
        }
        for number, phrase in enumerate(phrases)
    ]


@pytest.fixture
def corpus(tweets: list[Tweet]) -> list[Tweet]:
    return [*tweets, *templates(), *quotations()]


@pytest.fixture
def asked(corpus: list[Tweet]) -> list[str]:
    """Return texts of the corpus: single ones, several joined, and edited ones."""
    rng = random.Random(5)
    texts = [tweet["text"] for tweet in corpus]
    return [
        *(f"{text} #tag" for text in texts[::2]),
        *(" ... ".join(rng.sample(texts, 12)) for _ in range(20)),
        *(
            " ".join(word for word in text.split() if rng.random() < 0.9)
            for text in texts[1::3]
        ),
        "nothing of it",
        "",
    ]


def scanned(
    reader: IndexReader, texts: list[str], limits: SearchLimits
) -> tuple[Any, ...]:
    """Return everything that a scan finds and counts."""
    found = scan_texts(*buffers(to_array(texts)), reader, MatchParams(limits=limits))
    columns = (
        found.row,
        found.span,
        found.text,
        found.level,
        found.similarity,
        found.containment,
        found.characters,
    )
    return (*(column.tolist() for column in columns), found.truncated)


def files(index: provscan.Index) -> dict[str, bytes]:
    root = Path(index.path) / "segments"
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file()
    }


@pytest.mark.parametrize("shards", [2, 16])
def test_shards_give_the_matches_of_a_single_segment(
    build: Build, corpus: list[Tweet], asked: list[str], shards: int
) -> None:
    single, many = build(corpus), build(corpus, shards=shards)
    assert (
        many.info()["shards"],
        many.info()["version"],
        len(many.reader.segments),
    ) == (shards, VERSION, shards)
    assert isinstance(many.reader.tables[0], ShardTables)
    assert (many.fingerprint, len(many)) == (single.fingerprint, len(single))
    for name in ("tweets", "repeated_tweets", "versions", "tweets_without_text"):
        assert many.info()[name] == single.info()[name]
    assert single.info()["versions"] > 0
    for limits in (SearchLimits(), LOW):
        expected = scanned(single.reader, asked, limits)
        assert scanned(many.reader, asked, limits) == expected
        assert len(expected[0]) > len(asked) / 2
    # The low limits were reached.
    assert min(expected[-1].bands_cut, expected[-1].seeds_cut) > 0
    assert many.match(asked).equals(single.match(asked))
    filters = [
        [
            next(
                content
                for name, content in sorted(files(index).items())
                if name.startswith(f"{info}/seeds.{kind}")
            )
            for kind in ("filter", "frequent")
        ]
        for index, info in (
            (index, index.reader.segments[0].info.name) for index in (single, many)
        )
    ]
    assert filters[0] == filters[1]
    assert provscan.verify(many.path)["tweets"] == single.info()["tweets"]


def test_a_reader_of_shards_gives_the_answers_of_a_single_segment(
    build: Build, corpus: list[Tweet]
) -> None:
    single, many = (build(corpus, shards=shards).reader for shards in (None, 6))
    numbers = np.random.default_rng(1).permutation(single.size)
    texts = single.canonical_texts(numbers)
    ids = pa.array([tweet["id"] for tweet in corpus], pa.string())
    for ask in (
        lambda reader: reader.canonical_texts(numbers).array().to_pylist(),
        lambda reader: reader.raw_texts(numbers).array().to_pylist(),
        lambda reader: reader.earliest_tweets(numbers).to_pylist(),
        lambda reader: reader.tweet_counts(numbers).tolist(),
        lambda reader: reader.author_counts(numbers).tolist(),
        lambda reader: reader.same_text(numbers).tolist(),
        lambda reader: reader.posted_since(1_577_900_000_000).tolist(),
        lambda reader: [part.tolist() for part in reader.texts_of_ids(ids)],
        lambda reader: [part.tolist() for part in reader.equal_texts(texts)],
        lambda reader: (reader.count_tweets(numbers[:50]), reader.longest),
    ):
        assert ask(many) == ask(single)


def test_equal_texts_are_looked_up_in_shards(build: Build, corpus: list[Tweet]) -> None:
    reader = build(corpus, shards=3).reader
    (tables,) = reader.tables
    assert isinstance(tables, ShardTables)
    asked = np.arange(0, reader.size, 7)
    sketches = sketch_texts(reader.canonical_texts(asked), reader.params)
    seeds = Seeds(np.zeros(0, np.uint32), np.zeros(0, np.int32), np.zeros(1, np.int64))
    found = tables.look_up(seeds, sketches, SearchLimits())
    entries = postings.unpacked(found.whole.exact, postings.EXACT)
    pairs = zip(
        entries >> np.uint64(34),
        found.numbers[entries.astype(np.int64) & 0xFFFFFF],
        strict=True,
    )
    assert sorted(pairs) == sorted(
        zip(sketches.keys[:, 0] >> np.uint64(34), asked, strict=True)
    )


def test_adding_to_shards_and_forgetting(
    build: Build, corpus: list[Tweet], asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("provscan.index.merges.FAN_OUT", 99)
    paths = [build(corpus[:300], shards=shards).path for shards in (None, 4)]

    def check(segments: int) -> None:
        single, many = (provscan.open_index(path) for path in paths)
        assert (len(many.info()["segments"]), many.info()["shards"]) == (segments, 4)
        assert (many.fingerprint, len(many)) == (single.fingerprint, len(single))
        for limits in (SearchLimits(), LOW):
            assert scanned(many.reader, asked, limits) == scanned(
                single.reader, asked, limits
            )
        assert many.match(asked).equals(single.match(asked))

    for low, high in ((300, 340), (320, 400)):
        for path in paths:
            provscan.build_index(corpus[low:high], path, append=True)
    check(6)
    gone = [tweet["id"] for tweet in corpus[10:390:7]]
    assert len({str(provscan.forget(path, gone)) for path in paths}) == 1
    check(6)
    for path in paths:
        provscan.forget(path, purge=True)
    check(6)
    for path in paths:
        provscan.merge(path)
    check(4)
    provscan.verify(paths[1])
    # If more texts are added than the shards have, they are merged at once.
    provscan.build_index(corpus[400:], paths[1], append=True)
    more = [{"id": f"m{n}", "text": f"{n} bottles stand there"} for n in range(900)]
    provscan.build_index(more, paths[1], append=True)
    assert len(provscan.open_index(paths[1]).info()["segments"]) == 4


def test_the_files_of_shards_depend_only_on_the_tweets(
    build: Build, corpus: list[Tweet], monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = files(build(corpus, shards=3))
    monkeypatch.setattr(postings, "SPILL_ENTRIES", 700)
    assert (
        files(build(random.Random(2).sample(corpus, len(corpus)), shards=3)) == expected
    )


def test_repeated_tweets_count_once(build: Build, corpus: list[Tweet]) -> None:
    # Some tweets are repeated.
    many = build([*corpus, *corpus[:100]], shards=2)
    assert (
        many.info()["repeated_tweets"]
        == build([*corpus, *corpus[:100]]).info()["repeated_tweets"]
        >= 100
    )


OTHER_NUMBERS = "it has no valid number for each of its texts"


@pytest.mark.parametrize(
    ("name", "damage", "problem"),
    [
        ("texts.shard", lambda n: [1, 3], "it is not shard 0 of 3"),
        (
            "texts.numbers",
            lambda n: [n[1], *n[1:]],
            "two shards have a number in common",
        ),
        ("texts.numbers", lambda n: [n[1], n[0], *n[2:]], OTHER_NUMBERS),
        ("texts.numbers", lambda n: [*n[:-1], 1 << 20], OTHER_NUMBERS),
    ],
)
def test_shards_that_do_not_belong_together(
    build: Build,
    corpus: list[Tweet],
    name: str,
    damage: Callable[[np.ndarray], list[int]],
    problem: str,
) -> None:
    index = build(corpus, shards=3)
    path = Path(index.path) / "segments" / index.reader.segments[0].info.name / name
    content = np.array(damage(np.fromfile(path, np.uint32)), np.uint32)
    path.chmod(0o644)
    path.write_bytes(content.tobytes())
    with pytest.raises(IndexFormatError, match=f"{name} is damaged: {problem}"):
        provscan.open_index(index.path, verify=False)
    with pytest.raises(
        IndexFormatError, match=f"{name} is damaged: expected XXH3-128"
    ) as error:
        provscan.open_index(index.path)
    # The error does not suggest leaving out a shard.
    assert not hasattr(error.value, "__notes__")


def test_shards_may_be_empty(build: Build, corpus: list[Tweet]) -> None:
    index = build(corpus[:2], shards=8)
    names = [segment.info.name for segment in index.reader.segments]
    assert len(set(names)) == 8
    found = index.match([tweet["text"] for tweet in corpus[:2]])
    assert found["record"].to_pylist() == [0, 1]


def test_the_number_of_shards_is_set_when_an_index_is_built(
    build: Build, corpus: list[Tweet]
) -> None:
    with pytest.raises(ParameterError, match="shards must be between 1 and 256, not 0"):
        build(corpus, shards=0)
    index = build(corpus[:9], shards=1)
    assert (index.info()["shards"], index.info()["version"]) == (0, VERSION)
    with pytest.raises(UsageError, match="divided into shards when it is built"):
        provscan.build_index(corpus, index.path, append=True, shards=2)


def test_no_shard_is_left_out(build: Build, corpus: list[Tweet]) -> None:
    index = build(corpus, shards=2)
    name = index.reader.segments[1].info.name
    with pytest.raises(
        UsageError,
        match=f"{name} of .* is a shard, without which the others can't be used: keep "
        "it",
    ):
        open_reader(index.path, without=[name])


@pytest.mark.parametrize("bands", [1, 24, 128])
def test_the_entries_of_keys_in_a_table(bands: int) -> None:
    layout, rng = postings.bands_layout(bands), np.random.default_rng(bands)
    upper = np.uint64((1 << 64) - (1 << (64 - layout.key_bits)))
    entries = np.sort(
        (rng.integers(0, 1 << 63, 700, np.uint64) & upper).repeat(3)
        | np.arange(2_100, dtype=np.uint64)
    )
    entries[: len(entries) // 2 : 5] = 0
    entries.sort()
    table = frozen(postings.table_of(entries, layout, 2_100)[0])
    known = filters.new_filter(len(entries) // 2)
    filters.mark_bands(entries, layout, known)
    keys = rng.permutation(
        np.concatenate(
            [entries, entries[::2], rng.integers(0, 1 << 63, 2_000, np.uint64)]
        )
    )
    wanted = np.empty_like(keys)
    wanted = wanted[
        : gather.collect_distinct(
            keys, layout.key_bits, np.zeros(16_384, np.uint64), wanted
        )
    ]
    assert wanted.tolist() == list(dict.fromkeys((keys & upper).tolist()))
    room = gather.Ranges(
        np.empty(len(wanted) + 1, np.uint64), *np.empty((2, len(wanted) + 1), np.int64)
    )
    found, count = gather.find_ranges(table, frozen(known), wanted, 2, room)
    collected = gather.Entries(
        np.empty(count, np.uint64), *np.empty((2, count), np.int64)
    )
    ranges = gather.Ranges(*(part[:found] for part in room))
    gather.copy_entries(table, ranges, collected)
    key, text, place = collected
    expected = [
        [e for e in entries.tolist() if e & int(upper) == w][:2]
        for w in wanted.tolist()
    ]
    assert (key | text.astype(np.uint64)).tolist() == [
        entry for each in expected for entry in each
    ]
    assert entries[place].tolist() == (key | text.astype(np.uint64)).tolist()
