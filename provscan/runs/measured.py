"""What a run has measured: chance, recall, and the layers of any part of its matches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from provscan.calibration.controls import Controls
from provscan.calibration.edits import HEAVY, SEVERE
from provscan.calibration.null import NullScan
from provscan.calibration.spike_ins import Recovered, SpikeIns
from provscan.estimate.damage import DAMAGES, PIECES, coded, covered, damage_of, record_numbers
from provscan.estimate.fdr import q_values
from provscan.estimate.layers import Found, Layers, layered
from provscan.estimate.recall import FINDABLE, Planted, Recall, recall_of
from provscan.estimate.strata import Strata, rarefied, years_apart
from provscan.matching.parts import PartResult
from provscan.matching.task import Sampling
from provscan.runs.chance import MEASURES, Bunches, Gauge, bunched, widest
from provscan.runs.sample import FileSample
from provscan.runs.sides import Classes, Side, band_places, classes_of, side_of
from provscan.runs.years import of_control
from provscan.scoring.authorship import Authorship, authorship
from provscan.scoring.families import families
from provscan.scoring.lengths import BANDS, SCRIPTS
from provscan.scoring.rule import Scorer, Scores

Numbers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

# Recall from which on the number of texts follows from how many copies were found of each.
CONVERGES = 0.6
UNSPACED = np.array([name in ("chinese", "japanese", "thai") for name in SCRIPTS])


@dataclass(frozen=True)
class Matched:
    """The match table as arrays, one entry a row; `record` and `field` number the records and fields with matches."""

    rows: pa.Table
    scores: Scores
    # Of the earliest tweet of each distinct text, and which entry belongs to each match.
    authorship: Authorship
    place: Numbers
    text: Numbers
    record: Numbers
    field: Numbers
    start: Numbers
    end: Numbers
    tweets: Floats
    similarity: Floats
    damage: Numbers
    control: Flags

    @classmethod
    def of(cls, rows: pa.Table, scorer: Scorer, controls: Controls) -> Matched:
        text = rows["text"].to_numpy()
        similarity, containment = (rows[name].to_numpy().astype(np.float64) for name in ("similarity", "containment"))
        distinct, place = np.unique(text, return_inverse=True)
        return cls(
            rows,
            scorer.scores(text, containment, similarity),
            authorship(scorer.reader, distinct),
            place.reshape(-1),
            text,
            (record := record_numbers(rows["source"], rows["record"])),
            _numbered(record, coded(rows["field"]) + 1),
            rows["start"].to_numpy(),
            rows["end"].to_numpy(),
            rows["tweets"].to_numpy().astype(np.float64),
            similarity,
            damage_of(similarity, containment, rows["pieces"].to_numpy()),
            controls.absent[text],
        )


@dataclass(frozen=True)
class Measured:
    """One run's statistics."""

    matches: Matched
    results: list[PartResult]
    controls: Controls
    scorer: Scorer
    planted: SpikeIns
    back: Recovered
    null: NullScan | None
    sampling: Sampling
    drawn: FileSample | None
    index_fraction: float

    @cached_property
    def sides(self) -> tuple[Side, Side]:
        """Samples of the licensed and of the control texts."""
        licensed, control = (side_of(self.controls, self.scorer.background, absent=absent) for absent in (False, True))
        return licensed, control

    @cached_property
    def classes(self) -> Classes:
        return classes_of(*self.sides)

    @property
    def strata(self) -> Strata:
        return self.classes.strata

    @cached_property
    def stratum(self) -> Numbers:
        """Of each match the stratum of its text."""
        m = self.matches
        return self.classes.of(m.scores.script, m.scores.band, m.authorship.lang, m.place)

    @cached_property
    def null_scores(self) -> Scores | None:
        null = self.null
        return None if null is None else self.scorer.scores(null.text, null.containment, null.similarity)

    @cached_property
    def family(self) -> tuple[Numbers, Numbers]:
        """Families of the texts of the matches, and of those of the null dataset; -1 where a match does not count."""
        matches = self.matches
        texts = [matches.text[matches.scores.counted]]
        if self.null is not None and self.null_scores is not None:
            texts.append(self.null.text[self.null_scores.counted])
        known, place = np.unique(np.concatenate(texts), return_inverse=True)
        of = families(self.controls.reader, known)[place.reshape(-1)]
        parts = np.split(of, [len(texts[0])])
        licensed, null = np.full(len(matches.text), -1), np.full(0 if self.null is None else len(self.null.text), -1)
        licensed[matches.scores.counted] = parts[0]
        if self.null_scores is not None:
            null[self.null_scores.counted] = parts[1]
        return licensed, null

    def _bunches(self, rows: Numbers) -> Bunches:
        m = self.matches
        size = (m.end - m.start).astype(np.float64)
        return bunched(self.family[0][rows], m.record[rows], m.text[rows], m.tweets[rows], size[rows])

    @cached_property
    def gauges(self) -> list[Gauge]:
        """What measures chance."""
        result = []
        m = self.matches
        if self.controls.texts:
            rows = np.flatnonzero(m.control & m.scores.counted & self.strata.measured[self.stratum])
            bunches = self._bunches(rows)
            weights = self.strata.weights
            of_bunch = weights[self.stratum[rows[bunches.first]]] if len(bunches) else np.zeros(0)
            result.append(Gauge("control", bunches, of_bunch, float(weights.max(initial=0.0))))
        if self.null is not None and self.null_scores is not None:
            rows = np.flatnonzero(self.null_scores.counted)
            tweets = self.controls.reader.tweet_counts(self.null.text[rows]).astype(np.float64)
            bunches = bunched(
                self.family[1][rows], self.null.record[rows], self.null.text[rows], tweets,
                self.null.size[rows].astype(np.float64),
            )  # fmt: skip
            ratio = sum(result.characters for result in self.results) / max(1, self.null.characters)
            weights = rarefied(bunches.sizes["records"], ratio)
            scaled = {name: size * ratio / weights for name, size in bunches.sizes.items()}
            result.append(Gauge("null", replace(bunches, sizes=scaled), weights, max(ratio, 1.0)))
        return result

    @cached_property
    def measured(self) -> Flags:
        """bool, one a match: its text is in a stratum whose chance is measured."""
        return np.ones(len(self.matches.text), np.bool_) if self.null else self.strata.measured[self.stratum]

    @cached_property
    def counted(self) -> Numbers:
        """Rows of licensed matches that count, in strata whose chance is measured (in all without any measure)."""
        m = self.matches
        return np.flatnonzero(m.scores.counted & ~m.control & (self.measured | (not self.gauges)))

    @cached_property
    def bunches(self) -> Bunches:
        return self._bunches(self.counted)

    @cached_property
    def claimed(self) -> bool:
        """More bunches than chance explains, and more records and texts."""
        return self._claimed(self.counted, self.bunches, 1.0)

    def _claimed(self, rows: Numbers, bunches: Bunches, part: float) -> bool:
        expected = widest(self.gauges, "bunches", part=part)
        if expected is None or len(bunches) <= expected.high:
            return False
        for name, of in (("records", self.matches.record), ("texts", self.matches.text)):
            most = widest(self.gauges, name, bunches.sizes[name], part)
            if most is None or len(np.unique(of[rows])) <= most.high:
                return False
        return True

    @cached_property
    def q_values(self) -> Floats:
        """Of each licensed match, nan where not known; 1 where the whole list is no more than chance explains."""
        m = self.matches
        result = np.full(len(m.text), np.nan)
        if not self.gauges:
            return result
        result[~m.control] = 1.0
        if not self.claimed:
            return result
        score = np.nan_to_num(m.scores.bits)
        licensed = _best_of(self.family[0], score, self.counted)
        counted = ~m.control & m.scores.counted
        rates = []
        for gauge in self.gauges:
            if gauge.name == "control":
                best = _best_of(self.family[0], score, np.flatnonzero(m.control & m.scores.counted))
            else:
                assert self.null_scores is not None
                bits = np.nan_to_num(self.null_scores.bits)
                best = _best_of(self.family[1], bits, np.flatnonzero(self.null_scores.counted))
            decoys = best[gauge.bunches.family]
            weights = gauge.weights if len(decoys) else np.array([gauge.heaviest])
            rates.append(q_values(score[counted], licensed[np.isfinite(licensed)], decoys, weights))
        result[counted] = np.max(rates, axis=0)
        return result

    def _recall(self, found: Flags, rows: Numbers, chance: Numbers, weights: Floats, *, upper: bool) -> Recall | None:
        """Recall of what shows in `rows`; rows of chance matches, each times its weight, are taken off.

        For upper limits copies are allowed for that went through severe edits, or of which hardly any is found.
        """
        if len(self.planted) == 0:
            return None
        m, best = self.matches, self._best(rows)
        shape = (2 * len(BANDS), DAMAGES)
        cell = _group(m.scores.script, m.scores.band) * shape[1] + m.damage
        shown = np.bincount(cell[best], minlength=shape[0] * shape[1]).astype(np.float64)
        shown -= np.bincount(cell[chance], weights, shape[0] * shape[1])
        group = _group(self.planted.script, self.planted.band)
        damage = damage_of(self.back.similarity, self.back.containment, self.back.pieces)
        kept = self.usual | upper
        planted = Planted(self.planted.edit[kept], group[kept], damage[kept], found[kept])
        return recall_of(planted, np.maximum(shown, 0.0).reshape(shape), upper=upper)

    @cached_property
    def usual(self) -> Flags:
        """bool, one a spike-in: its edit is none of the severe ones, for which "at most" allows alone."""
        result: Flags = ~np.isin(self.planted.edit, [edit.__name__ for edit in SEVERE])
        return result

    def _best(self, rows: Numbers) -> Numbers:
        """The most similar match of each record."""
        best = np.full(int(self.matches.record.max(initial=-1)) + 1, -1)
        rows = rows[np.argsort(self.matches.similarity[rows], kind="stable")]
        best[self.matches.record[rows]] = rows
        return best[best >= 0]

    @cached_property
    def recalls(self) -> tuple[Recall | None, Recall | None]:
        """Recall of what counts, and of any verified match."""
        m = self.matches
        rows = np.flatnonzero(m.control & m.scores.counted & self.measured)
        weights = self.strata.weights[self.stratum[rows]] if len(rows) else np.zeros(0)
        none = np.zeros(0, np.int64)
        recall = self._recall(self.back.counted, self.counted, rows, weights, upper=False)
        return (
            None if recall is None else replace(recall, low=recall.low * (1.0 - akin(recall))),
            self._recall(self.back.found, np.flatnonzero(~m.control), none, np.zeros(0), upper=True),
        )

    def layers(
        self,
        rows: Numbers,
        findings: Numbers,
        total: float,
        part: float = 1.0,
        names: Sequence[str] = MEASURES,
    ) -> dict[str, Layers]:
        """Layers of the measures named, of all or of a source, author, year or language.

        `rows` are those that count, `findings` all licensed ones, `total` the records that there are, and `part` the
        share of the chance matches that these have.
        """
        whole = rows is self.counted
        bunches = self.bunches if whole else self._bunches(rows)
        claimed = self.claimed if whole else self.claimed and self._claimed(rows, bunches, part)
        effect = self._effect(rows) if self.drawn is not None else 1.0
        result = {}
        for name in names:
            units, most = self._units(name, rows, total)
            every, _ = self._units(name, findings, total)
            beside, _ = self._units(name, findings[self.matches.scores.counted[findings]], total)
            fraction, recalls = self.fraction * self.index_fraction, self.recalls
            if name in ("texts", "tweets"):
                fraction = self.index_fraction
                recalls = self._of_texts(recalls[0], rows), self._of_texts(recalls[1], findings, together=True)
            elif name == "characters":
                recalls = self._under(recalls[0]), self._under(recalls[1])
            result[name] = layered(
                Found(float(every.sum()), units, max(0.0, float(beside.sum() - units.sum())), most),
                widest(self.gauges, name, bunches.sizes[name], part),
                *recalls,
                claimed=claimed,
                fraction=fraction,
                effect=effect if name in ("records", "characters") else 1.0,
            )
        return result

    def _units(self, measure: str, rows: Numbers, total: float) -> tuple[Floats, float]:
        """Sizes of the units of a measure in some rows, and the most there can be."""
        m = self.matches
        if measure == "records":
            return np.ones(len(np.unique(m.record[rows]))), total
        if measure == "characters":
            fields, number = np.unique(m.field[rows], return_inverse=True)
            sizes = covered(number.reshape(-1), m.start[rows], m.end[rows], len(fields))
            return sizes, self.characters / self.fraction
        first = np.unique(m.text[rows], return_index=True)[1]
        sizes = np.ones(len(first)) if measure == "texts" else m.tweets[rows[first]]
        licensed = self.controls.licensed_texts if measure == "texts" else self.controls.licensed_tweets
        return sizes, licensed / self.index_fraction

    def _of_texts(self, recall: Recall | None, rows: Numbers, *, together: bool = False) -> Recall | None:
        """Share of the distinct texts of which at least one copy is found.

        A text with o copies found counts for ``1 - (-(1 - r) / r) ** o`` texts (Good & Toulmin 1956,
        doi:10.1093/biomet/43.1-2.45), and where the series does not converge for 1 / r, as if each had one copy. Texts
        that can't be detected are lost with all their copies; with `together` the lower limit takes it that all are.
        """
        m = self.matches
        if len(rows) == 0 or recall is None:
            return recall
        first = np.unique(_numbered(m.text[rows], m.record[rows]), return_index=True)[1]
        copies = np.unique(m.text[rows[first]], return_counts=True)[1]
        possible = max(float(self.back.detectable.mean()), recall.high, 1e-3)

        def share(r: float) -> float:
            if r < CONVERGES * possible:
                return r
            odds = (possible - r) / r
            texts = float((1.0 - (-odds) ** np.minimum(copies, 20)).sum())
            return possible * len(copies) / max(texts, len(copies))

        other = 1.0 - float(self.back.same_text[self.back.found & self.usual].mean())
        low = recall.low if together else share(recall.low)
        low, high = low * (1.0 - other), min(1.0, share(recall.high) * (1.0 + other))
        return replace(recall, value=share(recall.value), low=min(low, share(recall.value)), high=high)

    def _under(self, recall: Recall | None) -> Recall | None:
        """Recall of characters: of a copy that is found, a part may lie outside of the match."""
        if recall is None:
            return None
        share = float(self.back.share[self.back.found & self.usual].mean())
        return replace(recall, value=recall.value * share, low=recall.low * share, high=recall.high * share)

    def _effect(self, rows: Numbers) -> float:
        assert self.drawn is not None
        m = self.matches
        first = np.unique(m.record[rows], return_index=True)[1]
        cluster = m.rows["cluster"].to_numpy()[rows[first]]
        return self.drawn.clusters(self.results).design_effect(
            np.bincount(cluster, minlength=len(self.results)).astype(np.float64)
        )

    @property
    def records(self) -> int:
        return sum(result.records for result in self.results)

    @property
    def characters(self) -> int:
        return sum(result.characters for result in self.results)

    @property
    def fraction(self) -> float:
        """Share of the dataset that was scanned."""
        if self.drawn is not None:
            return self.drawn.clusters(self.results).fraction
        if self.sampling.fraction < 1.0:
            return self.records / max(1, sum(result.stats.records for result in self.results))
        return 1.0

    @property
    def sampled(self) -> bool:
        return self.fraction < 1.0

    @cached_property
    def counted_records(self) -> int:
        """Records with a match that counts."""
        return len(np.unique(self.matches.record[self.counted]))

    def texts_of(self, rows: Numbers) -> list[str]:
        """Tweets of some matches, as they came."""
        texts: list[str] = self.controls.reader.raw_texts(self.matches.text[rows]).array().to_pylist()
        return texts

    @property
    def in_pieces(self) -> float:
        """Share of the records with a match that counts in which the text is in pieces."""
        damage = self.matches.damage[self._best(self.counted)]
        return float(np.count_nonzero(damage >= PIECES)) / max(1, len(damage))

    @cached_property
    def without_control(self) -> tuple[list[str], int]:
        """Strata of licensed texts without control that have matches that count, and records that match only those."""
        m = self.matches
        rows = np.flatnonzero(m.scores.counted & ~m.control & ~self.measured) if self.gauges else np.zeros(0, np.int64)
        names = [self.strata.names[number] for number in np.unique(self.stratum[rows])]
        return names, len(np.setdiff1d(m.record[rows], m.record[self.counted]))

    @cached_property
    def chance_by_year(self) -> tuple[Numbers, Numbers, Numbers]:
        """Years of the control, and its bunches and texts of each."""
        m = self.matches
        rows = np.flatnonzero(m.control & m.scores.counted)
        first = rows[np.unique(self.family[0][rows], return_index=True)[1]]
        known = m.authorship.year.take(pa.array(m.place[first])).drop_null().to_numpy()
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


def _numbered(first: Numbers, second: Numbers) -> Numbers:
    """A number for each distinct pair of two numbers, counted from 0."""
    key = first * (int(second.max(initial=0)) + 1) + second
    return np.unique(key, return_inverse=True)[1].reshape(-1)


def _group(script: Numbers, band: Numbers) -> Numbers:
    """Class of script and length by which recall is weighted."""
    result: Numbers = UNSPACED[script] * len(BANDS) + band_places(band)
    return result


def _best_of(family: Numbers, score: Floats, rows: Numbers) -> Floats:
    """Best score of each family among some rows."""
    best = np.full(int(family.max(initial=0)) + 1, -np.inf)
    np.maximum.at(best, family[rows], score[rows])
    return best
