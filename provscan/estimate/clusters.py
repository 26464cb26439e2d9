"""Samples of whole parts of a dataset: what they are worth, in independent records.

The parts, files or ranges of files, are clusters: records of one file resemble each other. Drawn is a simple random
sample of them, without replacement; known of every part, drawn or not, are its bytes, so that a number for the whole is
the ratio to bytes times all bytes. How much less than as many records drawn one by one that is worth is measured:

- a *share* of the records by the variance between parts of ``hits - share * records``;
- a *count* by the variance of ``hits - ratio * bytes``. What it has beyond the share's is the error of the number of
  records in the rest, which nobody has counted;
- an *amount* (characters) likewise, beside its own total for a share, beside bytes for a number.

The correction for a finite population lies in that only the rest is drawn (:func:`~provscan.estimate.prevalence
.draw_counts`): what was scanned is known. How much the rest scatters goes by its own sizes, since one large file that
was not drawn averages nothing out.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from provscan.errors import ParameterError
from provscan.estimate.binomial import ClusterRatio, effective_size, kish, ratio
from provscan.estimate.prevalence import Sample

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Clusters:
    """Parts of a dataset that were drawn at random, and the rest.

    Attributes
    ----------
    bytes, records, characters
        float64, one a drawn part: its size in the dataset, and what was scanned of it; 0 where a part holds nothing
        that can be read.
    rest
        float64, one a part that was not drawn: its bytes.

    Raises
    ------
    ParameterError
        The shapes differ, no part was drawn, or a drawn one has no bytes.
    """

    bytes: Floats
    records: Floats
    characters: Floats
    rest: Floats

    def __post_init__(self) -> None:
        shapes = {np.shape(values) for values in (self.bytes, self.records, self.characters)}
        if len(shapes) != 1 or len(self.bytes) == 0 or not bool((self.bytes > 0).all()):
            raise ParameterError(
                "clusters need bytes above 0, records and characters of each part that was drawn, of at least one, "
                f"found the shapes {sorted(shapes)}"
            )

    @property
    def fraction(self) -> float:
        """Share of the bytes that was drawn."""
        drawn = float(self.bytes.sum())
        return drawn / (drawn + float(self.rest.sum()))

    def ratio(self, hits: Floats) -> ClusterRatio | None:
        """The share of the records that are hits, with its variance; None for a single part, which has none."""
        return ratio(hits, self.records) if len(hits) > 1 else None

    def of_shares(self, hits: Floats, level: float = 0.95) -> Sample:
        """What the sample is worth for the share of the records that are `hits`, shape (drawn parts,)."""
        measured = self.ratio(hits)
        effective = 1.0 if measured is None else effective_size(measured, level)
        spread = self._spread()
        return Sample(self.fraction, effective, effective / spread if spread > 0 else None)

    def of_counts(self, hits: Floats, level: float = 0.95) -> Sample:
        """What it is worth for the number of records in the whole that are `hits`, shape (drawn parts,)."""
        share = self.of_shares(hits, level)
        if len(hits) == 1:
            return Sample(share.fraction, share.effective, share.rest, 1.0)
        seen = hits if hits.any() else self.records
        more = _relative(seen, self.bytes) - _relative(seen, self.records)
        return Sample(share.fraction, share.effective, share.rest, math.sqrt(max(0.0, more) * (1.0 + self._spread())))

    def amount_error(self, hits: Floats, amounts: Floats, sizes: Floats, *, share: bool) -> float:
        """Relative standard error of an amount in the whole beyond that of the number of hits and of their sizes.

        Parameters
        ----------
        hits, amounts
            Records that hold licensed text and what they hold of it, by drawn part, shape (drawn parts,).
        sizes
            The amount of every record that holds any.
        share
            Of the amount's share of all characters; else of the amount itself.
        """
        if len(hits) == 1:
            return 1.0 - self.fraction
        if not hits.any() or not amounts.any():
            return 0.0
        spread = float((sizes.std(ddof=1) / sizes.mean()) ** 2) / len(sizes) if len(sizes) > 1 else 0.0
        against = _relative(amounts, self.characters if share else self.bytes)
        more = against - _relative(hits, self.records) - spread
        return (1.0 - self.fraction) * math.sqrt(max(0.0, more) * (1.0 + self._spread()))

    def _spread(self) -> float:
        """Variance of the rest's mean over that of the sample's: by bytes, or by parts where their sizes differ more.

        Of parts with shares of their own it goes by effective numbers, of records that are independent by bytes.
        """
        if not self.rest.any():
            return 0.0
        drawn = float(self.bytes.sum()) / float(self.rest.sum())
        return max(drawn, kish(self.bytes) / kish(self.rest))


def _relative(hits: Floats, sizes: Floats) -> float:
    """Relative variance of the ratio of two sums over clusters, as in :func:`~provscan.estimate.binomial.ratio`."""
    total = float(hits.sum())
    if total == 0.0 or not sizes.any():
        return 0.0
    residual = hits - total * sizes / float(sizes.sum())
    m = len(hits)
    return m / (m - 1) * (float(residual @ residual) + float((residual**2).max())) / total**2
