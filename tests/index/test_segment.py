"""A small index whose every answer is known, and the rules by which segments are merged."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

import provscan
from provscan.errors import IndexFormatError, OutputError
from provscan.index import folder, join, packed, postings, room, segment_writer, writer
from provscan.index.format import FileInfo, SegmentInfo, Tombstones
from provscan.index.packed import Chained, pack_numbers
from provscan.index.postings import map_array
from provscan.index.prepare import NO_TIME, seed_entries, sketch_texts, times_of
from provscan.index.segment import Segment
from provscan.index.shards import Numbering
from provscan.index.texts import Strings, StringsWriter, combined, open_strings
from provscan.index.tweets import joined_tweets, whole_numbers
from provscan.matching.verified import compared
from provscan.params import IndexParams
from provscan.text.arrow import buffers

TEXTS = ["first of the three texts, with three tweets", "second of the three texts, said once", "third text, twice"]


def tweet(key: str, text: int, day: int | None, **fields: Any) -> dict[str, Any]:
    made = None if day is None else f"2020-01-{day:02}T00:00:00Z"
    return {"id": key, "text": TEXTS[text], "created_at": made, "author": None, "lang": "en", **fields}


# In the order of their rows: texts by their earliest tweet, the tweets of a text by time.
TWEETS = [
    tweet("7", 0, 1, author="ann"),
    tweet("x8", 0, 5, author="bob"),
    tweet("9", 0, None, author="ann"),
    tweet("4", 1, 3, rt_of="1", author="cleo"),
    tweet("5", 2, 4, author="bob"),
    {**tweet("6", 2, 6, author="dan"), "text": f"rt @bob: {TEXTS[2]}"},
]
DAY = 86_400_000
NEW_YEAR = 1_577_836_800_000


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Segment:
    index = provscan.build_index(TWEETS[::-1], tmp_path_factory.mktemp("hand") / "i.index")
    return index.reader.segments[0]


@pytest.fixture(scope="module")
def forgotten(tmp_path_factory: pytest.TempPathFactory) -> Segment:
    """Without the first tweet of the first text, and without the second text."""
    path = tmp_path_factory.mktemp("forgotten") / "i.index"
    provscan.build_index(TWEETS, path)
    provscan.forget(path, ["7", "4"])
    return provscan.open_index(path).reader.segments[0]


ALL = np.arange(3)


def strings(values: list[str]) -> Strings:
    return Strings(*buffers(pa.array(values, pa.large_string())))


def canonical(*numbers: int) -> Strings:
    return strings([TEXTS[n].replace(",", "") if n < 3 else "another" for n in numbers])


def test_rows_of_a_segment(whole: Segment) -> None:
    assert whole.tweets.ids.take(np.arange(6)).array().to_pylist() == ["7", "x8", "9", "4", "5", "6"]
    assert whole.tweets.ids.numbers.all().tolist() == [7, -1, 9, 4, 5, 6]
    assert whole.living is None
    assert whole.living_rows.tolist() == [0, 1, 2, 3, 4, 5]
    assert whole.tweet_counts(ALL).tolist() == [3, 1, 2]
    assert whole.earliest(ALL).tolist() == [0, 3, 4]
    assert whole.texts_of(np.arange(6)).tolist() == [0, 0, 0, 1, 2, 2]
    assert [part.tolist() for part in whole.tweets_of(np.array([2, 0]))] == [[0, 0, 1, 1, 1], [4, 5, 0, 1, 2]]
    assert whole.equal_texts(canonical(2, 3, 0, 1)).tolist() == [2, -1, 0, 1]
    assert whole.retweets(np.arange(6)).tolist() == [False, False, False, True, False, True]
    times = [NEW_YEAR, NEW_YEAR + 4 * DAY, NO_TIME, NEW_YEAR + 2 * DAY, NEW_YEAR + 3 * DAY, NEW_YEAR + 5 * DAY]
    assert whole.tweets.times.all().tolist() == times
    assert whole.tweets.rank(1) == (NEW_YEAR + 4 * DAY, 2, "x8")


def test_rows_of_a_segment_with_forgotten_tweets(forgotten: Segment) -> None:
    assert forgotten.forgotten.tolist() == [0, 3]
    assert forgotten.living is not None
    # A text with one tweet left lives.
    assert forgotten.living.tolist() == [True, False, True]
    assert forgotten.living_rows.tolist() == [1, 2, 4, 5]
    assert forgotten.tweet_counts(ALL).tolist() == [2, 0, 2]
    assert forgotten.earliest(np.array([0, 2])).tolist() == [1, 4]
    assert [part.tolist() for part in forgotten.tweets_of(ALL)] == [[0, 0, 2, 2], [1, 2, 4, 5]]
    assert forgotten.equal_texts(canonical(0, 1, 2, 3)).tolist() == [0, -1, 2, -1]
    assert forgotten.find(canonical(1)).tolist() == [1]


@pytest.mark.parametrize(
    ("since", "young"),
    [
        # The first text has a tweet of unknown time, the others a retweet: none can be said to be young.
        (NEW_YEAR - 1, [False, False, False]),
        (NEW_YEAR + 9 * DAY, [False, False, False]),
    ],
)
def test_no_text_of_these_is_known_to_be_young(whole: Segment, since: int, young: list[bool]) -> None:
    assert whole.posted_since(since).tolist() == young


def test_a_text_is_young_from_its_first_tweet_on(tmp_path: Path) -> None:
    rows = [tweet("1", 0, 3), tweet("2", 0, 7), tweet("3", 1, 5)]
    segment = provscan.build_index(rows, tmp_path / "i.index").reader.segments[0]
    third = NEW_YEAR + 2 * DAY
    assert segment.posted_since(third).tolist() == [True, True]
    assert segment.posted_since(third + 1).tolist() == [False, True]
    provscan.forget(tmp_path / "i.index", ["1"])
    segment = provscan.open_index(tmp_path / "i.index").reader.segments[0]
    assert segment.posted_since(third + 1).tolist() == [True, True]
    assert segment.posted_since(NEW_YEAR + 6 * DAY + 1).tolist() == [False, False]


def test_names_and_ids(whole: Segment) -> None:
    tweets = whole.tweets
    assert tweets.author.take(np.arange(6)).to_pylist() == ["ann", "bob", "ann", "cleo", "bob", "dan"]
    assert tweets.rt_of.take(np.array([3, 0])).to_pylist() == ["1", None]
    assert tweets.rt_of.known(np.array([3, 0, 5])).tolist() == [True, False, False]
    assert tweets.ids.among(pa.array(["x8", "4", "nobody", "8", "7"])).tolist() == [0, 1, 3]
    table = tweets.table(np.array([2, 1]))
    assert table["created_at"].cast(pa.int64()).to_pylist() == [None, NEW_YEAR + 4 * DAY]
    assert whole_numbers(pa.array(["0", "12", str(9 * 10**18 - 1)])).tolist() == [0, 12, 9 * 10**18 - 1]
    for other in ("01", "-1", "x", "", str(9 * 10**18)):
        assert whole_numbers(pa.array(["0", other])) is None


def test_rows_of_two_segments_behind_each_other(whole: Segment, forgotten: Segment) -> None:
    both = joined_tweets(whole.tweets, forgotten.tweets)
    rows = np.array([7, 1, 11, 6])
    assert both.ids.take(rows).array().to_pylist() == ["x8", "x8", "6", "7"]
    assert both.author.take(rows).to_pylist() == ["bob", "bob", "dan", "ann"]
    assert both.raw_texts.take(rows).array().to_pylist() == [TWEETS[n]["text"] for n in (1, 1, 5, 0)]
    assert isinstance(both.raw_texts, Chained)
    assert len(both.raw_texts) == 12
    assert both.times.all().tolist() == 2 * whole.tweets.times.all().tolist()


def test_authors_are_those_who_did_not_repeat(tmp_path: Path) -> None:
    reader = provscan.build_index(TWEETS, tmp_path / "i.index").reader
    assert reader.author_counts(ALL).tolist() == [2, 0, 1]
    assert reader.count_tweets(np.array([2, 0, 0])) == 5
    assert reader.texts_of_ids(pa.array(["5", "nobody", "x8"])).tolist() == [2, -1, 0]
    rows, numbers = reader.equal_texts(canonical(3, 2, 0))
    assert (rows.tolist(), numbers.tolist()) == ([1, 2], [2, 0])
    assert reader.earliest_tweets(np.array([1, 0]))["retweet"].to_pylist() == [True, False]
    assert reader.text_bytes == sum(len(text) - text.count(",") for text in TEXTS)
    assert reader.longest == len(TEXTS[0]) - 1


def test_what_an_index_says_of_itself(tmp_path: Path) -> None:
    provscan.build_index(TWEETS, tmp_path / "i.index")
    provscan.forget(tmp_path / "i.index", ["7", "4"])
    said = provscan.open_index(tmp_path / "i.index").info()
    files = list((tmp_path / "i.index" / "segments").rglob("*.*"))
    assert said["bytes"] == sum(path.stat().st_size for path in files)
    # Two texts are left, in the files of three.
    of_texts = sum(path.stat().st_size for path in files if path.name.startswith("texts."))
    assert said["bytes_a_text"]["texts"] == of_texts / 2
    assert (said["texts"], said["tweets"], said["forgotten"]) == (2, 4, 2)
    assert said["segments"] == [{"name": said["segments"][0]["name"], "texts": 3, "tweets": 6, "forgotten": 2}]
    assert (said["shards"], said["purged"], said["last_purge"]) == (0, 0, None)


def test_times_come_from_the_field_or_from_the_id() -> None:
    # Numbers from 29700000000 on tell the time in what is above their lower 22 bits.
    stamp = 1_288_834_974_657
    ids = ["29699999999", "29700000000", str(5 << 40), "x", "2000000000000000000000", str(5 << 40)]
    made = pa.array([None, None, None, None, None, 77], pa.timestamp("ms", tz="UTC"))
    found = times_of(pa.array(ids), made).tolist()
    assert found == [NO_TIME, stamp + (29_700_000_000 >> 22), stamp + (5 << 18), NO_TIME, NO_TIME, 77]


def test_sketches_of_many_texts_are_those_of_each(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = strings([f"text of number {n} about this and that {'word ' * n}".strip() for n in range(7)])
    whole, seeds = sketch_texts(texts, IndexParams()), seed_entries(texts, IndexParams())
    monkeypatch.setattr(sys.modules["provscan.index.prepare"], "BLOCK", 3)
    for part, expected in zip(sketch_texts(texts, IndexParams()), whole, strict=True):
        assert part.tolist() == expected.tolist()
    assert seed_entries(texts, IndexParams()).tolist() == seeds.tolist()
    assert len(seed_entries(texts.take(np.zeros(0, np.int64)), IndexParams())) == 0


def test_strings_are_written_one_behind_the_other(tmp_path: Path) -> None:
    texts = strings(["a", "", "bcd", "é"])
    into = StringsWriter(tmp_path, "s")
    into.add(texts.take(np.array([2])))
    # A part of a buffer begins somewhere in it.
    into.add(Strings(texts.text, texts.offsets[1:]))
    assert into.count == 4
    assert into.close() == ["s.utf8", "s.offsets"]
    found = open_strings(tmp_path, "s")
    assert found.array().to_pylist() == ["bcd", "", "bcd", "é"]
    assert len(found) == 4
    codes, offsets = found.codes(np.array([3, 0]))
    assert (codes[: offsets[-1]].tolist(), offsets.tolist()) == ([0xE9, *b"bcd"], [0, 1, 4])
    both = combined([texts, found], np.array([0, 1, 1, 0, 0, 1, 0, 1]))
    assert both.array().to_pylist() == ["a", "bcd", "", "", "bcd", "bcd", "é", "é"]
    assert combined([texts], np.zeros(4, np.int64)) is texts


def info(name: str, texts: int, *, shard: int | None = None, gone: int = 0, size: int = 0) -> SegmentInfo:
    stones = Tombstones("stones", FileInfo(16 * gone, ""), gone, "") if gone else None
    return SegmentInfo(name, texts, texts, "", {"a": FileInfo(size, "")}, stones, shard)


def names(groups: list[list[SegmentInfo]]) -> list[str]:
    return ["".join(each.name for each in group) for group in groups]


def test_four_segments_of_a_tier_are_due() -> None:
    small, edge, above = writer.FIRST_TIER, writer.FIRST_TIER, writer.FIRST_TIER + 1
    assert [writer._tier(info("a", texts)) for texts in (1, edge, above, 4 * edge, 4 * edge + 1)] == [0, 0, 1, 1, 2]

    def due(*sizes: int) -> str:
        infos = tuple(info("abcdefgh"[n], texts) for n, texts in enumerate(sizes))
        return "".join(each.name for each in writer._due(infos))

    assert due() == ""
    assert due(small, 1, 1) == ""
    assert due(small, 1, 1, 1) == "abcd"
    # Three of the next tier, which the four below fill.
    assert due(above, above, above, small, 1, 1, 1) == "defgabc"
    assert due(above, above, small, 1, 1, 1) == "cdef"
    # No segment holds more than it can.
    half = writer.MAX_TEXTS // 4
    assert due(1, 1, 1, 1, half, half, half) == "abcd"


def test_shards_count_as_one_segment() -> None:
    shards = [info("x", 10, shard=0), info("y", 10, shard=1)]

    def due(*others: SegmentInfo) -> str:
        return "".join(each.name for each in writer._due((*shards, *others)))

    assert due(info("a", 5)) == ""
    # Three others and the shards are four.
    assert due(info("a", 5), info("b", 5)) == ""
    assert due(info("a", 5), info("b", 5), info("c", 5)) == "xyabc"
    # They stay the largest.
    assert due(info("a", 19)) == ""
    assert due(info("a", 20)) == "xya"


def test_what_a_merge_takes_together() -> None:
    most = writer.MAX_TEXTS

    def groups(*infos: SegmentInfo, purge_only: bool = False) -> list[str]:
        manifest = dataclasses.replace(MANIFEST, segments=infos)
        return names(writer._to_merge(manifest, purge_only=purge_only))

    large, rest = info("a", most - 5), info("b", 5)
    assert groups(large, rest) == ["ab"]
    assert groups(large, info("b", 6)) == []
    assert groups(rest) == []
    assert groups(info("b", 5, gone=1)) == ["b"]
    assert groups(info("c", 1), large, info("b", 4)) == ["abc"]
    assert groups(rest, info("c", 9, gone=1), info("d", 9, gone=2), purge_only=True) == ["c", "d"]
    first, second = info("x", 5, shard=0), info("y", 5, shard=1)
    assert groups(first, second) == []
    assert groups(first, second, rest) == ["xyb"]
    assert groups(dataclasses.replace(first, tombstones=info("", 1, gone=1).tombstones), second) == ["xy"]
    assert groups(first, second, info("c", 9, gone=1), purge_only=True) == ["c"]
    stoned = info("x", 5, shard=0, gone=1)
    assert groups(stoned, second, info("c", 9, gone=1), purge_only=True) == ["xy", "c"]


MANIFEST = writer.Manifest(IndexParams(), (), 0, 0)


def test_room_for_a_merge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    needs = room.needs_of([info("a", 10, size=100), info("b", 20, size=50)])
    # Three times the files; 160 bytes a tweet, and the tables, of which a small one needs no more than that.
    assert needs == (2, 450, 160 * 30 + 450 + room.OTHER_BYTES)
    tables = room.needs_of([info("a", 10, size=1 << 40)]).memory
    assert tables == 1600 + room.TABLES_BYTES + room.OTHER_BYTES
    monkeypatch.setattr(room, "available_memory", lambda: needs.memory)
    room.require_room(tmp_path, needs)
    monkeypatch.setattr(room, "available_memory", lambda: None)
    room.require_room(tmp_path, needs)
    monkeypatch.setattr(room, "available_memory", lambda: needs.memory - 1)
    with pytest.raises(OutputError, match=r"merging 2 segments .* bytes of memory"):
        room.require_room(tmp_path, needs)
    with pytest.raises(OutputError, match="on disk"):
        room.require_room(tmp_path, needs._replace(disk=1 << 60))


def test_nothing_to_add_changes_nothing(tmp_path: Path) -> None:
    index = provscan.build_index(TWEETS, tmp_path / "i.index")
    before = (tmp_path / "i.index" / "manifest.json").read_bytes()
    provscan.forget(index.path, ["7"])
    again = provscan.build_index(TWEETS[:4], index.path, append=True).info()["appended"]
    assert (again["added"], again["known"], again["forgotten"]) == (0, 3, 1)
    assert (tmp_path / "i.index" / "manifest.json").read_bytes() != before
    found = provscan.forget(index.path, ["x8", "nobody", "7"], dry_run=True)
    assert (found["tweets"], found["texts"], found["unknown"]) == (1, 0, 2)
    found = provscan.forget(index.path, ["4", "9", "x8"])
    assert (found["tweets"], found["texts"], found["unknown"]) == (3, 2, 0)
    assert provscan.open_index(index.path).info()["texts"] == 1


def test_numbers_join() -> None:
    column = pack_numbers(np.array([3, -4, 1 << 40]))
    assert column.take(np.array([2, 0, 2])).tolist() == [1 << 40, 3, 1 << 40]
    assert len(column) == 3


def test_a_tweet_that_an_earlier_segment_has_is_left_out(tmp_path: Path, small_segments: Callable[[int], None]) -> None:
    small_segments(2)
    rows = [{"id": str(n), "text": f"text of number {n} that stands nowhere else"} for n in range(3)]
    reader = provscan.build_index([*rows, *rows[::-1]], tmp_path / "i.index").reader
    # One is repeated in its own segment, two in the one before.
    assert reader.info()["repeated_tweets"] == 3
    assert [segment.info.tweets for segment in reader.segments] == [2, 1]
    assert (reader.tweets, reader.texts) == (3, 3)


def test_an_index_of_another_version_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "i.index"
    provscan.build_index(TWEETS, path)
    (path / "manifest.json").write_text((path / "manifest.json").read_text().replace('"version": 8', '"version": 3'))
    assert len(provscan.build_index(TWEETS[:1], path, overwrite=True)) == 1
    # Nothing of the old one is left.
    assert len(list((path / "segments").iterdir())) == 1


def test_a_mapped_file_holds_whole_entries(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(bytes(range(24)))
    assert map_array(path, np.uint64, 3).shape == (1, 3)
    assert map_array(path, np.uint8).tolist() == list(range(24))
    path.write_bytes(bytes(8))
    assert map_array(path, np.uint64).tolist() == [0]
    path.write_bytes(bytes(9))
    for dtype, columns, width in ((np.uint64, 0, 8), (np.uint8, 2, 2)):
        with pytest.raises(IndexFormatError, match=f"expected a multiple of {width} bytes, found 9"):
            map_array(path, dtype, columns)
    path.write_bytes(b"")
    assert map_array(path, np.uint64, 2).shape == (0, 2)


def test_all_is_on_the_disk_before_the_manifest_names_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "i.index"
    synced: list[tuple[str, bool]] = []

    def note(place: Path) -> None:
        synced.append((str(place.relative_to(tmp_path)), (path / "manifest.json").exists()))

    monkeypatch.setattr(folder, "_sync", note)
    reader = provscan.build_index(TWEETS, path).reader
    before = {place for place, named in synced if not named}
    segment = f"i.index/segments/{reader.segments[0].info.name}"
    named = {f"i.index/{name}" for name in reader.manifest.files()}
    assert before == {*named, segment, "i.index/segments", "i.index/manifest.json.new"}
    assert [place for place, named in synced if named] == ["i.index", "."]
    assert synced[-3] == ("i.index/manifest.json.new", False)
    # What was there before is not written again.
    synced.clear()
    provscan.forget(path, ["7"])
    (stones,) = (path / "tombstones").iterdir()
    tombstones = {f"i.index/tombstones/{stones.name}", "i.index/tombstones"}
    assert {place for place, _ in synced} == {*tombstones, "i.index/manifest.json.new", "i.index", "."}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("lock", True),
        ("manifest.json.new", True),
        ("manifest.json", False),
        ("other", False),
        ("segments/0123456789abcdef/texts.utf8", True),
        ("segments/0123456789abcdef/a/b", False),
        ("segments/0123456789abcde/texts.utf8", False),
        ("segments/0123456789abcdeg/texts.utf8", False),
        (f"segments/{folder.UNFINISHED}1/texts.utf8", True),
        (f"segments/{folder.UNFINISHED}1/a/b", True),
        ("segments/file", False),
        ("tombstones/0123456789abcdef-000002", True),
        ("tombstones/a/b", False),
        ("purges/000003.json", True),
        ("photos/000003.json", False),
    ],
)
def test_what_an_unfinished_writer_can_have_left(name: str, expected: bool) -> None:
    assert folder._is_leftover(name) == expected


def test_segments_are_ordered_by_size_behind_the_shards() -> None:
    infos = [info("b", 5), info("a", 5), info("c", 9), info("y", 1, shard=1), info("x", 1, shard=0)]
    assert "".join(each.name for each in sorted(infos, key=folder._order)) == "xycab"


def test_compressed_texts_of_many_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = strings([f"text number {n} {'of these ' * (n % 7)}" if n % 5 else "" for n in range(7 * packed.BLOCK + 3)])
    rows = np.arange(len(texts))[::-1].copy()
    monkeypatch.setattr(packed, "ROWS", 2 * packed.BLOCK)
    packed.write_packed_strings(tmp_path, "raw_texts", texts, rows)
    found = packed.open_packed_strings(tmp_path, "raw_texts", len(rows))
    assert len(found) == len(texts)
    expected = texts.array().to_pylist()[::-1]
    for asked in (rows, rows[:1], rows[-1:], rows[::7], np.array([3, 3, 0, packed.BLOCK, packed.BLOCK - 1])):
        assert found.take(asked).array().to_pylist() == [expected[row] for row in asked]
    assert len(found.take(rows[:0])) == 0
    assert found.dictionary is None
    # A block of another size than its texts is refused before it is decompressed.
    shorter = packed.PackedStrings(
        found.path, found.compressed, None, pack_numbers(np.arange(len(texts) + 1)), found.blocks
    )
    with pytest.raises(IndexFormatError, match="a block has another size than its texts"):
        shorter.take(rows)


def test_a_dictionary_is_trained_with_enough_text(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    words = [f"word{number}" for number in range(300)]
    texts = strings([" ".join(rng.choice(words, 12)) for _ in range(packed.SAMPLE_BYTES // 60)])
    packed.write_packed_strings(tmp_path, "raw_texts", texts, np.arange(len(texts)))
    found = packed.open_packed_strings(tmp_path, "raw_texts", len(texts))
    assert found.dictionary is not None
    assert found.take(np.arange(5)).array().to_pylist() == texts.take(np.arange(5)).array().to_pylist()


def test_the_order_of_tweets() -> None:
    def order(times: list[int], ids: list[str], texts: list[str]) -> list[int]:
        rest = pa.table({"text": pa.array(texts, pa.large_string())})
        return segment_writer.tweet_order(np.array(times), strings(ids), rest).tolist()

    # By time, then by id: numbers by size, others by length and letters; then by the rest.
    assert order([5, 5, 1], ["10", "9", "100"], ["a", "b", "c"]) == [2, 1, 0]
    assert order([5, 5, 1], ["x10", "x9", "x"], ["a", "b", "c"]) == [2, 1, 0]
    assert order([5, 5], ["xb", "xa"], ["a", "b"]) == [1, 0]
    for ids in (["7", "7"], ["x", "x"]):
        assert order([1, 1], ids, ["b", "a"]) == [1, 0]
        assert order([1, 0], ids, ["a", "b"]) == [1, 0]


def test_repeated_rows_are_left_out() -> None:
    id_of, text_of = np.array([5, 5, -1, 5, -1, 6]), np.array([0, 1, 0, 1, 0, 0])
    # Rows 3 and 1 are one tweet with one text; those without an id are tweets of their own.
    found = segment_writer.without_repeated(np.array([3, 1, 0, 2, 4, 5]), id_of, text_of)
    assert found.tolist() == [3, 0, 2, 4, 5]
    # Of ids 0 and 1 with the texts 1 and 0 none is another's.
    assert segment_writer.without_repeated(np.arange(2), np.array([0, 1]), np.array([1, 0])).tolist() == [0, 1]
    assert segment_writer.without_repeated(np.arange(0), np.arange(0), np.arange(0)).tolist() == []


def test_rows_go_text_by_text() -> None:
    rows, starts, numbers = segment_writer.by_text(np.array([2, 1, 0, 3, 4]), np.array([1, 0, 1, 0, 2]), 3)
    assert rows.tolist() == [2, 0, 1, 3, 4]
    assert starts.tolist() == [0, 2, 4, 5]
    assert numbers.tolist() == [1, 0, 2]


def test_seeds_follow_their_rows() -> None:
    # Key 1, then the number of the row, then the place.
    seeds = np.array([1 << 32 | row << 8 | 9 for row in (0, 1, 2, 2)], np.uint64)
    found = segment_writer.renumbered(seeds, np.array([2, 0]), np.array([7, 4], np.uint64), 3)
    assert found.tolist() == [1 << 32 | 4 << 8 | 9, 1 << 32 | 7 << 8 | 9, 1 << 32 | 7 << 8 | 9]


def test_numbers_of_texts_in_shards() -> None:
    def part(count: int, numbers: list[int] | None) -> Any:
        return SimpleNamespace(texts=range(count), numbers=None if numbers is None else np.array(numbers, np.uint32))

    # Two shards with the numbers 0 and 3, 1 and 2, and a segment of two texts behind them.
    segments = part(2, [0, 3]), part(2, [1, 2]), part(2, None)
    numbering = Numbering(segments, np.array([0, 2, 4, 6]), 2)
    assert numbering.places(np.arange(6)).tolist() == [0, 2, 3, 1, 4, 5]
    assert [each.tolist() for each in numbering.located(np.array([3, 1, 5, 0]))] == [[0, 1, 2, 0], [1, 0, 1, 0]]
    assert [numbering.numbers(n, np.array([1, 0])).tolist() for n in range(3)] == [[3, 0], [2, 1], [5, 4]]
    plain = Numbering((part(2, None), part(3, None)), np.array([0, 2, 5]), 0)
    assert [each.tolist() for each in plain.located(np.array([4, 1, 2]))] == [[1, 0, 1], [2, 1, 0]]


def test_segments_are_joined_where_they_fit(whole: Segment, monkeypatch: pytest.MonkeyPatch) -> None:
    size = whole.info.bytes
    for most_bytes, most_texts, fits in ((size, 6, True), (size - 1, 6, False), (size, 5, False)):
        monkeypatch.setattr(join, "MOST_BYTES", most_bytes)
        monkeypatch.setattr(join, "MAX_TEXTS", most_texts)
        assert join.can_join(whole, whole) == fits
    monkeypatch.setattr(join, "MAX_TEXTS", 1 << 24)
    monkeypatch.setattr(join, "MOST_SMALL_BYTES", 3 * size)
    (three,) = join.joined_all([whole, whole, whole], IndexParams())
    assert three.texts.array().to_pylist() == 3 * whole.texts.array().to_pylist()
    assert three.tweet_starts.all().tolist() == [0, 3, 4, 6, 9, 10, 12, 15, 16, 18]
    assert (three.info.texts, three.info.tweets) == (9, 18)
    monkeypatch.setattr(join, "MOST_SMALL_BYTES", 3 * size - 1)
    assert len(join.joined_all([whole, whole, whole], IndexParams())) == 3


def test_forgotten_rows_of_joined_segments(whole: Segment, forgotten: Segment) -> None:
    both = join.joined(whole, forgotten, IndexParams())
    assert both.forgotten.tolist() == [6, 9]
    assert both.living is not None
    assert both.living.tolist() == [True, True, True, True, False, True]
    assert both.tables(10).numbered(np.array([0, 5])).tolist() == [10, 15]
    assert whole.tables(0).living is None


def test_how_alike_texts_are_to_licensed_ones(tmp_path: Path) -> None:
    reader = provscan.build_index(TWEETS, tmp_path / "i.index").reader
    first = canonical(0).array()[0].as_py()
    text, offsets = buffers(pa.array([TEXTS[0], first[:18], "of nothing in it"], pa.large_string()))
    level, similarity, containment = compared(text, offsets, np.zeros(3, np.int64), reader)
    # 42 characters have 38 5-grams and its first 18 have 14 of them.
    grams = len({first[n : n + 5] for n in range(len(first) - 4)})
    part = len({first[n : n + 5] for n in range(14)})
    assert similarity.tolist() == [1, part / grams, 0]
    assert containment.tolist() == [1, part / grams, 0]
    assert level.tolist() == [1, 3, 3]


@pytest.mark.parametrize("looked_up", [0, 1 << 21])
def test_the_first_text_of_a_segment_may_stand_in_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, looked_up: int
) -> None:
    # Whether it is known beforehand which texts stand in several, or all are looked up.
    monkeypatch.setattr("provscan.index.reader.MOST_LOOKED_UP", looked_up)
    path = tmp_path / "i.index"
    provscan.build_index([tweet("1", 0, 1), tweet("2", 1, 2), tweet("3", 2, 3)], path)
    reader = provscan.build_index([tweet("4", 0, 4), tweet("5", 1, 1)], path, append=True).reader
    assert [segment.info.texts for segment in reader.segments] == [3, 2]
    # Of the second segment the texts of the first in another order, by time.
    assert reader.tweet_counts(np.arange(5)).tolist() == [2, 2, 1, 2, 2]
    assert reader.same_text(np.arange(5)).tolist() == [0, 1, 2, 1, 0]
    assert reader.tweet_ids(np.arange(5)).array().to_pylist() == ["1", "5", "3", "5", "1"]
    assert reader.raw_texts(np.array([4, 2])).array().to_pylist() == [TEXTS[0], TEXTS[2]]
    assert (reader.texts, reader.tweets, reader.size) == (3, 5, 5)
    rows, numbers = reader.equal_texts(canonical(1, 3, 0))
    assert sorted(zip(rows.tolist(), numbers.tolist(), strict=True)) == [(0, 1), (0, 3), (2, 0), (2, 4)]
    assert reader.texts_of_ids(pa.array(["5", "4", "9"])).tolist() in ([3, 4, -1], [1, 0, -1])
    # By time: on the second day the text of the first one has an older tweet elsewhere.
    assert reader.posted_since(NEW_YEAR + DAY).tolist() == [False, False, True, False, False]
    provscan.forget(path, ["1", "2"])
    reader = provscan.open_index(path).reader
    assert reader.tweet_counts(np.array([3, 4])).tolist() == [1, 1]
    assert reader.posted_since(NEW_YEAR + DAY)[[2, 4]].tolist() == [True, True]


@pytest.mark.parametrize("waiting", [1 << 20, 3])
def test_entries_wait_in_memory_or_in_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, waiting: int) -> None:
    monkeypatch.setattr(postings, "SPILL_ENTRIES", waiting)
    rng = np.random.default_rng(2)
    # The upper six bits of a key are the number of its part.
    entries = rng.integers(0, 1 << 63, 20, np.uint64) * np.uint64(2)
    expected = np.sort(entries)
    for parts in (False, True):
        into = postings.PostingsWriter(tmp_path, "t", postings.SEEDS)
        for low in range(0, 20, 4):
            into.add(entries[low : low + 4].copy())
        assert into.count == 20
        found = list(into.sorted_parts() if parts else into.sorted())
        assert np.concatenate(found).tolist() == expected.tolist()
        if parts:
            assert len(found) == postings.PARTS
            assert all((part >> np.uint64(58) == number).all() for number, part in enumerate(found))
        assert list(tmp_path.iterdir()) == []
    empty = postings.PostingsWriter(tmp_path, "t", postings.SEEDS)
    assert list(empty.sorted()) == []
    assert [part.tolist() for part in empty.sorted_parts()] == [[]] * postings.PARTS


def test_entries_get_the_new_numbers_of_their_texts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for waiting in (1 << 20, 2):
        monkeypatch.setattr(postings, "SPILL_ENTRIES", waiting)
        into = postings.PostingsWriter(tmp_path, "t", postings.SEEDS)
        into.add(np.array([9 << 40 | 0 << 8 | 7, 8 << 40 | 1 << 8 | 7], np.uint64))
        into.renumber(np.array([5, 4], np.uint32))
        # What comes later has its number already.
        into.add(np.array([7 << 40 | 0 << 8 | 7], np.uint64))
        found = np.concatenate(list(into.sorted())).tolist()
        assert found == [7 << 40 | 0 << 8 | 7, 8 << 40 | 4 << 8 | 7, 9 << 40 | 5 << 8 | 7]
