"""Measure how many findings chance explains, with the matches of a control and of a
clean data (:func:`measure_chance`).

Findings of similar texts are one event (:mod:`provscan.runs.measures.clusters`). A
measure of chance (:class:`ChanceMeasure`) consists of clusters of findings that are due
to chance alone. Weights convert their number to the expected number of chance matches
in the dataset (:func:`predicted`). The dataset contains copies if, at some strength, it
has more findings than predicted (:class:`Claim`). "Chance" in ``docs/statistics.md``
explains the method, and "From counts to layers" has an example by hand.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa

from provscan.arrays import Flags, Floats, Numbers, distinct
from provscan.calibration.controls import Controls
from provscan.estimate.examination import clumping
from provscan.estimate.limits import (
    TAIL,
    Chance,
    clopper_pearson,
    clumped_limit,
    predict_chance,
)
from provscan.estimate.strata import rarefied, years_apart
from provscan.runs.counting.counts import STRENGTHS, Amount, MatchCounts
from provscan.runs.counting.matches import ScoredMatches
from provscan.runs.counting.null import NullCounts
from provscan.runs.counting.strata import (
    ControlYears,
    Eligibility,
    TextSample,
    years_of_control,
)
from provscan.runs.measures.clusters import (
    TextClusters,
    clusters_by_strength,
    clusters_of_texts,
)
from provscan.runs.measures.wording import worded_like_dataset
from provscan.scoring.authorship import coded_authors, weeks

UNITS = ("records", "texts", "tweets", "characters")
# Error probability of the bound for one strength; "at least" is the highest bound of
# all strengths.
TAIL_OF_EACH = TAIL / len(STRENGTHS)
# Chance is not measured if more than this share of the control's texts has findings.
MOSTLY_IN_DATASET = 0.5
# A part of the control is in the dataset if the share of its texts that occur there
# word for word or nearly is clearly larger. Of 263,000 tweets, 17 occurred so among
# 204,000 titles of a forum, and fewer in its posts and in answers of language models.
VERBATIM_BY_CHANCE = 0.0003


@dataclass(frozen=True)
class ChanceMeasure:
    """The clusters of findings in a control or in clean data, and their weights."""

    name: str  # "control" or "null".
    clusters: TextClusters
    weights: Floats  # Number of licensed clusters that each cluster represents.
    heaviest: float  # Largest possible weight of one additional cluster.
    # Design effect of clusters that come together (``estimate.examination.clumping``).
    effect: float = 1.0

    def without_clusters(self, heaviest: float | None) -> ChanceMeasure:
        """Return the measure as it would be without any chance match. ``heaviest``
        replaces the largest weight unless it is None.
        """
        none = np.zeros(0, np.int64)
        clusters = TextClusters(none, none, dict.fromkeys(UNITS, np.zeros(0)))
        return ChanceMeasure(
            self.name, clusters, np.zeros(0), heaviest or self.heaviest
        )

    def chance(
        self, unit: str, licensed: Floats | None = None, tail: float = TAIL
    ) -> Chance:
        """Return the chance matches among the licensed findings, counted in a unit; the
        unit "clusters" counts each cluster as one. ``licensed`` lists the sizes of the
        licensed clusters.
        """
        sizes = self.clusters.sizes.get(unit, np.ones(len(self.weights)))
        chance = predict_chance(self.weights, sizes, self.heaviest, licensed, tail)
        if self.effect > 1.0:
            shape = self.weights, sizes, self.heaviest, self.effect
            chance = replace(chance, high=max(chance.high, clumped_limit(*shape, tail)))
        return chance


def predicted(
    measures: Sequence[ChanceMeasure], licensed: TextClusters, tail: float = TAIL
) -> dict[str, Chance]:
    """Return the chance matches among the ``licensed`` clusters of findings, by unit;
    empty if chance was not measured.

    The limits are the widest of all measures; the expectation is that of the measure
    with the most clusters.
    """
    if not measures:
        return {}
    largest = _largest(measures)
    result = {}
    for unit in ("clusters", *UNITS):
        each = [m.chance(unit, licensed.sizes.get(unit), tail) for m in measures]
        low, high = min(c.low for c in each), max(c.high for c in each)
        result[unit] = Chance(each[largest].expected, low, high)
    return result


def _largest(measures: Sequence[ChanceMeasure]) -> int:
    """Return the index of the measure with the most clusters, whose expectation is
    shown.
    """
    return int(np.argmax([len(measure.weights) for measure in measures]))


@dataclass(frozen=True)
class Claim:
    """The findings of one strength in the dataset, and their chance matches."""

    found: Amount  # The findings of claimable texts.
    clusters: TextClusters  # The clusters of these findings.
    measures: list[ChanceMeasure]  # Empty if chance was not measured.

    @cached_property
    def limits(self) -> dict[str, Chance]:
        """Chance matches by unit, with the error probability of one strength."""
        return predicted(self.measures, self.clusters, TAIL_OF_EACH)

    @property
    def clusters_found(self) -> int:
        return len(self.clusters.number)

    @property
    def beyond_chance(self) -> bool:
        """Whether there are more clusters, records and texts than chance explains."""
        counts = {
            "clusters": self.clusters_found,
            "records": self.found.records.sum(),
            "texts": self.found.texts,
        }
        return bool(self.limits) and all(
            number > self.limits[unit].high for unit, number in counts.items()
        )

    def possible(self, heaviest: float | None) -> bool:
        """Return whether there would be more findings than chance explains if there
        were no chance matches. ``heaviest`` replaces the largest weight of a cluster
        unless it is None.

        Even then, the upper limit of chance is above 0: for weight 1 and a quarter of
        the error probability, it is 7 clusters (2 ** -8 is less than 0.00625, and 2 **
        -7 is not).
        """
        empty = [each.without_clusters(heaviest) for each in self.measures]
        return replace(self, measures=empty).beyond_chance


def cluster_count(clusters: Numbers) -> int:
    """Return the number of distinct clusters; negative numbers are not clusters."""
    return len(distinct(clusters[clusters >= 0]))


@dataclass(frozen=True)
class MeasuredChance:
    """The part of a run's findings that chance explains."""

    claims: list[Claim]  # By strength; the first is the claim on all findings.
    # One array for the dataset, and one for the clean data if there is one: [texts],
    # the cluster of each text, -1 without findings.
    clusters_by_scan: list[Numbers]
    control_found: float  # Share of the control's texts that have findings.
    # Number of control texts that occur word for word or nearly, if this is more than
    # chance explains, else 0.
    in_dataset: int
    cleaned: list[ChanceMeasure]  # The control without texts that occur in this way.
    years: ControlYears

    @property
    def measures(self) -> list[ChanceMeasure]:
        """The measures for all findings; empty if chance was not measured."""
        return self.claims[0].measures

    @cached_property
    def expected(self) -> dict[str, Chance]:
        """Chance matches among all findings, by unit."""
        return predicted(self.measures, self.claims[0].clusters)

    @cached_property
    def expected_otherwise(self) -> dict[str, Chance]:
        """The same if control texts that occur word for word or nearly are in the
        dataset and no chance matches: then every match of the control may be a copy.
        """
        cleaned = self.cleaned
        if self.in_dataset:
            cleaned = [each.without_clusters(None) for each in cleaned]
        return predicted(cleaned, self.claims[0].clusters)

    @property
    def claimed(self) -> bool:
        """Whether there are more findings than chance explains, at some strength."""
        return any(claim.beyond_chance for claim in self.claims)

    @cached_property
    def too_small(self) -> bool:
        """Whether the control and the clean data are too small to claim any copy.

        This is the case if there would be no claim even if they contained no finding.
        It must also be their size that prevents the claim: a control with as many texts
        as the index, in which a cluster has weight 1, would allow it.
        """
        possible, with_more = (
            any(claim.possible(heaviest) for claim in self.claims)
            for heaviest in (None, 1.0)
        )
        return bool(self.measures) and not self.claimed and with_more and not possible

    def explains(self, unit: str) -> bool:
        """Return whether chance explains the findings, counted in "clusters" or
        "records".

        Unlike a claim, this does not allow for chance clusters as large as those found:
        the control must have some of that size. If a part of the control is in the
        dataset, the rest must explain them, too.
        """
        claim = self.claims[0]
        found = (
            claim.clusters_found if unit == "clusters" else claim.found.records.sum()
        )
        sets = [self.measures]
        if self.in_dataset:
            others = [each for each in self.measures if each.name != "control"]
            sets.append([*self.cleaned, *others])
        shown = [measures[_largest(measures)] for measures in sets]
        return all(each.chance(unit).explains(float(found)) for each in shown)

    @property
    def placebo(self) -> dict[str, Any] | None:
        """The comparison of earlier years of the control with later ones."""
        return years_apart(*self.years)


