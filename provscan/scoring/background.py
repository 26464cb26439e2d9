"""How surprising licensed texts are: a background model counted on the index itself."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from provscan.estimate import BackgroundModel
from provscan.index import IndexReader, open_reader

# Bytes of canonical text to count: half a second's work. Four times as many take 10 % off the bits of a tweet.
SAMPLE_BYTES = 1 << 20
ORDER = 6


@dataclass(frozen=True)
class Background:
    """The model, and which of the index's texts it has counted.

    Attributes
    ----------
    model
        Counted on every `stride`-th text of each segment, in their order.
    stride, counted
        The `stride`, and how many texts of each segment were counted.
    """

    model: BackgroundModel
    stride: int
    counted: tuple[int, ...]

    def bits(self, reader: IndexReader, texts: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        """Bits of some texts of a reader that begins with the index's segments; one that was counted is left out.

        Returns
        -------
        float64[n]
            nan in a script that the model hardly knows, and where nothing was counted.
        """
        result = np.full(len(texts), np.nan)
        if self.model.chars == 0:
            return result
        of = np.searchsorted(reader.bases, texts, "right") - 1
        for number, segment in enumerate(reader.segments):
            here = np.flatnonzero(of == number)
            if len(here) == 0:
                continue
            rows = texts[here] - reader.bases[number]
            counted = self.counted[number] if number < len(self.counted) else 0
            copies = ((rows % self.stride == 0) & (rows // self.stride < counted)).astype(np.int64)
            result[here] = self.model.bits(segment.texts.take(rows).array(), copies=copies)
        return result


def background(reader: IndexReader) -> Background:
    """The background model of an index; kept for the next run with the same one."""
    return _counted(reader.path, reader.fingerprint)


@lru_cache(maxsize=1)
def _counted(path: Path, fingerprint: str) -> Background:
    reader = open_reader(path)
    size = sum(len(segment.texts.text) for segment in reader.segments)
    stride = max(1, -(-size // SAMPLE_BYTES))
    model = BackgroundModel(ORDER, max_chars=SAMPLE_BYTES)
    counted = []
    for segment in reader.segments:
        texts: pa.LargeStringArray = segment.texts.take(np.arange(0, len(segment.texts), stride)).array()
        counted.append(model.add(texts))
    return Background(model, stride, tuple(counted))
