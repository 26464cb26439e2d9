"""Ids that can be counted: every tweet has one, and no two tweets share one by mistake.

Spreadsheets turn ids into floats (``1.38957E+18``) or keep 15 digits of them and fill up with zeros; both make many
tweets one. Such ids are dropped and counted. A tweet without an id is named by its place: ``file:line``.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from provscan.readers.stats import ReadStats

FLOAT = r"^[0-9](\.[0-9]+)?[eE]\+[0-9]+$"
# What spreadsheets leave of an id of 17 digits or more, since they keep 15.
ROUNDED = r"^[0-9]{14,17}000$"
LONG = r"^[0-9]{17,}$"
# Ids that end in three zeros by chance are one in a thousand.
LEAST_ROUNDED = 3
# An apostrophe keeps spreadsheets from reading an id as a number; some data sets still carry it.
APOSTROPHE = r"^'([0-9]+)'?$"


def with_ids(batch: pa.RecordBatch, source: str, stats: ReadStats) -> pa.RecordBatch:
    """The batch with an id in every row; what had to be replaced is counted by reason."""
    ids = batch.column("id")
    if pc.any(pc.starts_with(ids, "'")).as_py():
        ids = pc.replace_substring_regex(ids, APOSTROPHE, r"\1")
    unusable = _matching(ids, FLOAT, pc.match_substring(ids, "+"))
    rounded = _matching(ids, ROUNDED, pc.ends_with(ids, "000"))
    count = pc.sum(rounded).as_py() or 0
    if count >= LEAST_ROUNDED and 2 * count > (pc.sum(pc.match_substring_regex(ids, LONG)).as_py() or 0):
        unusable = pc.or_(unusable, rounded)
    missing = pc.is_null(ids)
    for reason, where, detail in (
        ("id_mangled", unusable, "the id was rounded by a spreadsheet"),
        ("id_missing", missing, "named by file and line"),
    ):
        if count := pc.sum(where).as_py():
            record = batch.column("record")[pc.index(where, True).as_py()].as_py()
            stats.note(reason, source, record, detail, count)
    replaced = pc.or_(unusable, missing)
    if pc.any(replaced).as_py():
        lines = pc.cast(pc.add(batch.column("record"), 1), pa.string())
        places = pc.binary_join_element_wise(pa.scalar(source), lines, ":")
        ids = pc.if_else(replaced, places, ids)
    return batch.set_column(batch.schema.get_field_index("id"), "id", ids)


def _matching(ids: pa.Array, pattern: str, possible: pa.Array) -> pa.Array:
    """Which ids match a pattern; it is tried with those only that possibly do."""
    possible = pc.fill_null(possible, False)
    return pc.replace_with_mask(possible, possible, pc.match_substring_regex(ids.filter(possible), pattern))
