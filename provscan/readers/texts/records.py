"""Turn records of any form into rows, one per text: record number, record id, field,
text.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from operator import itemgetter
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from provscan.arrays import Numbers
from provscan.names import printable
from provscan.readers.formats.protocol import ANY, Path, Rows
from provscan.readers.formats.values import array_values, values_of
from provscan.readers.limits import Limits
from provscan.readers.stats import EXAMPLES, ReadStats
from provscan.readers.texts.fields import SEARCHED, Binding, later_texts, name_of
from provscan.readers.texts.model_outputs import chat_in, without_prompts
from provscan.readers.texts.schema import (
    SCHEMA,
    null_if_empty,
    plain_array,
    without_maps,
)
from provscan.readers.texts.words import joined
from provscan.text_buffers import buffers

MISSING = "every text of the record is missing or null"
KINDS = {
    dict: "an object",
    list: "a list",
    bool: "a boolean",
    int: "a number",
    float: "a number",
}
Tree: TypeAlias = "tuple[int | None, dict[str, Tree]]"
TEXT_TYPES = {
    pa.string(),
    pa.large_string(),
    pa.string_view(),
    pa.binary(),
    pa.large_binary(),
    pa.binary_view(),
}


def numbers_of(rows: Rows) -> Numbers:
    numbers = rows.numbers
    return (
        np.arange(numbers.start, numbers.stop)
        if isinstance(numbers, range)
        else np.asarray(numbers, np.int64)
    )


def scalar_text(value: Any) -> str | None:
    """Return an id as a string; None for values that can't be ids, such as lists."""
    if isinstance(value, str):
        return value or None
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, float):
        # A float beyond 2**53 has lost digits. It is written as a float, which no id
        # is, to show this.
        return (
            f"{value:.16e}"
            if abs(value) >= 2**53
            else str(int(value))
            if value.is_integer()
            else str(value)
        )
    if isinstance(value, Decimal) and value.is_finite():
        return str(int(value)) if value == int(value) else f"{value:f}"
    return str(value) if isinstance(value, int) else None


