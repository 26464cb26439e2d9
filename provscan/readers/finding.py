"""Find the files in the sources that the user names: folders, archives and servers.

:class:`Finder` opens each file once to identify its format by its first bytes, and
lists the files that are left out. :mod:`provscan.readers.planning` cuts the files of a
dataset into splits; :mod:`provscan.readers.corpus.sources` chooses those with licensed
tweets.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import tarfile
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import cache
from stat import S_ISBLK, S_ISCHR, S_ISFIFO, S_ISREG
from typing import NamedTuple

from provscan.caches import warn_once
from provscan.errors import InputError, ParameterError
from provscan.names import printable
from provscan.readers.bytes.archives import (
    TEXT_MEMBERS,
    hidden_part,
    is_tar,
    is_webdataset,
    members_of,
    open_zip,
)
from provscan.readers.bytes.budget import require_bounded
from provscan.readers.bytes.files import (
    file_identity,
    open_file,
    readable,
    state_of,
)
from provscan.readers.bytes.remote import remote_files
from provscan.readers.bytes.streams import ByteStream, head_of, unpack_into
from provscan.readers.formats.registry import (
    EXTENSIONS,
    READABLE,
    ZIPPED,
    FileOptions,
    identified,
    split_name,
)
from provscan.readers.limits import Limits
from provscan.readers.splits import (
    STDIN,
    UNKNOWN,
    Context,
    NotReadable,
    Split,
)
from provscan.urls import is_remote, local_path, source_of
from provscan.writing import temporary_folder

Source = str | os.PathLike[str]

# Files that the datasets library writes next to the data.
STATE = "state.json"
METADATA = frozenset(
    {"dataset_info.json", "dataset_infos.json", "dataset_dict.json", STATE}
)
SAME_NAME = "another file of the archive has the same name; only the last one is read"
SAMPLES = (
    "a webdataset, in which several files are one record: write each sample as a line "
    "of JSON"
)
OUTSIDE = "not among the files that the recipe reads"


# For each kind of result: the names that identify its folder, and other names that
# provscan writes into it.
RESULTS = {
    "a run of provscan": (
        {"run.json", "summary.json", "matches.parquet"},
        {"report.html", "review.json", "scanned.zip"},
    ),
    "an index of provscan": ({"manifest.json", "segments", "lock"}, {"purges"}),
    "an unfinished result of provscan": (
        {"unfinished.json", "parts"},
        {"run", "control", "null", "known"},
    ),
}

BUNDLE = "a bundle of provscan"

# The files that ``clean`` writes beside the cleaned data, and the format that the first
# of them names.
CLEANED = ("manifest.json", "removed.jsonl")
CLEANED_FORMAT = "provscan-cleaned-dataset"

# Devices that are read to their end.
TERMINALS = ("/dev/stdin", "/dev/tty", "/dev/fd/0", os.devnull)


class Found(NamedTuple):
    """A file, or a member of an archive, whose format has been identified."""

    split: Split  # The whole file.
    head: bytes = b""  # Its first bytes, decompressed and as UTF-8.


class Finder:
    """Finds the files and the members of archives in the sources, and lists those that
    are left out.

    Every file is opened once to read its first bytes. A compressed tar archive is
    decompressed into a temporary file, so that its members can be read separately.
    Files that ``covers`` refuses are left out. ``options`` and ``covers`` may be
    changed between sources.
    """

    def __init__(
        self,
        limits: Limits,
        options: FileOptions,
        covers: Callable[[str], bool] = lambda source: True,
    ) -> None:
        self.unread: list[tuple[str, str]] = []
        self.ignored: list[tuple[str, str]] = []
        self._limits = limits
        self.options = options
        self.covers = covers
        self._seen: set[str] = set()

    def files(self, sources: Iterable[str]) -> Iterator[Found]:
        for source in sources:
            source = local_path(source)
            if source == STDIN:
                yield Found(Split("-", STDIN, UNKNOWN, layout=self.options.layout))
            elif is_remote(source):
                yield from self._remote(source)
            elif os.path.isdir(source):
                kind = None
                with contextlib.suppress(OSError):
                    kind, _ = _result_in(os.listdir(source))
                if kind is not None:
                    raise InputError(
                        f"{printable(source)} is {kind}, not a dataset: name the data"
                    )
                yield from self._folder(source, source)
            elif os.path.isfile(source):
                yield from self._file(source, source)
                name = printable(source)
                if (name, f"{BUNDLE}, not data") in self.ignored:
                    raise InputError(
                        f"{name} is {BUNDLE}, not a dataset: name the data"
                    )
            elif os.path.exists(source):
                shown = printable(source)
                require_stream(source, shown)
                yield Found(Split(shown, source, UNKNOWN, layout=self.options.layout))
            else:
                what = printable(source) or "a path without a name"
                raise InputError(
                    f"{what} does not exist",
                    in_python=f"{what} does not exist: strings are paths. To search "
                    'texts, pass [{"text": "..."}] or an Arrow array',
                )

    def add_unread(self, source: str, error: InputError) -> None:
        """Add a source that can't be read to ``unread``."""
        if not self.covers(source):
            self.add_ignored(source, OUTSIDE)
            return
        words = str(error).removeprefix(f"{source} ").removeprefix(f"{source}: ")
        self.unread.append(
            (source, getattr(error.__cause__, "strerror", None) or words)
        )

    def add_ignored(self, source: str, why: str) -> None:
        """Add a source that contains no records to ``ignored``."""
        self.ignored.append((printable(source), why))

    def _remote(self, source: str) -> Iterator[Found]:
        try:
            for url in remote_files(source):
                yield from self._file(url, str(url))
        except InputError as error:
            self.add_unread(printable(source), error)

    def _folder(self, folder: str, shown: str) -> Iterator[Found]:
        real = os.path.realpath(folder)
        if real in self._seen:
            self.add_ignored(shown, "a link to a folder that was read already")
            return
        self._seen.add(real)
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError as error:
            self.unread.append((printable(shown), f"can't be read: {error.strerror}"))
            return
        kind, own = _result_in([entry.name for entry in entries])
        if kind is not None:
            # The tweets in it would be reported as copies. Other people's files in the
            # same folder are scanned.
            self.add_ignored(shown, f"{kind}, not data")
            entries = [entry for entry in entries if entry.name not in own]
        elif _is_cleaned(folder):
            for name in CLEANED:
                inner = f"{shown.rstrip('/')}/{name}"
                self.add_ignored(inner, "a record of what clean removed, not data")
            entries = [entry for entry in entries if entry.name not in CLEANED]
        saved = any(entry.name == STATE for entry in entries)
        for entry in entries:
            inner = f"{shown.rstrip('/')}/{entry.name}"
            if (why := _no_records(entry.name, saved=saved)) is not None:
                self.add_ignored(inner, why)
            elif os.path.isdir(entry.path):
                yield from self._folder(entry.path, inner)
            else:
                yield from self._file(entry.path, inner)

    def _file(self, path: str, shown: str) -> Iterator[Found]:
        try:
            identity = file_identity(path)
            if identity in self._seen:
                self.add_ignored(shown, "the same file as one that was found before")
                return
            if self.covers(printable(shown)):
                self._seen.add(identity)
            with readable(printable(shown)):
                if not is_remote(path) and not S_ISREG(os.stat(path).st_mode):
                    raise NotReadable("not a file")
                size = state_of(path).size
                whole = Split(printable(shown), path, "", end=size, size=size)
                yield from self._inspected(whole, os.path.basename(shown))
        except InputError as error:
            self.add_unread(printable(shown), error)

    def _inspected(self, whole: Split, name: str) -> Iterator[Found]:
        """Yield a file, or the members of an archive, with their first bytes."""
        head, compression = head_of(whole, self._limits)
        if is_tar(head):
            damage = None
            if compression is not None:
                packed = replace(whole, packed=compression)
                changed = state_of(whole.path).modified
                whole, damage = _unpacked(packed, changed, self._limits)
            members = list(self._tar(whole, damage))
            names = [member.member or "" for member in members]
            if is_webdataset(names) and not any(map(_is_data, names)):
                raise NotReadable(SAMPLES)
            yield from self._members(whole, members)
        elif head.startswith((b"PK\x03\x04", b"PK\x05\x06")) and not (
            compression or name.lower().endswith(ZIPPED)
        ):
            members = list(self._zip(whole))
            if {"bagit.txt", "statement.json"} <= {
                (member.member or "").partition("/")[2] for member in members
            }:
                # The tweets in it would be reported as copies.
                self.add_ignored(whole.source, f"{BUNDLE}, not data")
                return
            yield from self._members(whole, members)
        else:
            split = replace(whole, compression=compression)
            found = Found(*identified(name, head, split, self.options))
            yield from self._covered(found)

    def _covered(self, found: Found) -> Iterator[Found]:
        if self.covers(found.split.source):
            yield found
        else:
            self.add_ignored(found.split.source, OUTSIDE)

    def _zip(self, whole: Split) -> Iterator[Split]:
        try:
            archive = open_zip(whole.path)
            entries = archive.infolist()
            if entries and min(info.header_offset for info in entries) > 0:
                # zipfile found the directory of an archive inside this one.
                raise NotReadable("damaged zip archive (its directory is missing)")
            require_bounded(
                sum(info.file_size for info in entries), whole.size, self._limits
            )
            for info in entries:
                if info.is_dir():
                    continue
                yield replace(
                    whole,
                    archive="zip",
                    member=info.filename,
                    end=-1,
                    size=info.file_size,
                )
        except (zipfile.BadZipFile, NotImplementedError, OSError) as error:
            raise NotReadable(f"damaged zip archive ({error})") from error

    def _tar(self, whole: Split, damage: str | None) -> Iterator[Split]:
        """Yield the files of an archive. ``damage`` is the reason why it could not be
        decompressed completely, or None.
        """
        count = 0
        try:
            with open_file(whole.opened) as file:
                for _, info in members_of(file):
                    count += 1
                    if info.isfile() and info.sparse is None:
                        start, size = info.offset_data, info.size
                        yield replace(
                            whole,
                            archive="tar",
                            member=info.name,
                            start=start,
                            end=start + size,
                            size=size,
                        )
                    elif not info.isdir():
                        name = f"{whole.source}/{info.name}"
                        if info.isfile():
                            why = "a sparse file of an archive: unpack it first"
                            self.unread.append((printable(name), why))
                        else:
                            self.add_ignored(name, "a link or a special file")
        except (tarfile.TarError, OSError, ValueError) as error:
            damage = damage or f"damaged tar archive ({error})"
            if not count:
                raise NotReadable(damage) from error
        if damage is not None:
            why = f"{damage}; only the files before that are read"
            self.unread.append((whole.source, why))

    def _members(self, whole: Split, members: Iterable[Split]) -> Iterator[Found]:
        """Yield the members of an archive. Nothing is written to disk, so a member's
        name can't lead to a path outside the archive.
        """
        files = [(member.member or "", member) for member in members]
        saved = {
            os.path.dirname(path)
            for path, _ in files
            if os.path.basename(path) == STATE
        }
        # An archive is unpacked to the last one of several files with the same name.
        last = dict(files)
        ignored: set[str] = set()
        for path, member in files:
            entry = hidden_part(path) or path
            folder, name = os.path.split(entry)
            if (why := _no_records(name, saved=folder in saved)) is not None:
                # A hidden folder is listed once, not each of its files.
                if entry not in ignored:
                    self.add_ignored(f"{whole.source}/{entry}", why)
                    ignored.add(entry)
                continue
            source = f"{whole.source}/{printable(path)}"
            if last[path] is not member:
                self.unread.append((source, SAME_NAME))
                continue
            member = replace(member, source=source)
            try:
                with readable(member.source):
                    head, compression = head_of(member, self._limits)
                    if not head and member.size and compression is None:
                        raise NotReadable("damaged archive")
                    split = member
                    if compression is not None:
                        split = replace(member, compression=compression)
                    found = Found(*identified(name, head, split, self.options))
                    yield from self._covered(found)
            except InputError as error:
                self.add_unread(member.source, error)


