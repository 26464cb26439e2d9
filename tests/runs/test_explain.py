"""Test explanations of why a text is or is not a match."""

import json
import zipfile

import pyarrow as pa
import pytest
from click.testing import CliRunner

import provscan
from provscan.cli import main
from provscan.errors import InputError, UsageError
from provscan.report.tables import explanation_table
from provscan.runs.questions.explain import explain_record, explain_text, explain_tweet

TWEETS = [
    {
        "id": "1101",
        "text": "The ferry is late again, bring a book and a blanket",
        "created_at": "2019-03-01",
    },
    {
        "id": "1102",
        "text": "Mussels from seven o'clock, after that only excuses",
        "created_at": "2019-04-01",
    },
    {"id": "1103", "text": "short one", "created_at": "2019-04-01"},
    {
        "id": "1104",
        "text": "".join(chr(0x20000 + 7 * n) for n in range(13)),
        "created_at": "2019-04-01",
    },
    {
        "id": "1105",
        "text": "Nobody told the geese about the new opening hours, so every morning "
        "they queue politely outside the bakery until seven",
        "created_at": "2019-04-01",
    },
]
RECORDS = [
    "nothing of the kind is written in this record",
    "He said: the FERRY is late again; bring a book and a blanket!",
]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("explain")
    index = provscan.build_index(TWEETS, folder / "a.index")
    data = folder / "data.jsonl"
    data.write_text(
        "".join(json.dumps({"text": text}) + "\n" for text in RECORDS), encoding="utf-8"
    )
    return provscan.match(data, index, folder / "a.run", spike_ins=0)


@pytest.fixture(scope="module")
def index(run):
    return provscan.open_index(run.path.parent / "a.index")


def test_a_moved_index_can_be_named(run, tmp_path):
    path, moved = run.path.parent / "a.index", tmp_path / "b.index"
    path.rename(moved)
    words = ["explain", str(run.path), "1"]
    missing = CliRunner().invoke(main, words)
    named = CliRunner().invoke(main, [*words, "-i", str(moved)])
    moved.rename(path)
    assert (missing.exit_code, named.exit_code) == (3, 0)
    assert "--index" in missing.stderr


def test_a_match_passes_every_gate(run, index):
    (found,) = explain_record(run.info, run.matches, 1, index)
    assert found["passed"]
    assert found["match"] is not None
    assert (found["tweet_id"], RECORDS[1][found["start"] : found["end"]]) == (
        "1101",
        found["passage"],
    )
    assert (
        found["canonical_passage"]
        == found["canonical_tweet"]
        == "the ferry is late again bring a book and a blanket"
    )
    assert found["bands_met"] == found["bands"] == 16
    assert found["seeds_met"] == found["seeds"] > 3
    assert [
        (gate["name"], gate["value"], gate["limit"]) for gate in found["gates"]
    ] == [
        ("similarity", 1, 0.25),
        ("containment", 1, 0.5),
        ("characters in common", 50, 15),
        ("or characters of the longest stretch", 50, 40),
    ]
    assert found["way"] == "whole"


def test_a_scored_match_has_the_conditions_of_a_finding(run, index):
    def explained(**columns):
        rows = run.matches
        for name, value in columns.items():
            at = rows.schema.get_field_index(name)
            rows = rows.set_column(
                at, name, pa.array([value], rows.schema.field(name).type)
            )
        (found,) = explain_record(run.info, rows, 1, index)
        return found

    found = explained(bits=44.0)
    assert found["finding"][-1] == {
        "name": "bits, as a whole field",
        "value": 44,
        "limit": 45,
        "passed": False,
    }
    assert "Score: 44 bits;" in explanation_table([found])
    # The span is shorter than four fifths of its field.
    gate = explained(bits=54.0, start=20)["finding"][-1]
    assert (gate["name"], gate["limit"], gate["passed"]) == (
        "bits, as a passage",
        55,
        False,
    )
    (gate,) = explained(bits=None)["finding"]
    assert (gate["name"], gate["limit"]) == (
        "new characters in common, without known bits",
        40,
    )


def test_the_matches_are_those_of_a_run(run, index):
    texts = [TWEETS[0]["text"], "ferries are late", f"Yes: {TWEETS[1]['text']}"]
    explained = [explain_text(text, index) for text in texts]
    assert [
        [item["match"] and item["match"]["level"] for item in items]
        for items in explained
    ] == [["exact"], [], ["exact"]]
    assert "Tweet 1101: match, exact" in explanation_table(explained[0])


def test_a_missed_candidate_is_not_attributed_to_a_gate(index):
    missed = "Mussels zrom seven j'clock, afzer that onxy excuses"
    assert index.match_document(missed) == []
    (found,) = explain_text(missed, index, tweet_id="1102")
    assert (found["bands_met"], found["seeds_met"]) == (0, 0)
    assert (found["match"], found["instead"], found["passed"]) == (None, None, True)
    said = " ".join(explanation_table([found]).split())
    assert "did not propose it. Too few LSH bands and seeds are in common" in said


def test_a_text_that_fails_gates_is_no_match(index):
    (found,) = explain_text(
        "They say that the ferry is late again, nobody knows", index, tweet_id="1101"
    )
    assert [(gate["name"], gate["passed"]) for gate in found["gates"]] == [
        ("similarity", True),
        ("containment", False),
        ("characters in common", False),
        ("or characters of the longest stretch", False),
    ]
    assert not found["passed"]
    assert "no match" in explanation_table([found])


def test_a_tweet_is_explained_by_its_matches_or_alone(run, index):
    assert [
        item["passage"] for item in explain_tweet(run.info, run.matches, "1101", index)
    ] == [RECORDS[1][9:-1]]
    (alone,) = explain_tweet(run.info, run.matches, "1103", index)
    assert not alone["gates"][0]["passed"]
    with pytest.raises(UsageError, match="has no tweet 999"):
        explain_tweet(run.info, run.matches, "999", index)


