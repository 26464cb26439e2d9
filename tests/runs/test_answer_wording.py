"""Test the status of an answer, and the table of messages."""

from __future__ import annotations

import re

import pytest

from provscan.estimate.layers import Layers
from provscan.messages import message, terms
from provscan.names import share
from provscan.runs.answer.wording import status_of


@pytest.mark.parametrize(
    ("findings", "at_least", "given", "status"),
    [
        (54, 0.0, {}, "no_copies_shown"),
        (505, 336.4, {}, "copies_found"),
        (505, 336.4, {"complete": False}, "copies_found"),
        (114, None, {"measured": False}, "not_measured"),
        (114, 0.0, {"judged": False}, "cannot_judge"),
        (0, None, {"measured": False}, "no_copies_shown"),
        (54, 0.0, {"complete": False}, "incomplete"),
    ],
)
def test_the_numbers_of_records_give_the_status(
    findings: float, at_least: float | None, given: dict[str, bool], status: str
) -> None:
    assert status_of(Layers(findings, at_least), **given) == status


@pytest.mark.parametrize("kind", ["warning", "note"])
def test_the_first_sentence_of_every_warning_fits_in_a_line(kind: str) -> None:
    for words in terms(kind).values():
        first = re.split(r"(?<=[.:]) ", words)[0]
        assert len(re.sub(r"\{[^}]*\}", "1234567", first)) <= 96


def test_messages_contain_their_code_and_values() -> None:
    said = message("warning", "not_detectable", share=0.25)
    assert said["code"] == "not_detectable"
    assert "25%" in said["message"]
    assert [share(*pair) for pair in ((0, 0), (995, 1000), (204_999, 205_000))] == [
        *("0%", "99.5%", "99.9995%"),
    ]
