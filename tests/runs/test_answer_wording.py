"""Test the status of an answer, and the table of messages."""

import re

import pytest

from provscan.estimate.layers import Layers
from provscan.runs.answer.wording import ScannedRecords, details, status_of


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
def test_the_numbers_of_records_give_the_status(findings, at_least, given, status):
    assert status_of(Layers(findings, at_least), **given) == status


def test_the_records_without_a_measure_of_chance_are_among_those_that_may_be_chance():
    counts = {"chance_expected": 9.0}
    records = Layers(437, 307.2, nearly_verbatim=393, counts=counts)
    said, *_ = details(
        "copies_found", records, ScannedRecords(1000), None, not_measured=7
    )
    before, _, included = said.partition("including")
    numbers = [*map(int, re.findall("[0-9]+", before))]
    assert numbers == [437, 393, 9, 437 - 307]
    assert [*map(int, re.findall("[0-9]+", included))] == [7]


def test_without_a_bound_nothing_is_included_in_it():
    records = Layers(54, 0.0, counts={"chance_expected": 9.0})
    said, *_ = details(
        "no_copies_shown", records, ScannedRecords(1000), None, not_measured=7
    )
    assert "including" not in said
    assert [*map(int, re.findall("[0-9]+", said))] == [54, 9, 7]
