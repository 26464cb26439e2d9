"""Compare the files of a dataset with the run, and decide which can be written.

:func:`open_dataset` checks that the files are those that the run read.
:meth:`Dataset.unwritable` returns the files that can't be written, with the reasons
(:func:`why_unwritable`), and :meth:`Dataset.tasks` makes a :class:`Task` for each of
the others.
"""

from __future__ import annotations

import codecs
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from itertools import chain, groupby
from typing import Any, NamedTuple

import pyarrow as pa
import xxhash

from provscan.cleaning.choice import Choice, CleanOptions
from provscan.cleaning.cutting import CUTS
from provscan.cleaning.tables import TABLES
from provscan.errors import InputError
from provscan.names import counted, printable
from provscan.options import MatchOptions
from provscan.readers import checksum, plan
from provscan.readers.bytes.streams import ByteStream, head_of
from provscan.readers.finding import METADATA
from provscan.readers.limits import Limits
from provscan.readers.planning import ReadPlan
from provscan.readers.splits import UNKNOWN, Context, Layout, Split
from provscan.runs.inputs.plan import fields_of
from provscan.urls import is_remote

# The size of splits. No file is larger, so that each file is one split.
SPLIT_BYTES = 1 << 62
# A run skips records for this reason if they are too long. Their file can't be written.
TOO_LONG = "record_too_long"


class Input(NamedTuple):
    """A file, or a member of an archive that is read like a file."""

    source: str  # Its name in the run.
    split: Split
    matches: pa.Table | None  # The positions of the matches to remove.


@dataclass(frozen=True)
class Task:
    """A file to write. An archive has an input for each member."""

    number: int
    path: str
    inputs: tuple[Input, ...]
    target: str  # The path of the new file in the folder of the result.
    xxh3: str  # The checksum of the file.
    # The number of records if the file is copied, because nothing is removed from it.
    copied: int | None
    options: CleanOptions

    def __str__(self) -> str:
        name, split, _ = self.inputs[0]
        return name if split.member is None else self.path


@dataclass(frozen=True)
class Dataset:
    """A dataset, and the result of a run on it."""

    named: list[str]
    plan: ReadPlan
    limits: Limits
    sources: dict[str, str]  # The name of each source in the run, by Split.source.
    checksums: dict[str, str]  # The checksum of each file, by its path.
    summary: dict[str, Any]

    def target(self, path: str) -> str:
        """Return the path of a file in the folder of the result."""
        for name in self.named:
            top = base_name(name)
            if os.path.isdir(name):
                inner = os.path.relpath(path, name)
                if not inner.startswith(os.pardir):
                    return os.path.join(top, inner)
            elif path == name:
                return top
        raise InputError(f"{printable(path)} is not part of any of the datasets")

    def member(self, split: Split) -> tuple[str, str | None]:
        """Return the path of a split's file in the result and, if the file is an
        archive, the name of its member.
        """
        return self.target(split.path), split.member

    def metadata(self) -> Iterator[tuple[str, str]]:
        """Yield the files that describe the dataset, and their paths in the result."""
        for name in self.named:
            for folder, _, names in os.walk(name):
                for found in sorted(METADATA & set(names)):
                    path = os.path.join(folder, found)
                    yield path, self.target(path)

    def files(self) -> Iterator[list[Split]]:
        """Yield the splits of each file: one, or one for each member of an archive."""
        for _, splits in groupby(self.plan, key=lambda split: split.path):
            yield list(splits)

    def tasks(self, choice: Choice, refused: Mapping[str, str]) -> Iterator[Task]:
        """Yield a task for each file that is not in ``refused``."""
        read = {each["source"]: each["read"] for each in self.summary["sources"]}
        found = choice.by_source()
        ahead = next(found, None)
        for number, splits in enumerate(self.files()):
            inputs = []
            for split in splits:
                name, matches = self.sources[split.source], None
                if ahead is not None and ahead[0] == name:
                    matches, ahead = ahead[1], next(found, None)
                inputs.append(Input(name, split, matches))
            path = splits[0].path
            if inputs[0].source not in refused:
                copied = self._is_copied(splits[0], choice)
                yield Task(
                    number,
                    path,
                    tuple(inputs),
                    self.target(path),
                    self.checksums[path],
                    read.get(inputs[0].source, 0) if copied else None,
                    choice.options,
                )

    def _is_copied(self, split: Split, choice: Choice) -> bool:
        """Return whether a file can be copied because nothing is removed from it.

        Archives are never copied, because members that were not scanned are left out.
        """
        if choice.options.keep_only or split.member is not None:
            return False
        return not choice.matches[self.sources[split.source]]

    def unwritable(self, choice: Choice) -> dict[str, str]:
        """Return the sources that can't be written, with the reasons. An archive can't
        be written if one of its members can't.

        A run gives only the first examples of records that are too long, so others are
        found only when their file is written.
        """
        summary = self.summary
        names = [self.sources[split.source] for split in self.plan]
        if [*choice.matches] != [name for name in names if name in choice.matches]:
            raise InputError(
                "the run read other files, or the same files in another order: name "
                "the datasets as for match, or run match again"
            )
        found = dict(self.plan.unread)
        found |= {item["path"]: item["reason"] for item in summary["unread"]}
        damaged = {item["source"]: item["problem"] for item in summary["damaged"]}
        long = {
            item["source"] for item in summary["examples"] if item["code"] == TOO_LONG
        }
        for split in self.plan:
            name = self.sources[split.source]
            if name in damaged:
                found[name] = f"it is damaged: {damaged[name]}"
            elif is_remote(split.path) or split.format == UNKNOWN:
                found[name] = "it is not a file on this machine: copy it first"
            elif split.path not in self.checksums:
                found[name] = "the run has no checksum for it"
            elif self._is_copied(split, choice):
                pass
            elif name in long:
                size = self.limits.record_bytes >> 20
                found[name] = f"it contains a record of more than {size} MiB"
            elif reason := why_unwritable(split, choice.options, self.limits):
                found[name] = reason
        for splits in self.files():
            names = [self.sources[split.source] for split in splits]
            if any(name in found for name in names):
                for name in names:
                    found.setdefault(name, "its archive can't be written")
        return found


