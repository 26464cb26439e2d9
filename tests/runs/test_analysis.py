"""What a run concludes: error rates, recall and an estimate, and what it refuses to conclude."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from dataset import TWEETS, some_records
from tweets import sentence

import provscan
from provscan.calibration import spike_ins
from provscan.errors import ParameterError, RecallError
from provscan.scoring import rule as judge
from provscan.scoring.rule import JUDGED, Rule

Write = Callable[..., Path]
NUMBERS = (
    *("records", "records_share", "texts", "tweets"),
    *("characters_share", "licensed_share", "characters", "tokens"),
)


def planted(index: provscan.Index, count: int, copies: int) -> list[dict[str, Any]]:
    rng = random.Random(6)
    texts = index.reader.segments[0].raw_texts.array().to_pylist()
    records = [{"text": sentence(rng, "latin", 90)} for _ in range(count)]
    for record in records[:copies]:
        record["text"] = rng.choice(texts) + " so it is"
    rng.shuffle(records)
    return records


def test_an_estimate_holds_what_was_planted(
    latin: provscan.Index, other: list[dict[str, Any]], write: Write, tmp_path: Path
) -> None:
    data = planted(latin, 1500, 300)
    run = provscan.match(data, latin, tmp_path / "a.run", control=write("c.jsonl", other))
    estimate = run.summary["estimate"]
    assert run.matches.schema.equals(JUDGED)
    assert estimate["records"]["low"] <= 300 <= estimate["records"]["high"]
    assert estimate["records_share"]["value"] == pytest.approx(estimate["records"]["value"] / 1500)
    found = run.summary["texts_found"]
    assert estimate["texts"]["low"] <= found <= estimate["texts"]["high"]
    assert estimate["tokens"]["value"] == pytest.approx(estimate["characters"]["value"] / 4)
    for name in NUMBERS:
        assert estimate[name]["valid"], name
        assert estimate[name]["low"] <= estimate[name]["value"] <= estimate[name]["high"]
    assert set(estimate["by"]) == {"source", "author", "year", "lang"}
    assert set(estimate["by"]["year"]) == {"2018", "2019", "2020"}
    assert len(estimate["by"]["author"]) <= 50
    recall = run.summary["recall"]
    assert recall["planted"] == 600
    assert recall["all"]["value"] > 0.9
    assert set(recall["by"]) == {"kind", "band", "script", "position"}
    assert set(recall["by"]["position"]) == {"own record", "inside a record"}
    rows = run.matches.to_pylist()
    assert all(row["bits"] > 100 and row["e_value"] < 1e-9 for row in rows if row["level"] == "exact")
    # With as many controls as licensed texts and none of them found, 300 matches are worth q = 1 / 300.
    assert min(row["q_value"] for row in rows) < 0.01
    assert run.summary["listed"]["records"] == pytest.approx(300, abs=5)
    assert run.summary["evidence"]["records"] == estimate["records"]["raw"]["found"]
    page = (run.path / "report.html").read_text(encoding="utf-8")
    assert "so it is" in page
    assert "Records that hold licensed text" in page


def test_nothing_planted_is_bounded_not_claimed(
    latin: provscan.Index, other: list[dict[str, Any]], write: Write, tmp_path: Path
) -> None:
    data, control = planted(latin, 1500, 0), write("c.jsonl", other)
    estimate = provscan.match(data, latin, tmp_path / "a.run", control=control).summary["estimate"]
    assert (estimate["records"]["value"], estimate["records"]["low"]) == (0, 0)
    assert estimate["records"]["high"] < 5
    part = provscan.match(data, latin, tmp_path / "b.run", sample=0.5, control=control).summary["estimate"]
    assert (part["records"]["value"], part["records"]["low"]) == (0, 0)
    assert 0 < part["records"]["high"] < 30
    assert 0 < part["characters_share"]["high"] < 0.02


def test_workers_change_nothing(latin: provscan.Index, write: Write, tmp_path: Path) -> None:
    data = [write(f"d{n}.jsonl", planted(latin, 300, 40 + n)) for n in range(3)]
    for options in ({}, {"sample": 0.5}):
        runs = [
            provscan.match(data, latin, tmp_path / f"{len(options)}{n}.run", workers=n, **options)  # type: ignore[arg-type]
            for n in (1, 3)
        ]
        assert runs[0].matches.equals(runs[1].matches)
        assert runs[0].summary == runs[1].summary
    seeded = provscan.match(data, latin, tmp_path / "s.run", sample=0.5, seed=2)
    assert not seeded.matches.equals(runs[0].matches)


def test_names_and_order_of_files_change_nothing(latin: provscan.Index, write: Write, tmp_path: Path) -> None:
    for number in range(2):
        write(f"first/{number}.jsonl", planted(latin, 300, 80 + number))
        shutil.copy(write(f"second/z{9 - number}.jsonl", []).parent.parent / "first" / f"{number}.jsonl",
                    tmp_path / "second" / f"z{9 - number}.jsonl")  # fmt: skip
    for options in ({}, {"sample": 0.5}):
        runs = [
            provscan.match(tmp_path / name, latin, tmp_path / f"{name}.run", overwrite=True, **options)  # type: ignore[arg-type]
            for name in ("first", "second")
        ]
        assert runs[0].matches.num_rows > 20
        for key in ("records", "estimate", "recall", "levels"):
            values = [run.summary[key] for run in runs]
            for value in values:
                if key == "estimate":
                    value["by"].pop("source", None)
            assert values[0] == values[1], key


def test_a_sample_speaks_for_the_whole(
    latin: provscan.Index, other: list[dict[str, Any]], write: Write, tmp_path: Path
) -> None:
    data = planted(latin, 3000, 600)
    run = provscan.match(data, latin, tmp_path / "a.run", sample=0.25, control=write("c.jsonl", other))
    assert 600 < run.summary["records"] < 900
    told = run.summary["sample"]
    assert (told["by"], told["asked"], told["parts"]) == ("records", 0.25, None)
    assert told["share"] == run.summary["records"] / 3000
    estimate = run.summary["estimate"]
    found = estimate["records"]["raw"]["found"]
    # The share that was scanned is known exactly, since all records were read.
    assert estimate["records"]["value"] == pytest.approx(found * 3000 / run.summary["records"], rel=0.01)
    assert estimate["records"]["low"] <= 600 <= estimate["records"]["high"]
    assert estimate["records"]["high"] - estimate["records"]["low"] > 60
    assert not estimate["tweets"]["valid"]
    assert estimate["texts"]["kind"] == "lower_bound"


def test_an_index_of_a_fraction_scales_up(
    latin: provscan.Index, other: list[dict[str, Any]], write: Write, tmp_path: Path
) -> None:
    texts = latin.reader.segments[0].raw_texts.array().to_pylist()
    half = provscan.build_index([{"text": text} for text in texts[:300]], tmp_path / "h.index", fraction=0.5)
    assert half.info()["fraction"] == 0.5
    data, control = write("d.jsonl", planted(latin, 1500, 300)), write("c.jsonl", other)
    estimate = provscan.match(data, half, tmp_path / "a.run", control=control).summary["estimate"]
    assert estimate["records"]["low"] <= 300 <= estimate["records"]["high"]
    assert estimate["records"]["raw"]["found"] < 200
    with pytest.raises(ParameterError, match="fraction must be above 0"):
        provscan.build_index(TWEETS, tmp_path / "n.index", fraction=0.0)


def test_no_spike_ins_no_numbers(latin: provscan.Index, write: Write, tmp_path: Path) -> None:
    run = provscan.match(write("d.jsonl", planted(latin, 200, 20)), latin, tmp_path / "a.run", spike_ins=0)
    estimate = run.summary["estimate"]
    assert [estimate[name]["value"] for name in NUMBERS] == [None] * len(NUMBERS)
    assert "spike-ins" in estimate["records"]["reason"]
    assert run.summary["recall"]["planted"] == 0
    assert run.summary["matches"] >= 20


def test_a_scan_that_finds_nothing_of_what_was_planted_fails(
    latin: provscan.Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spike_ins, "EDITS", {"gone": lambda text, dice: ("", "1 2 3", "")})
    with pytest.raises(RecallError, match=r"none of 600 licensed texts that were planted.*threshold=0.4"):
        provscan.match(some_records(3, 50), latin, tmp_path / "a.run")
    assert not (tmp_path / "a.run").exists()


def test_poor_recall_is_said_first(latin: provscan.Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lost = {"gone": lambda text, dice: ("", "1 2 3", ""), "kept": lambda text, dice: ("", text, "")}
    monkeypatch.setattr(spike_ins, "EDITS", lost)
    run = provscan.match(planted(latin, 200, 20), latin, tmp_path / "a.run")
    assert run.summary["estimate"]["problems"][0].startswith("poor recall: 0.500 of 600")


def test_texts_that_are_no_evidence_are_told_from_those_that_are_lost(
    latin: provscan.Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("provscan.scoring.rule.ALONE", Rule(0.0, 0.0))
    run = provscan.match(planted(latin, 200, 20), latin, tmp_path / "a.run")
    first, *rest = run.summary["estimate"]["problems"]
    assert "came back, but only 0 count" in first
    assert not any("poor recall" in problem for problem in rest)
    assert not run.summary["estimate"]["records"]["valid"]


def test_without_a_control_a_part_of_a_text_is_no_evidence(
    latin: provscan.Index, other: list[dict[str, Any]], write: Write, tmp_path: Path
) -> None:
    """A title or a saying is a part of many tweets: only a control can tell what such a match is worth."""
    texts = latin.reader.segments[0].raw_texts.array().to_pylist()
    data = [{"text": text[: round(len(text) * 0.65)]} for text in texts[:50]]
    data += [{"text": text} for text in texts[50:100]]
    alone = provscan.match(data, latin, tmp_path / "a.run")
    assert alone.summary["rule"] == {
        "e_value_up_to": 1e-8,
        "containment_from": 0.8,
        "common_sources_up_to": pytest.approx(1e-11 * alone.summary["characters"] * len(latin)),
        "spike_ins_given_up": 0.0,
    }
    assert alone.summary["records_matched"] > 90
    assert 45 <= alone.summary["listed"]["records"] <= 50
    controlled = provscan.match(data, latin, tmp_path / "b.run", control=write("c.jsonl", other))
    assert controlled.summary["rule"]["containment_from"] == 0
    assert controlled.summary["estimate"]["records"]["raw"]["found"] > 85


def test_without_a_control_few_matches_are_no_claim(
    latin: provscan.Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both sides may have them from a third, and nothing tells."""
    data = planted(latin, 200, 20)
    claimed = provscan.match(data, latin, tmp_path / "a.run").summary
    assert claimed["listed"] == claimed["evidence"]
    assert claimed["estimate"]["records"]["low"] >= 15
    alone = judge.ALONE
    monkeypatch.setattr("provscan.scoring.rule.ALONE", replace(alone, common_sources=1e-5))
    silent = provscan.match(data, latin, tmp_path / "b.run").summary
    assert silent["rule"]["common_sources_up_to"] > 30
    assert silent["evidence"] == claimed["evidence"]
    assert silent["listed"] == {"matches": 0, "records": 0, "texts": 0, "share_of_records": 0.0}
    assert "matches would be evidence; without a control that is no claim" in silent["estimate"]["problems"][0]
    for name in ("records", "texts", "tweets", "characters_share"):
        assert silent["estimate"][name]["low"] == 0.0 < claimed["estimate"][name]["low"]
        assert silent["estimate"][name]["high"] == claimed["estimate"][name]["high"]


