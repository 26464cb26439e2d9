"""Test folders with tweets beside other files, and the choice of the text's field."""

import json
from pathlib import Path

import pytest
from readers.tweet_forms import PLANTED, rows_of

from provscan.errors import InputError
from provscan.readers import Fields, plan_tweets


def csv(names, rows):
    """Return a table, with all values in quotes."""
    lines = [
        ",".join(f'"{str(v).replace(chr(34), chr(34) * 2)}"' for v in r) for r in rows
    ]
    return "\n".join([names, *lines, ""])


TABLE = csv("id,text", ((t.id, t.text) for t in PLANTED))
DESCRIPTION = {"name": "x", "description": "Tweets that were collected from many users"}
NO_TWEETS = {
    "CNAME": "tweets.example.org\n",
    "Dockerfile": "FROM python\nRUN pip install all that you need\n",
    "requirements.txt": "numpy\npandas\n",
    "words.txt": "one\ntwo",
    "package.json": json.dumps(DESCRIPTION),
    "about.json": json.dumps(DESCRIPTION),
    "site.jsonl": json.dumps({"title": "A collection of tweets of many users"}) + "\n",
    "Readme.csv": "Sheet,Contents\nTweets,all the tweets of the users\n",
}


@pytest.mark.parametrize("name", NO_TWEETS)
def test_files_beside_tweets_are_not_indexed(name, tmp_path):
    (tmp_path / name).write_text(NO_TWEETS[name], encoding="utf-8")
    with pytest.raises(InputError):
        plan_tweets(tmp_path, Fields())
    (tmp_path / "tweets.csv").write_text(TABLE, encoding="utf-8")
    plan = plan_tweets(tmp_path, Fields())
    assert [Path(file.split.source).name for file in plan.files] == ["tweets.csv"]
    assert [Path(path).name for path, _ in plan.ignored] == [name]
    assert not plan.unread


@pytest.mark.parametrize("author", ["uid", "@name"])
def test_fields_of_weibo(author, tmp_path):
    (tmp_path / "a.csv").write_text(
        csv(f"mid,{author},content", ((t.id, t.author, t.text) for t in PLANTED)),
        encoding="utf-8",
    )
    rows, _ = rows_of(tmp_path / "a.csv")
    assert [(r["id"], r["author"], r["text"]) for r in rows] == [
        (t.id, t.author, t.text) for t in PLANTED
    ]