def _is_data(name: str) -> bool:
    """Return whether a member of an archive is a file that is read by itself. The texts
    of a webdataset are not: they are parts of samples.
    """
    extension = split_name(name)[1]
    known = extension in EXTENSIONS and extension.removeprefix(".") not in TEXT_MEMBERS
    return known and hidden_part(name) is None


def require_stream(path: str, shown: str) -> None:
    """Raise an error if a path is a device, which may have no end. Say that reading a
    named pipe waits for another program.
    """
    mode = os.stat(path).st_mode
    if S_ISBLK(mode) or (S_ISCHR(mode) and path not in TERMINALS):
        raise InputError(f"{shown} is a device, which may have no end: name a file")
    # A pipe of the shell is in /proc, and already has a writer.
    if S_ISFIFO(mode) and not os.path.realpath(path).startswith("/proc/"):
        warn_once(f"{shown} is a named pipe: waiting until a program writes to it")


def _no_records(name: str, *, saved: bool) -> str | None:
    """Return why a file or folder in a folder or archive contains no records, by its
    name; else None. ``saved`` says whether the datasets library saved a dataset there.
    """
    if hidden_part(name) is not None:
        return f"hidden: its name starts with {name[0]}"
    if name in METADATA:
        return "describes the dataset and contains no records"
    if saved and name.startswith("cache-"):
        return "a cache of the datasets library"
    return None


