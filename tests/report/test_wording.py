"""Test the wording that pages, tables and lists share."""

from __future__ import annotations

import pytest
from chromium import options_in

from provscan.messages import tables
from provscan.probe.report import wording as probe_wording
from provscan.probe.report.tables import copies
from provscan.report.answers import first_sentence, headline, recall_rows
from provscan.report.languages import language
from provscan.report.wording import (
    OPTIONS,
    REASONS,
    alike,
    amount,
    for_readers,
    layers,
    percent,
    place,
    rarity,
    term,
    visible,
)


def test_numbers_in_words() -> None:
    shares = ["12.3%", "0.00012%", "0%", "100%", "99.999%"]
    assert [
        percent(share) for share in (0.12345, 0.0000012, 0.0, 1.0, 0.99999)
    ] == shares
    assert [alike(share) for share in (0.7377, 0.9967, 1.0, 0.042)] == [
        "74%",
        "99.7%",
        "100%",
        "4.2%",
    ]
    assert [
        amount(1234.6),
        amount(12.9, "at_least"),
        amount(12.1, "at_most"),
        amount(None),
    ] == [
        "1,235",
        "12",
        "13",
        "–",
    ]
    assert layers(
        {"findings": 12, "at_least": 9.3, "estimate": None, "at_most": 19.2}
    ) == ["12", "9", "–"]
    limits = ((1, 1), (4, 15), (64, None))
    assert [copies({"copies": low, "up_to": high}) for low, high in limits] == [
        "1",
        "4-15",
        "64 or more",
    ]


def test_terms_and_places_in_words() -> None:
    assert [term("near_exact"), term("arabic")] == ["near exact", "Arabic"]
    assert visible("a\u202eb") == "a[U+202E]b"
    assert place({"source": "a.jsonl", "field": "title"}) == "a.jsonl, field title"
    assert place({"source": "a.txt", "field": None}) == "a.txt"


def test_the_rarity_of_wording_in_words() -> None:
    said = [
        rarity(True, bits) for bits in (50.0, 99.9, 100.0, 150.0, None, float("nan"))
    ]
    assert said == [
        *(
            "rare wording",
            "rare wording",
            "very rare wording",
            "extremely rare wording",
        ),
        *["long wording of unknown rarity"] * 2,
    ]
    assert rarity(False, 400.0) == "common or known wording"


def test_a_headline_begins_with_its_status() -> None:
    clean = {"status": "no_copies_shown", "headline": "NO COPIES SHOWN in 7 records."}
    found = {
        "status": "copies_found",
        "headline": "COPIES FOUND: at least 3 of 7 records contain licensed tweets.",
    }
    assert headline(clean) == ("NO COPIES SHOWN", " ", "in 7 records.")
    assert headline(found) == (
        "COPIES FOUND",
        ": ",
        "at least 3 of 7 records contain licensed tweets.",
    )
    assert ["".join(headline(answer)) for answer in (clean, found)] == [
        clean["headline"],
        found["headline"],
    ]
    assert first_sentence("0.2% of a.b are so. Then more.") == "0.2% of a.b are so."


def test_lengths_are_listed_from_the_shortest_on() -> None:
    classes = {
        "from 120 characters": {"value": 0.5},
        "from 30 characters": {"value": 0.1},
        "under 30 characters": {"value": 0.9},
    }
    by_length = [name for name, _ in recall_rows("length", classes)]
    assert by_length == list(classes)[::-1]
    by_recall = [item["value"] for _, item in recall_rows("script", classes)]
    assert by_recall == [0.9, 0.5, 0.1]


def test_readers_of_a_page_are_told_of_no_options() -> None:
    said = [
        str(value)
        for kind, entries in tables().items()
        if kind not in ("next_for_terminal", "option")
        for value in entries.values()
    ]
    said += [*probe_wording.WARNINGS.values(), *probe_wording.NOTES.values()]
    assert options_in(" ".join(said)) == []
    assert set(OPTIONS) <= set(REASONS)
    for message, shown in (
        ("not UTF-8: give --encoding, or -x", "not UTF-8"),
        ("12 bad lines, more than --max-bad 1; mend it", "12 bad lines"),
        ("no text (--text-field names one)", "no text"),
        ("a.json is empty", "a.json is empty"),
    ):
        assert for_readers(message).strip() == shown


@pytest.mark.parametrize(
    ("text", "named", "found"),
    [
        ("the ferry is late", None, ("", "ltr")),
        ("die Fähre ist spät", "de", ("de", "ltr")),
        ("the ferry is late", "ja", ("", "ltr")),
        ("渡船今天晚点了", None, ("zh", "ltr")),
        ("本日欠航", "ja", ("ja", "ltr")),
        ("今日のフェリーは欠航です", "en", ("ja", "ltr")),
        ("오늘 배가 늦는다", None, ("ko", "ltr")),
        ("@ferry RT: العبارة متأخرة اليوم", None, ("ar", "rtl")),
        ("کشتی امروز دیر است", "fa", ("fa", "rtl")),
        ("המעבורת מאחרת", "iw", ("he", "rtl")),
        ("паром опаздывает", "uk", ("uk", "ltr")),
        ("฿ เรือข้ามฟากล่าช้า", None, ("th", "ltr")),
        ("👍 123 !", "en", ("", "auto")),
        ("", None, ("", "auto")),
    ],
)
def test_script_and_tweet_give_the_language_of_a_text(
    text: str, named: str | None, found: tuple[str, str]
) -> None:
    assert language(text, named) == found
