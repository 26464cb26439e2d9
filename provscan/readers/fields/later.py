"""Find texts in fields in which the first records of a file have none.

The fields of a file are determined from its first records. A later record may have text
in a field that the first records lack, or in which they have only codes, dates or
addresses. Such a text is scanned like all others. Whether a value is such a text
depends on the value, on the first records of its file, and on nothing else, so it is
the same however the file is split: see :func:`is_later_text`.

:class:`Later` finds these texts in objects. :meth:`Later.lines` tells which lines of
JSON may have some, and :func:`may_have_texts` which values of a column, so that only
these are turned into objects.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from provscan.arrays import Numbers
from provscan.kernels.reading.other_texts import (
    CLOSED,
    LEAST_LETTERS,
    NEVER,
    SEARCHED,
    lines_with_texts,
    values_with_texts,
)
from provscan.kernels.records import FieldTree, frozen
from provscan.readers.fields.binding import Binding
from provscan.readers.fields.chats import INNER, SPEAKER_FIELDS, chat_in
from provscan.readers.fields.dataset import are_words
from provscan.readers.fields.paths import ANY, Path
from provscan.readers.fields.survey import reads_like_text, text_in
from provscan.readers.json_values import key_in_file
from provscan.readers.limits import Limits
from provscan.text_buffers import buffers

# Letters are counted in the first LETTERS_IN characters of a value before they are
# counted in all of it.
LETTERS_IN = 100


def is_later_text(value: str, least: int = 0) -> bool:
    """Return whether a value reads like text, and has at least ``least`` characters and
    :data:`LEAST_LETTERS` letters: shorter texts are not found anyway.
    """
    return (
        len(value) >= max(least, LEAST_LETTERS)
        and (
            sum(map(str.isalpha, value[:LETTERS_IN])) >= LEAST_LETTERS
            or sum(map(str.isalpha, value)) >= LEAST_LETTERS
        )
        and reads_like_text(value)
    )


class LaterTexts(NamedTuple):
    """What :meth:`Later.search` found in a record."""

    texts: list[tuple[str, str]]  # The name of the field and the text.
    # The same for the speakers of texts in chats, if the texts are outputs of a model.
    speakers: list[tuple[str, str]]
    too_deep: list[str]  # The names of fields that are nested too deeply.


class _Node:
    """The node of a known field: how long a later text in this field must be (or
    NEVER), the nodes of its known subfields by key, and the node of all other
    subfields.
    """

    __slots__ = ("chat", "children", "least", "unknown")

    def __init__(self, least: int, unknown: _Node | None = None) -> None:
        self.least = least
        self.chat = False  # Whether its strings may be chats in JSON.
        self.children: dict[str, _Node] = {}
        self.unknown = self if unknown is None else unknown

    def child(self, key: str) -> _Node:
        return self.children.get(key, self.unknown)


class Later:
    """Searches the records of one file."""

    def __init__(self, binding: Binding, limits: Limits) -> None:
        assert binding.others is not None
        self.nesting, self.outputs = limits.nesting, binding.outputs
        self.open, self.closed = _Node(0), _Node(NEVER)
        inside = binding.within
        self._root = self._new(closed=inside is not None)
        for path in inside or ():
            self._add(path, 0, closed=True)
        for path, least in binding.others.items():
            within = inside is None or any(path[: len(p)] == p for p in inside)
            if within:
                self._add(path, least).chat = path in binding.chats

    def _new(self, *, closed: bool) -> _Node:
        return _Node(NEVER, self.closed) if closed else _Node(0, self.open)

    def _add(self, path: Path, least: int, *, closed: bool = False) -> _Node:
        """Add a field and return it. The fields that contain it are ``closed`` if
        nothing else in them is searched.
        """
        node = self._root
        for key in path[:-1]:
            if key not in node.children:
                node.children[key] = self._new(closed=closed)
            node = node.children[key]
        last = node.children.get(path[-1])
        if last is None:
            last = node.children[path[-1]] = self._new(closed=False)
        last.least, last.unknown = least, self.open
        return last

    @cached_property
    def _tree(self) -> FieldTree:
        nodes = [self.open, self.closed, self._root]
        numbers = {id(self.open): SEARCHED, id(self.closed): CLOSED}
        names, targets, edges = list[bytes](), list[int](), [0]
        for node in nodes:  # The list grows.
            for key, child in node.children.items():
                numbers[id(child)] = len(nodes)
                nodes.append(child)
                if key != ANY:
                    name = json.dumps(key, ensure_ascii=False)[1:-1]
                    names.append(name.encode(errors="replace"))
                    targets.append(numbers[id(child)])
            edges.append(len(names))
        return frozen(
            FieldTree(
                np.frombuffer(b"".join(names), np.uint8),
                np.cumsum([0, *map(len, names)]),
                np.array(targets, np.int64),
                np.array(edges, np.int64),
                np.array([numbers[id(node.child(ANY))] for node in nodes], np.int64),
                np.array([numbers[id(node.unknown)] for node in nodes], np.int64),
                np.array([0 if node.chat else node.least for node in nodes], np.int64),
            )
        )

    def lines(self, data: bytes | memoryview, count: int) -> Numbers:
        """Return the positions of the lines, of ``count``, that have to be searched."""
        found = np.zeros(count, np.uint8)
        stack = np.empty((self.nesting, 5), np.int64)
        lines_with_texts(np.frombuffer(data, np.uint8), self._tree, stack, found)
        return np.flatnonzero(found)

    def search(self, record: Any) -> LaterTexts:
        """Return the texts of a record in fields that are not scanned anyway."""
        search = _Search(self)
        search.visit(record, _Place(self._root, "", 0))
        return search.found


class _Place(NamedTuple):
    """Where a value is in a record."""

    node: _Node
    name: str  # The name of the field.
    depth: int

    def at_key(self, node: _Node, key: Any) -> _Place:
        name = f"{self.name}.{key}" if self.name else str(key)
        return _Place(node, name, self.depth + 1)

    def at_position(self, node: _Node, position: int) -> _Place:
        return _Place(node, f"{self.name}[{position}]", self.depth + 1)


class _Search:
    """The search of one record: adds what it finds to ``found``."""

    def __init__(self, later: Later) -> None:
        self.found = LaterTexts([], [], [])
        self._later = later

    def visit(self, value: Any, place: _Place) -> None:
        """Search a value and all that is in it."""
        if place.node is self._later.closed:
            return
        if isinstance(value, str | bytes):
            self._visit_string(value, place)
        elif not value or not isinstance(value, dict | list | tuple):
            return
        elif place.depth >= self._later.nesting:
            self.found.too_deep.append(place.name)
        elif isinstance(value, dict):
            self._visit_object(value, place)
        else:
            self._visit_list(value, place)

    def _visit_object(self, value: dict[Any, Any], place: _Place) -> None:
        children, before = place.node.children, len(self.found.texts)
        for key, inner in value.items():
            if isinstance(inner, str) and len(inner) < LEAST_LETTERS:
                continue
            node = children.get(key) or self._unknown(place.node, key)
            if node.least == NEVER and not node.chat and type(inner) is str:
                continue
            self.visit(inner, place.at_key(node, key))
        if self._later.outputs and len(self.found.texts) > before:
            self._add_speakers(value, place)

    def _visit_list(self, value: Sequence[Any], place: _Place) -> None:
        node = place.node.child(ANY)
        words = [inner for inner in value if isinstance(inner, str)]
        joined = (
            node is self._later.open
            and are_words(words)
            and is_later_text(" ".join(words))
        )
        if joined:
            self.found.texts.append((place.name, " ".join(words)))
            value = [inner for inner in value if not isinstance(inner, str)]
        for position, inner in enumerate(value):
            self.visit(inner, place.at_position(node, position))

    def _visit_string(self, value: str | bytes, place: _Place) -> None:
        text = text_in(value) if isinstance(value, bytes) else value
        node, before = place.node, len(self.found.texts)
        if text is None or (node.least == NEVER and not node.chat):
            return
        if (chat := chat_in(text)) is not None:
            self.visit(chat, place)
            if len(self.found.texts) > before:
                return
        if node.least != NEVER and is_later_text(text, node.least):
            self.found.texts.append((place.name, text))

    def _add_speakers(self, value: dict[Any, Any], place: _Place) -> None:
        """Add the speakers that an object names in fields that are not read anyway."""
        for key in SPEAKER_FIELDS:
            node, speaker, path = place.node.child(key), value.get(key), key
            if isinstance(speaker, dict):
                node, speaker = node.child(INNER), speaker.get(INNER)
                path = f"{key}.{INNER}"
            if node.least != NEVER and isinstance(speaker, str):
                name = f"{place.name}.{path}" if place.name else path
                self.found.speakers.append((name, speaker))

    def _unknown(self, node: _Node, key: Any) -> _Node:
        """Return the node of a field in ``node`` that is unknown. An earlier value of a
        repeated key is searched unless nothing at this key is.
        """
        last = node.child(key_in_file(key)) if isinstance(key, str) else node.unknown
        later = self._later
        return later.closed if last is later.closed else later.open


def may_have_texts(values: pa.Array, least: int) -> Numbers:
    """Return the positions of the texts, or bytes, of a column that may be texts of at
    least ``least`` characters in later records.
    """
    raw = pc.cast(values, pa.large_binary())
    data, offsets = buffers(raw.fill_null(b"") if raw.null_count else raw)
    found = np.zeros(len(values), np.uint8)
    values_with_texts(data, offsets, max(least, LEAST_LETTERS), found)
    return np.flatnonzero(found)
