"""Test that holdings and uses have the numbers of runs and probes, and that requests to
delete are compared with purge records and later holdings.
"""

import json
from random import Random

import pytest
from measured import compared, findings
from tweets import sentence

import provscan
from provscan.errors import InputError
from provscan.ledger.database import rows
from provscan.runs.folder import read_run, seal, write_summary

INDEX = "licensed.index"
CASE = """
[case]
name = "Test"
[[application]]
name = "reader"
[[application]]
name = "other"
"""
STORE = """
[[holding]]
application = "reader"
name = "store"
date = 2022-{0}-01
run = "{1}.run"
"""
DELETION = """
[[deletion]]
application = "reader"
name = "June"
requested = 2022-06-01T12:00:00Z
ids = "requested.txt"
"""
PURGE = """
[[purge]]
application = "{1}"
date = {0}
ids = "purged.txt"
"""


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """Return a folder with an index of 40 tweets; the last two have the same
    text, and runs on two stores, of the tweets 1000 to 1009 and 1005 to 1039.
    """
    folder = tmp_path_factory.mktemp("corpus")
    rng = Random(1)
    texts = [sentence(rng, "latin", 90) for _ in range(39)]
    tweets = [
        {"id": str(1000 + n), "text": text}
        for n, text in enumerate([*texts, texts[-1]])
    ]
    index = provscan.build_index(tweets, folder / INDEX)
    for name, held in (("june", tweets[:10]), ("july", tweets[5:])):
        lines = [json.dumps({"text": tweet["text"]}) + "\n" for tweet in held]
        (folder / f"{name}.jsonl").write_text("".join(lines))
        store = folder / f"{name}.jsonl"
        provscan.match(store, index, folder / f"{name}.run", spike_ins=0)
    return folder


@pytest.fixture
def folder(corpus, tmp_path):
    """Return a folder with the files of the corpus."""
    for path in corpus.iterdir():
        (tmp_path / path.name).symlink_to(path)
    return tmp_path


def test_a_holding_has_the_numbers_of_its_run(folder):
    with (folder / "broken.jsonl").open("w") as store:
        store.write((folder / "june.jsonl").read_text() + "{broken\n")
    match = {"spike_ins": 0, "max_bad": 0.2}
    provscan.match(folder / "broken.jsonl", folder / INDEX, folder / "b.run", **match)
    with compared(folder, CASE + STORE.format("06", "b")) as db:
        (held,) = rows(db, "FROM holdings")
    info = json.loads((folder / "b.run" / "run.json").read_text())
    assert (held["records"], held["findings"], held["tweets"]) == (10, 10, 10)
    assert (held["status"], held["estimate"]) == ("not_measured", None)
    assert (held["path"], held["checksum"]) == ("b.run", info["checksum"])
    assert held["files"][0]["name"].endswith("broken.jsonl")
    assert (
        "1 record was not scanned (line that is not JSON: 1)." in held["reservations"]
    )


def deletions(folder, case, pack=""):
    with compared(folder, CASE + case, pack) as db:
        (row,) = rows(db, "FROM deletions")
        (finding,) = findings(db, "deletion")
    return {**row, "result": finding["result"], "fact": finding["fact"]}


def test_deletions_due_records_and_later_holdings(folder):
    # 1000 is not held later, 1005 is; 1038 shares its text with 1039; 7 is not licensed
    (folder / "requested.txt").write_text("1000\n1005\n1006\n1038\n7\n")
    (folder / "purged.txt").write_text("1000\n1006\n")
    stores = STORE.format("06", "june") + STORE.format("07", "july")
    purge = PURGE.format("2022-06-02T11:59:00Z", "reader")
    row = deletions(folder, stores + DELETION + purge)
    assert {name: row[name] for name in row if name not in ("due", "requested")} == {
        "application": "reader",
        "name": "June",
        "pack": "x-developer",
        "rule": "deletion",
        "version": "2020-03-10",
        "ids": 5,
        "recorded_in_time": 2,
        "recorded_late": 0,
        "not_recorded": 3,
        "holdings_after": 1,
        "held_after": 2,
        "held_despite_record": 1,
        "held_shared_text": 1,
        "result": "differs",
        "fact": "Purge records made after the request name 2 of 5 tweets in time, 0 "
        "late and 3 not at all; later holdings (1) contain 2 of the tweets",
    }
    assert f"{row['due']:%m-%d %H:%M}" == "06-02 12:00"


