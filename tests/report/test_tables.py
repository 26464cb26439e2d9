"""Tables for a terminal, and the words and numbers in them."""

from __future__ import annotations

import copy
import json
from typing import Any

import pyarrow as pa
import pytest
from folders import FIXTURES, hostile
from hypothesis import given
from hypothesis import strategies as st

from provscan.cli import echo
from provscan.report import tables
from provscan.report.figures import Breakdown
from provscan.report.wording import amount, layers, percent, sampled, significance

SUMMARY: dict[str, Any] = json.loads((FIXTURES / "summary.json").read_text(encoding="utf-8"))


def changed(**values: Any) -> dict[str, Any]:
    return {**copy.deepcopy(SUMMARY), **values}


def test_the_headline_comes_first_and_warnings_next() -> None:
    lines = tables.text_table(SUMMARY).splitlines()
    assert " ".join(lines[:2]) == SUMMARY["answer"]["headline"]
    assert lines[2].startswith("! The control tweets are from later years")
    rows = {line.split("  ")[1].strip(): line.split()[-4:] for line in lines if line.startswith("  ")}
    assert rows["Records with licensed text"] == ["51", "57", "(49-66)", "71"]


def test_a_breakdown_is_that_of_all_batches() -> None:
    batches = [["b", "a", None, "b"], [], ["c", "b", "", None, "a"]]
    breakdown = Breakdown("author")
    for values in batches:
        counted = pa.array([True] * len(values), pa.bool_())
        breakdown.add(pa.table({"author": pa.array(values, pa.string()), "counted": counted}))
    assert breakdown.shown == [("b", 3), ("a", 2), ("c", 1), ("", 3)]


def test_what_no_number_covers_is_said_under_the_numbers() -> None:
    answer = copy.deepcopy(SUMMARY["answer"])
    table = " ".join(tables.text_table(changed(answer=answer)).split())
    assert table.index("Different licensed texts") < table.index("many copies of one tweet") < table.index("Records sc")
    answer["records"].update(estimate=None, at_most=None)
    assert "Not covered" not in tables.text_table(changed(answer=answer))


def test_what_is_withheld_has_its_reason() -> None:
    answer = copy.deepcopy(SUMMARY["answer"])
    answer["records"].update(at_least=None, estimate=None)
    answer["withheld"] = {"records.at_least": "no control was given", "records.estimate": "no control was given"}
    table = tables.text_table(changed(answer=answer))
    assert table.count("Withheld: no control was given") == 1
    assert next(line for line in table.splitlines() if "Records with" in line).split()[-4:] == ["60", "–", "–", "71"]


def test_what_was_left_out_is_named() -> None:
    table = tables.text_table(
        width=200,
        summary=changed(
            unread=[{"path": f"{i}.doc", "reason": "unsupported file type"} for i in range(23)],
            damaged=[{"source": "a.gz", "records": 17, "problem": "the gzip stream ends early"}],
        ),
    )
    for part in (
        "23 files were not scanned.",
        "3 records were not scanned (line that is not JSON: 3).",
        "17 look-ups were cut short, of very common wording: copies of common phrases can be missed.",
        "0.doc",
        "... and 3 more, in summary.json",
        "17 records  the gzip stream ends early",
    ):
        assert part in table


def test_a_table_keeps_its_width_and_shows_markup_as_it_stands(capsys: pytest.CaptureFixture[str]) -> None:
    sources = [dict(SUMMARY["sources"][0], source=text[:200]) for text in hostile()]
    table = tables.text_table(changed(sources=sources), width=90)
    markup = dict(SUMMARY["sources"][0], source="[red]rich[/red] :smile: [link=x]y[/link]")
    assert markup["source"] in tables.text_table(changed(sources=[markup, *sources[:2]]), width=300)
    echo(table)
    printed = capsys.readouterr().out
    assert not {"\x1b", "\x07", "\x00", "\x9b"} & set(printed)


def test_explanations_of_hostile_texts_reach_a_terminal_escaped(capsys: pytest.CaptureFixture[str]) -> None:
    gate = {"name": "similarity", "value": 0.2, "limit": 0.4, "passed": False, "option": "--threshold"}
    explained = [
        {
            "tweet_id": text[:40], "tweet": text[:500], "canonical_tweet": text[:500], "start": 0, "end": 5,
            "passage": text[:500], "canonical_passage": "", "bands_met": 0, "bands": 32, "seeds_met": 0, "seeds": 9,
            "shared": 0,
            "gates": [gate], "passed": False, "match": None, "instead": {"tweet_id": text},
        }
        for text in hostile()
    ]  # fmt: skip
    echo(tables.explanation_table(explained))
    assert not {"\x1b", "\x07", "\x00", "\x9b"} & set(capsys.readouterr().out)


def test_index_table() -> None:
    info = {"path": "a.index", "tweets": 307000, "texts": 301222, "bytes": 1_500_000, "segments": [{}, {}]}
    notes = {"read": {"skipped": {"bad_json": 3}}}
    table = tables.index_table({**info, **notes, "fingerprint": "00ff", "params": {"bands": 32, "rows": 4}})
    assert [line.split("  ")[-1].strip() for line in table.splitlines() if line.strip()] == [
        *("a.index", "307,000", "301,222", "1.5 MB in 2 segments", "00ff", "bands 32, rows 4"),
        *("Records not indexed", "line that is not JSON"),
    ]


def test_bounds_are_rounded_to_the_safe_side() -> None:
    number = {"findings": 12.0, "at_least": 9.9, "estimate": {"value": 10.4, "low": 9.6, "high": 11.4}, "at_most": 12.1}
    assert layers(number) == ["12", "9", "10 (10-11)", "13"]
    assert amount(7.0000000001, "at_most") == "7"


@pytest.mark.parametrize(
    ("match", "text"),
    [
        ((True, False, 80.0, None), "counted; how many such matches are chance is not known"),
        ((True, False, 80.0, 0.0), "counted; no control match is as strong"),
        ((True, False, 80.0, 0.01), "counted; about 1 in 100 at least this strong is chance"),
        ((False, True, 80.0, 0.01), "not counted: commonplace wording"),
        ((False, False, 8.0, 0.6), "not counted: not rare or not complete enough to tell from chance"),
    ],
)
def test_significance_in_words(match: tuple[bool, bool, float, float | None], text: str) -> None:
    assert significance(*match) == text


def test_a_sample_of_files_is_described() -> None:
    sample = {"by": "files", "share": 0.0103, "parts": 312, "parts_in_all": 31200, "design_effect": 9.24}
    assert sampled(sample).startswith("312 of 31,200 files, or parts of files, were scanned, drawn at random, 1.03% of")
    assert sampled(sample).endswith("One of their records is worth 1/9.2 of one drawn by itself.")
    # As in the headline.
    projected = sampled({**sample, "records": {"value": 6017.4, "low": 5866.0, "high": 6172.0}})
    assert projected.endswith("All records are about 6,018 (95% interval 5,866-6,172), projected from the sample.")


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (0.12345, "12.3%"),
        (1.2e-6, "0.00012%"),
        (1e-12, "0.0000000001%"),
        (0.0, "0%"),
        (1.0, "100%"),
        (None, "not known"),
    ],
)
def test_percent(share: float | None, text: str) -> None:
    assert percent(share) == text


@given(st.floats(min_value=1e-9, max_value=1 - 1e-9))
def test_percent_never_rounds_to_none_or_all(share: float) -> None:
    value = float(percent(share).removesuffix("%"))
    assert 0 < value < 100
    assert value == pytest.approx(share * 100, rel=0.01)
