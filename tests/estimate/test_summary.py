import json

import numpy as np
import pyarrow as pa
import pytest

from provscan.errors import ParameterError
from provscan.estimate import Sample, Scan, summarise

KINDS = {"exact": (0.99, "exact", 1.0), "one_word": (0.95, "strong", 0.85), "two_words": (0.8, "weak", 0.65)}
COLUMNS = {
    "source": pa.string(),
    "record": pa.int64(),
    "start": pa.int64(),
    "end": pa.int64(),
    "tweet_id": pa.string(),
    "tweets": pa.int32(),
    "level": pa.string(),
    "similarity": pa.float32(),
    "containment": pa.float32(),
    "author": pa.string(),
    "e_value": pa.float64(),
}
SCAN = Scan({"a": 6000, "b": 4000}, {"a": 600_000, "b": 400_000}, 20_000, 30_000, control_texts=5000)


def rows(data):
    return pa.table({name: pa.array([row.get(name) for row in data], kind) for name, kind in COLUMNS.items()})


def contained(similarity):
    """Of a copy that lost as much as it has of its own."""
    return 2 * similarity / (1 + similarity)


def row(record, tweet, kind="exact", **more):
    _, level, similarity = KINDS[kind]
    plain = {
        "source": "a" if record < 6000 else "b",
        "record": record,
        "start": 10,
        "end": 60,
        "tweet_id": tweet,
        "tweets": 1,
        "level": level,
        "similarity": similarity,
        "containment": contained(similarity),
        "author": "x" if record % 2 else "y",
        "e_value": 1e-9,
    }
    return plain | more


def spike_table(rng, each=150):
    data = []
    for kind, (recall, level, similarity) in KINDS.items():
        for found in rng.random(each) < recall:
            data.append({"kind": kind, "found": bool(found), "level": level, "similarity": similarity,
                         "containment": contained(similarity), "planted_chars": 50,
                         "found_chars": 50 if found else 0, "e_value": 1e-9 if found else None})  # fmt: skip
    return pa.Table.from_pylist(data)


def simulated(rng, weights, truth=800):
    """A scan of 10,000 records of which `truth` hold 50 licensed characters, chance 4 per 10,000 and control text."""
    records = rng.permutation(10_000)
    kinds = rng.choice(list(KINDS), truth, p=weights)
    data = [
        row(int(r), f"t{i}", k)
        for i, (r, k) in enumerate(zip(records, kinds, strict=False))
        if rng.random() < KINDS[k][0]
    ]
    data += [row(int(r), f"f{r}", "two_words") for r in records[truth : truth + rng.poisson(16)]]
    control = [row(int(r), f"c{r}", "two_words") for r in records[: rng.poisson(4)]]
    return rows(data), rows(control)


@pytest.mark.parametrize("weights", [[1, 0, 0], [0.2, 0.3, 0.5]])
def test_the_truth_is_covered(weights):
    rng = np.random.default_rng(1)
    runs, hits = (
        40,
        dict.fromkeys(("records", "records_share", "texts", "tweets", "characters_share", "licensed_share"), 0),
    )
    truth = {"records": 800, "records_share": 0.08, "texts": 800, "tweets": 800, "characters_share": 0.04,
             "licensed_share": 0.04}  # fmt: skip
    errors = []
    for _ in range(runs):
        matches, control = simulated(rng, weights)
        answer = summarise(matches, SCAN, control=control, spikes=spike_table(rng), by=())
        for name in hits:
            hits[name] += answer[name]["low"] <= truth[name] * (1 + 1e-9) and answer[name]["high"] >= truth[name] * (
                1 - 1e-9
            )
        errors.append(answer["records"]["value"] / 800 - 1)
    assert min(hits.values()) >= 33, hits
    assert np.median(np.abs(errors)) < 0.03


def test_everything_is_there_and_json_can_hold_it():
    rng = np.random.default_rng(2)
    matches, control = simulated(rng, [0.4, 0.3, 0.3])
    answer = json.loads(json.dumps(summarise(matches, SCAN, control=control, spikes=spike_table(rng))))
    assert answer["problems"] == []
    assert answer["chance"] == "control"
    assert set(answer["recall"]) == {"all", *KINDS}
    assert set(answer["by"]) == {"source", "author"}
    parts = answer["by"]["source"]
    assert sum(part["records"]["value"] for part in parts.values()) == pytest.approx(
        answer["records"]["value"], rel=0.01
    )
    assert answer["records"]["raw"]["found"] == len(set(matches["record"].to_pylist()))


