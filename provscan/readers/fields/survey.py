"""Summarise the fields of the first records of a file, and their values.

:func:`survey` returns a :class:`Seen` for each field. From these,
:mod:`provscan.readers.fields.dataset` determines the fields of a dataset, and
:mod:`provscan.readers.fields.tweets` those of licensed tweets.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from provscan.readers.fields.chats import chat_in
from provscan.readers.fields.paths import ANY, Path
from provscan.readers.limits import Limits

# The maximum number of strings of a field, and of elements of a list, that are
# examined, and the number of code points to which strings are cut.
SAMPLE, ELEMENTS, LENGTH = 200, 50, 2000
DATE = re.compile(
    r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}([T ].{0,30})?|[A-Z][a-z]{2},? "
    r".{0,6}\d{1,2}.{0,6} [\d:]{4,8}.{0,14}|[\d\s:.,+-]+"
)
ADDRESS = re.compile(r"[a-z][a-z0-9+.-]*://\S+|\S+@\S+\.\S+|data:\S+", re.IGNORECASE)
# Control bytes that no text encoding produces, and how many bytes of a value are
# searched for them.
CONTROL, CONTROL_IN = re.compile(rb"[\x00-\x08\x0e-\x1f\x7f]"), 2000
# The kinds of bytes: those that are text, and others.
BYTES, BINARY = "bytes", "binary"
KINDS = {dict: "object", list: "list", str: "string", type(None): "null"}
# Emoji and other symbols.
EMOJI = re.compile(r"[\u2600-\u27bf\ufe0f\U0001f000-\U0001faff]+")
# Scripts written without spaces.
UNSPACED = re.compile(
    r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]"
)


@dataclass(slots=True)
class Seen:
    """A summary of one field in the first records."""

    # The number of values of each kind, such as "string", "int", "object" or "null".
    kinds: dict[str, int] = field(default_factory=dict)
    # The values that are neither null nor empty, except objects and lists.
    values: list[Any] = field(default_factory=list)
    # The first SAMPLE strings, each cut after LENGTH code points.
    strings: list[str] = field(default_factory=list)

    def count(self, kind: str) -> None:
        self.kinds[kind] = self.kinds.get(kind, 0) + 1

    def share(self, test: Callable[[Any], Any]) -> float:
        """Return the share of the values that pass a test; 0 if there are none."""
        return sum(1 for value in self.values if test(value)) / max(len(self.values), 1)

    @property
    def type(self) -> pa.DataType:
        """The type of a column with these values: numbers or strings."""
        kinds = set(map(type, self.values))
        if kinds == {int} and max(map(abs, self.values)) < 2**63:
            return pa.int64()
        return pa.float64() if kinds and kinds <= {int, float} else pa.string()


def survey(records: Iterable[Any], limits: Limits) -> dict[Path, Seen]:
    """Return the fields of some records in order of appearance, including those within
    objects and lists, and within texts that are chats in JSON.
    """
    found: dict[Path, Seen] = defaultdict(Seen)
    for record in records:
        _visit(record, (), found, limits.nesting)
    found.pop((), None)
    return dict(found)


def _visit(value: Any, path: Path, found: dict[Path, Seen], nesting: int) -> None:
    seen = found[path]
    if isinstance(value, bytes):
        value = text_in(value)
        seen.kinds[BINARY if value is None else BYTES] = 1
    bases = (KINDS[base] for base in type(value).__mro__ if base in KINDS)
    seen.count(next(bases, type(value).__name__))
    if isinstance(value, dict | list) and value and len(path) >= nesting:
        seen.count("deeper")
    elif isinstance(value, dict):
        for key, inner in value.items():
            _visit(inner, (*path, str(key)), found, nesting)
    elif isinstance(value, list):
        for inner in value[:ELEMENTS]:
            _visit(inner, (*path, ANY), found, nesting)
    elif value is not None and value != "":
        seen.values.append(value)
        if isinstance(value, str) and len(seen.strings) < SAMPLE:
            seen.strings.append(value[:LENGTH])
            if (chat := chat_in(value)) is not None:
                seen.kinds["chat"] = 1
                _visit(chat, path, found, nesting)


def text_in(value: bytes) -> str | None:
    """Return bytes as text; None if they are neither UTF-8 nor text in another
    encoding.
    """
    try:
        return value.decode()
    except UnicodeDecodeError:
        if CONTROL.search(value, 0, CONTROL_IN):
            return None
        return value.decode(errors="replace")


def reads_like_text(value: str) -> bool:
    """Return whether a value has at least three words, or eight characters of a script
    without spaces, and is not a date or an address. Emoji separate words, too.
    """
    value = value.strip()
    if len(value.split(None, 3)) < 3 and len(UNSPACED.findall(value[:200])) < 8:
        parts = [] if value.isascii() else EMOJI.sub(" ", value[:200]).split(None, 3)
        if len(parts) < 3:
            return False
    return DATE.fullmatch(value) is None and ADDRESS.fullmatch(value) is None


def is_word(value: str) -> bool:
    """Return whether a text may be a single word, an @name or a URL."""
    return (
        len(value) <= 30
        and len(value.split()) == 1
        and len(UNSPACED.findall(value)) < 8
    )
