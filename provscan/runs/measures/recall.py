"""Measure recall on the spike-ins of a run (:func:`measure_recall`): the recall of
copies like the matches, of distinct texts, of characters, and of nearly verbatim
copies.

In ``docs/statistics.md``, "Recall" explains the method, and "Texts, tweets, characters,
tokens" explains the recall of units other than records.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from provscan.arrays import Flags, Floats, Numbers
from provscan.calibration.edits import HEAVY, SEVERE, WEIGHTS, Edit
from provscan.calibration.spike_ins import Recovered, SpikeIns
from provscan.estimate.damage import DAMAGES, PIECES, damage_of, without_chance
from provscan.estimate.limits import Chance, Factor, clopper_pearson, product
from provscan.estimate.recall import FINDABLE, MOST_UNLIKE, Planted, Recall, recall_of
from provscan.runs.counting.counts import CellCounts, Cells
from provscan.runs.counting.strata import recall_group

# Minimum recall of detectable copies for which the number of distinct texts is computed
# by the series of Good & Toulmin. The series converges above 1/2; the rest is a margin.
CONVERGES = 0.6
# A text with more copies than this counts as a text with this number of copies.
MANY_COPIES = 20
# Minimum number of spike-ins of a kind that can be called hardly found.
FEW_PLANTED = 10
# Minimum number of nearly verbatim spike-ins with edits of one weight (light, common or
# heavy) for the recall of such copies to be measured.
ENOUGH_NEARLY = 30


class CountedShare(NamedTuple):
    """The share of spike-ins that are findings, with Clopper-Pearson limits."""

    value: float
    low: float
    high: float
    planted: int
    counted: int

    @property
    def hardly(self) -> bool:
        """Whether hardly any copy of this kind becomes a finding."""
        return self.value < FINDABLE and self.planted >= FEW_PLANTED


class CopyRecall(NamedTuple):
    """Recall of copies by two definitions: a copy is found if it becomes a finding, or
    if there is any match. None if recall was not measured.
    """

    findings: Recall | None
    matches: Recall | None


@dataclass(frozen=True)
class MeasuredRecall:
    """Recall of copies like the matches, measured on spike-ins."""

    planted: SpikeIns
    recovered: Recovered
    usual: Flags  # bool[spike-ins]: the edit is not a severe one.
    of_records: CopyRecall
    # Recall of copies if each text counts once in each class of damage.
    of_texts: CopyRecall
    of_characters: CopyRecall
    # Share of the records with findings whose best finding is a copy in pieces.
    in_pieces: float
    # Share of the licensed texts of which an exact copy would be a finding; None
    # without spike-ins.
    detectable_share: float | None
    # Recall of nearly verbatim copies of detectable texts, by weight of the edits, if
    # measured.
    nearly: dict[str, CountedShare]
    # The same for all these edits; its lower limit allows for copies with other edits.
    alike_recall: Factor | None

    @property
    def edits_hardly_found(self) -> list[str]:
        """The edits after which hardly any copy becomes a finding."""
        by_edit = self.by_class(self.planted.edit).items()
        return [edit for edit, share in by_edit if share.hardly]

    def by_class(self, keys: npt.NDArray[np.str_]) -> dict[str, CountedShare]:
        """Return the recall of the spike-ins of each class; ``keys`` are their classes,
        [spike-ins].
        """
        counted = self.recovered.counted
        return {
            str(key): counted_share(counted[keys == key]) for key in np.unique(keys)
        }

    def of_distinct(
        self, recall: Recall | None, copies: Numbers, *, together: bool = False
    ) -> Recall | None:
        """Return the recall of distinct texts: the share of the texts with copies of
        which at least one copy is found.

        ``recall`` is that of copies, and ``copies`` lists the number of copies found of
        each text. A text of which ``o`` copies were found, with recall ``r``, counts as
        ``1 - (-(1 - r) / r) ** o`` texts (Good & Toulmin 1956,
        doi:10.1093/biomet/43.1-2.45). If the series does not converge, it counts as
        ``1 / r`` texts, as if each text had one copy. Texts of which even an exact copy
        would be missed are left out of ``r``, and their share is restored afterwards.

        Copies of one text may be missed together, for example because all of them were
        edited in the same way. On the logarithmic scale, the lower limit is halfway
        between this case and independent copies; with ``together``, it assumes that all
        copies of a text are missed together.
        """
        # Count the texts with no copy, one copy, two copies, and so on. For example, 40
        # texts are found: 30 in one copy each, and 10 in two.
        having = np.bincount(np.minimum(copies, MANY_COPIES), minlength=1)
        having[0] = 0
        count = int(having.sum())
        if count == 0 or recall is None:
            return recall
        # The recall of copies if every copy of a detectable text were found.
        possible = max(float(self.recovered.possible.mean()), recall.high, 1e-3)

        # Compute the recall of texts from that of copies, here 0.8, all detectable. The
        # odds of missing a copy are 0.25, so a text counts as 1.25 texts if one copy is
        # found, and as 1 - 0.0625 if two are: 30 x 1.25 + 10 x 0.9375 = 46.9 texts, of
        # which 40 are found: 0.85.
        def share(r: float) -> float:
            if r < CONVERGES * possible:
                return r
            odds = (possible - r) / r
            texts = float(having @ (1.0 - (-odds) ** np.arange(len(having))))
            return possible * count / max(texts, count)

        # Widen the limits: copies may be missed together, and a match may be of a text
        # other than the one that was copied.
        found = self.recovered.found
        # Perhaps only copies with severe edits were found.
        shown = found & self.usual if (found & self.usual).any() else found
        other = 1.0 - float(self.recovered.same_text[shown].mean())
        low = recall.low if together else math.sqrt(recall.low * share(recall.low))
        return replace(
            recall,
            value=share(recall.value),
            low=min(low * (1.0 - other), share(recall.value)),
            high=min(1.0, share(recall.high) * (1.0 + other)),
        )


def measure_recall(
    planted: SpikeIns,
    recovered: Recovered,
    cells: Cells,
    chance: Mapping[str, Chance],
    too_short: float,
) -> MeasuredRecall:
    """Measure the recall of copies that are distributed over cells like the matches.

    ``chance`` are the chance matches among the findings by unit, and ``too_short`` is
    the share of the licensed texts that are too short to be planted.
    """
    usual = ~_has(planted, SEVERE)
    group = recall_group(planted.script, planted.length_class)
    damage = damage_of(recovered.similarity, recovered.containment, recovered.pieces)

    def estimated(found: Flags, shown: Floats, *, upper: bool) -> Recall | None:
        """Estimate the recall of copies that are distributed over cells as ``shown``.
        With ``upper``, the mixture of edits may also contain severe edits, and edits
        after which hardly any copy is found.
        """
        if len(planted) == 0:
            return None
        kept = usual | upper
        arrays = Planted(planted.edit[kept], group[kept], damage[kept], found[kept])
        return recall_of(arrays, shown.reshape(-1, DAMAGES), upper=upper)

    def without(chance: float, cells: CellCounts) -> Recall | None:
        """Estimate the recall of findings if ``chance`` times the expected chance
        matches are among them.
        """
        copies = without_chance(cells.findings, chance * cells.chance)
        return estimated(recovered.counted, copies, upper=False)

    def measured(cells: CellCounts, chance: Chance | None) -> CopyRecall:
        findings = without(1.0, cells)
        if findings is not None:
            if chance is not None and chance.expected > 0.0 < cells.chance.sum():
                # Most chance matches look like damaged copies, so recall seems lower if
                # there are fewer of them than expected, and higher if there are more.
                fewer, more = (
                    without(limit / chance.expected, cells) or findings
                    for limit in (chance.low, chance.high)
                )
                findings = _widened(findings, fewer.value, more.value)
            low = findings.low * (1.0 - hidden_heavy(findings))
            findings = replace(findings, low=low)
        matches = estimated(recovered.found, cells.matches, upper=True)
        return CopyRecall(findings, matches)

    # Measure the recall of copies in records and of copies of texts.
    of_records = measured(cells.records, chance.get("records"))
    of_texts = measured(cells.texts, chance.get("texts"))

    # Measure the share in pieces, which decides whether there is an estimate, and the
    # recall of nearly verbatim copies of detectable texts, on which "at most" is based.
    in_cells = cells.best.reshape(-1, DAMAGES)
    pieces = float(in_cells[:, PIECES:].sum()) / max(1.0, float(in_cells.sum()))
    # Of texts that are all too short to be searched for, no copy is planted.
    detectable = 0.0 if too_short >= 1.0 else None
    if len(planted):
        detectable = float(recovered.possible.mean()) * (1.0 - too_short)
    nearly = {
        weight: share
        for weight, edits in WEIGHTS.items()
        if (share := _of_nearly(recovered, _has(planted, edits))) is not None
    }
    least = _of_nearly(recovered, usual)
    return MeasuredRecall(
        planted=planted,
        recovered=recovered,
        usual=usual,
        of_records=of_records,
        of_texts=of_texts,
        of_characters=CopyRecall(
            *(_of_characters(planted, recovered, each) for each in of_records)
        ),
        in_pieces=pieces,
        detectable_share=detectable,
        nearly=nearly,
        alike_recall=None
        if least is None
        else Factor(least.value, _unlike(least.low), least.high),
    )


def _widened(recall: Recall, *others: float) -> Recall:
    """Return a recall whose limits allow for other values of it."""
    value = recall.value
    of_chance = Factor(1.0, min(value, *others) / value, max(value, *others) / value)
    limits = product(Factor(value, recall.low, recall.high), of_chance)
    return replace(recall, low=limits.low, high=min(1.0, limits.high))


def _has(planted: SpikeIns, edits: tuple[Edit, ...]) -> Flags:
    return np.isin(planted.edit, [edit.__name__ for edit in edits])


def _of_nearly(recovered: Recovered, chosen: Flags) -> CountedShare | None:
    """Return the recall of nearly verbatim copies among the chosen spike-ins: the share
    of them that are nearly verbatim matches, findings or not; None if they are few.

    Whether a spike-in is nearly verbatim is decided by its match or, if it was missed,
    by the planted copy.
    """
    chosen = recovered.nearly & recovered.detectable & chosen
    enough = chosen.sum() >= ENOUGH_NEARLY
    return counted_share(recovered.alike[chosen]) if enough else None


def _unlike(share: float) -> float:
    """Return the 97.5% lower limit of a share of copies that are found, if their edits
    differ from those of the spike-ins (:data:`~provscan.estimate.recall.MOST_UNLIKE`).
    """
    odds = math.exp(-1.96 * MOST_UNLIKE) * share
    return odds / (odds + 1.0 - share)


def counted_share(counted: Flags) -> CountedShare:
    hits, planted = int(counted.sum()), len(counted)
    return CountedShare(hits / planted, *clopper_pearson(hits, planted), planted, hits)


def _of_characters(
    planted: SpikeIns, recovered: Recovered, recall: Recall | None
) -> Recall | None:
    """Return the recall of characters, which is lower than that of copies because a
    part of a copy may be outside the match.

    The share that is outside is measured for each edit, and averaged over the mixture
    of edits. Since copies may have been edited in other ways, the upper limit of recall
    assumes that nothing is outside, and the lower limit assumes twice the share.
    """
    if recall is None:
        return None
    found, edit = recovered.found, planted.edit
    parts = {
        name: 1.0 - float(recovered.share[found & (edit == name)].mean())
        for name in np.unique(edit[found]).tolist()
    }
    shown = {
        name: recall.of_edit[name] * share
        for name, share in recall.mixture.items()
        if name in parts
    }
    outside = sum(parts[name] * share for name, share in shown.items())
    outside /= max(sum(shown.values()), 1e-9)
    return replace(
        recall,
        value=recall.value * (1.0 - outside),
        low=recall.low * (1.0 - outside) ** 2,
    )


def hidden_heavy(recall: Recall) -> float:
    """Return the share of the copies that have a heavy edit with a recall below
    :data:`~provscan.estimate.recall.FINDABLE`.

    Matches can't show how frequent such edits are. Each is assumed to be as frequent as
    the other heavy edits on average.
    """
    heavy = {
        edit.__name__: recall.of_edit[edit.__name__]
        for edit in HEAVY
        if edit.__name__ in recall.of_edit
    }
    shown = [
        recall.mixture.get(edit, 0.0)
        for edit, found in heavy.items()
        if found >= FINDABLE
    ]
    lost = (len(heavy) - len(shown)) * float(np.mean(shown)) if shown else 0.0
    return lost / (1.0 + lost)
