"""Test the conclusions of a run: error rates, recall, the estimate, and cases without a
conclusion.
"""

import random
import re

import numpy as np
import pyarrow as pa
import pytest
from dataset import TWEETS, some_records
from tweets import sentence

import provscan
from provscan.calibration import spike_ins
from provscan.errors import ParameterError, RecallError
from provscan.matching import MATCHES
from provscan.report import figures, omissions
from provscan.report.files import RunFiles
from provscan.runs.answer.breakdowns import MOST_AUTHORS
from provscan.runs.evidence.tables import ADDED

NUMBERS = ("records", "texts", "tweets", "characters")


def planted(index, count, copies):
    rng = random.Random(6)
    texts = index.reader.raw_texts(np.arange(len(index))).array().to_pylist()
    records = [{"text": sentence(rng, "latin", 90)} for _ in range(count)]
    for record in records[:copies]:
        record["text"] = rng.choice(texts) + " so it is"
    rng.shuffle(records)
    return records


@pytest.mark.pages
def test_an_estimate_contains_the_number_of_planted_copies(
    latin, other, write, tmp_path
):
    data = planted(latin, 1500, 300)
    run = provscan.match(
        data, latin, tmp_path / "a.run", control=write("c.jsonl", other), spike_ins=1500
    )
    answer = run.summary["answer"]
    expected = pa.schema([*MATCHES, *ADDED])
    assert run.matches.select(expected.names).schema.equals(expected)
    for name in NUMBERS:
        layers = answer[name]
        estimate = layers["estimate"]
        assert (
            0
            < layers["at_least"]
            <= estimate["low"]
            <= estimate["value"]
            <= estimate["high"]
        )
    hardly = [
        item["name"].replace("_", " ")
        for item in run.summary["recall"]["hardly_found"]
        if item["class"] == "edit"
    ]
    (note,) = (each for each in answer["notes"] if each["code"] == "hardly_found")
    assert hardly
    assert all(edit in note["message"] for edit in hardly)
    for name in ("records", "texts"):
        layers = answer[name]
        assert layers["estimate"]["high"] <= layers["at_most_any"]
        assert (
            0
            < layers["nearly_verbatim"]
            <= layers["findings"]
            <= layers["findings"] + layers["common_or_known"]
        )
        assert layers["nearly_verbatim"] < layers["at_most"]
    assert answer["records"]["at_least"] <= 300
    assert (
        answer["records"]["estimate"]["low"]
        <= 300
        <= answer["records"]["estimate"]["high"]
    )
    assert answer["records"]["share"]["at_least"] == pytest.approx(
        answer["records"]["at_least"] / 1500
    )
    assert (
        answer["texts"]["estimate"]["low"]
        <= run.summary["texts_found"]
        <= answer["texts"]["estimate"]["high"]
    )
    assert answer["status"] == "copies_found"
    least = (
        f"COPIES FOUND: at least {answer['records']['at_least']:,.0f} of 1,500 records"
    )
    assert answer["headline"].startswith(least)
    assert [item["bits_from"] for item in answer["strengths"]] == [None, 75, 100, 150]
    assert set(run.summary["by"]) == {"source", "author", "year", "lang", "script"}
    assert set(run.summary["by"]["year"]) == {"2018", "2019", "2020"}
    assert len(run.summary["by"]["author"]) == MOST_AUTHORS
    assert run.summary["by"]["source"] == {
        "<memory>": {
            "records": answer["records"]["findings"],
            "texts": answer["texts"]["findings"],
        }
    }
    recall = run.summary["recall"]
    assert recall["planted"] == 1500
    assert set(recall["by"]) == {"edit", "length", "script", "position"}
    assert set(recall["range"]) == {"light", "common", "heavy"}
    assert recall["range"]["heavy"] < recall["range"]["light"] > 0.95
    rows = run.matches.to_pylist()
    assert all(
        row["bits"] > 100 and row["counted"]
        for row in rows
        if row["level"] == "exact" and not row["common"]
    )
    # There are as many controls as licensed texts, and none was found: the q-value of
    # 300 matches is 1 / 300.
    assert min(row["q_value"] for row in rows) < 0.01
    assert run.summary["answer"]["records"]["findings"] == pytest.approx(300, abs=20)
    assert run.summary["findings"] == sum(row["counted"] for row in rows)
    assert answer["headline"] in (run.path / "report.html").read_text(encoding="utf-8")


