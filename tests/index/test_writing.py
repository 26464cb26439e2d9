"""Test how segments are written, merged and joined: the order of tweets and texts,
files, and data that is kept until a segment is complete.
"""

import json

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from three_texts import TWEETS, strings

import provscan
from provscan.errors import IndexFormatError, OutputError, ProvscanError
from provscan.index import folder
from provscan.index.format import VERSION
from provscan.index.segment import packed
from provscan.index.segment import write as segment_writer
from provscan.index.segment.arrays import map_array
from provscan.index.segment.packed import pack_numbers
from provscan.index.segment.prepare import NO_TIME
from provscan.writing import TEMPORARY


def test_nothing_to_add_changes_nothing(tmp_path):
    index = provscan.build_index(TWEETS, tmp_path / "i.index")
    assert index.info()["generation"] == 1
    provscan.forget(index.path, ["7"])
    forgotten = (tmp_path / "i.index" / "manifest.json").read_bytes()
    edited = {**TWEETS[3], "text": "an edit that the index lacks"}
    more = [*TWEETS[:3], edited]
    info = provscan.build_index(more, index.path, append=True).info()
    names = ("added", "known", "changed", "forgotten")
    assert [info["appended"][name] for name in names] == [0, 3, 1, 1]
    assert info["generation"] == 2
    assert (tmp_path / "i.index" / "manifest.json").read_bytes() == forgotten
    (index.path / "lock").unlink()
    before = {path: path.stat().st_mtime_ns for path in index.path.rglob("*")}
    found = provscan.forget(index.path, ["x8", "nobody", "7"], dry_run=True)
    assert (found["tweets"], found["texts"], found["unknown"]) == (1, 0, 2)
    assert {
        path: path.stat().st_mtime_ns for path in index.path.rglob("*")
    } == before, "it may be read-only"
    found = provscan.forget(index.path, ["4", "9", "x8"])
    assert (found["tweets"], found["texts"], found["unknown"]) == (3, 2, 0)
    assert provscan.open_index(index.path).info()["texts"] == 1


def test_versions_and_repeated_rows(tmp_path, monkeypatch):
    def row(number, text):
        key = str(number) if number % 2 else f"id {number}"
        return {"id": key, "text": f"{text}, which no other tweet has"}

    rows = [
        row(1, "the first text"),
        row(2, "The SECOND text"),
        row(3, "the third text"),
        # These are a version of the first tweet, a tweet with the same text, and the
        # version again.
        row(1, "the first text, edited"),
        row(4, "the first text, edited"),
        row(1, "the first text, edited"),
        # These are a version with the text of an earlier tweet, and a repeated tweet.
        row(2, "the first text"),
        row(2, "the second text"),
        row(4, "the third text"),
        row(4, "the third text"),
    ]
    made = []
    for keys in (1 << 20, 1):
        monkeypatch.setattr(segment_writer, "GROUP_KEYS", keys)
        reader = provscan.build_index(rows, tmp_path / f"{keys}.index").reader
        assert reader.info()["versions"] == 3
        assert reader.info()["repeated_tweets"] == 3
        assert (reader.tweets, reader.texts) == (4, 4)
        made.append((reader.manifest.segments, _texts_by_id(reader)))
    assert made[0] == made[1]
    assert len(made[0][1]["1"]) == 2


def _texts_by_id(reader):
    found = {}
    for segment in reader.segments:
        for row in segment.tweets.table(segment.living_rows).to_pylist():
            found.setdefault(row["id"], []).append(row["text"])
    return {key: sorted(texts) for key, texts in found.items()}


def test_tombstones_and_purges_of_another_version_are_removed(tmp_path):
    path = tmp_path / "i.index"
    provscan.build_index(TWEETS, path)
    provscan.forget(path, ["7"])
    provscan.forget(path, [], purge=True)
    provscan.forget(path, ["4"])
    assert all(any((path / kind).iterdir()) for kind in ("tombstones", "purges"))
    manifest = json.loads((path / "manifest.json").read_text())
    (path / "manifest.json").write_text(json.dumps({**manifest, "version": 3}))
    provscan.build_index(TWEETS[:1], path, overwrite=True)
    assert {each.name for each in path.iterdir()} == {
        "lock",
        "manifest.json",
        "segments",
    }


@pytest.mark.parametrize("kind", ["segment", "file", "tombstones", "purges"])
@pytest.mark.parametrize("version", [VERSION, 3])
def test_a_forged_manifest_cannot_list_files_outside_the_folder(
    tmp_path, kind, version
):
    path, outside = tmp_path / "i.index", tmp_path / "precious"
    provscan.build_index(TWEETS, path)
    outside.mkdir()
    (outside / "file").write_text("mine")
    manifest = json.loads((path / "manifest.json").read_text())
    manifest["version"] = version
    (segment,) = manifest["segments"]
    entry = {"bytes": 4, "xxh3": "0" * 32}
    if kind == "segment":
        segment.update(name="../../precious", files={"file": entry})
    elif kind == "file":
        segment["files"]["../../../precious/file"] = entry
    elif kind == "tombstones":
        segment["tombstones"] = {**entry, "name": "../../precious/file"}
    else:
        manifest["purges"] = {"../../precious/file": entry}
    (path / "manifest.json").write_text(json.dumps(manifest))
    folder.remove_index(path)
    assert (outside / "file").read_text() == "mine"
    with pytest.raises(ProvscanError):
        provscan.build_index(TWEETS, path, overwrite=True)
    assert (outside / "file").read_text() == "mine"