def test_copies_count_once_as_texts_and_overlaps_once_as_characters():
    data = [row(1, "t", tweets=7), row(2, "t", tweets=7), row(2, "u", start=40, end=80), row(3, "v", start=0, end=10)]
    rng = np.random.default_rng(3)
    answer = summarise(rows(data), SCAN, control=rows([]), spikes=spike_table(rng), by=())
    assert answer["records"]["raw"]["found"] == 3
    assert answer["texts"]["raw"]["found"] == 3
    assert answer["tweets"]["raw"]["amount"] == 9
    assert answer["characters_share"]["raw"]["amount"] == 50 + 70 + 10


def test_without_matches_the_answer_is_an_upper_bound():
    answer = summarise(rows([]), SCAN, control=rows([]), spikes=spike_table(np.random.default_rng(4)))
    for name in ("records", "texts", "characters_share"):
        assert answer[name]["low"] == 0
        assert answer[name]["value"] == 0
        assert answer[name]["valid"]


def test_without_control_or_spikes_numbers_are_withheld():
    rng = np.random.default_rng(5)
    matches, control = simulated(rng, [1, 0, 0])
    bare = summarise(matches, SCAN, spikes=spike_table(rng))
    assert bare["chance"] == "none"
    assert bare["records"]["value"] is None
    assert "no control" in bare["records"]["reason"]
    blind = summarise(matches, SCAN, control=control)
    assert "recall was not measured" in blind["problems"][0]
    assert blind["characters_share"]["value"] is None
    assert blind["texts"]["raw"]["found"] > 700


def test_background_model_is_a_weaker_control():
    rng = np.random.default_rng(6)
    data = [row(i, f"t{i}", e_value=1e-9 if i < 50 else 10.0) for i in range(80)]
    answer = summarise(rows(data), SCAN, spikes=spike_table(rng), e_max=0.01)
    assert answer["chance"] == "background"
    assert "background model alone" in answer["problems"][0]
    assert answer["records"]["raw"]["found"] == 50
    assert answer["records"]["low"] >= 45


def test_lower_ends_allow_for_what_was_not_measured():
    spikes = spike_table(np.random.default_rng(6))
    data = rows([row(i, f"t{i}", e_value=1e-9) for i in range(50)])
    sure, unsure, nothing = (
        summarise(data, SCAN, spikes=spikes, e_max=0.01, unmeasured=unmeasured) for unmeasured in (0.0, 20.0, 100.0)
    )
    for name in ("records", "texts", "tweets", "characters_share"):
        assert sure[name]["low"] > unsure[name]["low"] > nothing[name]["low"] == 0.0
        assert unsure[name]["low"] == pytest.approx(sure[name]["low"] * 0.45, rel=0.25)
        for other in (unsure, nothing):
            assert (other[name]["value"], other[name]["high"]) == (sure[name]["value"], sure[name]["high"])


def test_poor_recall_is_said_first():
    rng = np.random.default_rng(7)
    spikes = spike_table(rng)
    found = pa.array([f and i % 2 == 0 for i, f in enumerate(spikes["found"].to_pylist())])
    answer = summarise(rows([row(1, "t")]), SCAN, control=rows([]), spikes=spikes.set_column(1, "found", found))
    assert answer["problems"][0].startswith("poor recall")


def test_a_sample_gives_lower_bounds_for_texts():
    rng = np.random.default_rng(8)
    matches, control = simulated(rng, [1, 0, 0])
    scan = Scan(SCAN.records, SCAN.characters, 20_000, 30_000, 5000, sample=Sample(0.1))
    answer = summarise(matches, scan, control=control, spikes=spike_table(rng), by=())
    assert answer["texts"]["kind"] == "lower_bound"
    assert answer["tweets"]["value"] is None
    assert answer["records"]["low"] < 8000 < answer["records"]["high"]
    assert answer["records_share"]["value"] == pytest.approx(0.08, rel=0.1)


def test_an_index_of_a_fraction_scales_up():
    rng = np.random.default_rng(9)
    matches, control = simulated(rng, [1, 0, 0])
    scan = Scan(SCAN.records, SCAN.characters, 20_000, 30_000, 5000, index_fraction=0.5)
    spikes = spike_table(rng)
    half = summarise(matches, scan, control=control, spikes=spikes, by=())
    full = summarise(matches, SCAN, control=control, spikes=spikes, by=())
    for name in ("records", "texts", "tweets", "characters_share"):
        assert half[name]["value"] == pytest.approx(2 * full[name]["value"], rel=0.02)
    assert half["licensed_share"]["value"] == pytest.approx(full["licensed_share"]["value"], rel=0.02)


def test_errors_say_what_was_found():
    with pytest.raises(ParameterError, match="matches needs the columns"):
        summarise(pa.table({"source": ["a"]}), SCAN)
    with pytest.raises(ParameterError, match="spikes needs the columns"):
        summarise(rows([]), SCAN, spikes=pa.table({"kind": ["a"]}))
    with pytest.raises(ParameterError, match="no size: \\['z'\\]"):
        summarise(rows([row(1, "t", source="z")]), SCAN)