class Extractor:
    """Turns the rows of one source into batches in
    :data:`~provscan.readers.SCHEMA`.
    """

    def __init__(
        self, binding: Binding, source: str, stats: ReadStats, limits: Limits
    ) -> None:
        self._binding = binding
        self._limits = limits
        self._tree = _tree(binding.texts)
        self._source = source
        self._counts = stats

    def batch(self, rows: Rows) -> pa.RecordBatch:
        """Return the texts of some records; records without text are counted."""
        self._search(rows)
        batch = self._batch(rows)
        return (
            without_prompts(batch, self._source, self._counts)
            if self._binding.outputs
            else batch
        )

    def _search(self, rows: Rows) -> None:
        """Search a sample of records for texts in fields that the first records
        lack.
        """
        if isinstance(rows.values, pa.RecordBatch):
            whole = rows.whole
        else:
            whole = [
                row
                for row in zip(rows.numbers, rows.values, strict=True)
                if row[0] % SEARCHED == 0
            ]
        for number, record in whole:
            if names := later_texts([record], self._binding, self._limits):
                self._counts.note(
                    "later_text",
                    self._source,
                    int(number),
                    ", ".join(map(printable, names)),
                )

    def _batch(self, rows: Rows) -> pa.RecordBatch:
        if not isinstance(rows.values, pa.RecordBatch):
            return self._objects(rows)
        batch, numbers = without_maps(rows.values), numbers_of(rows)
        if not self._binding.chats:
            return self._columns(batch, numbers)
        columns = [plain_array(column) for column in batch.columns]
        columns = [
            self._checked(column, numbers) if is_text(column.type) else column
            for column in columns
        ]
        return self._objects(
            Rows(
                numbers.tolist(),
                values_of(pa.RecordBatch.from_arrays(columns, batch.schema.names)),
            )
        )

    def _columns(self, batch: pa.RecordBatch, numbers: Numbers) -> pa.RecordBatch:
        records, names, texts = [], [], []
        for path in self._binding.texts:
            if path[0] not in batch.schema.names:
                continue
            array, rows, places = self._leaf(
                batch.column(batch.schema.get_field_index(path[0])), path[1:]
            )
            if array is None:
                continue
            if pa.types.is_union(array.type):
                strings = [
                    value if isinstance(value, str) else None
                    for value in array_values(array)
                ]
                array = pa.array(strings, pa.large_string())
            if path in self._binding.words and hasattr(array.type, "value_field"):
                array = self._joined(array, numbers[rows])
            if not is_text(array.type):
                continue
            text = self._checked(array, numbers[rows])
            if path in self._binding.empty:
                text = null_if_empty(text)
            if text.null_count:
                valid = text.is_valid()
                keep = valid.to_numpy(zero_copy_only=False)
                text = text.filter(valid)
                rows = rows[keep]
                places = [place[keep] for place in places]
            records.append(rows)
            names.append(_names(path, places, len(rows)))
            texts.append(text)
        record = np.concatenate(records) if records else np.zeros(0, np.int64)
        self._textless(numbers, record, bool(texts))
        columns = [
            pa.concat_arrays(names) if len(names) == 1 else _unified(names),
            texts[0]
            if len(texts) == 1
            else pa.concat_arrays(texts or [pa.array([], pa.large_string())]),
        ]
        if len(texts) > 1:
            order = np.argsort(record, kind="stable")
            record = record[order]
            columns = [column.take(pa.array(order)) for column in columns]
        ids = self._ids(batch)
        if len(record) != len(numbers) or not np.array_equal(
            record, np.arange(len(record))
        ):
            numbers, ids = numbers[record], ids.take(pa.array(record))
        return pa.RecordBatch.from_arrays(
            [pa.array(numbers), ids, *columns], schema=SCHEMA
        )

    def _checked(self, array: pa.Array, numbers: Numbers | list[int]) -> pa.Array:
        return checked_text(array, numbers, self._source, self._counts)

    def _leaf(
        self, array: pa.Array, path: Path
    ) -> tuple[pa.Array | None, Numbers, list[Numbers]]:
        """Return the values at a path, the row of each value, and its places in the
        lists on the path.
        """
        rows = np.arange(len(array))
        places: list[Numbers] = []
        for key in path:
            array = plain_array(array)
            if pa.types.is_dictionary(array.type):
                array = array.dictionary_decode()
            if key == ANY:
                if not hasattr(array.type, "value_field"):
                    return None, rows, places
                # Arrow's parent indices and casts are wrong for list views.
                lengths = (
                    pc.list_value_length(array)
                    .fill_null(0)
                    .to_numpy(zero_copy_only=False)
                )
                parents = np.repeat(np.arange(len(array)), lengths)
                within = np.arange(len(parents)) - np.searchsorted(parents, parents)
                rows = rows[parents]
                places = [*(place[parents] for place in places), within]
                array = pc.list_flatten(array)
            elif pa.types.is_struct(array.type) and (
                found := array.type.get_all_field_indices(key)
            ):
                # Of several fields with the same name, use the last one, as for keys of
                # JSON.
                array = pc.struct_field(array, found[-1:])
            else:
                return None, rows, places
        return plain_array(array), rows, places

    def _joined(self, lists: pa.Array, numbers: Numbers) -> pa.Array:
        """Return lists of words as texts; unchanged if their elements are not
        strings.
        """
        words, parents, _ = self._leaf(lists, (ANY,))
        if words is None or not is_text(words.type):
            return lists
        starts = np.searchsorted(parents, np.arange(len(lists) + 1))
        return joined(self._checked(words, numbers[parents]), starts)

    def _textless(self, numbers: Numbers, record: Numbers, texts: bool) -> None:
        missing = numbers[np.bincount(record, minlength=len(numbers)) == 0].tolist()
        reason, detail = (
            ("no_text", MISSING)
            if texts
            else ("text_not_string", "not a text but another type")
        )
        for number in missing[:EXAMPLES]:
            self._counts.skip(reason, self._source, number, detail)
        if len(missing) > EXAMPLES:
            self._counts.skip(
                reason, self._source, missing[EXAMPLES], detail, len(missing) - EXAMPLES
            )

    def _ids(self, batch: pa.RecordBatch) -> pa.Array:
        path = self._binding.id
        if path is None or path[0] not in batch.schema.names:
            return pa.nulls(batch.num_rows, pa.string())
        array = self._leaf(
            batch.column(batch.schema.get_field_index(path[0])), path[1:]
        )[0]
        return short_texts([None] * batch.num_rows if array is None else array)

    def _objects(self, rows: Rows) -> pa.RecordBatch:
        numbers: list[int] = []
        ids: list[Any] = []
        codes: list[int] = []
        texts: list[str] = []
        names: dict[str, int] = {}
        for number, record in zip(rows.numbers, rows.values, strict=True):
            before = len(texts)
            wrong = None if isinstance(record, dict) else record
            for place, name, value in sorted(
                _values_at(record, self._tree), key=itemgetter(0)
            ):
                if not value and self._binding.texts[place] in self._binding.empty:
                    continue
                if (
                    isinstance(value, list)
                    and self._binding.texts[place] in self._binding.words
                ):
                    value = (
                        " ".join(word for word in value if isinstance(word, str))
                        or None
                    )
                if isinstance(value, bytes):
                    # Bytes from a database are treated like Arrow's binary type.
                    value = self._checked(pa.array([value]), [number])[0].as_py()
                if isinstance(value, str):
                    codes.append(names.setdefault(name, len(names)))
                    texts.append(value)
                elif value is not None:
                    wrong = value
            count = len(texts) - before
            if count:
                if wrong and isinstance(wrong, dict | list):
                    # Texts may be nested in the value.
                    self._counts.note(
                        "text_not_string", self._source, number, no_text(wrong)
                    )
                numbers += [number] * count
                path = self._binding.id
                ids += [None if path is None else value_at(record, path)] * count
            elif wrong is not None:
                self._counts.skip(
                    "text_not_string", self._source, number, no_text(wrong)
                )
            else:
                self._counts.skip("no_text", self._source, number, MISSING)
        return pa.RecordBatch.from_arrays(
            [
                pa.array(numbers, pa.int64()),
                short_texts(ids),
                pa.DictionaryArray.from_arrays(
                    pa.array(codes, pa.int32()), _dictionary(names)
                ),
                string_array(texts, numbers, self._source, self._counts),
            ],
            schema=SCHEMA,
        )


