"""Test each recipe on a few invented rows in the layout of its set."""

import json
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest
from readers.tweet_forms import PLANTED

from provscan.errors import InputError, ParameterError
from provscan.inspection import inspect_sources
from provscan.readers import Fields, ReadStats, plan_tweets, read_tweets
from provscan.readers.corpus.recipes import known_recipes

A, B, C = PLANTED[0], PLANTED[4], PLANTED[2]
OWN = ("2018-En-00866", "2018-En-01234")


def _layouts():
    """Return the files of each set: the tweets A and B, and files without tweets."""
    text = Path(__file__).with_name("recipes.json").read_text(encoding="utf-8")
    for name, tweet in zip("ABC", (A, B, C), strict=True):
        text = text.replace(f"<{name}>", json.dumps(tweet.text)[1:-1])
        text = text.replace(f"<{name}.id>", tweet.id)
    return json.loads(text)


LAYOUTS = _layouts()
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


def written(name, folder):
    for path, content in LAYOUTS[name].items():
        (folder / name / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / name / path).write_text(content, encoding="utf-8")
    return folder / name


def test_every_recipe_has_a_layout_and_an_address():
    assert known_recipes().keys() == LAYOUTS.keys()
    for recipe in known_recipes().values():
        assert recipe.url.startswith(("http://", "https://"))
        assert recipe.licence_url.startswith(("http://", "https://"))
        assert recipe.format in (None, "csv", "json", "jsonl", "text")


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_recipe_reads_its_set_and_nothing_else(name, tmp_path):
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


def test_named_fields_take_precedence_over_those_of_a_recipe(tmp_path):
    (tmp_path / "harvey_final_data.tsv").write_text(
        f"tweet_id\ttweet_text\tcopy\n5\twords of the usual column\t{A.text}\n"
    )
    source, fields = f"recipe:crisismmd={tmp_path}", Fields(text="copy")
    (file,) = plan_tweets(source, fields).files
    rows = [row for part in read_tweets(file, ReadStats()) for row in part.to_pylist()]
    assert [(row["id"], row["text"]) for row in rows] == [("5", A.text)]


def test_the_encoding_and_delimiter_of_the_user_take_precedence(tmp_path, monkeypatch):
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


def test_a_set_in_a_compressed_tar_archive(tmp_path):
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


def test_a_recipe_without_a_copy_says_where_the_set_is():
    with pytest.raises(
        InputError,
        match=r"not part of "
        r"provscan.*github\.com/cardiffnlp/tweeteval.*recipe:tweeteval=PATH",
    ):
        plan_tweets("recipe:tweeteval", Fields())


def test_an_unknown_recipe_names_the_nearest():
    with pytest.raises(ParameterError, match="recipe is called 'tweetevall'"):
        plan_tweets("recipe:tweetevall=x", Fields())


def test_a_folder_without_the_files_of_a_recipe(tmp_path):
    (tmp_path / "other.txt").write_text("a text that is no part of it\n")
    with pytest.raises(InputError, match="contains none of the files"):
        plan_tweets(f"recipe:tweeteval={tmp_path}", Fields())
