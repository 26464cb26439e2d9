"""Write the same few invented tweets in every form in which licensed tweets are
delivered.
"""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from provscan.readers import Fields, ReadStats, plan_tweets, read_tweets


class Planted(NamedTuple):
    id: str
    text: str
    author: str
    time: datetime


def _planted(number: int, text: str) -> Planted:
    time = datetime.fromisoformat(f"2023-02-{number + 1:02}T10:20:30+00:00")
    return Planted(
        str(1620000000000000000 + number * 352321536000001),
        text,
        f"writer{number}",
        time,
    )


PLANTED = [
    _planted(
        0,
        "The kettle sings in B flat, the fridge answers in G minor, and I am late "
        "again",
    ),
    _planted(
        1,
        'He said "just one more commit, then bed" & the sun came up; nobody was '
        "surprised",
    ),
    _planted(
        2,
        "Straßenbahn verpasst, Regen, kein Schirm: ein ganz normaler Dienstag in der "
        "Ödnis",
    ),
    _planted(3, "今日は駅前の古い喫茶店で三時間も本を読んでいました"),
    _planted(
        4,
        "Two left socks, one broken zip and a borrowed coat: ready for the interview, "
        "obviously",
    ),
    _planted(
        5, "My plan for the weekend is to finish the plan for last weekend 😴 #planning"
    ),
]
API_TIME = "%a %b %d %H:%M:%S +0000 %Y"
Rows = list[dict[str, Any]]


def flat(tweet: Planted) -> dict[str, Any]:
    return {
        "id": tweet.id,
        "text": tweet.text,
        "author": tweet.author,
        "created_at": tweet.time.isoformat(),
    }


def v1(tweet: Planted, *, text: str = "full_text", **more: Any) -> dict[str, Any]:
    user = {
        "id": 7,
        "id_str": "7",
        "screen_name": tweet.author,
        "created_at": "Fri Nov 08 02:17:02 +0000 2013",
    }
    return {
        "created_at": tweet.time.strftime(API_TIME),
        "id": int(tweet.id),
        "id_str": tweet.id,
        text: tweet.text,
        "truncated": False,
        "entities": {"urls": []},
        "user": user,
        "lang": "en",
        **more,
    }


def v1_stream(tweet: Planted) -> dict[str, Any]:
    """Return a tweet as streams have it: with its beginning in ``text`` and its full
    text in ``extended_tweet``.
    """
    extended = {"full_text": tweet.text, "entities": {}}
    return v1(tweet, text="unused", truncated=True, extended_tweet=extended) | {
        "text": tweet.text[:30] + "…"
    }


def v2(tweet: Planted, **more: Any) -> dict[str, Any]:
    return {
        "id": tweet.id,
        "text": tweet.text,
        "author_id": f"9{tweet.author[-1]}",
        "lang": "en",
        "created_at": tweet.time.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
        "edit_history_tweet_ids": [tweet.id],
        **more,
    }


def v2_users(tweets: list[Planted]) -> Rows:
    return [
        {"id": f"9{tweet.author[-1]}", "username": tweet.author, "name": "A Name"}
        for tweet in tweets
    ]


def v2_page(tweets: list[Planted]) -> dict[str, Any]:
    page = {
        "data": [v2(tweet) for tweet in tweets],
        "includes": {"users": v2_users(tweets)},
    }
    return page | {"meta": {"result_count": len(tweets)}}


def note(tweet: Planted) -> dict[str, Any]:
    return v2(tweet, note_tweet={"text": tweet.text}) | {"text": tweet.text[:25] + "…"}


def twarc(tweet: Planted) -> dict[str, Any]:
    return v2(
        tweet,
        author={"id": "91", "username": tweet.author},
        __twarc={"version": "2.13.0"},
    )


def snscrape(tweet: Planted, **more: Any) -> dict[str, Any]:
    return {
        "_type": "snscrape.modules.twitter.Tweet",
        "url": f"https://twitter.com/{tweet.author}/status/{tweet.id}",
        "date": tweet.time.isoformat(),
        "rawContent": tweet.text,
        "renderedContent": tweet.text[:40],
        "id": int(tweet.id),
        "user": {
            "_type": "snscrape.modules.twitter.User",
            "username": tweet.author,
            "id": 5,
        },
        "lang": "en",
        "retweetedTweet": None,
        "quotedTweet": None,
        **more,
    }


