"""Test each recipe on a few invented rows in the layout of its set."""

from __future__ import annotations

import json
import tarfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from readers.tweet_forms import PLANTED, lines, v1

import provscan
from provscan.errors import InputError, ParameterError
from provscan.inspection import inspect_sources
from provscan.readers import Fields, ReadStats, plan_tweets, read_tweets
from provscan.readers.corpus.recipes import known_recipes

A, B, C = PLANTED[0], PLANTED[4], PLANTED[2]
OWN = ("2018-En-00866", "2018-En-01234")


def table(*rows: tuple[Any, ...], delimiter: str = ",") -> str:
    """Return rows as lines; values are quoted if the delimiter is a comma."""
    quote = '"' if delimiter == "," else ""
    return "".join(
        delimiter.join(f"{quote}{value}{quote}" for value in row) + "\n" for row in rows
    )


def tabs(*rows: tuple[Any, ...]) -> str:
    return table(*rows, delimiter="\t")


STREAM = lines(
    [
        v1(A, text="text"),
        {"delete": {"status": {"id": 5, "id_str": "5", "user_id": 6}}},
        v1(B, text="text"),
    ]
)
# Files of each set: the tweets A and B, and files next to them without tweets.
LAYOUTS: dict[str, dict[str, str]] = {
    "tweeteval": {
        "datasets/emotion/train_text.txt": A.text + "\n",
        "datasets/stance/climate/val_text.txt": B.text + "\n",
        "datasets/emotion/train_labels.txt": "2\n",
        "datasets/emotion/mapping.txt": "0\tanger\n",
        "predictions/emotion.txt": "1\n",
    },
    "semeval2017_task4": {
        "GOLD/Subtask_A/twitter-2016train-A.txt": tabs(
            (A.id, "positive", A.text), (B.id, "neutral", B.text)
        ),
        "GOLD/Subtasks_BD/twitter-2016train-BD.txt": tabs(
            (C.id, "a topic", "positive", C.text)
        ),
        "README.txt": "About the task.\n",
    },
    "semeval2017_task4_topics": {
        "GOLD/Subtasks_BD/train-BD.txt": tabs(
            (A.id, "trams", "positive", A.text), (B.id, "socks", "negative", B.text)
        ),
        "GOLD/Subtask_A/train-A.txt": tabs((C.id, "positive", C.text)),
    },
    "semeval2018_task1": {
        "EI-reg/EI-reg-En-anger-train.txt": tabs(
            ("ID", "Tweet", "Affect Dimension", "Intensity Score"),
            (OWN[0], A.text, "anger", "0.562"),
            (OWN[1], B.text, "anger", "0.75"),
        ),
        "readme.txt": "About the task.\n",
    },
    "semeval2018_task2": {
        "us_train.text": f"{A.text}\n{B.text}\n",
        "us_train.labels": "1\n7\n",
        "us_train.ids": f"{A.id}\n{B.id}\n",
    },
    "semeval2018_task3": {
        "datasets/train/SemEval2018-T3-train-taskA.txt": tabs(
            ("Tweet index", "Label", "Tweet text"),
            ("1", "1", A.text),
            ("2", "0", B.text),
        ),
        "datasets/README.md": "About the task.\n",
    },
    "sentiment140": {
        "training.1600000.processed.noemoticon.csv": table(
            ("4", A.id, "Mon Apr 06 22:19:45 PDT 2009", "NO_QUERY", A.author, A.text),
            ("0", B.id, "Mon Apr 06 22:19:49 PDT 2009", "NO_QUERY", B.author, B.text),
        ),
    },
    "crisislex_t6": {
        "2012_Sandy/2012_Sandy_Hurricane-ontopic_offtopic.csv": table(
            ("tweet id", " tweet", " label"),
            (f"'{A.id}'", A.text, "off-topic"),
            (f"'{B.id}'", B.text, "on-topic"),
        ),
        "README.md": "About the collection.\n",
    },
    "crisislex_t26": {
        "2012_Fires/2012_Fires-tweets_labeled.csv": "Tweet ID, Tweet Text, Information "
        "Source, Information Type\n"
        + table((A.id, A.text, "Media", "Other"), (B.id, B.text, "Media", "Other")),
        "2012_Fires/2012_Fires-tweetids_entire_period.csv": "Timestamp, "
        "Tweet-ID\n2012-06-08,1\n",
        "2012_Fires/2012_Fires-event_description.json": '{"name": "fires"}',
    },
    "crisismmd": {
        "annotations/hurricane_harvey_final_data.tsv": tabs(
            (
                "tweet_id",
                "image_id",
                "text_info",
                "image_info",
                "tweet_text",
                "image_url",
                "image_path",
            ),
            (
                A.id,
                f"{A.id}_0",
                "informative",
                "informative",
                A.text,
                "http://t.co/1",
                "data_image/1",
            ),
            (
                A.id,
                f"{A.id}_1",
                "informative",
                "informative",
                A.text,
                "http://t.co/2",
                "data_image/2",
            ),
            (
                B.id,
                f"{B.id}_0",
                "informative",
                "informative",
                B.text,
                "http://t.co/3",
                "data_image/3",
            ),
        ),
        "annotations/Readme.txt": "About the collection.\n",
    },
    "humaid": {
        "all/fires_2018_train.tsv": tabs(
            ("tweet_id", "tweet_text", "class_label"),
            (A.id, A.text, "other"),
            (B.id, B.text, "rescue"),
        ),
    },
    "stocknet": {
        "tweet/raw/AAPL/2014-01-01": lines([v1(A, text="text"), v1(B, text="text")]),
        "tweet/preprocessed/AAPL/2014-01-01": lines(
            [{"text": ["rt", "AT_USER", "summary"], "user_id_str": "7"}]
        ),
        "price/raw/AAPL.csv": "Date,Open\n2014-01-01,1.0\n",
    },
    "twitter_stream_grab": {"2019/01/01/00/00.json": STREAM},
    "airline_sentiment": {
        "Tweets.csv": table(
            (
                "tweet_id",
                "airline_sentiment",
                "airline",
                "name",
                "text",
                "tweet_coord",
                "tweet_created",
            ),
            (
                A.id,
                "neutral",
                "Virgin",
                A.author,
                A.text,
                "",
                "2015-02-24 11:35:52 -0800",
            ),
            (
                B.id,
                "neutral",
                "Virgin",
                B.author,
                B.text,
                "",
                "2015-02-24 11:15:59 -0800",
            ),
        ),
        "database.sqlite": "",
    },
    "customer_support": {
        "twcs/twcs.csv": table(
            (
                "tweet_id",
                "author_id",
                "inbound",
                "created_at",
                "text",
                "response_tweet_id",
            ),
            (A.id, A.author, "False", "Tue Oct 31 22:10:47 +0000 2017", A.text, "2"),
            (B.id, B.author, "True", "Tue Oct 31 22:11:45 +0000 2017", B.text, ""),
        ),
    },
    "russian_troll_tweets": {
        "IRAhandle_tweets_1.csv": table(
            (
                "external_author_id",
                "author",
                "content",
                "region",
                "language",
                "publish_date",
                "tweet_id",
            ),
            (
                "9.06E+17",
                A.author,
                A.text,
                "Unknown",
                "English",
                "10/1/2017 19:58",
                A.id,
            ),
            (
                "9.06E+17",
                B.author,
                B.text,
                "Unknown",
                "English",
                "10/1/2017 22:43",
                B.id,
            ),
        ),
        "README.md": "About the collection.\n",
    },
    "information_operations": {
        "ioa_tweets_hashed.csv": table(
            (
                "tweetid",
                "userid",
                "user_screen_name",
                "tweet_language",
                "tweet_text",
                "tweet_time",
                "retweet_tweetid",
            ),
            (A.id, "u1", A.author, "en", A.text, "2017-06-22 16:03", ""),
            (B.id, "u2", B.author, "en", B.text, "2017-06-22 16:04", "1"),
        ),
        "ioa_users_hashed.csv": table(("userid", "user_screen_name"), ("u1", A.author)),
    },
    "pheme": {
        "ferguson/rumours/1/source-tweet/1.json": json.dumps(v1(A, text="text")),
        "ferguson/rumours/1/reactions/2.json": json.dumps(v1(B, text="text"), indent=1),
        "ferguson/rumours/1/annotation.json": '{"is_rumour": "rumour"}',
        "ferguson/rumours/1/structure.json": '{"1": {"2": []}}',
    },
    "hate_offensive": {
        "data/labeled_data.csv": ",count,hate_speech,offensive_language,neither,class,tweet\n"  # noqa: E501
        + f'0,3,0,0,3,2,"{A.text}"\n1,3,0,3,0,1,"{B.text}"\n',
        "data/readme.md": "About the collection.\n",
    },
    "olid": {
        "olid-training-v1.0.tsv": tabs(
            ("id", "tweet", "subtask_a"),
            (OWN[0], A.text, "OFF"),
            (OWN[1], B.text, "NOT"),
        ),
        "labels-levela.csv": "15923,OFF\n27014,NOT\n",
    },
    "trump_archive": {
        "tweets_01-08-2021.csv": table(
            (
                "id",
                "text",
                "isRetweet",
                "isDeleted",
                "device",
                "favorites",
                "retweets",
                "date",
                "isFlagged",
            ),
            (A.id, A.text, "f", "f", "phone", "49", "255", "2011-08-02 18:07:48", "f"),
            (B.id, B.text, "f", "f", "phone", "49", "255", "2011-08-03 18:07:48", "f"),
        ),
    },
    "told_br": {
        "ToLD-BR.csv": table(
            ("text", "homophobia", "obscene"),
            (A.text, "0.0", "2.0"),
            (B.text, "0", "0"),
        ),
        "ToLD-BR_alpha.csv": table(("text", "a"), (C.text, "1")),
    },
    "portuguese_hate_speech": {
        "2019-05-28_portuguese_hate_speech_binary_classification.csv": table(
            ("text", "hatespeech_comb"), (A.text, "1"), (B.text, "0")
        ),
        "2019-05-28_portuguese_hate_speech_hierarchical_classification.csv": table(
            ("text", "Sexism"), (C.text, "1")
        ),
    },
    "germeval2018": {
        "germeval2018.training.txt": tabs((A.text, "OTHER", "OTHER")),
        "germeval2018.test.txt": tabs((B.text, "OFFENSE", "ABUSE")),
        "README.md": "About the task.\n",
    },
    "astd": {
        "data/Tweets.txt": tabs((A.text, "OBJ"), (B.text, "POS")),
        "data/4class-balanced-test.txt": "5\n",
    },
    "arsarcasm": {
        "dataset/ArSarcasm_train.csv": table(
            (
                "dialect",
                "sarcasm",
                "sentiment",
                "original_sentiment",
                "tweet",
                "source",
            ),
            ("msa", "True", "negative", "negative", A.text, "astd"),
            ("gulf", "False", "neutral", "neutral", B.text, "semeval"),
        ),
        "LICENSE": "MIT License\n",
    },
    "afrisenti": {
        "data/hau/hau_train.tsv": tabs(("tweet", "label"), (A.text, "positive")),
        "data/ibo/train.tsv": tabs(("tweet", "label"), (B.text, "neutral")),
        "data/README.txt": "About the task.\n",
        "SubtaskA/train/ha_train.tsv": tabs(
            ("ID", "tweet"), ("ha_train_00001", C.text)
        ),
    },
    "indonesian_hate_abuse": {
        "re_dataset.csv": table(
            ("Tweet", "HS", "Abusive"), (A.text, "1", "1"), (B.text, "0", "0")
        ),
        "abusive.csv": "ABUSIVE\nalay\n",
    },
    "indonesian_hate": {
        "IDHSD_RIO_unbalanced_713_2017.txt": tabs(
            ("Label", "Tweet"), ("Non_HS", A.text), ("HS", B.text)
        ).replace("\n", "\r"),
        "README.md": "About the set.\n",
    },
}
NO_IDS = {
    "tweeteval",
    "semeval2018_task2",
    "semeval2018_task3",
    "hate_offensive",
    "told_br",
    "portuguese_hate_speech",
    "germeval2018",
    "astd",
    "arsarcasm",
    "afrisenti",
    "indonesian_hate_abuse",
    "indonesian_hate",
}
OWN_IDS = {"semeval2018_task1", "olid"}


