"""Recall as a run measures it: of copies like the matches, of distinct texts, of nearly
verbatim copies.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from provscan.arrays import Flags, Floats
from provscan.calibration.edits import HEAVY, SEVERE, WEIGHTS
from provscan.calibration.spike_ins import Recovered, SpikeIns
from provscan.estimate.damage import DAMAGES, PIECES, damage_of
from provscan.estimate.limits import Factor, clopper_pearson
from provscan.estimate.recall import FINDABLE, Planted, Recall, recall_of
from provscan.runs.matched import Sum
from provscan.runs.sides import recall_group
from provscan.scoring.lengths import BANDS

# Recall from which on the number of texts follows from how many copies were found of
# each.
CONVERGES = 0.6
# Copies of a text from which on their number makes no difference.
MANY_COPIES = 20
# Spike-ins of light, common or heavy edits that are nearly verbatim, below which these
# say nothing of such copies.
ENOUGH_NEARLY = 30

Pair = tuple[Recall | None, Recall | None]  # Of findings, and of any verified match.


@dataclass(frozen=True)
class Cells:
    """Matches by cells of recall (class of script and length, times class of damage),
    [cells] each.
    """

    findings: Floats  # Records by their best finding.
    # Less what chance explains, of findings, and of all matches: records, and texts.
    of_records: tuple[Floats, Floats]
    of_texts: tuple[Floats, Floats]


@dataclass(frozen=True)
class Recalls:
    """What spike-ins say of the copies that the matches show."""

    planted: SpikeIns
    back: Recovered
    cells: Cells

    @cached_property
    def usual(self) -> Flags:
        """bool, one a spike-in: its edit is none of the severe ones."""
        return ~np.isin(self.planted.edit, [edit.__name__ for edit in SEVERE])

    @cached_property
    def of_records(self) -> Pair:
        """Recall of findings, less what chance explains, and of any verified match."""
        return self._pair(*self.cells.of_records)

    @cached_property
    def of_texts(self) -> Pair:
        """The same of a copy of any text: one that stands in most of the records says
        nothing of the other texts.
        """
        return self._pair(*self.cells.of_texts)

    def _pair(self, findings: Floats, every: Floats) -> Pair:
        recall = self._recall(self.back.counted, findings, upper=False)
        return (
            None
            if recall is None
            else replace(recall, low=recall.low * (1.0 - akin(recall))),
            self._recall(self.back.found, every, upper=True),
        )

    def _recall(self, found: Flags, shown: Floats, *, upper: bool) -> Recall | None:
        """Recall of what shows in some cells; upper limits allow for severe edits, or
        of which hardly any is found.
        """
        if len(self.planted) == 0:
            return None
        group = recall_group(self.planted.script, self.planted.band)
        damage = damage_of(
            self.back.similarity, self.back.containment, self.back.pieces
        )
        kept = self.usual | upper
        planted = Planted(
            self.planted.edit[kept], group[kept], damage[kept], found[kept]
        )
        return recall_of(
            planted,
            np.maximum(shown, 0.0).reshape(2 * len(BANDS), DAMAGES),
            upper=upper,
        )

    @property
    def in_pieces(self) -> float:
        """Share of the records with a finding in which the text is in pieces."""
        cells = self.cells.findings.reshape(-1, DAMAGES)
        return float(cells[:, PIECES:].sum()) / max(1.0, float(cells.sum()))

    @property
    def can_be_told(self) -> float | None:
        """Share of the texts that are long enough to be looked for whose exact copy
        would be a finding.
        """
        return float(self.back.detectable.mean()) if len(self.planted) else None

    @cached_property
    def nearly(self) -> dict[str, dict[str, Any]]:
        """Recall of nearly verbatim copies of texts that can be told, by weight of the
        edits, where that was measured.

        A spike-in has the class of its match, or if it was missed of what was planted.
        """
        chosen = self.back.nearly & self.back.detectable
        result = {}
        for weight, edits in WEIGHTS.items():
            of_weight = chosen & np.isin(
                self.planted.edit, [edit.__name__ for edit in edits]
            )
            planted, found = (
                int(of_weight.sum()),
                int((of_weight & self.back.counted).sum()),
            )
            if planted >= ENOUGH_NEARLY:
                low, high = clopper_pearson(found, planted)
                result[weight] = {
                    "value": found / planted,
                    "low": low,
                    "high": high,
                    "planted": planted,
                    "counted": found,
                }
        return result

    @property
    def least_nearly(self) -> Factor | None:
        """Recall of nearly verbatim copies for the edits that leave open the lowest;
        None where none was measured.
        """
        if not self.nearly:
            return None
        least = min(self.nearly.values(), key=lambda share: share["low"])
        return Factor(least["value"], least["low"], least["high"])

    def of_distinct(
        self, recall: Recall | None, found: Sum, *, together: bool = False
    ) -> Recall | None:
        """Share of the distinct texts of which at least one copy is found.

        A text with o copies found counts for ``1 - (-(1 - r) / r) ** o`` texts (Good &
        Toulmin 1956, doi:10.1093/biomet/43.1-2.45), and where the series does not
        converge for 1 / r, as if each had one copy. Texts that can't be detected are
        lost with all their copies. What loses one copy of a text may lose its others:
        the lower limit lies half way to a loss of all copies together, and with
        `together` there.
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
        return replace(
            recall,
            value=share(recall.value),
            low=min(low, share(recall.value)),
            high=high,
        )

    def of_characters(self, recall: Recall | None) -> Recall | None:
        """Recall of characters: of a copy that is found, a part may lie outside of the
        match.

        How large a part depends on the edit: of the mixture of edits it is what their
        spike-ins say. Copies that were edited otherwise may lack nothing, or twice as
        much.
        """
        if recall is None:
            return None
        found, edit = self.back.found, self.planted.edit
        parts = {
            e: 1.0 - float(self.back.share[found & (edit == e)].mean())
            for e in np.unique(edit[found]).tolist()
        }
        shown = {
            e: recall.of_edit[e] * of for e, of in recall.mixture.items() if e in parts
        }
        outside = sum(parts[e] * of for e, of in shown.items()) / max(
            sum(shown.values()), 1e-9
        )
        return replace(
            recall,
            value=recall.value * (1.0 - outside),
            low=recall.low * (1.0 - outside) ** 2,
        )


def akin(recall: Recall) -> float:
    """Share of the copies that went through heavy edits of which hardly any is found,
    if each is as frequent as those that the matches show.
    """
    heavy = {
        e.__name__: recall.of_edit[e.__name__]
        for e in HEAVY
        if e.__name__ in recall.of_edit
    }
    shown: Sequence[float] = [
        recall.mixture.get(edit, 0.0)
        for edit, found in heavy.items()
        if found >= FINDABLE
    ]
    lost = (len(heavy) - len(shown)) * float(np.mean(shown)) if shown else 0.0
    return lost / (1.0 + lost)