def measure_chance(
    matches: ScoredMatches,
    eligible: Eligibility,
    counts: MatchCounts,
    controls: Controls,
    control: TextSample,
    null: NullCounts | None,
) -> MeasuredChance:
    """Measure how many of the findings chance explains.

    ``control`` is a sample of the control texts.
    """
    # Texts of the clean data get their clusters in the same step as those of the
    # dataset, so that equal ids denote the same cluster.
    scans = [(matches, counts.by_text)]
    if null is not None:
        scans.append((null.matches, null.strengths[0]))
    clusters_by_scan = clusters_of_texts(controls.reader, scans)
    cluster = clusters_by_scan[0]
    measuring = eligible.control & eligible.measured
    suspected = _in_dataset(cluster, counts, eligible)
    licensed, of_control, of_rest = clusters_by_strength(
        matches,
        [strength.by_text for strength in counts.strengths],
        [
            np.where(eligible.claimable, cluster, -1),
            np.where(measuring, cluster, -1),
            np.where(measuring & ~suspected, cluster, -1),
        ],
    )

    # If most of the control is in the dataset, nothing measures chance: without the
    # control, the clean data alone would claim more because the control has more
    # matches.
    control_texts = eligible.control & counts.by_text.found
    # Control texts that are long enough to be searched for.
    searched_for = max(1.0, controls.texts * (1.0 - control.too_short))
    control_found = 0.0
    if controls.texts:
        control_found = np.count_nonzero(control_texts) / searched_for
    by_measure: list[list[ChanceMeasure]] = []  # By strength, for each measure.
    cleaned = []
    if control_found <= MOSTLY_IN_DATASET:
        if controls.texts:
            cleaned.append(_control_measure(of_rest[0], eligible, controls))
            effect = _design_effect(
                matches, licensed[0], of_control[0], control, eligible
            )
            by_measure.append(
                [
                    replace(_control_measure(each, eligible, controls), effect=effect)
                    for each in of_control
                ]
            )
        # Clean data of another kind measures nothing alone, but beside a control it
        # still counts: otherwise, whoever adds records without tweets to it could make
        # it another kind, and so raise a lower bound.
        if null is not None and (null.kind.same or controls.texts):
            by_measure.append(_null_measures(matches, null, clusters_by_scan[1]))

    # All claims together: each strength with its findings and its measures of chance.
    claims = [
        Claim(strength.claimable, clusters, [each[number] for each in by_measure])
        for number, (strength, clusters) in enumerate(
            zip(counts.strengths, licensed, strict=True)
        )
    ]
    contaminated = _contaminated(matches, cluster, suspected, controls, searched_for)
    return MeasuredChance(
        claims,
        clusters_by_scan,
        control_found,
        int(suspected.sum()) if contaminated else 0,
        cleaned,
        _years(
            matches, counts, cluster, np.flatnonzero(control_texts), controls, control
        ),
    )


