"""The ``estimate`` of a run's ``summary.json``: every number with its raw count, its correction and its interval.

:func:`summarise` is a pure function of three tables (matches, the control's matches, spike-ins) and of the sizes in
:class:`Scan`. The tables must have gone through one and the same scan and one and the same rule of what counts as
a match; a rule that was chosen after looking at the matches invalidates the numbers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from provscan.errors import ParameterError
from provscan.estimate.amounts import corrected_amount
from provscan.estimate.binomial import proportion
from provscan.estimate.clusters import Clusters
from provscan.estimate.looks import recall_of
from provscan.estimate.matched import CELLS, Matched, cells_of, distinct, occurrences_of
from provscan.estimate.prevalence import DRAWS, Control, Sample, corrected_count, dispersion
from provscan.estimate.recall import Drawn, Partial, Recall, TextRecall, thinned
from provscan.estimate.result import Estimate
from provscan.estimate.richness import chao1, distinct_texts

Floats = npt.NDArray[np.float64]

MATCH_COLUMNS = ("source", "record", "start", "end", "tweet_id", "tweets", "level", "similarity", "containment")
SPIKE_COLUMNS = ("kind", "found", "level", "similarity", "containment", "planted_chars", "found_chars")
BREAKDOWNS = ("source", "author", "year", "lang")
POOR_RECALL = 0.8
_FAINT = 1e-3
GROUP_DRAWS = 1_000


@dataclass(frozen=True, slots=True)
class Scan:
    """The sizes behind a run.

    Attributes
    ----------
    records, characters
        Records and code points scanned, by source, as the ``source`` column names them.
    licensed_texts, licensed_tweets
        Distinct texts in the index that could match, and the tweets that carry them; the control not counted.
    control_texts
        Control texts that went through the same scan, 0 without a control.
    index_fraction
        Share of the licensed corpus that the index holds, drawn at random.
    sample
        Given when a random part of the dataset was scanned: of records, or of whole parts (``Clusters``).
    total_error
        See :func:`~provscan.estimate.amounts.corrected_amount`; with ``Clusters`` it follows from them.
    all_characters
        Code points of the whole dataset, where a sample was scanned and they are known nevertheless.

    Raises
    ------
    ParameterError
        The records by source and by drawn part do not add up to the same.
    """

    records: Mapping[str, int]
    characters: Mapping[str, int]
    licensed_texts: int
    licensed_tweets: int
    control_texts: int = 0
    index_fraction: float = 1.0
    sample: Sample | Clusters | None = None
    total_error: float = 0.0
    all_characters: float | None = None

    def __post_init__(self) -> None:
        if isinstance(self.sample, Clusters) and self.sample.records.sum() != sum(self.records.values()):
            drawn = f"{self.sample.records.sum():.0f}"
            raise ParameterError(f"the drawn parts have {drawn} records, the sources {sum(self.records.values())}")

    @property
    def fraction(self) -> float:
        """Share of the dataset that was scanned."""
        return 1.0 if self.sample is None else self.sample.fraction


def summarise(
    matches: pa.Table,
    scan: Scan,
    *,
    control: pa.Table | None = None,
    spikes: pa.Table | None = None,
    e_max: float | None = None,
    unmeasured: float = 0.0,
    by: Sequence[str] = BREAKDOWNS,
    level: float = 0.95,
    seed: int = 1,
) -> dict[str, Any]:
    """Estimate of a run, ready for JSON.

    Parameters
    ----------
    matches
        Match table: columns ``source, record, start, end, tweet_id, tweets, level, similarity, containment``, and
        ``author`` (string), ``year`` (integer), ``lang`` (string) of the licensed tweet where known; ``band``
        (integer), its length class, in all three tables or in none: recall is then measured band by band; and where
        parts of the dataset were drawn ``cluster`` (integer), the place of its part in the arrays of ``Clusters``.
    scan
        Sizes.
    control
        Match table of the control texts, ``tweet_id`` naming control tweets.
    spikes
        One row a spike-in: ``kind`` string, the edit (or edit and length class, language, ...); ``found`` bool;
        ``level`` string, ``similarity`` and ``containment`` of the match that found it, or where none did of the copy
        as it was planted; ``planted_chars``, ``found_chars`` int64, code points planted and of those in the match (0
        where none); perhaps ``possible`` bool: a word-for-word copy of the text would count, and ``same_text`` bool:
        what found it is the text that was planted.
    e_max
        Without a control: only matches with ``e_value <= e_max`` count (column needed in matches and spikes), and
        `e_max` false ones are expected among them. Weaker evidence, marked as such.
    unmeasured
        Without a control: records that may match for a reason that the background model does not know, a source that
        both sides copied from. The lower ends allow for so many.
    by
        Columns to break down by, of those that the table has.
    level, seed
        As in :func:`~provscan.estimate.prevalence.corrected_count`.

    Returns
    -------
    dict
        ``problems`` list of strings, the first things to read · ``chance`` where false matches were measured:
        ``control``, ``background`` or ``none`` · ``recall`` by kind of spike-in and ``all`` · ``records`` records that
        hold licensed text · ``records_share`` of all records · ``texts`` distinct licensed texts · ``tweets`` licensed
        tweets that carry them · ``characters_share``, ``characters`` · ``licensed_share`` of the licensed texts ·
        ``by``: column -> value -> ``records`` and ``texts``. The numbers are
        :class:`~provscan.estimate.result.Estimate` as dicts.

    Raises
    ------
    ParameterError
        A column is missing, or a source has no size.
    """
    _need(matches, MATCH_COLUMNS, "matches")
    chance = "none"
    if control is not None and scan.control_texts > 0:
        _need(control, MATCH_COLUMNS, "control")
        chance = "control"
    elif e_max is not None:
        chance = "background"
        _need(matches, ("e_value",), "matches")
        few = pc.less_equal(matches["e_value"], e_max)
        # A copy of millions of rows only where it is another table.
        matches = matches if pc.all(few, min_count=0).as_py() else matches.filter(few)
    if isinstance(scan.sample, Clusters):
        _need(matches, ("cluster",), "matches")
        numbers = matches["cluster"].to_numpy()
        if len(numbers) and not 0 <= numbers.min() <= numbers.max() < len(scan.sample.bytes):
            raise ParameterError(f"clusters of matches are 0 to {len(scan.sample.bytes) - 1}, found {numbers.max()}")
        by = [column for column in by if column != "source"]
    if spikes is not None:
        _need(spikes, SPIKE_COLUMNS, "spikes")
        if chance == "background":
            _need(spikes, ("e_value",), "spikes")
            kept = pc.fill_null(pc.and_(spikes["found"], pc.less_equal(spikes["e_value"], e_max)), False)
            spikes = spikes.set_column(spikes.column_names.index("found"), "found", kept)
    known = [name for name in scan.records if name in scan.characters]
    table = Matched.of(matches, known)
    wrong = Matched.of(control, known) if chance == "control" and control is not None else None
    ratio = scan.licensed_texts / scan.control_texts if wrong is not None else 0.0
    recall = recall_of(table, wrong, spikes, ratio, weigh=False)
    by_size = recall_of(table, wrong, spikes, ratio, weigh=True)
    drawn = (Drawn(recall, seed + 2, DRAWS), Drawn(by_size, seed + 3, DRAWS))
    work = _Work(table, wrong, spikes, scan, chance, float(e_max or 0.0), unmeasured, level, seed, *drawn)
    answers = work.all()
    return {
        "problems": work.problems(),
        "chance": chance,
        "recall": _recall_by_kind(spikes, level),
        **{name: estimate.as_dict() for name, estimate in answers.items()},
        "by": {column: work.groups(matches, column) for column in by if column in matches.column_names},
    }


def _need(table: pa.Table, columns: Sequence[str], name: str) -> None:
    missing = [column for column in columns if column not in table.column_names]
    if missing:
        raise ParameterError(f"the table of {name} needs the columns {missing}; it has {table.column_names}")


def _recall_by_kind(spikes: pa.Table | None, level: float) -> dict[str, Any]:
    if spikes is None:
        return {}
    counts: dict[str, list[int]] = {"all": [0, 0]}
    for kind, found in zip(spikes["kind"].to_pylist(), spikes["found"].to_pylist(), strict=True):
        for name in ("all", kind):
            count = counts.setdefault(name, [0, 0])
            count[0] += bool(found)
            count[1] += 1
    return {name: proportion(k, n, level).as_dict() for name, (k, n) in counts.items()}


@dataclass(frozen=True, slots=True)
class _Work:
    """The numbers of one run."""

    matches: Matched
    control: Matched | None
    spikes: pa.Table | None
    scan: Scan
    chance: str
    e_max: float
    unmeasured: float
    level: float
    seed: int
    recall: Recall
    recall_by_size: Recall

    def problems(self) -> list[str]:
        found = []
        recall = self.recall
        if recall.planted and recall.found / recall.planted < POOR_RECALL:
            share = recall.found / recall.planted
            found.append(f"poor recall: {share:.3f} of {recall.planted:.0f} spike-ins came back")
        if not recall.planted:
            found.append("recall was not measured: no spike-ins")
        if self.chance == "none":
            found.append("chance was not measured: no control, give a cutoff date or texts known to be absent")
        if self.chance == "background":
            found.append("no control: chance from the background model alone, which knows no common sources")
        if self.scan.fraction < 1:
            found.append("a sample was scanned: distinct texts are a lower bound, tweets are withheld")
        return found

    @property
    def possible(self) -> float:
        """Share of the texts of which a copy can count at all."""
        if self.spikes is None or "possible" not in self.spikes.column_names or len(self.spikes) == 0:
            return 1.0
        return max(float(pc.mean(self.spikes["possible"]).as_py()), self.recall.value, _FAINT)

    @property
    def mistaken(self) -> float:
        """Share of the copies that count which are taken for another text than was planted."""
        if self.spikes is None or "same_text" not in self.spikes.column_names or self.recall.found == 0:
            return 0.0
        other = pc.and_(self.spikes["found"], pc.invert(self.spikes["same_text"]))
        return float(pc.sum(other).as_py()) / self.recall.found

    def record_control(self, records: float, share: float = 1.0) -> Control | None:
        """The control of a part of the scan that has `records` and this share of all false matches."""
        if self.chance == "background":
            return Control(self.e_max, records / share, unmeasured=self.unmeasured * share / records)
        if self.control is None:
            return None
        return Control.of_texts(
            self.control.records,
            records / share,
            self.scan.control_texts,
            self.scan.licensed_texts,
            dispersion(_nonzero(self.control.occurrences), _nonzero(self.matches.occurrences)),
        )

    def text_control(self, share: float = 1.0) -> Control | None:
        """The control of a part of the matches that has this share of the falsely matched texts."""
        if self.chance == "background":
            texts = float(self.scan.licensed_texts)
            return Control(self.e_max, texts / share, unmeasured=self.unmeasured * share / texts)
        return None if self.control is None else Control(len(self.control.tweets), self.scan.control_texts / share)

    def records(
        self, hits: npt.NDArray[np.int64], control: Control | None, trials: float, draws: int = DRAWS
    ) -> Estimate:
        """The number of records like `hits`, numbers of those that were found."""
        drawn = self.scan.sample
        sample = drawn.of_counts(self._by_part(hits), self.level) if isinstance(drawn, Clusters) else drawn
        estimate = corrected_count(
            len(hits),
            trials,
            control,
            thinned(self.recall, self.scan.index_fraction),
            sample=sample,
            level=self.level,
            seed=self.seed,
            draws=draws,
        )
        return replace(estimate, raw={**estimate.raw, **self._worth(hits)}) if isinstance(drawn, Clusters) else estimate

    def records_share(self, records: Estimate, trials: float) -> Estimate:
        """The share of all records."""
        drawn = self.scan.sample
        if not records.valid or not isinstance(drawn, Clusters):
            return records.scaled(self.scan.fraction / trials) if records.valid else records
        # How many records there are in all is not known here, and does not matter.
        share = corrected_count(
            self.matches.records,
            trials,
            self.record_control(trials),
            thinned(self.recall, self.scan.index_fraction),
            sample=drawn.of_shares(self._by_part(self._every), self.level),
            level=self.level,
            seed=self.seed,
        )
        return _at_most_all(replace(share, raw=records.raw).scaled(drawn.fraction / trials))

    @property
    def _every(self) -> npt.NDArray[np.int64]:
        return np.arange(self.matches.records)

    def _by_part(self, hits: npt.NDArray[np.int64], sizes: Floats | None = None) -> Floats:
        """Hits, or their sizes, in each part of the dataset that was drawn."""
        assert isinstance(self.scan.sample, Clusters)
        weights = None if sizes is None else sizes[hits]
        counted = np.bincount(self.matches.cluster[hits], weights, len(self.scan.sample.bytes))
        return counted.astype(np.float64)

    def _worth(self, hits: npt.NDArray[np.int64]) -> dict[str, Any]:
        """What a sample of whole parts says of itself; the design effect is unknown without hits."""
        drawn = self.scan.sample
        assert isinstance(drawn, Clusters)
        counts = self._by_part(hits)
        measured = drawn.ratio(counts)
        effect = None if measured is None or not 0.0 < measured.share < 1.0 else measured.design_effect
        return {"clusters": len(counts), "clusters_hit": int(np.count_nonzero(counts)), "design_effect": effect}

    def texts(self, occurrences: npt.NDArray[np.int64], control: Control | None, draws: int = DRAWS) -> Estimate:
        if self._sampled():
            return chao1(occurrences, self.level, fraction=self.scan.fraction)
        return distinct_texts(
            occurrences,
            self.scan.licensed_texts,
            control,
            self.recall,
            possible=self.possible,
            mistaken=self.mistaken,
            index_fraction=self.scan.index_fraction,
            level=self.level,
            seed=self.seed,
            draws=draws,
        )

    def all(self) -> dict[str, Estimate]:
        scan = self.scan
        trials = float(sum(scan.records.values()))
        records = self.records(self._every, self.record_control(trials), trials)
        texts = self.texts(self.matches.occurrences, self.text_control())
        corpus = scan.licensed_texts / scan.index_fraction
        return {
            "records": records,
            "records_share": self.records_share(records, trials),
            "texts": texts,
            "tweets": self.tweets(),
            "characters_share": (share := self.characters(trials)),
            "characters": self._number(share, trials),
            "licensed_share": _at_most_all(texts.scaled(1.0 / corpus)) if texts.valid else texts,
        }

    def _number(self, share: Estimate, trials: float) -> Estimate:
        """The number of licensed characters, from their share."""
        scan = self.scan
        if isinstance(scan.sample, Clusters):
            share = self.characters(trials, share=False)
        whole = scan.all_characters or sum(scan.characters.values()) / scan.fraction
        return share.scaled(whole) if share.valid else share

    def characters(self, trials: float, *, share: bool = True) -> Estimate:
        """The share of the characters; unless `share`, with the error of the number that it stands for."""
        scan = self.scan
        sample, error = scan.sample, scan.total_error
        if isinstance(sample, Clusters):
            hits, sizes = self._by_part(self._every), self.matches.chars
            error = sample.amount_error(hits, self._by_part(self._every, sizes), sizes, share=share)
            sample = sample.of_shares(hits, self.level)
        recall = self.recall_by_size
        spikes: Floats = np.zeros(0)
        if self.spikes is not None and recall.found > 0:
            spikes = self.spikes["planted_chars"].to_numpy().astype(np.float64)
            recall = thinned(Partial(recall, *self._under_matches()), scan.index_fraction)
        return corrected_amount(
            self.matches.chars,
            trials,
            float(sum(scan.characters.values())),
            self.record_control(trials),
            recall,
            control_sizes=self.control.chars if self.control is not None else (),
            spike_sizes=spikes,
            sample=sample,
            total_error=error,
            level=self.level,
            seed=self.seed,
        )

    def _under_matches(self) -> tuple[float, float]:
        """Share of the planted characters that lie under the match, of copies that look like the matches; its error."""
        assert self.spikes is not None
        found = self.spikes.filter(self.spikes["found"])
        planted, under = (found[name].to_numpy().astype(np.float64) for name in ("planted_chars", "found_chars"))
        looks = cells_of(found)
        every = under.sum() / planted.sum()
        whole, part = np.bincount(looks, planted, CELLS), np.bincount(looks, under, CELLS)
        # A look that few spike-ins have is mostly like all of them.
        little = 10.0 * planted.mean()
        share = (part + little * every) / (whole + little)
        amounts = np.bincount(self.matches.cell, self.matches.chars, CELLS) + 1e-9 * whole
        value = float(amounts.sum() / (amounts / share).sum())
        error = float(np.sqrt(((under - share[looks] * planted) ** 2).sum()) / planted.sum())
        return min(1.0, value), error

    def tweets(self) -> Estimate:
        scan = self.scan
        raw = {"texts": len(self.matches.tweets), "tweets": float(self.matches.tweets.sum())}
        if self._sampled():
            reason = "a sample was scanned: the tweets of texts that stand only in the rest can't be counted"
            return Estimate.withheld(reason, level=self.level, raw=raw)
        recall = thinned(
            TextRecall(self.recall, self.matches.occurrences, self.possible, self.mistaken), scan.index_fraction
        )
        total = scan.licensed_tweets / scan.index_fraction
        share = corrected_amount(
            self.matches.tweets,
            scan.licensed_texts / scan.index_fraction,
            total,
            self.text_control(scan.index_fraction),
            recall,
            control_sizes=self.control.tweets if self.control is not None else (),
            spike_sizes=[scan.licensed_tweets / scan.licensed_texts],
            level=self.level,
            seed=self.seed,
        )
        return share.scaled(total) if share.valid else share

    def groups(self, table: pa.Table, column: str) -> dict[str, Any]:
        """Records and texts of each value of a column: recall as of all, false matches in proportion to the matches."""
        codes = table[column].combine_chunks().dictionary_encode()
        code = pc.fill_null(codes.indices, len(codes.dictionary)).to_numpy(zero_copy_only=False)
        order = np.argsort(code, kind="stable")
        ends = np.cumsum(np.bincount(code, minlength=len(codes.dictionary))).tolist()
        every = float(sum(self.scan.records.values()))
        result = {}
        for name, low, high in zip(codes.dictionary.to_pylist(), [0, *ends], ends, strict=False):
            if low == high:
                continue
            rows = order[low:high]
            record, text = self.matches.record[rows], self.matches.text[rows]
            hits = distinct(record)
            occurrences = _nonzero(occurrences_of(text, record))
            trials = float(self.scan.records[name]) if column == "source" else every
            share = trials / every if column == "source" else len(hits) / self.matches.records
            records = self.records(hits, self.record_control(trials, share), trials, GROUP_DRAWS)
            texts = self.texts(occurrences, self.text_control(len(occurrences) / len(self.matches.tweets)), GROUP_DRAWS)
            result[str(name)] = {"records": records.as_dict(), "texts": texts.as_dict()}
        return result

    def _sampled(self) -> bool:
        return self.scan.fraction < 1.0


def _at_most_all(share: Estimate) -> Estimate:
    """A share whose upper end is no more than everything."""
    value, low, high = (None if end is None else min(1.0, end) for end in (share.value, share.low, share.high))
    return replace(share, value=value, low=low, high=high)


def _nonzero(counts: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    return counts[counts > 0]
