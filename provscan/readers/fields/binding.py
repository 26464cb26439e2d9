"""Define which fields of a file are read: :class:`Fields` holds the names that the user
gave, and :class:`Binding` the fields that were found in the first records of the file.

For a dataset, :func:`provscan.readers.fields.dataset.bind` finds them; for licensed
tweets, :func:`provscan.readers.fields.tweets.bind` does.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field

import pyarrow as pa

from provscan.errors import FieldNotFoundError
from provscan.kernels.reading.other_texts import NEVER
from provscan.names import printable
from provscan.readers.fields.paths import Path, name_of, path_of
from provscan.readers.stats import Counts


@dataclass(frozen=True, slots=True)
class Fields:
    """The names of fields that the user gave; None for fields that are determined by
    their values.

    A dotted name such as ``user.screen_name`` names a field inside objects, and ``[]``
    the elements of a list: ``messages[].content``. With ``outputs``, the records are
    outputs of a model, and the prompts are left out
    (:mod:`provscan.readers.texts.model_outputs`). With ``fix_encoding``, garbled texts
    are counted as repaired (:mod:`provscan.readers.texts.garbled`); the readers repair
    those of tweets, and the scan repairs those of datasets.
    """

    text: str | tuple[str, ...] | None = None
    id: str | None = None
    author: str | None = None
    date: str | None = None
    lang: str | None = None
    rt_of: str | None = None
    outputs: bool = False
    fix_encoding: bool = False

    def __post_init__(self) -> None:
        if self.text is not None and not isinstance(self.text, str):
            object.__setattr__(self, "text", tuple(self.text) or None)

    @property
    def texts(self) -> tuple[str, ...]:
        """The names of the text fields; empty if they are to be determined."""
        return (self.text,) if isinstance(self.text, str) else self.text or ()


@dataclass(frozen=True, slots=True)
class Binding:
    """The fields of one file that are read, and what they contain."""

    # The paths of each role ("text", "id", "author"...). In a dataset, each path of
    # "text" leads to a text of its own. Otherwise, a record's value for a role is the
    # value at the first path that has one.
    paths: Mapping[str, tuple[Path, ...]]
    # All paths to read, with the types that their values usually have.
    wanted: dict[Path, pa.DataType]
    # For each role whose field the user named but the file lacks: an error.
    missing: Mapping[str, FieldNotFoundError] = field(default_factory=dict)
    named: bool = False  # Whether the user named the fields of texts.
    # The form of the dates of a dataset's records (``dates.form_of``).
    date_form: str = ""
    # For a dataset: the verdict on each field with strings.
    verdicts: Mapping[str, str] = field(default_factory=dict)
    # Whether the texts are outputs of a model. The last paths of "text" are then those
    # of the fields that name the speakers.
    outputs: bool = False
    chats: tuple[Path, ...] = ()  # Fields with strings that are chats in JSON.
    # Keys in the first records that are texts, which are not scanned.
    keys: tuple[str, ...] = ()
    # Fields that are empty in the first records, and lists whose elements are words.
    # ``texts/records.py`` gives the rules for both.
    empty: frozenset[Path] = frozenset()
    words: frozenset[Path] = frozenset()
    # For a dataset, how long a text of a later record must be to be scanned
    # (``later.py``), for each known field with strings; NEVER if it is already settled
    # that all of its values are scanned, or none. None for a corpus, which is not
    # searched for such texts.
    others: Mapping[Path, int] | None = None
    # The fields that the user named, if only they are searched.
    within: tuple[Path, ...] | None = None

    @property
    def columns(self) -> dict[Path, pa.DataType]:
        """All paths to read from a table: those wanted, and those that are searched."""
        return dict.fromkeys(self.searched, pa.large_string()) | self.wanted

    @property
    def searched(self) -> dict[Path, int]:
        """The known fields that are searched for texts of later records, each with
        their minimum length.
        """
        return {
            path: least
            for path, least in (self.others or {}).items()
            if least != NEVER
            and (
                self.within is None
                or any(path[: len(outer)] == outer for outer in self.within)
            )
        }

    @property
    def texts(self) -> tuple[Path, ...]:
        return self.paths["text"]

    @property
    def id(self) -> Path | None:
        return self._only("id")

    @property
    def date(self) -> Path | None:
        return self._only("date")

    def _only(self, role: str) -> Path | None:
        return next(iter(self.paths.get(role, ())), None)


def field_named(name: str, found: Container[Path]) -> Path | None:
    """Return the field to which a name given by the user refers: one with exactly that
    name, or else the path; None if there is none.
    """
    return next((path for path in ((name,), path_of(name)) if path in found), None)


def note_missing(binding: Binding, fields: Fields, counts: Counts) -> None:
    """Note the fields that the user named but the file lacks, and keys that are not
    scanned although they are texts.
    """
    for role in binding.missing:
        name = getattr(fields, role)
        counts.note("field_missing", 0, f"no field {name!r} for the {role}")
    if binding.keys:
        counts.note("text_in_key", 0, printable(binding.keys[0]), len(binding.keys))


def not_found(
    what: str, found: Iterable[Path], source: str, role: str = "text", also: str = ""
) -> FieldNotFoundError:
    """Return an error that lists the fields of a file that lacks a field. ``what`` says
    what is missing, and ``also`` adds another remedy.
    """
    # Outer fields come first, since nested ones are many. A name from lenient JSON may
    # contain characters that can't be printed.
    known = [
        name_of(path).encode(errors="replace").decode()
        for path in sorted(found, key=len)
    ]
    there = ", ".join(known[:40]) + (
        f" and {len(known) - 40} more" if len(known) > 40 else ""
    )
    option = role.replace("_", "-")
    return FieldNotFoundError(
        f"{source}: {what} in its first records. The fields there are: "
        f"{there or 'none'}. Name the one that contains the {role} with {role}_field "
        f"(--{option}-field){also}."
    )
