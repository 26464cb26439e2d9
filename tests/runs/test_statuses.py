"""Test that the status of a run is true by its own words, in odd cases."""

from __future__ import annotations

import random
from typing import NamedTuple

import pytest
from tweets import sentence

import provscan
from provscan.statuses import STATUSES


def texts(seed, count, script="latin", letters=70):
    rng = random.Random(seed)
    return [sentence(rng, script, letters + n % 30).strip() for n in range(count)]


# The licensed texts, those of the control, and texts that are neither.
LICENSED, CONTROL, NEITHER = texts(1, 300), texts(2, 300), texts(3, 60)
RUSSIAN, RUSSIAN_CONTROL = texts(4, 300, "cyrillic"), texts(5, 300, "cyrillic")
TAGS = [" ".join(f"#{word}" for word in text.split()[:9]) for text in texts(7, 60)]
LINKS = [f"https://example.com/{n}/" + "a-long-path-" * 4 for n in range(60)]
SHORT = [text[:14] for text in texts(6, 50)]
# Passages of control texts: chance matches that are no copies of whole texts.
PASSAGES = [text[: len(text) * 3 // 5] for text in CONTROL]


class Case(NamedTuple):
    """A scan, and the status that its words allow."""

    status: str
    data: list[str]
    control: list[str] | None = CONTROL
    licensed: list[str] = LICENSED
    null: list[str] | None = None
    known: list[str] | None = None
    damaged: bool = False  # A line of the data is not JSON.
    reason: str | None = None  # The code of the first reason.


CASES = {
    # No findings.
    "nothing": Case("no_copies_shown", NEITHER),
    "nothing, no control": Case("no_copies_shown", NEITHER, None),
    "nothing, one record": Case("no_copies_shown", NEITHER[:1]),
    "nothing, control of one text": Case("no_copies_shown", NEITHER, CONTROL[:1]),
    "nothing, index of one text": Case(
        "no_copies_shown", NEITHER, licensed=LICENSED[:1]
    ),
    "nothing, but damaged": Case("incomplete", NEITHER, damaged=True),
    "nothing, damaged, no control": Case("incomplete", NEITHER, None, damaged=True),
    "nothing but a few known texts": Case(
        "no_copies_shown", LICENSED[:12], known=LICENSED[:40]
    ),
    "a few known texts, no control": Case(
        "no_copies_shown", LICENSED[:12], None, known=LICENSED[:40]
    ),
    "no records of the index's language": Case(
        "no_copies_shown", NEITHER, RUSSIAN_CONTROL, RUSSIAN
    ),
    "nothing but hashtags": Case("no_copies_shown", TAGS, licensed=TAGS + LICENSED),
    "nothing but links": Case("no_copies_shown", LINKS, licensed=LINKS + LICENSED),
    "texts too short to be findings": Case(
        "no_copies_shown", SHORT, licensed=SHORT + LICENSED
    ),
    # Copies.
    "twenty texts": Case("copies_found", NEITHER + LICENSED[:20]),
    "all records": Case("copies_found", LICENSED[:40]),
    "all licensed texts": Case("copies_found", LICENSED),
    "eight texts": Case("copies_found", LICENSED[:8]),
    "eight of eight texts": Case(
        "copies_found", LICENSED[:8], CONTROL[:8], LICENSED[:8]
    ),
    "twenty texts, one of them often": Case(
        "copies_found", LICENSED[:20] + LICENSED[:1] * 500
    ),
    "copies and damage": Case("copies_found", LICENSED[:20], damaged=True),
    "the only text, large control": Case(
        "copies_found", LICENSED[:1] * 30, licensed=LICENSED[:1]
    ),
    "copies in two scripts": Case(
        "copies_found",
        LICENSED[:20] + RUSSIAN[:1],
        CONTROL + RUSSIAN_CONTROL,
        LICENSED + RUSSIAN,
    ),
    "copies, clean data of the same kind": Case(
        "copies_found", NEITHER[:30] + LICENSED[:20], None, null=texts(8, 50)
    ),
    # Findings without a measure of chance.
    "no control": Case("not_measured", NEITHER + LICENSED[:20], None),
    "no control, one finding": Case("not_measured", LICENSED[:1], None),
    "no control, two findings": Case("not_measured", NEITHER + LICENSED[:2], None),
    "the data is the corpus, no control": Case("not_measured", LICENSED, None),
    "no control, index of one text": Case(
        "not_measured", LICENSED[:1], None, LICENSED[:1]
    ),
    "no control, damage": Case("not_measured", LICENSED[:9], None, damaged=True),
    "clean data of another kind": Case(
        "not_measured", LICENSED[:20], None, null=[" ".join(CONTROL[:50])] * 60
    ),
    # Findings that the measure can't judge.
    "one finding": Case("cannot_judge", NEITHER + LICENSED[:1], reason="few_findings"),
    "two findings": Case("cannot_judge", LICENSED[:2], reason="few_findings"),
    "one record, one finding": Case(
        "cannot_judge", LICENSED[:1], reason="few_findings"
    ),
    "seven findings": Case("cannot_judge", LICENSED[:7], reason="few_findings"),
    "five of five texts": Case(
        "cannot_judge", LICENSED[:5], CONTROL[:5], LICENSED[:5], reason="few_findings"
    ),
    "one text a thousand times": Case(
        "cannot_judge", LICENSED[:1] * 1000, reason="few_findings"
    ),
    "one text a thousand times, one chance match": Case(
        "cannot_judge", LICENSED[:1] * 1000 + PASSAGES[:1], reason="few_texts"
    ),
    "two texts a hundred times": Case(
        "cannot_judge", LICENSED[:2] * 100, reason="few_findings"
    ),
    "the same texts in all records": Case(
        "cannot_judge", [" . ".join(LICENSED[:54])] * 40, reason="same_records"
    ),
    "all texts in one record": Case(
        "cannot_judge", [" . ".join(LICENSED[:20])], reason="same_records"
    ),
    "each text three times": Case(
        "cannot_judge", LICENSED[:30] * 3 + PASSAGES[:30], reason="repeated_texts"
    ),
    "more than one chance match": Case(
        "cannot_judge", LICENSED[:5] + PASSAGES[:1], reason="few_findings"
    ),
    "findings and damage": Case(
        "cannot_judge", LICENSED[:3], damaged=True, reason="few_findings"
    ),
    "control of one text": Case(
        "cannot_judge", LICENSED[:20], CONTROL[:1], reason="unlike_control"
    ),
    "small control": Case(
        "cannot_judge", LICENSED[:12], CONTROL[:60], reason="control_too_small"
    ),
    "control of another script": Case(
        "cannot_judge", LICENSED[:20], RUSSIAN_CONTROL, reason="unlike_control"
    ),
    "control of one of two scripts": Case(
        "cannot_judge",
        LICENSED[:1] + RUSSIAN[:20],
        CONTROL,
        LICENSED + RUSSIAN,
        reason="unlike_control",
    ),
    "the control is in the data": Case(
        "cannot_judge", LICENSED[:20] + CONTROL, reason="control_in_dataset"
    ),
    "the data is the control and the corpus": Case(
        "cannot_judge", LICENSED + CONTROL, reason="control_in_dataset"
    ),
    "the only control text is in the data": Case(
        "cannot_judge",
        LICENSED[:20] + CONTROL[:1],
        CONTROL[:1],
        reason="control_in_dataset",
    ),
    "the control is the data": Case(
        "cannot_judge",
        NEITHER + LICENSED[:60],
        NEITHER + LICENSED[:60],
        reason="licensed_in_control",
    ),
    "the control has the corpus": Case(
        "cannot_judge", LICENSED[:60], LICENSED + CONTROL, reason="licensed_in_control"
    ),
    "the control has the texts that were found": Case(
        "cannot_judge",
        LICENSED[:30] + LICENSED[60:63],
        CONTROL + LICENSED[:30],
        reason="licensed_in_control",
    ),
    "other sources have the texts that were found": Case(
        "cannot_judge",
        LICENSED[:30] + NEITHER,
        known=LICENSED[:40],
        reason="licensed_in_other_sources",
    ),
    "the other sources are the data, no control": Case(
        "cannot_judge",
        LICENSED[:60] + NEITHER,
        None,
        known=LICENSED[:60] + NEITHER,
        reason="licensed_in_other_sources",
    ),
    "a part of the control is in the data": Case(
        "cannot_judge", LICENSED[:40] + CONTROL[:40], reason="control_partly_in_dataset"
    ),
    "decoys of a few control texts": Case(
        "cannot_judge", LICENSED[:8] + CONTROL[:8], reason="control_partly_in_dataset"
    ),
    "the clean data has one text as often, the control has another": Case(
        "cannot_judge",
        NEITHER + LICENSED[:1] * 30 + PASSAGES[:1],
        null=NEITHER + LICENSED[:1] * 30,
        reason="few_texts",
    ),
    # Chance explains the findings.
    "as many chance matches": Case("no_copies_shown", LICENSED[:30] + PASSAGES[:30]),
    "eight findings beside five chance matches of a smaller control": Case(
        "no_copies_shown", LICENSED[:8] + PASSAGES[:5], CONTROL[:200]
    ),
    "one finding, one chance match": Case(
        "no_copies_shown", NEITHER + LICENSED[:1] + PASSAGES[:1]
    ),
    "the clean data is the dataset": Case(
        "no_copies_shown", LICENSED[:20], None, null=LICENSED[:20]
    ),
    "copies of a hundred records, in the clean data too": Case(
        "cannot_judge",
        LICENSED[:20] * 6,
        None,
        null=LICENSED[:20] * 6,
        reason="verbatim_in_clean_data",
    ),
    "one finding, the clean data has one": Case(
        "no_copies_shown", NEITHER + LICENSED[:1], None, null=NEITHER + LICENSED[1:2]
    ),
}


def matched(case, write, spike_ins=0, **options):
    folder = write("data.jsonl", [{"text": text} for text in case.data]).parent
    if case.damaged:
        with (folder / "data.jsonl").open("a") as file:
            file.write('{"text": "cut\n')
    index = provscan.build_index(
        [{"id": str(n), "text": text} for n, text in enumerate(case.licensed)],
        folder / "licensed.index",
    )
    named = {"control": "control", "null": "clean_data", "known": "other_sources"}
    for name, option in named.items():
        if (rows := getattr(case, name)) is not None:
            options[option] = write(
                f"{name}.jsonl",
                [{"id": f"{name}{n}", "text": text} for n, text in enumerate(rows)],
            )
    return provscan.match(
        folder / "data.jsonl",
        index,
        folder / "a.run",
        spike_ins=spike_ins,
        max_bad=1.0,
        **options,
    )


@pytest.mark.parametrize("name", CASES)
def test_a_status_is_true_by_its_own_words(name, write):
    case = CASES[name]
    run = matched(case, write)
    answer, control = run.summary["answer"], run.summary["control"]
    records, codes = answer["records"], [each["code"] for each in answer["reasons"]]
    found, chance = records["findings"], records["chance"]
    assert answer["status"] == case.status, answer["headline"]
    assert answer["headline"].startswith(STATUSES[case.status].words)
    assert codes[:1] == ([case.reason] if case.reason else [])
    # What each status says, in numbers.
    match case.status:
        case "copies_found":
            assert 1 <= records["at_least"] <= found
        case "no_copies_shown" | "incomplete":
            assert found == 0 or chance >= found / 3
            assert (case.status == "incomplete") == bool(answer["not_scanned"])
        case "not_measured":
            assert found > 0
            assert not control["chance_measures"]
        case "cannot_judge":
            assert found > 0 or case.reason.startswith("licensed_in_")
            assert records["at_most"] is None or found > 0
            assert not records["at_least"]
            assert answer["next"]
    facts = records["nearly_verbatim"], records["common_or_known"]
    assert None not in (found, *facts)


def test_decoys_buy_a_warning_and_no_acquittal(write, tmp_path):
    """Control texts that somebody puts in the data lower no finding, raise no bound and
    leave the true number in the interval.
    """
    answers = []
    for decoys in (0, 15, 60):
        case = Case("", NEITHER + LICENSED[:100] + CONTROL[:decoys])
        folder = tmp_path / str(decoys)
        folder.mkdir()

        def into(name, rows, folder=folder):
            return write(f"{folder.name}/{name}", rows)

        answers.append(matched(case, into, spike_ins=300).summary["answer"])
    honest, few, many = (answer["records"] for answer in answers)
    for answer, decoyed in zip(answers[1:], (few, many), strict=True):
        assert "control_in_dataset" in {each["code"] for each in answer["warnings"]}
        assert decoyed["findings"] == honest["findings"] == 100
        assert decoyed["at_least"] < honest["at_least"]
        assert answer["status"] in ("copies_found", "cannot_judge")
    assert few["estimate"]["low"] < honest["estimate"]["low"]
    assert few["estimate"]["low"] <= 100 <= few["estimate"]["high"]
    assert not any(
        each["code"] == "control_in_dataset" for each in answers[0]["warnings"]
    )
