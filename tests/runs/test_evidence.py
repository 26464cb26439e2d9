"""Test the passages and tweets in ``matches.parquet``."""

import hashlib
import json
import zipfile
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import provscan
from provscan.report.files import RunFiles
from provscan.runs.counting.exhibits import candidates
from provscan.runs.counting.matches import MatchRows
from provscan.runs.evidence.tables import TABLE, TEXTS, texts_of

TWEETS = [
    {
        "id": "1101",
        "text": "The ferry is late again, bring a book",
        "author": "cat",
        "created_at": "2019-03-01",
        "lang": "en",
    },
    {
        "id": "forum-7",
        "text": "=SUM(A1) is the formula nobody remembers",
        "author": None,
        "created_at": None,
    },
]


def test_a_row_has_the_passage_and_the_earliest_tweet(tmp_path):
    reader = provscan.build_index(TWEETS, tmp_path / "a.index").reader
    order = [
        reader.tweet_ids(np.arange(2)).array().to_pylist().index(tweet["id"])
        for tweet in TWEETS
    ]
    rows = pa.record_batch(
        {
            "text": pa.array(order, pa.int64()),
            **{
                name: pa.array([name, "\0"], pa.large_string())
                for name in ("before", "passage", "after")
            },
        }
    )
    found = texts_of(rows, reader)
    assert found.schema.equals(TEXTS)
    first, second = found.to_pylist()
    assert first == {
        "before": "before",
        "passage": "passage",
        "after": "after",
        "tweet": TWEETS[0]["text"],
        "author": "cat",
        "time": datetime(2019, 3, 1, tzinfo=UTC),
        "permalink": "https://x.com/i/status/1101",
        "lang": "en",
        "has_text": True,
        "new": None,
    }
    assert (second["time"], second["permalink"]) == (None, None)
    assert (second["passage"], second["tweet"]) == ("\0", TWEETS[1]["text"])


def test_without_findings_the_file_has_no_rows(tmp_path):
    index = provscan.build_index(TWEETS, tmp_path / "a.index")
    provscan.match(
        [{"text": "nothing of theirs stands in here"}], index, tmp_path / "a.run"
    )
    matches = pq.read_table(tmp_path / "a.run" / "matches.parquet")
    assert (len(matches), matches.schema.names) == (0, TABLE.names)


def test_the_strongest_other_matches_keep_their_texts():
    """Neither findings nor matches of control texts are candidates."""
    bits = np.array([9.0, 8.0, np.nan, 7.0, 30.0, 40.0])
    counted = np.array([True, False, False, True, False, False])
    control = np.array([False] * 5 + [True])
    columns = dict.fromkeys(MatchRows._fields)
    columns |= {"bits": bits, "passes_rule": counted, "in_source": np.arange(6)}
    for limit, expected in ((9, [4, 1, 2]), (1, [4]), (0, [])):
        found = candidates(MatchRows(**columns), ~control, limit)
        assert found.tolist() == expected


@pytest.mark.pages
def test_a_run_without_texts_has_digests(tmp_path):
    """The matches, the report and exported lists have digests, whatever the options."""
    text = (
        "the harbour opened late because the old ferry had lost its only rudder again"
    )
    greeting = "good morning to you all today"
    greetings = [
        {"id": str(n), "text": greeting, "author": f"a{n}"} for n in range(10, 60)
    ]
    index = provscan.build_index(
        [{"id": "7", "text": text}, *greetings], tmp_path / "a.index"
    )
    data = [{"text": f"he wrote: {text}!"}, {"text": greeting}]
    run = provscan.match(data, index, tmp_path / "a.run", digests=True)
    whole = provscan.match(data, index, tmp_path / "b.run")
    assert whole.matches["passage"].to_pylist() == [text, greeting]
    (row,), (known,) = run.findings.to_pylist(), whole.findings.to_pylist()
    assert (row["has_text"], known["has_text"]) == (False, True)
    for name in ("passage", "tweet"):
        assert row[name] == hashlib.sha256(known[name].encode()).hexdigest()
    assert (row["before"], row["after"]) == (None, None)
    assert run.matches["passage"].null_count == 1
    page = (run.path / "report.html").read_text(encoding="utf-8")
    assert "Texts are left out of this report" in page
    assert "harbour" not in page
    files = RunFiles.open(run.path)
    exhibits = files.with_texts(files.exhibits).to_pylist()
    assert [exhibit["passage"] for exhibit in exhibits] == [row["passage"], None]


def _content(path):
    """Return the content of a file, without compression."""
    if path.suffix == ".parquet":
        return str(pq.read_table(path).to_pylist())
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            return str([archive.read(name) for name in archive.namelist()])
    return path.read_text(encoding="utf-8")


def test_no_file_of_a_run_with_digests_has_texts(tmp_path):
    """Nor if it replaces a run with texts, and lines of the dataset are damaged."""
    data = tmp_path / "data.jsonl"
    tweet = "never trust a goat near the harbour at low tide, said the old ferryman"
    plain = "a plain record without any wording that was licensed, which is number"
    others = [f"{plain} {n}" for n in range(50)]
    lines = [json.dumps({"text": text}) for text in [f"BEFORE {tweet}", *others]]
    data.write_text("\n".join(['{"text": "a damaged line', *lines, ""]))
    index = provscan.build_index([{"id": "7", "text": tweet}], tmp_path / "a.index")
    found = []
    for digests in (False, True):
        run = provscan.match(
            data,
            index,
            tmp_path / "a.run",
            digests=digests,
            overwrite=True,
            max_bad=1.0,
        )
        assert run.summary["answer"]["records"]["findings"] == 1
        contents = [_content(path) for path in run.path.iterdir()]
        words = ("BEFORE", "ferryman", "without any", "a damaged")
        found.append({word for word in words if any(word in each for each in contents)})
    assert found == [{"BEFORE", "ferryman", "without any"}, set()]
