"""Test that every benchmark runs on little data and prints its tables. Their numbers
are not checked.
"""

import json
import os
import re
import shlex
import subprocess
import sys
from difflib import SequenceMatcher
from pathlib import Path
from random import Random
from xml.etree import ElementTree

import pyarrow as pa
import pytest
from nightly import NIGHTLY

pytest.importorskip("rensa", reason="the benchmarks need pip install 'provscan[bench]'")

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"

sys.path.insert(0, str(BENCHMARKS))
import drawings  # noqa: E402
import figures  # noqa: E402
import measure  # noqa: E402
import other_edits  # noqa: E402
import planted  # noqa: E402
import synthetic  # noqa: E402

import provscan  # noqa: E402

TINY = {
    "hashing": "--tweets=100 --repeats=1",
    "match": "--tweets=500 --records=300 --planted=50 --sample=20 --repeats=1",
    "passages": "--texts=500,2000 --megabytes=0.2 --planted=100 --repeats=1 "
    "--others-megabytes=0.05 --windows-megabytes=0.01",
    "growth": "--texts=500,2000 --records=400 --megabytes=0.2 --planted=50 --repeats=1",
    "scale": f"{os.devnull} --texts=500 --records=200000 --megabytes=40 --repeats=1",
    "repeated": "--files=5 --changed=1 --gigabytes=0.001 --texts=500",
    "sampling": "--files=60 --records=8 --tweets=300 --share=0.2 --draws=2 --checked=1",
    "peers": "--tweets=500 --copies=3 --others=20 --only='x 4'",
    "first_run": "--only=--help --repeats=1",
    "versions": f"--other={sys.executable} --tweets=500 --records=300 --megabytes=0.1 "
    "--pairs=1",
    "probe": "--probes=2 --pairs=40",
    "ledger": "--rows=30000",
    "coverage": "--only='nothing, null' --main=1",
    "edits_recall": "--tweets=500 --copies=3",
    "attacks": "--tweets=400 --records=300 --seeds=1 --draws=1 --scans=4 "
    "--fair-tweets=800 --control=200 --inside=1 --divisions=1 "
    "--only='bot of titles|one thread|by a coin'",
}
# Benchmarks that do not only run in make nightly.
SHORT = {"first_run"}


