"""Test licensed tweets in every form: all are found under their ids, and matches of
retweets are credited to their originals.
"""

import json
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest
from readers.tweet_forms import (
    FORMS,
    PLANTED,
    TSV,
    delimited,
    flat,
    lines,
    rows_of,
    snscrape,
    text_file,
    twarc,
    v1,
    v2,
    v2_page,
    v2_users,
    ytd,
)

import provscan
from provscan.errors import FieldNotFoundError, InputError
from provscan.readers import Fields, ReadStats, plan_tweets, read_tweet_objects

FIRST, SECOND = PLANTED[:2]
TEXTS = [f"some words of a tweet that is number {n}" for n in range(300)]
QUOTE = v1(SECOND)


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same_tweets(form, tmp_path):
    rows, _ = rows_of(FORMS[form](tmp_path))
    assert {row["id"]: row["text"] for row in rows} == {
        tweet.id: tweet.text for tweet in PLANTED
    }
    assert len(rows) == len(PLANTED)
    assert {row["id"]: row["created_at"] for row in rows} == {
        tweet.id: tweet.time for tweet in PLANTED
    }
    authors = {tweet.id: tweet.author for tweet in PLANTED}
    if form == "account archive, tweet.js":
        authors = dict.fromkeys(authors)
    elif form in ("account archive, folder", "account archive, zip"):
        authors = dict.fromkeys(authors, "owner")
    if form == "a mixed folder":
        authors[PLANTED[2].id] = PLANTED[2].author
    assert {row["id"]: row["author"] for row in rows} == authors


RETWEET = {
    "created_at": "Mon May 01 08:00:00 +0000 2023",
    "id": 1660,
    "id_str": "1660",
    "truncated": False,
    "text": f"RT @{FIRST.author}: {FIRST.text[:40]}…",
    "user": {"screen_name": "fan"},
}
AGAIN = {"id": "1660", "text": RETWEET["text"], "edit_history_tweet_ids": ["1660"],
         "created_at": "2023-05-01T08:00:00.000Z"}  # fmt: skip
RETWEETED = (
    v2(FIRST)
    | AGAIN
    | {"author_id": "8", "referenced_tweets": [{"type": "retweeted", "id": FIRST.id}]}
)
RETWEETS = {
    "v1.1": [RETWEET | {"retweeted_status": v1(FIRST)}],
    "v1.1 of a quote": [RETWEET | {"retweeted_status": v1(FIRST, quoted_status=QUOTE)}],
    "v2 page": [
        {
            "data": [RETWEETED],
            "includes": {
                "tweets": [v2(FIRST)],
                "users": [*v2_users([FIRST]), {"id": "8", "username": "fan"}],
            },
        }
    ],
    "twarc": [
        twarc(FIRST)
        | AGAIN
        | {
            "author": {"username": "fan"},
            "referenced_tweets": [{"type": "retweeted"} | twarc(FIRST)],
        }
    ],
    "snscrape": [
        snscrape(FIRST)
        | {
            "id": 1660,
            "rawContent": RETWEET["text"],
            "user": {"username": "fan"},
            "date": "2023-05-01T08:00:00+00:00",
            "retweetedTweet": snscrape(FIRST),
        }
    ],
}


@pytest.mark.parametrize("form", RETWEETS)
def test_a_match_is_credited_to_the_retweeted_original(form, tmp_path):
    path = text_file("tweets.jsonl", lines(RETWEETS[form]))(tmp_path)
    rows, _ = rows_of(path)
    by_id = {row["id"]: row for row in rows}
    assert by_id["1660"]["rt_of"] == FIRST.id
    assert by_id["1660"]["text"] == by_id[FIRST.id]["text"] == FIRST.text
    assert (by_id["1660"]["author"], by_id[FIRST.id]["author"]) == ("fan", FIRST.author)
    assert by_id[FIRST.id]["created_at"] == FIRST.time
    index = provscan.build_index(str(path), tmp_path / "licensed.index")
    (found,) = index.match([FIRST.text]).to_pylist()
    assert (found["tweet_id"], found["tweets"], found["level"]) == (
        FIRST.id,
        2,
        "exact",
    )