def without_surrogates(text: str) -> str:
    """Return a text with surrogate pairs joined and lone surrogates replaced by
    U+FFFD.
    """
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def string_array(
    texts: list[str], numbers: list[int], source: str, stats: ReadStats
) -> pa.LargeStringArray:
    """Return texts as an array; lone surrogates are repaired and counted."""
    try:
        return pa.array(texts, pa.large_string())
    except UnicodeEncodeError:
        repaired = list(map(without_surrogates, texts))
        for number, text, whole in zip(numbers, texts, repaired, strict=True):
            if whole != text:
                stats.repair("lone_surrogate", source, number, "replaced by U+FFFD")
        return pa.array(repaired, pa.large_string())


def no_text(value: Any) -> str:
    """Describe a value that is not the expected text."""
    return f"{KINDS.get(type(value), type(value).__name__)} where text is expected"


def short_texts(values: pa.Array | Sequence[Any]) -> pa.Array:
    """Return ids or names as a column of strings. Empty strings become null, and so
    does everything except text and numbers.
    """
    if isinstance(values, pa.Array):
        if is_text(values.type):
            return null_if_empty(pc.cast(as_text(values)[0], pa.string()))
        if pa.types.is_integer(values.type):
            return pc.cast(values, pa.string())
        values = array_values(values)
    try:
        return null_if_empty(pa.array(values, pa.string()))
    except (pa.ArrowInvalid, pa.ArrowTypeError, UnicodeEncodeError):
        texts = map(scalar_text, values)
        return pa.array(
            [text and without_surrogates(text) for text in texts], pa.string()
        )


def value_at(record: Any, path: Path) -> Any:
    for key in path:
        record = record.get(key) if isinstance(record, dict) else None
    return record


def _tree(paths: Iterable[Path]) -> Tree:
    """Return a tree of paths by key; the node at the end of a path has the index of the
    path.
    """
    tree: Tree = (None, {})
    for place, path in enumerate(paths):
        node = tree
        for key in path[:-1]:
            node = node[1].setdefault(key, (None, {}))
        _, below = node[1].get(path[-1], (None, {}))
        node[1][path[-1]] = place, below
    return tree


# A value at a path: the index of the path, the name of the field, the value.
Value: TypeAlias = tuple[int, str, Any]


def _values_at(value: Any, tree: Tree) -> list[Value]:
    """Return the values at the paths of a tree."""
    found: list[Value] = []
    _walk(value, tree, "", found)
    return found


