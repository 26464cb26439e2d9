"""Test the folder to hand on: its start page, and lists of tweets, authors and
exclusions.
"""

import csv
import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from folders import FIXTURES, rows, write_folder

import provscan
from provscan.cli import main
from provscan.handover.case import write_case
from provscan.report.overview import LISTS, write_overview


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Return two runs of the same name, in which tweets 0 to 29 are found twice."""
    found = [row | {"tweet_id": str(row["record"] % 30)} for row in rows()]
    summary = json.loads((FIXTURES / "summary.json").read_text("utf-8"))
    summary |= {"texts_found": 30, "index": summary["index"] | {"texts": 100}}
    summary["control"] |= {"cutoff": {"texts": 25}}
    folder = tmp_path_factory.mktemp("runs")
    for name in ("first", "second"):
        (folder / name).mkdir()
    return [
        write_folder(folder / name / "a.run", found, summary)
        for name in ("first", "second")
    ]


def listed(path):
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def test_a_folder_has_a_start_page_and_the_lists_of_each_run(runs, tmp_path):
    arguments = ["export", *map(str, runs), "-o", str(tmp_path / "out")]
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 0, done.output
    start = (tmp_path / "out" / "index.html").read_text("utf-8")
    for name in ("a", "a-2"):
        assert {path.name for path in (tmp_path / "out" / name).iterdir()} == {*LISTS}
        assert all(f'href="{name}/{file}"' in start for file in LISTS)
    works = listed(tmp_path / "out" / "a" / "works.csv")
    counted = [row for row in rows() if row["counted"]]
    assert len(works) == 30
    assert sum(int(work["findings"]) for work in works) == len(counted)
    assert works[0]["strongest_exhibit"] == "1"
    # A tweet has a reason only if no match of it counts.
    assert all(
        (work["why_not_counted"] == "") == (work["findings"] != "0") for work in works
    )
    authors = listed(tmp_path / "out" / "a" / "authors.csv")
    assert sum(int(author["findings"]) for author in authors) == len(counted)
    steps = [int(row["texts"]) for row in listed(tmp_path / "out/a/exclusions.csv")]
    assert steps[0] - sum(steps[1:-1]) == steps[-1]
    assert steps[-1] == sum(work["findings"] != "0" for work in works)
    # Lists may have been edited, so only --overwrite replaces them.
    assert CliRunner().invoke(main, arguments).exit_code == 3
    assert CliRunner().invoke(main, [*arguments, "--overwrite"]).exit_code == 0
    # The folder of a run that is left out would be handed on.
    fewer = ["export", str(runs[0]), *arguments[3:], "--overwrite"]
    assert CliRunner().invoke(main, fewer).exit_code == 3


def test_a_folder_can_leave_out_names_and_texts(runs, tmp_path):
    out = tmp_path / "out"
    done = CliRunner().invoke(
        main, ["export", str(runs[0]), "-o", str(out), "--digests"]
    )
    assert done.exit_code == 0, done.output
    for name in LISTS:
        text = (out / "a" / name).read_text("utf-8")
        assert "author_1" not in text
        assert "harbour" not in text
    (row,) = listed(out / "a" / "authors.csv")
    assert row["author"]


def test_several_runs_need_a_folder(runs, tmp_path):
    done = CliRunner().invoke(
        main, ["export", *map(str, runs), "-o", str(tmp_path / "list.csv")]
    )
    assert done.exit_code == 2


@pytest.mark.parametrize("purge", [False, True])
def test_a_forgotten_tweet_is_named_and_left_out(purge, tmp_path):
    texts = [
        "Never trust a goat near the harbour at low tide",
        "My kettle sang in Lent",
    ]
    tweets = [
        {"id": str(n), "text": text, "author": f"author_{n}"}
        for n, text in enumerate(texts)
    ]
    data = [{"text": text} for text in texts]
    index = provscan.build_index(tweets, tmp_path / "a.index")
    for name in ("a", "b"):
        provscan.match(data, index, tmp_path / f"{name}.run", spike_ins=0)
    (tmp_path / "b.run" / "report.html").rename(tmp_path / "b.html")
    provscan.match(data[1:], index, tmp_path / "b.run", spike_ins=0, overwrite=True)
    write_case([tmp_path / "a.run", tmp_path / "b.run"], tmp_path / "c")
    write_overview([tmp_path / "a.run"], tmp_path / "d")
    found = provscan.forget(tmp_path / "a.index", ["0"], purge=purge)
    assert {Path(copy["path"]).relative_to(tmp_path) for copy in found["copies"]} == {
        Path("a.run"),
        Path("b.html"),
        Path("c/case.html"),
        Path("d/a"),
    }
    out = tmp_path / "list.jsonl"
    CliRunner().invoke(
        main, ["export", str(tmp_path / "a.run"), "--all", "-o", str(out)]
    )
    listed = [json.loads(line) for line in out.read_text("utf-8").splitlines()]
    kept = {row["tweet_id"]: (row["tweet"], row["author"]) for row in listed}
    assert kept == {"0": (None, None), "1": (texts[1], "author_1")}
