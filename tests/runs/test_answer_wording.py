"""Test the status of an answer, and the table of messages."""

import pytest

from provscan.estimate.layers import Layers
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
def test_the_numbers_of_records_give_the_status(findings, at_least, given, status):
    assert status_of(Layers(findings, at_least), **given) == status