@cache
def _unpacked(whole: Split, changed: int, limits: Limits) -> tuple[Split, str | None]:
    """Decompress an archive into a copy that is removed when the process ends. Return
    the archive with its copy, and the reason if the copy is incomplete.

    The result is cached. ``changed``, the time of the archive's last change, is only
    part of the key of the cache.
    """
    context = Context.quiet(limits)
    stream = ByteStream(replace(whole, compression=whole.packed), context)
    with ExitStack() as opened:
        folder = opened.enter_context(temporary_folder())
        copy = opened.enter_context((folder / "copy.tar").open("wb", buffering=0))
        unpack_into(stream, copy)
        atexit.register(opened.pop_all().close)
    size = copy.tell()
    return replace(whole, copy=copy.name, end=size, size=size), context.damage


def named_sources(sources: Source | Sequence[Source]) -> list[str]:
    """Return the names of one or several sources as a list of strings."""
    several = [sources] if isinstance(sources, str | os.PathLike) else sources
    return [source_of(name) for name in several]


def source_list(sources: object) -> list[str] | None:
    """Return paths as a list of strings; None if ``sources`` is data in memory. Strings
    are taken as paths.
    """
    several = [sources] if isinstance(sources, str | os.PathLike) else sources
    if not (
        isinstance(several, Sequence)
        and several
        and isinstance(several[0], str | os.PathLike)
    ):
        return None
    for source in several:
        if not isinstance(source, str | os.PathLike):
            raise ParameterError(
                f"expected paths, found {type(source).__name__} among them: pass data "
                "in memory alone, not in a list with paths"
            )
    return named_sources(several)


