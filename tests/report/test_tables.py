"""Test tables on a terminal: their words and numbers."""

import copy
import json

import pyarrow as pa
import pytest
from folders import FIXTURES, hostile
from hypothesis import given
from hypothesis import strategies as st

from provscan.cli import echo
from provscan.report import tables
from provscan.report.figures import PARTS, strip
from provscan.report.omissions import left_out
from provscan.report.wording import percent

SUMMARY = json.loads((FIXTURES / "summary.json").read_text(encoding="utf-8"))


def changed(**values):
    return {**copy.deepcopy(SUMMARY), **values}


def brief(summary, width=100, place="posts.run"):
    lines = tables.brief_text(summary, place, width=width).splitlines()
    assert len(lines) <= 10
    assert all(len(line) <= width for line in lines)
    return lines


def answer_with(**values):
    return changed(answer={**copy.deepcopy(SUMMARY["answer"]), **values})


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
    width, headline, details, warnings, following, place
):
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


def test_omissions_are_grouped_by_code_whatever_their_words():
    code = "scanned_single_words"
    reworded = changed(fields={"day": {code: 1}}, field_codes={"day": {}})
    before = left_out(reworded)
    reworded["field_codes"] = {"day": {code: 1}}
    (said,) = set(left_out(reworded)) - set(before)
    assert "day" in said


def test_findings_are_counted_in_equal_parts_of_all_sources():
    sources = [{"source": "b", "read": 300}, {"source": "a", "read": 100}]
    findings = pa.table({"source": ["a", "b", "a"], "record": [99, 0, 0]})
    counts = strip(findings, sources)
    assert len(counts) == PARTS
    assert {place: n for place, n in enumerate(counts) if n} == {0: 1, 75: 1, 99: 1}
    assert strip(findings.slice(0, 0), sources) == []


def test_withheld_numbers_have_a_reason():
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


def test_a_table_keeps_its_width_and_does_not_interpret_markup(capsys):
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


def test_explanations_escape_hostile_texts(capsys):
    gate = {"name": "similarity", "value": 0.2, "limit": 0.4, "passed": False}
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


def test_the_table_of_an_index():
    info = {
        "path": "a.index",
        "tweets": 307000,
        "texts": 301222,
        "bytes": 1_500_000,
        "segments": [{}, {}],
    }
    notes = {"read": {"skipped": {"bad_json": 3}}}
    # The scripts with the largest shares are named, whatever their number of tweets.
    names = ("latin", "thai", "korean", "arabic", "ethiopic", "chinese")
    shares = dict(zip(names, (0.13, 0.15, 0.02, 0.03, 0.01, 0.28), strict=True))
    notes["too_short"] = {"share": 0.1, "scripts": shares, "languages": {}}
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
            "10%; by script: chinese 28%, thai 15%, latin 13%, arabic 3%, korean 2%",
            "(in a sample)",
            "1.5 MB in 2 segments",
            "00ff",
            "bands 32, rows 4",
        ),
        *("Records not indexed", "line that is not JSON"),
    ]


@given(st.floats(min_value=1e-9, max_value=1 - 1e-9))
def test_percent_is_never_rounded_to_none_or_all(share):
    value = float(percent(share).removesuffix("%"))
    assert 0 < value < 100
    assert value == pytest.approx(share * 100, rel=0.01)
