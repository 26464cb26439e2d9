"""Who finds verified matches in texts: with the licensed texts, or with the sketches of a blind index."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import pyarrow as pa

from provscan.index import ScanReader, Strings
from provscan.index.blind import BlindIndex
from provscan.matching.blind import scan_blind
from provscan.matching.rows import Matches
from provscan.matching.scan import scan_texts
from provscan.params import BlindLimits, MatchParams
from provscan.readers import mended_texts
from provscan.readers.arrow import buffers


class TweetNames(Protocol):
    """Names the tweets of licensed texts."""

    def tweet_ids(self, texts: np.ndarray) -> Strings:
        """The id of each text's earliest tweet."""
        ...

    def tweet_counts(self, texts: np.ndarray) -> np.ndarray:
        """How many tweets carry each text."""
        ...


class Verifier(Protocol):
    """Finds matches, of which nothing is reported that was not verified."""

    @property
    def names(self) -> TweetNames:
        """Names the tweets of the texts that it finds."""
        ...

    def matches(self, text: np.ndarray, offsets: np.ndarray) -> Matches:
        """Matches in the texts of a text buffer, ordered by text and place."""
        ...


@dataclass(frozen=True)
class TextVerifier:
    """Compares with the licensed texts."""

    names: ScanReader
    params: MatchParams

    def matches(self, text: np.ndarray, offsets: np.ndarray) -> Matches:
        """See :class:`Verifier`."""
        return scan_texts(text, offsets, self.names, self.params)


@dataclass(frozen=True)
class SketchVerifier:
    """Compares with the prints of a blind index."""

    names: BlindIndex
    params: MatchParams
    limits: BlindLimits = field(default_factory=BlindLimits)

    def matches(self, text: np.ndarray, offsets: np.ndarray) -> Matches:
        """See :class:`Verifier`."""
        return scan_blind(text, offsets, self.names, self.params, self.limits)


def matches_in(batch: pa.RecordBatch, verifier: Verifier, *, fix_encoding: bool = False) -> Matches:
    """Matches in one batch of records, or of pieces of a record (:mod:`provscan.readers.schema`).

    With `fix_encoding` they are those in the repaired texts, and their spans those of the texts as they are.
    """
    texts, repaired = mended_texts(batch.column("text")) if fix_encoding else (batch.column("text"), {})
    found = verifier.matches(*buffers(texts))
    for row, text in repaired.items():
        places = (found.row == row).nonzero()[0]
        found.span[places] = text.original(found.span[places])
        found.characters[row] = int(text.original(found.characters[row : row + 1])[0])
    if "offset" not in batch.schema.names or len(found.row) == 0:
        return found
    offset, low, high = (batch.column(name).to_numpy()[found.row] for name in ("offset", "own_from", "own_to"))
    found.span = found.span + offset[:, None]
    return found.take(((found.span[:, 0] >= low) & (found.span[:, 0] < high)).nonzero()[0])
