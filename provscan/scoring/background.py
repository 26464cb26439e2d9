"""Rarity of licensed texts under a background model, whose n-grams are counted in a
sample of the index itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from provscan.arrays import Floats, Numbers, slices
from provscan.estimate.background import BackgroundModel, text_sums
from provscan.index import IndexReader

# Number of bytes of canonical text that are counted, which takes half a second. With
# four times as many, the bits of a tweet would be 10% lower.
SAMPLE_BYTES = 1 << 20
# The maximum number of texts that are read and counted at a time.
TEXTS = 1 << 14
ORDER = 6
# Seed of the sample; it differs from that of the spike-ins.
SEED = 2


@dataclass(frozen=True)
class Background:
    """A background model, and the texts of the index that it has counted."""

    model: BackgroundModel  # Counted on a random sample of the index's texts.
    counted: Numbers  # int64[n], ascending: ids of the counted texts.

    def char_bits(self, reader: IndexReader, texts: Numbers) -> tuple[Floats, Numbers]:
        """Return the bits of each code point of texts of a reader whose first segments
        are those of the index, and the start of each text.

        A counted text is first subtracted from the counts. Bits are nan for a script
        that the model hardly knows, and if no text was counted.
        """
        canonical = reader.canonical_texts(texts)
        if self.model.chars == 0:
            offsets = canonical.codes(np.arange(len(texts)))[1]
            return np.full(int(offsets[-1]), np.nan), offsets
        # `np.isin` would go through all counted texts, even for a single text.
        index = np.searchsorted(self.counted, texts)
        nearest = self.counted[np.minimum(index, len(self.counted) - 1)]
        copies = (nearest == texts).astype(np.int64)
        return self.model.char_bits(canonical.array(), copies=copies)

    def bits(self, reader: IndexReader, texts: Numbers) -> Floats:
        """Return the bits of each text, the sum of its :meth:`char_bits`."""
        result = np.zeros(len(texts))
        for part in slices(len(texts)):
            result[part] = text_sums(*self.char_bits(reader, texts[part]))
        return result


@lru_cache(maxsize=1)
def background(reader: IndexReader) -> Background:
    """Return the background model of an index, cached for runs with the same reader."""
    model = BackgroundModel(ORDER, max_chars=SAMPLE_BYTES)
    counted = [np.zeros(0, np.int64)]
    for texts in _parts(reader.shuffled(SEED)):
        counted.append(texts[: model.add(reader.canonical_texts(texts).array())])
        if len(counted[-1]) < len(texts):
            break
    return Background(model, np.sort(np.concatenate(counted)))


def _parts(shuffled: Iterable[Numbers]) -> Iterator[Numbers]:
    """Divide texts into parts of at most :data:`TEXTS`."""
    for texts in shuffled:
        for low in range(0, len(texts), TEXTS):
            yield texts[low : low + TEXTS]
