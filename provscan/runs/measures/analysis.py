"""The analysis of a run: from the totals of its scans to everything that it measures.

:func:`analyse` scores the matches (:func:`score`) and measures chance and recall
(:func:`measure`). The result, :class:`Measured`, is the one value from which the
numbers, sentences and tables of a run are made.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from provscan.arrays import Flags, Numbers
from provscan.calibration.controls import Controls
from provscan.calibration.edits import PLANTED
from provscan.calibration.spike_ins import (
    DRAW,
    Recovered,
    SpikeIns,
    plant,
    recovered_spike_ins,
    spike_in_count,
)
from provscan.errors import RecallError
from provscan.estimate.examination import Examination
from provscan.estimate.limits import Factor, clopper_pearson, sharing_factor
from provscan.matching.record_samples import CarrierRecord
from provscan.options import MatchOptions
from provscan.params import MatchParams
from provscan.runs.counting.counts import (
    MatchCounts,
    by_tweets,
    count_matches,
    records_by_tweets,
)
from provscan.runs.counting.exhibits import CANDIDATES, candidates
from provscan.runs.counting.matches import ScoredMatches, score_matches
from provscan.runs.counting.null import NullCounts, count_null
from provscan.runs.counting.strata import (
    Eligibility,
    TextSamples,
    TextStrata,
    eligibility_of,
    sample_texts,
    stratify,
)
from provscan.runs.measures.chance import MeasuredChance, measure_chance
from provscan.runs.measures.error_rates import ErrorRates, measure_error_rates
from provscan.runs.measures.examination import examine
from provscan.runs.measures.recall import MeasuredRecall, measure_recall
from provscan.runs.scan.totals import ScanTotals
from provscan.scoring.background import background
from provscan.scoring.rule import KNOWN_SHARE, MIN_BITS, Scorer

# Known data excludes no control text if the share of the control that it contains is
# clearly more than KNOWN_UNLIKE times the share of the licensed texts that it contains.
KNOWN_UNLIKE = 1.5
# A run fails if it planted at least this many spike-ins and found none of them.
FAILING_SPIKE_INS = 20
# If a control shares this many texts with an index or a dataset, that is no
# coincidence.
SEVERAL = 20


@dataclass(frozen=True)
class ScoredScan:
    """The scored matches of a scan, and the data that they are compared with."""

    scorer: Scorer
    matches: ScoredMatches
    samples: TextSamples
    planted: SpikeIns
    recovered: Recovered


class Known(NamedTuple):
    """The scan of known data, and the texts that it contains."""

    scanned: ScanTotals
    # float32[texts of the reader]: the largest containment of each text; 0 if it does
    # not occur, or if it is a control text that counts as chance although it is known.
    containment: npt.NDArray[np.float32]
    unlike: bool = False  # All control texts count as chance: see ``known_elsewhere``.


@dataclass(frozen=True)
class Measured:
    """All measurements of a run."""

    controls: Controls
    samples: TextSamples
    strata: TextStrata
    matches: ScoredMatches
    eligible: Eligibility
    counts: MatchCounts
    chance: MeasuredChance
    examination: Examination  # What speaks against a claim, or qualifies it.
    error_rates: ErrorRates
    recall: MeasuredRecall
    null: NullCounts | None
    known: Known | None
    candidates: Numbers  # Rows of the other matches that keep their texts.

    @property
    def scanned(self) -> ScanTotals:
        """The totals of the dataset's scan."""
        return self.matches.scanned

    @property
    def index_fraction(self) -> float:
        """The share of all licensed tweets that are in the index; below 1, the index is
        a random sample of them.
        """
        return self.controls.licensed.fraction

    @property
    def found_in_control(self) -> tuple[int, int]:
        """How many licensed texts with rare wording were found although a control
        contains them, and how many copies they have; (0, 0) unless there are SEVERAL,
        and their copies outnumber the findings.
        """
        return self._not_counted(np.isin(self.matches.text, self.controls.repeated))

    @property
    def found_in_other_sources(self) -> tuple[int, int]:
        """The same for the licensed texts that known data contains."""
        if self.known is None:
            return 0, 0
        return self._not_counted(
            self.known.containment[self.matches.text] >= KNOWN_SHARE
        )

    def _not_counted(self, also: Flags) -> tuple[int, int]:
        """Return the texts that are ``also`` elsewhere, and their copies."""
        rare = np.nan_to_num(self.matches.scores.bits, nan=np.inf) >= MIN_BITS
        copies = self.counts.licensed.copies[also & rare & ~self.matches.control]
        texts, places = int(np.count_nonzero(copies)), int(copies.sum())
        many = texts >= SEVERAL and places > self.finding_records
        return (texts, places) if many else (0, 0)

    @property
    def found_after_cutoff(self) -> int:
        """The number of licensed texts that a cutoff made controls and that were found
        word for word or nearly; 0 unless they are several, more than chance explains,
        and more than the records with findings. The cutoff is then too early.
        """
        if not self.chance.in_dataset:
            return 0
        own = self.matches.text < self.controls.licensed.size
        texts = int(np.count_nonzero(own & self.matches.control & self.counts.verbatim))
        return texts if texts >= SEVERAL and texts > self.finding_records else 0

    @property
    def finding_records(self) -> int:
        """The number of records with findings."""
        return int(self.counts.findings.records.sum())

    @property
    def claimable_records(self) -> int:
        """The number of records with findings of claimable texts."""
        return int(self.counts.claimable.records.sum())

    @property
    def left_out(self) -> int:
        """The number of records with findings only in strata without measured
        chance.
        """
        return self.finding_records - self.claimable_records

    @cached_property
    def sharing_factors(self) -> dict[str, Factor]:
        """The correction of the counts of records and texts, by unit, for an index that
        contains a random share of all licensed tweets.

        Without it, the number of missed records would be computed as if each record
        contained a single licensed tweet. A record with several tweets is less likely
        to be missed, so the number would be too high. Matches with rare wording count
        whether or not a control or another source contains their texts. Otherwise,
        such evidence could raise the number: records would seem to contain fewer
        tweets.
        """
        rows, own = self.matches.rows, self.matches.text < self.controls.licensed.size
        rare = own[rows.text_index] & (rows.score >= MIN_BITS)
        tweets = self.matches.tweets[np.unique(rows.text_index[rare])]
        showing = {
            "records": records_by_tweets(self.matches, rare),
            "texts": by_tweets(tweets),
        }
        return {
            unit: sharing_factor(counts, self.index_fraction)
            for unit, counts in showing.items()
        }

    @property
    def without_control(self) -> list[str]:
        """The strata of licensed texts that have findings but no measured chance."""
        left_out = (self.counts.findings.copies > 0) & ~self.eligible.claimable
        numbers = np.unique(self.eligible.stratum[left_out])
        return [self.strata.names[number] for number in numbers]


