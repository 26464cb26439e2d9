"""Test tables on a terminal: their words and numbers."""

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
from provscan.report.answers import upper_limits
from provscan.report.figures import PARTS, breakdown, histogram, strip
from provscan.report.omissions import left_out
from provscan.report.wording import percent

SUMMARY: dict[str, Any] = json.loads(
    (FIXTURES / "summary.json").read_text(encoding="utf-8")
)


def changed(**values: Any) -> dict[str, Any]:
    return {**copy.deepcopy(SUMMARY), **values}


def brief(
    summary: dict[str, Any], width: int = 100, place: str = "posts.run"
) -> list[str]:
    lines = tables.brief_text(summary, place, width=width).splitlines()
    assert len(lines) <= 10
    assert all(len(line) <= width for line in lines)
    return lines


def answer_with(**values: Any) -> dict[str, Any]:
    return changed(answer={**copy.deepcopy(SUMMARY["answer"]), **values})


def test_a_brief_answer_has_the_important_sentences() -> None:
    assert brief(SUMMARY, 110) == [
        SUMMARY["answer"]["headline"],
        *SUMMARY["answer"]["details"],
        "3 records were not scanned; and more: info lists them.",
        "! The control's texts are from later years than the licensed ones.",
        "Report: posts.run/report.html (more: provscan info posts.run)",
    ]


def test_the_next_step_comes_before_warnings() -> None:
    summary = answer_with(details=[], next="--control FILE makes this a claim.")
    lines = brief(summary, 110)
    assert lines[1] == "Next: --control FILE makes this a claim."


def test_three_warnings_are_shown_and_the_others_counted() -> None:
    warnings = [
        {"code": "x", "message": f"Warning {n} is short. It has more to say."}
        for n in range(5)
    ]
    lines = brief(answer_with(warnings=warnings, details=[]))
    assert [line for line in lines if line.startswith("! ")] == [
        *(f"! Warning {n} is short." for n in range(3)),
        "! 2 more warnings: `provscan info posts.run`",
    ]


WORDS = st.lists(st.text("ab-.,:", min_size=1, max_size=12), min_size=1, max_size=40)


@given(
    width=st.integers(60, 200),
    headline=st.lists(st.text("ab-", min_size=1, max_size=12), max_size=22),
    details=st.lists(WORDS, max_size=6),
    warnings=st.lists(WORDS, max_size=6),
    following=WORDS,
    place=st.text("ab/", min_size=1, max_size=200),
)
def test_there_are_never_more_than_ten_lines(
    width: int,
    headline: list[str],
    details: list[list[str]],
    warnings: list[list[str]],
    following: list[str],
    place: str,
) -> None:
    summary = answer_with(
        headline=" ".join(["COPIES FOUND:", *headline]),
        details=[" ".join(words) for words in details],
        warnings=[{"code": "x", "message": " ".join(words)} for words in warnings],
        next=" ".join(following),
    )
    lines = brief(summary, width, place)
    assert " ".join(lines).startswith(f"{' '.join(['COPIES FOUND:', *headline])} ")
    last = f"Report: {place}/report.html (more: provscan info {place})"
    assert "".join(lines).replace(" ", "").endswith(last.replace(" ", ""))
    marked = [line for line in lines if line.startswith("! ")]
    hidden = [int(line.split()[1]) for line in marked if "more warning" in line]
    assert len(marked) - len(hidden) + sum(hidden) == len(warnings)


def test_further_warnings_and_omissions_are_left_out_first() -> None:
    warnings = [{"code": "x", "message": f"Warning {n}."} for n in range(3)]
    details = [f"Detail {n}." for n in range(4)]
    more = {"warnings": warnings, "next": "--control FILE makes this a claim."}
    lines = brief(answer_with(details=details, **more), 110)
    assert lines[1:-1] == [
        *details,
        "Next: --control FILE makes this a claim.",
        "3 records were not scanned; and more: info lists them.",
        "! Warning 0.",
        "! 2 more warnings: `provscan info posts.run`",
    ]
    lines = brief(answer_with(details=details * 2, **more), 110)
    assert lines[1:-1] == [*details, *details[:2], "! Warning 0.", lines[-2]]


def test_omissions_are_grouped_by_code_whatever_their_words() -> None:
    code = "scanned_single_words"
    reworded = changed(fields={"day": {code: 1}}, field_codes={"day": {}})
    before = left_out(reworded)
    reworded["field_codes"] = {"day": {code: 1}}
    (said,) = set(left_out(reworded)) - set(before)
    assert "day" in said


def test_the_verbose_answer_begins_with_the_headline() -> None:
    lines = tables.text_table(SUMMARY, 110).splitlines()
    assert lines[0] == SUMMARY["answer"]["headline"]
    assert lines[4].startswith("! The control's texts are from later years")
    rows = {
        line.split("  ")[1].strip(): line.split()[-3:]
        for line in lines
        if line.startswith("  ")
    }
    assert rows["Characters"] == ["4,800", "5,500", "(4,700-6,400)"]
    assert rows["Records with a nearly verbatim copy"][-1] == "45"
    assert rows["150 bits or more"] == ["more", "41", "4"]
    assert "Note: Fewer than a third of the test copies" in "\n".join(lines)


def test_a_breakdown_counts_values_that_it_does_not_list() -> None:
    authors = ["b", "a", None, "b", "c", "b", "", None, "a"]
    findings = pa.table({"author": pa.array(authors, pa.string())})
    assert breakdown(findings, "author") == [("b", 3), ("a", 2), ("c", 1), ("", 3)]


