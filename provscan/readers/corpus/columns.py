"""Turn the values of tweets into columns of the schema of tweets, and count repairs.

Every tweet gets an id, and different tweets must not get the same id by mistake.
Spreadsheets turn ids into floats (``1.38957E+18``), or keep 15 digits and add zeros, so
that different tweets have the same id. Such ids are dropped and counted. A float is
recognised by itself, but an id may end in zeros by chance: :func:`look_rounded` decides
by the first records whether those of a file are dropped. The id of a tweet without a
usable id is ``file:line``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from provscan.arrays import Numbers
from provscan.readers.corpus.apis import Tweet
from provscan.readers.dates import timestamps
from provscan.readers.fields.paths import Path, value_at
from provscan.readers.schema import TIMESTAMP, TWEETS
from provscan.readers.stats import Counts
from provscan.readers.strings import (
    decoded,
    null_if_empty,
    short_texts,
    string_array,
    unexpected_value,
)
from provscan.readers.values import array_values

SHORT_COLUMNS = ("id", "author", "lang", "rt_of")
FLOAT = r"^[0-9](\.[0-9]+)?[eE]\+[0-9]+$"
# An id of at least 17 digits of which a spreadsheet kept 15.
ROUNDED = r"^([0-9]{14,17}000|[0-9]{15}00)$"
LONG_ID = r"^[0-9]{17,}$"
# Minimum number of such ids among the first long ids of a file whose ids were rounded.
# One id in a thousand ends in three zeros by chance.
LEAST_ROUNDED = 3
# An id within quotes or after a sign that keeps spreadsheets from reading it as a
# number (rtweet writes x), or an id in the URL of its tweet.
WRAPPED_ID = r"^(?:['\"]([0-9]+)['\"]?|x([0-9]{8,})|https?://\S+/status(?:es)?/([0-9]+)(?:[/?#]\S*)?)$"
# The first characters of texts that WRAPPED_ID matches.
WRAPPED_STARTS = ("'", '"', "x", "h")
# Placeholders that programs write for a missing id; many tweets would share them.
PLACEHOLDERS = pa.array(["nan", "NaN", "None", "null", "NULL", "NA", "<NA>", "\\N"])


def string_column(values: Any, count: int) -> pa.Array:
    """Return ids or names as a column of strings. White space around them is removed,
    so that they are equal to the entries in lists of tweets to forget.
    """
    if values is None:
        return pa.nulls(count, pa.string())
    return null_if_empty(pc.utf8_trim_whitespace(short_texts(values)))


def first_values(columns: list[pa.Array]) -> pa.Array | None:
    """Return the first value of each row in some columns; None without a column."""
    if len(columns) < 2:
        return next(iter(columns), None)
    known = [
        string_column(each, len(each))
        for each in columns
        if each.null_count < len(each)
    ]
    return pc.coalesce(*known) if known else None


def first_in_record(record: Any, paths: Iterable[Path]) -> Any:
    """Return the first value at some paths in a record, preferably a scalar, as
    :func:`first_values` does for columns.
    """
    values = [value_at(record, path) for path in paths]
    values = [value for value in values if value is not None and value != ""]
    scalars = (value for value in values if not isinstance(value, dict | list))
    return next(scalars, next(iter(values), None))


def first_texts(columns: Iterator[pa.Array]) -> pa.Array:
    """Return the first non-empty text of each row, in the order of the columns. The
    iterator is advanced only until every row has a text.
    """
    texts = null_if_empty(next(columns))
    while texts.null_count and (others := next(columns, None)) is not None:
        texts = pc.coalesce(texts, null_if_empty(others))
    return texts


def filled_texts(
    text: pa.Array, numbers: Numbers, counts: Counts
) -> tuple[Numbers | None, pa.Array]:
    """Return the positions of the rows with a text (None if all have one), and their
    texts.
    """
    if not text.null_count:
        return None, text
    there = text.is_valid().to_numpy(zero_copy_only=False)
    number, count = int(numbers[there.argmin()]), text.null_count
    counts.skip("no_text", number, "the text is missing or empty", count)
    return np.flatnonzero(there), text.drop_null()


def dates(
    values: pa.Array | list[Any] | None, numbers: Numbers, counts: Counts
) -> pa.Array:
    """Return a column of times; what is not a date becomes null and is counted."""
    if values is None:
        return pa.nulls(len(numbers), TIMESTAMP)
    found, bad = timestamps(values)
    if bad:
        example = values[bad[0] : bad[0] + 1]
        (value,) = array_values(example) if isinstance(example, pa.Array) else example
        counts.note("bad_date", int(numbers[bad[0]]), str(value), len(bad))
    return found


def from_tweets(
    numbers: list[int], tweets: list[Tweet], counts: Counts
) -> pa.RecordBatch:
    """Return tweets in the schema of tweets. Those without a text are left out and
    counted.
    """
    kept = []
    for position, (number, tweet) in enumerate(zip(numbers, tweets, strict=True)):
        if isinstance(tweet.text, bytes):
            text = decoded(tweet.text, number, counts)
            tweet = tweets[position] = tweet._replace(text=text)
        if tweet.text is None or tweet.text == "":
            counts.skip("no_text", number, "the text is missing or empty")
        elif isinstance(tweet.text, str):
            kept.append(position)
        else:
            counts.skip("text_not_string", number, unexpected_value(tweet.text))
    numbers = [numbers[position] for position in kept]
    values = {
        role: [getattr(tweets[position], role) for position in kept]
        for role in Tweet._fields
    }
    text = string_array(values["text"], numbers, counts)
    return batch_of(np.array(numbers, np.int64), text, values, counts)


def batch_of(
    numbers: Numbers,
    text: pa.Array,
    values: Mapping[str, pa.Array | list[Any] | None],
    counts: Counts,
) -> pa.RecordBatch:
    """Return tweets with these texts in the schema of tweets. ``values`` maps every
    other role to the file's values.
    """
    short = {role: string_column(values[role], len(text)) for role in SHORT_COLUMNS}
    columns = [
        pa.array(numbers),
        short["id"],
        text,
        short["author"],
        dates(values["date"], numbers, counts),
        short["lang"],
        short["rt_of"],
    ]
    return pa.RecordBatch.from_arrays(columns, schema=TWEETS)


def with_plain_ids(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Return a batch whose ids have no quotes, signs and URLs around them, and null for
    a placeholder.
    """
    for name in ("id", "rt_of"):
        position = batch.schema.get_field_index(name)
        batch = batch.set_column(position, name, _plain_ids(batch.column(name)))
    return batch