def test_quoted_tweets_and_quotes_are_both_tweets(tmp_path):
    rows, _ = rows_of(
        text_file("tweets.jsonl", lines([v1(FIRST, quoted_status=v1(SECOND))]))(
            tmp_path
        )
    )
    assert [(row["id"], row["text"], row["rt_of"]) for row in rows] == [
        (SECOND.id, SECOND.text, None), (FIRST.id, FIRST.text, None),
    ]  # fmt: skip


GRAPHQL = {"rest_id": FIRST.id, "legacy": {"full_text": FIRST.text}}
ENTRY = {"content": {"itemContent": {"tweet_results": {"result": GRAPHQL}}}}
PAGE = {"data": {"user": {"timeline_v2": {"instructions": [{"entries": [ENTRY]}]}}}}


@pytest.mark.parametrize(
    "records",
    [
        [GRAPHQL],
        [{"tweet_results": {"result": GRAPHQL}}],
        [PAGE],
        [{"url": "https://x.com/i/api", "body": json.dumps(PAGE)}],
    ],
    ids=["lines", "results", "pages", "strings"],
)
def test_graphql_is_refused(records, tmp_path):
    for file in (
        text_file("a.jsonl", lines(records)),
        text_file("b.json", json.dumps(records, indent=1)),
    ):
        with pytest.raises(InputError, match="GraphQL of a scraper is not supported"):
            plan_tweets(file(tmp_path), Fields())
    stats = ReadStats()
    assert not [*read_tweet_objects(records, Fields(), stats)]
    assert sum(stats.skipped.values()) == 1


@pytest.mark.parametrize("form", ["jsonl", "json"])
@pytest.mark.parametrize(
    "odd",
    [{}, {"lang": ["no", "text"]}, {"author": 5}],
    ids=["plain", "a list", "a number"],
)
def test_fields_that_the_first_records_lack_are_read_from_later_ones(
    form, odd, tmp_path
):
    bare = [{"id": str(n), "text": f"a tweet about boat {n}"} for n in range(3000)]
    whole = {"author": "a", "created_at": "2019-01-02", "lang": "en", "rt_of": "7"}
    records = [*bare, {**bare[0], "id": "x", **whole}, {**bare[1], "id": "y", **odd}]
    path = tmp_path / f"tweets.{form}"
    path.write_text(
        json.dumps(records)
        if form == "json"
        else "".join(f"{json.dumps(r)}\n" for r in records)
    )
    rows, _ = rows_of(path)
    assert len(rows) == len(records)
    late = {name: rows[-2][name] for name in ("id", "author", "lang", "rt_of")}
    assert late == {"id": "x", "author": "a", "lang": "en", "rt_of": "7"}
    assert str(rows[-2]["created_at"])[:10] == "2019-01-02"
    assert rows[-1]["author"] == ("5" if "author" in odd else None)
    assert all(rows[n]["lang"] is None for n in (0, 2999, 3001))


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_columns_that_are_empty_in_the_first_rows_are_read(form, tmp_path):
    none = {
        "created_at": None,
        "lang": None,
        "screen_name": None,
        "handle": None,
        "retweeted_status_id": None,
    }
    records = [
        {"id": str(n), "text": f"a tweet about boat {n}", **none} for n in range(1500)
    ]
    last = {
        "created_at": "2020-01-02",
        "lang": "en",
        "handle": "ann",
        "retweeted_status_id": "7",
    }
    table = pa.Table.from_pylist(
        [*records, records[0] | last | {"id": "x"}],
        pa.schema(dict.fromkeys(records[0], pa.string())),
    )
    if form == "csv":
        pa_csv.write_csv(table, tmp_path / "a.csv")
    else:
        pq.write_table(table, tmp_path / "a.parquet")
    rows, stats = rows_of(tmp_path / f"a.{form}")
    found = rows[-1]
    assert (found["id"], found["lang"], found["author"], found["rt_of"]) == (
        "x",
        "en",
        "ann",
        "7",
    )
    assert found["created_at"] == datetime(2020, 1, 2, tzinfo=UTC)
    assert not stats.notes


