"""Runs and indexes in notebooks."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from folders import FIXTURES, rows, write_folder

import provscan


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> provscan.Run:
    summary = json.loads((FIXTURES / "summary.json").read_text(encoding="utf-8"))
    summary["answer"]["headline"] = "COPIES FOUND: <b>57</b> records"
    summary["answer"]["withheld"] = {
        "records.at_most": "no test copies.",
        "texts.at_most": "no test copies.",
    }
    summary["damaged"] = [
        {"source": "a.gz", "records": 17, "problem": "the gzip stream ends early"}
    ]
    return provscan.open_run(
        write_folder(tmp_path_factory.mktemp("notebook") / "<i>.run", rows(), summary)
    )


def test_a_run_is_shown_as_its_answer(run: provscan.Run) -> None:
    shown = run._repr_html_()
    assert "&lt;b&gt;57&lt;/b&gt; records" in shown
    assert re.search(r"Records +52 +47 +51 \(47-58\)", shown)
    assert re.search("Records with a nearly verbatim copy +45", shown)
    assert "&lt;i&gt;.run" in shown
    # What is not in the numbers stands beside them.
    assert shown.count("Withheld: no test copies.") == 1
    assert "1 file is damaged, and scanned up to the damage only" in shown


def test_an_index_is_shown_as_what_it_holds(tmp_path: Path) -> None:
    index = provscan.build_index(
        [{"id": "1", "text": "the only tweet there is in it"}], tmp_path / "<a>.index"
    )
    assert "<th>Tweets</th><td>1</td>" in index._repr_html_()
    assert "&lt;a&gt;.index" in index._repr_html_()


def test_a_run_as_a_data_frame(run: provscan.Run) -> None:
    frame = run.to_pandas()
    assert list(frame["exhibit"]) == list(range(1, 53))
    assert list(run.to_pandas(all=True)["counted"]) == [True] * 52 + [False] * 8
    assert list(frame["bits"][:2]) == [400, 397]