def written(name: str, folder: Path) -> Path:
    for path, content in LAYOUTS[name].items():
        (folder / name / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / name / path).write_text(content, encoding="utf-8")
    return folder / name


def test_every_recipe_has_a_layout_and_an_address() -> None:
    assert known_recipes().keys() == LAYOUTS.keys()
    for recipe in known_recipes().values():
        assert recipe.url.startswith(("http://", "https://"))
        assert recipe.licence_url.startswith(("http://", "https://"))
        assert recipe.format in (None, "csv", "json", "jsonl", "text")


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_recipe_reads_its_set_and_nothing_else(name: str, tmp_path: Path) -> None:
    folder = written(name, tmp_path)
    plan = plan_tweets(f"recipe:{name}={folder}", Fields())
    assert plan.unread == []
    stats = ReadStats()
    rows = [
        row
        for file in plan.files
        for batch in read_tweets(file, stats)
        for row in batch.to_pylist()
    ]
    ids = OWN if name in OWN_IDS else (A.id, B.id)
    assert {row["text"] for row in rows} == {A.text, B.text}
    if name in NO_IDS:
        assert all(row["id"].startswith(str(folder)) for row in rows)
        assert stats.notes["id_missing"] == 2
    else:
        assert {row["id"]: row["text"] for row in rows} == dict(
            zip(ids, (A.text, B.text), strict=True)
        )
    assert {
        key: count for key, count in stats.skipped.items() if key != "deletion"
    } == {}
    inspected = inspect_sources(f"recipe:{name}={folder}")
    assert [file["source"] for file in inspected["files"]] == [
        file.split.source for file in plan.files
    ]
    assert inspected["ignored"] == plan.ignored
    given = inspect_sources(f"recipe:{name}={folder}", encoding="latin-1")
    planned = plan_tweets(f"recipe:{name}={folder}", Fields(), encoding="latin-1")
    assert [file["encoding"] for file in given["files"]] == [
        f.split.layout.encoding or "utf-8" for f in planned.files
    ]
    ignored = {str(Path(path).relative_to(folder)) for path, _ in plan.ignored}
    assert ignored == LAYOUTS[name].keys() - {
        str(Path(f.split.source).relative_to(folder)) for f in plan.files
    }


