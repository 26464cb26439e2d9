"""Test which texts serve as controls, and that their matches are not findings."""

import json
import random
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from dataset import TWEETS
from tweets import SCRIPTS, sentence

import provscan
import provscan.index.segment.write
from provscan.calibration.controls import no_control, with_cutoff
from provscan.cli import main
from provscan.errors import InputError, ParameterError
from provscan.messages import terms
from provscan.options import parse_utc
from provscan.report.wording import searched

CUTOFF = datetime(2020, 6, 1, tzinfo=UTC)
OLD, YOUNG = "2020-01-01T00:00:00Z", "2020-07-01T00:00:00Z"

DATED = json.loads(Path(__file__).with_name("dated.json").read_text())


def absent_texts(index):
    controls = with_cutoff(no_control(index.reader), CUTOFF)
    reader = index.reader
    texts = [
        text
        for segment in reader.segments
        for text in segment.texts.array().to_pylist()
    ]
    assert len(texts) == len(controls.control)
    found = sorted(
        {text for text, control in zip(texts, controls.control, strict=True) if control}
    )
    # Each text counts once, even if several segments have it.
    assert (controls.texts, controls.licensed_texts) == (
        len(found),
        len(index) - len(found),
    )
    assert controls.cutoff_tweets == reader.count_tweets(
        np.flatnonzero(controls.control)
    )
    return found


EXPECTED = [
    "a young tweet about the harbour at noon",
    "young and as young when it was said again",
]


def test_a_text_is_a_control_if_all_its_tweets_are_young(write, tmp_path):
    index = provscan.build_index(write("t.jsonl", DATED), tmp_path / "a.index")
    assert absent_texts(index) == EXPECTED
    controls = with_cutoff(no_control(index.reader), CUTOFF)
    assert (controls.texts, controls.cutoff_tweets) == (2, 4)
    assert controls.licensed_texts == len(index) - 2
    assert controls.licensed_tweets == len(DATED) - 4
    of_licensed = (len(DATED) - 4) / (len(index) - 2)
    assert controls.tweets_ratio == pytest.approx(of_licensed / 2)
    assert no_control(index.reader).tweets_ratio == 1.0


def test_controls_do_not_depend_on_segments(write, tmp_path, monkeypatch):
    monkeypatch.setattr("provscan.index.merges.FAN_OUT", 99)
    for low in range(0, len(DATED), 3):
        part = write(f"t{low}.jsonl", DATED[low : low + 3])
        index = provscan.build_index(part, tmp_path / "a.index", append=low > 0)
    assert len(index.reader.segments) > 2
    assert absent_texts(index) == EXPECTED


def test_a_cutoff_must_divide_the_texts(write, tmp_path):
    index = provscan.build_index(write("t.jsonl", DATED[:2]), tmp_path / "a.index")
    with pytest.raises(ParameterError, match="no licensed text is known to be younger"):
        with_cutoff(no_control(index.reader), datetime(2021, 1, 1, tzinfo=UTC))
    with pytest.raises(ParameterError, match="every licensed text is younger"):
        with_cutoff(no_control(index.reader), datetime(2019, 1, 1, tzinfo=UTC))


def test_dates_are_parsed_as_utc():
    assert parse_utc("2020-06-01") == parse_utc(date(2020, 6, 1)) == CUTOFF
    assert parse_utc("2020-06-01T02:00:00+02:00") == CUTOFF
    with pytest.raises(ParameterError, match=r"such as 2021-03-01.*not 'yesterday'"):
        parse_utc("yesterday")


@pytest.fixture
def control(write):
    """Thirty tweets that are like the index's tweets but not in it, and one that is."""
    rows = [
        {"id": f"c{n}", "text": tweet["text"][::-1]}
        for n, tweet in enumerate(TWEETS[:30])
    ]
    return write("control.jsonl", [*rows, {"id": "c99", "text": TWEETS[40]["text"]}])


