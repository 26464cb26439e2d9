"""Test ``provscan case``, which compares several runs."""

import json
import random
import shutil
from collections import Counter, defaultdict
from datetime import date
from itertools import combinations

import duckdb
import openpyxl
import pyarrow.parquet as pq
import pytest
from chromium import require_sound
from click.testing import CliRunner
from tweets import sentence

import provscan
from provscan import handover
from provscan.cli import main
from provscan.errors import InputError, OutputError, UsageError
from provscan.handover.case import MOST_RUNS, write_case
from provscan.handover.case_counts import Counts
from provscan.handover.review import write_review
from provscan.report.overview import write_overview

RNG = random.Random(11)
ROWS = [
    {
        # Tweets without a date need ids from before November 2010, which contain none.
        "id": str(10**17 + n if n % 13 else 1000 + n),
        "text": sentence(RNG, "latin", 90),
        "author": None if n % 11 == 0 else f"<b>a{n % 7}</b>",
        "created_at": None if n % 13 == 0 else f"{2015 + n % 3}-0{1 + n % 9}-02",
    }
    for n in range(90)
]
ROWS += [{**row, "id": str(int(row["id"]) + 500), "author": "x"} for row in ROWS[:9]]
OTHERS = [{"text": sentence(RNG, "latin", 120)} for _ in range(30)]
PERIODS = [date(2016, 1, 1), date(2017, 1, 1)]


def run(folder, name, numbers, rows=ROWS, **options):
    """Match a dataset that contains copies of some tweets, one of them twice."""
    data = folder / f"{name}.jsonl"
    texts = [{"text": rows[n]["text"]} for n in [*numbers, numbers[0]]]
    data.write_text("".join(json.dumps(row) + "\n" for row in texts + OTHERS))
    place = folder / f"{name}.index"
    index = provscan.open_index(place) if place.exists() else folder / "case.index"
    options = {"spike_ins": 0, **options}
    return provscan.match(data, index, folder / f"{name}.run", **options).path


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("case")
    provscan.build_index(ROWS, folder / "case.index")
    return [
        run(folder, "one", range(40)),
        run(folder, "two", range(20, 60)),
        run(folder, "three", range(30, 33)),
    ]


def naive(runs):
    """Compute the counts of a case in plain Python."""
    found, tweets, places = defaultdict(set), {}, Counter()
    records = set()
    about = {}
    for number, path in enumerate(runs, 1):
        for row in pq.read_table(path / "matches.parquet").to_pylist():
            if row["counted"]:
                found[row["tweet_id"]].add(number)
                tweets[row["tweet_id"]] = row["tweets"]
                places[row["tweet_id"]] += 1
                records.add((number, row["record"]))
                about[row["tweet_id"]] = (row["author"], row["time"])

    def by(key):
        counts = {}
        for tweet_id, numbers in found.items():
            row = counts.setdefault(key(tweet_id), [0] * (3 + len(runs)))
            row[0] += 1
            row[1] += tweets[tweet_id]
            row[2] += places[tweet_id]
            for number in numbers:
                row[2 + number] += 1
        return counts

    def period(tweet_id):
        time = about[tweet_id][1]
        if time is None:
            return None
        names = {2015: "until 2015-12-31", 2016: "2016-01-01 to 2016-12-31"}
        return names.get(time.year, "from 2017-01-01")

    def month(tweet_id):
        time = about[tweet_id][1]
        return time and f"{time:%Y-%m}"

    return {
        "totals": {
            "texts": len(found),
            "tweets": sum(tweets.values()),
            "findings": sum(places.values()),
            "records": len(records),
        },
        "in_exactly": [
            sum(len(numbers) == k for numbers in found.values())
            for k in range(1, len(runs) + 1)
        ],
        "pairs": [
            sum({a, b} <= numbers for numbers in found.values())
            for a, b in combinations(range(1, len(runs) + 1), 2)
        ],
        "authors": by(lambda tweet_id: about[tweet_id][0]),
        "months": by(month),
        "periods": by(period),
        "texts": {key: sorted(numbers) for key, numbers in found.items()},
    }