def analyse(
    scans: Mapping[str, ScanTotals], controls: Controls, options: MatchOptions
) -> Measured:
    """Analyse the scans, by name: of the ``dataset`` and, if given, of the ``null`` and
    ``known`` data.
    """
    known = known_elsewhere(scans["known"], controls) if "known" in scans else None
    scores = score(scans["dataset"], controls, options, known and known.containment)
    return measure(scores, controls, options, scans.get("null"), known)


def known_elsewhere(scanned: ScanTotals, controls: Controls) -> Known:
    """Return the texts that known data contains, given its scan.

    Chance matches of known texts are excluded from the findings and from the control
    alike. This is fair only if the known data contains as large a share of the control
    as of the licensed texts. If it clearly contains more of the control, such as the
    control itself, all control texts count as chance.
    """
    containment = np.zeros(len(controls.control), np.float32)
    for columns, _ in scanned.batches(["text", "containment"]):
        text, share = (column.to_numpy() for column in columns)
        np.maximum.at(containment, text, share)
    is_known, control = containment >= KNOWN_SHARE, controls.control
    (_, high), (low, _) = (
        clopper_pearson(min(int(texts.sum()), every), every) if every else (0.0, 1.0)
        for texts, every in (
            (is_known & ~control, controls.licensed_texts),
            (is_known & control, controls.texts),
        )
    )
    unlike = controls.texts > 0 and low > KNOWN_UNLIKE * high
    return Known(scanned, np.where(control & unlike, 0, containment), unlike)


