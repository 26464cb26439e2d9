"""Compute everything in a segment that depends on a single batch of tweets.

:func:`prepare` is a pure function of the batch and the parameters, so any number of
threads can run it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from provscan.index.segment.strings import Strings
from provscan.kernels.records import Sketches, TextBuffer, read_only
from provscan.kernels.storage.digests import add_column
from provscan.params import IndexParams
from provscan.sketch import signatures as sketch
from provscan.snowflakes import FIRST_SNOWFLAKE, SNOWFLAKE_EPOCH
from provscan.text import canonical_buffers
from provscan.text_buffers import buffers

# The number of rows whose signatures are computed at a time; they stay in the
# second-level cache.
BLOCK = 2048
# Signatures are computed in multiples of this number of minima, for vector
# instructions.
VECTOR = 16
NO_TIME = np.iinfo(np.int64).max


class Prepared(NamedTuple):
    """A batch of tweets that have a canonical text."""

    texts: Strings  # The canonical texts.
    raw_texts: Strings  # The original texts.
    ids: Strings
    sketches: Sketches  # The sketches of the canonical texts.
    times: np.ndarray  # int64[n], milliseconds since 1970, ``NO_TIME`` if unknown.
    about: pa.RecordBatch  # The other columns: author, lang, rt_of.
    digests: np.ndarray  # uint64[n, 2]; see `tweet_digests`.
    empty: int = 0  # Tweets left out because their canonical text is empty.

    def take(self, rows: np.ndarray) -> Prepared:
        return Prepared(
            self.texts.take(rows),
            self.raw_texts.take(rows),
            self.ids.take(rows),
            Sketches(*(array[rows] for array in self.sketches)),
            self.times[rows],
            self.about.take(pa.array(rows)),
            self.digests[rows],
        )


def sketch_texts(texts: Strings, params: IndexParams) -> Sketches:
    count = len(texts)
    bits = np.empty((count, 2), np.uint64)
    bands = np.empty((count, params.bands), np.uint64)
    # Compute only the minima that bands and sketches need.
    minima = max(sketch.SKETCHED, -(-params.bands * params.rows // VECTOR) * VECTOR)
    for low in range(0, count, BLOCK):
        high = min(low + BLOCK, count)
        signatures = sketch.minhash_canonical(
            texts.text, texts.offsets[low : high + 1], minima
        )
        bits[low:high] = sketch.two_bit_sketch(signatures)
        bands[low:high] = sketch.band_keys(signatures, params.bands, params.rows)
    return Sketches(texts.keys(), bits, bands)


def times_of(ids: Strings, created_at: pa.Array) -> np.ndarray:
    """Return the time of each tweet, int64 milliseconds since 1970: ``created_at`` if
    it is known, else the time in the id, if there is one, else ``NO_TIME``.
    """
    times = pc.cast(created_at, pa.int64())
    if created_at.null_count == 0:
        return times.to_numpy()
    numbers = ids.whole_numbers()
    stamped = np.where(
        numbers >= FIRST_SNOWFLAKE, (numbers >> 22) + SNOWFLAKE_EPOCH, NO_TIME
    )
    return pc.coalesce(times, pa.array(stamped)).to_numpy()


def tweet_digests(
    ids: pa.Array, texts: pa.Array, times: np.ndarray, about: pa.RecordBatch
) -> np.ndarray:
    """Return uint64[n, 2]: a digest of everything that is stored for each tweet. The
    sum of the digests identifies a set of tweets, regardless of their order.
    """
    digests = np.zeros((len(ids), 2), np.uint64)
    when = (
        read_only(np.ascontiguousarray(times).view(np.uint8)),
        read_only(8 * np.arange(len(times) + 1)),
    )
    columns = [
        buffers(pc.fill_null(column.cast(pa.large_string()), ""))
        for column in (ids, texts, *about.columns)
    ]
    for column in (*columns, when):
        add_column(TextBuffer(*column), digests)
    return digests


def canonical_texts(batch: pa.RecordBatch) -> tuple[pa.RecordBatch, Strings]:
    """Return the tweets of a batch whose canonical text is not empty, and these
    canonical texts.
    """
    text, offsets = canonical_buffers(*buffers(batch.column("text")))
    filled = np.flatnonzero(np.diff(offsets))
    if len(filled) < batch.num_rows:
        batch = batch.take(pa.array(filled))
        offsets = np.append(offsets[filled], offsets[-1])
    return batch, Strings(text, offsets)


def prepare(batch: pa.RecordBatch, params: IndexParams) -> Prepared:
    """Compute everything that a segment stores for a batch of tweets, which has the
    readers' schema and an id in every row.
    """
    rows = batch.num_rows
    batch, texts = canonical_texts(batch)
    ids = batch.column("id").cast(pa.large_string())
    strings = Strings(*buffers(ids))
    times = times_of(strings, batch.column("created_at"))
    about = batch.select(["author", "lang", "rt_of"])
    return Prepared(
        texts,
        Strings(*buffers(batch.column("text"))),
        strings,
        sketch_texts(texts, params),
        times,
        about,
        tweet_digests(ids, batch.column("text"), times, about),
        rows - batch.num_rows,
    )