def test_every_total_is_that_of_a_naive_script(runs, tmp_path):
    case = write_case(runs, tmp_path / "case", periods=PERIODS)
    expected = naive(runs)
    assert case["totals"] == expected["totals"]
    assert expected["totals"]["tweets"] > expected["totals"]["texts"] > 50
    for name in ("in_exactly", "pairs"):
        assert [item["texts"] for item in case[name]] == expected[name]
    for name in ("authors", "months", "periods"):
        rows = pq.read_table(tmp_path / "case" / f"{name}.parquet").to_pylist()
        assert {row.pop("name"): [*row.values()] for row in rows} == expected[name]
        assert None in expected[name] or name == "periods"
    rows = pq.read_table(tmp_path / "case" / "texts.parquet").to_pylist()
    assert {
        row["tweet_id"]: [k for k in (1, 2, 3) if row[f"run_{k}"]] for row in rows
    } == expected["texts"]
    assert json.loads((tmp_path / "case" / "case.json").read_bytes()) == case


def test_runs_keep_their_numbers_and_reasons(runs, tmp_path):
    case = write_case(runs, tmp_path / "case")
    assert [entry["name"] for entry in case["runs"]] == ["one", "two", "three"]
    for path, entry in zip(runs, case["runs"], strict=True):
        answer = provscan.open_run(path).summary["answer"]
        assert entry["answer"] == {name: answer[name] for name in entry["answer"]}
    page = (tmp_path / "case" / "case.html").read_text(encoding="utf-8")
    assert "Do not add up" in page
    assert "&lt;b&gt;a3&lt;/b&gt;" in page
    assert "<b>a3</b>" not in page
    book = openpyxl.load_workbook(tmp_path / "case" / "case.xlsx")
    ids = {cell.value for cell in book["texts"]["A"][1:]}
    assert ids == set(naive(runs)["texts"])


def test_it_says_what_differs_between_runs(tmp_path):
    provscan.build_index(ROWS, tmp_path / "case.index")
    own = run(tmp_path, "own", range(20), cutoff="2017-01-01")
    part = run(tmp_path, "part", range(20), sample=0.5)
    case = write_case([own, part], tmp_path / "case")
    compared = case["compared"]
    assert compared["index"]["same"]
    assert not compared["control"]["same"]
    assert list(compared["control"]["runs"].values()) == [[1], [2]]
    beginnings = (
        "The runs used different controls.",
        "Run 2 scanned a sample",
        "Runs 1, 2 scanned a file with the same content",
        "A finding in a file that was scanned several times counts once",
    )
    assert len(case["notes"]) == len(beginnings)
    for note, beginning in zip(case["notes"], beginnings, strict=True):
        assert note.startswith(beginning)


def test_a_record_of_a_file_that_several_runs_scanned_counts_once(tmp_path):
    provscan.build_index(ROWS, tmp_path / "case.index")
    first = run(tmp_path, "first", range(20), spike_ins=0)
    again = run(tmp_path, "again", range(20), digests=True, spike_ins=0)
    other = run(tmp_path, "other", range(10, 30), spike_ins=0)
    case = write_case([first, again, other], tmp_path / "case")
    numbers = [provscan.open_run(path).summary["findings"] for path in (first, other)]
    assert case["totals"]["findings"] == sum(numbers)
    assert case["runs"][0]["findings"] == case["runs"][1]["findings"] > 0


def with_index(folder, name, rows, numbers):
    provscan.build_index(rows, folder / f"{name}.index")
    return run(folder, name, numbers, rows)


def test_several_indexes_of_parts_of_the_tweets_add_up(tmp_path):
    """Texts, tweets and records are those of a run with one index of all tweets."""
    # The last tweets repeat the texts of the first, with other links and names.
    rows = [{**row, "text": f"@me {row['text']} https://t.co/{n}"} for n, row in
            enumerate(ROWS[90:])]  # fmt: skip
    rows = [*ROWS[:90], *rows]
    numbers = range(5, 25)
    provscan.build_index(rows, tmp_path / "case.index")
    whole = provscan.open_run(run(tmp_path, "whole", numbers, rows))
    parts = []
    for name, part in (("first", rows[:15]), ("rest", rows[15:])):
        provscan.build_index(part, tmp_path / f"{name}.index")
        parts.append(run(tmp_path, name, numbers, rows))
    case = write_case(parts, tmp_path / "case")
    assert not case["compared"]["index"]["same"]
    assert any("2 different indexes" in note for note in case["notes"])
    answer = whole.summary["answer"]
    totals = case["totals"]
    assert totals["texts"] == answer["texts"]["findings"] == 20
    assert totals["records"] == answer["records"]["findings"] == 21
    # The texts of rows 5 to 8 have a tweet in both indexes.
    assert case["pairs"][0]["texts"] == 4
    assert totals["tweets"] == 20
    assert len(case["runs"]) == 2
    ids = pq.read_table(tmp_path / "case" / "texts.parquet")["tweet_id"].to_pylist()
    assert set(ids) == {rows[n]["id"] for n in numbers}