def score(
    scanned: ScanTotals,
    controls: Controls,
    options: MatchOptions,
    elsewhere: npt.NDArray[np.float32] | None = None,
) -> ScoredScan:
    """Score the matches of a scan, plant spike-ins in a sample of its records and scan
    the spike-ins, and draw samples of the licensed and the control texts.

    ``elsewhere`` is the ``containment`` of :class:`Known`.
    """
    scorer = Scorer(
        controls.reader,
        background(controls.licensed),
        controls.repeated,
        elsewhere,
        options.threads,
    )
    count = spike_in_count(scanned.records, options.spike_ins)
    # Recall is that of texts that are neither in a control file nor known. Otherwise
    # more licensed texts there would lower recall, and raise the estimate.
    alone = replace(scorer, repeated=scorer.repeated[:0], elsewhere=None)
    with ThreadPoolExecutor(1, thread_name_prefix="provscan") as pool:
        spiked = pool.submit(
            plant_and_scan, controls, scanned.carriers, count, options, alone
        )
        matches = score_matches(scanned, scorer, controls)
        samples = sample_texts(
            controls, scorer.background, MatchParams.min_chars, options.threads
        )
        return ScoredScan(scorer, matches, samples, *spiked.result())


def plant_and_scan(
    controls: Controls,
    carriers: list[CarrierRecord],
    count: int,
    options: MatchOptions,
    scorer: Scorer,
    draw: int = DRAW,
) -> tuple[SpikeIns, Recovered]:
    """Plant spike-ins, scan them, and return them with the results of the scan.

    The seed ``draw`` decides which texts are planted. It is the same in all runs, so
    nobody can choose the texts.
    """
    params = MatchParams()
    planted = plant(controls, params, carriers, count, draw, PLANTED)
    matches = planted.scan(controls, params)
    recovered = recovered_spike_ins(planted, matches, scorer, controls.control)
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


def measure(
    scores: ScoredScan,
    controls: Controls,
    options: MatchOptions,
    null: ScanTotals | None = None,
    known: Known | None = None,
) -> Measured:
    """Count the matches, and measure chance and recall.

    Parameters
    ----------
    scores
        The scored matches of the dataset, and the data that they are compared with.
    controls
        The texts that were scanned for.
    options
        The options of the run.
    null, known
        The scan of clean data, and of known data.
    """
    matches, samples = scores.matches, scores.samples
    # Count the matches of all texts, and of texts in strata with measured chance.
    strata = stratify(*samples)
    null_counts = (
        None if null is None else count_null(null, matches, scores.scorer, controls)
    )
    scripts = None if null_counts is None else null_counts.scripts
    eligible = eligibility_of(matches, strata, scripts, control=controls.texts > 0)
    counts = count_matches(matches, eligible)
    licensed = ~matches.control[matches.rows.text_index]
    kept = 0 if options.digests else CANDIDATES
    chance = measure_chance(
        matches, eligible, counts, controls, samples.control, null_counts
    )
    examination = examine(matches, chance, samples, controls, options.complete)
    claimed = chance.claimed and not examination.objections
    rates = measure_error_rates(
        chance, eligible, counts.by_text, null_counts, claimed=claimed
    )
    return Measured(
        controls=controls,
        samples=samples,
        strata=strata,
        matches=matches,
        eligible=eligible,
        counts=counts,
        chance=chance,
        examination=examination,
        error_rates=rates,
        recall=measure_recall(
            scores.planted,
            scores.recovered,
            counts.cells,
            chance.expected,
            samples.licensed.too_short,
        ),
        null=null_counts,
        known=known,
        candidates=candidates(matches.rows, licensed, kept),
    )
