"""Test runs and indexes in notebooks."""

import json
import re
import sys

import pytest
from folders import FIXTURES, rows, write_folder

import provscan
from provscan.errors import ParameterError, UsageError


@pytest.fixture(scope="module")
def run(tmp_path_factory):
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


def test_a_run_is_displayed_as_its_answer(run):
    shown = run._repr_html_()
    assert "&lt;b&gt;57&lt;/b&gt; records" in shown
    assert "<td>Records</td><td>52</td><td>47</td><td>51 (47-58)</td>" in shown
    assert re.search("Records with a nearly verbatim copy +45", shown)
    assert "&lt;i&gt;.run" in shown
    # The answer says why numbers are withheld, and what was left out.
    assert shown.count("Withheld: no test copies.") == 1
    assert "1 file is damaged, or changed during the scan; data after" in shown


def test_an_index_is_displayed_as_a_table(tmp_path):
    index = provscan.build_index(
        [{"id": "1", "text": "the only tweet there is in it"}], tmp_path / "<a>.index"
    )
    assert "<th>Tweets</th><td>1</td>" in index._repr_html_()
    assert "&lt;a&gt;.index" in index._repr_html_()


def test_a_run_becomes_a_data_frame(run):
    frame = run.to_pandas()
    assert list(frame["exhibit"]) == list(range(1, 53))
    assert list(run.to_pandas(all=True)["counted"]) == [True] * 52 + [False] * 8
    assert list(frame["bits"][:2]) == [400, 397]


def test_rows_at_another_strength_are_counted_without_a_scan(run):
    for least in (0.0, 300.0, 401.0):
        kept = [
            row
            for row in rows()
            if row["bits"] >= least and not row["common"] and not row["known"]
        ]
        found = run.at(min_bits=least)
        assert found.matches["record"].to_pylist() == [row["record"] for row in kept]
        assert found.records == len(kept)
    with pytest.raises(ParameterError):
        run.at(min_bits="many")  # type: ignore[arg-type]


def test_plots_show_the_numbers_of_the_run(run):
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    answer = run.plot()
    assert answer.get_title() == "COPIES FOUND: <b>57</b> records"
    drawn = {text.get_text() for text in answer.get_legend().get_texts()}
    assert drawn == {"95% interval", "estimate", "at least", "findings"}
    assert run.plot.answer(answer) is answer
    recall = run.plot.recall()
    assert [label.get_text() for label in recall.get_yticklabels()][:1] == [
        "two words replaced"
    ]
    assert run.plot.bits().get_xlabel() == "bits"
    drawn = run.plot.similarity()
    kinds = [text.get_text() for text in drawn.get_legend().get_texts()]
    assert kinds == ["word for word", "nearly word for word", "edited"]
    assert sum(bar.get_height() for bar in drawn.patches) == 52
    assert [bar.get_width() for bar in run.plot.by("source").patches] == [
        sum(row["counted"] and row["source"] == f"part-{i}.jsonl" for row in rows())
        for i in (1, 0)
    ]
    for draw, name in ((run.plot.by, "month"), (run.plot.recall, "colour")):
        with pytest.raises(ParameterError, match=rf"must be .*, not '{name}'"):
            draw(name)
    matplotlib.pyplot.close("all")


def test_a_run_without_test_copies_has_no_recall_to_draw(tmp_path):
    summary = json.loads((FIXTURES / "summary.json").read_text(encoding="utf-8"))
    summary["recall"]["by"] = {}
    run = provscan.open_run(write_folder(tmp_path / "a.run", rows(3), summary))
    with pytest.raises(UsageError, match="no test copies were planted"):
        run.plot.recall()


def test_a_missing_extra_names_the_command(run, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(UsageError, match=r"pip install 'provscan\[notebook\]'"):
        run.plot.answer()
