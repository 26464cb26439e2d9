"""Turn records (columns or objects) into rows with one text each: the record's
position, its id, the name of the field, the text and, if records have dates, the date.

Records are turned into Python values and searched one by one. Where all fields with
texts are columns of strings, perhaps within structs and a list, they are taken as whole
columns, which gives the same rows faster (:meth:`Extractor._columns`).

Three rules turn a value into a text:

1. The words of a list (``Binding.words``) become one text, with spaces between them. A
   list without words has no text.
2. Bytes are decoded as UTF-8. Invalid bytes are replaced and counted.
3. An empty string is a text, except in fields that are empty in the first records
   (``Binding.empty``).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from provscan.arrays import Numbers
from provscan.names import printable
from provscan.readers.fields.binding import Binding, Fields, note_missing
from provscan.readers.fields.dataset import bind
from provscan.readers.fields.later import Later, may_have_texts
from provscan.readers.fields.paths import (
    ANY,
    Leaf,
    Path,
    leaf,
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
    decoded,
    is_text,
    null_if_empty,
    short_texts,
    string_array,
    unexpected_value,
)
from provscan.readers.texts.model_outputs import without_prompts
from provscan.readers.values import values_of

STRINGS = {pa.string(), pa.large_string(), pa.string_view()}
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
        self._schema = SCHEMA
        if binding.date is not None:
            form = {"form": binding.date_form}
            self._schema = SCHEMA.append(DATE.with_metadata(form))

    def batch(self, rows: Rows) -> pa.RecordBatch:
        """Return the texts of some records; records without text are counted."""
        values = rows.values
        if isinstance(values, pa.RecordBatch):
            batch = self._columns(values, rows.position_array, rows.others)
            if batch is None:
                numbers = rows.position_array.tolist()
                batch = self._objects(Rows(numbers, values_of(values), rows.others))
        else:
            batch = self._objects(rows)
        if self._binding.outputs:
            return without_prompts(batch, self._counts)
        return batch

    def _later_texts(
        self, records: Iterable[tuple[int, Any]]
    ) -> dict[int, list[tuple[str, str]]]:
        """Return the texts of some records in fields in which the first records have
        none, by the position of the record.
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
                detail = printable(found.too_deep[0])
                self._counts.note("too_deep", int(number), detail)
        return texts

    def _suspects(
        self, batch: pa.RecordBatch, numbers: Numbers
    ) -> list[tuple[int, Any]]:
        """Return the records that may have texts in fields in which the first records
        have none, with their numbers.
        """
        chosen = [np.zeros(0, np.int64)]
        for path, least in self._searched.items():
            found = leaf(batch, path)
            if found is not None and is_text(found.array.type):
                chosen.append(found.rows[may_have_texts(found.array, least)])
            elif found is None or pa.types.is_nested(found.array.type):
                chosen.append(np.arange(len(numbers)))
        rows = np.unique(np.concatenate(chosen))
        records = values_of(batch.take(pa.array(rows))) if len(rows) else []
        return list(zip(numbers[rows].tolist(), records, strict=True))

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

    def _columns(
        self,
        batch: pa.RecordBatch,
        numbers: Numbers,
        others: Sequence[tuple[int, Any]] | None,
    ) -> pa.RecordBatch | None:
        """Return the texts of records that are stored in columns, in the order of the
        records; None if the fields with texts are not all columns of strings.
        """
        leaves = [(path, leaf(batch, path)) for path in self._binding.texts]
        if self._binding.chats or not all(
            found is not None and found.array.type in STRINGS for _, found in leaves
        ):
            return None
        parts = [
            self._texts_at(path, found, numbers)
            for path, found in leaves
            if found is not None
        ]
        later = self._later_texts(
            self._suspects(batch, numbers) if others is None else others
        )
        if later:
            of = [number for number, texts in later.items() for _ in texts]
            names = [printable(name) for texts in later.values() for name, _ in texts]
            values = [text for texts in later.values() for _, text in texts]
            parts.append(
                _Texts(
                    np.searchsorted(numbers, of),
                    pa.array(names).dictionary_encode(),
                    string_array(values, of, self._counts),
                )
            )
        record = np.concatenate([part.rows for part in parts])
        missing = numbers[np.bincount(record, minlength=len(numbers)) == 0].tolist()
        for number in missing[:EXAMPLES]:
            self._counts.skip("no_text", number, MISSING)
        if more := len(missing[EXAMPLES:]):
            self._counts.skip("no_text", missing[EXAMPLES], MISSING, more)
        columns = [parts[0].names, parts[0].texts]
        if len(parts) > 1:
            order = np.argsort(record, kind="stable")
            record = record[order]
            named = pa.chunked_array([part.names for part in parts])
            columns = [
                named.unify_dictionaries().combine_chunks(),
                pa.concat_arrays([part.texts for part in parts]),
            ]
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

    def _texts_at(self, path: Path, found: Leaf, numbers: Numbers) -> _Texts:
        array, rows, places = found
        text = checked_text(array, numbers[rows], self._counts)
        if path in self._binding.empty:
            text = null_if_empty(text)
        if text.null_count:
            valid = text.is_valid()
            keep = valid.to_numpy(zero_copy_only=False)
            text, rows = text.filter(valid), rows[keep]
            places = None if places is None else places[keep]
        return _Texts(rows, _names(path, places, len(rows)), text)

    def _text_value(self, path: Path, value: Any, number: int) -> Any:
        """Return the value at a path as a text; None if it has no text. A value that
        can't be a text is returned unchanged.
        """
        if isinstance(value, bytes):
            value = decoded(value, number, self._counts)
        if isinstance(value, list) and path in self._binding.words:
            words = (self._text_value((), word, number) for word in value)
            return " ".join(word for word in words if isinstance(word, str)) or None
        return None if path in self._binding.empty and not value else value

    def _objects(self, rows: Rows) -> pa.RecordBatch:
        """Return the texts of objects."""
        numbers: list[int] = []
        ids, *dates = values = [list[Any]() for _ in self._named]
        codes: list[int] = []
        texts: list[str] = []
        names: dict[str, int] = {}
        records = zip(rows.positions, rows.values, strict=True)
        later = self._later_texts(records if rows.others is None else rows.others)
        for number, record in zip(rows.positions, rows.values, strict=True):
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


def _names(path: Path, places: Numbers | None, count: int) -> pa.DictionaryArray:
    """Return the name of each value of a field, with its place in a list."""
    codes = np.zeros(count, np.int64) if places is None else places
    at = len(path) if places is None else path.index(ANY)
    before, after = name_of(path[:at]), name_of(("", *path[at + 1 :]))
    names = [
        before if places is None else f"{before}[{place}]{after}"
        for place in range(codes.max(initial=0) + 1)
    ]
    return pa.DictionaryArray.from_arrays(
        pa.array(codes.astype(np.int32)), _dictionary(names)
    )