def run(name, *arguments):
    command = [sys.executable, str(BENCHMARKS / f"{name}.py"), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8")
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("name", [name for name in TINY if NIGHTLY or name in SHORT])
def test_a_benchmark_prints_tables(name):
    printed = run(name, *shlex.split(TINY[name]))
    assert "Python" in printed.splitlines()[1]
    assert re.search(r"\d", printed.split("\n", 2)[2])


@pytest.mark.parametrize("page", figures.PAGES, ids=lambda page: page.name)
def test_pages_have_the_recorded_figures(page):
    text = page.read_text(encoding="utf-8")
    assert figures.written(text) == text, "run: python benchmarks/figures.py write"


def test_recorded_figures_are_of_the_commands_as_they_are_now():
    commands = figures.commands()
    for name, entry in figures.recorded().items():
        assert entry["command"] == commands[name]["command"], name
    for name in TINY.keys() & commands.keys():
        assert (BENCHMARKS / commands[name]["command"].split()[0]).is_file()


def test_a_figure_that_differs_by_more_than_its_error_has_drifted():
    def tables(*shares):
        rows = [["one", "100", share, "5/5"] for share in shares]
        columns = ["edit", "copies", "records", "right"]
        return [{"title": "", "columns": columns, "rows": rows}]

    def drifted(old, new, held="records"):
        return figures.drifted(tables(old), tables(new), [held], "copies")

    assert not drifted("0.900", "0.850")
    assert drifted("0.900", "0.780")
    assert drifted("0.900", "0.980")
    assert not drifted("1.000", "0.990")
    assert drifted("1.000", "-")
    assert not drifted("", "", "right")
    assert figures.drifted(tables("0.9"), [], ["records"], "copies")
    # A table in which nothing is held can't pass.
    assert figures.drifted(tables("0.9"), tables("0.9"), ["other"], "copies")


def test_drawings_show_the_recorded_figures(tmp_path):
    for name in drawings.FIGURES:
        current = drawings.is_current(figures.DOCS / name)
        assert current, "run: python benchmarks/figures.py write"
    pytest.importorskip("matplotlib")
    drawings.draw(tmp_path)
    (tmp_path / "cost.svg").write_text("<svg/>")
    assert not drawings.is_current(tmp_path / "cost.svg")
    drawings.draw(tmp_path)
    for file in tmp_path.iterdir():
        assert drawings.is_current(file)
        assert ElementTree.parse(file).getroot().tag.endswith("svg")


def test_tables_are_written_with_rows_and_columns_of_the_same_name(monkeypatch):
    tables = [
        {"title": "Full", "columns": ["edit", "n", "n"], "rows": [["typos", "1", "2"]]},
        {"title": "Empty", "columns": ["file"], "rows": []},
    ]
    entry = {
        "command": "a.py",
        "commit": "1",
        "date": "",
        "machine": "",
        "tables": tables,
    }
    monkeypatch.setattr(figures, "recorded", lambda: {"a": entry})
    written = figures.rendered("a")
    assert "| typos | 1 | 2 |" in written
    assert "Empty" not in written


HELD = [name for name, entry in figures.commands().items() if "held" in entry]


def test_repeated_matches_of_a_benchmark_scan_everything(tmp_path):
    tweets = planted.write_jsonl(tmp_path / "a.jsonl", planted.synthetic_tweets(50))
    provscan.build_index(tweets, tmp_path / "a.index")
    paths = tweets, tmp_path / "a.index", tmp_path / "a.run"
    assert [measure.fresh_match(*paths).info["reused"] for _ in range(2)] == [0, 0]
    again = provscan.match(*paths[:2], out=paths[2], overwrite=True)
    assert again.info["reused"] == 1


@pytest.mark.skipif(not NIGHTLY, reason="make nightly")
@pytest.mark.parametrize("name", HELD)
def test_figures_have_not_drifted(name):
    assert figures.check(name, {}) == []


@pytest.mark.skipif(not NIGHTLY, reason="make nightly")
def test_benchmarks_accept_real_data(tmp_path):
    for kind, count in (("corpus", 400), ("background", 50)):
        (tmp_path / kind).mkdir()
        rows = [
            {"id": str(i), "text": f"{kind} {i}: " + f"a unique word, w{i}q; " * 6}
            for i in range(count)
        ]
        (tmp_path / kind / "rows.jsonl").write_text(
            "".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8"
        )
    data = [f"--{kind}={tmp_path / kind}" for kind in ("corpus", "background")]
    assert "400 tweets indexed" in run("match", *shlex.split(TINY["match"]), *data)
    # claims.py needs two kinds of texts, in a file each.
    (tmp_path / "background" / "more.jsonl").write_bytes(
        (tmp_path / "corpus" / "rows.jsonl").read_bytes()
    )
    printed = run("claims", "--scans=2", *data)
    for title in (
        "Data without copies",
        "Claims on data",
        "75 verbatim",
        "nearly verbatim copies",
    ):
        assert title in printed


def test_the_first_synthetic_tweets_do_not_depend_on_the_requested_number(monkeypatch):
    monkeypatch.setattr(synthetic, "BATCH", 500)
    few, many = (
        pa.Table.from_batches(synthetic.tweets(700)),
        pa.Table.from_batches(synthetic.tweets(1_000)),
    )
    assert few.equals(many.slice(0, 700).combine_chunks())
    texts = many.column("text").to_pylist()
    assert max(map(len, texts)) <= synthetic.LONGEST
    assert min(map(len, texts)) > 0
    assert len(set(many.column("id").to_pylist())) == 1_000
    assert (
        texts
        != pa.Table.from_batches(synthetic.tweets(1_000, seed=2))
        .column("text")
        .to_pylist()
    )


SENTENCES = (
    "RT @reader: It's the &lt;third&gt; time our clerk can't turn 12 keys, is it? #old",
    "Сегодня утром мы снова ждали поезда, и никто не знал почему.",
    "昨日は駅前の新しい喫茶店で友達と3時間も話してしまった。",
)


@pytest.mark.parametrize("text", SENTENCES, ids=["Latin", "Cyrillic", "Japanese"])
@pytest.mark.parametrize("name", other_edits.OTHERS)
def test_every_other_edit_changes_a_text_and_keeps_part_of_it(name, text):
    edit = other_edits.OTHERS[name]
    for seed in range(20):
        edited = edit(text, Random(seed))
        assert edited != text
        assert SequenceMatcher(None, edited, text).ratio() > 0.4
        assert edited == edit(text, Random(seed))
    for short in ("", "a", "猫", "?", "@a", "https://"):
        assert len(edit(short, Random(1))) < 100


def test_planted_tweets_are_at_the_recorded_places():
    tweets = [
        planted.Tweet(str(i), f"tweet number {i} of those that are planted")
        for i in range(20)
    ]
    documents, where = planted.in_documents(
        tweets, ["some words of a longer text " * 20] * 3
    )
    exact = [mark for mark in where if mark.edit == "exact"]
    assert len(where) == 20
    assert all(
        documents[mark.record][mark.start : mark.end] == mark.tweet.text
        for mark in exact
    )
    records, where = planted.in_records(tweets, ["other"] * 30)
    assert len(records) == 50
    assert all(records[mark.record] != "other" for mark in where)
    found = [
        (mark.record, 0, 9, mark.tweet.id) for mark in where if mark.edit == "typos"
    ]
    matches = pa.table(
        dict(
            zip(
                ("record", "start", "end", "tweet_id"),
                zip(*found, strict=True),
                strict=True,
            )
        )
    )
    score = planted.score(matches, where, {tweet.id: tweet.text for tweet in tweets})
    assert (
        score.recall("typos"),
        score.recall("exact"),
        score.recall(),
        score.spans(),
    ) == (1, 0, 0.1, 0)
