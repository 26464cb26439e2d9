"""Tweets without an id are named by their place, ``file:line``. Files added at
different times may share a name.
"""

from __future__ import annotations

from collections.abc import Iterable

import pyarrow as pa
import pyarrow.compute as pc

from provscan.index.segment.read import Segment
from provscan.index.segment.texts import Strings
from provscan.text_buffers import buffers

# The number of the line at the end of a place.
PLACE = ":(?P<line>[1-9][0-9]{0,17})$"


def with_distinct_places(
    batch: pa.RecordBatch, segments: Iterable[Segment]
) -> pa.RecordBatch:
    """A batch of tweets in which a place that the index has for another text gets a
    hash of the text behind it.

    The same file, added again, so has the same ids again.
    """
    ids = batch.column("id")
    lines = pc.struct_field(pc.extract_regex(ids, PLACE), "line")
    is_place = pc.fill_null(
        pc.equal(pc.cast(lines, pa.int64()), pc.add(batch.column("record"), 1)), False
    )
    places = ids.filter(is_place)
    if len(places) == 0:
        return batch
    known_ids, known_rows = [pa.array([], pa.string())], [pa.array([], pa.string())]
    for segment in segments:
        rows = segment.tweets.ids.among(places)
        known_ids.append(segment.tweets.ids.take(rows).array().cast(pa.string()))
        known_rows.append(
            _with_hash(known_ids[-1], segment.tweets.raw_texts.take(rows))
        )
    hashed = _with_hash(ids, Strings(*buffers(batch.column("text"))))
    taken = pc.and_(is_place, pc.is_in(ids, value_set=pa.concat_arrays(known_ids)))
    other = pc.and_not(taken, pc.is_in(hashed, value_set=pa.concat_arrays(known_rows)))
    return batch.set_column(
        batch.schema.get_field_index("id"), "id", pc.if_else(other, hashed, ids)
    )


def _with_hash(ids: pa.Array, texts: Strings) -> pa.Array:
    """Each id with 16 hexadecimal digits of its text's key."""
    hashes = pa.array(
        [f"{key:016x}" for key in texts.keys()[:, 0].tolist()], pa.string()
    )
    return pc.binary_join_element_wise(ids, hashes, ":")
