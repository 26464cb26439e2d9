"""Turn the sources of licensed tweets into a plan: which files are read, and which are
not.

:func:`plan_tweets` finds the files like those of a dataset
(:mod:`provscan.readers.finding`), leaves out files without tweets (labels,
documentation, lists of ids, the other files of an account archive), and determines
which fields of each remaining file contain the text, id, author and date of a tweet.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import NamedTuple

from provscan.errors import InputError
from provscan.readers.bytes.encodings import known_encoding
from provscan.readers.bytes.files import readable
from provscan.readers.bytes.streams import ByteStream
from provscan.readers.corpus.accounts import (
    LONG_TEXTS,
    OTHER_FILE,
    TWEET_LISTS,
    folder_of,
    read_accounts,
)
from provscan.readers.corpus.columns import look_rounded
from provscan.readers.corpus.layouts import (
    NO_GRAPHQL,
    NO_TABLE,
    has_graphql,
    is_nested,
    is_table,
)
from provscan.readers.corpus.recipes import PREFIX, Recipe, recipe_of
from provscan.readers.fields.binding import Fields
from provscan.readers.fields.names import ROLES
from provscan.readers.fields.tweets import bind, no_tweet_by_names
from provscan.readers.finding import (
    Finder,
    Found,
    Source,
    named_sources,
    nothing_to_read,
)
from provscan.readers.formats.account_archive import list_name
from provscan.readers.formats.registry import FORMATS, FileOptions
from provscan.readers.limits import Limits, current_limits
from provscan.readers.planning import require_named_fields
from provscan.readers.splits import UNKNOWN, Context, Split

TEXT_AMONG_OTHERS = (
    "plain text among other files; name the file itself to read each line as a tweet"
)
# Files of repositories and packages, which are no tweets even if they can be read as
# tables or objects.
PROJECT = re.compile(
    r"(package(-lock)?|composer|bower|manifest|metadata|datapackage|croissant|"
    r"tsconfig|vercel|codemeta)\.json(ld)?|requirements\b.*\.txt|description(\.txt)?|"
    r"(dockerfile|makefile|codeowners|cname)|"
    r"(readme|licen[cs]e|changelog|citation|code[_ -]?book|data[_ -]?dictionary)\b.*",
    re.IGNORECASE,
)
ONE_RECORD = (
    "no field of its only record is named as those of tweets are: it seems to describe "
    "something else"
)
# Extensions of the files of account archives that may contain lists of tweets.
LISTS = (".js", ".json", ".csv")
LEAST_LINES = 5
ID_LINE = re.compile(rb"['\"]?[0-9]{8,}['\"]?,?")


@dataclass(frozen=True)
class TweetFile:
    split: Split  # The file, with its fields.
    fields: Fields  # The names of its fields that the user gave.
    username: str | None = None  # If it is in an account archive: the account's name.
    rounded: bool = False  # Whether a spreadsheet rounded its ids.


@dataclass
class TweetPlan:
    """The files with tweets, and the paths of all other files with reasons."""

    files: list[TweetFile]  # The files to read, in order.
    # Files that can't be read or have no field for a tweet's text, with reasons.
    unread: list[tuple[str, str]]
    # Files without tweets, with reasons: labels, documentation, other files of an
    # account archive or of a recipe's set.
    ignored: list[tuple[str, str]]


def plan_tweets(
    sources: Source | Sequence[Source],
    fields: Fields,
    *,
    delimiter: str | None = None,
    encoding: str | None = None,
    limits: Limits | None = None,
) -> TweetPlan:
    """Find the files with tweets in the sources. A source is one that
    :func:`~provscan.readers.plan` accepts, or ``recipe:NAME=PATH``.

    Fields that the user names take precedence over those of a recipe. The delimiter
    and the encoding are determined for each file unless given.
    """
    named = named_sources(sources)
    options = FileOptions(
        known_encoding(encoding), "lines", delimiter=delimiter, tables=True
    )
    planner = _Planner(limits or current_limits())
    for source in named:
        planner.add(source, fields, options)
    unread, ignored = sorted(planner.finder.unread), sorted(planner.finder.ignored)
    if not planner.files:
        raise planner.error or nothing_to_read(
            named, unread or ignored, "no tweets to index: "
        )
    require_named_fields(file.split for file in planner.files)
    return TweetPlan(planner.files, unread, ignored)


class _Accounts(NamedTuple):
    """The account archives among the files of a source."""

    usernames: dict[str, str]  # The name of each account, by the folder of its lists.
    roots: tuple[str, ...]  # The beginnings of the paths of all files in archives.


class _Planner:
    """Decides which of the files that were found contain tweets."""

    def __init__(self, limits: Limits) -> None:
        self.files: list[TweetFile] = []
        # Finds the files, and lists those that are left out.
        self.finder = Finder(limits, FileOptions())
        # The first error that made a file unreadable.
        self.error: InputError | None = None
        self._limits = limits

    def add(self, source: str, fields: Fields, options: FileOptions) -> None:
        """Add the files with tweets of one source."""
        path, finder = source, self.finder
        finder.covers = lambda source: True
        if source.startswith(PREFIX):
            recipe, path = recipe_of(source)
            finder.covers = recipe.covers
            fields, options = _completed(fields, options, recipe)
        finder.options = options
        files = list(finder.files([path]))
        if not files and source.startswith(PREFIX):
            raise InputError(
                f"{path} contains none of the files of {recipe.title}: "
                f"{', '.join(recipe.files)}"
            )
        # Whether the source is a single file that the user named.
        alone = os.path.isfile(path) and len(files) == 1
        accounts = self._accounts(files)
        for file in files:
            try:
                with readable(file.split.source):
                    self._add_file(file, fields, options, accounts, alone=alone)
            except InputError as error:
                self._add_unread(file.split, error)

    def _accounts(self, files: Sequence[Found]) -> _Accounts:
        """Return the account archives among some files. Unread files that are part of
        one are moved to the ignored files.
        """
        finder = self.finder
        lists = [file for file in files if file.split.format == "archive"]
        damaged: list[tuple[str, str]] = []
        usernames, found = read_accounts(lists, damaged, self._limits)
        roots = tuple(found)
        # A list that can't be read may contain tweets.
        others = [
            entry
            for entry in finder.unread
            if entry[0].startswith(roots)
            and PurePosixPath(entry[0]).suffix.lower() not in LISTS
        ]
        finder.ignored += [(path, OTHER_FILE) for path, _ in others]
        finder.unread = [entry for entry in finder.unread if entry not in others]
        finder.unread += damaged
        return _Accounts(usernames, roots)

    def _add_file(
        self,
        file: Found,
        fields: Fields,
        options: FileOptions,
        accounts: _Accounts,
        *,
        alone: bool,
    ) -> None:
        """Add a file if it contains tweets."""
        split = file.split
        if split.format == "archive":
            self._add_of_account(file, fields, accounts)
        elif split.format == "text" and split.source.startswith(accounts.roots):
            self._add_ignored(split, OTHER_FILE)
        elif split.format == UNKNOWN:
            self.files.append(TweetFile(_pipe(split, options), fields))
        elif not options.format and (why := _no_tweets(file, alone=alone)):
            self._add_ignored(split, why)
        else:
            self._add_bound(split, fields, alone=alone)

    def _add_of_account(self, file: Found, fields: Fields, accounts: _Accounts) -> None:
        """Add a file of an account archive if its list contains tweets."""
        name = list_name(file.head)
        if TWEET_LISTS.fullmatch(name):
            username = accounts.usernames.get(folder_of(file.split))
            self.files.append(TweetFile(file.split, fields, username))
        elif name == "note_tweet":
            self._add_ignored(file.split, LONG_TEXTS)
        else:
            self._add_ignored(
                file.split, f"{name} of an account's archive, not its tweets"
            )

    def _add_bound(self, split: Split, fields: Fields, *, alone: bool) -> None:
        """Add a file whose first records are nested tweets or have a field with the
        text of tweets, and raise an error for a file without either.

        A file without records is left out. A file that is not ``alone`` is left out if
        it has one object, which seems to be no tweet.
        """
        form = FORMATS[split.format]
        records = [
            record
            for record in form.fields(split, self._limits)
            if isinstance(record, dict)
        ]
        if not records:
            self._leave_out_without_records(split)
            return
        if not fields.texts and any(map(has_graphql, records)):
            raise InputError(f"{split.source}: {NO_GRAPHQL}")
        rounded = False
        if fields.texts or not any(map(is_nested, records)):
            if not fields.texts and is_table(records[0]):
                raise InputError(f"{split.source}: {NO_TABLE}")
            one = len(records) == 1 and split.format in ("json", "jsonl")
            if one and not alone and not fields.texts and no_tweet_by_names(records[0]):
                self._add_ignored(split, ONE_RECORD)
                return
            binding = bind(records, split.source, fields=fields, limits=self._limits)
            split = replace(split, binding=binding)
            rounded = look_rounded(records, binding.paths.get("id", ()))
        self.files.append(TweetFile(split, fields, rounded=rounded))

    def _leave_out_without_records(self, split: Split) -> None:
        """List a file without a complete record at its beginning as ignored if it is
        empty, and as unread if it is damaged within the first record.
        """
        stream = ByteStream(split, context := Context.quiet(self._limits))
        for _ in FORMATS[split.format].read(stream, None):
            break
        if context.damage is not None:
            self.finder.unread.append((split.source, context.damage))
        else:
            self._add_ignored(split, "empty")

    def _add_ignored(self, split: Split, why: str) -> None:
        self.finder.add_ignored(split.source, why)

    def _add_unread(self, split: Split, error: InputError) -> None:
        self.finder.add_unread(split.source, error)
        self.error = self.error or error


def _completed(
    fields: Fields, options: FileOptions, recipe: Recipe
) -> tuple[Fields, FileOptions]:
    """Return fields and options, with those of a recipe where the user gave none."""
    options = replace(
        options,
        encoding=options.encoding or known_encoding(recipe.encoding),
        format=recipe.format,
        delimiter=options.delimiter or recipe.delimiter,
        quoted=recipe.quoted,
    )
    unnamed = [role for role in ROLES if getattr(fields, role) is None]
    fields = replace(fields, **{role: getattr(recipe.fields, role) for role in unnamed})
    return fields, options


def _pipe(split: Split, options: FileOptions) -> Split:
    """Return the split of a pipe, which can't be inspected beforehand. It is a table if
    a delimiter is given.
    """
    if options.delimiter is None:
        return split
    layout = replace(split.layout, delimiter=options.delimiter)
    return replace(split, format="csv", layout=layout)


def _no_tweets(file: Found, *, alone: bool) -> str | None:
    """Return why a file is assumed to contain no tweets, else None. A file that is
    ``alone``, the only one of a source, is left out only if it can't contain tweets.
    """
    name = PurePosixPath(file.split.source).name
    form = file.split.format
    if form in ("html", "warc"):
        return (
            "a web page; tweets are not read from web pages"
            if alone
            else "documentation or code, no tweets"
        )
    if not alone and PROJECT.fullmatch(name):
        return "documentation or code, no tweets"
    if form != "text":
        return None
    if name.endswith(".sql"):
        return (
            "a dump of a database: load it into the database, and export the table as "
            "CSV"
        )
    lines = [line.strip() for line in file.head.split(b"\n")[:-1] if line.strip()]
    if len(lines) >= LEAST_LINES and all(map(ID_LINE.fullmatch, lines)):
        return "ids, no texts"
    return None if alone else TEXT_AMONG_OTHERS