def test_matches_of_a_control_are_marked_and_not_counted(
    index, write, control, tmp_path
):
    texts = [
        *(TWEETS[n]["text"] for n in range(40, 60)),
        *(TWEETS[n]["text"][::-1] for n in range(5)),
    ]
    data = write("data.jsonl", [{"text": text} for text in texts])
    plain = provscan.match(data, index, tmp_path / "plain.run")
    run = provscan.match(data, index, tmp_path / "a.run", control=control)
    rows = run.matches.to_pylist()
    assert {row["record"] for row in rows if row["control"]} == {20, 21, 22, 23, 24}
    assert {row["tweet_id"] for row in rows if row["control"]} == {
        f"c{n}" for n in range(5)
    }
    assert not any(row["control"] for row in plain.matches.to_pylist())
    for name in (
        "matches",
        "records_matched",
        "texts_found",
        "tweets_found",
        "characters_matched",
        "levels",
    ):
        assert run.summary[name] == plain.summary[name], name
    info = run.summary["control"]
    assert (info["texts"], info["also_licensed"], info["matches"]) == (30, 1, 5)
    assert info["files"]["tweets"] == 31
    # A text that is also in the control is commonplace.
    assert {row["record"] for row in rows if row["common"] and not row["control"]} == {
        0
    }
    # The control has too few texts to measure chance for findings.
    assert all(
        (row["q_value"] is None) == (row["control"] or row["counted"]) for row in rows
    )
    assert {row["counted"] for row in rows} == {True, False}
    assert run.summary["answer"]["records"]["at_least"] is not None
    assert {path.name for path in run.path.iterdir()} == {
        path.name for path in plain.path.iterdir()
    }


def test_tweets_of_a_control_count_once(write, tmp_path):
    """Repeated tweets count once, licensed or not; tweets without text are left out and
    counted as skipped.
    """
    index = provscan.build_index(TWEETS[:30], tmp_path / "two.index")
    provscan.build_index(
        [{**TWEETS[0], "id": "again"}], tmp_path / "two.index", append=True
    )
    new, old = ({"id": f"c{n}", "text": TWEETS[n]["text"]} for n in (40, 0))
    edited = {**old, "id": new["id"]}
    rows = [
        new,
        new,
        old,
        old,
        edited,
        {"id": "c41", "text": "\U0001f600 !"},
        {"id": "c42"},
    ]
    data = write("data.jsonl", TWEETS[:30])
    run = provscan.match(
        data,
        index.path,
        tmp_path / "a.run",
        control=write("control.jsonl", rows),
        spike_ins=0,
    )
    files = run.summary["control"]["files"]
    assert {
        name: files[name] for name in ("tweets", "texts", "also_licensed", "skipped")
    } == {"tweets": 2, "texts": 1, "also_licensed": 2, "skipped": {"no_text": 2}}


@pytest.mark.parametrize(
    ("control", "licensed", "at_least"),
    [(600, 0, 8), (300, 6, 11), (60, 0, 50), (0, 9, 0)],
)
def test_a_control_is_inspected_before_a_scan(
    latin, other, write, tmp_path, control, licensed, at_least
):
    """The number of records with different texts that a run claims is the smallest that
    the control allows.
    """
    texts = latin.reader.raw_texts(np.arange(150)).array().to_pylist()
    rows = other[:control] + [
        {"id": f"x{n}", "text": texts[n]} for n in range(licensed)
    ]
    path = write("c.jsonl", rows)
    result = CliRunner().invoke(
        main, ["inspect", str(path), "-i", str(latin.path), "--json"]
    )
    if not control:
        assert result.exit_code == 3
        return
    found = json.loads(result.stdout)
    least = found["least_records"]
    assert least >= at_least
    assert (found["texts"], found["files"]["also_licensed"]) == (control, licensed)
    for count, status in ((least - 1, "cannot_judge"), (least, "copies_found")):
        run = provscan.match(
            [{"text": text} for text in texts[20 : 20 + count]],
            latin,
            tmp_path / f"{count}.run",
            control=path,
            spike_ins=0,
        )
        assert run.summary["answer"]["status"] == status
        warned = [each["code"] for each in run.summary["answer"]["warnings"]]
        assert {each["code"] for each in found["warnings"]} <= {*warned}
    printed = CliRunner().invoke(main, ["inspect", str(path), "-i", str(latin.path)])
    assert f"{least} records with different texts" in printed.stdout


def test_without_a_measure_of_chance_there_is_no_lower_bound(index, write, tmp_path):
    run = provscan.match(write("data.jsonl", TWEETS[:30]), index, tmp_path / "a.run")
    answer = run.summary["answer"]
    assert answer["status"] == "not_measured"
    for name in ("records", "texts", "tweets", "characters"):
        assert (answer[name]["at_least"], answer[name]["estimate"]) == (None, None)
        assert answer[name]["findings"] > 0
    for name in ("records", "texts"):
        assert answer[name]["at_most"] >= answer[name]["nearly_verbatim"] > 0
    assert answer["withheld"]["records.at_least"] == terms("withheld")["no_chance"]
    assert answer["warnings"][0]["code"] == "no_chance"
    assert run.matches["q_value"].null_count == len(run.matches)
    assert run.summary["findings"] > 0


