"""Whether a null dataset is of the dataset's kind, so that its matches measure the
dataset's chance.

Chance depends on the kind of text more than on its amount: novels and manuals share far
fewer phrases with tweets than posts do. Compared are the matches of phrases
(:data:`PHRASE_BITS`) for each record and for each character, the share of them that
cover whole fields, and the lengths of records. Copies of tweets hardly move these:
where one record in ten is a copy, phrases are a tenth more. ``benchmarks/claims.py``
measures what the limits let through, on pairs of collections that they were not chosen
on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from provscan.arrays import Numbers
from provscan.runs.matched import Matched, NullScan
from provscan.runs.sample import Extent

# A match of a phrase: no finding, not nearly verbatim, and of fewer bits.
PHRASE_BITS = 30.0
# Limits of the ratio of two rates, of the difference of two shares, of the share that
# two distributions have in common.
RATIO, APART, IN_COMMON = 1.5, 0.15, 0.7
# Standard errors that a difference must have, so that it is none of chance.
CERTAIN = 2.58
# Matches below which a share says nothing.
FEW = 30


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
    """Matches of phrases, and what they were found in."""

    texts: Numbers  # int64[texts of the reader]: the matches of each licensed text.
    whole: int  # Those that cover their whole field.
    records: int
    characters: int
    lengths: Numbers  # Code points of a random sample of the records.

    @property
    def matches(self) -> int:
        return int(self.texts.sum())


def kind_of(
    matches: Matched, scanned: Extent, null_matches: Matched, null: NullScan, texts: int
) -> Kind:
    """Compare a dataset with a null dataset, by their matches of licensed texts and by
    their records.

    `texts` is the number of texts in the reader.
    """
    own, other = null.lengths
    dataset = _Side(*_phrases(matches, texts), scanned.records, scanned.characters, own)
    return _compared(
        dataset,
        _Side(*_phrases(null_matches, texts), null.records, null.characters, other),
    )


def _phrases(matches: Matched, texts: int) -> tuple[Numbers, int]:
    count, whole = np.zeros(texts, np.int64), 0
    for batch in matches.batches():
        which = (
            ~matches.control[batch.place]
            & ~batch.counted
            & ~batch.nearly
            & (batch.bits < PHRASE_BITS)
        )
        np.add.at(count, matches.text[batch.place[which]], 1)
        whole += int((which & batch.whole).sum())
    return count, whole


def _compared(dataset: _Side, null: _Side) -> Kind:
    figures: dict[str, float | None] = {}
    differs = []
    for size in ("record", "character"):
        ratio, error = _ratio(dataset, null, f"{size}s")
        figures[f"phrases_per_{size}"] = ratio
        if ratio is not None and abs(np.log(ratio)) > max(
            np.log(RATIO), CERTAIN * error
        ):
            differs.append(f"phrases per {size}")
    figures["whole_fields"] = None
    if min(dataset.matches, null.matches) >= FEW:
        apart = dataset.whole / dataset.matches - null.whole / null.matches
        figures["whole_fields"] = apart
        if abs(apart) > APART:
            differs.append("phrases that are whole fields")
    in_common = _in_common(dataset.lengths, null.lengths)
    figures["lengths_in_common"] = in_common
    if in_common is not None and in_common < IN_COMMON:
        differs.append("lengths of records")
    return Kind(tuple(differs), figures)


def _ratio(dataset: _Side, null: _Side, size: str) -> tuple[float | None, float]:
    """The dataset's rate of phrases over that of the null dataset, and the standard
    error of its logarithm.

    A text that has many matches makes them less certain than as many matches of
    different texts (a design effect). None where neither has any.
    """
    both = dataset.texts + null.texts
    if not both.any():
        return None, 0.0
    effect = float(both @ both) / float(both.sum())
    # Half a match more on both sides: a side without any has a rate, too.
    counts = np.array([dataset.matches, null.matches]) + 0.5
    rates = counts / np.maximum(1, [getattr(dataset, size), getattr(null, size)])
    return float(rates[0] / rates[1]), float(np.sqrt(effect * (1.0 / counts).sum()))


def _in_common(first: Numbers, second: Numbers) -> float | None:
    """The share that two samples of lengths have in common, in classes that double;
    None without a sample.
    """
    if len(first) == 0 or len(second) == 0:
        return None
    classes = [
        np.log2(np.maximum(lengths, 1)).astype(np.int64) for lengths in (first, second)
    ]
    size = int(max(each.max() for each in classes)) + 1
    return float(
        np.minimum(
            *(np.bincount(each, minlength=size) / len(each) for each in classes)
        ).sum()
    )
