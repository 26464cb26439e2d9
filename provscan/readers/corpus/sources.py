"""Sources of licensed tweets as the user names them -> the files and tables that are
read, and those that are not.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from typing import Any

from provscan.errors import InputError
from provscan.readers.bytes.encodings import known_encoding
from provscan.readers.bytes.files import place_of, readable
from provscan.readers.bytes.streams import ByteStream, head_of
from provscan.readers.corpus.account_archive import TWEETS, AccountArchive
from provscan.readers.corpus.dates import parse_date
from provscan.readers.corpus.fields import ROLES, Binding, bind, not_found, survey
from provscan.readers.corpus.layouts import is_nested
from provscan.readers.corpus.recipes import PREFIX, recipe_of
from provscan.readers.formats.databases import TableFile
from provscan.readers.formats.delimited import layout_of
from provscan.readers.formats.protocol import STDIN, UNKNOWN, Context, Layout, Split
from provscan.readers.formats.registry import FORMATS, READABLE, split_name
from provscan.readers.limits import LIMITS, Limits
from provscan.readers.planning import Source, Walk
from provscan.readers.texts.fields import Fields
from provscan.urls import source_of

# Files beside the texts of a set, by their names and by what they hold.
LABELS = re.compile(r"(^|[_.-])(labels?|mapping|classes)([_.-]|$)", re.IGNORECASE)
ABOUT = re.compile(
    r"(readme|licen[cs]e|copying|changelog|citation|notice|authors)\b.*", re.IGNORECASE
)
LEAST_LINES = 5
ID = re.compile(rb"['\"]?[0-9]{8,}['\"]?,?")
# No file is cut, so that its lines can be counted as they are read.
WHOLE = 1 << 62
OTHER_FILE = "a file of an account's archive that holds no tweets"


@dataclass(frozen=True)
class TweetFile:
    split: Split  # Where it is.
    fields: Fields  # Names of its fields as the user gave them.
    # Where the fields are; None if its records are nested, or can't be looked at before
    # they are read.
    binding: Binding | None = None
    author: str | None = None  # Who wrote all of them, in an account's archive.
    # Of an account's archive: complete texts by the second in which they were posted.
    long_texts: dict[int, str] = field(default_factory=dict)


@dataclass
class TweetPlan:
    """What is read of the sources, and what is not: paths and reasons."""

    files: list[TweetFile]  # The files and tables to read, in order.
    unread: list[
        tuple[str, str]
    ]  # What can't be read, or has no field for a tweet's text.
    # What holds no tweets: labels, documentation, other files of an account's archive
    # or of a recipe's set.
    ignored: list[tuple[str, str]]
    error: InputError | None = None  # The first one that made a file unread.


def plan_tweets(
    sources: Source | Sequence[Source],
    fields: Fields,
    *,
    delimiter: str | None = None,
    encoding: str | None = None,
    limits: Limits = LIMITS,
) -> TweetPlan:
    """Find the files with tweets among files, archives, folders, "-" for the standard
    input, or ``recipe:NAME=PATH``.

    The fields of a recipe go behind those that are named. Delimiter and encoding are
    determined from a file unless given.
    """
    plan = TweetPlan([], [], [])
    seen: set[tuple[str, str | None]] = set()
    everything = [
        source_of(name)
        for name in ([sources] if isinstance(sources, str | os.PathLike) else sources)
    ]
    for named in everything:
        recipe, path = recipe_of(named) if named.startswith(PREFIX) else (None, named)
        given = (recipe and recipe.encoding) or encoding
        walk = Walk(limits, Layout(known_encoding(given), records="lines"), unpack=True)
        found = list(walk.files([path]))
        alone = os.path.isfile(path) and len(found) == 1
        asked = _Asked(fields, None, delimiter)
        if recipe is not None:
            asked = _Asked(
                _given(recipe.fields, fields),
                recipe.format,
                recipe.delimiter or delimiter,
                recipe.quoted,
            )
            names = [
                *(name for name, _ in (*walk.unread, *walk.ignored)),
                *(file.source for file in found),
            ]
            outside = f"not among the files that recipe {recipe.name} reads"
            plan.ignored += [
                (name, outside) for name in names if not recipe.covers(name)
            ]
            found = [file for file in found if recipe.covers(file.source)]
        covered = (lambda name: True) if recipe is None else recipe.covers
        plan.unread += [entry for entry in walk.unread if covered(entry[0])]
        plan.ignored += [entry for entry in walk.ignored if covered(entry[0])]
        if recipe is not None and not found:
            raise InputError(
                f"{path} holds none of the files of {recipe.title}: "
                f"{', '.join(recipe.files)}"
            )
        before = len(plan.files)
        _add(plan, _first_seen(plan, found, seen), asked, alone, limits)
        seen.update(_place(file.split) for file in plan.files[before:])
    plan.unread.sort()
    plan.ignored.sort()
    if not plan.files:
        _raise_nothing(plan, everything)
    for role in ROLES[1:]:
        bindings = [file.binding for file in plan.files]
        if all(binding is not None and role in binding.missing for binding in bindings):
            first = plan.files[0]
            there = survey(FORMATS[first.split.format].fields(first.split, limits))
            raise not_found(
                role, getattr(first.fields, role), there, first.split.source
            )
    return plan


def _first_seen(
    plan: TweetPlan, found: list[Split], seen: set[tuple[str, str | None]]
) -> list[Split]:
    """The files that are not read yet; those of an account's archive are needed
    together.
    """
    fresh = []
    for file in found:
        if file.format not in ("archive", UNKNOWN) and _place(file) in seen:
            plan.ignored.append((file.source, "the same file as one before"))
        else:
            fresh.append(file)
    return fresh


def _place(split: Split) -> tuple[str, str | None]:
    return place_of(split.path), split.member


@dataclass(frozen=True)
class _Asked:
    """How files are to be read, where it is given."""

    fields: Fields
    format: str | None = None
    delimiter: str | None = None
    quoted: bool | None = None

    def applied(self, split: Split, limits: Limits) -> Split:
        """The split with what was asked for, and text with tabs as a table."""
        if split.format == UNKNOWN:
            # A pipe, which can't be looked at.
            layout = replace(split.layout, delimiter=self.delimiter or ",")
            return (
                split
                if self.delimiter is None
                else replace(split, format="csv", layout=layout)
            )
        form = self.format or split.format
        if form == "text" and self.delimiter is not None:
            form = "csv"
        layout = split.layout
        if form == "csv" and (self.delimiter is None or self.quoted is None):
            head = head_of(split, limits)
            layout = replace(
                layout_of(split.path, head, replace(layout, encoding=None)),
                encoding=layout.encoding,
            )
        if form == "text" and self.format is None:
            lines = [
                line.count(b"\t")
                for line in head_of(split, limits).split(b"\n")[:-1]
                if line.strip()
            ]
            if len(lines) >= LEAST_LINES and min(lines) == max(lines) > 0:
                form, layout = "csv", replace(layout, delimiter="\t", quoted=False)
        if self.delimiter is not None:
            layout = replace(layout, delimiter=self.delimiter)
        if self.quoted is not None:
            layout = replace(layout, quoted=self.quoted)
        return replace(split, format=form, layout=layout)


def _given(first: Fields, then: Fields) -> Fields:
    """The names in ``first``, and those in ``then`` where there is none."""
    return Fields(
        **{name: getattr(first, name) or getattr(then, name) for name in ROLES}
    )


def _add(
    plan: TweetPlan, found: list[Split], asked: _Asked, alone: bool, limits: Limits
) -> None:
    archives = [
        (split, AccountArchive().variable(head_of(split, limits)))
        for split in found
        if split.format == "archive"
    ]
    usernames: dict[str, str | None] = {}
    notes: dict[str, dict[int, str]] = {}
    for split, name in archives:
        if name in ("account", "note_tweet"):
            records = _records(plan, split, limits)
            if name == "account":
                usernames[_folder(split)] = _username(records)
            else:
                notes.setdefault(_folder(split), {}).update(_long_texts(records))
    lists = {split.source: name for split, name in archives}
    # A whole archive has other lists beside the tweets; pictures and fonts stand in its
    # folder "data" and next to it.
    folders = {
        _folder(split) for split, name in archives if not TWEETS.fullmatch(name)
    } - {""}
    roots = tuple(f"{folder.removesuffix('/data')}/" for folder in folders)
    plan.ignored += [
        (path, OTHER_FILE) for path, _ in plan.unread if path.startswith(roots)
    ]
    plan.unread = [entry for entry in plan.unread if not entry[0].startswith(roots)]
    for file in found:
        folder = _folder(file)
        if file.format == "archive":
            if TWEETS.fullmatch(lists[file.source]):
                plan.files.append(
                    TweetFile(
                        file,
                        asked.fields,
                        None,
                        usernames.get(folder),
                        notes.get(folder, {}),
                    )
                )
            else:
                plan.ignored.append(
                    (
                        file.source,
                        f"{lists[file.source]} of an account's archive, not its tweets",
                    )
                )
            continue
        if file.format == "text" and file.source.startswith(roots):
            plan.ignored.append((file.source, OTHER_FILE))
            continue
        form = FORMATS.get(file.format)
        try:
            with readable(file.source):
                if isinstance(form, TableFile):
                    _add_tables(plan, form, file, asked.fields, limits)
                    continue
                split = asked.applied(file, limits)
                reason = (
                    None if asked.format else _no_tweets(split, limits, alone=alone)
                )
        except InputError as error:
            _leave(plan, file, error)
            continue
        if reason is not None:
            plan.ignored.append((file.source, reason))
        else:
            _bound(plan, split, asked.fields, limits)


def _bound(plan: TweetPlan, split: Split, fields: Fields, limits: Limits) -> None:
    if split.format == UNKNOWN or split.path == STDIN:
        plan.files.append(TweetFile(split, fields))
        return
    try:
        with readable(split.source):
            records = [
                record
                for record in FORMATS[split.format].fields(split, limits)
                if isinstance(record, dict)
            ]
            if not records:
                _add_without_records(plan, split, limits)
            else:
                (split,) = FORMATS[split.format].splits(split, WHOLE, limits)
                nested = not fields.texts and any(map(is_nested, records))
                binding = None if nested else bind(fields, records, split.source)
                plan.files.append(TweetFile(split, fields, binding))
    except InputError as error:
        if LABELS.search(PurePosixPath(split.source).name):
            plan.ignored.append((split.source, "labels, no texts"))
        else:
            _leave(plan, split, error)


def _add_without_records(plan: TweetPlan, split: Split, limits: Limits) -> None:
    """A file whose beginning has no records: it is empty, or breaks off before the
    first has ended.
    """
    stream = ByteStream(split, context := Context.quiet(limits))
    for _ in FORMATS[split.format].read(stream, None):
        break
    if context.breaks:
        plan.unread.append((split.source, context.breaks[0]))
    else:
        plan.ignored.append((split.source, "empty"))


def _leave(plan: TweetPlan, split: Split, error: InputError) -> None:
    plan.unread.append(
        (
            split.source,
            str(error)
            .removeprefix(f"{split.source}: ")
            .removeprefix(f"{split.source} "),
        )
    )
    plan.error = plan.error or error


def _add_tables(
    plan: TweetPlan, form: TableFile, file: Split, fields: Fields, limits: Limits
) -> None:
    for table in form.tables(file, limits):
        records = form.fields(table, limits)
        strings = [
            value
            for record in records
            for value in record.values()
            if isinstance(value, str)
        ]
        if fields.texts or any(len(value.split()) > 2 for value in strings):
            _bound(plan, table, fields, limits)
        else:
            plan.ignored.append(
                (table.source, "no table of tweets: no column holds text")
            )


def _folder(split: Split) -> str:
    return split.source.rpartition("/")[0]


def _records(plan: TweetPlan, split: Split, limits: Limits) -> list[Any]:
    """The records of a list of an account's archive; one that breaks off is named."""
    stream = ByteStream(split, context := Context.quiet(limits))
    found: list[Any] = []
    for rows in FORMATS[split.format].read(stream, None):
        found += rows.values  # type: ignore[union-attr]
    plan.unread += [(split.source, reason) for reason in context.breaks]
    return found


