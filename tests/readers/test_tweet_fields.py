"""Test that fields are found by name, and that errors list the existing fields."""

import re

import pytest

from provscan.errors import FieldNotFoundError
from provscan.readers import Fields, plan_tweets
from provscan.readers.fields.names import NAMES


@pytest.mark.parametrize(
    "name",
    [name for name in NAMES["text"] if "." not in name and "ersation" not in name],
)
def test_every_usual_name_is_found(write, read_tweet_rows, name):
    found = read_tweet_rows(write("a.jsonl", [{"other": "x", name: "the text"}]))
    assert found.texts == ["the text"]


@pytest.mark.parametrize("name", ["Text", "TEXT", "Tweet Text", "tweet-text"])
def test_spellings_of_usual_names(write, read_tweet_rows, name):
    assert read_tweet_rows(write("a.jsonl", [{name: "x"}])).texts == ["x"]


def test_names_of_the_user(write, read_tweet_rows):
    row = {
        "text": "not this",
        "meta": {"say": "this", "by": {"name": "me"}},
        "n": 5,
        "when": 1445299841,
        "l": "xx",
    }
    found = read_tweet_rows(
        write("a.jsonl", [row]),
        text="meta.say",
        id="n",
        author="meta.by.name",
        date="when",
        lang="l",
        rt_of="n",
    )
    (record,) = found.rows
    assert (record["text"], record["id"], record["author"]) == ("this", "5", "me")
    assert (record["lang"], record["rt_of"]) == ("xx", "5")
    assert record["created_at"].isoformat() == "2015-10-20T00:10:41+00:00"


def test_names_within_objects(write, read_tweet_rows):
    assert read_tweet_rows(
        write("a.jsonl", [{"a": {"b": {"c": {"d": "deep"}}}}]), text="a.b.c.d"
    ).texts == ["deep"]


def test_the_name_of_a_flat_field_may_contain_a_dot(write, read_tweet_rows):
    assert read_tweet_rows(
        write("a.jsonl", [{"a.b": "flat", "a": {"b": "nested"}}]), text="a.b"
    ).texts == ["flat"]


def test_a_string_is_preferred_to_a_number_with_a_better_name(write, read_tweet_rows):
    assert read_tweet_rows(write("a.jsonl", [{"text": 5, "body": "here"}])).texts == [
        "here"
    ]
    assert (
        read_tweet_rows(
            write("b.jsonl", [{"author": {"username": "me"}, "text": "x"}])
        ).rows[0]["author"]
        == "me"
    )


def test_no_field_for_the_text(write, read_tweet_rows):
    path = write("a.jsonl", [{"ID": 1, "user": {"bio": "x"}}, {"other": None}])
    fields = re.escape("ID, user, other, user.bio. Name")
    with pytest.raises(FieldNotFoundError, match=fields):
        read_tweet_rows(path)


def test_files_without_the_named_text_are_unread(write, read_tweet_rows, tmp_path):
    write("d/a.jsonl", [{"body": "x"}])
    write("d/b.jsonl", [{"text": "y"}])
    ((path, reason),) = plan_tweets(str(tmp_path / "d"), Fields(text="body")).unread
    assert path.endswith("b.jsonl")
    assert reason.startswith("no field 'body' for the text in its first records")


def test_a_named_id_must_be_in_one_file(write, read_tweet_rows, tmp_path):
    write("d/a.jsonl", [{"text": "x"}])
    with pytest.raises(FieldNotFoundError, match="no field 'number' for the id"):
        read_tweet_rows(str(tmp_path / "d"), id="number")


@pytest.mark.parametrize("number", ["7" * 5000, "1e999"], ids=["digits", "exponent"])
def test_ids_above_the_range_of_numbers_are_not_shared(number, write, read_tweet_rows):
    lines = f'{{"id": {number}, "text": "a"}}\n{{"id": {number}, "text": "b"}}\n'
    found = read_tweet_rows(write("a.jsonl", lines))
    assert [row["id"].rpartition(":")[2] for row in found.rows] == ["1", "2"]
    assert found.stats.notes["id_missing"] == 2