def archived(tweet: Planted) -> dict[str, Any]:
    info = {
        "initial": {
            "editTweetIds": [tweet.id],
            "editsRemaining": "5",
            "isEditEligible": True,
        }
    }
    names = {"id", "id_str", "created_at", "full_text", "lang", "truncated"}
    return {
        "tweet": {"edit_info": info}
        | {key: value for key, value in v1(tweet).items() if key in names}
    }


def activity(tweet: Planted, **more: Any) -> dict[str, Any]:
    """Return a long tweet of an activity stream."""
    return {
        "id": f"tag:search.twitter.com,2005:{tweet.id}",
        "objectType": "activity",
        "verb": "post",
        "postedTime": tweet.time.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
        "body": tweet.text[:20] + "…",
        "actor": {
            "id": "id:twitter.com:7",
            "preferredUsername": tweet.author,
            "summary": "who this is, in words",
        },
        "object": {"objectType": "note", "summary": tweet.text[:20] + "…"},
        "long_object": {"body": tweet.text},
        "twitter_lang": "en",
        **more,
    }


def lines(rows: Rows) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def ytd(variable: str, rows: Rows) -> str:
    return f"window.YTD.{variable} = {json.dumps(rows, indent=2, ensure_ascii=False)}"


def delimited(
    header: list[str] | None, delimiter: str = ",", *, quoting: int = csv.QUOTE_MINIMAL
) -> str:
    buffer = io.StringIO()
    writer = csv.writer(
        buffer, delimiter=delimiter, quoting=quoting, lineterminator="\n", quotechar='"'
    )
    if header is not None:
        writer.writerow(header)
    for tweet in PLANTED:
        writer.writerow(
            [tweet.id, "positive", tweet.time.isoformat(), tweet.author, tweet.text]
        )
    return buffer.getvalue()


HEADER = ["Tweet ID", "label", "created_at", "username", "Tweet Text"]
TSV = "".join(
    "\t".join([t.id, "positive", t.time.isoformat(), t.author, t.text]) + "\n"
    for t in PLANTED
)


def text_file(
    name: str, content: str, encoding: str = "utf-8"
) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode("latin-1" if "\0" in content else encoding))
        return path

    return write


def account_files(parts: int = 2) -> dict[str, str]:
    files = {
        "data/account.js": ytd(
            "account.part0", [{"account": {"username": "owner", "accountId": "7"}}]
        ),
        "data/note-tweet.js": ytd(
            "note_tweet.part0", [{"noteTweet": {"core": {"text": "a long tweet"}}}]
        ),
        "data/like.js": ytd(
            "like.part0",
            [{"like": {"tweetId": "1", "fullText": "a tweet that someone else wrote"}}],
        ),
        "data/direct-messages.js": ytd(
            "direct_messages.part0", [{"dmConversation": {"messages": []}}]
        ),
        "data/deleted-tweets.js": ytd(
            "deleted_tweets.part0",
            [{"tweet": {"id_str": "2", "full_text": "it is gone"}}],
        ),
        "data/README.txt": "This archive holds your data.\n",
        "Your archive.html": "<html></html>",
        "data/tweets_media/1-picture.png": "\x89PNG\0",
        "assets/images/logo.gif": "GIF89a\0",
    }
    for part in range(parts):
        name = "data/tweets.js" if part == 0 else f"data/tweets-part{part}.js"
        files[name] = ytd(
            f"tweets.part{part}", [archived(tweet) for tweet in PLANTED[part::parts]]
        )
    return files


def account_folder(folder: Path) -> Path:
    for name, content in account_files().items():
        text_file(f"twitter-archive/{name}", content)(folder)
    return folder / "twitter-archive"


def account_zip(folder: Path) -> Path:
    path = folder / "twitter-2024-01-01.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in account_files().items():
            archive.writestr(
                name, content.encode("latin-1" if "\0" in content else "utf-8")
            )
    return path


def months(folder: Path) -> Path:
    text_file(
        "old/data/js/tweet_index.js",
        'var tweet_index =  [ {"file_name": "data/js/tweets/2013_02.js"} ]',
    )(folder)
    for month, part in (("2013_01", PLANTED[:2]), ("2013_02", PLANTED[2:])):
        content = json.dumps([v1(tweet, text="text") for tweet in part], indent=1)
        text_file(
            f"old/data/js/tweets/{month}.js",
            f"Grailbird.data.tweets_{month} = \n {content}",
        )(folder)
    return folder / "old"


