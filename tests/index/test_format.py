"""Test the index on disk: a golden index of every version, and errors for damaged or
missing files.
"""

import dataclasses
import errno
import importlib.util
import os
import re
import shutil
from datetime import UTC, datetime
from pathlib import Path

import naive
import naive_passages
import naive_sketch
import numpy as np
import pytest
from files_of_indexes import change_manifest
from nightly import NIGHTLY

import provscan
import provscan.index.segment.read
from provscan.errors import IndexFormatError, OutputError
from provscan.index.format import read_manifest
from provscan.kernels.search.minimizers import place_code

GOLDEN = Path(__file__).parent / "golden"
(SEGMENT,) = (GOLDEN / "v1" / "segments").iterdir()
FILES = sorted(path.name for path in SEGMENT.iterdir())


# These are written out, since the defaults may change, but not the golden index.
FINGERPRINT = "30bad3901f7e0b7a71c16628cf5fa087"
PARAMS = provscan.IndexParams(bands=16, rows=4, seed_length=10, seed_window=4)


def golden_tweets():
    spec = importlib.util.spec_from_file_location("make", GOLDEN / "make.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.TWEETS


@pytest.fixture
def folder(tmp_path):
    """Return a copy of the golden index."""
    return Path(shutil.copytree(GOLDEN / "v1", tmp_path / "licensed.index"))


def assert_table(table, rows, key_bits):
    """Check a table, given pairs of a key and the number of a text (8 bits)."""
    bits = key_bits - 24
    known = sorted((key >> (64 - key_bits), number) for key, number in rows)
    assert table.entries.tolist() == [
        key % (1 << 24) << 8 | number for key, number in known
    ]
    buckets = [key >> 24 for key, _ in known]
    assert (
        table.starts.tolist()
        == np.searchsorted(buckets, np.arange((1 << bits) + 1)).tolist()
    )


def test_golden_index_of_version_1():
    tweets = golden_tweets()
    # Their years are 2019, 2020, 2020 and 2021.
    kept = [tweets[number] for number in (0, 1, 2, 3)]
    texts = list(dict.fromkeys(naive.canonical(tweet["text"]) for tweet in kept))
    index = provscan.open_index(GOLDEN / "v1")
    assert index.fingerprint == FINGERPRINT
    assert index.params == PARAMS
    (segment,) = index.reader.segments
    assert segment.texts.array().to_pylist() == texts
    assert len(texts) == 3
    ordered = [kept[number] for number in (1, 0, 2, 3)]
    assert segment.tweet_starts.all().tolist() == [0, 2, 3, 4]
    assert segment.tweets.table(np.arange(4)).to_pylist() == [
        {
            "id": tweet["id"] or "<memory>:4",
            "text": tweet["text"],
            "author": tweet["author"],
            "created_at": time and datetime.fromtimestamp(time / 1000, UTC),
            "lang": tweet["lang"],
            "rt_of": None,
        }
        for tweet, time in zip(
            ordered,
            [
                1577836800000,
                (1212343040000000000 >> 22) + 1288834974657,
                1625054400250,
                None,
            ],
            strict=True,
        )
    ]
    keys = [
        (naive_passages.text_keys(text.encode())[0], number)
        for number, text in enumerate(texts)
    ]
    assert_table(segment.whole.exact, keys, 30)
    signatures = [naive_sketch.signature(text) for text in texts]
    bands = [
        (key, n)
        for n, s in enumerate(signatures)
        for key in naive_sketch.band_keys(s, 16, 4)
    ]
    assert_table(segment.whole.bands, bands, 32)
    hashes = [naive_passages.seed_hash(key >> 32) for key, _ in bands]
    assert segment.whole.band_filter.words.tolist() == naive_passages.key_filter(
        hashes, 4
    )
    assert segment.whole.sketches.tolist() == [
        naive_sketch.two_bit_sketch(s) for s in signatures
    ]
    seeds, frequent = naive_passages.table_seeds(texts, 10, 4)
    assert_table(
        segment.seeds.postings,
        [(key << 32, number) for key, number, _ in sorted(seeds)],
        32,
    )
    assert segment.seeds.places.tolist() == [
        place_code(place) for _, _, place in sorted(seeds)
    ]
    hashes = [naive_passages.seed_hash(key) for key, _, _ in seeds]
    assert segment.seeds.filter.words.tolist() == naive_passages.key_filter(hashes, 4)
    assert not frequent
    assert segment.frequent.words.tolist() == [0] * 16
    rows = (
        index.match([tweet["text"] for tweet in tweets])
        .select(["record", "tweet_id", "tweets", "level"])
        .to_pylist()
    )
    assert [tuple(row.values()) for row in rows] == [
        (0, "1212000000000000000", 2, "near_exact"),
        (1, "1212000000000000000", 2, "exact"),
        (2, "3", 1, "exact"),
        (3, "<memory>:4", 1, "exact"),
    ]


def test_the_golden_manifest_equals_a_new_one():
    assert (
        read_manifest(GOLDEN / "v1").encoded()
        == (GOLDEN / "v1" / "manifest.json").read_bytes()
    )


def test_the_golden_index_equals_a_new_one(tmp_path):
    """If this fails, the format has changed: give it a new version."""
    index = provscan.build_index(golden_tweets(), tmp_path / "today.index")
    assert (index.params, index.fingerprint) == (PARAMS, FINGERPRINT)
    for name in FILES:
        if name.startswith(
            "raw_texts"
        ):  # Its bytes depend on the version of Zstandard.
            continue
        own, theirs = (
            path / "segments" / SEGMENT.name / name
            for path in (tmp_path / "today.index", GOLDEN / "v1")
        )
        assert own.read_bytes() == theirs.read_bytes(), name


@pytest.mark.parametrize("mask", [0x01, 0x80, *([0x04, 0x20] if NIGHTLY else [])])
def test_any_flipped_byte_of_the_manifest_is_detected(folder, mask):
    path = folder / "manifest.json"
    raw = path.read_bytes()
    for place in range(0, len(raw) - 1, 3):
        path.write_bytes(raw[:place] + bytes([raw[place] ^ mask]) + raw[place + 1 :])
        with pytest.raises(IndexFormatError, match=re.escape(str(path))):
            provscan.open_index(folder)


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file(folder, name):
    path = folder / "segments" / SEGMENT.name / name
    path.unlink()
    with pytest.raises(
        IndexFormatError,
        match=rf"{re.escape(str(path))} is missing .*build the index again",
    ):
        provscan.open_index(folder)


@pytest.mark.parametrize(
    # Unreleased versions had numbers up to 25.
    "version",
    [0, 2, 24, 25, "1", None],
)
def test_another_version(folder, version):
    change_manifest(folder, version=version)
    with pytest.raises(IndexFormatError) as error:
        provscan.open_index(folder)
    assert str(error.value) == (
        f"{folder / 'manifest.json'} has index version {version!r}, and this provscan "
        "reads version 1: build the index again, or use the provscan that wrote it"
    )


def test_verify_compares_counts_with_the_segments(folder):
    assert provscan.verify(folder).items() >= {"texts": 3, "tweets": 4}.items()
    change_manifest(folder, texts=4)
    with pytest.raises(IndexFormatError, match="counts 4 texts, the segments contain"):
        provscan.verify(folder)


def test_another_canonical_version(folder):
    change_manifest(
        folder, params={**provscan.IndexParams().as_dict(), "canonical_version": 2}
    )
    with pytest.raises(IndexFormatError, match="canonical texts of version 2"):
        provscan.open_index(folder)


@pytest.mark.parametrize(
    "values",
    [
        {"segments": [{"name": "000001"}]}, {"params": {"new": 1}}, {"notes": 3}, {"segments": 7},  # noqa: E501
        {"seed_length": None}, {"seed_length": 3}, {"seed_length": "10"},
    ],
)  # fmt: skip
def test_a_manifest_with_invalid_values(folder, values):
    change_manifest(folder, **values)
    with pytest.raises(IndexFormatError, match="index that this provscan can't read"):
        provscan.open_index(folder)


def test_a_manifest_with_a_contradictory_seed_length(folder):
    manifest = read_manifest(folder)
    for length, valid in ((10, True), (12, False)):
        params = dataclasses.replace(manifest.params, seed_length=length)
        (folder / "manifest.json").write_bytes(
            dataclasses.replace(manifest, params=params).encoded()
        )
        if valid:
            assert provscan.open_index(folder).params.seed_length == 10
        else:
            with pytest.raises(IndexFormatError, match="seed_length is 10, which"):
                provscan.open_index(folder)


def test_an_index_is_replaced_only_with_overwrite(folder):
    for overwrite in (None, False):
        with pytest.raises(OutputError, match=r"exists already.*overwrite=True"):
            provscan.build_index(
                [{"text": "some text or other"}], folder, overwrite=overwrite
            )
    index = provscan.build_index(
        [{"text": "some text or other"}], folder, overwrite=True
    )
    assert len(index) == len(provscan.open_index(folder)) == 1
    assert index.info()["generation"] == 2
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]
    assert len(list((folder / "segments").iterdir())) == 1


