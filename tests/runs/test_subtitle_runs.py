"""Test that tweets that extend over several subtitles are found, with their spans in
the file.
"""

import json
import textwrap

import pyarrow as pa
import pytest
from dataset import TWEETS

import provscan
from provscan.params import MatchParams
from provscan.readers import spoken
from provscan.readers.strings import LEFT_OUT
from provscan.runs.questions.explain import explain_record, explain_text

LONG = [
    tweet
    for tweet in TWEETS
    if 90 <= len(tweet["text"]) <= 140 and "http" not in tweet["text"]
][:40]


def subtitles(texts):
    lines = textwrap.wrap(
        " ".join(texts), 30, break_long_words=False, break_on_hyphens=False
    )
    cues = [lines[at : at + 2] for at in range(0, len(lines), 2)]
    numbered = [
        (n, f"00:{n // 60:02}:{n % 60:02}", "\n".join(cue))
        for n, cue in enumerate(cues, 1)
    ]
    return "\n".join(
        f"{n}\n{time},000 --> {time},900\n{cue}\n" for n, time, cue in numbered
    )


@pytest.fixture(scope="module")
def text():
    return subtitles([tweet["text"] for tweet in LONG])


@pytest.mark.parametrize("name", ["a.srt", "a.txt", "a.jsonl"])
def test_tweets_that_extend_over_cues_are_found(index, tmp_path, text, name):
    path = tmp_path / name
    path.write_text(
        json.dumps({"text": text}) if name == "a.jsonl" else text, encoding="utf-8"
    )
    run = provscan.match(path, index, tmp_path / "a.run", spike_ins=0)
    assert run.summary["notes"] == {"subtitles": 1}
    rows = run.matches.to_pylist()
    assert {row["tweet_id"] for row in rows} >= {tweet["id"] for tweet in LONG}
    assert {row["level"] for row in rows} <= {"exact", "near_exact"}
    known = {tweet["id"]: provscan.canonical([tweet["text"]])[0] for tweet in TWEETS}
    passages = [spoken(text)[row["start"] : row["end"]] for row in rows]
    assert run.summary["characters_matched"] == sum(
        len(passage.replace(LEFT_OUT, "")) for passage in passages
    )
    for row, passage in zip(rows, passages, strict=True):
        assert provscan.canonical([passage])[0] == known[row["tweet_id"]]
    evidence = {(row["start"], row["passage"]) for row in run.evidence.to_pylist()}
    assert evidence <= {
        (row["start"], spoken(text)[row["start"] : row["end"]]) for row in rows
    }
    explained = explain_record(run.info, run.matches, 0, index)[0]
    assert explained["match"] in rows
    assert [explained[end] for end in ("start", "end")] == [
        explained["match"][end] for end in ("start", "end")
    ]


def test_explanations_leave_out_cues(index):
    (tweet,) = LONG[:1]
    text = subtitles([tweet["text"]])
    (explained, *_) = explain_text(text, index, MatchParams(), tweet_id=tweet["id"])
    assert explained["passage"] == spoken(text)[explained["start"] : explained["end"]]
    assert explained["canonical_passage"] == explained["canonical_tweet"]


def test_cues_inside_a_match_are_not_letters_in_common(tmp_path):
    # Each 5-gram is repeated, so a short span contains all of the tweet's 5-grams.
    index = provscan.build_index(
        [{"id": "1", "text": "abcd " * 20}], tmp_path / "repeated.index"
    )
    text = "\n".join(
        f"{n}\n00:00:0{n},000 --> 00:00:0{n},900\nabcd abcd abcd abc{n}\n"
        for n in range(1, 5)
    )
    # Without bits, the number of letters decides whether a match is a finding.
    rows = index.match([text])
    bits = rows.schema.get_field_index("bits")
    rows = rows.set_column(bits, "bits", pa.nulls(len(rows), pa.float32()))
    (explained, *_) = explain_text(text, index, MatchParams(), matches=rows)
    (row,) = rows.to_pylist()
    spoken_passage = spoken(text)[row["start"] : row["end"]].replace(LEFT_OUT, "")
    letters = explained["finding"][0]
    assert letters["name"].startswith("characters in common")
    assert letters["value"] == len(spoken_passage) < row["end"] - row["start"]


def test_an_index_leaves_out_cues(index, text):
    found = index.match_document(text)
    assert {span.tweet_id for span in found} >= {tweet["id"] for tweet in LONG}
    tweet = {tweet["id"]: tweet["text"] for tweet in TWEETS}
    assert any("-->" in text[span.start : span.end] for span in found)
    for span in found:
        assert provscan.canonical(
            [spoken(text)[span.start : span.end]]
        ) == provscan.canonical([tweet[span.tweet_id]])