def test_the_estimate_of_characters_of_unchanged_copies(latin, other, write, tmp_path):
    """A part of a heavily edited copy may be outside the match, but no part of an
    unchanged copy.
    """
    texts = latin.reader.raw_texts(np.arange(len(latin))).array().to_pylist()
    rng = random.Random(7)
    data = [{"text": sentence(rng, "latin", 90)} for _ in range(900)] + [
        {"text": text} for text in texts
    ]
    run = provscan.match(
        data, latin, tmp_path / "a.run", control=write("c.jsonl", other)
    )
    found, truth = run.summary["answer"]["characters"], sum(map(len, texts))
    assert (
        found["at_least"]
        <= found["estimate"]["low"]
        <= truth
        <= found["estimate"]["high"]
    )
    assert found["estimate"]["value"] == pytest.approx(truth, rel=0.015)


def test_a_control_may_be_too_small_to_decide(latin, other, write, tmp_path):
    data = [
        {"text": text}
        for text in latin.reader.raw_texts(np.arange(20)).array().to_pylist()
    ]
    small = provscan.match(
        data,
        latin,
        tmp_path / "a.run",
        control=write("c.jsonl", other[:60]),
        spike_ins=300,
    )
    answer = small.summary["answer"]
    assert answer["status"] == "cannot_judge"
    assert [each["code"] for each in answer["reasons"]] == ["control_too_small"]
    assert answer["next"].startswith("a larger --control can decide")
    assert answer["records"]["at_least"] == 0
    large = provscan.match(
        data, latin, tmp_path / "b.run", control=write("l.jsonl", other), spike_ins=300
    )
    assert large.summary["answer"]["status"] == "copies_found"


def test_data_without_copies_has_an_upper_limit_and_no_claim(
    latin, other, write, tmp_path
):
    data, control = planted(latin, 1500, 0), write("c.jsonl", other)
    answer = provscan.match(data, latin, tmp_path / "a.run", control=control).summary[
        "answer"
    ]
    assert answer["headline"] == "NO COPIES SHOWN in 1,500 records."
    assert answer["details"][0] == "No record shares rare wording with licensed tweets."
    for name in ("records", "texts"):
        assert (answer[name]["findings"], answer[name]["at_least"]) == (0, 0)
        # Without any match, recall decides whether a copy may have been missed; then
        # the interval is withheld.
        assert answer[name]["estimate"] in (None, {"value": 0, "low": 0, "high": 0})
        assert 0 <= answer[name]["at_most"] < 3
    part = provscan.match(
        data, latin, tmp_path / "b.run", sample=0.5, control=control
    ).summary["answer"]
    assert (part["records"]["estimate"], part["records"]["at_least"]) == (None, 0)
    assert "factor of 10" in part["withheld"]["records.estimate"]
    assert answer["records"]["at_most"] < part["records"]["at_most"] < 12


