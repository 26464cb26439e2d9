"""Test that an id counts as one tweet: repeated rows change nothing, and rows with the
same id and another text are versions.
"""

import numpy as np
import pyarrow as pa
import pytest

import provscan
from provscan.index.segment.write import KeyTable

TEXTS = [
    f"this is licensed tweet number {number} about nothing at all"
    for number in range(40)
]


def build(folder, rows):
    table = pa.table({"id": [row[0] for row in rows], "text": [row[1] for row in rows]})
    return provscan.build_index(table, folder / "licensed.index")


def test_versions_of_a_tweet_are_found_and_count_once(tmp_path):
    index = build(
        tmp_path,
        [
            ("7", TEXTS[0]),
            ("7", TEXTS[1]),
            ("8", TEXTS[2]),
            ("7", TEXTS[1]),
            ("7", TEXTS[0]),
        ],
    )
    info = index.info()
    assert (
        info["tweets"],
        info["texts"],
        info["repeated_tweets"],
        info["versions"],
    ) == (2, 3, 2, 1)
    found = index.match([TEXTS[0], TEXTS[1], TEXTS[2]])
    assert found["tweet_id"].to_pylist() == ["7", "7", "8"]
    assert index.reader.count_tweets(np.arange(3)) == 2
    assert index.reader.count_tweets(np.array([2])) == 1


def test_tweets_without_ids_are_all_counted(tmp_path):
    index = build(tmp_path, [(None, text) for text in [*TEXTS, TEXTS[3]]])
    assert index.info()["tweets"] == 41
    found = index.match([TEXTS[3], TEXTS[5]])
    assert found["tweet_id"].to_pylist() == ["<memory>:4", "<memory>:6"]
    assert found["tweets"].to_pylist() == [2, 1]


@pytest.mark.parametrize("bad", ["1.38957E+18", "1.38957e+18", 1.38957e18])
def test_ids_rounded_by_a_spreadsheet_are_rejected(tmp_path, bad):
    rows = [{"id": bad, "text": text} for text in TEXTS]
    index = provscan.build_index(rows, tmp_path / "licensed.index")
    assert index.info()["tweets"] == 40
    assert index.info()["read"]["notes"] == {"id_mangled": 40}
    assert index.match([TEXTS[9]])["tweet_id"].to_pylist() == ["<memory>:10"]


def test_ids_of_fifteen_digits_and_zeros_are_rejected(tmp_path):
    whole = [
        (f"13895712345678{number:05}", text) for number, text in enumerate(TEXTS, 11)
    ]
    info = build(tmp_path / "whole", whole).info()
    assert info["read"]["notes"] == {}
    rounded = [(f"{int(tweet) // 10000}0000", text) for tweet, text in whole]
    info = build(tmp_path / "rounded", rounded).info()
    assert (info["tweets"], info["read"]["notes"]) == (40, {"id_mangled": 40})


def test_keys_keep_their_numbers_as_the_table_grows():
    table = KeyTable()
    # This number of keys would fill the table if its size were not rounded up.
    keys = np.random.default_rng(1).integers(0, 2**63, (140_000, 2)).astype(np.uint64)
    numbers = np.concatenate([table.number(part) for part in np.array_split(keys, 7)])
    assert numbers.tolist() == list(range(140_000))
    assert table.number(keys[::1000]).tolist() == list(range(0, 140_000, 1000))
    assert table.count == 140_000
