"""Test which numbers a run withholds and why, depending on the measured recall and
chance.
"""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from provscan.estimate.examination import Examination
from provscan.estimate.layers import Layers
from provscan.estimate.limits import Factor, exactly
from provscan.estimate.recall import Recall
from provscan.runs.answer import reasons as withheld
from provscan.runs.answer.entry import next_step
from provscan.runs.answer.warnings import notes, warnings
from provscan.runs.measures.recall import CopyRecall, hidden_heavy


def recall(value=0.9, **others):
    return Recall(value, value - 0.05, value + 0.05, {}, {}, **others)


GOOD = recall()


def measured(**others):
    """Return a stand-in for ``Measured``, with the parts that reasons, warnings and
    notes use.
    """
    usual = {
        "records": 1000,
        "recalls": (GOOD, GOOD),
        "chance_measures": [SimpleNamespace(name="control")],
        "without_control": ([], 0),
        "claimable_records": 90,
        "finding_records": 90,
        "sampled": False,
        "in_pieces": 0.1,
        "control_found": 0.0,
        "planted": range(300),
        "too_small": False,
        "kind": None,
        "copies": np.ones(90),
        "claimed": True,
        "alike_recall": Factor(0.9, 0.8, 1.0),
        "estimate": Factor(100.0, 50.0, 200.0),
        "detectable_share": 0.9,
        "index_fraction": 1.0,
        "samples": (),
        "carriers": (),
    }
    every = SimpleNamespace(**(usual | others))
    return SimpleNamespace(
        finding_records=every.finding_records,
        found_in_control=(0, 0),
        found_in_other_sources=(0, 0),
        found_after_cutoff=0,
        claimable_records=every.claimable_records,
        without_control=every.without_control[0],
        left_out=every.finding_records - every.claimable_records,
        index_fraction=every.index_fraction,
        samples=every.samples,
        known=None,
        null=every.kind and SimpleNamespace(kind=every.kind),
        controls=SimpleNamespace(texts=0, licensed_texts=1000),
        scanned=SimpleNamespace(
            records=every.records,
            sampled=every.sampled,
            all_records=exactly(1000.0),
            drawn=None,
            carriers=[SimpleNamespace(text=text) for text in every.carriers],
        ),
        counts=SimpleNamespace(
            findings=SimpleNamespace(copies=every.copies.astype(np.int64)),
            by_text=SimpleNamespace(found=np.ones(1, np.bool_)),
        ),
        eligible=SimpleNamespace(control=np.ones(1, np.bool_)),
        chance=SimpleNamespace(
            measures=every.chance_measures,
            control_found=every.control_found,
            in_dataset=0,
            too_small=every.too_small,
            claimed=every.claimed,
            placebo=None,
        ),
        recall=SimpleNamespace(
            of_records=CopyRecall(*every.recalls),
            of_texts=CopyRecall(*every.recalls),
            in_pieces=every.in_pieces,
            alike_recall=every.alike_recall,
            detectable_share=every.detectable_share,
            planted=every.planted,
            edits_hardly_found=[],
        ),
        estimate=every.estimate,
        examination=Examination(),
    )


def reasons(found):
    numbers = {
        name: Layers(90.0, 40.0, found.estimate)
        for name in ("records", "texts", "tweets", "characters")
    }
    return withheld.reasons(found, numbers)


def messages_of(found):
    return [item["message"] for item in warnings(found)]


def codes_of(found):
    return [item["code"] for item in warnings(found)]


def test_nothing_is_withheld_if_everything_was_measured():
    assert reasons(measured()) == {}


def test_a_few_test_copies_allow_no_estimate():
    assert reasons(measured(planted=range(100))) == {}
    found = reasons(measured(planted=range(99)))
    assert {name.split(".")[1] for name in found} == {"estimate"}


def test_a_control_in_the_dataset_measures_nothing():
    found = reasons(measured(control_found=0.51, chance_measures=[]))
    assert {name.split(".")[1] for name in found} == {"at_least", "estimate"}
    assert set(found.values()) == {
        "Most of the control's texts are in the dataset, so the control can't "
        "measure chance."
    }


