"""Test tweets in exports and dumps: full texts next to truncated ones, records around
tweets, and ids with quotes and other signs.
"""

import json

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest
from readers.tweet_forms import (
    PLANTED,
    activity,
    flat,
    lines,
    rows_of,
    text_file,
    twarc,
    v1,
    v1_stream,
    v2_page,
)

import provscan
from provscan.errors import FieldNotFoundError, InputError
from provscan.readers import Fields, ReadStats, read_tweet_objects

FIRST, SECOND = PLANTED[:2]


CUT = FIRST.text[:20] + "…"
BESIDE = {"id": FIRST.id, "author": FIRST.author, "created_at": FIRST.time.isoformat()}


@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet", "memory"])
@pytest.mark.parametrize(
    "long",
    [
        "extended_tweet.full_text",
        "extended_tweet_full_text",
        "note_tweet.text",
        "full_text",
    ],
)
def test_columns_with_full_texts_next_to_their_beginnings(form, long, tmp_path):
    records = [
        BESIDE | {"text": CUT, long: FIRST.text},
        {**BESIDE, "id": "2", "text": SECOND.text, long: None},
    ]
    table = pa.Table.from_pylist(records)
    path = tmp_path / f"tweets.{form}"
    if form == "csv":
        pa_csv.write_csv(table, path)
    elif form == "jsonl":
        path.write_text(lines(records))
    elif form == "parquet":
        pq.write_table(table, path)
    stats = ReadStats()
    rows = (
        [
            row
            for batch in read_tweet_objects(table, Fields(), stats)
            for row in batch.to_pylist()
        ]
        if form == "memory"
        else rows_of(path)[0]
    )
    assert [row["text"] for row in rows] == [FIRST.text, SECOND.text]


WRAPPED = {
    "elasticsearch": [
        {"_index": "tweets", "_id": "q1", "_source": v1_stream(tweet)}
        for tweet in PLANTED
    ],
    "elasticsearch, a page": [
        {"took": 3, "hits": {"total": 6, "hits": [{"_source": v1(t)} for t in PLANTED]}}
    ],
    "elasticsearch, flat": [
        {
            "_id": t.id,
            "_source": {
                "tweet_text": t.text,
                "created_at": t.time.isoformat(),
                "user": {"screen_name": t.author},
            },
        }
        for t in PLANTED
    ],
    "an object": [
        {"_id": {"$oid": "5f"}, "fetched": "2021", "raw": v1_stream(tweet)}
        for tweet in PLANTED
    ],
    "strings of JSON": [
        {"offset": n, "value": json.dumps(v1_stream(t))} for n, t in enumerate(PLANTED)
    ],
    "strings of JSON, v2": [
        {"key": None, "message": json.dumps(v2_page([tweet]))} for tweet in PLANTED
    ],
    "a list below a key": [
        {"query": "kettle", "items": [v1(tweet) for tweet in PLANTED]}
    ],
    "by author": [{tweet.author: [v1(tweet)] for tweet in PLANTED}],
    "id outside": [
        {
            "id": t.id,
            "tweet": {key: flat(t)[key] for key in ("text", "author", "created_at")},
        }
        for t in PLANTED
    ],
    "mongodb": [
        flat(t)
        | {"id": {"$numberLong": t.id}, "created_at": {"$date": t.time.isoformat()}}
        for t in PLANTED
    ],
    "mongodb, v2": [
        twarc(t) | {"id": {"$numberLong": t.id}, "edit_history_tweet_ids": None}
        for t in PLANTED
    ],
    "activity streams": [activity(tweet) for tweet in PLANTED],
}


@pytest.mark.parametrize("form", WRAPPED)
def test_tweets_within_other_records(form, tmp_path):
    (tmp_path / "a.jsonl").write_text(lines(WRAPPED[form]))
    rows, stats = rows_of(tmp_path / "a.jsonl")
    found = {row["id"]: (row["text"], row["author"], row["created_at"]) for row in rows}
    assert found == {
        tweet.id: (tweet.text, tweet.author, tweet.time) for tweet in PLANTED
    }
    assert len(rows) == len(PLANTED)
    assert not stats.skipped


def test_columns_of_json_are_read_as_tweets(tmp_path):
    pq.write_table(
        pa.Table.from_pylist(WRAPPED["strings of JSON"]), tmp_path / "a.parquet"
    )
    pa_csv.write_csv(
        pa.Table.from_pylist(WRAPPED["strings of JSON"]), tmp_path / "a.csv"
    )
    for name in ("a.parquet", "a.csv"):
        rows, _ = rows_of(tmp_path / name)
        assert {row["id"]: row["text"] for row in rows} == {
            tweet.id: tweet.text for tweet in PLANTED
        }


def test_tweets_next_to_a_text_are_not_read(tmp_path):
    record = {
        "id": "7",
        "body": "a post that answers to a tweet",
        "answers": v1(FIRST),
        "raw": json.dumps(v1(SECOND)),
    }
    (tmp_path / "a.jsonl").write_text(lines([record]))
    assert [row["text"] for row in rows_of(tmp_path / "a.jsonl")[0]] == [
        "a post that answers to a tweet"
    ]


