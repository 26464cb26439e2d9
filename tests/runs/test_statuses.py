"""Test that the status of a run is true by its own words, in odd cases."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any, NamedTuple

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


# Scans by name; tests/runs/statuses.json has those whose texts are parts of the lists
# above: their sums, ranges and multiples.
LISTS = {
    "licensed": LICENSED,
    "control": CONTROL,
    "neither": NEITHER,
    "russian": RUSSIAN,
    "russian_control": RUSSIAN_CONTROL,
    "tags": TAGS,
    "links": LINKS,
    "short": SHORT,
    "passages": PASSAGES,
}


def chosen(words: str) -> list[str]:
    """Return texts such as ``neither + licensed 0-8 * 3``."""
    found: list[str] = []
    for part in words.split(" + "):
        name, _, times = part.partition(" * ")
        name, _, ends = name.partition(" ")
        low, high = map(int, ends.split("-")) if ends else (0, None)
        found += LISTS[name][low:high] * int(times or 1)
    return found


def case_of(row: dict[str, Any]) -> Case:
    plain = ("status", "damaged", "reason")
    return Case(
        **{k: v if k in plain or v is None else chosen(v) for k, v in row.items()}
    )


ROWS = json.loads(Path(__file__).with_name("statuses.json").read_text())
CASES = {name: case_of(row) for name, row in ROWS.items()} | {
    "copies, clean data of the same kind": Case(
        "copies_found", NEITHER[:30] + LICENSED[:20], None, null=texts(8, 50)
    ),
    "clean data of another kind": Case(
        "not_measured", LICENSED[:20], None, null=[" ".join(CONTROL[:50])] * 60
    ),
    "the same texts in all records": Case(
        "cannot_judge", [" . ".join(LICENSED[:54])] * 40, reason="same_records"
    ),
    "all texts in one record": Case(
        "cannot_judge", [" . ".join(LICENSED[:20])], reason="same_records"
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


@pytest.mark.parametrize("kind", ["short", "common"])
def test_if_no_licensed_text_can_be_found_an_answer_is_incomplete(
    kind, write, tmp_path
):
    """A text that four authors posted is common, so that no copy of it counts."""
    short = [f"ok no {number}" for number in range(300)]
    wording, authors = (short, 1) if kind == "short" else (LICENSED, 4)
    rows = [
        {"id": f"{author}:{number}", "text": text, "author": str(author)}
        for author in range(authors)
        for number, text in enumerate(wording)
    ]
    index = provscan.build_index(rows, tmp_path / "a.index")
    data = write("data.jsonl", [{"text": text} for text in wording + NEITHER])
    answer = provscan.match(data, index, tmp_path / "run").summary["answer"]
    assert "not_detectable" in [each["code"] for each in answer["warnings"]]
    assert answer["records"]["findings"] == 0
    assert answer["status"] == "incomplete"
    assert [(each["code"], each["count"]) for each in answer["not_scanned"]] == [
        ("licensed_texts", len(wording))
    ]
