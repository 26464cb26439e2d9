"""How many findings chance explains, measured on the matches of a control and of a null
dataset.

Findings of texts with like wording are one event, a cluster (:class:`TextClusters`).
Each measure of chance (:class:`ChanceMeasure`) has clusters that chance alone made, and
:func:`measure_chance` puts together what they say of the findings in the dataset.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from provscan.arrays import Flags, Floats, Numbers, distinct
from provscan.calibration.controls import Controls
from provscan.estimate.fdr import q_values
from provscan.estimate.limits import TAIL, Chance, predict_chance
from provscan.estimate.strata import rarefied, years_apart
from provscan.runs.comparability import (
    Eligibility,
    TextSample,
    TextStrata,
    years_of_control,
)
from provscan.runs.count import (
    STRENGTHS,
    Amount,
    Counts,
    Group,
    TextFindings,
    count_groups,
)
from provscan.runs.matches import Batch, ScoredMatches
from provscan.runs.null import NullCounts
from provscan.scoring.families import best_of, families

UNITS = ("records", "texts", "tweets", "characters")
# "At least" is the best of the bounds of all strengths, each of which has this share of
# the error.
TAIL_OF_EACH = TAIL / len(STRENGTHS)
# Share of the control's texts that stand in the dataset from which on they measure
# nothing.
MOSTLY_IN_DATASET = 0.5


class TextClusters(NamedTuple):
    """Clusters of findings, one entry each."""

    family: Numbers  # Number of the family of its texts.
    first: Numbers  # Place of the text of its first finding.
    sizes: dict[str, Floats]  # Its size in each of `UNITS`.


def text_clusters(
    family: Numbers, records: Numbers, tweets: Floats, found: TextFindings
) -> TextClusters:
    """Clusters of findings.

    `family`, [texts], is below 0 for texts that are left out; `records`, [families],
    are the different records of each.
    """
    place = np.flatnonzero((family >= 0) & (found.count > 0))
    names, number = np.unique(family[place], return_inverse=True)
    first = np.zeros(len(names), np.int64)
    # The last write wins: the first finding of all.
    order = np.argsort(found.first[place])[::-1]
    first[number[order]] = place[order]

    def summed(of_texts: Floats | None) -> Floats:
        return np.bincount(number, of_texts, len(names)).astype(np.float64)

    sizes = {
        "records": records[names].astype(np.float64),
        "texts": summed(None),
        "tweets": summed(tweets[place]),
        "characters": summed(found.characters[place]),
    }
    return TextClusters(names, first, sizes)


def cluster_count(family: Numbers) -> int:
    """Number of families; those below 0 are none."""
    return len(distinct(family[family >= 0]))


@dataclass(frozen=True)
class ChanceMeasure:
    """The clusters of findings in a control or a null dataset, and their weights."""

    name: str  # "control" or "null".
    clusters: TextClusters
    weights: Floats  # How many licensed clusters each counts for.
    heaviest: float  # The largest weight that one cluster more could have.

    def without_clusters(self, heaviest: float) -> ChanceMeasure:
        """The same measure if it had not shown a single chance match."""
        none = np.zeros(0, np.int64)
        sizes = {name: none.astype(np.float64) for name in UNITS}
        return ChanceMeasure(
            self.name, TextClusters(none, none, sizes), np.zeros(0), heaviest
        )

    def chance(
        self, unit: str, like: Floats | None = None, tail: float = TAIL
    ) -> Chance:
        """What chance put among the licensed findings; "clusters" counts each as
        one.
        """
        sizes = self.clusters.sizes.get(unit, np.ones(len(self.weights)))
        return predict_chance(self.weights, sizes, self.heaviest, like, tail)


def chances(
    measures: list[ChanceMeasure], like: TextClusters, tail: float = TAIL
) -> dict[str, Chance]:
    """What chance put among the licensed findings, by unit; empty where it was not
    measured.

    Of several measures the widest limits are taken, and the expectation of the one with
    the most clusters.
    """
    if not measures:
        return {}
    largest = int(np.argmax([len(measure.weights) for measure in measures]))
    result = {}
    for unit in ("clusters", *UNITS):
        found = [m.chance(unit, like.sizes.get(unit), tail) for m in measures]
        low, high = min(c.low for c in found), max(c.high for c in found)
        result[unit] = Chance(found[largest].expected, low, high)
    return result


@dataclass(frozen=True)
class Part:
    """What was found in the dataset, or of a source, author, year, language."""

    licensed: Amount
    findings: Amount
    # Findings of claimable texts by the place of the strength in `STRENGTHS`, and how
    # many clusters they are.
    claimable: dict[int, Amount]
    clusters: dict[int, int]
    nearly: Amount | None = None  # Only known of the dataset.


def part_of(counts: Counts, family: Numbers) -> Part:
    """What was counted in all parts or in those of a source; `family` is that of the
    texts.
    """
    clusters = {
        place: cluster_count(family[found.count > 0])
        for place, found in enumerate(counts.of_texts)
    }
    return Part(
        counts.licensed, counts.findings, dict(enumerate(counts.claimable)), clusters
    )


@dataclass(frozen=True)
class MeasuredChance:
    """What chance explains of the findings of a run."""

    whole: Part  # The findings in the dataset.
    family: Numbers  # [texts], family of each claimable text with findings; else -1.
    licensed_clusters: int
    measures: list[
        ChanceMeasure
    ]  # Of all findings; empty where chance is not measured.
    expected: dict[str, Chance]  # Chance among all findings, by unit.
    # The same for each strength, with limits that have the error of one strength.
    by_strength: list[dict[str, Chance]]
    # Whether for some strength there are more clusters than chance explains, and more
    # records and texts.
    claimed: bool
    best_strength: int  # Place of the strength that exceeds chance by most records.
    # The measures could claim nothing even without a single chance match, and ones as
    # large as the licensed texts could.
    too_small: bool
    usable: bool  # The measures could tell copies of texts like those found.
    control_found: float  # Share of the control's texts that are findings.
    # Years of the control, and its clusters and texts of each year.
    years: tuple[Numbers, Numbers, Numbers]
    placebo: dict[str, Any] | None  # Earlier years of the control against later ones.
    # For each measure: scores, ascending, and the error rates of lists of findings down
    # to one of them or less.
    error_rates: list[tuple[Floats, Floats]]

    def beyond(self, found: Part, place: int) -> bool:
        """Whether findings of a strength are more than chance explains."""
        return _beyond(self.by_strength[place], found, place)

    def q_values(self, batch: Batch, eligible: Eligibility) -> Floats:
        """The error rate of the list down to each licensed match.

        It is 1 where the whole list is no more than chance explains, and nan where
        chance was not measured, for any text or for those of its stratum.
        """
        result = np.full(len(batch.place), np.nan)
        if not self.measures:
            return result
        licensed = ~eligible.control[batch.place]
        findings = licensed & batch.counted
        result[licensed] = 1.0
        if self.claimed:
            score = batch.score[findings]
            result[findings] = np.max(
                [rates[np.searchsorted(at, score)] for at, rates in self.error_rates],
                axis=0,
            )
        result[findings & ~eligible.measured[batch.place]] = np.nan
        return result


def _beyond(chance: dict[str, Chance], found: Part, place: int) -> bool:
    amount = found.claimable[place]
    counted = {
        "clusters": found.clusters[place],
        "records": amount.records.sum(),
        "texts": amount.texts,
    }
    return bool(chance) and all(
        number > chance[name].high for name, number in counted.items()
    )


def measure_chance(
    matches: ScoredMatches,
    eligible: Eligibility,
    counts: Counts,
    controls: Controls,
    control: TextSample,
    strata: TextStrata,
    null: NullCounts | None,
    characters: int,
) -> MeasuredChance:
    """Measure what chance explains of the findings.

    `control` is a sample of the control texts, and `characters` how many code points
    of the dataset were scanned.
    """
    # Families of texts, and how many records each has.
    own, others = _families(controls, matches, counts.of_texts[0], null)
    measuring = eligible.control & strata.strata.measured[eligible.stratum]
    claimed_family = np.where(eligible.claimable, own, -1)
    size = int(own.max(initial=-1)) + 1
    groups = [
        Group(np.where(texts, own, -1), size, least)
        for texts in (eligible.claimable, measuring)
        for least in STRENGTHS
    ]
    clusters = [
        text_clusters(group.codes, records, matches.tweets, found)
        for group, records, found in zip(
            groups, count_groups(matches, groups), [*counts.of_texts] * 2, strict=True
        )
    ]
    licensed, of_control = clusters[: len(STRENGTHS)], clusters[len(STRENGTHS) :]

    # The measures at each strength.
    best = counts.of_texts[0]
    texts = np.count_nonzero(eligible.control & (best.count > 0))
    looked_for = max(1.0, controls.texts * (1.0 - control.too_short))
    control_found = texts / looked_for if controls.texts else 0.0
    measures: list[list[ChanceMeasure]] = [[] for _ in STRENGTHS]
    if controls.texts and control_found <= MOSTLY_IN_DATASET:
        for at, found in zip(measures, of_control, strict=True):
            found.sizes["tweets"] = np.maximum(
                found.sizes["texts"], found.sizes["tweets"] * controls.tweets_ratio
            )
            weights = eligible.weights[found.first]
            at.append(ChanceMeasure("control", found, weights, strata.heaviest))
    if null is not None and null.kind.same:
        ratio = characters / max(1, null.scan.scanned.characters)
        for at, found in zip(measures, _null_clusters(null, others), strict=True):
            weights = rarefied(found.sizes["records"], ratio)
            sizes = {name: n * ratio / weights for name, n in found.sizes.items()}
            scaled = found._replace(sizes=sizes)
            at.append(ChanceMeasure("null", scaled, weights, max(ratio, 1.0)))

    # What they say of the findings.
    whole = replace(part_of(counts, claimed_family), nearly=counts.nearly)
    by_strength = [
        chances(at, like, TAIL_OF_EACH)
        for at, like in zip(measures, licensed, strict=True)
    ]
    excess = [
        float(whole.claimable[place].records.sum()) - chance["records"].high
        if _beyond(chance, whole, place)
        else -1.0
        for place, chance in enumerate(by_strength)
    ]
    claimed = max(excess) > -1.0

    def would_claim(heaviest: float | None) -> bool:
        """Whether there were a claim without any chance match."""
        return any(
            _beyond(
                chances(
                    [m.without_clusters(heaviest or m.heaviest) for m in at],
                    like,
                    TAIL_OF_EACH,
                ),
                whole,
                place,
            )
            for place, (at, like) in enumerate(zip(measures, licensed, strict=True))
        )

    too_small = (
        bool(measures[0]) and not claimed and not would_claim(None) and would_claim(1.0)
    )
    comparable = bool(
        whole.claimable[0].records.any() or not whole.findings.records.any()
    )
    years = _control_years(matches, own, best, control, controls.texts)
    rates = []
    if claimed:
        rates = _error_rates(measures[0], eligible, own, best, null, others)
    return MeasuredChance(
        whole=whole,
        family=claimed_family,
        licensed_clusters=len(licensed[0].family),
        measures=measures[0],
        expected=chances(measures[0], licensed[0]),
        by_strength=by_strength,
        claimed=claimed,
        best_strength=int(np.argmax(excess)) if claimed else 0,
        too_small=too_small,
        usable=bool(measures[0]) and comparable and not too_small,
        control_found=control_found,
        years=years,
        placebo=years_apart(*years),
        error_rates=rates,
    )


def _families(
    controls: Controls,
    matches: ScoredMatches,
    found: TextFindings,
    null: NullCounts | None,
) -> tuple[Numbers, Numbers]:
    """Families of the texts with findings in the dataset, and in the null dataset; -1
    of the other texts.
    """
    pairs = [(matches.text, found.count > 0)]
    if null is not None:
        pairs.append((null.matches.text, null.of_texts[0].count > 0))
    known = distinct(np.concatenate([text[which] for text, which in pairs]))
    numbers = families(controls.reader, known)
    result = []
    for text, which in pairs:
        family = np.full(len(text), -1)
        family[which] = numbers[np.searchsorted(known, text[which])]
        result.append(family)
    return result[0], result[-1]


def _null_clusters(null: NullCounts, family: Numbers) -> list[TextClusters]:
    size = int(family.max(initial=-1)) + 1
    groups = [Group(family, size, least) for least in STRENGTHS]
    return [
        text_clusters(family, records, null.matches.tweets, found)
        for records, found in zip(
            count_groups(null.matches, groups), null.of_texts, strict=True
        )
    ]


def _error_rates(
    measures: list[ChanceMeasure],
    eligible: Eligibility,
    family: Numbers,
    found: TextFindings,
    null: NullCounts | None,
    null_family: Numbers,
) -> list[tuple[Floats, Floats]]:
    """For each measure scores, and the error rates of lists down to them or less."""

    def best(texts: Flags) -> Floats:
        return best_of(family, found.best, texts)

    targets = best(eligible.claimable)
    targets = targets[np.isfinite(targets)]
    result = []
    for measure in measures:
        if measure.name == "control":
            decoys = best(eligible.control)
        else:
            assert null is not None
            licensed = ~null.matches.control
            decoys = best_of(null_family, null.of_texts[0].best, licensed)
        decoys = decoys[measure.clusters.family]
        weights = measure.weights if len(decoys) else np.array([measure.heaviest])
        # Between two of these scores all lists have the same rate.
        steps = np.unique(np.append(targets, decoys))
        rates = q_values(np.append(steps, np.inf), targets, decoys, weights)
        result.append((steps, rates))
    return result


def _control_years(
    matches: ScoredMatches,
    family: Numbers,
    found: TextFindings,
    control: TextSample,
    texts: int,
) -> tuple[Numbers, Numbers, Numbers]:
    place = np.flatnonzero(matches.control & (found.count > 0))
    place = place[np.argsort(found.first[place])]
    first = place[np.unique(family[place], return_index=True)[1]]
    known = matches.authorship.year.take(pa.array(first)).drop_null().to_numpy()
    return years_of_control(control.year, known.astype(np.int64), texts)
