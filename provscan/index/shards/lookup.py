"""Look up records in shards as if these were a single segment (docs/format.md).

For a batch of records, each shard is queried once, for the keys that pass the filter of
all shards. A small segment is built from the answers, with texts in the order of a
single segment. In it, the kernels find the same candidates, and truncate the same
look-ups, as in a single segment.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any, Literal, NamedTuple, Protocol

import numpy as np

from provscan.arrays import distinct, numbers_in_ranges
from provscan.index.segment.filters import bloom_filter, mark_bands, new_filter
from provscan.index.segment.join import added_tables
from provscan.index.segment.postings import (
    EXACT,
    SEEDS,
    TableLayout,
    bands_layout,
    sorted_entries,
    table_of,
)
from provscan.index.segment.strings import Strings
from provscan.index.segment.tables import (
    LookupTables,
    Tables,
    variants_of,
)
from provscan.index.texts import LicensedTexts
from provscan.kernels.records import (
    BloomFilter,
    CodeBuffer,
    Postings,
    Seeds,
    SeedTable,
    Sketches,
    TextTable,
    frozen,
)
from provscan.kernels.search.minimizers import TEXT_SHIFT
from provscan.kernels.search.seeding import seeding_scratch, wanted_keys
from provscan.kernels.search.variants import MatchedPlaces, Variants
from provscan.kernels.storage import gather
from provscan.params import IndexParams, SearchLimits

_S32 = np.uint64(32)
_ANY_KEY = frozen(bloom_filter(np.full(2, np.iinfo(np.uint64).max, np.uint64)))
_NO_TEXTS = Strings(np.zeros(0, np.uint8), np.zeros(1, np.int64))


class ShardQuery(NamedTuple):
    """A query for the entries of some keys."""

    kind: Literal["seeds", "bands", "exact"]  # The table.
    keys: np.ndarray  # uint32[n]: the bits of the keys that the table stores.
    limit: int  # The maximum number of entries per key and shard.


class ShardEntries(NamedTuple):
    """The entries that a query found."""

    keys: np.ndarray  # uint32[n]: the keys, as in the query.
    numbers: np.ndarray  # int64[n]: the reader's numbers of the texts.
    values: np.ndarray  # [n, ...]: see ``KeyedTable``.
    living: np.ndarray  # bool[n]: see ``provscan.index.segment.tables.LookupTables``.


class ShardGroup(Protocol):
    """Some shards in this process or in another one."""

    def begin(self, method: str, *arguments: Any) -> Callable[[], Any]:
        """Call a method of :class:`LocalTables`, or of
        :class:`provscan.index.shards.groups.OpenShards`.

        The returned function waits for the result.
        """
        ...


def answers(groups: Sequence[ShardGroup], method: str, *arguments: Any) -> list[Any]:
    """Call a method of all groups at the same time, and return the results."""
    return [
        answer() for answer in [group.begin(method, *arguments) for group in groups]
    ]


class LocalTables:
    """The tables of the shards in this process, and of the segments that were added to
    the index if these can be joined into one.
    """

    def __init__(
        self, texts: LicensedTexts, params: IndexParams, *, with_added: bool = True
    ) -> None:
        tables = [segment.tables for segment in texts.segments]
        shards, rest = tables[: texts.shards], tables[texts.shards :]
        self._tables = shards
        # The filter of all seeds, if the first shard is open.
        self.seed_filter = shards[0].seeds.filter
        # The tables of added segments, if they can't be joined.
        self.others: list[LookupTables] = []
        if with_added:
            before = int(texts.bases[texts.shards])
            added = added_tables(shards[0], rest, before, params, self.seed_filter)
            if len(added) == 1:
                self._tables = [*shards, *added]
                self.seed_filter = added[0].seeds.filter
            else:
                self.others = added

    def begin(self, method: str, *arguments: Any) -> Callable[[], Any]:
        return partial(getattr(self, method), *arguments)

    def entries(self, queries: Sequence[ShardQuery]) -> list[ShardEntries]:
        """Return the first ``limit`` entries of each key in each shard."""
        return [
            self._entries(query.keys.astype(np.uint64) << _S32, query.kind, query.limit)
            for query in queries
        ]

    def _entries(self, keys: np.ndarray, kind: str, limit: int) -> ShardEntries:
        room = gather.Ranges(
            np.empty(len(keys) + 1, np.uint64), *np.empty((2, len(keys) + 1), np.int64)
        )
        parts = []
        for source in self._tables:
            table = keyed_table(source, kind)
            found, count = gather.find_ranges(
                table.postings, table.key_filter, keys, limit, room
            )
            entries = gather.Entries(
                np.empty(count, np.uint64), *np.empty((2, count), np.int64)
            )
            ranges = gather.Ranges(*(part[:found] for part in room))
            gather.copy_entries(table.postings, ranges, entries)
            key, text, entry = entries
            value = table.values[text if table.by_text else entry]
            low = (key >> _S32).astype(np.uint32)
            parts.append(
                ShardEntries(low, source.numbered(text), value, source.are_living(text))
            )
        return ShardEntries(
            *(np.concatenate(columns) for columns in zip(*parts, strict=True))
        )

    def variants(
        self,
        records: CodeBuffer,
        matches: MatchedPlaces,
        limits: SearchLimits,
        room: int,
    ) -> list[tuple[np.ndarray, ...]]:
        """Return five arrays per shard, with one element per variant: the index of the
        match, the start and the number of the stretch
        (:class:`~provscan.kernels.search.variants.Variants`), the reader's number of
        the text, and whether the text is living.
        """
        found = [
            (variants_of(records, matches, source.whole.exact, limits, room), source)
            for source in self._tables
        ]
        return [
            (
                part.match,
                part.start,
                part.stretch,
                source.numbered(part.text),
                source.are_living(part.text),
            )
            for part, source in found
        ]


@dataclass(frozen=True, eq=False)
class ShardTables:
    """The tables of all shards, and of the segments added to the index."""

    groups: tuple[ShardGroup, ...]
    seed_filter: BloomFilter  # The filter of all shards and added segments.
    params: IndexParams
    # Returns canonical texts, given the reader's numbers.
    canonical_texts: Callable[[np.ndarray], Strings]

    @property
    def batch_factor(self) -> int:
        # Each look-up queries all shards, so use larger and fewer batches.
        return 2

    def look_up(
        self, seeds: Seeds, sketches: Sketches, limits: SearchLimits
    ) -> LookupTables:
        """Return a segment of all texts that share a key with the records, without the
        wording of the texts.

        The limits apply to the number of entries that are read for each key.
        """
        wanted = np.empty(int(seeds.bounds[-1]), np.uint32)
        count = wanted_keys(seeds, self._nothing.seeds, seeding_scratch(1), wanted)
        seed_keys = wanted[:count].astype(np.uint64) << _S32
        bands = bands_layout(self.params.bands)
        queries = [
            ShardQuery("seeds", _distinct(seed_keys, SEEDS), limits.seed_places + 1),
            ShardQuery(
                "bands", _distinct(sketches.bands.ravel(), bands), limits.band_texts + 1
            ),
            ShardQuery(
                "exact",
                _distinct(sketches.keys[:, 0].copy(), EXACT),
                limits.whole_candidates,
            ),
        ]
        parts = answers(self.groups, "entries", queries)
        found = [
            ShardEntries(*map(np.concatenate, zip(*results, strict=True)))
            for results in zip(*parts, strict=True)
        ]
        # Put the texts of all entries in the order of a single segment.
        numbers, first, rows = _ranked(np.concatenate([hits.numbers for hits in found]))
        living = np.concatenate([hits.living for hits in found])[first]
        ends = np.cumsum([len(hits.numbers) for hits in found])
        of_seeds, of_bands, of_exact = (
            part.astype(np.uint64) for part in np.split(rows, ends[:2])
        )
        seed_keys, band_keys, exact_keys = (
            hits.keys.astype(np.uint64) << _S32 for hits in found
        )
        bits = np.zeros((len(numbers), 2), np.uint64)
        bits[of_bands] = found[1].values
        return self._segment(
            seed_keys | of_seeds << TEXT_SHIFT | found[0].values,
            band_keys | of_bands,
            exact_keys | of_exact,
            bits,
        )._replace(numbers=numbers, living=_living(living))

    def _segment(
        self,
        seeds: np.ndarray,
        bands: np.ndarray,
        exact: np.ndarray,
        sketches: np.ndarray,
    ) -> LookupTables:
        """Build a segment from entries, uint64, and the sketches of their texts."""
        band_layout, texts = bands_layout(self.params.bands), len(sketches)
        band_filter = new_filter(len(bands) // 2)
        mark_bands(bands, band_layout, band_filter)
        (seed_table, places), (band_table, _), (exact_table, _) = (
            table_of(sorted_entries(entries), layout, texts)
            for entries, layout in (
                (seeds, SEEDS),
                (bands, band_layout),
                (exact, EXACT),
            )
        )
        return frozen(
            LookupTables(
                _NO_TEXTS,
                TextTable(exact_table, band_table, band_filter, sketches),
                SeedTable(seed_table, places, self.seed_filter),
                None,
            )
        )

    @cached_property
    def _nothing(self) -> LookupTables:
        """A segment without texts."""
        none = np.zeros(0, np.uint64)
        return self._segment(none, none, none, none.reshape(0, 2))

    def with_texts(self, segment: LookupTables, *texts: np.ndarray) -> LookupTables:
        """Return the segment with the wording of the given texts; others are empty."""
        chosen = distinct(np.concatenate(texts))
        strings = self.canonical_texts(segment.numbers[chosen])
        offsets = np.zeros(len(segment.numbers) + 1, np.int64)
        offsets[chosen + 1] = np.diff(strings.offsets)
        wording = Strings(strings.text[strings.offsets[0] :], np.cumsum(offsets))
        return segment._replace(texts=frozen(wording))

    def variants(
        self, records: CodeBuffer, matches: MatchedPlaces, limits: SearchLimits
    ) -> tuple[LookupTables, Variants]:
        # Shards may be on other machines, so send only the records that are needed.
        chosen = np.flatnonzero(
            (matches.similarity < 1.0)
            & (matches.similarity >= limits.variant_similarity)
        )
        rows, record = np.unique(matches.record[chosen], return_inverse=True)
        places = MatchedPlaces(record, matches.span[chosen], matches.similarity[chosen])
        room = limits.variants * len(matches.record)
        sent = _some_records(records, rows)
        found = answers(self.groups, "variants", sent, places, limits, room)
        match, start, stretch, number, living = (
            np.concatenate(column)
            for column in zip(*(part for parts in found for part in parts), strict=True)
        )
        # Group the variants by stretch, and apply the limits across all shards.
        order = np.lexsort((number, stretch, start, match))
        match, start, stretch, number, living = (
            column[order] for column in (match, start, stretch, number, living)
        )
        stretches = np.stack([match, start, stretch])
        new = np.any(np.diff(stretches, axis=1, prepend=-1) != 0, axis=0)
        first = np.flatnonzero(new)
        kept = np.arange(len(new)) - first[np.cumsum(new) - 1] < limits.whole_candidates
        kept = np.flatnonzero(kept)[:room]
        numbers, rows, text = np.unique(
            number[kept], return_index=True, return_inverse=True
        )
        segment = self._nothing._replace(
            numbers=numbers, living=_living(living[kept][rows])
        )
        return (
            self.with_texts(segment, np.arange(len(numbers))),
            Variants(chosen[match[kept]], text, start[kept], stretch[kept]),
        )


def _living(texts: np.ndarray) -> np.ndarray | None:
    """Return ``texts``, bool[n], or None if all are True, for a segment's `living`."""
    return None if texts.all() else texts


