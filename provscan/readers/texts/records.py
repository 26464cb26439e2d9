"""Turn records, columns or objects, into rows with one text each: the number of the
record, its id, the name of the field, the text and, if records have dates, the date.

Columns are processed as a whole (:meth:`Extractor._columns`), and objects value by
value (:meth:`Extractor._objects`). Three rules turn a value into a text.
:meth:`Extractor._text_column` applies them to a column, and
:meth:`Extractor._text_value` to a value in an object; a test compares the two.

1. The words of a list (``Binding.words``) become one text, with spaces between them. A
   list without words has no text.
2. Bytes are decoded as UTF-8. Invalid bytes are replaced and counted.
3. An empty string is a text, except in fields that are empty in the first records
   (``Binding.empty``).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from itertools import repeat
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from provscan.arrays import Numbers
from provscan.names import printable
from provscan.readers.fields.binding import Binding, Fields, note_missing
from provscan.readers.fields.dataset import bind
from provscan.readers.fields.later import Later
from provscan.readers.fields.paths import (
    ANY,
    Path,
    leaf,
    leaf_in,
    name_of,
    tree_of,
    value_at,
    values_at,
)
from provscan.readers.formats.protocol import Rows, first_records
from provscan.readers.limits import Limits
from provscan.readers.schema import DATE, SCHEMA
from provscan.readers.stats import EXAMPLES, Counts
from provscan.readers.strings import (
    checked_text,
    is_text,
    null_if_empty,
    short_texts,
    string_array,
    unexpected_value,
)
from provscan.readers.texts.model_outputs import without_prompts
from provscan.readers.values import (
    array_values,
    is_mixed,
    plain_array,
    values_of,
    without_maps,
)

MISSING = "every text of the record is missing or null"


def texts_of(
    parts: Iterator[Rows],
    binding: Binding | None,
    fields: Fields,
    counts: Counts,
    limits: Limits,
) -> Iterator[pa.RecordBatch]:
    """Yield the texts of records. If ``binding`` is None, the fields are determined
    from the first records.
    """
    if binding is None:
        records, parts = first_records(parts, limits)
        if not records:
            return
        binding = bind(records, counts.source, fields=fields, limits=limits)
        counts.stats.describe(binding.verdicts)
        note_missing(binding, fields, counts)
    yield from map(Extractor(binding, counts, limits).batch, parts)


class _Texts(NamedTuple):
    """The texts at one path: the row, the name and the text of each."""

    rows: Numbers
    names: pa.DictionaryArray
    texts: pa.Array


class Extractor:
    """Turns the rows of one source into batches in
    :data:`~provscan.readers.schema.SCHEMA`.
    """

    def __init__(self, binding: Binding, counts: Counts, limits: Limits) -> None:
        self._binding = binding
        self._limits = limits
        self._tree = tree_of(binding.texts)
        self._counts = counts
        self._later = None if binding.others is None else Later(binding, limits)
        self._searched = binding.searched
        self._schema = SCHEMA if binding.date is None else SCHEMA.append(DATE)

    def batch(self, rows: Rows) -> pa.RecordBatch:
        """Return the texts of some records; records without text are counted."""
        batch = self._batch(rows)
        if self._binding.outputs:
            return without_prompts(batch, self._counts)
        return batch

    def _batch(self, rows: Rows) -> pa.RecordBatch:
        if not isinstance(rows.values, pa.RecordBatch):
            return self._objects(rows)
        batch = without_maps(rows.values)
        if not self._binding.chats and not any(map(is_mixed, batch.schema.types)):
            return self._columns(batch, rows)
        # Texts that are chats in JSON, and values of different types in one column, are
        # parsed into objects.
        columns = [plain_array(column) for column in batch.columns]
        columns = [
            self._checked(column, rows.number_array) if is_text(column.type) else column
            for column in columns
        ]
        batch = pa.RecordBatch.from_arrays(columns, batch.schema.names)
        return self._objects(
            Rows(rows.number_array.tolist(), values_of(batch), rows.others)
        )

    def _later_texts(
        self, records: Iterable[tuple[int, Any]]
    ) -> dict[int, list[tuple[str, str]]]:
        """Return the texts of some records in fields in which the first records have
        none, by the number of the record.
        """
        texts = dict[int, list[tuple[str, str]]]()
        if self._later is None:
            return texts
        for number, record in records:
            found = self._later.search(record)
            if found.texts:
                texts[int(number)] = found.texts + found.speakers
                name = printable(found.texts[0][0])
                self._counts.note("later_text", int(number), name, len(found.texts))
            if found.too_deep:
                detail = printable(found.too_deep)
                self._counts.note("too_deep", int(number), detail)
        return texts

    def _later_parts(self, batch: pa.RecordBatch, rows: Rows) -> Iterator[_Texts]:
        """Yield the texts in fields in which the first records have none."""
        numbers = rows.number_array
        if rows.others is None:
            for path, least in self._searched.items():
                part = self._later_column(path, least, batch, numbers)
                if part is not None:
                    yield part
            return
        found = self._later_texts(rows.others)
        if found:
            of = [number for number, texts in found.items() for _ in texts]
            names = [name for texts in found.values() for name, _ in texts]
            values = [text for texts in found.values() for _, text in texts]
            yield _Texts(
                np.searchsorted(numbers, of),
                pa.array(list(map(printable, names))).dictionary_encode(),
                string_array(values, of, self._counts),
            )

    def _later_column(
        self, path: Path, least: int, batch: pa.RecordBatch, numbers: Numbers
    ) -> _Texts | None:
        found = leaf(batch, path)
        if self._later is None or found is None or not is_text(found.array.type):
            return None
        array, rows, positions = found
        if pa.types.is_dictionary(array.type):
            array = array.dictionary_decode()
        chosen = self._later.in_column(array, path, least)
        if not len(chosen):
            return None
        rows = rows[chosen]
        positions = [each[chosen] for each in positions]
        text = self._checked(array.take(pa.array(chosen)), numbers[rows])
        first = int(numbers[rows[0]])
        self._counts.note("later_text", first, printable(name_of(path)), len(chosen))
        return _Texts(rows, _names(path, positions, len(rows)), text)

    @property
    def _named(self) -> list[Path | None]:
        """The paths of the id and, if records have dates, of the date."""
        dates = [] if self._binding.date is None else [self._binding.date]
        return [self._binding.id, *dates]

    def _values(self, batch: pa.RecordBatch) -> list[pa.Array]:
        """Return the ids of records and, if they have dates, the dates."""
        columns = []
        for path in self._named:
            if path is None or (found := leaf(batch, path)) is None:
                columns.append(pa.nulls(batch.num_rows, pa.string()))
            elif columns and pa.types.is_temporal(found.array.type):  # A date.
                columns.append(found.array.cast(pa.string()))
            else:
                columns.append(short_texts(found.array))
        return columns

    def _columns(self, batch: pa.RecordBatch, rows: Rows) -> pa.RecordBatch:
        """Return the texts of records that are stored in columns, in the order of the
        records.
        """
        numbers = rows.number_array
        parts = [self._texts_at(path, batch, numbers) for path in self._binding.texts]
        found = [part for part in parts if part is not None]
        found += self._later_parts(batch, rows)
        record = np.concatenate([np.zeros(0, np.int64), *(part.rows for part in found)])
        self._count_textless(numbers, record, any_texts=bool(found))
        if not found:
            return pa.RecordBatch.from_pylist([], schema=self._schema)
        columns = [found[0].names, found[0].texts]
        if len(found) > 1:
            order = np.argsort(record, kind="stable")
            record = record[order]
            names = pa.chunked_array([part.names for part in found])
            texts = pa.concat_arrays([part.texts for part in found])
            columns = [names.unify_dictionaries().combine_chunks(), texts]
            columns = [column.take(pa.array(order)) for column in columns]
        ids, *dates = self._values(batch)
        if len(record) != len(numbers) or not np.array_equal(
            record, np.arange(len(record))
        ):
            rows = pa.array(record)
            numbers, ids = numbers[record], ids.take(rows)
            dates = [each.take(rows) for each in dates]
        return pa.RecordBatch.from_arrays(
            [pa.array(numbers), ids, *columns, *dates], schema=self._schema
        )

    def _texts_at(
        self, path: Path, batch: pa.RecordBatch, numbers: Numbers
    ) -> _Texts | None:
        """Return the texts at a path; None if the values there are not texts."""
        found = leaf(batch, path)
        if found is None:
            return None
        array, rows, positions = found
        text = self._text_column(path, array, numbers[rows])
        if text is None:
            return None
        if text.null_count:
            valid = text.is_valid()
            keep = valid.to_numpy(zero_copy_only=False)
            text, rows = text.filter(valid), rows[keep]
            positions = [each[keep] for each in positions]
        return _Texts(rows, _names(path, positions, len(rows)), text)

    def _text_column(
        self, path: Path, array: pa.Array, numbers: Numbers
    ) -> pa.Array | None:
        """Return the values at a path as texts, null where there is none; None if the
        values are of another type.
        """
        if pa.types.is_union(array.type):
            values = map(
                self._text_value, repeat(path), array_values(array), numbers.tolist()
            )
            texts = [value if isinstance(value, str) else None for value in values]
            array = pa.array(texts, pa.large_string())
        if pa.types.is_null(array.type):
            # A writer that infers types saw no text, as in a shard without any.
            array = array.cast(pa.large_string())
        if path in self._binding.words and hasattr(array.type, "value_field"):
            array = self._joined(array, numbers)
        if not is_text(array.type):
            return None
        text = self._checked(array, numbers)
        return null_if_empty(text) if path in self._binding.empty else text

    def _text_value(self, path: Path, value: Any, number: int) -> Any:
        """Return the value at a path as a text; None if it has no text. A value that
        can't be a text is returned unchanged.
        """
        if isinstance(value, list) and path in self._binding.words:
            words = (word for word in value if isinstance(word, str))
            return " ".join(words) or None
        if isinstance(value, bytes):
            value = self._checked(pa.array([value]), [number])[0].as_py()
        return None if path in self._binding.empty and not value else value

    def _joined(self, lists: pa.Array, numbers: Numbers) -> pa.Array:
        """Return lists of words as texts, and lists of other values unchanged."""
        words = leaf_in(lists, (ANY,))
        if words is None or not is_text(words.array.type):
            return lists
        there = words.array.is_valid()
        rows = words.rows[there.to_numpy(zero_copy_only=False)]
        starts = np.searchsorted(rows, np.arange(len(lists) + 1))
        texts = self._checked(words.array.filter(there), numbers[rows])
        # Arrow joins only lists and strings with offsets of 32 bits.
        whole = pa.ListArray.from_arrays(
            pa.array(starts, pa.int32()), texts.cast(pa.string())
        )
        return null_if_empty(pc.binary_join(whole, " ").cast(pa.large_string()))

    def _checked(self, array: pa.Array, numbers: Numbers | list[int]) -> pa.Array:
        return checked_text(array, numbers, self._counts)

    def _count_textless(
        self, numbers: Numbers, with_text: Numbers, *, any_texts: bool
    ) -> None:
        """Count the records whose positions are not in ``with_text``. ``any_texts`` is
        False if the values of all fields are of other types than text.
        """
        missing = numbers[np.bincount(with_text, minlength=len(numbers)) == 0].tolist()
        reason, detail = (
            ("no_text", MISSING)
            if any_texts
            else ("text_not_string", "not a text but another type")
        )
        for number in missing[:EXAMPLES]:
            self._counts.skip(reason, number, detail)
        if len(missing) > EXAMPLES:
            self._counts.skip(
                reason, missing[EXAMPLES], detail, len(missing) - EXAMPLES
            )

    def _objects(self, rows: Rows) -> pa.RecordBatch:
        """Return the texts of objects."""
        numbers: list[int] = []
        ids, *dates = values = [list[Any]() for _ in self._named]
        codes: list[int] = []
        texts: list[str] = []
        names: dict[str, int] = {}
        records = zip(rows.numbers, rows.values, strict=True)
        later = self._later_texts(records if rows.others is None else rows.others)
        for number, record in zip(rows.numbers, rows.values, strict=True):
            found = self._texts_of(number, record, later.get(number, ()))
            texts += [text for _, text in found]
            codes += [names.setdefault(name, len(names)) for name, _ in found]
            numbers += [number] * len(found)
            for path, column in zip(self._named, values, strict=True):
                value = None if path is None else value_at(record, path)
                if isinstance(value, date):
                    value = value.isoformat()
                column += [value] * len(found)
        return pa.RecordBatch.from_arrays(
            [
                pa.array(numbers, pa.int64()),
                short_texts(ids),
                pa.DictionaryArray.from_arrays(
                    pa.array(codes, pa.int32()), _dictionary(names)
                ),
                string_array(texts, numbers, self._counts),
                *map(short_texts, dates),
            ],
            schema=self._schema,
        )

    def _texts_of(
        self, number: int, record: Any, later: Sequence[tuple[str, str]]
    ) -> list[tuple[str, str]]:
        """Return the texts of a record with the names of their fields, followed by the
        ``later`` ones. A record without text is counted.
        """
        binding = self._binding
        found: list[tuple[str, str]] = []
        wrong = None if isinstance(record, dict) else record
        for index, name, value in values_at(record, self._tree):
            value = self._text_value(binding.texts[index], value, number)
            if isinstance(value, str):
                found.append((name, value))
            elif value is not None:
                wrong = value
        found += later
        counts = self._counts
        if not found and wrong is not None:
            counts.skip("text_not_string", number, unexpected_value(wrong))
        elif not found:
            counts.skip("no_text", number, MISSING)
        return found


def _dictionary(names: Iterable[str]) -> pa.Array:
    return pa.array([printable(name) for name in names], pa.string())


def _names(path: Path, positions: list[Numbers], count: int) -> pa.DictionaryArray:
    """Return the name of each value of a field, with its positions in lists."""
    if not positions:
        codes = pa.array(np.zeros(count, np.int32))
        return pa.DictionaryArray.from_arrays(
            codes, _dictionary([name_of(path)]), safe=False
        )
    if len(positions) == 1:
        codes = positions[0]
        distinct = np.arange(codes.max(initial=-1) + 1).reshape(-1, 1)
    else:
        several = np.stack(positions, axis=1)
        distinct, codes = np.unique(several, axis=0, return_inverse=True)
    parts = ".".join(path).split(f".{ANY}")
    names = [
        "".join(f"{part}[{k}]" for part, k in zip(parts, row, strict=False)) + parts[-1]
        for row in distinct.tolist()
    ]
    return pa.DictionaryArray.from_arrays(
        pa.array(codes.reshape(-1).astype(np.int32)), _dictionary(names)
    )
