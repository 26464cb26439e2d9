"""Groups of shards in several processes, for an index that is larger than the memory or
disk of one machine.

:func:`open_shards` opens the shards of one group. A :class:`GroupReader` scans with all
groups: it queries each group for the keys of the records, chooses candidates from all
results, and requests their texts. Its results are identical to those of an
:class:`~provscan.index.reader.IndexReader`.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from provscan.arrays import evenly_spaced
from provscan.errors import IndexFormatError, ParameterError
from provscan.index import format as index_format
from provscan.index.format import MANIFEST
from provscan.index.opening import open_reader
from provscan.index.reader import IndexReader
from provscan.index.segment.strings import Strings, combined
from provscan.index.segment.tables import Tables
from provscan.index.shards.divide import shards_of
from provscan.index.shards.lookup import (
    LocalTables,
    ShardGroup,
    ShardTables,
    answers,
)
from provscan.kernels.records import BloomFilter, CodeBuffer, frozen
from provscan.kernels.search.variants import MatchedPlaces
from provscan.params import IndexParams, SearchLimits
from provscan.readers import FileStore
from provscan.urls import below
from provscan.writing import temporary_folder

# The method that describes a group. Its result never changes, so it is called once.
CONSTANT_METHOD = "about"


class About(NamedTuple):
    """The description of a group."""

    params: IndexParams  # The parameters of the index.
    size: int  # The upper bound of the numbers of texts, exclusive.
    longest: int  # The number of bytes of the group's longest text.
    seed_filter: BloomFilter | None  # The filter of all shards, from the first group.


class OpenShards(LocalTables):
    """A group of shards, and the segments added to the index, open in this process.

    A text belongs to the group whose shards would contain it if the index were newly
    built. Keys are looked up in added segments only by the group of the first shard.
    """

    def __init__(self, reader: IndexReader) -> None:
        numbers = (segment.info.shard for segment in reader.segments)
        self._shards = [number for number in numbers if number is not None]
        super().__init__(reader, reader.params, with_added=0 in self._shards)
        if self.others:
            raise ParameterError(
                "too many tweets were added to the index to search it in groups of "
                "shards: merge it, or leave out shard_groups"
            )
        self._reader = reader

    def about(self) -> About:
        reader = self._reader
        seed_filter = self.seed_filter if 0 in self._shards else None
        return About(reader.params, reader.size, reader.longest, seed_filter)

    def variants(
        self,
        records: CodeBuffer,
        matches: MatchedPlaces,
        limits: SearchLimits,
        room: int,
    ) -> list[tuple[np.ndarray, ...]]:
        # Arrays from another process are read-only, but the kernels are compiled for
        # writable arrays.
        records = CodeBuffer(*map(np.array, records))
        matches = MatchedPlaces(*map(np.array, matches))
        return super().variants(records, matches, limits, room)

    def about_own(self, method: str, texts: np.ndarray) -> tuple[np.ndarray, Any]:
        """Return the indices of the texts that belong to the group, and the result of
        a method of the reader for these texts.
        """
        own = np.flatnonzero(self._is_own(texts))
        return own, getattr(self._reader, method)(texts[own])

    def require_unchanged(self) -> None:
        self._reader.require_unchanged()

    def _is_own(self, texts: np.ndarray) -> np.ndarray:
        reader = self._reader
        own, first = reader.contains(texts), int(reader.bases[reader.shards])
        added = np.flatnonzero(texts >= first)
        own[added] = self._own_added[texts[added] - first]
        return own

    @cached_property
    def _own_added(self) -> np.ndarray:
        """bool[added texts]: whether the text belongs to the group."""
        reader, shards = self._reader, len(self._reader.manifest.shards)
        parts = [np.zeros(0, np.bool_)]
        for segment in reader.segments[reader.shards :]:
            parts.append(np.isin(shards_of(segment.texts.keys(), shards), self._shards))
        return np.concatenate(parts)


def open_shards(
    path: str,
    shards: Sequence[int],
    *,
    snapshot: str,
    control: str | None = None,
    fetched_from: str | None = None,
) -> OpenShards:
    """Open some shards of an index, and the segments added to it.

    Parameters
    ----------
    snapshot
        The snapshot of the whole index
        (:attr:`~provscan.index.reader.IndexReader.snapshot`).
    control
        The folder of an index of control texts, which are numbered after those of the
        index.
    fetched_from
        The URL of a copy of the index (:class:`provscan.readers.FileStore`), from which
        the files are copied into a temporary folder instead of opening ``path``. They
        are deleted once they are mapped, so the system frees the disk space when the
        process ends for whatever reason.
    """
    with temporary_folder() as copy:
        if fetched_from is not None:
            fetch_shards(fetched_from, shards, copy)
            path = str(copy)
        reader = open_reader(path, check="lengths", snapshot=snapshot, shards=shards)
    if control is not None:
        reader = reader.with_control(open_reader(control, check="lengths"))
    return OpenShards(reader)


def fetch_shards(url: str, shards: Sequence[int], folder: Path) -> None:
    """Copy the manifest of an index, some of its shards, and the segments added to it,
    from ``url`` into a folder, and check them.
    """
    url = url.rstrip("/")
    FileStore(url).get(folder / MANIFEST)
    for info in index_format.read_manifest(folder).segments:
        if info.shard is not None and info.shard not in shards:
            continue
        for name in info.paths():
            place = folder / name
            place.parent.mkdir(parents=True, exist_ok=True)
            FileStore(below(url, os.path.dirname(name))).get(place)
        index_format.check_files(folder, info.paths())


@dataclass(frozen=True, eq=False)
class GroupReader:
    """A reader for scans with groups of shards. It has those methods of
    :class:`~provscan.index.reader.IndexReader` that a scan needs.
    """

    groups: tuple[ShardGroup, ...]

    @cached_property
    def _about(self) -> list[About]:
        return answers(self.groups, CONSTANT_METHOD)

    @property
    def params(self) -> IndexParams:
        return self._about[0].params

    @cached_property
    def longest(self) -> int:
        return max(about.longest for about in self._about)

    @cached_property
    def tables(self) -> tuple[Tables, ...]:
        seed_filter = self._about[0].seed_filter
        assert seed_filter is not None
        return (
            ShardTables(
                self.groups, frozen(seed_filter), self.params, self.canonical_texts
            ),
        )

    def evenly_spaced_texts(self, most: int) -> Strings:
        return self.canonical_texts(evenly_spaced(self._about[0].size, most))

    def canonical_texts(self, texts: np.ndarray) -> Strings:
        return self._strings("canonical_texts", texts)

    def raw_texts(self, texts: np.ndarray) -> Strings:
        return self._strings("raw_texts", texts)

    def tweet_ids(self, texts: np.ndarray) -> Strings:
        return self._strings("tweet_ids", texts)

    def tweet_counts(self, texts: np.ndarray) -> np.ndarray:
        counts = np.zeros(len(texts), np.int64)
        for places, found in self._own("tweet_counts", texts):
            counts[places] = found
        return counts

    @contextlib.contextmanager
    def unchanged(self) -> Iterator[None]:
        """Check after a block of code that no file was changed, even if it fails."""
        try:
            yield
        finally:
            answers(self.groups, "require_unchanged")

    def _own(self, method: str, texts: np.ndarray) -> list[tuple[np.ndarray, Any]]:
        parts = answers(self.groups, "about_own", method, texts)
        if sum(len(places) for places, _ in parts) != len(texts):
            raise IndexFormatError(
                "the shards of the index do not belong together: build it again"
            )
        return parts

    def _strings(self, method: str, texts: np.ndarray) -> Strings:
        parts = self._own(method, texts)
        part_of = np.empty(len(texts), np.int64)
        for number, (places, _) in enumerate(parts):
            part_of[places] = number
        return combined([found for _, found in parts], part_of)
