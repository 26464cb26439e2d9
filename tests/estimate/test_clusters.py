"""Samples of whole files: intervals that hold the truth, wide where files differ and no wider where they don't."""

import numpy as np
import pyarrow as pa
import pytest

from provscan.errors import ParameterError
from provscan.estimate import (
    Clusters,
    Control,
    Sample,
    Scan,
    SpikeIns,
    corrected_count,
    corrected_prevalence,
    summarise,
)

RECALL = SpikeIns(990, 1000)


def parts(rng, count, *, apart, share=0.05, records=100):
    """Records of `count` files, their bytes, and how many of them are licensed."""
    size = np.ceil(records * rng.lognormal(0, 0.5, count))
    shares = rng.beta(4 * share, 4 * (1 - share), count) if apart else np.full(count, share)
    return size, size * 120 * rng.lognormal(0, 0.2, count), rng.binomial(size.astype(int), shares).astype(float)


def drawn_of(rng, size, weight, count):
    drawn = rng.permutation(len(size)) < count
    return drawn, Clusters(weight[drawn], size[drawn], weight[drawn], weight[~drawn])


def counted(clusters, hits, sample):
    trials = float(clusters.records.sum())
    return corrected_count(float(hits.sum()), trials, Control(0, trials), RECALL, sample=sample, draws=2000)


def width(estimate):
    return estimate.high - estimate.low


@pytest.mark.parametrize("apart", [False, True])
def test_the_truth_is_covered(apart):
    rng = np.random.default_rng(1)
    runs, covered, shares, naive = 120, 0, 0, 0
    for _ in range(runs):
        size, weight, held = parts(rng, 600, apart=apart)
        drawn, clusters = drawn_of(rng, size, weight, 60)
        hits = rng.binomial(held[drawn].astype(int), 0.99).astype(float)
        estimate = counted(clusters, hits, clusters.of_counts(hits))
        covered += estimate.low <= held.sum() <= estimate.high
        trials = float(clusters.records.sum())
        share = corrected_prevalence(
            hits.sum(), trials, Control(0, trials), RECALL, sample=clusters.of_shares(hits), seed=2
        )
        shares += share.low <= held.sum() / size.sum() <= share.high
        plain = counted(clusters, hits, Sample(clusters.fraction))
        naive += plain.low <= held.sum() <= plain.high
    slack = 4 * (0.95 * 0.05 / runs) ** 0.5
    assert covered / runs > 0.93 - slack
    assert shares / runs > 0.93 - slack
    if apart:
        assert naive / runs < 0.7


def test_files_that_differ_widen_the_interval_and_others_do_not():
    rng = np.random.default_rng(2)
    factors = []
    for apart in (False, True):
        size, _, held = parts(rng, 2000, apart=apart)
        drawn, clusters = drawn_of(rng, size, 100 * size, 200)
        estimate = counted(clusters, held[drawn], clusters.of_counts(held[drawn]))
        factors.append(width(estimate) / width(counted(clusters, held[drawn], Sample(clusters.fraction))))
    assert 0.8 < factors[0] < 1.3
    assert factors[1] > 2.5


def test_no_match_is_bounded_by_files_not_by_records():
    clusters = Clusters(np.full(100, 1e5), np.full(100, 1000.0), np.full(100, 1e5), np.full(900, 1e5))
    none = np.zeros(100)
    estimate = counted(clusters, none, clusters.of_counts(none))
    assert (estimate.value, estimate.low) == (0, 0)
    # The rule of three, with 100 files for trials: some 2.5 of 100 of a million records.
    assert 15_000 < estimate.high < 60_000
    assert counted(clusters, none, Sample(0.1)).high < 100


def test_one_file_says_next_to_nothing():
    clusters = Clusters(np.array([1e5]), np.array([1000.0]), np.array([1e5]), np.full(9, 1e5))
    for hits in (0.0, 500.0):
        seen = np.array([hits])
        estimate = counted(clusters, seen, clusters.of_counts(seen))
        assert estimate.low <= hits / 0.97
        assert estimate.high > 8000
    assert clusters.amount_error(np.array([5.0]), np.array([50.0]), np.full(5, 10.0), share=True) == pytest.approx(0.9)


def test_all_files_drawn_leave_no_error():
    rng = np.random.default_rng(3)
    size, weight, held = parts(rng, 50, apart=True)
    _, clusters = drawn_of(rng, size, weight, 50)
    assert clusters.fraction == 1
    estimate = counted(clusters, held, clusters.of_counts(held))
    assert width(estimate) < 0.05 * held.sum()
    assert clusters.amount_error(held, 10 * held, np.full(int(held.sum()), 10.0), share=True) == 0


def test_how_many_records_the_rest_has_is_part_of_the_error_of_a_count_but_not_of_a_share():
    """All records are licensed: of their share nothing is unknown, of their number what bytes don't tell."""
    rng = np.random.default_rng(4)
    size = rng.integers(50, 150, 500).astype(float)
    weight = size * rng.lognormal(4, 1.0, 500)
    drawn, clusters = drawn_of(rng, size, weight, 100)
    count, share = clusters.of_counts(size[drawn]), clusters.of_shares(size[drawn])
    assert share.rest_error == 0
    assert 0.05 < count.rest_error < 0.5
    estimate = counted(clusters, size[drawn], count)
    assert estimate.low < size.sum() < estimate.high
    assert width(estimate) > 0.1 * size.sum()


