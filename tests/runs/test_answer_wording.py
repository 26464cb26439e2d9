"""Test the first sentences of a run: status, headline and details."""

from __future__ import annotations

import re

import pytest

from provscan.estimate.layers import Layers
from provscan.estimate.limits import Factor
from provscan.names import share
from provscan.runs.answer.reasons import withheld
from provscan.runs.answer.warnings import NOTES, WARNINGS, warning
from provscan.runs.answer.wording import (
    ScannedRecords,
    details,
    headline,
    status_of,
)

CLEAN = Layers(54, 0.0, None, 12, 4_994, 105.0, counts={"chance_expected": 50.2})
COPIES = Layers(
    505,
    336.4,
    Factor(426, 352, 524),
    287,
    819,
    300.0,
    counts={"chance_expected": 104.0},
)
UNKNOWN = Layers(114, None, None, 12, 840, 30.0)


def test_data_without_copies_is_not_accused() -> None:
    status, scanned = status_of(CLEAN), ScannedRecords(20_349)
    assert [
        headline(status, CLEAN, scanned),
        *details(status, CLEAN, scanned, 0.9),
    ] == [
        "NO COPIES SHOWN in 20,349 records.",
        "54 records share rare wording with licensed tweets; chance explains about 50.",
        "4,994 more records share only common or known wording.",
        "At most 105 records contain a nearly verbatim copy of one of the 90% of "
        "licensed texts that have rare wording.",
    ]


def test_a_claim_states_what_chance_explains() -> None:
    status, scanned = status_of(COPIES), ScannedRecords(40_000)
    assert [
        headline(status, COPIES, scanned),
        *details(status, COPIES, scanned, 0.9),
    ] == [
        "COPIES FOUND: at least 336 of 40,000 records (0.84%) contain licensed tweets. "
        "Best estimate 426 (352-524).",
        "505 records share rare wording (287 word for word or nearly); chance explains "
        "about 104.",
        "819 more records share only common or known wording.",
    ]


def test_without_measured_chance_only_facts_are_stated() -> None:
    status, scanned = status_of(UNKNOWN, measured=False), ScannedRecords(40_000)
    assert [
        headline(status, UNKNOWN, scanned),
        *details(status, UNKNOWN, scanned, 0.9),
    ] == [
        "CHANCE NOT MEASURED: 114 of 40,000 records (0.28%) share rare wording with "
        "licensed tweets, 12 of them word for word or nearly.",
        "Copies and coincidences can't be told apart. 840 more records share only "
        "common or known wording.",
    ]


def test_one_record_has_a_singular_verb() -> None:
    one = Layers(1, 1.0, None, 1, 1, 1.0, counts={"chance_expected": 0.1})
    assert headline("copies_found", one, ScannedRecords(1)) == (
        "COPIES FOUND: at least 1 of 1 record (100%) contains licensed tweets."
    )
    said = [*details("no_copies_shown", one, ScannedRecords(1), 0.5)]
    assert said == [
        "1 record shares rare wording with licensed tweets; chance explains about 0.",
        "1 more record shares only common or known wording.",
        "At most 1 record contains a nearly verbatim copy of one of the 50% of "
        "licensed texts that have rare wording.",
    ]
    assert headline("not_measured", one, ScannedRecords(1)).startswith(
        "CHANCE NOT MEASURED: 1 of 1 record (100%) shares rare"
    )


def test_sentences_about_a_sample_say_what_their_numbers_refer_to() -> None:
    sample = ScannedRecords(154, 8_000, projected=True)
    assert (
        headline("no_copies_shown", CLEAN, sample)
        == "NO COPIES SHOWN in 154 records of the sample."
    )
    least = Layers(13, 80.5, None, 3)
    assert headline("copies_found", least, sample) == (
        "COPIES FOUND: at least 80 of about 8,000 records (1%) contain licensed tweets."
    )
    assert next(details("copies_found", least, sample, 0.9)) == (
        "13 of 154 records of the sample share rare wording (3 word for word or "
        "nearly)."
    )
    above = Layers(0, 0.0, None, 0, 0, 9_000.5)
    assert [*details("no_copies_shown", above, sample, 0.9)][-1] == (
        "At most 9,001 of all records contain a nearly verbatim copy of one of the 90% "
        "of licensed texts that have rare wording. "
        "The dataset has about 8,000 records, projected from the sample, and may have "
        "more."
    )


@pytest.mark.parametrize("words", [*WARNINGS.values(), *NOTES.values()])
def test_the_first_sentence_of_every_warning_fits_in_a_line(words: str) -> None:
    first = re.split(r"(?<=[.:]) ", words)[0]
    assert len(re.sub(r"\{[^}]*\}", "1234567", first)) <= 96


def test_messages_contain_their_values() -> None:
    assert share(0, 0) == "0%"
    assert share(995, 1000) == "99.5%"
    assert share(204_999, 205_000) == "99.9995%"
    assert share(3, 5_000_000) == "0.00006%"
    assert withheld("unlike_control", strata="Thai").endswith(
        "kinds of text that were found: Thai."
    )
    said = warning("not_detectable", share=0.25)
    assert said["code"] == "not_detectable"
    assert said["message"].startswith("25% of the licensed texts")
