"""``evidence.parquet``: the passages and tweets of the counted matches, in the order of ``matches.parquet``."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

import provscan
from provscan.report import write_report
from provscan.report.files import RunFiles
from provscan.runs.evidence import CANDIDATE, Kept, kept, write_evidence

TWEETS = [
    {
        "id": "1101",
        "text": "The ferry is late again, bring a book",
        "author": "cat",
        "created_at": "2019-03-01",
        "lang": "en",
    },
    {"id": "forum-7", "text": "=SUM(A1) is the formula nobody remembers", "author": None, "created_at": None},
]  # fmt: skip


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
    flags = [np.array(values, bool) for values in ((1, 1, 0), (1, 1, 0), (0, 0, 1))]
    others = write_evidence(rows.to_batches(), Kept(*flags), reader, tmp_path / "evidence.parquet")
    assert others.schema.equals(CANDIDATE)
    assert others["tweet"].to_pylist() == [TWEETS[0]["text"]]
    first, second = pq.read_table(tmp_path / "evidence.parquet").to_pylist()
    assert first == {
        "source": "a.jsonl", "record": 4, "field": None, "start": 9, "end": 46, "tweet_id": "1101",
        "before": "before", "passage": "passage", "after": "after", "tweet": TWEETS[0]["text"], "author": "cat",
        "time": datetime(2019, 3, 1, tzinfo=UTC), "permalink": "https://x.com/i/status/1101",
        "lang": "en", "has_text": True,
    }  # fmt: skip
    assert (second["tweet_id"], second["time"], second["permalink"]) == ("forum-7", None, None)
    assert (second["passage"], second["tweet"]) == ("\0", TWEETS[1]["text"])


def test_no_counted_match_is_a_file_without_rows(tmp_path: Path) -> None:
    reader = provscan.build_index(TWEETS, tmp_path / "a.index").reader
    rows = pa.table({"source": ["a"], "text": pa.array([0], pa.int64())})
    none = Kept(*[np.zeros(1, bool)] * 3)
    assert len(write_evidence(rows.to_batches(), none, reader, tmp_path / "evidence.parquet")) == 0
    assert pq.read_table(tmp_path / "evidence.parquet").column_names[:2] == ["source", "record"]


def test_texts_are_kept_of_the_strongest() -> None:
    """Counted matches first, then the others; control texts never."""
    bits = [9.0, 8.0, None, 7.0, 30.0, 40.0]
    control, counted = [False] * 5 + [True], np.array([True, False, False, True, False, False])
    added = pa.table({"bits": pa.array(bits, pa.float32()), "control": control})
    rows = pa.table({"record": range(6)})

    def chosen(texts: int | None, candidates: int = 9) -> tuple[list[int], list[int]]:
        found = kept(rows, added, counted, texts, candidates)
        assert found.counted is counted
        return np.flatnonzero(found.texts).tolist(), np.flatnonzero(found.candidates).tolist()

    assert chosen(None) == ([0, 3], [1, 2, 4])
    assert chosen(None, 1) == ([0, 3], [4])
    assert chosen(4) == ([0, 3], [1, 4])
    assert chosen(1) == ([0], [])
    assert chosen(0) == ([], [])


def test_a_run_without_texts_holds_their_digests(tmp_path: Path) -> None:
    """Everywhere: in both tables, in the report, whatever it is asked for, and in lists."""
    text = "the harbour opened late because the old ferry had lost its only rudder again"
    greeting = "good morning to you all"
    greetings = [{"id": str(n), "text": greeting, "author": f"a{n}"} for n in range(10, 60)]
    index = provscan.build_index([{"id": "7", "text": text}, *greetings], tmp_path / "a.index")
    data = [{"text": f"he wrote: {text}!"}, {"text": greeting}]
    run = provscan.match(data, index, tmp_path / "a.run", no_text=True)
    whole = provscan.match(data, index, tmp_path / "b.run")
    assert whole.matches["passage"].to_pylist() == [None, greeting]
    (row,), (known,) = run.evidence.to_pylist(), whole.evidence.to_pylist()
    assert (row["has_text"], known["has_text"]) == (False, True)
    for name in ("passage", "tweet"):
        assert row[name] == hashlib.sha256(known[name].encode()).hexdigest()
    assert (row["before"], row["after"]) == (None, None)
    assert run.matches["passage"].null_count == 2
    for path in (run.path / "report.html", write_report(run.path, tmp_path / "c.html", texts=9)):
        page = path.read_text(encoding="utf-8")
        assert "Texts are left out of this report" in page
        assert "harbour" not in page
    exhibits = RunFiles.open(run.path).with_texts().to_pylist()
    assert [exhibit["passage"] for exhibit in exhibits] == [row["passage"], None]
    assert b"harbour" not in b"".join(path.read_bytes() for path in run.path.iterdir())
