"""``evidence.parquet``: the passages and tweets of the counted matches, in the order of ``matches.parquet``."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

import provscan
from provscan.runs.evidence import write_evidence

TWEETS = [
    {"id": "1101", "text": "The ferry is late again, bring a book", "author": "cat", "created_at": "2019-03-01"},
    {"id": "forum-7", "text": "=SUM(A1) is the formula nobody remembers", "author": None, "created_at": None},
]


def test_a_row_is_the_passage_and_its_earliest_tweet(tmp_path: Path) -> None:
    reader = provscan.build_index(TWEETS, tmp_path / "a.index").reader
    order = [reader.tweet_ids(np.arange(2)).array().to_pylist().index(tweet["id"]) for tweet in TWEETS]
    rows = pa.table(
        {
            **{name: ["a.jsonl"] * 3 for name in ("source",)},
            "record": [4, 5, 6],
            "start": [9, 0, 3],
            "end": [46, 40, 40],
            "text": pa.array([order[0], order[1], order[0]], pa.int64()),
            **{name: pa.array([name, "\0", name], pa.large_string()) for name in ("before", "passage", "after")},
        }
    )
    assert write_evidence(rows.to_batches(), np.array([True, True, False]), reader, tmp_path / "evidence.parquet") == 2
    first, second = pq.read_table(tmp_path / "evidence.parquet").to_pylist()
    assert first == {
        "source": "a.jsonl", "record": 4, "field": None, "start": 9, "end": 46, "tweet_id": "1101",
        "before": "before", "passage": "passage", "after": "after", "tweet": TWEETS[0]["text"], "author": "cat",
        "time": datetime(2019, 3, 1, tzinfo=UTC), "permalink": "https://x.com/i/status/1101",
    }  # fmt: skip
    assert (second["tweet_id"], second["time"], second["permalink"]) == ("forum-7", None, None)
    assert (second["passage"], second["tweet"]) == ("\0", TWEETS[1]["text"])


def test_no_counted_match_is_a_file_without_rows(tmp_path: Path) -> None:
    reader = provscan.build_index(TWEETS, tmp_path / "a.index").reader
    rows = pa.table({"source": ["a"], "text": pa.array([0], pa.int64())})
    assert write_evidence(rows.to_batches(), np.zeros(1, bool), reader, tmp_path / "evidence.parquet") == 0
    assert pq.read_table(tmp_path / "evidence.parquet").column_names[:2] == ["source", "record"]