@pytest.mark.parametrize(
    ("recalls", "said"),
    [
        # At most 0.28 of the copies may be hidden; a quarter of the worst case is
        # added.
        ((recall(hidden=0.28), GOOD), None),
        (
            (recall(hidden=0.29), GOOD),
            "too many copies were changed beyond recognition",
        ),
        ((recall(hidden=0.08, at_worst=0.79), GOOD), None),
        (
            (recall(hidden=0.08, at_worst=0.81), GOOD),
            "too many copies were changed beyond recognition",
        ),
        ((recall(unlike=0.15), GOOD), None),
        ((recall(unlike=0.16), GOOD), "edited in other ways than the test copies"),
        ((recall(0.34), GOOD), None),
        ((recall(0.33), GOOD), "Only 33%"),
        # For all matches, with severe edits included, the limit is higher.
        ((GOOD, recall(hidden=0.25, at_worst=0.79)), None),
        (
            (GOOD, recall(hidden=0.25, at_worst=0.81)),
            "too many copies were changed beyond recognition",
        ),
        # The reason that copies are hidden precedes the reason that they are unlike the
        # test copies.
        (
            (recall(0.3, hidden=0.3, unlike=0.2), GOOD),
            "too many copies were changed beyond recognition",
        ),
    ],
)
def test_recall_decides_whether_there_is_an_estimate(recalls, said):
    found = reasons(measured(recalls=recalls))
    if said is None:
        assert found == {}
    else:
        estimates = {
            f"{number}.estimate"
            for number in ("records", "texts", "tweets", "characters")
        }
        assert set(found) == estimates
        assert all(said in found[name] for name in estimates)


def test_texts_changed_throughout_may_be_missed_with_all_their_copies():
    half, more = (
        replace(GOOD, mixture={"many_typos": 0.3, "every_fifth_dropped": n})
        for n in (0.2, 0.21)
    )
    assert reasons(measured(recalls=(half, GOOD))) == {}
    found = reasons(measured(recalls=(more, GOOD)))
    assert set(found) == {"texts.estimate", "tweets.estimate"}
    assert all("as in retyping" in reason for reason in found.values())
    assert codes_of(measured(recalls=(more, GOOD))) == ["spread_edits"]
    assert codes_of(measured(recalls=(half, GOOD))) == []
    # Without an estimate of records, the warning about their interval is left out.
    assert codes_of(measured(recalls=(replace(more, unlike=0.2), GOOD))) == []


@pytest.mark.parametrize(("low", "withheld"), [(10.0, False), (9.9, True), (0.0, True)])
def test_an_interval_over_more_than_a_factor_of_ten_is_withheld(low, withheld):
    found = reasons(measured(estimate=Factor(50.0, low, 100.0)))
    assert bool(found) == withheld
    if withheld:
        assert found["records.estimate"] == (
            "The interval is too wide to be useful: its ends differ by more than a "
            "factor of 10."
        )


def test_an_estimate_from_a_few_texts_is_withheld():
    one = measured(copies=np.array([5000, *[1] * 30]))
    assert set(reasons(one)) == {"records.estimate", "characters.estimate"}
    assert reasons(one)["records.estimate"].startswith(
        "One licensed text is in 5,000 of the 5,030 places found"
    )
    assert messages_of(one)[0].startswith(
        "One licensed text is in 5,000 of the 5,030 places found."
    )
    six = measured(copies=np.array([1000] * 6))
    assert reasons(six)["records.estimate"].startswith(
        "Four licensed texts are in 4,000 of the 6,000 places"
    )
    assert reasons(measured(copies=np.array([10] * 10))) == {}


def test_a_limit_on_nearly_verbatim_copies_needs_such_test_copies():
    assert reasons(measured(alike_recall=None)).keys() == {
        "records.at_most",
        "texts.at_most",
    }


def test_without_a_claim_there_is_no_warning_about_changed_copies():
    hidden = recall(hidden=0.5, at_worst=0.3)
    assert codes_of(measured(recalls=(hidden, GOOD))) == ["unseen"]
    assert codes_of(measured(recalls=(hidden, GOOD), claimed=False)) == []
    without = measured(recalls=(hidden, GOOD), claimable_records=0, finding_records=0)
    assert reasons(without)["records.estimate"].startswith("There are no findings")