def parquet(rows: Rows) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        pq.write_table(pa.Table.from_pylist(rows), folder / "tweets.parquet")
        return folder / "tweets.parquet"

    return write


def mixed(folder: Path) -> Path:
    """Write files in different forms, and some without tweets, into a folder."""
    text_file("mixed/a.jsonl", lines([v1(PLANTED[0]), v1_stream(PLANTED[1])]))(folder)
    text_file("mixed/b/c.json", json.dumps(v2_page(PLANTED[2:3])))(folder)
    text_file(
        "mixed/d.csv",
        "id;text;author;created_at\n" + ";".join(flat(PLANTED[3]).values()) + "\n",
    )(folder)
    text_file("mixed/e.jsonl", lines([flat(tweet) for tweet in PLANTED[4:]]))(folder)
    text_file("mixed/train_labels.txt", "0\n1\n1\n0\n2\n")(folder)
    text_file("mixed/README.md", "Tweets that were collected for this test.\n")(folder)
    return folder / "mixed"


ALL = PLANTED
FORMS: dict[str, Callable[[Path], Path]] = {
    "flat lines": text_file("tweets.jsonl", lines([flat(t) for t in ALL])),
    "v1.1 lines, full_text": text_file("tweets.jsonl", lines([v1(t) for t in ALL])),
    "v1.1 lines, extended_tweet": text_file(
        "tweets.jsonl", lines([v1_stream(t) for t in ALL])
    ),
    "v1.1 array": text_file(
        "tweets.json", json.dumps([v1(t, text="text") for t in ALL], indent=2)
    ),
    "v1.1 search": text_file(
        "search.json",
        json.dumps({"statuses": [v1(t) for t in ALL], "search_metadata": {}}),
    ),
    "v2 page": text_file("page.json", json.dumps(v2_page(ALL), indent=1)),
    "v2 pages as lines": text_file(
        "pages.jsonl", lines([v2_page(ALL[:3]), v2_page(ALL[3:])])
    ),
    "v2 stream": text_file(
        "stream.jsonl",
        lines(
            [
                {
                    "data": v2(t),
                    "includes": {"users": v2_users([t])},
                    "matching_rules": [],
                }
                for t in ALL
            ]
        ),
    ),
    "v2 with note_tweet": text_file(
        "notes.jsonl",
        lines([{"data": note(t), "includes": {"users": v2_users([t])}} for t in ALL]),
    ),
    "twarc lines": text_file("flat.jsonl", lines([twarc(t) for t in ALL])),
    "snscrape lines": text_file("scraped.jsonl", lines([snscrape(t) for t in ALL])),
    "lines in a wrapper": text_file(
        "wrapped.jsonl", lines([{"tweet": v1(t)} for t in ALL])
    ),
    "account archive, folder": account_folder,
    "account archive, zip": account_zip,
    "account archive, tweet.js": text_file(
        "tweet.js", ytd("tweet.part0", [archived(t) for t in ALL])
    ),
    "account archive, months": months,
    "csv": text_file("tweets.csv", delimited(HEADER)),
    "csv, semicolons": text_file("tweets.csv", delimited(HEADER, ";")),
    "csv, bars": text_file("tweets.csv", delimited(HEADER, "|")),
    "csv, all quoted": text_file(
        "tweets.csv", delimited(HEADER, quoting=csv.QUOTE_ALL)
    ),
    "csv, utf-16": text_file("tweets.csv", delimited(HEADER), "utf-16"),
    "tsv": text_file("tweets.tsv", "\t".join(HEADER) + "\n" + TSV),
    "parquet": parquet([flat(t) for t in ALL]),
    "parquet, v1.1": parquet([v1(t) for t in ALL]),
    "a mixed folder": mixed,
}


def rows_of(path: Path, **options: Any) -> tuple[list[dict[str, Any]], ReadStats]:
    stats = ReadStats()
    fields = Fields(
        **{name: options.pop(name) for name in ("text", "id") if name in options}
    )
    plan = plan_tweets(str(path), fields, **options)
    return [
        row
        for file in plan.files
        for batch in read_tweets(file, stats)
        for row in batch.to_pylist()
    ], stats
