"""What a run has measured: chance, recall, and the layers of any part of its
matches.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from provscan.arrays import Flags, Floats, Numbers, distinct
from provscan.calibration.controls import Controls
from provscan.calibration.spike_ins import Recovered, SpikeIns
from provscan.estimate.counters import BestOfRecords, RecordCounter
from provscan.estimate.damage import DAMAGES, of_texts
from provscan.estimate.fdr import q_values
from provscan.estimate.layers import (
    ALONE,
    Found,
    Layers,
    Scope,
    Size,
    Strength,
    layered,
)
from provscan.estimate.limits import Chance, Factor, exactly
from provscan.estimate.strata import Strata, rarefied, years_apart
from provscan.runs.chance import (
    TAIL_OF_EACH,
    UNITS,
    ChanceMeasure,
    TextClusters,
    chances,
    cluster_count,
    text_clusters,
)
from provscan.runs.fraction import held, of_a_text
from provscan.runs.kind import Kind, kind_of
from provscan.runs.matched import (
    STRENGTHS,
    Batch,
    Coding,
    Matched,
    NullScan,
    Sum,
    Sums,
    TextFindings,
    record_counts,
)
from provscan.runs.recalls import Cells, Recalls
from provscan.runs.sample import Extent
from provscan.runs.sides import Classes, Side, classes_of, of_control, recall_group
from provscan.scoring.families import best_of, families
from provscan.scoring.lengths import BANDS
from provscan.scoring.rule import Scorer

# Share of the control's texts that stand in the dataset from which on they measure
# nothing.
MOSTLY_IN_DATASET = 0.5
# Bits of a whole record that is word for word a licensed tweet, to be compared with
# other collections.
WORD_FOR_WORD_BITS = 100.0


@dataclass(frozen=True)
class Part:
    """What was found in the dataset, or of a source, author, year, language; see
    `provscan.runs.matched.Sums`.
    """

    licensed: Sum
    findings: Sum
    claimable: Mapping[
        int, Sum
    ]  # By the place of the strength in `STRENGTHS`: all strengths, or some.
    clusters: Mapping[int, int]  # How many these are.
    nearly: Sum | None = None


@dataclass(frozen=True)
class Counts:
    """What one pass over the matches gives."""

    sums: Sums
    levels: dict[str, int]  # Matches of licensed texts by level.
    cells: Cells
    word_for_word: (
        int  # Whole records that are word for word a licensed text of many bits.
    )


@dataclass(frozen=True)
class Measured:
    matches: Matched
    scanned: Extent
    controls: Controls
    sides: tuple[Side, Side]  # Samples of the licensed and of the control texts.
    scorer: Scorer
    planted: SpikeIns
    back: Recovered
    null: NullScan | None
    index_fraction: float

    @cached_property
    def classes(self) -> Classes:
        return classes_of(*self.sides)

    @property
    def strata(self) -> Strata:
        return self.classes.strata

    @cached_property
    def stratum(self) -> Numbers:
        scores = self.matches.scores
        return self.classes.of(scores.script, scores.band, self.matches.authorship.lang)

    @cached_property
    def weights(self) -> Floats:
        """Of each text, how many licensed ones it counts for if it is of the
        control.
        """
        scores = self.matches.scores
        return self.classes.weights(
            self.stratum, scores.bits / np.maximum(scores.length, 1)
        )

    @cached_property
    def kind(self) -> Kind | None:
        """Whether the null dataset is of the dataset's kind; None without one."""
        if self.null is None:
            return None
        return kind_of(
            self.matches,
            self.scanned,
            self.of_null[0],
            self.null,
            len(self.controls.absent),
        )

    @cached_property
    def usable_null(self) -> NullScan | None:
        """The null dataset, where it measures chance."""
        return self.null if self.kind is not None and self.kind.same else None

    @cached_property
    def measured(self) -> Flags:
        """bool, one a text: it is in a stratum whose chance is measured."""
        result: Flags = self.strata.measured[self.stratum]
        null = self.usable_null
        return (
            result
            if null is None
            else result | null.scripts[self.matches.scores.script]
        )

    @cached_property
    def claimable(self) -> Flags:
        """bool, one a text: it is licensed, and its chance is measured (any, without
        any measure).
        """
        without_chance = self.controls.texts == 0 and self.usable_null is None
        return ~self.matches.control & (self.measured | without_chance)

    @cached_property
    def counts(self) -> Counts:
        m, group = (
            self.matches,
            recall_group(self.matches.scores.script, self.matches.scores.band),
        )
        sums, levels, cells = (
            Sums(m, self.claimable),
            Counter[str](),
            2 * len(BANDS) * DAMAGES,
        )
        best, best_of_all, word_for_word = (
            BestOfRecords(cells),
            BestOfRecords(cells),
            RecordCounter(1),
        )
        chance: npt.NDArray[Any] = np.zeros(cells)
        # A bit for each class of damage in which a text has matches: findings, and all.
        classes = np.zeros((2, len(m.text)), np.int64)
        for batch in m.batches(more=["level"]):
            sums.add(batch)
            control = m.control[batch.place]
            level = batch.columns["level"]
            named = level.filter(pa.array(~control)).value_counts()
            levels.update(
                dict(
                    zip(
                        *(column.to_pylist() for column in named.flatten()), strict=True
                    )
                )
            )
            same = np.char.endswith(
                level.to_numpy(zero_copy_only=False).astype(np.str_), "exact"
            )
            same &= ~control & batch.whole & batch.findings(WORD_FOR_WORD_BITS)
            word_for_word.add(np.zeros(int(same.sum()), np.int64), batch.record[same])
            damage = batch.damage
            cell = group[batch.place] * DAMAGES + damage
            np.bitwise_or.at(
                classes[0], batch.place[batch.counted], 1 << damage[batch.counted]
            )
            np.bitwise_or.at(classes[1], batch.place, 1 << damage)
            for counter, which in (
                (best, self.claimable[batch.place] & batch.counted),
                (best_of_all, ~control),
            ):
                counter.add(batch.record[which], batch.similarity[which], cell[which])
            rows = np.flatnonzero(control & batch.counted & self.measured[batch.place])
            # One after the other, whatever batch they come in: sums of floats depend on
            # the order.
            np.add.at(chance, cell[rows], self.weights[batch.place[rows]])
        weight: Floats = self.claimable - np.where(
            m.control & self.measured, self.weights, 0.0
        )
        all_of: Floats = np.where(m.control, 0.0, 1.0)
        of = [
            of_texts(*each, group, cells // DAMAGES)
            for each in zip(classes, (weight, all_of), strict=True)
        ]
        in_cells = Cells(
            best.count, (best.count - chance, best_of_all.count), (of[0], of[1])
        )
        return Counts(sums, levels, in_cells, int(word_for_word.count[0]))

    @property
    def sums(self) -> Sums:
        return self.counts.sums

    @cached_property
    def recalls(self) -> Recalls:
        return Recalls(self.planted, self.back, self.counts.cells)

    @cached_property
    def of_null(self) -> tuple[Matched, list[TextFindings], int]:
        """Matches in the null dataset, the findings of each strength, and how many are
        of licensed texts.
        """
        assert self.null is not None
        matched = Matched.of(self.null.rows, self.scorer, self.controls)
        findings, licensed = [TextFindings(matched, least) for least in STRENGTHS], 0
        for batch in matched.batches():
            for of in findings:
                of.add(batch)
            licensed += int(np.count_nonzero(~matched.control[batch.place]))
        for of in findings:
            of.count[matched.control] = 0
        return matched, findings, licensed

    @cached_property
    def family(self) -> tuple[Numbers, Numbers]:
        """Families of the texts of the findings, and of those of the null dataset; -1
        of the other texts.
        """
        sides = [(self.matches.text, self.sums.of_texts[0].count)]
        if self.null is not None:
            sides.append((self.of_null[0].text, self.of_null[1][0].count))
        texts = [text[count > 0] for text, count in sides]
        known = distinct(np.concatenate(texts))
        of = families(self.controls.reader, known)
        result = [np.full(len(text), -1) for text, _ in sides]
        for family, (_, count), found in zip(result, sides, texts, strict=True):
            family[count > 0] = of[np.searchsorted(known, found)]
        return result[0], result[-1]

    @cached_property
    def _families(self) -> tuple[Numbers, Numbers]:
        """The family of each text with findings, and of each control text that measures
        chance; -1 of the others.
        """
        control = self.matches.control & self.strata.measured[self.stratum]
        return np.where(self.claimable, self.family[0], -1), np.where(
            control, self.family[0], -1
        )

    @cached_property
    def _clusters(self) -> tuple[list[TextClusters], list[TextClusters]]:
        """Those of findings, and those of control texts, of each strength."""
        codings = [
            Coding(family, least=least)
            for family in self._families
            for least in STRENGTHS
        ]
        counts = record_counts(self.matches, codings)
        made = [
            text_clusters(family, records, self.matches.tweets, of)
            for family, records, of in zip(
                (coding.codes for coding in codings),
                counts,
                [*self.sums.of_texts] * 2,
                strict=True,
            )
        ]
        return made[: len(STRENGTHS)], made[len(STRENGTHS) :]

    @property
    def clusters(self) -> TextClusters:
        return self._clusters[0][0]

    @cached_property
    def chance_measures_by_strength(self) -> list[list[ChanceMeasure]]:
        """The chance measures at each strength."""
        result: list[list[ChanceMeasure]] = [[] for _ in STRENGTHS]
        if self.controls.texts and self.control_found <= MOSTLY_IN_DATASET:
            for measures, of_control_texts in zip(
                result, self._clusters[1], strict=True
            ):
                clusters = of_control_texts.with_tweets(self.controls.tweets_ratio)
                measures.append(
                    ChanceMeasure(
                        "control",
                        clusters,
                        self.weights[clusters.first],
                        self.classes.heaviest,
                    )
                )
        if (null := self.usable_null) is not None:
            matched, findings, _ = self.of_null
            counts = record_counts(
                matched, [Coding(self.family[1], least=least) for least in STRENGTHS]
            )
            ratio = self.scanned.characters / max(1, null.characters)
            for measures, of, records in zip(result, findings, counts, strict=True):
                clusters = text_clusters(self.family[1], records, matched.tweets, of)
                weights = rarefied(clusters.sizes["records"], ratio)
                scaled = {
                    name: size * ratio / weights
                    for name, size in clusters.sizes.items()
                }
                measures.append(
                    ChanceMeasure(
                        "null",
                        replace(clusters, sizes=scaled),
                        weights,
                        max(ratio, 1.0),
                    )
                )
        return result

    @property
    def chance_measures(self) -> list[ChanceMeasure]:
        """The chance measures of all findings."""
        return self.chance_measures_by_strength[0]

    @cached_property
    def whole(self) -> Part:
        sums = self.sums
        claimable = {place: amount.found for place, amount in enumerate(sums.claimable)}
        clusters = {
            place: len(clusters) for place, clusters in enumerate(self._clusters[0])
        }
        return Part(
            sums.licensed.found,
            sums.findings.found,
            claimable,
            clusters,
            sums.nearly.found,
        )

    def of_source(self, source: str) -> Part:
        sums = Sums(self.matches, self.claimable)
        for batch in self.matches.batches(source):
            sums.add(batch)
        claimable = {place: amount.found for place, amount in enumerate(sums.claimable)}
        family = self._families[0]
        clusters = {
            place: cluster_count(family[of.count > 0])
            for place, of in enumerate(sums.of_texts)
        }
        return Part(sums.licensed.found, sums.findings.found, claimable, clusters)

    def of_values(self, codes: Numbers) -> Iterator[Part]:
        """What was found of each group of texts; `codes` are the groups of the texts,
        below 0 for those left out.
        """
        found = np.where(self.matches.control, -1, codes)
        claimed = np.where(self.claimable, codes, -1)
        # All findings, and those of the strength of which the whole dataset has the
        # most.
        places = sorted({0, self.best_strength})
        groups = [Coding(found, findings=False), Coding(found)]
        groups += [
            Coding(claimed, least=STRENGTHS[place], groups=groups[0].size)
            for place in places
        ]
        split = record_counts(self.matches, groups, by_split=True)
        whole = [
            self.whole.licensed,
            self.whole.findings,
            *(self.whole.claimable[place] for place in places),
        ]
        for value in range(groups[0].size):
            licensed, findings, *claimable = (
                all_of.of(coding.codes == value, counts[value])
                for all_of, coding, counts in zip(whole, groups, split, strict=True)
            )
            clusters = {
                place: cluster_count(
                    self._families[0][
                        (claimed == value) & (self.sums.of_texts[place].count > 0)
                    ]
                )
                for place in places
            }
            yield Part(
                licensed, findings, dict(zip(places, claimable, strict=True)), clusters
            )

    @cached_property
    def chance(self) -> dict[str, Chance]:
        """What chance put among all findings, by unit; nothing where it was not
        measured.
        """
        return chances(self.chance_measures, self.clusters)

    @cached_property
    def chance_of(self) -> list[dict[str, Chance]]:
        """The same for each strength, with limits that have the error of one
        strength.
        """
        pairs = zip(self.chance_measures_by_strength, self._clusters[0], strict=True)
        return [
            chances(measures, clusters, TAIL_OF_EACH) for measures, clusters in pairs
        ]

    @cached_property
    def claimed(self) -> bool:
        """Of some strength there are more clusters than chance explains, and more
        records and texts.
        """
        return any(
            self._beyond(chance, self.whole, place)
            for place, chance in enumerate(self.chance_of)
        )

    @staticmethod
    def _beyond(chance: dict[str, Chance], found: Part, place: int) -> bool:
        of = found.claimable[place]
        counted = {
            "clusters": found.clusters[place],
            "records": of.records.sum(),
            "texts": of.texts,
        }
        return bool(chance) and all(
            number > chance[name].high for name, number in counted.items()
        )

    @cached_property
    def best_strength(self) -> int:
        """Place of the strength whose findings exceed chance by most records."""

        def beyond(place: int) -> float:
            chance, records = (
                self.chance_of[place],
                float(self.whole.claimable[place].records.sum()),
            )
            return (
                records - chance["records"].high
                if self._beyond(chance, self.whole, place)
                else -1.0
            )

        return max(range(len(STRENGTHS)), key=beyond) if self.claimed else 0

    @cached_property
    def too_small(self) -> bool:
        """Whether what measures chance could claim nothing even if it had not shown a
        single chance match, and one as large as the licensed texts could.
        """

        def would_claim(heaviest: float | None) -> bool:
            for place, measures in enumerate(self.chance_measures_by_strength):
                without = [measure.without_clusters(heaviest) for measure in measures]
                if self._beyond(
                    chances(without, self._clusters[0][place], TAIL_OF_EACH),
                    self.whole,
                    place,
                ):
                    return True
            return False

        return (
            bool(self.chance_measures)
            and not self.claimed
            and not would_claim(None)
            and would_claim(1.0)
        )

    @property
    def usable(self) -> bool:
        """Whether what measures chance could tell copies of texts like those found."""
        measured = self.claimable_records > 0 or self.finding_records == 0
        return bool(self.chance_measures) and measured and not self.too_small

    @cached_property
    def _rates(self) -> list[tuple[Floats, Floats]]:
        """For each chance measure scores, ascending, and the error rates of lists down
        to one of them or less.
        """
        sums, result = self.sums.of_texts[0], []
        licensed = best_of(self.family[0], sums.best, self.claimable)
        targets = licensed[np.isfinite(licensed)]
        decoys = []
        for measure in self.chance_measures:
            if measure.name == "control":
                best = best_of(self.family[0], sums.best, self.matches.control)
            else:
                matched, rows, _ = self.of_null
                best = best_of(self.family[1], rows[0].best, ~matched.control)
            decoys.append(best[measure.clusters.family])
        # Between two of these scores all lists have the same rate.
        steps = [np.unique(np.append(targets, of)) for of in decoys]
        least = [np.full(len(of) + 1, np.inf) for of in steps]
        for batch in self.matches.batches():
            score = batch.score[batch.counted & ~self.matches.control[batch.place]]
            for of, lowest in zip(steps, least, strict=True):
                np.minimum.at(lowest, np.searchsorted(of, score), score)
        for measure, of, decoy, lowest in zip(
            self.chance_measures, steps, decoys, least, strict=True
        ):
            weights = measure.weights if len(decoy) else np.array([measure.heaviest])
            known = np.isfinite(lowest)
            rates = np.full(len(lowest), np.nan)
            rates[known] = q_values(lowest[known], targets, decoy, weights)
            result.append((of, rates))
        return result

    def q_values(self, batch: Batch) -> Floats:
        """Of each licensed match, 1 where the whole list is no more than chance
        explains; nan where chance was not measured, for any text or for those of its
        stratum.
        """
        result = np.full(len(batch.place), np.nan)
        if not self.chance_measures:
            return result
        licensed = ~self.matches.control[batch.place]
        result[licensed] = 1.0
        if self.claimed:
            rows = licensed & batch.counted
            score = batch.score[rows]
            result[rows] = np.max(
                [rates[np.searchsorted(of, score)] for of, rates in self._rates], axis=0
            )
        result[licensed & batch.counted & ~self.measured[batch.place]] = np.nan
        return result

    def layers(
        self,
        found: Part,
        total: Factor,
        part: float = 1.0,
        names: Sequence[str] = UNITS,
    ) -> dict[str, Layers]:
        """Layers of the measures named, of all or of a source, author, year or
        language.

        `total` is how many records there are, and `part` the share of the chance
        matches that these have, if each has as many for its size. Limits allow for any
        share, so that they hold for all parts at once.
        """
        counted = found.claimable[0]
        effect, several = self.scanned.design_effect(counted), dict[str, Factor]()
        if self.index_fraction < 1.0:
            effect *= of_a_text(counted)
            several = self._held
            if found is not self.whole:
                # One author, say, may be unlike the whole: at least there is what was
                # found.
                several = {
                    name: replace(known, low=self.index_fraction)
                    for name, known in several.items()
                }
        most = {
            "records": total,
            "texts": exactly(self.controls.licensed_texts / self.index_fraction),
            "tweets": exactly(self.controls.licensed_tweets / self.index_fraction),
            "characters": self.scanned.all_characters,
        }
        claimed = {
            place: self._beyond(self.chance_of[place], found, place)
            for place in found.claimable
        }
        result = {}
        for name in names:
            fraction, recalls = (
                self.scanned.fraction * self.index_fraction,
                self.recalls.of_records,
            )
            if name in ("texts", "tweets"):
                fraction = self.index_fraction
                recalls = (
                    self.recalls.of_distinct(self.recalls.of_texts[0], counted),
                    self.recalls.of_distinct(
                        self.recalls.of_texts[1], found.licensed, together=True
                    ),
                )
            elif name == "characters":
                recalls = (
                    self.recalls.of_characters(recalls[0]),
                    self.recalls.of_characters(recalls[1]),
                )
            bounded = name in ("records", "texts") and found.nearly is not None
            strengths = [
                Strength(
                    self.size(name, of),
                    _share_of(self.chance_of[place][name], part),
                    claimed[place],
                )
                for place, of in found.claimable.items()
                if self.chance_measures
            ]
            chance = self.chance.get(name)
            result[name] = layered(
                Found(
                    self.size(name, found.findings).total,
                    self.size(name, found.licensed),
                    self.size(name, counted),
                    self.size(name, found.nearly).total
                    if bounded and found.nearly is not None
                    else None,
                    most[name],
                    self.planted.unit(name, self.controls),
                    several.get(name, ALONE),
                ),
                strengths,
                None if chance is None else _share_of(chance, part),
                recalls,
                self.recalls.least_nearly,
                Scope(fraction, effect if name in ("records", "characters") else 1.0),
            )
        if "tweets" in result and "texts" in result:
            # Every text is that of a tweet.
            result["tweets"] = result["tweets"].no_less(result["texts"])
        return result

    def size(self, unit: str, found: Sum) -> Size:
        if unit == "characters":
            assert found.covered is not None
            return Size(float(found.covered.total), float(found.covered.squares))
        if unit == "tweets":
            sizes = self.matches.tweets[found.copies > 0]
            return Size(float(sizes.sum()), float(sizes @ sizes))
        count = float(found.records.sum() if unit == "records" else found.texts)
        return Size(count, count)

    @cached_property
    def _held(self) -> dict[str, Factor]:
        return held(
            self.matches, self.claimable, self.whole.claimable[0], self.index_fraction
        )

    @cached_property
    def control_found(self) -> float:
        """Share of the control's texts that stand in the dataset, in matches that are
        findings.
        """
        found = np.count_nonzero(
            self.matches.control & (self.sums.of_texts[0].count > 0)
        )
        return (
            found / max(1.0, self.controls.texts * (1.0 - self.sides[1].too_short))
            if self.controls.texts
            else 0.0
        )

    @property
    def finding_records(self) -> int:
        return int(self.whole.findings.records.sum())

    @property
    def claimable_records(self) -> int:
        return int(self.whole.claimable[0].records.sum())

    @cached_property
    def without_control(self) -> tuple[list[str], int]:
        """Strata of licensed texts without control that have findings, and records with
        findings of only those.
        """
        left_out = (self.whole.findings.copies > 0) & ~self.claimable
        names = [
            self.strata.names[number] for number in np.unique(self.stratum[left_out])
        ]
        return names, self.finding_records - self.claimable_records

    @cached_property
    def can_be_told(self) -> float | None:
        """Share of the licensed texts whose exact copy would be a finding; None without
        spike-ins.
        """
        told = self.recalls.can_be_told
        return None if told is None else told * (1.0 - self.sides[0].too_short)

    @cached_property
    def chance_by_year(self) -> tuple[Numbers, Numbers, Numbers]:
        """Years of the control, and its clusters and texts of each."""
        m, rows = self.matches, self.sums.of_texts[0]
        place = np.flatnonzero(m.control & (rows.count > 0))
        place = place[np.argsort(rows.first[place])]
        first = place[np.unique(self.family[0][place], return_index=True)[1]]
        known = m.authorship.year.take(pa.array(first)).drop_null().to_numpy()
        return of_control(
            self.sides[1].year, known.astype(np.int64), self.controls.texts
        )

    @cached_property
    def placebo(self) -> dict[str, Any] | None:
        """The earlier half of the control's years against the later half."""
        return years_apart(*self.chance_by_year)


def _share_of(chance: Chance, part: float) -> Chance:
    """Chance among a part of the findings: any share of it, in the limits."""
    return chance if part >= 1.0 else Chance(chance.expected * part, 0.0, chance.high)
