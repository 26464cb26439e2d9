"""The report: right words for right numbers, and nothing from data that could act."""

from __future__ import annotations

import copy
import json
import shlex
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provscan import report
from provscan.report.wording import percent, size

HERE = Path(__file__).parent
SUMMARY: dict[str, Any] = json.loads((HERE / "summary.json").read_text())
RUN: dict[str, Any] = json.loads((HERE / "run.json").read_text())
EXAMPLE: dict[str, Any] = {
    "source": "posts/part-1.jsonl.zst",
    "record": 4321,
    "record_id": "p-9",
    "start": 10,
    "end": 38,
    "before": "He wrote: ",
    "span": "the ferry is late again, bring a book",
    "after": " and left.",
    "level": "exact",
    "similarity": 1.0,
    "containment": 1.0,
    "tweet_id": "1101",
    "tweet": "The ferry is late again, bring a book",
    "tweets": 3,
    "author": "harbour_cat",
    "created_at": "2019-03-01",
}
VOID = {"meta", "br", "hr", "img", "input", "link"}


class Page(HTMLParser):
    """Tags, attributes and visible text; fails on tags that don't nest."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(page)
        self.close()
        assert not self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def changed(**values: Any) -> dict[str, Any]:
    summary = copy.deepcopy(SUMMARY)
    summary.update(values)
    return summary


def test_page_shows_what_the_summary_says() -> None:
    page = Page(report.html(SUMMARY, RUN, [EXAMPLE]))
    text = " ".join(page.text.split())
    assert "2,408 of 1,204,311 records (0.2 %) hold matches that are evidence" in text
    for part in (
        "3,999",
        "2,450",
        "posts/part-2.jsonl.zst",
        "no text",
        "He wrote: the ferry",
        "by harbour_cat",
    ):
        assert part in text
    assert RUN["inputs"][0]["xxh3"] in text
    assert "not corrected" in text
    assert "incomplete" not in text


def test_page_repeats_the_run_with_one_command() -> None:
    page = Page(report.html(SUMMARY, RUN, []))
    line = next(line for line in page.text.splitlines() if line.startswith("provscan match"))
    assert shlex.split(line) == [
        *("provscan", "match", "posts/part 1.jsonl.zst", "-i", "licensed.index"),
        *("--threshold", "0.4", "--min-chars", "20", "--workers", "2"),
    ]


def test_page_is_whole_by_itself() -> None:
    page = report.html(SUMMARY, RUN, [EXAMPLE])
    assert not {"script", "link", "img", "iframe"} & set(Page(page).tags)
    assert "http://" not in page
    assert "https://" not in page
    assert "url(" not in page


def test_damage_is_said_first() -> None:
    damaged = [{"source": "a.gz", "records": 17, "problem": "the gzip stream ends early"}]
    text = Page(report.html(changed(damaged=damaged), RUN, [])).text
    assert text.index("This report is incomplete") < text.index("By level")
    assert "the gzip stream ends early" in report.text_table(changed(damaged=damaged))


@given(
    st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=40)
    | st.sampled_from(["<script>alert(1)</script>", "\"'><img src=x onerror=y>", "{{ 7*7 }}", "&lt;b&gt;", "\udcff"])
)
def test_data_never_becomes_markup(text: str) -> None:
    plain = Page(report.html(SUMMARY, RUN, [EXAMPLE]))
    example = dict.fromkeys(EXAMPLE, text) | {
        name: value for name, value in EXAMPLE.items() if not isinstance(value, str)
    }
    summary = changed(sources=[dict(SUMMARY["sources"][0], source=text), SUMMARY["sources"][1]])
    run = dict(RUN, inputs=[dict(RUN["inputs"][0], source=text)])
    page = Page(report.html(summary, run, [example | {"author": "a", "created_at": "b"}]))
    assert page.tags == plain.tags
    assert [name for name, _ in page.attributes] == [name for name, _ in plain.attributes]
    report.html(summary, run, [example]).encode("utf-8")


def test_nothing_found_is_a_page_and_a_table_too() -> None:
    nothing = changed(
        **dict.fromkeys(("records", "records_matched", "matches", "texts_found", "tweets_found", "characters"), 0),
        **dict.fromkeys(("share_of_records", "share_of_characters"), 0.0),
        **{key: {} for key in ("skipped", "repaired", "truncated")},
        **{key: {"matches": 0, "records": 0, "texts": 0, "share_of_records": 0.0} for key in ("listed", "evidence")},
        characters_matched=0,
        sources=[],
        levels=dict.fromkeys(SUMMARY["levels"], 0),
    )
    assert "0 of 0 records (0 %)" in " ".join(Page(report.html(nothing, RUN, [])).text.split())
    assert "By level" not in report.text_table(nothing)


def test_table_for_a_terminal() -> None:
    table = report.text_table(SUMMARY, width=90)
    assert " ".join(table.split()).startswith(SUMMARY["answer"]["headline"] + " ! Chance differs")
    assert "12  no text" in table
    assert "line too long" not in table
    assert all(len(line) <= 90 for line in table.splitlines())
    assert "\x1b" not in table


def test_table_shows_rich_markup_as_it_stands() -> None:
    source = dict(SUMMARY["sources"][0], source="[red]a[/red] :smile:")
    assert "[red]a[/red] :smile:" in report.text_table(changed(sources=[source, SUMMARY["sources"][1]]))


def test_index_table() -> None:
    info = {"path": "a.index", "tweets": 307000, "texts": 301222, "bytes": 1_500_000, "segments": [{}, {}]}
    notes = {"left_out": [["corpus/.DS_Store", "hidden"]], "read": {"skipped": {"bad_json": 3}}}
    table = report.index_table({**info, **notes, "fingerprint": "00ff", "params": {"bands": 32, "rows": 4}})
    assert [line.split("  ")[-1].strip() for line in table.splitlines() if line.strip()] == [
        *("a.index", "307,000", "301,222", "1.5 MB in 2 segments", "00ff", "bands 32, rows 4"),
        *("Records not indexed", "line that is not JSON", "Files left out", "hidden"),
    ]


@pytest.mark.parametrize(
    ("share", "text"),
    [(0.12345, "12.3 %"), (1.2e-6, "0.00012 %"), (1e-12, "0.0000000001 %"), (0.0, "0 %"), (1.0, "100 %")],
)
def test_percent(share: float, text: str) -> None:
    assert percent(share) == text


@given(st.floats(min_value=1e-9, max_value=1 - 1e-9))
def test_percent_never_rounds_to_none_or_all(share: float) -> None:
    value = float(percent(share).removesuffix(" %"))
    assert 0 < value < 100
    assert value == pytest.approx(share * 100, rel=0.01)


def test_size() -> None:
    assert [size(n) for n in (0, 999, 1000, 999_950, 12_345_678)] == [
        "0 bytes",
        "999 bytes",
        "1.0 kB",
        "1.0 MB",
        "12.3 MB",
    ]
