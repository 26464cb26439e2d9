"""Test that tweets stored word by word are found, with spans in the joined text and in
the file.
"""

import json

from dataset import TWEETS

import provscan
from provscan.runs.questions.explain import explain_record

LONG = [
    tweet
    for tweet in TWEETS
    if 90 <= len(tweet["text"]) <= 140 and "http" not in tweet["text"]
][:40]


def test_tweets_stored_word_by_word_are_found(index, tmp_path):
    sentences = [tweet["text"].split() for tweet in LONG]
    path = tmp_path / "a.jsonl"
    texts = [" ".join(words) for words in sentences]
    path.write_text(
        "".join(json.dumps({"tokens": words}) + "\n" for words in sentences),
        encoding="utf-8",
    )
    run = provscan.match(path, index, tmp_path / "a.run", spike_ins=0)
    assert run.summary["notes"] == {}
    rows = run.matches.to_pylist()
    assert {(row["record"], row["tweet_id"]) for row in rows} >= {
        (n, tweet["id"]) for n, tweet in enumerate(LONG)
    }
    assert {row["level"] for row in rows} <= {"exact", "near_exact"}
    assert {row["field"] for row in rows} == {"tokens"}
    known = {tweet["id"]: provscan.canonical([tweet["text"]])[0] for tweet in TWEETS}
    for row in run.findings.to_pylist():
        own = texts[row["record"]][row["start"] : row["end"]]
        assert own == row["passage"]
        assert provscan.canonical([row["passage"]])[0] == known[row["tweet_id"]]
    explained = explain_record(run.info, run.matches, 0, index)[0]
    assert explained["match"] in rows