def test_missing_records_are_an_error(run, index):
    with pytest.raises(InputError, match="record 7 was not found"):
        explain_record(run.info, run.matches, 7, index)
    assert explain_record(run.info, run.matches, 0, index) == []
    compared = explain_record(run.info, run.matches, 0, index, tweet_id="1102")
    assert [item["match"] for item in compared] == [None]


@pytest.mark.parametrize(
    ("what", "text"),
    [
        ("1", "Tweet 1101: match, near exact"),
        ("1101", "record 1,101 was not found"),
        ("a b", "No licensed text comes close"),
    ],
)
def test_command(run, what, text):
    done = CliRunner().invoke(main, ["explain", str(run.path), what])
    assert text in done.output
    assert done.exit_code == (3 if "not found" in text else 0)


def test_omitted_tweets_are_mentioned(tmp_path):
    # Each text has three authors, so it is commonplace and not a finding.
    texts = [f"tweet {n} of many that stand in a record" for n in range(11, 18)]
    tweets = [
        {
            "id": f"{text}{author}",
            "text": text,
            "author": author,
            "created_at": "2019-03-01",
        }
        for text in texts
        for author in "abc"
    ]
    provscan.build_index(tweets, tmp_path / "a.index")
    data = tmp_path / "data.jsonl"
    data.write_text(json.dumps({"text": " / ".join(texts)}), encoding="utf-8")
    run = provscan.match(data, tmp_path / "a.index", tmp_path / "a.run", spike_ins=0)
    assert not any(run.matches["counted"].to_pylist())
    done = CliRunner().invoke(main, ["explain", str(tmp_path / "a.run"), "0", "--json"])
    explained = json.loads(done.stdout)
    assert "only the 5 closest tweets of each text are shown: use" in done.stderr
    assert len(explained) == 5
    # Rows of other matches also have the time of the tweet.
    assert {item["match"]["time"] for item in explained if item["match"]} == {
        "2019-03-01T00:00:00+00:00"
    }


def test_a_tweet_in_an_index_with_a_forgotten_one(tmp_path):
    texts = [
        "a text that was forgotten some time ago",
        "another text, which is there",
        "a third text that came later",
    ]
    tweets = [{"id": str(number), "text": text} for number, text in enumerate(texts)]
    provscan.build_index(tweets[:2], tmp_path / "a.index")
    provscan.build_index(tweets[2:], tmp_path / "a.index", append=True)
    provscan.forget(tmp_path / "a.index", "0")
    index = provscan.open_index(tmp_path / "a.index")
    (found,) = explain_text("so a third text that came later", index, tweet_id="2")
    assert found["tweet"] == texts[2]
    with pytest.raises(UsageError, match="has no tweet 0, or it is forgotten"):
        explain_text(texts[0], index, tweet_id="0")


def test_a_record_is_found_by_the_source_of_its_matches(index, tmp_path):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(
            "x/a.jsonl", json.dumps({"title": "hello", "body": TWEETS[0]["text"]})
        )
        archive.writestr(
            "y/a.jsonl", json.dumps({"title": TWEETS[1]["text"], "body": "hello"})
        )
    run = provscan.match(path, index, tmp_path / "a.run", spike_ins=0)
    places = {
        (row["source"], row["field"], row["tweet_id"])
        for row in run.matches.to_pylist()
    }
    assert places == {
        (f"{path}/x/a.jsonl", "body", TWEETS[0]["id"]),
        (f"{path}/y/a.jsonl", "title", TWEETS[1]["id"]),
    }
    for source, field, tweet in places:
        (found, *_) = explain_record(run.info, run.matches, 0, index, source=source)
        assert (found["source"], found["field"], found["tweet_id"]) == (
            source,
            field,
            tweet,
        )
        assert found["match"]
        shown = "".join(explanation_table([found]).split())
        assert f"Record0{source},field{field}Licensedtweet" in shown
        compared = explain_tweet(run.info, run.matches, tweet, index)
        assert [
            (item["source"], item["field"]) for item in compared if item["match"]
        ] == [(source, field)]
    assert {
        found["source"]
        for found in explain_record(run.info, run.matches, 0, index)
        if found["match"]
    } == {source for source, _, _ in places}
    with pytest.raises(InputError, match=r"record 1 was not found in .*/x/a\.jsonl:"):
        explain_record(run.info, run.matches, 1, index, source=f"{path}/x/a.jsonl")


@pytest.mark.filterwarnings("always:.*was changed since the run:RuntimeWarning")
def test_another_index_or_dataset_than_that_of_the_run_is_reported(tmp_path):
    provscan.build_index(TWEETS, tmp_path / "a.index")
    data = tmp_path / "data.jsonl"
    data.write_text(
        "".join(json.dumps({"text": text}) + "\n" for text in RECORDS), encoding="utf-8"
    )
    provscan.match(data, tmp_path / "a.index", tmp_path / "a.run", spike_ins=0)
    command = ["explain", str(tmp_path / "a.run"), "1"]
    assert CliRunner().invoke(main, command).stderr == ""
    provscan.forget(tmp_path / "a.index", "1101")
    data.write_text(
        json.dumps({"text": RECORDS[0]})
        + "\n"
        + json.dumps({"text": "another"})
        + "\n",
        encoding="utf-8",
    )
    done = CliRunner().invoke(main, command)
    assert "does not contain the same tweets as the index of the run" in done.stderr
    assert f"{data} was changed since the run" in done.stderr
    assert "No licensed text comes close" in done.stdout
