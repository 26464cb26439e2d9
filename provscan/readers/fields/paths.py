"""Find the values at the path of a field, in objects (:func:`value_at`,
:func:`values_at`) and in Arrow columns (:func:`leaf`).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from provscan.arrays import Numbers
from provscan.readers.fields.chats import chat_in
from provscan.readers.values import plain_array

# The part of a path that matches any element of a list; no key of an object equals it.
ANY = "\0[]"

Path = tuple[str, ...]
LISTS = {pa.ListArray, pa.LargeListArray, pa.FixedSizeListArray}
# Several paths as a tree of their keys. A node has the index of the path that ends at
# it, or None, and the nodes below it by key.
Tree: TypeAlias = "tuple[int | None, dict[str, Tree]]"
# A value at a path: the index of the path, the name of the field, the value.
Value: TypeAlias = tuple[int, str, Any]


def name_of(path: Path) -> str:
    """Return the name of a path: ``messages[].content`` for ``("messages", ANY,
    "content")``.
    """
    return f".{'.'.join(path)}".replace(f".{ANY}", "[]").removeprefix(".")


def path_of(name: str) -> Path:
    """Return the path of a name: the reverse of :func:`name_of`."""
    return tuple(name.replace("[]", f".{ANY}").split("."))


def value_at(record: Any, path: Path) -> Any:
    """Return the value at a path within objects; None if there is none."""
    for key in path:
        record = record.get(key) if isinstance(record, dict) else None
    return record


def tree_of(paths: Iterable[Path]) -> Tree:
    """Return a tree of paths, for :func:`values_at`."""
    tree: Tree = (None, {})
    for index, path in enumerate(paths):
        node = tree
        for key in path[:-1]:
            node = node[1].setdefault(key, (None, {}))
        _, below = node[1].get(path[-1], (None, {}))
        node[1][path[-1]] = index, below
    return tree


def values_at(value: Any, tree: Tree) -> list[Value]:
    """Return the values at the paths of a tree, in the order of the paths."""
    found: list[Value] = []
    _walk(value, tree, "", found)
    return sorted(found, key=lambda value: value[0])


def _walk(value: Any, tree: Tree, name: str, found: list[Value]) -> None:
    """Add the values at the paths of a tree. Only keys that are in both the value and
    the tree are visited.
    """
    index, below = tree
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
        if index is not None:
            found.append((index, name, value))


class Leaf(NamedTuple):
    """The values at a path in the rows of a column."""

    array: pa.Array
    rows: Numbers  # The row of each value.
    places: Numbers | None  # If they are in lists: the place of each value in its list.


def leaf(batch: pa.RecordBatch, path: Path) -> Leaf | None:
    """Return the values at a path in a batch; None if the types of its columns do not
    lead there by structs and at most one list.
    """
    # A struct of all columns would make each field of a wide record cost all of them.
    at = batch.schema.get_field_index(path[0]) if path and path[0] != ANY else -1
    if at < 0:
        return None
    array = plain_array(batch.column(at))
    rows, places = np.arange(len(array)), None
    for key in path[1:]:
        kind = array.type
        if key == ANY and places is None and type(array) in LISTS:
            lengths = pc.list_value_length(array).fill_null(0)
            lengths = lengths.to_numpy(zero_copy_only=False)
            rows = np.repeat(rows, lengths)
            places = np.arange(len(rows)) - np.searchsorted(rows, rows)
            array = pc.list_flatten(array)
        elif pa.types.is_struct(kind) and (at := kind.get_field_index(key)) >= 0:
            array = pc.struct_field(array, [at])
        else:
            return None
        array = plain_array(array)
    return Leaf(array, rows, places)
