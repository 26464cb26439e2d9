"""Find the values at the path of a field, in objects and in Arrow columns.

:func:`value_at` and :func:`values_at` search an object, :func:`leaf` and
:func:`leaf_in` a column.
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
    # For each list on the path: the position of each value in it.
    positions: list[Numbers]


def leaf(batch: pa.RecordBatch, path: Path) -> Leaf | None:
    """Return the values at a path in a batch; None if its columns lack the path."""
    # Of several columns with the same name, use the last one.
    found = batch.schema.get_all_field_indices(path[0])
    return leaf_in(batch.column(found[-1]), path[1:]) if found else None


def leaf_in(array: pa.Array, path: Path) -> Leaf | None:
    """Return the values at a path in a column; None if its type lacks the path."""
    rows = np.arange(len(array))
    positions: list[Numbers] = []
    for key in path:
        array = plain_array(array)
        if pa.types.is_dictionary(array.type):
            array = array.dictionary_decode()
        if key == ANY and hasattr(array.type, "value_field"):
            # Arrow's parent indices and casts are wrong for list views.
            lengths = pc.list_value_length(array).fill_null(0)
            parents = np.repeat(
                np.arange(len(array)), lengths.to_numpy(zero_copy_only=False)
            )
            within = np.arange(len(parents)) - np.searchsorted(parents, parents)
            rows = rows[parents]
            positions = [*(each[parents] for each in positions), within]
            array = pc.list_flatten(array)
        elif pa.types.is_struct(array.type) and (
            found := array.type.get_all_field_indices(key)
        ):
            # Of several fields with the same name, use the last one, as in JSON.
            array = pc.struct_field(array, found[-1:])
        else:
            return None
    return Leaf(plain_array(array), rows, positions)
