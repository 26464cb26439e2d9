"""Test folders with tweets beside other files, and the choice of the text's field."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import pytest
from readers.tweet_forms import PLANTED, rows_of

from provscan.errors import FieldNotFoundError, InputError
from provscan.inspection import inspect_sources
from provscan.readers import Fields, plan_tweets


def csv(names: str, rows: Iterable[tuple[object, ...]]) -> str:
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
PNG = b"\x89PNG\r\n\x1a\n" + bytes(50)


@pytest.mark.parametrize("name", NO_TWEETS)
def test_files_beside_tweets_are_not_indexed(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(NO_TWEETS[name], encoding="utf-8")
    with pytest.raises(InputError):
        plan_tweets(tmp_path, Fields())
    (tmp_path / "tweets.csv").write_text(TABLE, encoding="utf-8")
    plan = plan_tweets(tmp_path, Fields())
    assert [Path(file.split.source).name for file in plan.files] == ["tweets.csv"]
    assert [Path(path).name for path, _ in plan.ignored] == [name]
    assert not plan.unread


def test_one_tweet_in_a_file_of_its_own_is_indexed(tmp_path: Path) -> None:
    first, second = PLANTED[:2]
    (tmp_path / "a.json").write_text(json.dumps({"id": first.id, "text": first.text}))
    (tmp_path / "b.json").write_text(json.dumps({"text": second.text}))
    (tmp_path / "c.txt").write_text(first.text)
    # It may be a tweet, so it is not left out without a word.
    (tmp_path / "d.json").write_text(json.dumps({"id": first.id, "note": first.text}))
    plan = plan_tweets(tmp_path, Fields())
    assert len(plan.files) == 2
    assert [Path(path).name for path, _ in plan.unread] == ["d.json"]


def test_an_archive_of_before_2018_has_pictures(tmp_path: Path) -> None:
    months = tmp_path / "data" / "js" / "tweets"
    months.mkdir(parents=True)
    tweets = [{"id_str": t.id, "text": t.text} for t in PLANTED]
    (months / "2013_02.js").write_text(
        f"Grailbird.data.tweets_2013_02 = {json.dumps(tweets)}"
    )
    (months / "2013_03.js").write_bytes(PNG)  # Damaged: it may have contained tweets.
    for name in ("img", "lib"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.png").write_bytes(PNG)
    (tmp_path / "b.png").write_bytes(PNG)
    plan = plan_tweets(tmp_path, Fields())
    assert [Path(path).name for path, _ in plan.unread] == ["b.png", "2013_03.js"]
    assert [Path(path).name for path, _ in plan.ignored] == ["a.png", "a.png"]
    assert len(plan.files) == 1


def test_an_unreadable_list_of_an_account_archive_is_unread(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "account.js").write_text(
        'window.YTD.account.part0 = [{"account": {"username": "ann"}}]'
    )
    (data / "tweets.js").write_bytes(PNG)
    (data / "a.png").write_bytes(PNG)
    with pytest.raises(InputError, match=r"tweets\.js"):
        plan_tweets(tmp_path, Fields())


LABELS = "['Hindi', 'Hindi', 'Eng', 'Hindi']"


@pytest.mark.parametrize(
    ("labels", "text"), [("label", "tok"), ("text", "other"), ("full_text", "text")]
)
def test_a_field_of_labels_is_no_text(labels: str, text: str, tmp_path: Path) -> None:
    lines = [json.dumps({labels: LABELS, text: t.text}) for t in PLANTED]
    (tmp_path / "a.jsonl").write_text("\n".join(lines))
    if text != "text":
        with pytest.raises(FieldNotFoundError, match=f"values of {text} read"):
            rows_of(tmp_path / "a.jsonl")
    else:
        rows, _ = rows_of(tmp_path / "a.jsonl")
        assert [row["text"] for row in rows] == [t.text for t in PLANTED]


@pytest.mark.parametrize("author", ["uid", "@name"])
def test_fields_of_weibo(author: str, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(
        csv(f"mid,{author},content", ((t.id, t.author, t.text) for t in PLANTED)),
        encoding="utf-8",
    )
    rows, _ = rows_of(tmp_path / "a.csv")
    assert [(r["id"], r["author"], r["text"]) for r in rows] == [
        (t.id, t.author, t.text) for t in PLANTED
    ]


def test_a_uid_without_a_mid_is_no_author(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(
        csv("uid,text", ((n, t.text) for n, t in enumerate(PLANTED))), encoding="utf-8"
    )
    assert {row["author"] for row in rows_of(tmp_path / "a.csv")[0]} == {None}


def test_inspection_names_the_field_that_an_index_would_take(tmp_path: Path) -> None:
    rows = [{"status": "active", "title": "x", "post": t.text} for t in PLANTED]
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, rows)))
    (tmp_path / "c.csv").write_text(TABLE, encoding="utf-8")
    files = inspect_sources(tmp_path)["files"]
    assert [file["tweet_text"] for file in files] == ["post", "text"]


def test_lists_of_words_are_texts_however_often_words_are_repeated(
    tmp_path: Path,
) -> None:
    words = [f"word{n}" for n in range(60)]
    texts = [str(words[n % 50 : n % 50 + 9]) for n in range(200)]
    lines = (json.dumps({"n": n, "tokens": text}) for n, text in enumerate(texts))
    (tmp_path / "a.jsonl").write_text("\n".join(lines))
    rows, _ = rows_of(tmp_path / "a.jsonl", text="tokens")
    assert [row["text"] for row in rows] == texts