def look_rounded(records: list[Any], paths: Iterable[Path]) -> bool:
    """Return whether a spreadsheet rounded the ids of a file to 15 digits: at least
    three of the long ids of its first records, and more than half, look so.
    """
    values = [first_in_record(record, paths) for record in records]
    ids = _plain_ids(string_column(values, len(values)))
    long = pc.match_substring_regex(ids, LONG_ID).true_count
    rounded = _rounded(ids).true_count
    return bool(rounded >= LEAST_ROUNDED and 2 * rounded > long)


def with_ids(batch: pa.RecordBatch, counts: Counts, *, rounded: bool) -> pa.RecordBatch:
    """Return a batch with an id in every row. Replaced ids are counted by reason.
    ``rounded`` says whether a spreadsheet rounded the ids of the file to 15 digits.
    """
    ids = batch.column("id")
    unusable = pc.match_substring_regex(ids, FLOAT).fill_null(False)
    if rounded:
        unusable = pc.or_(unusable, _rounded(ids))
    missing = pc.is_null(ids)
    for reason, where, detail in (
        ("id_mangled", unusable, "the id was rounded by a spreadsheet"),
        ("id_missing", missing, "named by file and line"),
    ):
        if count := where.true_count:
            record = batch.column("record")[pc.index(where, True).as_py()].as_py()
            counts.note(reason, record, detail, count)
    replaced = pc.or_(unusable, missing)
    if pc.any(replaced).as_py():
        lines = pc.cast(pc.add(batch.column("record"), 1), pa.string())
        fallbacks = pc.binary_join_element_wise(pa.scalar(counts.source), lines, ":")
        ids = pc.if_else(replaced, fallbacks, ids)
    return batch.set_column(batch.schema.get_field_index("id"), "id", ids)


def _rounded(ids: pa.Array) -> pa.Array:
    """Return for each id whether it may have been rounded to 15 digits."""
    return pc.match_substring_regex(ids, ROUNDED).fill_null(False)


def _plain_ids(ids: pa.Array) -> pa.Array:
    """Return ids without quotes, signs and URLs around them; a placeholder becomes
    null.
    """
    missing = pc.is_in(ids, PLACEHOLDERS)
    if pc.any(missing).as_py():
        ids = pc.if_else(missing, pa.scalar(None, ids.type), ids)
    if not any(pc.any(pc.starts_with(ids, sign)).as_py() for sign in WRAPPED_STARTS):
        return ids
    return pc.replace_substring_regex(ids, WRAPPED_ID, r"\1\2\3")
