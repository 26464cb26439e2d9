"""How surprising licensed texts are: a background model counted on the index itself."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pyarrow as pa

from provscan.arrays import Floats, Numbers
from provscan.estimate.background import BackgroundModel
from provscan.index import IndexReader

# Bytes of canonical text to count: half a second's work. Four times as many take 10 % off the bits of a tweet.
SAMPLE_BYTES = 1 << 20
ORDER = 6
# Texts that are scored together.
TEXTS = 1 << 16


@dataclass(frozen=True)
class Background:
    """The model, and which of the index's texts it has counted."""

    model: BackgroundModel  # Counted on an even sample of the index's texts.
    counted: Numbers  # int64[n], ascending: their numbers.

    def bits(self, reader: IndexReader, texts: Numbers) -> Floats:
        """Bits of some texts of a reader that begins with the index's; one that was counted is left out.

        They are nan in a script that the model hardly knows, and where nothing was counted.
        """
        result = np.full(len(texts), np.nan)
        if self.model.chars == 0:
            return result
        for low in range(0, len(texts), TEXTS):
            numbers = texts[low : low + TEXTS]
            copies = np.isin(numbers, self.counted).astype(np.int64)
            result[low : low + TEXTS] = self.model.bits(reader.canonical_texts(numbers).array(), copies=copies)
        return result


@lru_cache(maxsize=1)
def background(reader: IndexReader) -> Background:
    """The background model of an index; kept for the next run with the same reader."""
    stride = max(1, -(-reader.text_bytes // SAMPLE_BYTES))
    model = BackgroundModel(ORDER, max_chars=SAMPLE_BYTES)
    numbers = np.arange(0, reader.size, stride)
    numbers = numbers[reader.living(numbers)]
    texts: pa.LargeStringArray = reader.canonical_texts(numbers).array()
    return Background(model, numbers[: model.add(texts)])
