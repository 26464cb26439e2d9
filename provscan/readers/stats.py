"""Counts of what was read, and of what was not read and why."""

from __future__ import annotations

import heapq
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import partialmethod
from typing import Any, NamedTuple

from provscan.errors import InputError
from provscan.names import counted, printable

EXAMPLES = 5


class Example(NamedTuple):
    """One of the cases that were counted: the position of its record or line, from 0,
    and what was found there.
    """

    source: str
    record: int
    detail: str


class Damage(NamedTuple):
    """A file that could not be read to its end: the reason, and the number of records
    before the damage.
    """

    source: str
    records: int
    reason: str


@dataclass(frozen=True, slots=True)
class Counts:
    """Adds the records of one source to the counts of a split."""

    source: str
    stats: ReadStats

    def _count(
        self, kind: str, reason: str, record: int = 0, detail: str = "", count: int = 1
    ) -> None:
        _add(getattr(self.stats, kind), {reason: count})
        cases = self.stats.examples.setdefault(reason, [])
        if len(cases) < EXAMPLES:
            cases.append(Example(self.source, record, detail[:200]))

    # Each of these methods adds ``count`` records to the count of a reason; ``record``
    # is the position of the first of them.
    skip = partialmethod(_count, "skipped")
    repair = partialmethod(_count, "repaired")
    note = partialmethod(_count, "notes")


@dataclass(slots=True)
class ReadStats:
    """The counts of one split. :meth:`merge` adds up the counts of several splits, in
    any order.
    """

    records: int = 0  # Records delivered.
    characters: int = 0  # Code points of text delivered.
    # Bytes of the files that were read, before decompression; for an archive, bytes of
    # its members.
    bytes: int = 0
    # Records that were skipped, by reason:
    # - ``bad_json``, ``not_an_object``, ``bad_csv_row``, ``bad_warc_record``
    # - ``record_too_long``, ``too_many_fields``: above a limit
    # - ``no_text``: the text is missing or null; ``text_not_string``
    # - ``only_prompts``: the record has no output of the model
    # - ``deletion``, ``not_a_tweet``: messages in a stream of tweets
    skipped: dict[str, int] = field(default_factory=dict)
    # Records that were delivered after a repair:
    # - ``invalid_utf8``, ``lone_surrogate``: replaced by U+FFFD
    # - ``encoding_fixed``, ``escapes_decoded``: see ``provscan.readers.texts.garbled``
    repaired: dict[str, int] = field(default_factory=dict)
    # Observations for which no record is skipped. About a file:
    # - ``empty_file``
    # - ``field_missing``: the file, or the data in memory, lacks a field that was named
    # - ``text_in_key``: keys in the first records that are texts; they are not scanned
    # - ``other_encoding``: the file was not read as UTF-8
    # - ``not_in_encoding``: bytes that are not in its encoding, replaced by U+FFFD
    # - ``wrapped_lines``: the lines look like parts of longer texts; each was read as
    #   a record
    # About records:
    # - ``later_text``: texts that were scanned in fields in which the first records
    #   have none
    # - ``too_deep``: the record has more objects or lists inside each other than are
    #   searched for texts
    # - ``bad_date``: the date could not be parsed, or is before the first tweet or in
    #   the future; it is null
    # - ``id_missing``, ``id_mangled``: the record has no id, or one that a spreadsheet
    #   rounded; file and line are used instead
    # - ``cut_page``, ``unread_coding``, ``invalid_text``: the end of a web page, the
    #   whole page, or single characters of it could not be decoded
    # - ``wrongly_decoded``, ``escaped``: the text is garbled and was not repaired
    # - ``prompt_left_out``: texts of a prompt
    # - ``no_prompt``: no prompt was recognised, so all texts are taken as outputs
    # - ``prompt_repeated``: words of a prompt were removed from an output
    # - ``chat_as_text``: an output is a whole chat in an unknown notation
    # Some reasons for skipping records also occur here, for parts of records.
    notes: dict[str, int] = field(default_factory=dict)
    # The first few cases of each reason.
    examples: dict[str, list[Example]] = field(default_factory=dict)
    damaged: list[Damage] = field(default_factory=list)  # Files that ended early.
    # For every field with strings: the number of files with each verdict, by the codes
    # of ``provscan.readers.fields.names.VERDICTS``.
    fields: dict[str, dict[str, int]] = field(default_factory=dict)

    def for_source(self, source: str) -> Counts:
        """Return an object that adds the records of one source to these counts."""
        return Counts(source, self)

    def describe(self, verdicts: Mapping[str, str]) -> None:
        """Count one file's verdicts on its fields."""
        for name, verdict in verdicts.items():
            _add(self.fields.setdefault(printable(name), {}), {verdict: 1})

    def merge(self, other: ReadStats) -> None:
        self.records += other.records
        self.characters += other.characters
        self.bytes += other.bytes
        for kind in ("skipped", "repaired", "notes"):
            _add(getattr(self, kind), getattr(other, kind))
        for reason, cases in other.examples.items():
            self.examples[reason] = heapq.nsmallest(
                EXAMPLES, [*self.examples.get(reason, []), *cases]
            )
        self.damaged = sorted([*self.damaged, *other.damaged])
        for name, verdicts in other.fields.items():
            _add(self.fields.setdefault(name, {}), verdicts)

    def as_dict(self) -> dict[str, Any]:
        """Return all counts in types that JSON can represent, with reasons in
        alphabetical order.
        """
        result = asdict(self)
        for name in ("skipped", "repaired", "notes"):
            result[name] = dict(sorted(result[name].items()))
        result["examples"] = {
            reason: [case._asdict() for case in cases]
            for reason, cases in sorted(self.examples.items())
        }
        result["damaged"] = [damage._asdict() for damage in self.damaged]
        return result

    @classmethod
    def from_dict(cls, value: dict[str, Any]) -> ReadStats:
        examples = {
            reason: [Example(**case) for case in cases]
            for reason, cases in value["examples"].items()
        }
        damaged = [Damage(**damage) for damage in value["damaged"]]
        return cls(**{**value, "examples": examples, "damaged": damaged})


def _add(counts: dict[str, int], more: Mapping[str, int]) -> None:
    for name, count in more.items():
        counts[name] = counts.get(name, 0) + count


def require_undamaged(stats: ReadStats) -> None:
    """Raise an error if a corpus is damaged, since an incomplete index would mislead.
    The error names the file and the number of records before the damage.
    """
    if stats.damaged:
        damage = stats.damaged[0]
        raise InputError(
            f"{damage.source} is damaged after {counted(damage.records, 'record')} "
            f"({damage.reason}): get a complete copy, or "
            "leave the file out. No index was written"
        )