def test_named_fields_take_precedence_over_those_of_a_recipe(tmp_path: Path) -> None:
    (tmp_path / "harvey_final_data.tsv").write_text(
        f"tweet_id\ttweet_text\tcopy\n5\twords of the usual column\t{A.text}\n"
    )
    source, fields = f"recipe:crisismmd={tmp_path}", Fields(text="copy")
    (file,) = plan_tweets(source, fields).files
    rows = [row for part in read_tweets(file, ReadStats()) for row in part.to_pylist()]
    assert [(row["id"], row["text"]) for row in rows] == [("5", A.text)]


def test_a_recipe_is_inspected_with_several_named_fields(tmp_path: Path) -> None:
    (tmp_path / "harvey_final_data.tsv").write_text(
        f"tweet_id\ttweet_text\tcopy\n5\t{B.text}\t{A.text}\n"
    )
    fields = Fields(text=("copy", "tweet_text"))
    found = inspect_sources(f"recipe:crisismmd={tmp_path}", fields)
    assert found["unread"] == []
    (file,) = found["files"]
    assert [row["text"] for row in file["examples"]] == [A.text, B.text]


def test_the_encoding_and_delimiter_of_the_user_take_precedence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = replace(
        known_recipes()["tweeteval"], files=("a.csv",), encoding="cp1251", delimiter=","
    )
    monkeypatch.setitem(known_recipes(), "tweeteval", recipe)
    (tmp_path / "a.csv").write_text("id;text\n1;a café, at last\n", "latin-1")
    source = f"recipe:tweeteval={tmp_path}"
    plan = plan_tweets(source, Fields(), delimiter=";", encoding="latin-1")
    (file,) = plan.files
    assert [batch["text"].to_pylist() for batch in read_tweets(file, ReadStats())] == [
        ["a café, at last"]
    ]


