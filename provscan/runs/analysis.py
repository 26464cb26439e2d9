"""The analysis of a run: from its part files to its answer.

:func:`analyse_run` reads the scans of a run folder, :func:`score` scores the matches,
and :func:`analyse` counts them and estimates from the counts.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from provscan.arrays import distinct
from provscan.calibration.controls import Controls
from provscan.calibration.edits import SETS
from provscan.calibration.spike_ins import (
    DRAW,
    Recovered,
    SpikeIns,
    how_many,
    plant,
    recovered_spike_ins,
)
from provscan.errors import RecallError
from provscan.matching.record_samples import CarrierRecord
from provscan.options import MatchOptions
from provscan.runs.answer import answer_of
from provscan.runs.chance import measure_chance
from provscan.runs.comparability import (
    TextSamples,
    eligibility_of,
    sample_texts,
    stratify,
)
from provscan.runs.count import count_matches
from provscan.runs.evidence import ADDED, ExhibitChoice, Kept
from provscan.runs.folder import KNOWN_PARTS, NULL_PARTS, PARTS
from provscan.runs.layers import Measured, breakdowns, layers_of
from provscan.runs.licensed import LicensedTexts
from provscan.runs.matches import Batch, ScoredMatches, score_matches
from provscan.runs.null import NullScan, count_null
from provscan.runs.reasons import reasons
from provscan.runs.recall import measure_recall
from provscan.runs.scan_totals import ScanTotals, read_scan
from provscan.runs.summary import (
    control_summary,
    counts_summary,
    index_summary,
    recall_summary,
    rule_summary,
    sample_summary,
)
from provscan.runs.tokenizer import TEXTS, Tokens
from provscan.scoring.background import background
from provscan.scoring.rule import KNOWN_SHARE, KnownElsewhere, Scorer

# A run fails if it planted at least this many spike-ins and found none of them.
FAILING_SPIKE_INS = 20


@dataclass(frozen=True)
class Scores:
    """The scored matches of a scan, and the data that they are compared with."""

    scorer: Scorer
    matches: ScoredMatches
    samples: TextSamples
    planted: SpikeIns
    recovered: Recovered


@dataclass(frozen=True)
class Analysis:
    """The conclusions of a run from its matches."""

    measured: Measured
    kept: Kept  # Matches that keep their texts.
    # Entries of ``summary.json``: ``answer``, ``by``, ``recall``, ``control``,
    # ``rule``; after ``analyse_run``, all entries except those on files.
    summary: dict[str, Any]
    # Scans of the dataset and, if given, of the ``null`` and ``known`` data, by name.
    scans: dict[str, ScanTotals] = field(default_factory=dict)

    def added(self, batch: Batch) -> pa.RecordBatch:
        """Return the columns to add to ``matches.parquet``; ``counted`` marks the
        findings.
        """
        matches, eligible = self.measured.matches, self.measured.eligible
        control = matches.control[batch.place]
        q = self.measured.chance.q_values(batch, eligible)
        columns = [
            pa.array(batch.bits.astype(np.float32), mask=np.isnan(batch.bits)),
            pa.array(q, mask=np.isnan(q)),
            pa.array(control),
            pa.array(matches.scores.common[batch.place]),
            pa.array(batch.known),
            pa.array(batch.counted & ~control),
        ]
        return pa.RecordBatch.from_arrays(columns, schema=ADDED)


def analyse_run(
    folder: Path, licensed: LicensedTexts, options: MatchOptions, tokens: Tokens | None
) -> Analysis:
    """Read the scans in a run folder, and compute the answer of the run from them."""
    controls = licensed.controls
    # Read the scans of the dataset and of the data that is compared with it.
    scans = {"dataset": read_scan(folder / PARTS)}
    dataset, null, known, elsewhere = scans["dataset"], None, None, None
    if sources := options.files("null"):
        scans["null"] = read_scan(folder / NULL_PARTS)
        null = NullScan.from_scans(dataset, scans["null"], sources)
    if sources := options.files("known"):
        scans["known"] = read_scan(folder / KNOWN_PARTS)
        elsewhere, known = known_elsewhere(scans["known"], controls, sources)

    scores = score(dataset, controls, options, elsewhere)
    analysis = analyse(scores, dataset, controls, options, null, tokens)

    found = {"cutoff": licensed.cutoff, "files": licensed.files}
    summary = {
        **counts_summary(analysis.measured),
        "index": index_summary(controls.licensed),
        **analysis.summary,
        "control": analysis.summary["control"] | found,
        "known": known,
    }
    if options.sample is not None:
        summary["sample"] = sample_summary(analysis.measured, options.sample)
    return replace(analysis, summary=summary, scans=scans)


def known_elsewhere(
    scanned: ScanTotals, controls: Controls, sources: list[str]
) -> tuple[KnownElsewhere, dict[str, Any]]:
    """Return the licensed texts that known data contains, and the entry of
    ``summary.json`` on them.
    """
    containment = np.zeros(len(controls.control), np.float32)
    for columns, _ in scanned.batches(["text", "containment"]):
        found, share = (column.to_numpy() for column in columns)
        np.maximum.at(containment, found, share)
    texts = int(np.count_nonzero((containment >= KNOWN_SHARE) & ~controls.control))
    counts = scanned.stats.as_dict()
    about = {
        "sources": sources,
        "records": scanned.records,
        "characters": scanned.characters,
        "texts": texts,
        "share": texts / max(1, controls.licensed_texts),
        "skipped": counts["skipped"],
        "notes": counts["notes"],
    }
    return KnownElsewhere(containment), about


def analyse(
    scores: Scores,
    scanned: ScanTotals,
    controls: Controls,
    options: MatchOptions,
    null: NullScan | None = None,
    tokens: Tokens | None = None,
) -> Analysis:
    """Count the matches, measure chance and recall, and compute the layers of all
    numbers.

    Parameters
    ----------
    scores
        The scored matches and the data that they are compared with: see :func:`score`.
    scanned
        The results of the dataset's scan.
    controls
        The texts that were scanned for.
    options
        The options of the run.
    null
        The scan of a null dataset.
    tokens
        Counts the tokens of texts.
    """
    matches, samples = scores.matches, scores.samples

    # Count the matches, separately for texts in strata with measured chance.
    strata = stratify(*samples)
    found, scripts = None, None
    if null is not None:
        found = count_null(null, matches, scanned, scores.scorer, controls)
        scripts = found.scripts
    eligible = eligibility_of(matches, strata, scripts, control=controls.texts > 0)
    exhibits = ExhibitChoice(0 if options.no_text else options.texts)
    counts = count_matches(matches, eligible, exhibits, TEXTS if tokens else 0)

    # Measure chance and recall.
    chance = measure_chance(
        matches,
        eligible,
        counts,
        controls,
        samples.control,
        strata,
        found,
        scanned.characters,
    )
    recall = measure_recall(
        scores.planted, scores.recovered, counts.cells, samples.licensed.too_short
    )
    measured = Measured(
        scanned=scanned,
        controls=controls,
        samples=samples,
        strata=strata,
        matches=matches,
        eligible=eligible,
        counts=counts,
        chance=chance,
        recall=recall,
        null=found,
    )

    # Compute the layers, and put the answer into words.
    numbers = layers_of(measured, chance.whole, scanned.all_records)
    withheld = reasons(measured, numbers)
    rule = rule_summary(options.finding)
    texts = [carrier.text for carrier in scanned.carriers]
    summary = {
        "answer": answer_of(
            measured, numbers, withheld, rule["changed"], texts, tokens
        ),
        "by": breakdowns(measured, withheld),
        "recall": recall_summary(recall),
        "control": control_summary(measured),
        "rule": rule,
    }
    return Analysis(measured, exhibits.kept(), summary)


def score(
    scanned: ScanTotals,
    controls: Controls,
    options: MatchOptions,
    elsewhere: KnownElsewhere | None = None,
) -> Scores:
    """Score the matches of a scan, plant spike-ins in a sample of its records and scan
    these, and draw samples of the licensed and the control texts.

    ``elsewhere`` has the texts that known data contains.
    """
    scorer = Scorer(
        controls.reader,
        background(controls.licensed),
        controls.repeated,
        options.finding,
        elsewhere,
        options.threads,
    )
    count = how_many(scanned.records, options.spike_ins)
    with ThreadPoolExecutor(1, thread_name_prefix="provscan") as pool:
        spiked = pool.submit(spike, controls, scanned.carriers, count, options, scorer)
        matches = score_matches(scanned, scorer, controls)
        samples = sample_texts(
            controls, scorer.background, options.params.min_chars, options.threads
        )
        return Scores(scorer, matches, samples, *spiked.result())


def spike(
    controls: Controls,
    carriers: list[CarrierRecord],
    count: int,
    options: MatchOptions,
    scorer: Scorer,
    draw: int = DRAW,
) -> tuple[SpikeIns, Recovered]:
    """Plant spike-ins, scan them, and return which of them were found.

    The seed ``draw`` decides which texts are planted; it is the same in all runs, so
    that nobody can choose them.
    """
    params = options.params
    planted = plant(controls, params, carriers, count, draw, SETS[options.edits])
    with ThreadPoolExecutor(1, thread_name_prefix="provscan") as pool:
        ready = pool.submit(scorer.having_scored, distinct(planted.text))
        found = planted.scan(controls, params)
    recovered = recovered_spike_ins(planted, found, ready.result(), controls.control)
    if len(planted) >= FAILING_SPIKE_INS and not recovered.found.any():
        values = ", ".join(
            f"{name}={value}" for name, value in params.as_dict().items()
        )
        raise RecallError(
            f"none of {len(planted):,} copies of licensed texts that were planted in "
            f"this dataset was found: with {values} the scan finds nothing here, so a "
            "negative result would be meaningless. No run was written"
        )
    return planted, recovered