def test_a_null_dataset_measures_chance(index, write, tmp_path):
    # Clean data measures chance only if it has the scripts and the lengths of the
    # dataset.
    texts = [
        sentence(random.Random(1000 + n), SCRIPTS[n % len(SCRIPTS)], 12)
        for n in range(800)
    ]
    data = write(
        "data.jsonl", [*TWEETS[:40], *({"text": text} for text in texts[:400])]
    )
    null = write("null.jsonl", [{"text": text} for text in texts[400:]])
    answer = provscan.match(data, index, tmp_path / "a.run", clean_data=null).summary[
        "answer"
    ]
    assert 20 < answer["records"]["at_least"] <= answer["records"]["findings"] == 40
    # If the clean data is a copy of the dataset, all matches are due to chance.
    copy = tmp_path / "copy.jsonl"
    copy.write_bytes(data.read_bytes())
    nothing = provscan.match(data, index, tmp_path / "b.run", clean_data=copy).summary
    assert (
        nothing["answer"]["records"]["at_least"]
        == 0
        == nothing["answer"]["texts"]["at_least"]
    )
    assert nothing["answer"]["status"] == "no_copies_shown"
    assert nothing["control"]["kind"]["same"]
    assert nothing["control"]["null"]["matches"] == nothing["matches"]
    assert set(
        provscan.match(data, index, tmp_path / "c.run", clean_data=copy)
        .matches["q_value"]
        .to_pylist()
    ) == {1.0}


def test_beside_a_control_a_null_dataset_of_another_kind_is_evidence_of_chance(
    index, write, tmp_path
):
    texts = [sentence(random.Random(n), "latin", 90) for n in range(400)]
    control = [{"id": f"c{n}", "text": text} for n, text in enumerate(texts[:300])]
    long = [f"{' '.join(texts[300:320])} {tweet['text']}" for tweet in TWEETS[:20]]
    data, name = write("data.jsonl", TWEETS[:40]), write("control.jsonl", control)
    null = write("null.jsonl", [{"text": text} for text in long])
    alone, both = (
        provscan.match(
            data, index, tmp_path / f"{n}.run", control=name, clean_data=given
        )
        for n, given in enumerate((None, null))
    )
    assert not both.summary["control"]["kind"]["same"]
    least = [run.summary["answer"]["records"]["at_least"] for run in (alone, both)]
    assert least[0] > 0
    assert least[1] < least[0]


def test_unusable_controls_are_refused(index, write, tmp_path):
    with pytest.raises(InputError, match="are licensed as well, so nothing"):
        provscan.match(
            TWEETS[:3], index, tmp_path / "a.run", control=write("c.jsonl", TWEETS[:9])
        )
    links = [{"id": f"9{n}", "text": f"https://t.co/{n}"} for n in range(9)]
    with pytest.raises(InputError, match="has letters or digits"):
        provscan.match(
            TWEETS[:3], index, tmp_path / "a.run", control=write("d.jsonl", links)
        )
    with pytest.raises(ParameterError, match="control must be paths"):
        provscan.match(TWEETS[:3], index, tmp_path / "a.run", control=[{"text": "a"}])  # type: ignore[list-item]
    assert not (tmp_path / "a.run").exists()
    assert json.loads((tmp_path / "c.jsonl").read_text().splitlines()[0]) == TWEETS[0]


@pytest.mark.pages
def test_the_proposed_cutoff_counts_only_texts_that_become_controls(write, tmp_path):
    words = [
        "harbour",
        "ferry",
        "kettle",
        "landslip",
        "umbrella",
        "junction",
        "bathtub",
        "closing",
    ]
    tweets = [
        {
            "text": f"{word} in the old year, by the water and behind the hills",
            "created_at": OLD,
        }
        for word in words
    ]
    tweets += [
        {
            "text": f"{word} in the new year, by the hills and under the bridge",
            "created_at": "2021-03-01T00:00:00Z",
        }
        for word in words
    ]
    tweets += [
        {"text": f"RT @a: {tweets[-1]['text']}", "created_at": "2021-03-02T00:00:00Z"}
    ]
    index = provscan.build_index(write("t.jsonl", tweets), tmp_path / "a.index")
    others = (
        {"text": f"seen in 2020, for the {n}th time, and in 2048"} for n in range(9)
    )
    data = [{"text": tweets[0]["text"]}, *others]
    run = provscan.match(data, index, tmp_path / "a.run")
    said = (
        "--cutoff 2021-01-01 (the dataset names years up to 2020) gives about 8 "
        "control texts."
    )
    assert run.summary["answer"]["next"] == said
    cut = provscan.match(data, index, tmp_path / "b.run", cutoff="2021-01-01")
    texts = cut.summary["control"]["texts"]
    assert 0 < texts < 8
    given = (
        f"against 17 licensed tweets with 16 different texts. {texts} of these texts "
        "were posted at the cutoff or later"
    )
    assert given in searched(cut.summary)
    assert given in (cut.path / "report.html").read_text(encoding="utf-8")