def _years(
    matches: ScoredMatches,
    counts: MatchCounts,
    cluster: Numbers,
    found: Numbers,
    controls: Controls,
    control: TextSample,
) -> ControlYears:
    """Count the control's texts, and its clusters of the ``found`` texts, by year. The
    year of a cluster is that of the text of its first finding.
    """
    found = found[np.argsort(counts.by_text.first[found])]
    first = found[np.unique(cluster[found], return_index=True)[1]]
    years = matches.authorship.year.take(pa.array(first)).drop_null().to_numpy()
    return years_of_control(control.year, years.astype(np.int64), controls.texts)


def _in_dataset(cluster: Numbers, counts: MatchCounts, eligible: Eligibility) -> Flags:
    """Return which texts of the control occur in the dataset word for word or nearly,
    bool[texts], unless a similar licensed text was found too: then the dataset may have
    that text, or both are of a third source.
    """
    licensed = distinct(cluster[counts.by_text.found & ~eligible.control])
    return eligible.control & counts.verbatim & ~np.isin(cluster, licensed)


def _contaminated(
    matches: ScoredMatches,
    cluster: Numbers,
    suspected: Flags,
    controls: Controls,
    searched_for: float,
) -> bool:
    """Return whether more of the control's texts are in the dataset than chance
    explains. Similar texts count once.

    Texts that are certainly worded like the dataset and not like the licensed texts
    are quotations: the control has them from the dataset or from a third source.
    """
    texts = np.flatnonzero(suspected)
    texts = texts[np.unique(cluster[texts], return_index=True)[1]]

    def many(groups: float) -> bool:
        low, _ = clopper_pearson(min(groups, searched_for), searched_for)
        return low > VERBATIM_BY_CHANCE

    if not many(len(texts)):
        return False
    quotations = sum(
        compared * min(max(share.low, 0.0), 1.0)
        for share, compared in worded_like_dataset(matches, texts, controls)
    )
    return many(len(texts) - quotations)