def test_a_set_in_a_compressed_tar_archive(tmp_path: Path) -> None:
    folder = written("tweeteval", tmp_path / "set")
    archive = tmp_path / "set.tar.gz"
    with tarfile.open(archive, "w:gz") as file:
        file.add(folder, "set")
    plan = plan_tweets(f"recipe:tweeteval={archive}", Fields())
    rows = [
        row
        for file in plan.files
        for batch in read_tweets(file, ReadStats())
        for row in batch.to_pylist()
    ]
    assert {row["text"] for row in rows} == {A.text, B.text}
    assert {Path(path).name for path, _ in plan.ignored} == {
        "train_labels.txt",
        "mapping.txt",
        "emotion.txt",
    }
    assert all(file.split.source.startswith(f"{archive}/set/") for file in plan.files)
    archive.write_bytes(archive.read_bytes()[:-40])
    assert plan_tweets(f"recipe:tweeteval={archive}", Fields()).unread == [
        (str(archive), "truncated gzip file; only the files before that are read")
    ]


def test_an_index_from_a_recipe_counts_each_tweet_once(tmp_path: Path) -> None:
    folder = written("crisismmd", tmp_path)
    index = provscan.build_index(
        f"recipe:crisismmd={folder}", tmp_path / "licensed.index"
    )
    info = index.info()
    assert (info["tweets"], info["repeated_tweets"]) == (2, 1)
    assert index.match([A.text])["tweet_id"].to_pylist() == [A.id]


def test_a_recipe_without_a_copy_says_where_the_set_is() -> None:
    with pytest.raises(
        InputError,
        match=r"not part of "
        r"provscan.*github\.com/cardiffnlp/tweeteval.*recipe:tweeteval=PATH",
    ):
        plan_tweets("recipe:tweeteval", Fields())


def test_an_unknown_recipe_names_the_nearest() -> None:
    with pytest.raises(
        ParameterError,
        match="no recipe is called 'tweetevall'; the nearest is tweeteval",
    ):
        plan_tweets("recipe:tweetevall=x", Fields())


def test_a_folder_without_the_files_of_a_recipe(tmp_path: Path) -> None:
    (tmp_path / "other.txt").write_text("a text that is no part of it\n")
    with pytest.raises(
        InputError, match=r"contains none of the files of TweetEval.*_text\.txt"
    ):
        plan_tweets(f"recipe:tweeteval={tmp_path}", Fields())