def shard_tables(texts: LicensedTexts, params: IndexParams) -> tuple[Tables, ...]:
    """Return the tables of shards, which include the added segments if these can be
    joined; otherwise, each added segment has its own tables.
    """
    local = LocalTables(texts, params)
    tables = ShardTables((local,), local.seed_filter, params, texts.canonical_texts)
    return tables, *local.others


def _some_records(records: CodeBuffer, rows: np.ndarray) -> CodeBuffer:
    lengths = np.diff(records.offsets)[rows]
    _, places = numbers_in_ranges(records.offsets[rows], lengths)
    return CodeBuffer(records.codes[places], np.concatenate([[0], np.cumsum(lengths)]))


def _ranked(numbers: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the distinct numbers in ascending order, the index of the first occurrence
    of each, and the place of each of ``numbers`` among them.

    It is ``np.unique`` by radix sort.
    """
    shift = np.uint64(len(numbers).bit_length())
    pairs = numbers.astype(np.uint64) << shift | np.arange(
        len(numbers), dtype=np.uint64
    )
    pairs = sorted_entries(pairs)
    places = (pairs & ((np.uint64(1) << shift) - np.uint64(1))).astype(np.int64)
    ordered = (pairs >> shift).astype(np.int64)
    new = np.diff(ordered, prepend=-1) != 0
    rows = np.empty(len(numbers), np.int64)
    rows[places] = np.cumsum(new) - 1
    return ordered[new], places[new], rows


def _distinct(keys: np.ndarray, layout: TableLayout) -> np.ndarray:
    """Reduce keys to the bits that a table stores, and return the distinct results,
    uint32.
    """
    out = np.empty(len(keys), np.uint64)
    slots = np.zeros(1 << (2 * len(keys)).bit_length(), np.uint64)
    count = gather.collect_distinct(keys, layout.key_bits, slots, out)
    return (out[:count] >> _S32).astype(np.uint32)


class KeyedTable(NamedTuple):
    """A table for one kind of keys (:class:`ShardQuery`)."""

    postings: Postings
    key_filter: BloomFilter  # A filter of its keys.
    # What a look-up returns for an entry: for seeds the code of the place, for bands
    # the sketch of the text; meaningless for ``exact``.
    values: np.ndarray
    by_text: bool = False  # Whether `values` has a row per text, not per entry.


def keyed_table(source: LookupTables, kind: str) -> KeyedTable:
    """Return a segment's table for keys of a kind."""
    whole, seeds = source.whole, source.seeds
    if kind == "seeds":
        return KeyedTable(seeds.postings, _ANY_KEY, seeds.places)
    if kind == "bands":
        return KeyedTable(whole.bands, whole.band_filter, whole.sketches, by_text=True)
    return KeyedTable(whole.exact, _ANY_KEY, whole.exact.entries)