def _username(records: list[Any]) -> str | None:
    for record in records:
        if isinstance(account := record.get("account"), dict):
            return account.get("username")
    return None


def _long_texts(records: list[Any]) -> dict[int, str]:
    found = {}
    for record in records:
        note = record.get("noteTweet", {})
        text = (note.get("core") or note.get("noteTweetResults") or {}).get("text")
        if (
            isinstance(text, str)
            and (time := parse_date(note.get("createdAt"))) is not None
        ):
            found[time // 1000] = text
    return found


def _no_tweets(split: Split, limits: Limits, *, alone: bool) -> str | None:
    """Why a file is taken for no tweets: one that is named alone, if its lines or pages
    can't be tweets at all.
    """
    name = PurePosixPath(split.source).name
    if split.format in ("html", "warc"):
        return (
            "a web page; tweets are not read out of pages"
            if alone
            else "documentation or code, no tweets"
        )
    if split.format == "mail":
        return None if alone else "documentation or code, no tweets"
    if split.format != "text":
        return None
    if name.endswith(".sql"):
        return (
            "a dump of a database: load it into SQLite or DuckDB, or export the table "
            "as CSV"
        )
    lines = [
        line.strip()
        for line in head_of(split, limits).split(b"\n")[:-1]
        if line.strip()
    ]
    if len(lines) >= LEAST_LINES and all(map(ID.fullmatch, lines)):
        return "ids, no texts"
    if alone:
        return None
    if ABOUT.fullmatch(name) or split_name(name)[1] not in ("", ".txt", ".text"):
        return "documentation or code, no tweets"
    short = len(lines) >= LEAST_LINES and all(
        len(line) <= 12 and b" " not in line for line in lines
    )
    if LABELS.search(name) or short:
        return "labels or ids, no texts"
    return None


def _raise_nothing(plan: TweetPlan, sources: list[str]) -> None:
    if plan.error is not None:
        raise plan.error
    for path, reason in plan.unread or plan.ignored:
        more = len(plan.unread) + len(plan.ignored) - 1
        others = f", and {more:,} more files were left out" if more else ""
        raise InputError(
            f"no tweets to index: {path}: {reason}{others}. Readable are {READABLE}."
        )
    raise InputError(
        f"no tweets to index: {', '.join(sources)} holds no file. Readable are "
        f"{READABLE}."
    )
