"""Count the matches of clean data, and decide whether it is comparable with the
dataset, so that its matches measure chance in the dataset (:func:`count_null`).

Chance depends more on the kind of text than on its amount: novels and manuals share far
fewer phrases with tweets than posts do. Three properties are compared: the rate of
phrases (matches with fewer than :data:`PHRASE_BITS` bits) per record and per character,
the share of phrases that cover whole fields, and the lengths of records. Copies of
tweets hardly change these properties: if one record in ten is a copy, the rate of
phrases rises by about a tenth, far less than the limit. ``benchmarks/claims.py``
measures the effect of the limits on pairs of collections that were not used to choose
the limits.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from provscan.arrays import Flags, Numbers
from provscan.calibration.controls import Controls
from provscan.estimate.strata import enough_text
from provscan.runs.counting.counts import STRENGTHS, TextFindings, findings_by_text
from provscan.runs.counting.matches import ScoredMatches, score_matches
from provscan.runs.counting.strata import overlap
from provscan.runs.scan.totals import ScanTotals
from provscan.scoring.lengths import letters
from provscan.scoring.rule import Scorer

# A match with fewer bits is a match of a phrase, unless it is a finding or nearly
# verbatim.
PHRASE_BITS = 30.0
# Limits of the ratio of two rates, of the difference of two shares, and of the overlap
# of two distributions.
MOST_RATIO, MOST_APART, LEAST_OVERLAP = 1.5, 0.15, 0.7
# Number of standard errors above which a difference is significant.
CERTAIN = 2.58
# Minimum number of matches of which a share is computed.
FEW = 30


@dataclass(frozen=True)
class Kind:
    """The result of comparing clean data with the dataset."""

    differs: tuple[str, ...]  # Properties that differ too much, in words.
    figures: dict[str, float | None]

    @property
    def same(self) -> bool:
        return not self.differs

    def as_dict(self) -> dict[str, Any]:
        return {"same": self.same, "differs": list(self.differs), **self.figures}


@dataclass(frozen=True)
class NullCounts:
    """The counts of clean data."""

    matches: ScoredMatches
    # Findings by text, for each of ``STRENGTHS``; none for control texts.
    strengths: list[TextFindings]
    licensed: int  # Matches of licensed texts.
    kind: Kind
    # bool[scripts]: scripts in which the clean data measures chance; None if it is of
    # another kind than the dataset.
    scripts: Flags | None

    @property
    def scanned(self) -> ScanTotals:
        """The totals of the clean data's scan."""
        return self.matches.scanned


class _Phrases:
    """Matches of phrases in a dataset."""

    def __init__(self, matches: ScoredMatches, texts: int) -> None:
        scanned, rows = matches.scanned, matches.rows
        self.sizes = {"record": scanned.records, "character": scanned.characters}
        which = ~matches.control[rows.text_index] & ~rows.passes_rule & ~rows.nearly
        which &= rows.bits < PHRASE_BITS
        # Number of matches of each text of the reader.
        text = matches.text[rows.text_index[which]]
        self.of_text = np.bincount(text, minlength=texts).astype(np.int64)
        # Matches that cover their whole field.
        self.whole = int((which & rows.whole).sum())
        # Lengths of the carrier records, a random sample of the records.
        carriers = scanned.carriers
        self.lengths = np.repeat(
            np.array([carrier.length for carrier in carriers], np.int64),
            [carrier.copies for carrier in carriers],
        )


def count_null(
    null: ScanTotals, dataset: ScoredMatches, scorer: Scorer, controls: Controls
) -> NullCounts:
    """Count the matches in the scan of clean data, and compare it with the
    dataset, given its matches.
    """
    texts = len(controls.control)
    # A text that is also in a control file or in known data is no finding in the
    # dataset, but its match in the clean data is still due to chance.
    own = replace(scorer, repeated=scorer.repeated[:0], elsewhere=None)
    matches = score_matches(null, own, controls)
    strengths = [
        findings_by_text(matches.rows, ~matches.control, least) for least in STRENGTHS
    ]
    licensed = int(np.count_nonzero(~matches.control[matches.rows.text_index]))
    kind = _compared(_Phrases(dataset, texts), _Phrases(matches, texts))
    scripts = enough_text(
        *(
            letters(carrier.text for carrier in scanned.carriers)
            for scanned in (dataset.scanned, null)
        )
    )
    return NullCounts(
        matches, strengths, licensed, kind, scripts if kind.same else None
    )


def _compared(dataset: _Phrases, null: _Phrases) -> Kind:
    figures: dict[str, float | None] = {}
    differs = []
    counts = [dataset.of_text.sum(), null.of_text.sum()]
    for size in ("record", "character"):
        ratio, error = _ratio(dataset, null, size)
        figures[f"phrases_per_{size}"] = ratio
        if ratio is not None and abs(np.log(ratio)) > max(
            np.log(MOST_RATIO), CERTAIN * error
        ):
            differs.append(f"phrases per {size}")
    figures["whole_fields"] = None
    if min(counts) >= FEW:
        apart = float(dataset.whole / counts[0] - null.whole / counts[1])
        figures["whole_fields"] = apart
        if abs(apart) > MOST_APART:
            differs.append("phrases that are whole fields")
    common = _length_overlap(dataset.lengths, null.lengths)
    figures["lengths_in_common"] = common
    if common is not None and common < LEAST_OVERLAP:
        differs.append("lengths of records")
    return Kind(tuple(differs), figures)


def _ratio(dataset: _Phrases, null: _Phrases, size: str) -> tuple[float | None, float]:
    """Return the ratio of the dataset's rate of phrases to that of the clean data,
    and the standard error of the logarithm of the ratio.

    A rate from many matches of one text is less certain than one from as many matches
    of different texts (a design effect). The ratio is None if neither dataset has any
    phrases.
    """
    both = dataset.of_text + null.of_text
    if not both.any():
        return None, 0.0
    effect = float(both @ both) / float(both.sum())
    # Add half a match to each, so that a dataset without matches has a rate, too.
    counts = np.array([dataset.of_text.sum(), null.of_text.sum()]) + 0.5
    rates = counts / np.maximum(1, [dataset.sizes[size], null.sizes[size]])
    return float(rates[0] / rates[1]), float(np.sqrt(effect * (1.0 / counts).sum()))


def _length_overlap(first: Numbers, second: Numbers) -> float | None:
    """Return the overlap of two samples of lengths, in classes that double in width;
    None if a sample is empty.
    """
    if len(first) == 0 or len(second) == 0:
        return None
    classes = (
        np.log2(np.maximum(lengths, 1)).astype(np.int64) for lengths in (first, second)
    )
    return overlap(*classes)