def _design_effect(
    matches: ScoredMatches,
    licensed: TextClusters,
    of_control: TextClusters,
    control: TextSample,
    eligible: Eligibility,
) -> float:
    """Return the design effect of the control's clusters that are by one author, or of
    one week: the larger one.
    """
    weight = (
        float(eligible.weights[of_control.first].mean())
        if len(of_control.first)
        else 1.0
    )
    effects = [1.0]
    for every, sample in (
        coded_authors(matches.authorship.author, control.author)[:2],
        (weeks(matches.authorship.time), weeks(control.time)),
    ):
        groups = every[of_control.first], every[licensed.first]
        effects.append(clumping(*groups, weight, sample))
    return max(effects)


def _control_measure(
    clusters: TextClusters, eligible: Eligibility, controls: Controls
) -> ChanceMeasure:
    """Return the chance measure of a control, given its clusters."""
    sizes = clusters.sizes
    tweets = np.maximum(sizes["texts"], sizes["tweets"] * controls.tweets_ratio)
    scaled = clusters._replace(sizes=sizes | {"tweets": tweets})
    weights = eligible.weights[clusters.first]
    return ChanceMeasure("control", scaled, weights, eligible.heaviest)


def _null_measures(
    matches: ScoredMatches, null: NullCounts, cluster: Numbers
) -> list[ChanceMeasure]:
    """Return the chance measures of clean data, by strength: its findings, scaled
    by the ratio of the sizes of both datasets.
    """
    ratio = matches.scanned.characters / max(1, null.scanned.characters)
    (by_strength,) = clusters_by_strength(null.matches, null.strengths, [cluster])
    measures = []
    for clusters in by_strength:
        weights = rarefied(clusters.sizes["records"], ratio)
        sizes = {name: n * ratio / weights for name, n in clusters.sizes.items()}
        scaled = clusters._replace(sizes=sizes)
        measures.append(ChanceMeasure("null", scaled, weights, max(ratio, 1.0)))
    return measures
