"""Test ids of licensed tweets: damaged ids are not used, and no tweet counts twice."""

import json
import zipfile
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from readers.tweet_forms import (
    FORMS,
    PLANTED,
    lines,
    rows_of,
    text_file,
    v2,
)

import provscan
from provscan.readers import Fields, ReadStats, plan_tweets
from provscan.readers.corpus.tweets import read_tweets
from provscan.readers.limits import current_limits

FIRST, SECOND = PLANTED[:2]


def test_versions_of_an_edited_tweet_are_one_tweet(tmp_path):
    history = [FIRST.id, SECOND.id]
    path = text_file(
        "tweets.jsonl",
        lines(
            [
                v2(FIRST, edit_history_tweet_ids=history),
                v2(SECOND, edit_history_tweet_ids=history),
            ]
        ),
    )(tmp_path)
    index = provscan.build_index(str(path), tmp_path / "licensed.index")
    assert (index.info()["tweets"], index.info()["texts"]) == (1, 2)
    assert index.match([FIRST.text, SECOND.text])["tweet_id"].to_pylist() == [
        FIRST.id,
        FIRST.id,
    ]


def test_a_run_counts_texts_and_tweets_separately(tmp_path):
    """Two texts of one tweet are two texts, and no text without an id counts twice."""
    rows = [
        {"id": "7", "text": FIRST.text},
        {"id": "7", "text": SECOND.text},
        *({"id": None, "text": t.text} for t in PLANTED[2:]),
    ]
    index = provscan.build_index(rows, tmp_path / "licensed.index")
    run = provscan.match(
        [{"text": t.text} for t in PLANTED], index, tmp_path / "a.run", spike_ins=0
    )
    assert (run.summary["texts_found"], run.summary["tweets_found"]) == (6, 5)


def test_numbers_that_lost_digits_are_not_ids(tmp_path):
    table = pa.table(
        {"id": [float(t.id) for t in PLANTED], "text": [t.text for t in PLANTED]}
    )
    pq.write_table(table, path := tmp_path / "tweets.parquet")
    rows, stats = rows_of(path)
    assert len({row["id"] for row in rows}) == len(PLANTED)
    assert all(":" in row["id"] for row in rows)
    assert stats.notes == {"id_mangled": len(PLANTED)}


@pytest.mark.parametrize("digits", [17, 18, 19])
def test_ids_rounded_to_15_digits_are_not_ids(digits, tmp_path):
    """Ids of 17 digits are from 2010 and 2011."""
    kept = range(10**14, 10**14 + 20)
    lines = [f"{n}{'0' * (digits - 15)},some words of a tweet {n}" for n in kept]
    path = tmp_path / "tweets.csv"
    path.write_text("\n".join(["id,text", *lines, ""]))
    rows, stats = rows_of(path)
    assert [row["id"] for row in rows] == [f"{path}:{line}" for line in range(1, 21)]
    assert stats.notes == {"id_mangled": 20}


def rounded(numbers):
    return [f"{10**14 + n}00,some words of a tweet {n}" for n in numbers]


def whole(numbers):
    return [f"{10**16 + 100 * n + 7},some words of a tweet {n}" for n in numbers]


@pytest.mark.parametrize("chunk", [1000, 2 << 20])
@pytest.mark.parametrize(
    ("lines", "mangled"),
    [
        ([*rounded(range(2))], 0),
        ([*whole(range(1, 5)), *rounded(range(4))], 0),
        ([*whole(range(1, 5)), *rounded(range(5))], 5),
        # Only the first 1,000 tweets are judged, and the verdict holds for all.
        ([*rounded(range(501)), *whole(range(1, 3000))], 501),
        ([*whole(range(1, 501)), *rounded(range(3000))], 0),
    ],
)
def test_ids_that_end_in_zeros_by_chance_are_kept(lines, mangled, chunk, tmp_path):
    path = tmp_path / "tweets.csv"
    path.write_text("\n".join(["id,text", *lines]))
    stats = ReadStats()
    [file] = plan_tweets(str(path), Fields()).files
    limits = replace(current_limits(), chunk=chunk)
    for _ in read_tweets(file, stats, limits=limits):
        pass
    assert stats.records == len(lines)
    assert stats.notes.get("id_mangled", 0) == mangled


def test_overlapping_exports_count_each_tweet_once(tmp_path):
    for form in ("v1.1 lines, full_text", "csv", "account archive, zip"):
        (tmp_path / "d" / form).mkdir(parents=True)
        FORMS[form](tmp_path / "d" / form)
    info = provscan.build_index(str(tmp_path / "d"), tmp_path / "licensed.index").info()
    assert (info["tweets"], info["texts"], info["repeated_tweets"]) == (6, 6, 12)


def test_a_file_with_several_names_is_read_once(tmp_path, monkeypatch):
    """Its tweets have no ids, so repeated tweets could not be recognised."""
    monkeypatch.chdir(tmp_path)
    Path("more").mkdir()
    file, link, hard, packed = (
        Path("more/a.jsonl"),
        Path("link.jsonl"),
        Path("hard.jsonl"),
        Path("b.zip"),
    )
    file.write_text(
        "".join(
            json.dumps({"text": f"a kettle that nobody sold, number {n}"}) + "\n"
            for n in range(3)
        )
    )
    link.symlink_to(file)
    hard.hardlink_to(file)
    with zipfile.ZipFile(packed, "w") as archive:
        archive.write(file, "c.jsonl")
        archive.write(file, "d.jsonl")
    info = provscan.build_index(
        [file, link, hard, "./more/a.jsonl", "more", packed, f"./{packed}"], "a.index"
    ).info()
    assert (info["tweets"], info["texts"], info["repeated_tweets"]) == (9, 3, 0)
    assert sorted(item["path"] for item in info["ignored"]) == [
        "./b.zip",
        "./more/a.jsonl",
        "hard.jsonl",
        "link.jsonl",
        "more/a.jsonl",
    ]
