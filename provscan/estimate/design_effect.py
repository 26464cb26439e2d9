"""Design effect of a sample of whole files.

Records of one file resemble each other, so a sample of files is less informative than
the same number of records drawn one by one. The design effect is estimated from the
files that were drawn. The size in bytes, which is known for every file, is the
auxiliary variable (ratio estimator, Cochran 1977, *Sampling Techniques*, section 6.3).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from provscan.arrays import Floats
from provscan.estimate.limits import TAIL, Factor, thinned

# How many additional times the part that deviates most counts. In simulated datasets
# whose parts differ by three times their mean, upper limits then hold in 95% of samples
# or more; with 1, they held in 92%.
EXTREME = 3.0


@dataclass(frozen=True, slots=True)
class DrawnParts:
    """Parts of a dataset that were drawn at random, and the sizes of the other
    parts.
    """

    bytes: Floats  # Size of each drawn part in bytes, above 0.
    records: Floats  # Scanned records of each drawn part.
    rest: Floats  # Size in bytes of each part that was not drawn.

    @property
    def fraction(self) -> float:
        """The share of the bytes that was drawn."""
        drawn = float(self.bytes.sum())
        return drawn / (drawn + float(self.rest.sum()))

    @property
    def unseen(self) -> int:
        """The largest number of parts that the sample can miss entirely with a
        probability of 2.5% or more.
        """
        drawn, every = len(self.bytes), len(self.bytes) + len(self.rest)
        chance = np.cumprod(1.0 - drawn / np.arange(every, drawn - 1, -1.0))
        return int(np.count_nonzero(chance >= TAIL))

    def projected(self, counts: Floats) -> Factor:
        """Project the total of the dataset, with 95% limits, from the count of each
        drawn part.
        """
        total, effect = float(counts.sum()), self.design_effect(counts)
        return Factor(
            total / self.fraction, *thinned(total, self.fraction, effect=effect)
        )

    def design_effect(self, hits: Floats) -> float:
        """Return the variance of a total, divided by the variance for the same number
        of records drawn one by one; at least 1. ``hits`` is the number of hits in each
        part.

        The part that deviates most counts :data:`EXTREME` times more, since the most
        extreme parts of the dataset are rarely among a few drawn ones. A quantile of
        Student's t replaces the normal quantile; its degrees of freedom follow from the
        effective number of parts with hits (Korn & Graubard 1998, *Survey Methodology*
        24, 193-201). If there is no hit, the result is the mean number of records in a
        part, weighted by size: either all records of a part are assumed to be hits, or
        none, since a large part that was not drawn may be full of hits.
        """
        from scipy.special import stdtrit

        total, parts = float(hits.sum()), len(hits)
        if total == 0.0 or parts < 2:
            each = self.records if total == 0.0 else hits
            unit = float(each @ each) / max(1.0, float(each.sum()))
            if total == 0.0:
                sizes = np.append(self.bytes, self.rest)
                unit = max(
                    unit,
                    float(sizes @ sizes / sizes.sum() * each.sum() / self.bytes.sum()),
                )
            return max(1.0, unit)
        residual = hits - total * self.bytes / float(self.bytes.sum())
        variance = (
            parts
            / (parts - 1)
            * (float(residual @ residual) + EXTREME * float((residual**2).max()))
            / total
        )
        freedom = max(1.0, total**2 / float(hits @ hits) - 1.0)
        # The variance of the rest depends on the sizes of its parts: if it is one large
        # file, nothing averages out.
        spread = 1.0
        if self.rest.any():
            unequal = (
                _kish(self.bytes)
                / _kish(self.rest)
                / (float(self.bytes.sum()) / float(self.rest.sum()))
            )
            spread = max(1.0, unequal)
        return max(1.0, variance * spread * float(stdtrit(freedom, 0.975) / 1.96) ** 2)


def _kish(sizes: Floats) -> float:
    """Return the effective number of units of unequal size (Kish 1965, *Survey
    Sampling*).
    """
    return float(sizes.sum()) ** 2 / float(sizes @ sizes)
