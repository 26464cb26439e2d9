"""Test the wording that pages, tables and lists share."""

import json
from pathlib import Path

import pytest

from provscan.probe.report.tables import copies
from provscan.report.languages import language
from provscan.report.wording import (
    alike,
    amount,
    layers,
    percent,
)

# A text, the language that its tweet states, and the language and direction it gets.
LANGUAGES = json.loads(
    Path(__file__).with_name("languages.json").read_text(encoding="utf-8")
)


def test_numbers_in_words():
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
    ] == ["1,235", "12", "13", "–"]
    assert layers(
        {"findings": 12, "at_least": 9.3, "estimate": None, "at_most": 19.2}
    ) == ["12", "9", "–"]
    limits = ((1, 1), (4, 15), (64, None))
    assert [copies({"copies": low, "up_to": high}) for low, high in limits] == [
        "1",
        "4-15",
        "64 or more",
    ]


@pytest.mark.parametrize(("text", "named", "found"), LANGUAGES)
def test_script_and_tweet_give_the_language_of_a_text(text, named, found):
    assert language(text, named) == tuple(found)
