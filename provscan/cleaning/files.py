"""The files of a dataset: whether they are those of the run, whether they can be
written, and where.
"""

from __future__ import annotations

import copy
import os
import shutil
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from itertools import groupby
from pathlib import Path
from typing import IO, Any

from provscan.cleaning.choice import CleanOptions
from provscan.errors import InputError
from provscan.names import counted, printable
from provscan.options import MatchOptions
from provscan.readers import Fields, checksum, plan
from provscan.readers.bytes.archives import Member
from provscan.readers.limits import Limits
from provscan.readers.planning import METADATA, ReadPlan
from provscan.readers.splits import UNKNOWN, Split
from provscan.runs.inputs import fields_of
from provscan.urls import is_remote

WRITABLE = {"jsonl", "json", "mail", "warc", "csv", "text", "parquet", "arrow"}
COMPRESSED = (None, "gzip", "bzip2", "xz", "zstd")
# A file is not cut, whatever its size.
WHOLE = 1 << 62
# Bytes of a member of an archive that are kept in memory while it is written.
SPOOLED = 16 << 20

WriteSplit = Callable[[Split, IO[bytes]], bool]


@dataclass(frozen=True)
class Dataset:
    """The files of a dataset as a run read them."""

    named: list[str]
    plan: ReadPlan
    fields: Fields
    limits: Limits
    sources: dict[str, str]  # The names of the run for the sources of splits.
    checksums: dict[str, str]  # Of the files as they are, by their paths.

    def places(self) -> Iterator[tuple[Path, list[Split]]]:
        """Each file to write, below the folder of the output, with its split, or with
        those of its members.
        """
        for path, splits in groupby(self.plan, key=lambda split: split.path):
            yield self.place(path), list(splits)

    def place(self, path: str) -> Path:
        """Where a file goes, below the folder of the output."""
        for name in self.named:
            top = base_name(name)
            if os.path.isdir(name):
                inner = os.path.relpath(path, name)
                if not inner.startswith(os.pardir):
                    return Path(top) / inner
            elif path == name:
                return Path(top)
        raise InputError(f"{printable(path)} is in none of the datasets")

    def metadata(self) -> Iterator[tuple[str, Path]]:
        """The files beside those of the dataset that describe it, and their places."""
        folders = set[str]()
        for split in self.plan:
            folder = os.path.dirname(split.path)
            for name in self.named:
                while os.path.isdir(name) and not os.path.relpath(
                    folder, name
                ).startswith(os.pardir):
                    folders.add(folder)
                    if os.path.samefile(folder, name):
                        break
                    folder = os.path.dirname(folder)
        for folder in sorted(folders):
            for name in sorted(METADATA):
                path = os.path.join(folder, name)
                if os.path.isfile(path):
                    yield path, self.place(path)


def base_name(source: str) -> str:
    """The name of a dataset in the folder of the output."""
    return os.path.basename(os.path.abspath(source))


def open_dataset(named: list[str], info: dict[str, Any]) -> Dataset:
    """The files of a dataset, which have to be those that the run read."""
    options = match_options(info, {})
    known = {item.name for item in fields(Limits)}
    limits = Limits(**{k: v for k, v in info["limits"].items() if k in known})
    asked = fields_of(options)
    found = plan(
        named,
        asked,
        target_bytes=WHOLE,
        records=options.records,
        encoding=options.encoding,
        limits=limits,
    )
    paths = {split.path: split for split in found}
    if len(paths) != len(info["inputs"]):
        raise InputError(
            f"the run read {counted(len(info['inputs']), 'file')}, and there are now "
            f"{len(paths):,}: name the datasets as the run did, or run match again"
        )
    names, checksums = {}, {}
    for path, entry in zip(paths, info["inputs"], strict=True):
        if entry["xxh3"] is None or is_remote(path):
            continue  # it counts as one that can't be written
        size = os.path.getsize(path)
        if size != entry["bytes"] or checksum(path) != entry["xxh3"]:
            raise InputError(
                f"{printable(path)} is not as the run read it ({entry['source']}, "
                f"{entry['bytes']:,} bytes, XXH3-128 {entry['xxh3']}): run match again"
            )
        names[path], checksums[path] = entry["source"], entry["xxh3"]
    sources = {}
    for split in found:
        name = names.get(split.path, split.source)
        if split.member is not None:
            name = f"{printable(name)}/{printable(split.member)}"
        sources[split.source] = name
    return Dataset(named, found, asked, limits, sources, checksums)