def base_name(source: str) -> str:
    """Return the name of a dataset in the result."""
    return os.path.basename(os.path.abspath(source))


def open_dataset(
    named: list[str], summary: dict[str, Any], info: dict[str, Any]
) -> Dataset:
    """Open a dataset, and check that its files are those that the run read."""
    options = match_options(info, {})
    known = {item.name for item in fields(Limits)}
    limits = Limits(**{k: v for k, v in info["limits"].items() if k in known})
    wanted = fields_of(options)
    found = plan(
        named,
        wanted,
        target_bytes=SPLIT_BYTES,
        records=options.records,
        encoding=options.encoding,
        limits=limits,
    )
    paths = {split.path: split for split in found}
    if len(paths) != len(info["inputs"]):
        raise InputError(
            f"the run read {counted(len(info['inputs']), 'file')}, and the datasets "
            f"have {len(paths):,} now: name the datasets as for match, or run match "
            "again"
        )
    names, checksums = {}, {}
    for path, entry in zip(paths, info["inputs"], strict=True):
        if entry["xxh3"] is None or is_remote(path):
            continue  # The file can't be written, see Dataset.unwritable.
        size = os.path.getsize(path)
        if size != entry["bytes"] or checksum(path) != entry["xxh3"]:
            raise InputError(
                f"{printable(path)} has changed since the run read it "
                f"({entry['source']}, {entry['bytes']:,} bytes, XXH3-128 "
                f"{entry['xxh3']}): run match again"
            )
        names[path], checksums[path] = entry["source"], entry["xxh3"]
    sources = {}
    for split in found:
        name = names.get(split.path, split.source)
        if split.member is not None:
            name = f"{printable(name)}/{printable(split.member)}"
        sources[split.source] = name
    return Dataset(named, found, limits, sources, checksums, summary)


def match_options(info: dict[str, Any], changed: dict[str, Any]) -> MatchOptions:
    """Return the options of a run, with some changed."""
    known = {item.name for item in fields(MatchOptions)}
    values = {k: v for k, v in info["parameters"].items() if k in known}
    if isinstance(values.get("text_field"), list):
        values["text_field"] = tuple(values["text_field"])
    return MatchOptions(**{**values, **changed})


def why_unwritable(split: Split, options: CleanOptions, limits: Limits) -> str | None:
    """Return the reason why a file can't be written; None if it can be."""
    if split.size and split.format not in (*CUTS, *TABLES):
        return f"the format {split.format} can't be written"
    layout, binding, mask = split.layout, split.binding, options.mask
    if layout.cr:
        return "its lines end with carriage returns alone: convert it first"
    if layout.encoding is not None:
        encoding = byte_exact(layout.encoding, head_of(split, limits)[0])
        if not _is_lossless(split, encoding, limits):
            return (
                f"decoding and encoding it as {encoding} changes it: convert it first"
            )
        if (
            mask is not None
            and mask.encode(encoding, "replace").decode(encoding) != mask
        ):
            return f"the mask {mask} can't be encoded as {encoding}: choose another"
    if mask is None or binding is None:
        return None
    if binding.chats:
        return (
            "a field has chats as strings of JSON, which can't be masked: leave out "
            "--mask"
        )
    if binding.words:
        return "its texts are stored word by word and can't be masked: leave out --mask"
    return None


def byte_exact(encoding: str | None, head: bytes) -> str:
    """Return an encoding that decodes a byte-order mark as part of the text, so that it
    is encoded again.
    """
    if encoding in ("utf-16", "utf-32"):
        big = head.startswith((codecs.BOM_UTF16_BE, codecs.BOM_UTF32_BE))
        return f"{encoding}-{'be' if big else 'le'}"
    return "utf-8" if encoding in (None, "utf-8-sig") else encoding


def _is_lossless(split: Split, encoding: str, limits: Limits) -> bool:
    """Return whether decoding a file and encoding it again gives the same bytes."""
    decode = codecs.getincrementaldecoder(encoding)().decode
    encode = codecs.getincrementalencoder(encoding)().encode
    before, after = xxhash.xxh3_128(), xxhash.xxh3_128()
    stream = ByteStream(replace(split, layout=Layout()), Context.quiet(limits))
    try:
        for chunk in chain(stream, [b""]):
            before.update(chunk)
            after.update(encode(decode(chunk, not chunk), not chunk))
    except UnicodeError:
        return False
    return before.digest() == after.digest()