def test_what_the_score_gives_up_is_not_counted_on_any_side(
    latin: provscan.Index, other: list[dict[str, Any]], write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Control texts stand in the dataset here, cut down to two thirds: chance that a score can learn."""
    texts = latin.reader.segments[0].raw_texts.array().to_pylist()
    cut = [{"text": row["text"][: round(len(row["text"]) * 0.66)]} for row in other[:60]]
    data = [*cut, *({"text": text} for text in texts[:300])]
    control = write("c.jsonl", other)
    monkeypatch.setattr("provscan.scoring.rule.GIVEN_UP", 0.15)
    careful = provscan.match(data, latin, tmp_path / "a.run", control=control).summary
    monkeypatch.setattr("provscan.scoring.rule.GIVEN_UP", 0.0)
    every = provscan.match(data, latin, tmp_path / "b.run", control=control).summary
    assert careful["error_rate"]["least_score"] > every["error_rate"]["least_score"]
    assert careful["control"]["matches"] == every["control"]["matches"] > 50
    assert careful["control"]["matches_counted"] < every["control"]["matches_counted"]
    assert 0.1 * 600 < every["recall"]["counted"] - careful["recall"]["counted"] <= 0.15 * 600 + 1
    assert careful["rule"]["spike_ins_given_up"] == 0.15


@pytest.mark.parametrize(
    "options", [{"sample": 0.0}, {"sample": 1.5}, {"spike_ins": -1}, {"seed": -1}, {"cutoff": "x"}]
)
def test_parameters_out_of_range(latin: provscan.Index, tmp_path: Path, options: dict[str, Any]) -> None:
    with pytest.raises(ParameterError, match=f"{next(iter(options))} must be"):
        provscan.match(TWEETS[:2], latin, tmp_path / "a.run", **options)