def test_a_mapped_file_has_complete_entries(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(bytes(range(24)))
    assert map_array(path, np.uint64, 3).shape == (1, 3)
    assert map_array(path, np.uint8).tolist() == list(range(24))
    path.write_bytes(bytes(8))
    assert map_array(path, np.uint64).tolist() == [0]
    path.write_bytes(bytes(9))
    for dtype, columns, width in ((np.uint64, 0, 8), (np.uint8, 2, 2)):
        with pytest.raises(
            IndexFormatError, match=f"expected a multiple of {width} bytes, found 9"
        ):
            map_array(path, dtype, columns)
    path.write_bytes(b"")
    assert map_array(path, np.uint64, 2).shape == (0, 2)


def test_files_are_synced_before_the_manifest_lists_them(tmp_path, monkeypatch):
    path = tmp_path / "i.index"
    synced = []

    def note(place):
        name = TEMPORARY.sub("new", str(place.relative_to(tmp_path)))
        synced.append((name, (path / "manifest.json").exists()))

    monkeypatch.setattr(folder, "sync", note)
    reader = provscan.build_index(TWEETS, path).reader
    before = {place for place, named in synced if not named}
    segment = f"i.index/segments/{reader.segments[0].info.name}"
    named = {f"i.index/{name}" for name in reader.manifest.files()}
    assert before == {*named, segment, "i.index/segments", "i.index/new"}
    assert [place for place, named in synced if named] == ["i.index", "."]
    assert synced[-3] == ("i.index/new", False)
    # Old files are not written again.
    synced.clear()
    provscan.forget(path, ["7"])
    (stones,) = (path / "tombstones").iterdir()
    tombstones = {f"i.index/tombstones/{stones.name}", "i.index/tombstones"}
    assert {place for place, _ in synced} == {
        *tombstones,
        "i.index/new",
        "i.index",
        ".",
    }


def test_compressed_texts_of_many_blocks(tmp_path, monkeypatch):
    texts = strings(
        [
            f"text number {n} {'of these ' * (n % 7)}" if n % 5 else ""
            for n in range(7 * packed.BLOCK + 3)
        ]
    )
    rows = np.arange(len(texts))[::-1].copy()
    monkeypatch.setattr("provscan.arrays.PART", 2 * packed.BLOCK)
    # For large blocks, the size in the frame is compared first.
    monkeypatch.setattr(packed, "LARGE", 300)
    packed.write_packed_strings(tmp_path, "raw_texts", texts, rows)
    found = packed.open_packed_strings(tmp_path, "raw_texts", len(rows))
    assert len(found) == len(texts)
    expected = texts.array().to_pylist()[::-1]
    for asked in (
        rows,
        rows[:1],
        rows[-1:],
        rows[::7],
        np.array([3, 3, 0, packed.BLOCK, packed.BLOCK - 1]),
    ):
        assert found.take(asked).array().to_pylist() == [expected[row] for row in asked]
    assert len(found.take(rows[:0])) == 0
    assert found.dictionary is None
    # A block of wrong size is rejected before it is decompressed.
    shorter = packed.PackedStrings(
        found.path,
        found.compressed,
        None,
        pack_numbers(np.arange(len(texts) + 1)),
        found.blocks,
    )
    with pytest.raises(IndexFormatError, match="block has another size"):
        shorter.take(rows)


def test_a_dictionary_is_trained_with_enough_text(tmp_path):
    rng = np.random.default_rng(1)
    words = [f"word{number}" for number in range(300)]
    texts = strings(
        [" ".join(rng.choice(words, 12)) for _ in range(packed.SAMPLE_BYTES // 60)]
    )
    packed.write_packed_strings(tmp_path, "raw_texts", texts, np.arange(len(texts)))
    found = packed.open_packed_strings(tmp_path, "raw_texts", len(texts))
    assert found.dictionary is not None
    assert (
        found.take(np.arange(5)).array().to_pylist()
        == texts.take(np.arange(5)).array().to_pylist()
    )


def test_the_maximum_size_of_a_segment(tmp_path, monkeypatch):
    monkeypatch.setattr(segment_writer, "MAX_ROWS", 3)
    rows = [{"id": str(n), "text": f"some text of number {n}"} for n in range(4)]
    provscan.build_index(rows[:3], tmp_path / "three.index")
    with pytest.raises(OutputError, match="at most 3 tweets"):
        provscan.build_index(rows, tmp_path / "four.index")
    assert not (tmp_path / "four.index").exists()


@given(
    st.lists(
        st.tuples(
            st.integers(-3, 3) | st.sampled_from([NO_TIME, 1 << 40]), st.integers(8, 11)
        ),
        max_size=40,
    ),
    st.sampled_from(["", "x"]),
)
def test_tweets_are_ordered_by_time_then_by_id(tweets, prefix):
    times = np.array([time for time, _ in tweets], np.int64)
    ids = strings([f"{prefix}{number}" for _, number in tweets])
    rest = pa.table({"row": np.arange(len(tweets))})
    order = segment_writer.tweet_order(times, ids, rest)
    assert order.tolist() == sorted(
        range(len(tweets)), key=lambda row: (*tweets[row], row)
    )