def _walk(value: Any, tree: Tree, name: str, found: list[Value]) -> None:
    """Add the values at the paths of a tree. Only keys that are in both the value and
    the tree are visited.
    """
    place, below = tree
    if below and isinstance(value, dict):
        for key in below if len(below) <= len(value) else value:
            if key in below and key in value:
                inner = f"{name}.{key}" if name else key
                _walk(value[key], below[key], inner, found)
    elif below and isinstance(value, list):
        if ANY in below:
            for number, element in enumerate(value):
                _walk(element, below[ANY], f"{name}[{number}]", found)
    else:
        if below and isinstance(value, str | bytes):
            chat: list[Value] = []
            _walk(chat_in(value), (None, below), name, chat)
            if any(isinstance(text, str) for _, _, text in chat):
                found += chat
                return
        if place is not None:
            found.append((place, name, value))


def texts_in(record: Any, binding: Binding) -> Iterator[tuple[str, Any]]:
    """Yield the values of the text fields of a record, each with its name."""
    for _, name, value in _values_at(record, _tree(binding.texts)):
        yield name, value


def _dictionary(names: Iterable[str]) -> pa.Array:
    return pa.array([printable(name) for name in names], pa.string())


def _names(path: Path, places: list[Numbers], count: int) -> pa.Array:
    """Return the name of each value of a field, with its places in lists."""
    if not places:
        codes = pa.array(np.zeros(count, np.int32))
        return pa.DictionaryArray.from_arrays(
            codes, _dictionary([name_of(path)]), safe=False
        )
    distinct, codes = np.unique(np.stack(places, axis=1), axis=0, return_inverse=True)
    parts = ".".join(path).split(f".{ANY}")
    names = [
        "".join(f"{part}[{k}]" for part, k in zip(parts, row, strict=False)) + parts[-1]
        for row in distinct.tolist()
    ]
    return pa.DictionaryArray.from_arrays(
        pa.array(codes.reshape(-1).astype(np.int32)), _dictionary(names)
    )


def _unified(names: list[pa.Array]) -> pa.Array:
    if not names:
        return pa.array([], SCHEMA.field("field").type)
    return pa.chunked_array(names).unify_dictionaries().combine_chunks()


def is_text(kind: pa.DataType) -> bool:
    """Return whether values of a type are texts."""
    if pa.types.is_dictionary(kind):
        return is_text(kind.value_type)
    return kind in TEXT_TYPES


def is_valid(text: pa.LargeStringArray) -> bool:
    """Return whether texts are UTF-8. All texts are checked at once, which is much
    faster than one at a time.
    """
    data, offsets = buffers(text)
    starts = offsets[1:-1]
    starts = starts[: np.searchsorted(starts, offsets[-1])]
    return (
        is_utf8(data[offsets[0] : offsets[-1]])
        and not (data[starts] & 0xC0 == 0x80).any()
    )


def is_utf8(data: Any) -> bool:
    """Return whether bytes are UTF-8."""
    try:
        bounds = pa.py_buffer(np.array([0, len(data)], np.int64))
        pa.LargeStringArray.from_buffers(1, bounds, pa.py_buffer(data)).validate(
            full=True
        )
    except (
        pa.ArrowInvalid,
        UnicodeDecodeError,
    ):  # the second error while Arrow formats the first
        return False
    return True


def checked_text(
    array: pa.Array, numbers: Numbers | list[int], source: str, stats: ReadStats
) -> pa.Array:
    """Return valid text; replacements are counted by the record of each value."""
    text, repaired = as_text(array)
    for place, byte in repaired:
        stats.repair(
            "invalid_utf8",
            source,
            int(numbers[place]),
            f"byte {byte:#04x} replaced by U+FFFD",
        )
    return text


def as_text(array: pa.Array) -> tuple[pa.Array, list[tuple[int, int]]]:
    """Return text or bytes as valid text, and the places of values in which bytes were
    replaced, each with the first such byte.
    """
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    try:
        text = (
            array
            if pa.types.is_large_string(array.type)
            else pc.cast(array, pa.large_string())
        )
        if not is_valid(text):
            text.validate(full=True)
        return text, []
    except (
        pa.ArrowInvalid,
        UnicodeDecodeError,
    ):  # the second error while Arrow formats the first
        pass
    values: list[str | None] = []
    repaired = []
    for place, value in enumerate(pc.cast(array, pa.large_binary()).to_pylist()):
        try:
            values.append(None if value is None else value.decode())
        except UnicodeDecodeError as error:
            values.append(value.decode(errors="replace"))
            repaired.append((place, value[error.start]))
    return pa.array(values, pa.large_string()), repaired