@pytest.mark.parametrize(
    ("date", "application", "in_time", "late", "result"),
    [
        ("2022-06-02T12:00:00Z", "reader", 1, 0, "agrees"),
        ("2022-06-02T12:00:01Z", "reader", 0, 1, "differs"),
        ("2022-05-31T12:00:00Z", "reader", 0, 0, "undecided"),
        ("2022-06-02T12:00:00Z", "other", 0, 0, "undecided"),
    ],
)
def test_a_record_counts_from_the_request_to_the_time_limit(
    folder, date, application, in_time, late, result
):
    for name in ("requested", "purged"):
        (folder / f"{name}.txt").write_text("1000\n1000\n")
    case = STORE.format("07", "july") + DELETION + PURGE.format(date, application)
    row = deletions(folder, case)
    assert row["ids"] == 1
    assert (row["recorded_in_time"], row["recorded_late"]) == (in_time, late)
    assert row["result"] == result


def test_a_record_without_a_later_holding_decides_nothing(folder):
    for name in ("requested", "purged"):
        (folder / f"{name}.txt").write_text("1000\n")
    case = DELETION + PURGE.format("2022-06-01T13:00:00Z", "reader")
    assert deletions(folder, case)["result"] == "undecided"


def test_before_the_first_version_no_rule_is_known(folder):
    (folder / "requested.txt").write_text("1000\n")
    row = deletions(folder, DELETION.replace("2022", "2019"))
    assert (row["version"], row["due"], row["result"]) == (None, None, "no_rule")


@pytest.mark.parametrize(
    ("text", "message"), [("", "found none"), ("12\n1 2\n3,4\n", "found '3,4' as id 4")]
)
def test_lists_of_ids_are_checked(folder, text, message):
    (folder / "requested.txt").write_text(text)
    with pytest.raises(InputError, match=message):
        deletions(folder, DELETION)


@pytest.mark.parametrize(
    ("status", "result"),
    [
        ("copies_found", "differs"),
        ("no_copies_shown", "undecided"),
        ("not_measured", "undecided"),
    ],
)
def test_training_is_compared_with_the_rule_of_its_day(folder, status, result):
    run = folder / "a.run"
    provscan.match(str(folder / "june.jsonl"), folder / INDEX, run)
    summary, info = read_run(run)
    summary["answer"]["status"] = status
    write_summary(run, summary, info, ["matches.parquet"])
    use = '[[use]]\napplication = "reader"\nname = "{}"\nkind = "{}"\ndate = {}\n'
    case = CASE + "".join(
        use.format(name, kind, day) + 'run = "a.run"\n'
        for name, kind, day in (
            ("early", "training", "2022-01-01"),
            ("late", "model", "2025-07-01"),
            ("answers", "output", "2025-07-01"),
        )
    )
    with compared(folder, case) as db:
        assert [(row["how"], row["result"]) for row in findings(db, "training")] == [
            ("late", result),
            ("early", "no_rule"),
        ]
        assert [row["status"] for row in rows(db, "FROM uses")] == [status] * 3


def test_a_probe_is_a_use_whose_numbers_count_tweets(folder):
    (folder / "a.probe").mkdir()
    answer = {
        "status": "copies_found",
        "headline": "COPIES FOUND: at least 3 of 40.",
        "tweets": {
            "findings": 5,
            "at_least": 3,
            "estimate": {"value": 6, "low": 3, "high": 9},
        },
        "withheld": {"tweets.at_most": "Too few were asked for."},
        "warnings": [{"code": "x", "message": "Be careful."}],
    }
    info = {"a": 1}
    (folder / "a.probe" / "summary.json").write_text(json.dumps({"answer": answer}))
    seal(folder / "a.probe", info, ["summary.json"])
    (folder / "a.probe" / "run.json").write_text(json.dumps(info))
    use = '[[use]]\napplication = "reader"\nname = "m"\nkind = "model"\n'
    case = CASE + use + 'date = 2025-07-01\nprobe = "a.probe"\n'
    with compared(folder, case) as db:
        (row,) = rows(db, "FROM uses")
        (found,) = findings(db, "training")
    assert (row["findings"], row["at_least"], row["estimate"]) == (5, 3, 6)
    assert (row["records"], row["path"]) == (None, "a.probe")
    assert row["reservations"] == ["Be careful.", "Too few were asked for."]
    assert (found["result"], found["fact"]) == ("differs", row["headline"])


def test_a_folder_that_is_no_run_is_refused(folder):
    (folder / "empty").mkdir()
    case = CASE + STORE.format("06", "x").replace("x.run", "empty")
    with (
        pytest.raises(InputError, match="not a finished run of match"),
        compared(folder, case),
    ):
        pass
