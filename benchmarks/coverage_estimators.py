"""Do the intervals of provscan.estimate cover the truth as often as they say?

    python benchmarks/coverage_estimators.py [--runs 200] [--summary]
    python benchmarks/coverage_estimators.py --only counts,sampled,mix,amounts,texts,bunches,files

Every line is one cell of a grid: the truth is simulated, scanned by an imperfect scan with the recall and the false
matches of that cell, and estimated from the scan, its control and its spike-ins alone. Printed: share of the runs
whose 95 % interval covers the truth, share that claims more than zero, median relative error. Needs no data.
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Callable, Iterator

import numpy as np

from provscan.estimate import (
    Clusters,
    Control,
    Estimate,
    Sample,
    SpikeIns,
    Stratified,
    TextRecall,
    corrected_amount,
    corrected_count,
    corrected_prevalence,
    dispersion,
)

Run = Callable[[np.random.Generator], tuple[Estimate, float]]
Cells = Iterator[tuple[str, Run]]

# Edits as a scan sees them: how their copies spread over five classes of damage, and how many of a class are found.
EDITS = np.array(
    [
        [0.95, 0.04, 0.01, 0.00, 0.00],
        [0.05, 0.15, 0.60, 0.15, 0.05],
        [0.00, 0.10, 0.50, 0.35, 0.05],
        [0.00, 0.05, 0.20, 0.40, 0.35],
        [0.00, 0.00, 0.10, 0.30, 0.60],
    ]
)
FOUND = np.array([0.999, 0.99, 0.98, 0.95, 0.85])
MIXES = {"exact": [1, 0, 0, 0, 0], "mixed": [0.2, 0.2, 0.2, 0.2, 0.2], "edited": [0, 0, 0.2, 0.3, 0.5]}


def counts() -> Cells:
    """Full scans: records, one recall, a control as large as the index or a quarter of it."""
    grid = itertools.product((1_000, 10_000, 100_000), (0, 0.001, 0.01, 0.2), (0.8, 0.95, 0.99), (0, 1e-3), (1, 0.25))
    for n, p, r, f, size in grid:

        def run(rng: np.random.Generator, n=n, p=p, r=r, f=f, size=size) -> tuple[Estimate, float]:
            truth = round(p * n)
            found = rng.binomial(truth, r) + rng.binomial(n - truth, f)
            control = Control(rng.poisson(n * f * size), n * size)
            return corrected_count(found, n, control, SpikeIns(rng.binomial(500, r), 500)), truth

        yield f"n={n} p={p} recall={r} false={f} control={size}", run


def sampled() -> Cells:
    """A tenth of the records is scanned; the truth is that of the whole."""
    for n, p, r, f in itertools.product((10_000, 100_000), (0, 0.01, 0.2), (0.8, 0.95), (0, 1e-3)):

        def run(rng: np.random.Generator, n=n, p=p, r=r, f=f) -> tuple[Estimate, float]:
            truth = round(p * n * 10)
            inside = rng.hypergeometric(truth, 10 * n - truth, n)
            found = rng.binomial(inside, r) + rng.binomial(n - inside, f)
            control = Control(rng.poisson(n * f), n)
            recall = SpikeIns(rng.binomial(500, r), 500)
            return corrected_count(found, n, control, recall, sample=Sample(0.1)), truth

        yield f"n={n} p={p} recall={r} false={f}", run


def mix() -> Cells:
    """Edits in the dataset are not those of the spike-ins (an equal mix of all, 100 or 400 of each)."""
    for (name, weights), n, each in itertools.product(MIXES.items(), (10, 100, 10_000), (100, 400)):

        def run(rng: np.random.Generator, weights=weights, n=n, each=each) -> tuple[Estimate, float]:
            planted = sum(rng.multinomial(each, edit) for edit in EDITS)
            copies = sum(rng.multinomial(k, edit) for k, edit in zip(rng.multinomial(n, weights), EDITS, strict=True))
            back, cells = rng.binomial(planted, FOUND), rng.binomial(copies, FOUND)
            recall = Stratified(planted.astype(float), back.astype(float), cells.astype(float))
            return corrected_count(int(cells.sum()), 10 * n, Control(0, 10 * n), recall), n

        yield f"edits={name} matches={n} spike-ins={each} each", run


def _sizes(rng: np.random.Generator, n: int) -> np.ndarray:
    return np.minimum(280, 10 + rng.gamma(3.0, 25.0, n)).round()


def amounts() -> Cells:
    """Share of characters, full scans and samples of a tenth, tweets of 10 to 280 characters in longer records."""
    for n, p, r, f, whole in itertools.product((1_000, 30_000), (0, 0.001, 0.01, 0.2), (0.9, 0.98), (0, 1e-3), (1, 10)):

        def run(rng: np.random.Generator, n=n, p=p, r=r, f=f, whole=whole) -> tuple[Estimate, float]:
            records = n * whole
            truth = round(p * records)
            lengths = 300 + rng.gamma(1.0, 600.0, records)
            licensed = np.zeros(records)
            licensed[rng.permutation(records)[:truth]] = _sizes(rng, truth)
            scanned = slice(0, n)
            inside = licensed[scanned]
            hits = inside[(inside > 0) & (rng.random(n) < r)]
            false = _sizes(rng, rng.binomial(n, f))
            wrong = _sizes(rng, rng.poisson(n * f))
            spread = float(lengths[scanned].std() / lengths[scanned].mean())
            estimate = corrected_amount(
                np.concatenate([hits, false]),
                n,
                float(lengths[scanned].sum()),
                Control(len(wrong), n),
                SpikeIns(rng.binomial(500, r), 500),
                control_sizes=wrong,
                spike_sizes=_sizes(rng, 500),
                sample=Sample(1 / whole) if whole > 1 else None,
                total_error=spread * (1 / n * (1 - 1 / whole)) ** 0.5,
            )
            return estimate, float(licensed.sum() / lengths.sum())

        yield f"n={n} p={p} recall={r} false={f} scanned={1 / whole}", run


def texts() -> Cells:
    """Distinct texts, some with many copies in the dataset."""
    for p, r, f in itertools.product((0, 0.001, 0.01, 0.2), (0.8, 0.95, 0.99), (0, 1e-4)):

        def run(rng: np.random.Generator, p=p, r=r, f=f) -> tuple[Estimate, float]:
            licensed = 30_000
            truth = round(p * licensed)
            copies = rng.geometric(0.6, truth)
            seen = rng.binomial(copies, r)
            false = rng.binomial(licensed - truth, f)
            occurrences = np.concatenate([seen[seen > 0], np.ones(false, np.int64)])
            recall = TextRecall(SpikeIns(rng.binomial(500, r), 500), occurrences)
            control = Control(rng.binomial(licensed // 10, f), licensed // 10)
            return corrected_count(len(occurrences), licensed, control, recall), truth

        yield f"texts=30000 p={p} recall={r} false={f}", run


def bunches() -> Cells:
    """False matches in bunches: a false text stands in 1 + geometric records."""
    for p, f in itertools.product((0, 0.001, 0.01), (1e-4, 1e-3)):

        def run(rng: np.random.Generator, p=p, f=f) -> tuple[Estimate, float]:
            n, r = 50_000, 0.95
            truth = round(p * n)
            false = rng.geometric(0.4, rng.poisson(n * f * 0.4))
            wrong = rng.geometric(0.4, rng.poisson(n * f * 0.4))
            hits = np.concatenate([np.ones(rng.binomial(truth, r)), false])
            control = Control(float(wrong.sum()), n, dispersion(wrong, hits))
            return corrected_count(float(hits.sum()), n, control, SpikeIns(rng.binomial(500, r), 500)), truth

        yield f"n=50000 p={p} false={f}", run


def files() -> Cells:
    """A tenth of the files is drawn, files of unequal sizes whose records differ in length and in what they hold.

    With files alike every file has the same share of licensed records; else shares are beta(4 p, 4 (1 - p)).
    """
    grid = itertools.product(("records", "records_share", "characters"), (20, 50, 100, 300), (0, 0.001, 0.01, 0.2))
    for (number, m, p), alike in itertools.product(grid, (True, False)):
        if p == 0 and not alike:
            continue

        def run(rng: np.random.Generator, number=number, m=m, p=p, alike=alike) -> tuple[Estimate, float]:
            n = 10 * m
            records = np.ceil(60 * rng.lognormal(0, 0.7, n))
            lengths = 300 * rng.lognormal(0, 0.5, n)
            shares = np.full(n, p) if alike or p == 0 else rng.beta(4 * p, 4 * (1 - p), n)
            held = rng.binomial(records.astype(int), shares).astype(float)
            sizes = [_sizes(rng, int(k)) for k in held]
            licensed = np.array([some.sum() for some in sizes])
            characters = np.maximum(records * lengths, licensed)
            drawn = rng.permutation(n) < m
            clusters = Clusters(
                characters[drawn] + 40 * records[drawn],
                records[drawn],
                characters[drawn],
                (characters + 40 * records)[~drawn],
            )
            seen = rng.binomial(held[drawn].astype(int), 0.95).astype(float)
            recall, trials = SpikeIns(rng.binomial(1000, 0.95), 1000), float(records[drawn].sum())
            control = Control(0, trials)
            if number == "records":
                sample = clusters.of_counts(seen)
                return corrected_count(seen.sum(), trials, control, recall, sample=sample), held.sum()
            sample = clusters.of_shares(seen)
            if number == "records_share":
                share = corrected_prevalence(seen.sum(), trials, control, recall, sample=sample)
                return share, held.sum() / records.sum()
            parts = zip(sizes_of(sizes, drawn), seen.astype(int), strict=True)
            found = [rng.permutation(some)[:k] for some, k in parts]
            every = np.concatenate(found)
            amounts = np.array([some.sum() for some in found])
            estimate = corrected_amount(
                every,
                trials,
                float(characters[drawn].sum()),
                control,
                recall,
                spike_sizes=_sizes(rng, 500),
                sample=sample,
                total_error=clusters.amount_error(seen, amounts, every, share=True),
            )
            return estimate, float(licensed.sum() / characters.sum())

        yield f"{number} files={m} p={p} {'alike' if alike else 'unlike'}", run


def sizes_of(sizes: list[np.ndarray], drawn: np.ndarray) -> list[np.ndarray]:
    return [some for some, taken in zip(sizes, drawn, strict=True) if taken]


SUITES = {f.__name__: f for f in (counts, sampled, mix, amounts, texts, bunches, files)}


def coverage(run: Run, runs: int, seed: int) -> tuple[float, float, float]:
    """Share of runs that cover, share that claim more than zero, median relative error (nan where the truth is 0)."""
    rng = np.random.default_rng(seed)
    covered = claimed = 0
    errors = []
    for _ in range(runs):
        estimate, truth = run(rng)
        if estimate.value is None or estimate.low is None or estimate.high is None:
            raise SystemExit(f"withheld: {estimate.reason}")
        covered += estimate.low - 1e-12 <= truth <= estimate.high + 1e-12
        claimed += estimate.low > 0
        errors.append(abs(estimate.value - truth) / truth if truth else np.nan)
    return covered / runs, claimed / runs, float(np.median(errors))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default=",".join(SUITES), help=f"some of {', '.join(SUITES)}")
    parser.add_argument("--summary", action="store_true", help="one line a suite")
    args = parser.parse_args()
    for name in args.only.split(","):
        results = []
        for seed, (cell, run) in enumerate(SUITES[name]()):
            covered, claimed, error = coverage(run, args.runs, args.seed + seed)
            results.append((covered, claimed, error, " p=0 " in f" {cell} "))
            if not args.summary:
                print(f"{name:<9}{cell:<58}covers {covered:.3f}  above 0 {claimed:.3f}  error {error:.4f}", flush=True)
        table = np.array(results)
        some, none = table[table[:, 3] == 0], table[table[:, 3] == 1]
        line = f"{name:<9}all: covers {some[:, 0].mean():.3f} (worst {some[:, 0].min():.3f})"
        if len(none):
            line += f"; truth 0: above 0 {none[:, 1].mean():.3f} (worst {none[:, 1].max():.3f})"
        print(line, flush=True)


if __name__ == "__main__":
    main()