def test_an_index_is_changed_but_not_replaced_through_a_link(folder):
    link = folder.with_name("link.index")
    link.symlink_to(folder)
    before = provscan.open_index(folder).fingerprint
    with pytest.raises(OutputError, match="is a link"):
        provscan.build_index([{"text": "some text or other"}], link, overwrite=True)
    assert provscan.open_index(folder).fingerprint == before
    provscan.build_index([{"text": "some text or other"}], link, append=True)
    assert link.is_symlink()
    assert provscan.open_index(folder).fingerprint != before


def test_parent_folders_are_created(tmp_path):
    provscan.build_index(
        [{"text": "some text or other"}], tmp_path / "a" / "b" / "c.index"
    )
    assert len(provscan.open_index(tmp_path / "a" / "b" / "c.index")) == 1
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match=r"failed: Not a directory\. Nothing"):
        provscan.build_index(
            [{"text": "some text or other"}], tmp_path / "file" / "c.index"
        )


@pytest.mark.parametrize("place", ["manifest", "postings"])
def test_a_full_disk(tmp_path, place, monkeypatch):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    target = {
        "manifest": "provscan.index.format.Manifest.encoded",
        "postings": "provscan.index.segment.postings.write_array",
    }
    monkeypatch.setattr(target[place], full)
    with pytest.raises(OutputError, match=r"failed: No space left on device\. Nothing"):
        provscan.build_index([{"text": "some text or other"}], tmp_path / "a.index")
    assert list(tmp_path.iterdir()) == []