def test_findings_that_the_control_explains_are_not_claimed(
    latin, other, write, tmp_path
):
    """Passages of as many control texts as licensed ones are in the dataset, so neither
    records nor texts are claimed.
    """
    texts = latin.reader.raw_texts(np.arange(30)).array().to_pylist()
    data = [{"text": text} for text in texts] + [
        {"text": row["text"][: len(row["text"]) * 3 // 5]} for row in other[:30]
    ]
    run = provscan.match(
        data, latin, tmp_path / "a.run", control=write("c.jsonl", other)
    )
    for name in NUMBERS:
        assert run.summary["answer"][name]["at_least"] == 0
        assert run.summary["answer"][name]["estimate"] is None
    assert run.summary["answer"]["status"] == "no_copies_shown"
    assert {row["q_value"] for row in run.matches.to_pylist()} == {None, 1.0}
    assert run.summary["control"]["chance_measures"][0]["clusters"] == pytest.approx(
        30, abs=3
    )


def test_chance_matches_of_earlier_years_alone_give_a_warning(
    latin, other, write, tmp_path
):
    dated = [
        {**row, "created_at": f"{2018 + 2 * (n >= 300)}-02-03"}
        for n, row in enumerate(other)
    ]
    data = planted(latin, 300, 0) + [{"text": row["text"]} for row in other[:60]]
    answer = provscan.match(
        data, latin, tmp_path / "a.run", control=write("c.jsonl", dated)
    ).summary["answer"]
    (said,) = (
        item["message"]
        for item in answer["warnings"]
        if item["code"] == "chance_drifts"
    )
    assert re.search(
        r"Before 2020, chance matches were at least (\S+) times .*interval of the "
        r"ratio is above \1;",
        said,
    )


def test_findings_are_counted_by_source_author_year_language_and_script(
    latin, other, write, tmp_path
):
    # Ten copies in the first file, none in the second, three of the same texts and
    # one more record with two texts in the third; and texts of the control.
    texts = latin.reader.raw_texts(np.arange(30)).array().to_pylist()
    others = [{"text": row["text"]} for row in other[:5]]
    write("data/a.jsonl", [{"text": text} for text in texts[:10]] + others)
    write("data/b.jsonl", others)
    write("data/c.jsonl", [{"text": t} for t in texts[:3]] + [{"text": texts[20:22]}])
    run = provscan.match(
        tmp_path / "data", latin, tmp_path / "a.run", control=write("c.jsonl", other)
    )
    records, found = {}, {}
    for row in run.matches.filter(run.matches["counted"]).to_pylist():
        values = {
            "source": row["source"],
            "author": row["author"],
            "year": str(row["time"].year),
            "lang": row["lang"],
            "script": "latin",
        }
        for item in values.items():
            records.setdefault(item, set()).add((row["source"], row["record"]))
            found.setdefault(item, set()).add(row["tweet_id"])
    assert run.summary["by"] == {
        breakdown: {
            value: {"records": len(each), "texts": len(found[name, value])}
            for (name, value), each in records.items()
            if name == breakdown
        }
        for breakdown in ("source", "author", "year", "lang", "script")
    }
    (of_a, of_c) = run.summary["by"]["source"].values()
    assert of_a == {"records": 10, "texts": 10}
    assert of_c["texts"] == 5


@pytest.mark.pages
def test_scripts_without_control_are_listed_and_left_out(index, other, write, tmp_path):
    data = [{"text": tweet["text"]} for tweet in TWEETS]
    run = provscan.match(
        data, index, tmp_path / "a.run", control=write("c.jsonl", other)
    )
    answer = run.summary["answer"]
    assert any(
        item["code"] == "strata_without_control" and "Cyrillic" in item["message"]
        for item in answer["warnings"]
    )
    assert answer["records"]["estimate"] is None
    assert "Cyrillic" in answer["withheld"]["records.estimate"]
    assert 0 < answer["records"]["at_least"] < answer["records"]["findings"]
    # It is unknown how many of their matches are due to chance, so they have no
    # q-value.
    rows = [row for row in run.matches.to_pylist() if row["counted"]]
    rates = {row["tweet_id"]: row["q_value"] for row in rows}
    for letters, known in (("[a-z]{3}", True), ("[а-я]{3}", False)):
        ids = {
            str(tweet["id"]) for tweet in TWEETS if re.search(letters, tweet["text"])
        }
        assert {rate is not None for tweet, rate in rates.items() if tweet in ids} == {
            known
        }
    page = " ".join((run.path / "report.html").read_text(encoding="utf-8").split())
    kinds = ", ".join(map(str.capitalize, run.summary["control"]["without_control"]))
    assert kinds in page


def test_one_frequent_text_does_not_determine_the_recall_of_others(
    latin, other, write, tmp_path
):
    rng = random.Random(12)
    texts = latin.reader.raw_texts(np.arange(len(latin))).array().to_pylist()
    copies = [{"text": texts[0]}] * 2000
    for text in rng.sample(texts[1:], 200):
        # With a typing error every few letters, only some of these copies are found.
        letters = [
            rng.choice("qxzj") if rng.random() < 0.13 else letter for letter in text
        ]
        copies.append({"text": "".join(letters)})
    rng.shuffle(copies)
    data = write(
        "d.jsonl", copies + [{"text": sentence(rng, "latin", 90)} for _ in range(500)]
    )
    answer = provscan.match(
        data, latin, tmp_path / "a.run", control=write("c.jsonl", other)
    ).summary["answer"]
    assert 60 < answer["texts"]["findings"] < 190
    assert (
        answer["texts"]["estimate"] is None
        or answer["texts"]["estimate"]["high"] >= 201
    )
    assert answer["texts"]["at_most_any"] >= 201


def test_a_null_dataset_measures_chance_only_in_its_scripts(latin, write, tmp_path):
    rng = random.Random(77)
    texts = latin.reader.raw_texts(np.arange(len(latin))).array().to_pylist()
    index = provscan.build_index(
        [
            {"text": text}
            for text in texts[:300]
            + [sentence(rng, "cyrillic", 90) for _ in range(300)]
        ],
        tmp_path / "x",
    )
    tweets = index.reader.raw_texts(np.arange(len(index))).array().to_pylist()
    data = write("d.jsonl", [{"text": text} for text in tweets[::6]])
    scripts = (
        ["latin"] * 300,
        ["latin", "cyrillic"] * 150,
        ["cyrillic"] * 3 + ["latin"] * 297,
    )
    answers, names = [], list[str]()
    for number, scripts_of in enumerate(scripts):
        null = write(
            f"null{number}.jsonl",
            [{"text": sentence(rng, script, 90)} for script in scripts_of],
        )
        run = provscan.match(
            data, index, tmp_path / f"{number}.run", clean_data=null, spike_ins=300
        )
        answers.append(run.summary["answer"])
        names.append(" ".join(run.summary["control"]["without_control"]))
    # Beside a control, clean data makes no more texts claimable.
    control = [{"id": f"c{n}", "text": sentence(rng, "latin", 90)} for n in range(300)]
    given = {"control": write("c.jsonl", control)}
    with_null = given | {"clean_data": str(tmp_path / "null1.jsonl")}
    least = [
        provscan.match(data, index, tmp_path / f"c{number}.run", **files).summary[
            "answer"
        ]["records"]["at_least"]
        for number, files in enumerate((given, with_null))
    ]
    assert 30 < least[1] <= least[0] <= 50
    latin_only, both, hardly = answers
    assert 30 < latin_only["records"]["at_least"] <= 50 < both["records"]["at_least"]
    assert latin_only["records"]["at_least"] == hardly["records"]["at_least"]
    assert names == ["cyrillic", "", "cyrillic"]
    assert "Cyrillic" in latin_only["withheld"]["records.estimate"]


@pytest.mark.pages
def test_a_sample_is_projected_to_the_whole_dataset(latin, other, write, tmp_path):
    # The dataset is in memory, since the sample depends on the name of a file.
    data = planted(latin, 3000, 600)
    run = provscan.match(
        data, latin, tmp_path / "a.run", sample=0.25, control=write("c.jsonl", other)
    )
    assert 600 < run.summary["records"] < 900
    drawn = run.summary["sample"]
    assert (drawn["by"], drawn["asked"], drawn["parts"]) == ("records", 0.25, None)
    assert drawn["share"] == run.summary["records"] / 3000
    answer = run.summary["answer"]
    estimate = answer["records"]["estimate"]
    assert answer["records"]["at_least"] <= estimate["low"] <= 600 <= estimate["high"]
    assert estimate["high"] - estimate["low"] > 60
    assert answer["texts"]["estimate"] is None
    assert "sample" in answer["withheld"]["texts.estimate"]
    assert 0 < answer["texts"]["at_least"] <= run.summary["texts_found"]
    assert answer["records"]["share"]["findings"] == pytest.approx(
        run.summary["records_matched"] / run.summary["records"]
    )
    assert "3,000 records" in answer["headline"]
    assert any(item["code"] == "sampled" for item in answer["notes"])
    assert any(item["code"] == "records_sampled" for item in answer["warnings"])
    assert answer["tweets"]["at_least"] > 0
    assert [item["read"] for item in run.summary["sources"]] == [3000]
    # Records keep their numbers, so the matches of a sample are distributed over the
    # whole dataset.
    counts = figures.strip(RunFiles.open(run.path).listed(), run.summary["sources"])
    assert sum(counts) == run.summary["findings"]
    assert max(counts) < sum(counts) / 10
    page = " ".join((run.path / "report.html").read_text(encoding="utf-8").split())
    assert "3,000 records, of which a sample was scanned, in 100 equal parts" in page
    assert "sample, other numbers are" in " ".join(run._repr_html_().split())
    assert "Nothing: every file" not in page
    assert "the other numbers are for the whole dataset." in page


@pytest.mark.pages
def test_an_index_of_a_fraction_is_projected_to_all_tweets(
    latin, other, write, tmp_path
):
    texts = latin.reader.raw_texts(np.arange(len(latin))).array().to_pylist()
    half = provscan.build_index(
        [{"text": text} for text in texts[:300]], tmp_path / "h.index", fraction=0.5
    )
    assert half.info()["fraction"] == 0.5
    data, control = write("d.jsonl", planted(latin, 1500, 300)), write("c.jsonl", other)
    answer = provscan.match(data, half, tmp_path / "a.run", control=control).summary[
        "answer"
    ]
    assert "fraction_indexed" in {item["code"] for item in answer["notes"]}
    assert (
        answer["records"]["estimate"]["low"]
        <= 300
        <= answer["records"]["estimate"]["high"]
    )
    assert answer["records"]["counts"]["counted"] < 200
    # The bound is for all tweets, so the difference to the findings is not chance.
    assert answer["records"]["at_least"] > answer["records"]["findings"]
    page = (tmp_path / "a.run" / "report.html").read_text(encoding="utf-8")
    for said in (answer["details"][0], page):
        assert not re.search(r"at most -|less -", said)
    with pytest.raises(ParameterError, match="fraction must be above 0"):
        provscan.build_index(TWEETS, tmp_path / "n.index", fraction=0.0)


def test_other_sources_never_raise_at_least_in_an_index_of_a_fraction(
    latin, other, write, tmp_path
):
    texts = latin.reader.raw_texts(np.arange(len(latin))).array().to_pylist()
    half = provscan.build_index(
        [{"text": text} for text in texts[:400]], tmp_path / "h.index", fraction=0.5
    )
    # Records of two tweets, one of which the other sources contain.
    data = [
        {"text": f"{a} {b}"} for a, b in zip(texts[:200], texts[200:400], strict=True)
    ]
    control = write("c.jsonl", other)
    elsewhere = write("e.jsonl", [{"text": text} for text in texts[:150]])
    bounds = [
        provscan.match(
            data, half, tmp_path / name, control=control, other_sources=sources
        ).summary["answer"]["records"]["at_least"]
        for name, sources in (("a.run", None), ("b.run", elsewhere))
    ]
    assert 0 < bounds[1] <= bounds[0]


def test_texts_that_are_too_short_are_not_controls_and_are_reported(
    latin, other, write, tmp_path
):
    texts = latin.reader.raw_texts(np.arange(len(latin))).array().to_pylist()
    short = [
        {"id": str(900 + number), "text": f"good day {number}"} for number in range(600)
    ]
    index = provscan.build_index(
        [{"text": text} for text in texts] + short[:300], tmp_path / "x.index"
    )
    data = write("d.jsonl", planted(latin, 600, 60))
    run = provscan.match(
        data,
        index,
        tmp_path / "a.run",
        control=write("c.jsonl", [*other[:30], *short[300:]]),
    )
    # 30 control texts are too few for 600 licensed ones.
    assert run.summary["answer"]["records"]["at_least"] == 0
    assert run.summary["control"]["too_short"] == {
        "licensed": pytest.approx(1 / 3),
        "control": pytest.approx(300 / 330),
    }
    assert run.summary["control"]["strata"] == [
        {"stratum": "latin", "licensed": 600, "control": 30, "measured": False}
    ]
    said = " ".join(omissions.left_out(run.summary))
    assert "33.3% of the licensed texts and 90.9% of the control's." in said
    (item,) = [
        item
        for item in run.summary["answer"]["warnings"]
        if item["code"] == "not_detectable"
    ]
    assert item["message"].startswith("33% of the licensed texts are too short")
    nothing = provscan.build_index(short[:300], tmp_path / "n.index")
    answer = provscan.match(
        data, nothing, tmp_path / "b.run", control=write("c.jsonl", other)
    ).summary["answer"]
    assert answer["records"]["findings"] == 0


def test_a_run_that_finds_no_spike_in_fails(latin, tmp_path, monkeypatch):
    for name in spike_ins.EDITS:
        monkeypatch.setitem(spike_ins.EDITS, name, lambda text, rng, words: "1 2 3")
    with pytest.raises(RecallError, match="none of 300 copies of licensed texts"):
        provscan.match(some_records(3, 50), latin, tmp_path / "a.run")
    assert not (tmp_path / "a.run").exists()
