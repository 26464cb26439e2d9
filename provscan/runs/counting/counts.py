"""Count the matches of a run: :func:`count_matches` makes the table of counts
(:class:`MatchCounts`), and :func:`count_groups` counts the records of groups of texts:
clusters of texts with similar wording, authors, years and languages.

If there is clean data, :mod:`provscan.runs.counting.null` compares both datasets
first: this decides for which texts chance is measured, and therefore what is counted
here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from provscan.arrays import Flags, Floats, Numbers, distinct
from provscan.estimate.counters import count_best, count_records, covered
from provscan.estimate.damage import DAMAGES, weight_of_cells
from provscan.estimate.layers import Size
from provscan.matching import LEVELS
from provscan.runs.counting.matches import MatchRows, ScoredMatches
from provscan.runs.counting.strata import Eligibility, recall_group
from provscan.scoring.lengths import LENGTHS

# Chance is tested on all findings, and on those with at least 75, 100 and 150 bits: the
# strongest findings reveal verbatim copies among many coincidences.
STRENGTHS = (-np.inf, 75.0, 100.0, 150.0)
CELLS = 2 * len(LENGTHS) * DAMAGES


class Amount(NamedTuple):
    """How many records, texts and characters some matches amount to."""

    records: Numbers  # int64[splits], distinct records.
    copies: Numbers  # int64[texts], distinct records of each text.
    matches: Numbers  # int64[splits].
    characters: Size  # Code points that the matches cover, summed over fields.

    @property
    def texts(self) -> int:
        return int(np.count_nonzero(self.copies))


def _amount_of(matches: ScoredMatches, which: Flags) -> Amount:
    """Return the amount of some of the matches."""
    rows, splits = matches.rows, len(matches.scanned.parts)
    number = np.flatnonzero(which)
    split, record = rows.split[number], rows.record[number]
    total, squares = covered(rows.field[number], rows.start[number], rows.end[number])
    return Amount(
        count_records(split, record, splits),
        count_records(rows.text_index[number], record, len(matches.text)),
        np.bincount(split, minlength=splits).astype(np.int64),
        Size(float(total), float(squares)),
    )


@dataclass(frozen=True)
class TextFindings:
    """The findings of each text with at least ``least`` bits; [texts] each."""

    least: float
    count: Numbers
    first: Numbers  # Row of the first finding.
    best: Floats  # Best score.
    characters: Floats  # Total code points.

    @property
    def found(self) -> Flags:
        """Whether each text has a finding."""
        return self.count > 0


def findings_by_text(rows: MatchRows, texts: Flags, least: float) -> TextFindings:
    """Return the findings of each of the ``texts`` with at least ``least`` bits; other
    texts have none.
    """
    number = np.flatnonzero(rows.findings(least) & texts[rows.text_index])
    text_index = rows.text_index[number]
    size = (rows.end - rows.start)[number]
    first = np.full(len(texts), np.iinfo(np.int64).max)
    # The last write wins, so the first finding of a text is written last.
    first[text_index[::-1]] = number[::-1]
    best = np.full(len(texts), -np.inf)
    np.maximum.at(best, text_index, rows.score[number])
    return TextFindings(
        least,
        np.bincount(text_index, minlength=len(texts)).astype(np.int64),
        first,
        best,
        np.bincount(text_index, size, len(texts)).astype(np.float64),
    )


class StrengthFindings(NamedTuple):
    """The findings of one of ``STRENGTHS``."""

    claimable: Amount  # The findings of claimable texts.
    by_text: TextFindings  # The findings of all texts, including controls.


class CellCounts(NamedTuple):
    """Counts of records or texts by cell, [cells] each."""

    findings: Floats  # With findings.
    chance: Floats  # Expected chance matches among them, from the control.
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
    """All counts of matches."""

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

    @property
    def claimable(self) -> Amount:
        """All findings of claimable texts."""
        return self.strengths[0].claimable

    @property
    def by_text(self) -> TextFindings:
        """All findings, by text."""
        return self.strengths[0].by_text


def count_matches(matches: ScoredMatches, eligible: Eligibility) -> MatchCounts:
    """Count all matches."""
    rows, every = matches.rows, np.ones(len(matches.text), np.bool_)
    control, claim = (
        flags[rows.text_index] for flags in (eligible.control, eligible.claimable)
    )
    nearly, finding = rows.nearly, rows.passes_rule & ~control
    detectable = (matches.scores.detectable & ~eligible.control)[rows.text_index]
    verbatim = np.zeros(len(every), np.bool_)
    verbatim[rows.text_index[rows.passes_rule & nearly]] = True
    levels = np.bincount(rows.level[~control], minlength=len(LEVELS)).tolist()
    return MatchCounts(
        control_matches=int(np.count_nonzero(control)),
        levels=Counter(dict(zip(LEVELS, levels, strict=True))),
        licensed=_amount_of(matches, ~control),
        findings=_amount_of(matches, finding),
        nearly=_amount_of(matches, finding & nearly),
        alike=_amount_of(matches, (finding & nearly) | (detectable & rows.alike)),
        verbatim=verbatim,
        strengths=[
            StrengthFindings(
                _amount_of(matches, claim & rows.findings(least)),
                findings_by_text(rows, every, least),
            )
            for least in STRENGTHS
        ],
        cells=_cells(matches, eligible),
    )


def _cells(matches: ScoredMatches, eligible: Eligibility) -> Cells:
    """Count records and texts by cells of recall ("Recall" in ``docs/statistics.md``).

    A cell is a pair of a class of script and length (``group``) and a class of damage;
    its index is ``group * DAMAGES + damage``.
    """
    rows = matches.rows
    group = recall_group(matches.scores.script, matches.scores.length_class)
    damage, passes = rows.damage, rows.passes_rule
    cell = group[rows.text_index] * DAMAGES + damage
    control = eligible.control[rows.text_index]
    # Two bit masks for each text. Bit d is set in the first if the text has a finding
    # of damage class d, and in the second if it has a match of this class.
    classes = np.zeros((2, len(matches.text)), np.int64)
    np.bitwise_or.at(classes[0], rows.text_index[passes], 1 << damage[passes])
    np.bitwise_or.at(classes[1], rows.text_index, 1 << damage)
    # Count each record in the cell of its best finding, and of its best match.
    best, best_of_all = (
        count_best(rows.record[which], rows.similarity[which], cell[which], CELLS)
        for which in (eligible.claimable[rows.text_index] & passes, ~control)
    )
    # Each finding of a control text represents chance matches of licensed texts.
    number = control & passes & eligible.measured[rows.text_index]
    weights = eligible.weights[rows.text_index[number]]
    by_chance = np.bincount(cell[number], weights, CELLS).astype(np.float64)
    # Among texts, a claimable text counts as 1, and a control text as its weight.
    chance = np.where(eligible.control & eligible.measured, eligible.weights, 0.0)
    claimable, chance_texts, every = (
        weight_of_cells(each, weight, group, CELLS // DAMAGES)
        for each, weight in zip(
            classes[[0, 0, 1]],
            (
                eligible.claimable.astype(float),
                chance,
                np.where(eligible.control, 0.0, 1.0),
            ),
            strict=True,
        )
    )
    return Cells(
        best,
        CellCounts(best, by_chance, best_of_all),
        CellCounts(claimable, chance_texts, every),
    )


def records_by_tweets(matches: ScoredMatches, which: Flags) -> Numbers:
    """Count the records by how many tweets the matches ``which`` (bool[matches]) show
    in them: none, one, two, three or more; int64[4].
    """
    rows, texts = matches.rows, max(1, len(matches.text))
    pairs = distinct(rows.record[which] * texts + rows.text_index[which])
    record, text_index = np.divmod(pairs, texts)
    tweets = np.bincount(record, matches.tweets[text_index])
    return by_tweets(tweets.astype(np.float64))


def by_tweets(counts: Floats) -> Numbers:
    """Count the entries that are 0, 1, 2, and 3 or more, int64[4]."""
    few = np.minimum(counts, 3).astype(np.int64)
    return np.bincount(few, minlength=4).astype(np.int64)


class Grouping(NamedTuple):
    """Groups of texts whose records are counted."""

    codes: Numbers  # [texts], group of each text; negative if the text is left out.
    size: int  # Number of groups.
    least: float = -np.inf  # Minimum bits of findings.


def count_groups(matches: ScoredMatches, groups: Sequence[Grouping]) -> list[Numbers]:
    """Count the distinct records of each group of texts, int64[groups]."""
    rows, found = matches.rows, []
    for group in groups:
        code = group.codes[rows.text_index]
        which = (code >= 0) & rows.findings(group.least)
        found.append(count_records(code[which], rows.record[which], group.size))
    return found
