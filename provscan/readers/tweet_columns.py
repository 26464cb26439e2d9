"""Python values of many records -> Arrow columns in the common schema, repaired and counted where needed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from provscan.readers.stats import ReadStats
from provscan.readers.texts import as_text, scalar_text, without_surrogates
from provscan.readers.tweet_dates import from_strings, timestamps
from provscan.readers.tweet_schema import TIMESTAMP, TWEETS

Numbers = npt.NDArray[np.int64]


def null_if_empty(texts: pa.Array) -> pa.Array:
    """Null where a string is empty: CSV knows no other null."""
    empty = pc.equal(texts, "")
    return pc.if_else(empty, pa.scalar(None, texts.type), texts) if pc.any(empty).as_py() else texts


def strings(values: Sequence[Any] | None, count: int) -> pa.Array:
    """A column of short strings; an empty one is null, and so is anything but text and numbers."""
    if values is None:
        return pa.nulls(count, pa.string())
    try:
        return null_if_empty(pa.array(values, pa.string()))
    except (pa.ArrowInvalid, pa.ArrowTypeError, UnicodeEncodeError):
        texts = [scalar_text(value) for value in values]
        return pa.array([text and without_surrogates(text) for text in texts], pa.string())


def column(array: pa.Array | None, count: int) -> pa.Array:
    if array is None:
        return pa.nulls(count, pa.string())
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    if pa.types.is_string(array.type) or pa.types.is_large_string(array.type):
        return null_if_empty(pc.cast(array, pa.string()))
    return pc.cast(array, pa.string()) if pa.types.is_integer(array.type) else strings(array.to_pylist(), count)


def texts_of(array: pa.Array, numbers: Numbers, source: str, stats: ReadStats) -> tuple[Numbers | None, pa.Array]:
    """A column of texts without the missing ones, and the rows that are left, None if that is all of them."""
    text, repaired = as_text(array)
    for place, byte in repaired:
        stats.repair("invalid_utf8", source, int(numbers[place]), f"byte {byte:#04x} replaced by U+FFFD")
    empty = pc.or_kleene(text.is_null(), pc.fill_null(pc.equal(text, ""), True))
    count = pc.sum(empty).as_py()
    if not count:
        return None, text
    stats.skip("no_text", source, int(numbers[pc.index(empty, True).as_py()]), "the text is missing or empty", count)
    kept = np.flatnonzero(~empty.to_numpy(zero_copy_only=False))
    return kept, text.take(pa.array(kept))


def dates(array: pa.Array | None, numbers: Numbers, source: str, stats: ReadStats) -> pa.Array:
    if array is None:
        return pa.nulls(len(numbers), TIMESTAMP)
    if pa.types.is_timestamp(array.type) or pa.types.is_date(array.type):
        return pc.cast(array, TIMESTAMP, safe=False)
    if pa.types.is_string(array.type) and (parsed := from_strings(array)) is not None:
        return parsed
    values = array.to_pylist()
    found, bad = timestamps(values)
    if bad:
        stats.note("bad_date", source, int(numbers[bad[0]]), repr(values[bad[0]]), len(bad))
    return found


@dataclass(slots=True)
class Columns:
    """Values of some records, role by role; a role that the source lacks is None.

    ``text`` may hold anything; records without text are dropped by :meth:`batch` and counted. Of long texts there may
    be only what stands for them in the lines out of which ``strings`` were taken.
    """

    source: str
    numbers: Sequence[int]
    text: list[Any]
    id: list[Any] | None = None
    author: list[Any] | None = None
    date: list[Any] | None = None
    lang: list[Any] | None = None
    rt_of: list[Any] | None = None

    def _keep(self, places: list[int]) -> None:
        self.numbers = [self.numbers[place] for place in places]
        for role in ("text", "id", "author", "date", "lang", "rt_of"):
            values = getattr(self, role)
            if values is not None:
                setattr(self, role, [values[place] for place in places])

    def _drop_textless(self, stats: ReadStats) -> None:
        if set(map(type, self.text)) <= {str}:
            return
        places = []
        for place, value in enumerate(self.text):
            if isinstance(value, str):
                places.append(place)
            elif value is None:
                stats.skip("no_text", self.source, self.numbers[place], "the text is missing or null")
            else:
                stats.skip("text_not_string", self.source, self.numbers[place], _kind(value))
        self._keep(places)

    def _texts(self, stats: ReadStats) -> pa.Array:
        try:
            return pa.array(self.text, pa.large_string())
        except UnicodeEncodeError:
            repaired = []
            for number, text in zip(self.numbers, self.text, strict=True):
                try:
                    text.encode()
                    repaired.append(text)
                except UnicodeEncodeError:
                    repaired.append(without_surrogates(text))
                    stats.repair("lone_surrogate", self.source, number, "replaced by U+FFFD")
            return pa.array(repaired, pa.large_string())

    def batch(self, stats: ReadStats) -> pa.RecordBatch:
        """The records that have a text, in the common schema."""
        self._drop_textless(stats)
        count = len(self.text)
        if self.date is None:
            dates = pa.nulls(count, TWEETS.field("created_at").type)
        else:
            dates, bad = timestamps(self.date)
            for place in bad:
                stats.note("bad_date", self.source, self.numbers[place], repr(self.date[place]))
        return pa.RecordBatch.from_arrays(
            [
                pa.array(self.numbers, pa.int64()),
                strings(self.id, count),
                self._texts(stats),
                strings(self.author, count),
                dates,
                strings(self.lang, count),
                strings(self.rt_of, count),
            ],
            schema=TWEETS,
        )


def _kind(value: Any) -> str:
    if isinstance(value, list) and value and isinstance(value[0], dict):
        keys = ", ".join(map(str, value[0]))
        return f"a list of objects ({keys}); for chats, write one turn a record"
    kinds = {dict: "an object", list: "a list", bool: "a boolean", int: "a number", float: "a number"}
    return f"{kinds.get(type(value), type(value).__name__)} where text is expected"
