import builtins

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from provscan.errors import ParameterError, ProvscanError
from provscan.estimate import q_from_e_values, q_values, score_matches
from provscan.estimate.fdr import folds


def table(rng, n, true, first=0, bits=True):
    """Matches of which true ones are alike, long and rare; chance ones the contrary, with some overlap."""
    length = rng.integers(60, 140, n) if true else rng.integers(25, 70, n)
    columns = {
        "start": np.zeros(n, np.int64),
        "end": length.astype(np.int64),
        "tweet_id": [str(first + i) for i in range(n)],
        "similarity": rng.beta(8, 2, n) if true else rng.beta(4, 4, n),
        "containment": rng.beta(9, 1, n) if true else rng.beta(5, 4, n),
    }
    if bits:
        columns["bits"] = length * (2.0 if true else 1.0) + rng.normal(0, 10, n)
    return pa.table(columns)


scores = st.lists(st.integers(-5, 5), min_size=1, max_size=40)


@given(scores, st.lists(st.integers(-5, 5), max_size=40), st.floats(0.1, 10))
def test_q_values_are_the_naive_ones_and_monotone(target, decoy, ratio):
    q = q_values(target, decoy, ratio)
    for score, value in zip(target, q, strict=True):
        rates = [
            ratio * (sum(d >= t for d in decoy) + 1) / sum(s >= t for s in target) for t in set(target) if t <= score
        ]
        assert value == pytest.approx(min(1.0, *rates))
    order = np.argsort(target)
    assert (np.diff(q[order]) <= 1e-12).all()


def test_without_control_matches_the_list_must_be_long():
    assert q_values(np.arange(99), [], 1.0).min() > 0.01
    assert q_values(np.arange(100), [], 1.0).min() == pytest.approx(0.01)
    assert q_values(np.arange(50), [], 0.5).min() == pytest.approx(0.01)


def test_realised_share_of_false_matches_is_bounded():
    rng = np.random.default_rng(1)
    shares = []
    for _ in range(200):
        true, false = rng.normal(4, 1, 400), rng.normal(0, 1, rng.poisson(200))
        q = q_values(np.concatenate([true, false]), rng.normal(0, 1, rng.poisson(100)), 2.0)
        kept = q <= 0.05
        shares.append(kept[400:].sum() / max(1, kept.sum()))
    assert 0.02 < np.mean(shares) < 0.05 + 4 * np.std(shares) / 200**0.5


def test_learned_scores_part_the_two_kinds_better_than_similarity():
    rng = np.random.default_rng(2)
    matches = pa.concat_tables([table(rng, 300, True), table(rng, 60, False, 1000)])
    learned = score_matches(matches, table(rng, 60, False, 2000), table(rng, 200, True, 3000))
    assert learned.method == "logistic"
    assert learned.reason is None
    truth = np.arange(360) < 300
    apart = (learned.matches[truth][:, None] > learned.matches[~truth][None]).mean()
    similarity = matches["similarity"].to_numpy()
    assert apart > (similarity[truth][:, None] > similarity[~truth][None]).mean()
    assert apart > 0.97
    assert learned.spikes.mean() > learned.control.mean()


def test_no_match_is_scored_by_a_model_that_saw_its_text():
    rng = np.random.default_rng(3)
    matches, control, spikes = table(rng, 20, True), table(rng, 50, False, 100), table(rng, 100, True, 200)
    before = score_matches(matches, control, spikes)
    # Changing the features of a fold's own examples must leave the scores of the fold's matches as they were.
    fold = folds(spikes["tweet_id"]) == 0
    changed = np.where(fold, 0.1, spikes["similarity"].to_numpy())
    # The standardisation is shared: keep its median and spread out of the comparison by features that do not move.
    after = score_matches(matches, control, spikes.set_column(3, "similarity", pa.array(changed)), use=["bits"])
    plain = score_matches(matches, control, spikes, use=["bits"])
    assert after.matches == pytest.approx(plain.matches)
    assert len(before.matches) == 20
    same = pa.chunked_array([["7", "7", "8"]])
    assert folds(same)[0] == folds(same)[1]


def test_few_examples_fall_back_on_the_evidence():
    rng = np.random.default_rng(4)
    matches, spikes = table(rng, 5, True), table(rng, 50, True)
    scored = score_matches(matches, table(rng, 3, False), spikes)
    assert scored.method == "evidence"
    assert "50 spike-ins and 3 control matches" in scored.reason
    assert scored.matches == pytest.approx(matches["bits"].to_numpy() * matches["containment"].to_numpy())
    bare = score_matches(table(rng, 5, True, bits=False), table(rng, 0, False, bits=False), spikes)
    assert bare.matches.max() <= 1


def test_unknown_bits_are_borne():
    rng = np.random.default_rng(5)
    matches = table(rng, 30, True).drop_columns("bits").append_column("bits", pa.array([None] * 30, pa.float64()))
    scored = score_matches(matches, table(rng, 40, False, 100), table(rng, 40, True, 200))
    assert np.isfinite(scored.matches).all()


def test_e_values_become_error_rates():
    q = q_from_e_values([1e-9, 0.5, np.nan, 0.1, 100.0])
    assert q == pytest.approx([1e-9, 0.5 / 3, 1.0, 0.05, 1.0])


def test_without_scikit_learn_the_error_names_the_command(monkeypatch):
    plain = builtins.__import__

    def refuse(name, *args, **kwargs):
        if name.startswith("sklearn"):
            raise ImportError(name)
        return plain(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", refuse)
    rng = np.random.default_rng(6)
    with pytest.raises(ProvscanError, match="pip install 'scikit-learn"):
        score_matches(table(rng, 20, True), table(rng, 20, False), table(rng, 20, True))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: q_values([1.0], [], 0), "size_ratio"),
        (lambda: q_values([np.nan], [], 1), "nan"),
        (lambda: score_matches(*[pa.table({"start": [1]})] * 3), "needs the columns"),
        (lambda: score_matches(*[pa.table({"start": [1]})] * 3, use=["colour"]), "colour"),
    ],
)
def test_errors_say_what_was_found(call, message):
    with pytest.raises(ParameterError, match=message):
        call()
