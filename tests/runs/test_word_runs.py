"""Test that tweets stored word by word are found, with spans in the joined text and in
the file.
"""

import json

import pytest
from dataset import TWEETS

import provscan
from provscan.readers.strings import LEFT_OUT
from provscan.runs.questions.explain import explain_record

LONG = [
    tweet
    for tweet in TWEETS
    if 90 <= len(tweet["text"]) <= 140 and "http" not in tweet["text"]
][:40]


@pytest.mark.parametrize("name", ["a.jsonl", "a.conll"])
def test_tweets_stored_word_by_word_are_found(index, tmp_path, name):
    sentences = [tweet["text"].split() for tweet in LONG]
    path = tmp_path / name
    if name == "a.jsonl":
        texts = [" ".join(words) for words in sentences]
        path.write_text(
            "".join(json.dumps({"tokens": words}) + "\n" for words in sentences),
            encoding="utf-8",
        )
    else:
        texts = ["\n".join(f"{word} NN O" for word in words) for words in sentences]
        path.write_text("\n\n".join(texts) + "\n", encoding="utf-8")
    run = provscan.match(path, index, tmp_path / "a.run", spike_ins=0)
    assert run.summary["notes"] == ({} if name == "a.jsonl" else {"word_a_line": 1})
    rows = run.matches.to_pylist()
    assert {(row["record"], row["tweet_id"]) for row in rows} >= {
        (n, tweet["id"]) for n, tweet in enumerate(LONG)
    }
    assert {row["level"] for row in rows} <= {"exact", "near_exact"}
    assert {row["field"] for row in rows} == {"tokens" if name == "a.jsonl" else "text"}
    known = {tweet["id"]: provscan.canonical([tweet["text"]])[0] for tweet in TWEETS}
    for row in run.evidence.to_pylist():
        own = texts[row["record"]][row["start"] : row["end"]]
        assert all(
            new in (old, LEFT_OUT) for old, new in zip(own, row["passage"], strict=True)
        )
        assert provscan.canonical([row["passage"]])[0] == known[row["tweet_id"]]
    explained = explain_record(run.info, run.matches, 0, index)[0]
    assert explained["match"] in rows