NOTICES = json.loads(Path(__file__).with_name("notices.json").read_text())


@pytest.mark.parametrize("form", [flat, v1])
def test_deletions_are_counted_and_not_indexed(form, tmp_path):
    path = text_file(
        "tweets.jsonl",
        lines([form(FIRST), *NOTICES, {"limit": {"track": 3}}, form(SECOND)]),
    )(tmp_path)
    rows, stats = rows_of(path)
    assert [row["id"] for row in rows] == [FIRST.id, SECOND.id]
    assert stats.skipped == {"deletion": 5, "not_a_tweet": 1}
    assert stats.examples["deletion"][0][1] == 1


def test_a_stream_with_only_deletions_is_not_indexed(tmp_path):
    path = text_file("tweets.jsonl", lines(NOTICES))(tmp_path)
    with pytest.raises(InputError, match="contains no tweets: 5 records were left out"):
        provscan.build_index(str(path), tmp_path / "licensed.index")


@pytest.mark.parametrize(
    ("name", "records", "reason"),
    [
        ("account", '[{"account": null}]', "username: 1"),
        ("account", '[{"account": {"username": 5}}]', "username: 1"),
        ("account", '[{"account": {"username": ', "it ends within its JSON"),
    ],
)
def test_unexpected_records_of_an_account_archive_are_listed(
    tmp_path, name, records, reason
):
    tweet = {"id_str": "12", "full_text": FIRST.text}
    text_file("x/data/tweets.js", ytd("tweets.part0", [{"tweet": tweet}]))(tmp_path)
    text_file(f"x/data/{name}.js", f"window.YTD.{name}.part0 = {records}")(tmp_path)
    plan = plan_tweets(str(tmp_path / "x"), Fields())
    ((path, why),) = plan.unread
    assert path == str(tmp_path / f"x/data/{name}.js")
    assert reason in why
    rows, _ = rows_of(tmp_path / "x")
    assert [(row["text"], row["author"]) for row in rows] == [(FIRST.text, None)]


def test_flat_lines_that_mix_full_text_and_text(tmp_path):
    records = [
        {"id": "1", "full_text": FIRST.text},
        {"id": "2", "text": "a text of its own"},
    ]
    for mixed in (records, records[::-1]):
        path = text_file(
            "mixed.jsonl", "".join(json.dumps(line) + "\n" for line in mixed)
        )(tmp_path)
        rows, stats = rows_of(path)
        assert {row["id"]: row["text"] for row in rows} == {
            "1": FIRST.text,
            "2": "a text of its own",
        }
        assert stats.skipped == {}
        rows, stats = rows_of(path, text="text")
        assert [row["id"] for row in rows] == ["2"]
        assert stats.skipped == {"no_text": 1}


def test_delimiter_and_encoding_can_be_given(tmp_path):
    path = text_file(
        "odd.csv", "id^text\n1^caf\u00e9 au lait, twice; \u201cplease\u201d\n", "cp1252"
    )(tmp_path)
    rows, _ = rows_of(path, delimiter="^", encoding="cp1252")
    assert [(row["id"], row["text"]) for row in rows] == [
        ("1", "caf\u00e9 au lait, twice; \u201cplease\u201d")
    ]


@pytest.mark.parametrize(
    ("name", "content"), [("a.csv", delimited(None)), ("a.tsv", TSV), ("a.txt", TSV)]
)
def test_columns_of_a_table_without_a_header_are_named_by_the_user(
    name, content, tmp_path
):
    path = text_file(name, content)(tmp_path)
    with pytest.raises(FieldNotFoundError, match=r"values of column_5 read like text"):
        rows_of(path)
    rows, _ = rows_of(path, text="column_5", id="column_1")
    assert {row["id"]: row["text"] for row in rows} == {
        tweet.id: tweet.text for tweet in PLANTED
    }