def nothing_to_read(
    named: list[str],
    left_out: list[tuple[str, str]],
    what: str = "",
    readable: str = READABLE,
) -> InputError:
    """Return an error that says why no file is read, and quotes the first reason."""
    if not left_out:
        names = ", ".join(map(printable, named))
        reason = f"{names}: no file to read"
    else:
        path, why = left_out[0]
        more = len(left_out) - 1
        files = "1 more file" if more == 1 else f"{more:,} more files"
        others = f", and {files} can't be read either" if more else ""
        reason = f"{path} can't be read: {why}{others}"
    return InputError(f"{what}{reason}. The readable formats are {readable}.")


def _is_cleaned(folder: str) -> bool:
    """Return whether ``clean`` wrote a folder: the manifest begins with its format."""
    try:
        with open(os.path.join(folder, CLEANED[0]), "rb") as file:
            return f'"format": "{CLEANED_FORMAT}"'.encode() in file.read(100)
    except OSError:
        return False


def _result_in(names: Iterable[str]) -> tuple[str | None, set[str]]:
    """Return which of :data:`RESULTS` a folder with these files is, if any, and the
    names of the files that provscan writes there.
    """
    present = {*names}
    for kind, (marks, others) in RESULTS.items():
        if marks <= present:
            return kind, marks | others
    return None, set()
