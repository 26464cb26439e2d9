"""What a run has measured: chance, recall, and the layers of any part of its matches."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from provscan.arrays import Flags, Floats, Numbers, distinct
from provscan.calibration.controls import Controls
from provscan.calibration.edits import HEAVY, SEVERE
from provscan.calibration.spike_ins import Recovered, SpikeIns
from provscan.estimate.counters import BestOfRecords
from provscan.estimate.damage import DAMAGES, PIECES, damage_of, of_texts
from provscan.estimate.fdr import q_values
from provscan.estimate.layers import ALONE, Found, Layers, layered
from provscan.estimate.limits import Chance, Factor, exactly
from provscan.estimate.recall import FINDABLE, Planted, Recall, recall_of
from provscan.estimate.strata import Strata, rarefied, years_apart
from provscan.runs.chance import MEASURES, Bunches, Gauge, bunched, bunches_of, widest
from provscan.runs.fraction import held, of_a_text
from provscan.runs.matched import Batch, Coding, CountedRows, Matched, NullScan, Sum, Sums, record_counts
from provscan.runs.sample import Extent
from provscan.runs.sides import Classes, Side, classes_of, of_control, recall_group
from provscan.scoring.families import best_of, families
from provscan.scoring.lengths import BANDS
from provscan.scoring.rule import Scorer

# Share of the control's texts that stand in the dataset from which on they measure nothing.
MOSTLY_IN_DATASET = 0.5
# Recall from which on the number of texts follows from how many copies were found of each.
CONVERGES = 0.6
# Copies of a text from which on their number makes no difference.
MANY_COPIES = 20
# By how many times as much a measure of chance is tried, and up to how many bunches.
TIMES, MOST_BUNCHES = [1.1**n for n in range(1, 100)], 100_000


@dataclass(frozen=True)
class Part:
    """What was found in the dataset, or of a source, author, year, language."""

    # As in `provscan.runs.matched.Sums`.
    licensed: Sum
    beside: Sum
    counted: Sum
    bunches: int  # How many the matches that count are.


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
        """Of each text, how many licensed ones it counts for if it is of the control."""
        scores = self.matches.scores
        return self.classes.weights(self.stratum, scores.bits / np.maximum(scores.length, 1))

    @cached_property
    def measured(self) -> Flags:
        """bool, one a text: it is in a stratum whose chance is measured."""
        result: Flags = self.strata.measured[self.stratum]
        return result if self.null is None else result | self.null.scripts[self.matches.scores.script]

    @cached_property
    def claimable(self) -> Flags:
        """bool, one a text: it is licensed, and its chance is measured (any, without any measure)."""
        without_chance = self.controls.texts == 0 and self.null is None
        return ~self.matches.control & (self.measured | without_chance)

    @cached_property
    def _pass(self) -> tuple[Sums, dict[str, int], Floats, list[tuple[Floats, Floats]]]:
        """The sums, matches by level, records that count by cells of recall; records and texts by cells: those that
        count, less chance, and all that were found."""
        m, group = self.matches, recall_group(self.matches.scores.script, self.matches.scores.band)
        sums, levels, cells = Sums(m, self.claimable), Counter[str](), 2 * len(BANDS) * DAMAGES
        best, best_of_all = BestOfRecords(cells), BestOfRecords(cells)
        chance: npt.NDArray[Any] = np.zeros(cells)
        # A bit for each class of damage in which a text has matches: those that count, and all.
        classes = np.zeros((2, len(m.text)), np.int64)
        for batch in m.batches(more=["level"]):
            sums.add(batch)
            control = m.control[batch.place]
            named = batch.columns["level"].filter(pa.array(~control)).value_counts()
            levels.update(dict(zip(*(column.to_pylist() for column in named.flatten()), strict=True)))
            damage = batch.damage
            cell = group[batch.place] * DAMAGES + damage
            np.bitwise_or.at(classes[0], batch.place[batch.counted], 1 << damage[batch.counted])
            np.bitwise_or.at(classes[1], batch.place, 1 << damage)
            for counter, which in ((best, self.claimable[batch.place] & batch.counted), (best_of_all, ~control)):
                counter.add(batch.record[which], batch.similarity[which], cell[which])
            rows = np.flatnonzero(control & batch.counted & self.measured[batch.place])
            # One after the other, whatever batch they come in: sums of floats depend on the order.
            np.add.at(chance, cell[rows], self.weights[batch.place[rows]])
        weight: Floats = self.claimable - np.where(m.control & self.measured, self.weights, 0.0)
        all_of: Floats = np.where(m.control, 0.0, 1.0)
        of = [of_texts(*each, group, cells // DAMAGES) for each in zip(classes, (weight, all_of), strict=True)]
        return sums, levels, best.count, [(best.count - chance, best_of_all.count), (of[0], of[1])]

    @property
    def sums(self) -> Sums:
        return self._pass[0]

    @property
    def levels(self) -> dict[str, int]:
        return self._pass[1]

    @cached_property
    def of_null(self) -> tuple[Matched, CountedRows, int]:
        """Matches in the null dataset, those that count, and how many are of licensed texts."""
        assert self.null is not None
        matched = Matched.of(self.null.rows, self.scorer, self.controls)
        rows, licensed = CountedRows(matched), 0
        for batch in matched.batches():
            rows.add(batch)
            licensed += int(np.count_nonzero(~matched.control[batch.place]))
        rows.count[matched.control] = 0
        return matched, rows, licensed

    @cached_property
    def family(self) -> tuple[Numbers, Numbers]:
        """Families of the texts of the matches, and of those of the null dataset; -1 where no match counts."""
        sides = [(self.matches.text, self.sums.of_texts.count)]
        if self.null is not None:
            sides.append((self.of_null[0].text, self.of_null[1].count))
        texts = [text[count > 0] for text, count in sides]
        known = distinct(np.concatenate(texts))
        of = families(self.controls.reader, known)
        result = [np.full(len(text), -1) for text, _ in sides]
        for family, (_, count), counted in zip(result, sides, texts, strict=True):
            family[count > 0] = of[np.searchsorted(known, counted)]
        return result[0], result[-1]

    @cached_property
    def _families(self) -> tuple[Numbers, Numbers]:
        """The family of each text that counts, and of each control text that measures chance; -1 of the others."""
        control = self.matches.control & self.strata.measured[self.stratum]
        return np.where(self.claimable, self.family[0], -1), np.where(control, self.family[0], -1)

    @cached_property
    def _bunches(self) -> list[Bunches]:
        """Those that count, and those of control texts."""
        counts = record_counts(self.matches, [Coding(family) for family in self._families])
        return [
            bunched(family, records, self.matches.tweets, self.sums.of_texts)
            for family, records in zip(self._families, counts, strict=True)
        ]

    @property
    def bunches(self) -> Bunches:
        return self._bunches[0]

    @cached_property
    def gauges(self) -> list[Gauge]:
        """What measures chance."""
        result = []
        if self.controls.texts and self.control_found <= MOSTLY_IN_DATASET:
            bunches = self._bunches[1].with_tweets(self.controls.tweets_ratio)
            result.append(Gauge("control", bunches, self.weights[bunches.first], self.classes.heaviest))
        if self.null is not None:
            matched, rows, _ = self.of_null
            (records,) = record_counts(matched, [Coding(self.family[1])])
            bunches = bunched(self.family[1], records, matched.tweets, rows)
            ratio = self.scanned.characters / max(1, self.null.characters)
            weights = rarefied(bunches.sizes["records"], ratio)
            scaled = {name: size * ratio / weights for name, size in bunches.sizes.items()}
            result.append(Gauge("null", replace(bunches, sizes=scaled), weights, max(ratio, 1.0)))
        return result

    @cached_property
    def whole(self) -> Part:
        sums = self.sums
        return Part(sums.licensed.found, sums.beside.found, sums.counted.found, len(self.bunches))

    def of_source(self, source: str) -> Part:
        sums = Sums(self.matches, self.claimable)
        for batch in self.matches.batches(source):
            sums.add(batch)
        bunches = bunches_of(self._families[0][sums.of_texts.count > 0])
        return Part(sums.licensed.found, sums.beside.found, sums.counted.found, bunches)

    def of_values(self, codes: Numbers) -> Iterator[Part]:
        """What was found of each group of texts; `codes` are the groups of the texts, below 0 for those left out."""
        found = np.where(self.matches.control, -1, codes)
        claimed = np.where(self.claimable, codes, -1)
        groups = (Coding(found, counted=False), Coding(found), Coding(claimed))
        split = record_counts(self.matches, groups, by_split=True)
        whole = (self.whole.licensed, self.whole.beside, self.whole.counted)
        for value in range(int(codes.max(initial=-1)) + 1):
            licensed, beside, counted = (
                all_of.of(coding.codes == value, counts[value])
                for all_of, coding, counts in zip(whole, groups, split, strict=True)
            )
            yield Part(licensed, beside, counted, bunches_of(self._families[0][claimed == value]))

    @cached_property
    def claimed(self) -> bool:
        """More bunches than chance explains, and more records and texts."""
        return self._beyond(self.chance, self.whole)

    @staticmethod
    def _beyond(chance: dict[str, Chance], found: Part) -> bool:
        counted = {"bunches": found.bunches, "records": found.counted.records.sum(), "texts": found.counted.texts}
        return bool(chance) and all(number > chance[name].high for name, number in counted.items())

    @cached_property
    def chance(self) -> dict[str, Chance]:
        """What chance put among all licensed matches, by measure; nothing where it was not measured."""
        return self._chance_by(self.gauges)

    def _chance_by(self, gauges: list[Gauge]) -> dict[str, Chance]:
        like = self.bunches.sizes
        names = ("bunches", *MEASURES) if gauges else ()
        return {name: widest(gauges, name, like.get(name)) for name in names}

    @cached_property
    def too_small(self) -> float | None:
        """How many times as much would tell the findings from chance at the same rate; ``None`` where nothing would."""
        if self.claimed or not self.gauges or len(self.bunches) == 0:
            return None
        most = MOST_BUNCHES // max(1, max(len(gauge.bunches) for gauge in self.gauges))
        tried = [times for times in TIMES if times <= most]

        def is_enough(times: float) -> bool:
            return self._beyond(self._chance_by([gauge.grown(times) for gauge in self.gauges]), self.whole)

        return tried[bisect_left(tried, True, key=is_enough)] if tried and is_enough(tried[-1]) else None

    @cached_property
    def _rates(self) -> list[tuple[Floats, Floats]]:
        """Of each gauge scores, ascending, and the error rates of lists that reach down to one of them or less."""
        sums, result = self.sums.of_texts, []
        licensed = best_of(self.family[0], sums.best, self.claimable)
        targets = licensed[np.isfinite(licensed)]
        decoys = []
        for gauge in self.gauges:
            if gauge.name == "control":
                best = best_of(self.family[0], sums.best, self.matches.control)
            else:
                matched, rows, _ = self.of_null
                best = best_of(self.family[1], rows.best, ~matched.control)
            decoys.append(best[gauge.bunches.family])
        # Between two of these scores all lists have the same rate.
        steps = [np.unique(np.append(targets, of)) for of in decoys]
        least = [np.full(len(of) + 1, np.inf) for of in steps]
        for batch in self.matches.batches():
            score = batch.score[batch.counted & ~self.matches.control[batch.place]]
            for of, lowest in zip(steps, least, strict=True):
                np.minimum.at(lowest, np.searchsorted(of, score), score)
        for gauge, of, decoy, lowest in zip(self.gauges, steps, decoys, least, strict=True):
            weights = gauge.weights if len(decoy) else np.array([gauge.heaviest])
            known = np.isfinite(lowest)
            rates = np.full(len(lowest), np.nan)
            rates[known] = q_values(lowest[known], targets, decoy, weights)
            result.append((of, rates))
        return result

    def q_values(self, batch: Batch) -> Floats:
        """Of each licensed match, 1 where the whole list is no more than chance explains; nan where chance was not
        measured, for any text or for those of its stratum."""
        result = np.full(len(batch.place), np.nan)
        if not self.gauges:
            return result
        licensed = ~self.matches.control[batch.place]
        result[licensed] = 1.0
        if self.claimed:
            rows = licensed & batch.counted
            score = batch.score[rows]
            result[rows] = np.max([rates[np.searchsorted(of, score)] for of, rates in self._rates], axis=0)
        result[licensed & batch.counted & ~self.measured[batch.place]] = np.nan
        return result

    def _recall(self, found: Flags, shown: Floats, *, upper: bool) -> Recall | None:
        """Recall of what shows in some cells; upper limits allow for severe edits, or of which hardly any is found."""
        if len(self.planted) == 0:
            return None
        group = recall_group(self.planted.script, self.planted.band)
        damage = damage_of(self.back.similarity, self.back.containment, self.back.pieces)
        kept = self.usual | upper
        planted = Planted(self.planted.edit[kept], group[kept], damage[kept], found[kept])
        return recall_of(planted, np.maximum(shown, 0.0).reshape(2 * len(BANDS), DAMAGES), upper=upper)

    @cached_property
    def usual(self) -> Flags:
        """bool, one a spike-in: its edit is none of the severe ones, for which "at most" allows alone."""
        return ~np.isin(self.planted.edit, [edit.__name__ for edit in SEVERE])

    @cached_property
    def recalls(self) -> tuple[Recall | None, Recall | None]:
        """Recall of what counts, less what chance explains, and of any verified match."""
        return self._recalls(*self._pass[3][0])

    @cached_property
    def recalls_of_texts(self) -> tuple[Recall | None, Recall | None]:
        """The same of a copy of any text: one that stands in most of the records says nothing of the other texts."""
        return self._recalls(*self._pass[3][1])

    def _recalls(self, counted: Floats, found: Floats) -> tuple[Recall | None, Recall | None]:
        recall = self._recall(self.back.counted, counted, upper=False)
        return (
            None if recall is None else replace(recall, low=recall.low * (1.0 - akin(recall))),
            self._recall(self.back.found, found, upper=True),
        )

    def layers(
        self, found: Part, total: Factor, part: float = 1.0, names: Sequence[str] = MEASURES
    ) -> dict[str, Layers]:
        """Layers of the measures named, of all or of a source, author, year or language.

        `total` is how many records there are, and `part` the share of the chance matches that these have, if each has
        as many for its size. Limits allow for any share, so that they hold for all parts at once.
        """
        claimed = self._beyond(self.chance, found)
        effect, several = self.scanned.design_effect(found.counted), dict[str, Factor]()
        if self.index_fraction < 1.0:
            effect *= of_a_text(found.counted)
            several = self._held
            if found is not self.whole:
                # One author, say, may be unlike the whole: at least there is what was found.
                several = {name: replace(known, low=self.index_fraction) for name, known in several.items()}
        most = {
            "records": total,
            "texts": exactly(self.controls.licensed_texts / self.index_fraction),
            "tweets": exactly(self.controls.licensed_tweets / self.index_fraction),
            "characters": self.scanned.all_characters,
        }
        result = {}
        for name in names:
            sizes = [self.size(name, of) for of in (found.licensed, found.beside, found.counted)]
            (every, every_squares), (beside, _), (counted, squares) = sizes
            unit = every_squares / every if every else self.planted.unit(name, self.controls)
            fraction, recalls = self.scanned.fraction * self.index_fraction, self.recalls
            if name in ("texts", "tweets"):
                fraction = self.index_fraction
                recalls = (
                    self._of_texts(self.recalls_of_texts[0], found.counted),
                    self._of_texts(self.recalls_of_texts[1], found.licensed, together=True),
                )
            elif name == "characters":
                recalls = self._under(recalls[0]), self._under(recalls[1])
            chance = self.chance.get(name)
            if chance is not None and part < 1.0:
                chance = Chance(chance.expected * part, 0.0, chance.high)
            result[name] = layered(
                Found(every, counted, squares, max(0.0, beside - counted), most[name], unit, several.get(name, ALONE)),
                chance,
                *recalls,
                claimed=claimed,
                fraction=fraction,
                effect=effect if name in ("records", "characters") else 1.0,
            )
        if "tweets" in result and "texts" in result:
            # Every text is that of a tweet.
            result["tweets"] = result["tweets"].no_less(result["texts"])
        return result

    def size(self, measure: str, found: Sum) -> tuple[float, float]:
        """Sum of the sizes of the units of a measure, and of their squares."""
        if measure == "characters":
            assert found.covered is not None
            return float(found.covered.total), float(found.covered.squares)
        if measure == "tweets":
            sizes = self.matches.tweets[found.copies > 0]
            return float(sizes.sum()), float(sizes @ sizes)
        count = float(found.records.sum() if measure == "records" else found.texts)
        return count, count

    def _of_texts(self, recall: Recall | None, found: Sum, *, together: bool = False) -> Recall | None:
        """Share of the distinct texts of which at least one copy is found.

        A text with o copies found counts for ``1 - (-(1 - r) / r) ** o`` texts (Good & Toulmin 1956,
        doi:10.1093/biomet/43.1-2.45), and where the series does not converge for 1 / r, as if each had one copy. Texts
        that can't be detected are lost with all their copies. What loses one copy of a text may lose its others: the
        lower limit lies half way to a loss of all copies together, and with `together` there.
        """
        # How many texts have no copy, one, two and so on.
        having = np.bincount(np.minimum(found.copies, MANY_COPIES), minlength=1)
        having[0] = 0
        count = int(having.sum())
        if count == 0 or recall is None:
            return recall
        possible = max(float(self.back.detectable.mean()), recall.high, 1e-3)

        def share(r: float) -> float:
            if r < CONVERGES * possible:
                return r
            odds = (possible - r) / r
            texts = float(having @ (1.0 - (-odds) ** np.arange(len(having))))
            return possible * count / max(texts, count)

        other = 1.0 - float(self.back.same_text[self.back.found & self.usual].mean())
        low = recall.low if together else math.sqrt(recall.low * share(recall.low))
        low, high = low * (1.0 - other), min(1.0, share(recall.high) * (1.0 + other))
        return replace(recall, value=share(recall.value), low=min(low, share(recall.value)), high=high)

    def _under(self, recall: Recall | None) -> Recall | None:
        """Recall of characters: of a copy that is found, a part may lie outside of the match.

        How large a part depends on the edit: of the mixture of edits it is what their spike-ins say. Copies that were
        edited otherwise may lack nothing, or twice as much.
        """
        if recall is None:
            return None
        found, edit = self.back.found, self.planted.edit
        parts = {e: 1.0 - float(self.back.share[found & (edit == e)].mean()) for e in np.unique(edit[found]).tolist()}
        shown = {e: recall.of_edit[e] * of for e, of in recall.mixture.items() if e in parts}
        outside = sum(parts[e] * of for e, of in shown.items()) / max(sum(shown.values()), 1e-9)
        return replace(recall, value=recall.value * (1.0 - outside), low=recall.low * (1.0 - outside) ** 2)

    @cached_property
    def _held(self) -> dict[str, Factor]:
        return held(self.matches, self.claimable, self.whole.counted, self.index_fraction)

    @cached_property
    def control_found(self) -> float:
        """Share of the control's texts that stand in the dataset, in matches that count."""
        found = np.count_nonzero(self.matches.control & (self.sums.of_texts.count > 0))
        return found / max(1.0, self.controls.texts * (1.0 - self.sides[1].too_short)) if self.controls.texts else 0.0

    @property
    def counted_records(self) -> int:
        return int(self.whole.counted.records.sum())

    @property
    def in_pieces(self) -> float:
        """Share of the records with a match that counts in which the text is in pieces."""
        cells = self._pass[2].reshape(-1, DAMAGES)
        return float(cells[:, PIECES:].sum()) / max(1.0, float(cells.sum()))

    @property
    def not_counted(self) -> tuple[int, int]:
        """Records with a match, and how many of them have none that counts."""
        findings, counted = (int(of.records.sum()) for of in (self.whole.licensed, self.whole.beside))
        return findings, findings - counted

    @cached_property
    def without_control(self) -> tuple[list[str], int]:
        """Strata of licensed texts without control that have matches that count, and records that match only those."""
        left_out = (self.whole.beside.copies > 0) & ~self.claimable
        names = [self.strata.names[number] for number in np.unique(self.stratum[left_out])]
        return names, int(self.whole.beside.records.sum()) - self.counted_records

    @cached_property
    def chance_by_year(self) -> tuple[Numbers, Numbers, Numbers]:
        """Years of the control, and its bunches and texts of each."""
        m, rows = self.matches, self.sums.of_texts
        place = np.flatnonzero(m.control & (rows.count > 0))
        place = place[np.argsort(rows.first[place])]
        first = place[np.unique(self.family[0][place], return_index=True)[1]]
        known = m.authorship.year.take(pa.array(first)).drop_null().to_numpy()
        return of_control(self.sides[1].year, known.astype(np.int64), self.controls.texts)

    @cached_property
    def placebo(self) -> dict[str, Any] | None:
        """The earlier half of the control's years against the later half."""
        return years_apart(*self.chance_by_year)


def akin(recall: Recall) -> float:
    """Share of the copies that went through heavy edits of which hardly any is found, if each is as frequent as those
    that the matches show."""
    heavy = {e.__name__: recall.of_edit[e.__name__] for e in HEAVY if e.__name__ in recall.of_edit}
    shown = [recall.mixture.get(edit, 0.0) for edit, found in heavy.items() if found >= FINDABLE]
    lost = (len(heavy) - len(shown)) * float(np.mean(shown)) if shown else 0.0
    return lost / (1.0 + lost)