def test_files_without_a_text_are_unread(tmp_path):
    text_file("d/ids.csv", "tweet_id,label\n1,2\n2,2\n")(tmp_path)
    text_file("d/tweets.csv", delimited(["id", "label", "date", "user", "text"]))(
        tmp_path
    )
    plan = plan_tweets(str(tmp_path / "d"), Fields())
    ((path, reason),) = plan.unread
    assert path.endswith("ids.csv")
    assert reason.startswith(
        "no field is named as the text of tweets usually is in its first records. The "
        "fields there are: tweet_id, label"
    )


def test_objects_in_memory_have_the_same_layouts(tmp_path):
    index = provscan.build_index([v2_page(PLANTED)], tmp_path / "licensed.index")
    assert index.match([PLANTED[4].text])["tweet_id"].to_pylist() == [PLANTED[4].id]


def test_an_empty_text_is_no_text_in_any_form(tmp_path):
    records = [{"id": "1", "text": FIRST.text}, {"id": "2", "text": ""}]
    _, of_file = rows_of(text_file("x.jsonl", lines(records))(tmp_path))
    for _ in read_tweet_objects(records, Fields(), in_memory := ReadStats()):
        pass
    assert of_file.skipped == in_memory.skipped == {"no_text": 1}
    assert of_file.records == in_memory.records == 1


@pytest.mark.parametrize("form", ["parquet", "arrow", "memory"])
def test_columns_as_databases_export_them(form, tmp_path):
    claimed = pa.StringArray.from_buffers(
        2, *pa.array([b"one that is sound", b"a\xffb that is not"]).buffers()[1:]
    )
    table = pa.table(
        {
            "id": pa.array([10**19, 10**19 + 1], pa.decimal128(38, 0)),
            "text": pa.ExtensionArray.from_storage(pa.json_(), claimed),
            "lang": pa.array(["en", "de"]).dictionary_encode(),
            "created_at": pa.array(
                [1_600_000_000_123_456_789, None], pa.timestamp("ns", "Nowhere/Town")
            ),
            "until": pa.array([2**60] * 2, pa.timestamp("us")),
        }
    )
    path = tmp_path / f"tweets.{form}"
    if form == "parquet":
        pq.write_table(table, path)
    else:
        runs = pa.RunEndEncodedArray.from_arrays(
            pa.array([1, 2], pa.int32()), pa.array(["en", "de"])
        )
        table = table.set_column(2, "lang", runs)
        with pa.ipc.new_file(path, table.schema) as file:
            file.write_table(table)
    stats = ReadStats()
    rows, stats = (
        (
            [
                row
                for batch in read_tweet_objects(table, Fields(), stats)
                for row in batch.to_pylist()
            ],
            stats,
        )
        if form == "memory"
        else rows_of(path)
    )
    assert [(row["id"], row["text"], row["lang"]) for row in rows] == [
        (str(10**19), "one that is sound", "en"),
        (str(10**19 + 1), "a\ufffdb that is not", "de"),
    ]
    assert [row["created_at"] and row["created_at"].isoformat() for row in rows] == [
        "2020-09-13T12:26:40.123000+00:00", None
    ]  # fmt: skip


@pytest.mark.parametrize(
    "table",
    [
        {tweet.id: tweet.text for tweet in PLANTED},
        {"text": [tweet.text for tweet in PLANTED], "lang": ["en"] * 6},
        {"text": {"0": "a text"}, "lang": {"0": "en"}},
    ],
)
def test_a_table_in_one_object_is_refused(table, tmp_path):
    path = tmp_path / "tweets.json"
    path.write_text(json.dumps(table, indent=1))
    with pytest.raises(InputError, match="a table stored in one JSON object"):
        rows_of(path)


def test_tweets_before_damage_are_read(tmp_path):
    """They are held back until the ids of the file are judged."""
    table = pa.table({"id": [f"{10**17 + n}" for n in range(300)], "text": TEXTS})
    path = tmp_path / "tweets.parquet"
    pq.write_table(table, path, row_group_size=100, compression="none")
    data = bytearray(path.read_bytes())
    at = data.index(TEXTS[250].encode()) - 2000
    data[at : at + 2000] = b"\xff" * 2000
    path.write_bytes(data)
    rows, stats = rows_of(path)
    assert [row["text"] for row in rows] == TEXTS[:200]
    assert [damage.records for damage in stats.damaged] == [200]