def test_findings_are_counted_in_equal_parts_of_all_sources() -> None:
    sources = [{"source": "b", "read": 300}, {"source": "a", "read": 100}]
    findings = pa.table({"source": ["a", "b", "a"], "record": [99, 0, 0]})
    counts = strip(findings, sources)
    assert len(counts) == PARTS
    assert {place: n for place, n in enumerate(counts) if n} == {0: 1, 75: 1, 99: 1}
    assert strip(findings.slice(0, 0), sources) == []


def test_the_last_bar_of_a_histogram_counts_all_matches_with_more_bits() -> None:
    matches = pa.table(
        {
            "bits": pa.array([0, 19.9, 20, 45, None, 1e6], pa.float32()),
            "control": [False, True, False, False, False, False],
            "counted": [False, False, False, True, True, True],
        }
    )
    chart = histogram(matches, [1, 0, 2])
    assert chart is not None
    assert (chart["width"], chart["bins"]) == (20, 30)
    rest = [0] * 26
    assert chart["counted"] == [0, 0, 1, *rest, 1]
    assert chart["other"] == [1, 1, 0, *rest, 0]
    assert chart["control"] == [1, 0, 0, *rest, 0]
    assert chart["spike_ins"] == [1, 2, 0, *rest, 0]
    assert histogram(matches.slice(0, 0), None) is None


def test_upper_limits_are_shown_after_the_other_numbers() -> None:
    table = " ".join(tables.text_table(SUMMARY).split())
    assert (
        table.index("Licensed texts ")
        < table.index("Upper limits")
        < table.index("The number of copies with more changes")
    )
    answer = copy.deepcopy(SUMMARY["answer"])
    assert [limit for _, limit in upper_limits(answer)] == ["45", "44"]
    answer["records"].update(at_most=None)
    answer["texts"].update(at_most=None)
    assert "Upper limits" not in tables.text_table(changed(answer=answer))


def test_withheld_numbers_have_a_reason() -> None:
    answer = copy.deepcopy(SUMMARY["answer"])
    answer["records"].update(at_least=None, estimate=None)
    answer["withheld"] = {
        "records.at_least": "no control was given",
        "records.estimate": "no control was given",
    }
    table = tables.text_table(changed(answer=answer))
    assert table.count("Withheld: no control was given.") == 1
    assert next(line for line in table.splitlines() if "Records  " in line).split() == [
        "Records",
        "52",
        "–",
        "–",
    ]


def test_omissions_are_listed() -> None:
    table = tables.text_table(
        width=200,
        summary=changed(
            unread=[
                {"path": f"{i}.doc", "reason": "unsupported file type"}
                for i in range(23)
            ],
            damaged=[
                {
                    "source": "a.gz",
                    "records": 17,
                    "problem": "the gzip stream ends early",
                }
            ],
        ),
    )
    for part in (
        "23 files were not scanned.",
        "3 records were not scanned (line that is not JSON: 3).",
        "17 look-ups were cut short because the wording is very common: copies of "
        "common phrases may be missed.",
        "0.doc",
        "... and 3 more, in summary.json",
        "17 records  the gzip stream ends early",
    ):
        assert part in table


def test_a_table_keeps_its_width_and_does_not_interpret_markup(
    capsys: pytest.CaptureFixture[str],
) -> None:
    sources = [dict(SUMMARY["sources"][0], source=text[:200]) for text in hostile()]
    table = tables.text_table(changed(sources=sources), width=90)
    markup = dict(
        SUMMARY["sources"][0], source="[red]rich[/red] :smile: [link=x]y[/link]"
    )
    assert markup["source"] in tables.text_table(
        changed(sources=[markup, *sources[:2]]), width=300
    )
    echo(table)
    printed = capsys.readouterr().out
    assert not {"\x1b", "\x07", "\x00", "\x9b"} & set(printed)


def test_explanations_escape_hostile_texts(
    capsys: pytest.CaptureFixture[str],
) -> None:
    gate = {
        "name": "similarity",
        "value": 0.2,
        "limit": 0.4,
        "passed": False,
    }
    explained = [
        {
            "tweet_id": text[:40],
            "tweet": text[:500],
            "canonical_tweet": text[:500],
            "start": 0,
            "end": 5,
            "passage": text[:500],
            "canonical_passage": "",
            "bands_met": 0,
            "bands": 32,
            "seeds_met": 0,
            "seeds": 9,
            "shared": 0,
            "way": None,
            "finding": [],
            "gates": [gate],
            "passed": False,
            "match": None,
            "instead": {"tweet_id": text},
        }
        for text in hostile()
    ]
    echo(tables.explanation_table(explained))
    assert not {"\x1b", "\x07", "\x00", "\x9b"} & set(capsys.readouterr().out)


def test_the_table_of_an_index() -> None:
    info = {
        "path": "a.index",
        "tweets": 307000,
        "texts": 301222,
        "bytes": 1_500_000,
        "segments": [{}, {}],
    }
    notes = {"read": {"skipped": {"bad_json": 3}}}
    table = tables.index_table(
        {**info, **notes, "fingerprint": "00ff", "params": {"bands": 32, "rows": 4}}
    )
    assert [
        line.split("  ")[-1].strip() for line in table.splitlines() if line.strip()
    ] == [
        *(
            "a.index",
            "307,000",
            "301,222",
            "1.5 MB in 2 segments",
            "00ff",
            "bands 32, rows 4",
        ),
        *("Records not indexed", "line that is not JSON"),
    ]


@given(st.floats(min_value=1e-9, max_value=1 - 1e-9))
def test_percent_is_never_rounded_to_none_or_all(share: float) -> None:
    value = float(percent(share).removesuffix("%"))
    assert 0 < value < 100
    assert value == pytest.approx(share * 100, rel=0.01)