def test_texts_with_the_same_id_are_counted_one_by_one(tmp_path):
    rows = [{"id": f"n{n // 2}", "text": ROWS[n]["text"]} for n in range(40)]
    one = with_index(tmp_path, "one", rows, range(10))
    shutil.copytree(tmp_path / "one.index", tmp_path / "two.index")
    shutil.copytree(tmp_path / "one.index", tmp_path / "odd.index")
    two = run(tmp_path, "two", range(5, 20), rows, digests=True)
    odd = run(tmp_path, "odd", range(1, 40, 2), rows)
    case = write_case([one, two, odd], tmp_path / "case")
    answers = [provscan.open_run(path).summary["answer"] for path in (one, two)]
    assert [answer["texts"]["findings"] for answer in answers] == [10, 15]
    assert case["totals"]["texts"] == 20 + 10
    assert [pair["texts"] for pair in case["pairs"]] == [5, 5, 8]
    assert case["notes"][-1].startswith("10 tweet ids have several texts")


def test_what_it_refuses(runs, tmp_path):
    with pytest.raises(UsageError, match=f"2 to {MOST_RUNS} runs, not 1"):
        write_case(runs[:1], tmp_path / "case")
    with pytest.raises(UsageError, match="are the same run"):
        write_case([*runs, runs[0]], tmp_path / "case")
    with pytest.raises(InputError, match="is not a finished run of match"):
        write_case([runs[0], tmp_path], tmp_path / "case")
    (tmp_path / "there").mkdir()
    with pytest.raises(OutputError, match="there exists already: name another folder"):
        write_case(runs, tmp_path / "there")
    broken = tmp_path / "broken.run"
    shutil.copytree(runs[0], broken)
    shutil.copyfile(runs[1] / "matches.parquet", broken / "matches.parquet")
    with pytest.raises(InputError, match="was changed"):
        write_case([runs[1], broken], tmp_path / "case")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["broken.run", "there"]


@pytest.mark.parametrize(
    ("raised", "expected", "said"),
    [
        (RuntimeError("Query interrupted"), KeyboardInterrupt, ""),
        (RuntimeError("another"), RuntimeError, "another"),
        (duckdb.IOException("No space left on device\n..."), OutputError, "free some"),
        (duckdb.TransactionException("No space left on device"), OSError, "space"),
    ],
)
def test_a_case_that_ends_early_leaves_nothing(
    raised, expected, said, runs, tmp_path, monkeypatch
):
    def fails(self, query, path):
        raise raised

    monkeypatch.setattr(Counts, "write", fails)
    with pytest.raises(expected, match=said or None):
        write_case(runs, tmp_path / "case")
    assert not list(tmp_path.iterdir())


def test_the_command(runs, tmp_path):
    out = tmp_path / "it's a case"
    command = ["case", *map(str, runs), "-o", str(out), "--period", "2016-01-01"]
    done = CliRunner().invoke(main, command)
    assert done.exit_code == 0, done.output
    assert "licensed texts of 69 tweets found in 86 records of 3 runs" in done.output
    assert "in exactly 1 run: 40 texts" in done.output
    again = CliRunner().invoke(main, command)
    assert again.exit_code == 3
    assert "exists already: name another folder" in again.output


def test_pages_are_sound(runs, tmp_path, browser):
    write_case(runs, tmp_path / "case", periods=PERIODS)
    write_review(runs[0], tmp_path / "review", count=20)
    start = write_overview(runs, tmp_path / "pages")
    handover.bundle(runs[:1], tmp_path / "a.zip")
    handover.write_exhibit(tmp_path / "a.zip", 1, tmp_path / "exhibit.html")
    review = tmp_path / "review" / "for-reviewers" / "list.html"
    pages = tmp_path / "case" / "case.html", review, start, tmp_path / "exhibit.html"
    require_sound(browser, *pages)