def test_a_null_dataset_of_another_kind_measures_nothing():
    kind = SimpleNamespace(same=False, differs=("lengths of records", "scripts"))
    found = measured(chance_measures=[], kind=kind)
    assert "lengths of records and scripts" in reasons(found)["records.at_least"]
    assert codes_of(found) == ["null_other_kind"]
    assert "--clean-data DATA of the dataset's kind" in next_step(found, [])[0]


def test_the_next_step_measures_what_is_missing():
    small = [{"code": "control_too_small", "message": ""}]
    assert next_step(measured(), small)[0].startswith("a larger --control can decide")
    years = np.array([2012] * 30 + [2015] * 10)
    samples = SimpleNamespace(licensed=SimpleNamespace(year=years))

    def step(carriers):
        return next_step(
            measured(chance_measures=[], samples=samples, carriers=carriers), []
        )[0]

    assert step(["no year"]).startswith("--control FILE or --clean-data DATA")
    # 2048 is not a plausible year, and the years of the corpus do not matter.
    carriers = [f"in 201{n} and by 2048" for n in range(4)] * 2
    assert step(carriers) == (
        "--cutoff 2014-01-01 (the dataset names years up to 2013) gives about 10 "
        "control texts."
    )
    assert step(["in 2019"] * 9).startswith("--control FILE or --clean-data DATA")


def test_warnings_that_a_run_needs():
    assert codes_of(measured(chance_measures=[])) == ["no_chance"]
    assert (
        codes_of(measured(chance_measures=[], finding_records=0, claimable_records=0))
        == []
    )
    assert codes_of(measured(planted=range(299))) == ["few_spike_ins"]
    assert codes_of(measured(detectable_share=0.79)) == ["not_detectable"]
    assert codes_of(measured(control_found=0.2)) == ["control_in_dataset"]
    assert "hardly_found" not in {item["code"] for item in notes(measured())}


def test_with_many_matches_in_pieces_there_is_no_estimate():
    assert reasons(measured(in_pieces=0.4)) == {}
    assert (
        "edited in other ways than the test copies"
        in reasons(measured(in_pieces=0.41))["records.estimate"]
    )


def test_hidden_heavy_edits_are_as_frequent_as_other_heavy_edits():
    found = {
        "three_words": 0.7,
        "many_typos": 0.5,
        "reordered": 0.9,
        "cut_to_half": 0.3,
        "typos": 0.1,
    }
    mixture = {"three_words": 0.1, "many_typos": 0.2, "cut_to_half": 0.4, "exact": 0.3}
    assert hidden_heavy(Recall(0.9, 0.8, 1.0, mixture, found)) == pytest.approx(
        0.1 / 1.1
    )
    assert (
        hidden_heavy(Recall(0.9, 0.8, 1.0, mixture, {**found, "cut_to_half": 0.34}))
        == 0.0
    )
    bare = Recall(0.9, 0.8, 1.0, mixture, found, hidden=0.18)
    assert reasons(measured(recalls=(bare, GOOD))) == {}
    assert (
        "too many copies"
        in reasons(measured(recalls=(replace(bare, hidden=0.2), GOOD)))[
            "records.estimate"
        ]
    )


def test_without_control_there_is_neither_lower_bound_nor_estimate():
    found = reasons(measured(chance_measures=[], recalls=(recall(hidden=0.9), GOOD)))
    assert {name.partition(".")[2] for name in found} == {"at_least", "estimate"}
    assert all("Chance was not measured" in reason for reason in found.values())


def test_without_spike_ins_there_is_neither_estimate_nor_upper_bound():
    found = reasons(measured(recalls=(None, None), alike_recall=None))
    assert {name.partition(".")[2] for name in found} == {"estimate", "at_most"}


def test_many_records_in_strata_without_control():
    assert (
        reasons(measured(without_control=(["Cyrillic"], 10), claimable_records=81))
        == {}
    )
    found = reasons(measured(without_control=(["Cyrillic"], 11), claimable_records=80))
    assert "Cyrillic" in found["records.estimate"]


def test_a_sample_gives_no_estimate_of_texts():
    assert set(reasons(measured(sampled=True))) == {
        f"{number}.{layer}"
        for number in ("texts", "tweets")
        for layer in ("estimate", "at_most")
    }
