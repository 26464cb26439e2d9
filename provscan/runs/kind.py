"""Whether a null dataset is of the dataset's kind, so that its matches measure the dataset's chance.

Chance depends on the kind of text more than on its amount: novels and manuals share far fewer phrases with tweets than
posts do. What is compared is hardly moved by copies of tweets: the matches that are neither findings nor nearly
verbatim, for each record and for each character; the share of these that cover whole fields; the lengths of records;
scripts. ``benchmarks/claims.py`` measures what the limits let through, on pairs of collections that they were not
chosen on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from provscan.arrays import Numbers
from provscan.runs.matched import Matched, NullScan
from provscan.runs.sample import Extent

# Limits of the ratio of two rates, of the share that two distributions have in common, of the difference of shares.
RATIO, IN_COMMON, APART = 1.6, 0.7, 0.15
# Matches below which a rate or a share says nothing.
FEW = 10


@dataclass(frozen=True)
class Kind:
    """A comparison of a null dataset with the dataset."""

    differs: tuple[str, ...]  # In what they differ too much, in words.
    figures: dict[str, float | None]

    @property
    def same(self) -> bool:
        return not self.differs

    def as_dict(self) -> dict[str, Any]:
        return {"same": self.same, "differs": list(self.differs), **self.figures}


@dataclass(frozen=True)
class _Side:
    """Matches that are neither findings nor nearly verbatim, and what they were found in."""

    matches: int
    whole: int  # Those that cover their whole field.
    records: int
    characters: int
    lengths: Numbers  # Code points of a random sample of the records.


def kind_of(matches: Matched, scanned: Extent, null_matches: Matched, null: NullScan) -> Kind:
    """Compare a dataset with a null dataset, by their matches of licensed texts and by their records."""
    own, other = null.lengths
    dataset = _Side(*_chance_like(matches), scanned.records, scanned.characters, own)
    return _compared(dataset, _Side(*_chance_like(null_matches), null.records, null.characters, other))


def _chance_like(matches: Matched) -> tuple[int, int]:
    count = whole = 0
    for batch in matches.batches():
        which = ~matches.control[batch.place] & ~batch.counted & ~batch.nearly
        count += int(which.sum())
        whole += int((which & batch.whole).sum())
    return count, whole


def _compared(dataset: _Side, null: _Side) -> Kind:
    figures: dict[str, float | None] = {
        "matches_per_record": _ratio(dataset, null, "records"),
        "matches_per_character": _ratio(dataset, null, "characters"),
        "whole_fields": None,
        "lengths_in_common": _in_common(dataset.lengths, null.lengths),
    }
    differs = [
        f"matches of common wording per {size}"
        for size in ("record", "character")
        if not 1.0 / RATIO <= (figures[f"matches_per_{size}"] or 1.0) <= RATIO
    ]
    if min(dataset.matches, null.matches) >= FEW:
        apart = dataset.whole / dataset.matches - null.whole / null.matches
        figures["whole_fields"] = apart
        if abs(apart) > APART:
            differs.append("matches that cover whole fields")
    in_common = figures["lengths_in_common"]
    if in_common is not None and in_common < IN_COMMON:
        differs.append("lengths of records")
    return Kind(tuple(differs), figures)


def _ratio(dataset: _Side, null: _Side, size: str) -> float | None:
    """The dataset's rate of matches over that of the null dataset; None where both are too few to tell."""
    sizes = max(1, getattr(dataset, size)), max(1, getattr(null, size))
    expected = null.matches * sizes[0] / sizes[1], dataset.matches * sizes[1] / sizes[0]
    if max(dataset.matches, expected[0]) < FEW or max(null.matches, expected[1]) < FEW:
        return None
    return (dataset.matches + 0.5) / (expected[0] + 0.5 * sizes[0] / sizes[1])


def _in_common(first: Numbers, second: Numbers) -> float | None:
    """The share that two samples of lengths have in common, in classes that double; None without a sample."""
    if len(first) == 0 or len(second) == 0:
        return None
    classes = [np.log2(np.maximum(lengths, 1)).astype(np.int64) for lengths in (first, second)]
    size = int(max(each.max() for each in classes)) + 1
    return float(np.minimum(*(np.bincount(each, minlength=size) / len(each) for each in classes)).sum())