def test_files_without_records_count_by_their_bytes():
    half = np.array([100.0, 0.0] * 50)
    clusters = Clusters(np.full(100, 1e4), half, half * 80, np.full(900, 1e4))
    hits = half / 10
    sample = clusters.of_counts(hits)
    assert sample.rest_error > 0.05
    estimate = counted(clusters, hits, sample)
    assert estimate.value == pytest.approx(5000 / 0.99, rel=0.01)
    assert estimate.low < 5000 * 0.9 < 5000 * 1.1 < estimate.high


def test_one_large_file_that_was_not_drawn_averages_nothing_out():
    rng = np.random.default_rng(5)
    hits = rng.binomial(100, rng.beta(0.5, 2, 100)).astype(float)
    many, one = (
        Clusters(np.full(100, 1e4), np.full(100, 100.0), np.full(100, 1e4), rest)
        for rest in (np.full(900, 1e4), np.array([9e6]))
    )
    assert one.fraction == many.fraction
    widths = [width(counted(clusters, hits, clusters.of_counts(hits))) for clusters in (many, one)]
    assert widths[1] > 3 * widths[0]


def test_what_the_parts_must_be():
    one = np.ones(3)
    with pytest.raises(ParameterError, match="of at least one"):
        Clusters(np.zeros(0), np.zeros(0), np.zeros(0), one)
    with pytest.raises(ParameterError, match="bytes above 0"):
        Clusters(np.array([1.0, 0.0]), np.ones(2), np.ones(2), one)
    with pytest.raises(ParameterError, match="found the shapes"):
        Clusters(one, np.ones(2), one, one)


def table(hits, rng):
    """A match of 50 characters in each record that is one of the first of its file."""
    rows = []
    for cluster, count in enumerate(hits.astype(int)):
        rows += [
            {"source": "a", "record": 1000 * cluster + n, "start": 0, "end": 50, "tweet_id": f"{cluster}-{n}",
             "tweets": 1, "level": "exact", "similarity": 1.0, "containment": 1.0, "cluster": cluster,
             "author": "x" if cluster == 0 else "y"}
            for n in range(count)
        ]  # fmt: skip
    return pa.Table.from_pylist(rows)


def spikes():
    rows = [
        {"kind": "exact", "found": n % 50 > 0, "level": "exact", "similarity": 1.0, "containment": 1.0,
         "planted_chars": 50, "found_chars": 50 if n % 50 else 0}
        for n in range(1000)
    ]  # fmt: skip
    return pa.Table.from_pylist(rows)


def test_a_run_of_files():
    rng = np.random.default_rng(6)
    size, weight, held = parts(rng, 800, apart=True)
    drawn, clusters = drawn_of(rng, size, weight, 80)
    held[np.flatnonzero(drawn)[0]] = 20
    hits = held[drawn]
    total, characters = int(clusters.records.sum()), int(clusters.characters.sum())
    matches = table(hits, rng)

    def answers(sample):
        scan = Scan({"a": total}, {"a": characters}, 5000, 5000, 5000, sample=sample)
        return summarise(matches, scan, control=matches.slice(0, 0), spikes=spikes())

    files, records = answers(clusters), answers(Sample(clusters.fraction))
    for name in ("records", "records_share", "characters", "characters_share"):
        assert files[name]["value"] == pytest.approx(records[name]["value"], rel=1e-6)
        wide, narrow = (one[name]["high"] - one[name]["low"] for one in (files, records))
        assert wide > 1.5 * narrow, name
    assert files["records"]["low"] < held.sum() < files["records"]["high"]
    raw = files["records"]["raw"]
    assert raw["design_effect"] > 4
    assert (raw["clusters"], raw["clusters_hit"]) == (80, np.count_nonzero(hits))
    # A sample of files says nothing of single ones; an author whose texts stand in one file is bounded by that file.
    assert set(files["by"]) == {"author"}
    assert set(records["by"]) == {"author", "source"}
    one = files["by"]["author"]["x"]["records"]
    assert one["raw"]["clusters_hit"] == 1
    assert one["high"] > 3 * records["by"]["author"]["x"]["records"]["high"]
    assert files["texts"]["kind"] == "lower_bound"
    assert not files["tweets"]["valid"]


def test_matches_and_parts_must_fit():
    clusters = Clusters(np.ones(2), np.ones(2), np.ones(2), np.ones(2))
    matches = table(np.array([1.0, 0.0, 1.0]), None)
    with pytest.raises(ParameterError, match="drawn parts have 2 records, the sources 5"):
        Scan({"a": 5}, {"a": 5}, 5, 5, sample=clusters)
    scan = Scan({"a": 2}, {"a": 200}, 5, 5, sample=clusters)
    with pytest.raises(ParameterError, match="clusters of matches are 0 to 1, found 2"):
        summarise(matches, scan)
    with pytest.raises(ParameterError, match=r"needs the columns \['cluster'\]"):
        summarise(matches.drop_columns("cluster"), scan)