def match_options(info: dict[str, Any], changed: dict[str, Any]) -> MatchOptions:
    """The options of a run, with some changed."""
    known = {item.name for item in fields(MatchOptions)}
    values = {k: v for k, v in info["parameters"].items() if k in known}
    if isinstance(values.get("text_field"), list):
        values["text_field"] = tuple(values["text_field"])
    return MatchOptions(**{**values, **changed})


def unwritable(
    dataset: Dataset, summary: dict[str, Any], options: CleanOptions
) -> dict[str, str]:
    """The sources that can't be written, and why."""
    found = dict(dataset.plan.unread)
    found |= {item["path"]: item["reason"] for item in summary["unread"]}
    damaged = {item["source"]: item["problem"] for item in summary["damaged"]}
    for split in dataset.plan:
        name = dataset.sources[split.source]
        reason = (
            f"it is damaged: {damaged[name]}"
            if name in damaged
            else _why_unwritable(split, dataset, options)
        )
        if reason is not None:
            found[name] = reason
    return found


def _why_unwritable(
    split: Split, dataset: Dataset, options: CleanOptions
) -> str | None:
    if is_remote(split.path) or split.format == UNKNOWN:
        return "it is no file of this machine: copy it first"
    if split.path not in dataset.checksums:
        return "the run has no checksum of it"
    if split.size and split.format not in WRITABLE:
        return f"files of the kind {split.format} can't be written"
    if split.compression not in COMPRESSED:
        return f"{split.compression} files can't be written"
    layout, binding = split.layout, split.binding
    if layout.encoding is not None:
        return f"it is {layout.encoding}, and only UTF-8 is written: convert it first"
    if layout.cr:
        return "its lines end with carriage returns alone: convert it first"
    if options.mask is None or binding is None:
        return None
    if split.format in ("mail", "warc"):
        return (
            "whole messages and pages can be dropped, but no spans masked: use --drop"
        )
    if binding.chats:
        return "a field has chats as JSON in a text, which can't be masked: use --drop"
    if binding.words or layout.words is not None:
        return "its texts come word by word, which can't be masked: use --drop"
    return None


def write_archive(path: str, splits: list[Split], out: Path, write: WriteSplit) -> None:
    """Write an archive again; `write` writes a member, and says whether it stays."""
    members = {split.member: split for split in splits}
    with out.open("xb") as file:
        if splits[0].archive == "zip":
            _write_zip(path, members, file, write)
        else:
            _write_tar(path, {split.start: split for split in splits}, file, write)


def _write_zip(
    path: str, members: dict[str | None, Split], out: IO[bytes], write: WriteSplit
) -> None:
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(out, "w") as new:
        new.comment = old.comment
        for info in old.infolist():
            split = members.get(info.filename)
            described = os.path.basename(info.filename) in METADATA
            if split is None and not described and not info.is_dir():
                continue
            with tempfile.SpooledTemporaryFile(SPOOLED) as member:
                if split is None:
                    member.write(old.read(info))
                elif not write(split, member):
                    continue
                again = zipfile.ZipInfo(info.filename, info.date_time)
                again.compress_type = info.compress_type
                again.external_attr = info.external_attr
                again.create_system = info.create_system
                again.comment = info.comment
                again.file_size = member.tell()
                member.seek(0)
                with new.open(again, "w") as to:
                    shutil.copyfileobj(member, to)


def _write_tar(
    path: str, members: dict[int, Split], out: IO[bytes], write: WriteSplit
) -> None:
    with (
        tarfile.open(path, "r:", tarinfo=Member, ignore_zeros=True) as old,
        tarfile.open(fileobj=out, mode="w") as new,
    ):
        for info in old:
            split = members.get(info.offset_data) if info.isfile() else None
            described = os.path.basename(info.name) in METADATA
            again = copy.copy(info)
            if info.isdir():
                new.addfile(again)
            elif split is not None or (info.isfile() and described):
                with tempfile.SpooledTemporaryFile(SPOOLED) as member:
                    if split is not None:
                        stays = write(split, member)
                    else:
                        shutil.copyfileobj(old.extractfile(info), member)  # type: ignore[arg-type]
                        stays = True
                    again.size = member.tell()
                    # that of a large file
                    again.pax_headers = {
                        k: v for k, v in info.pax_headers.items() if k != "size"
                    }
                    member.seek(0)
                    if stays:
                        new.addfile(again, member)
