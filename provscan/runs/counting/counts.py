"""Count the matches of a run in passes over the part files.

1. :func:`count_matches` makes the table of counts (:class:`MatchCounts`).
2. :func:`count_groups` counts the records of groups of texts: clusters of texts with
   similar wording, authors, years and languages. The groups are known after the first
   pass.

If there is a null dataset, :mod:`provscan.runs.counting.null` reads the matches first:
the comparison of both datasets decides for which texts chance is measured, and
therefore what is counted here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from provscan.arrays import Flags, Floats, Numbers, distinct
from provscan.estimate.counters import BestOfRecords, CoveredCounter, RecordCounter
from provscan.estimate.damage import DAMAGES, weight_of_cells
from provscan.estimate.layers import Size
from provscan.runs.counting.exhibits import Candidates
from provscan.runs.counting.matches import Batch, ScoredMatches
from provscan.runs.counting.strata import Eligibility, recall_group
from provscan.scoring.lengths import LENGTHS

# Chance is tested on all findings, and on those with at least 75, 100 and 150 bits: the
# strongest findings reveal verbatim copies among many coincidences.
STRENGTHS = (-np.inf, 75.0, 100.0, 150.0)
CELLS = 2 * len(LENGTHS) * DAMAGES
# Maximum number of findings whose texts are noted, to count their tokens.
TEXTS = 10_000


class Amount(NamedTuple):
    """The numbers of records and texts of some matches."""

    records: Numbers  # int64[splits], distinct records.
    copies: Numbers  # int64[texts], distinct records of each text.
    matches: Numbers  # int64[splits].
    characters: Size  # Code points that the matches cover, summed over fields.

    @property
    def texts(self) -> int:
        return int(np.count_nonzero(self.copies))

    def restricted_to(self, texts: Flags, records: Numbers) -> Amount:
        """Return the amount of some of the texts, without matches and characters.
        ``records`` are the records of these texts.
        """
        none = np.zeros_like(self.matches)
        return Amount(records, np.where(texts, self.copies, 0), none, Size(0.0, 0.0))


class _AmountCounter:
    def __init__(self, splits: int, texts: int) -> None:
        self._records, self._copies = RecordCounter(splits), RecordCounter(texts)
        self._matches, self._covered = np.zeros(splits, np.int64), CoveredCounter()

    def add(self, batch: Batch, which: Flags) -> None:
        rows = np.flatnonzero(which)
        record = batch.record[rows]
        self._records.add(batch.split[rows], record)
        self._copies.add(batch.text_index[rows], record)
        np.add.at(self._matches, batch.split[rows], 1)
        self._covered.add(batch.field[rows], batch.start[rows], batch.end[rows])

    def amount(self) -> Amount:
        covered = Size(float(self._covered.total), float(self._covered.squares))
        return Amount(self._records.count, self._copies.count, self._matches, covered)


class TextFindings:
    """For each text, counts the findings with at least ``least`` bits, and notes the
    number of the first one, the best score and the total code points; [texts] each.
    """

    def __init__(self, texts: int, least: float) -> None:
        self.least = least
        self.count = np.zeros(texts, np.int64)
        self.first = np.full(texts, np.iinfo(np.int64).max)
        self.best = np.full(texts, -np.inf)
        self.characters = np.zeros(texts)

    @property
    def found(self) -> Flags:
        """Whether each text has a finding."""
        return self.count > 0

    def add(self, batch: Batch) -> None:
        rows = np.flatnonzero(batch.findings(self.least))
        text_index, size = batch.text_index[rows], (batch.end - batch.start)[rows]
        np.add.at(self.count, text_index, 1)
        np.minimum.at(self.first, text_index, rows + batch.low)
        np.maximum.at(self.best, text_index, batch.score[rows])
        np.add.at(self.characters, text_index, size.astype(np.float64))


class StrengthFindings(NamedTuple):
    """The findings of one of ``STRENGTHS``."""

    claimable: Amount  # The findings of claimable texts.
    by_text: TextFindings  # The findings of all texts, including controls.


class CellCounts(NamedTuple):
    """Numbers of records or texts by cell, [cells] each."""

    findings: Floats  # With findings, minus those that are due to chance.
    matches: Floats  # With any match.


class Cells(NamedTuple):
    """Counts of matches by cell of recall: a class of script and length, and a class of
    damage.
    """

    best: Floats  # [cells], records by the cell of their best finding.
    records: CellCounts  # A record counts in the cell of its best match.
    texts: CellCounts  # A text counts in each cell in which it has a match.


@dataclass(frozen=True)
class MatchCounts:
    """All counts from one pass over the matches."""

    control_matches: int  # Matches of control texts.
    levels: Counter[str]  # Matches of licensed texts by level.
    licensed: Amount
    findings: Amount
    nearly: Amount  # Findings that are nearly verbatim.
    # Nearly verbatim matches, findings or not, of texts of which an exact copy in a
    # field of its own would be a finding.
    alike: Amount
    # bool[texts], including controls: the text has a nearly verbatim finding.
    verbatim: Flags
    strengths: list[StrengthFindings]  # By strength; the first has all findings.
    cells: Cells
    # Indices of the texts of the first findings of claimable texts, at most ``TEXTS``.
    first_texts: Numbers

    @property
    def claimable(self) -> Amount:
        """All findings of claimable texts."""
        return self.strengths[0].claimable

    @property
    def by_text(self) -> TextFindings:
        """All findings, by text."""
        return self.strengths[0].by_text


def count_matches(
    matches: ScoredMatches, eligible: Eligibility, candidates: Candidates | None = None
) -> MatchCounts:
    """Count all matches in one pass, which also adds those that are not findings to
    the ``candidates``.
    """
    splits, texts = len(matches.scanned.parts), len(matches.text)
    licensed, findings, nearly, alike = (
        _AmountCounter(splits, texts) for _ in range(4)
    )
    detectable = matches.scores.detectable & ~eligible.control
    claimable = [_AmountCounter(splits, texts) for _ in STRENGTHS]
    by_text = [TextFindings(texts, least) for least in STRENGTHS]
    levels, control_matches = Counter[str](), 0
    cells = _CellCounter(matches, eligible)
    noted, verbatim = np.zeros(0, np.int64), np.zeros(texts, np.bool_)
    for batch in matches.batches():
        control, claim = (
            flags[batch.text_index] for flags in (eligible.control, eligible.claimable)
        )
        finding = batch.passes_rule & ~control
        for counter, which in (
            (licensed, ~control),
            (findings, finding),
            (nearly, finding & batch.nearly),
            (
                alike,
                (finding & batch.nearly) | (detectable[batch.text_index] & batch.alike),
            ),
        ):
            counter.add(batch, which)
        verbatim[batch.text_index[batch.passes_rule & batch.nearly]] = True
        for counter, strength in zip(claimable, by_text, strict=True):
            counter.add(batch, claim & batch.findings(strength.least))
            strength.add(batch)
        level = batch.columns["level"]
        control_matches += int(np.count_nonzero(control))
        levels.update(level.filter(pa.array(~control)).to_pylist())
        cells.add(batch)
        if len(noted) < TEXTS:
            noted = np.append(noted, batch.text_index[batch.passes_rule & claim])
        if candidates is not None:
            candidates.add(batch, ~control)
    return MatchCounts(
        control_matches=control_matches,
        levels=levels,
        licensed=licensed.amount(),
        findings=findings.amount(),
        nearly=nearly.amount(),
        alike=alike.amount(),
        verbatim=verbatim,
        strengths=[
            StrengthFindings(counter.amount(), strength)
            for counter, strength in zip(claimable, by_text, strict=True)
        ],
        cells=cells.cells(),
        first_texts=noted[:TEXTS],
    )


class _CellCounter:
    """Counts records and texts by cells of recall ("Recall" in ``docs/statistics.md``).

    A cell is a class of script and length (``group``) and a class of damage; its number
    is ``group * DAMAGES + damage``.
    """

    def __init__(self, matches: ScoredMatches, eligible: Eligibility) -> None:
        self._eligible = eligible
        self._group = recall_group(matches.scores.script, matches.scores.length_class)
        self._best, self._best_of_all = BestOfRecords(CELLS), BestOfRecords(CELLS)
        self._chance = np.zeros(CELLS)
        # Two bit masks for each text. Bit d is set in the first if the text has a
        # finding of damage class d, and in the second if it has a match of this class.
        self._classes = np.zeros((2, len(matches.text)), np.int64)

    def add(self, batch: Batch) -> None:
        # Note the classes of damage of each text.
        text_index, passes, damage = batch.text_index, batch.passes_rule, batch.damage
        control, cell = (
            self._eligible.control[text_index],
            self._group[text_index] * DAMAGES,
        )
        cell = cell + damage
        np.bitwise_or.at(self._classes[0], text_index[passes], 1 << damage[passes])
        np.bitwise_or.at(self._classes[1], text_index, 1 << damage)
        # Count each record in the cell of its best finding, and of its best match.
        for counter, which in (
            (self._best, self._eligible.claimable[text_index] & passes),
            (self._best_of_all, ~control),
        ):
            counter.add(batch.record[which], batch.similarity[which], cell[which])
        # Each finding of a control text represents chance matches of licensed texts. A
        # sum of floats depends on the order, so add row by row, regardless of batches.
        rows = np.flatnonzero(control & passes & self._eligible.measured[text_index])
        np.add.at(self._chance, cell[rows], self._eligible.weights[text_index[rows]])

    def cells(self) -> Cells:
        # Subtract chance: among texts, a claimable text counts as 1, and a control text
        # as minus its weight. If a cell has findings of 7 claimable texts and of one
        # control text with weight 2, for example, 5 texts remain.
        eligible = self._eligible
        chance = np.where(eligible.control & eligible.measured, eligible.weights, 0.0)
        weights = eligible.claimable - chance, np.where(eligible.control, 0.0, 1.0)
        minus_chance, every = (
            weight_of_cells(classes, weight, self._group, CELLS // DAMAGES)
            for classes, weight in zip(self._classes, weights, strict=True)
        )
        best = self._best.count
        return Cells(
            best,
            CellCounts(best - self._chance, self._best_of_all.count),
            CellCounts(minus_chance, every),
        )


def records_by_tweets(matches: ScoredMatches, eligible: Eligibility) -> Numbers:
    """Return the numbers of records with 0, 1, 2, and 3 or more tweets whose texts are
    claimable and have a finding in the record, int64[4].
    """
    texts = max(1, len(matches.text))

    def showing(pairs: Numbers) -> Numbers:
        record, text_index = np.divmod(pairs, texts)
        shown = np.bincount(record - record[:1].sum(), matches.tweets[text_index])
        return by_tweets(shown.astype(np.float64))

    total, begun = np.zeros(4, np.int64), np.zeros(0, np.int64)
    for batch in matches.batches():
        which = batch.passes_rule & eligible.claimable[batch.text_index]
        new = batch.record[which] * texts + batch.text_index[which]
        pairs = distinct(np.append(begun, new))
        # The last record may continue in the next batch.
        last = pairs // texts == pairs.max(initial=-1) // texts
        total += showing(pairs[~last])
        begun = pairs[last]
    return total + showing(begun)


def by_tweets(counts: Floats) -> Numbers:
    """Return the numbers of entries that are 0, 1, 2, and 3 or more, int64[4]."""
    few = np.minimum(counts, 3).astype(np.int64)
    return np.bincount(few, minlength=4).astype(np.int64)


class Grouping(NamedTuple):
    """Groups of texts whose records are counted."""

    codes: Numbers  # [texts], group of each text; negative if the text is left out.
    size: int  # Number of groups.
    least: float | None = -np.inf  # Minimum bits of findings; None for all matches.


def count_groups(
    matches: ScoredMatches, groups: Sequence[Grouping], *, by_split: bool = False
) -> list[Numbers]:
    """Count the distinct records of each group of texts, int64[groups] or [groups,
    splits].
    """
    splits = len(matches.scanned.parts) if by_split else 1
    counters = [RecordCounter(group.size * splits) for group in groups]
    for batch in matches.batches():
        for group, counter in zip(groups, counters, strict=True):
            code = group.codes[batch.text_index]
            which = code >= 0
            if group.least is not None:
                which &= batch.findings(group.least)
            number = code[which] * splits
            if by_split:
                number += batch.split[which]
            counter.add(number, batch.record[which])
    return [
        counter.count.reshape(-1, splits) if by_split else counter.count
        for counter in counters
    ]