def test_retweets_and_deletions_in_activity_streams(tmp_path):
    share = activity(PLANTED[3], verb="share", object=activity(FIRST)) | {
        "body": CUT,
        "long_object": {},
    }
    gone = activity(SECOND, verb="delete")
    (tmp_path / "a.jsonl").write_text(
        lines([share, gone, {"info": {"message": "Replay Request Completed"}}])
    )
    rows, stats = rows_of(tmp_path / "a.jsonl")
    assert [(row["id"], row["rt_of"], row["text"]) for row in rows] == [
        (FIRST.id, None, FIRST.text), (PLANTED[3].id, FIRST.id, FIRST.text)
    ]  # fmt: skip
    assert stats.skipped == {"deletion": 1, "not_a_tweet": 1}


@pytest.mark.parametrize(
    "dressed",
    [
        "x{}",
        "'{}",
        '"{}"',
        "https://twitter.com/a/statuses/{}",
        "https://x.com/a/status/{}?s=20",
    ],
)
def test_ids_are_bare_numbers(dressed, tmp_path):
    named = "Permalink" if "/" in dressed else "status_id"
    table = pa.table(
        {
            named: [dressed.format(FIRST.id)],
            "text": [FIRST.text],
            "retweet_status_id": [dressed.format(SECOND.id)],
        }
    )
    pq.write_table(table, tmp_path / "a.parquet")
    (row,) = rows_of(tmp_path / "a.parquet")[0]
    assert (row["id"], row["rt_of"]) == (FIRST.id, SECOND.id)


def test_a_field_of_a_usual_name_must_read_like_text(tmp_path):
    table = pa.table(
        {
            "status": ["active"] * 2,
            "title": ["", ""],
            "Beitrag": [FIRST.text, SECOND.text],
        }
    )
    pq.write_table(table, tmp_path / "a.parquet")
    with pytest.raises(FieldNotFoundError, match=r"title do not read .*Beitrag"):
        rows_of(tmp_path / "a.parquet")


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("ids.txt", "".join(f"{tweet.id}\n" for tweet in PLANTED), "ids, no texts"),
        (
            "dump.sql",
            "CREATE TABLE tweets (id bigint);\nCOPY tweets FROM stdin;\n1\ta text\n",
            "dump of a database",
        ),
        (
            "page.html",
            "<html><body><p>a tweet</p><p>and another one</p></body></html>",
            "a web page",
        ),
    ],
)
def test_files_without_tweets_are_not_read_as_lines(name, content, reason, tmp_path):
    with pytest.raises(InputError, match=reason):
        rows_of(text_file(name, content)(tmp_path))


@pytest.mark.parametrize("dressed", ["x{}", '"{}"', "https://x.com/a/status/{}"])
def test_lists_of_tweets_to_forget_have_the_same_ids(dressed, tmp_path):
    provscan.build_index(
        [flat(tweet) for tweet in PLANTED], tmp_path / "licensed.index"
    )
    (tmp_path / "ids.txt").write_text(dressed.format(FIRST.id) + "\n")
    assert (
        provscan.forget(tmp_path / "licensed.index", tmp_path / "ids.txt")["tweets"]
        == 1
    )


@pytest.mark.parametrize("missing", ["nan", "<NA>", "\\N"])
def test_placeholders_are_not_ids(missing, tmp_path):
    table = pa.table(
        {"id": [missing] * 2, "text": [FIRST.text, SECOND.text], "rt_of": [missing] * 2}
    )
    pq.write_table(table, tmp_path / "a.parquet")
    rows, stats = rows_of(tmp_path / "a.parquet")
    assert len({row["id"] for row in rows}) == 2
    assert {row["rt_of"] for row in rows} == {None}
    assert stats.notes == {"id_missing": 2}


def test_missing_values_of_pandas(tmp_path):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(
        [flat(FIRST), {"text": SECOND.text}, {"id": "3", "rt_of": FIRST.id}]
    )
    records = [
        *frame.to_dict("records"),
        {"id": pandas.NA, "text": PLANTED[2].text, "created_at": pandas.NaT},
    ]
    stats = ReadStats()
    rows = [
        row
        for batch in read_tweet_objects(records, Fields(), stats)
        for row in batch.to_pylist()
    ]
    assert [row["id"] for row in rows] == [FIRST.id, "<memory>:2", "<memory>:4"]
    assert [row["author"] for row in rows] == [FIRST.author, None, None]
    assert {row["rt_of"] for row in rows} == {None}
    assert stats.skipped == {"no_text": 1}
    assert stats.notes == {"id_missing": 2}
    index = provscan.build_index(records, tmp_path / "licensed.index")
    run = provscan.match(records, index, tmp_path / "a.run", spike_ins=0)
    assert (run.summary["records_matched"], run.summary["skipped"]) == (
        3,
        {"no_text": 1},
    )
    assert repr(run).startswith(
        f"<provscan.Run {tmp_path / 'a.run'}: CHANCE NOT MEASURED: 3 of 3 records"
    )


@pytest.mark.parametrize("long", ["extended_tweet.full_text", "full_text", "text"])
def test_flattened_retweets_have_the_texts_of_their_originals(long, tmp_path):
    original = {
        "retweeted_status.id_str": FIRST.id,
        f"retweeted_status.{long}": FIRST.text,
    }
    records = [
        {"id_str": "7", "text": f"RT @a: {CUT}", **original},
        {"id_str": "8", "text": SECOND.text},
    ]
    pa_csv.write_csv(pa.Table.from_pylist(records), tmp_path / "a.csv")
    rows, _ = rows_of(tmp_path / "a.csv")
    assert [(row["id"], row["text"], row["rt_of"]) for row in rows] == [
        ("7", FIRST.text, FIRST.id), ("8", SECOND.text, None)
    ]  # fmt: skip
