"""The blind index on disk: it finds licensed texts, but contains no text and no hash
that can be recomputed without the key.

Its folder has the layout of an index with one segment; ``notes`` in the manifest
contains a value with which a key is checked. The segment's texts are numbered in the
order of their keyed hashes.

``texts.hashes``, ``texts.lengths``, ``texts.fingerprints``
    uint32[n], uint16[n] (code points), uint8: see :mod:`provscan.blind.kernels`. The
    salted fingerprints are stored text by text.
``seeds.starts``, ``seeds.entries``
    uint32[2**bits + 1] and uint16[m, 3].
``ids.*``
    The id of each text's earliest tweet, as in :mod:`provscan.index.segment.tweets`.
``tweets.words``, ``tweets.blocks``
    The number of tweets of each text, as in :mod:`provscan.index.segment.packed`.

The key, 32 bytes, is in none of these files. Anyone who has both the key and the index
can test guesses: see ``docs/blind.md``.

The module contains, in this order: the keys; the open index (:class:`BlindIndex`);
:func:`build_index`; :func:`open_blind` and :func:`verify` with their checks.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import xxhash

from provscan.arrays import slices
from provscan.blind import kernels
from provscan.blind.params import BlindParams
from provscan.engine import Progress
from provscan.errors import IndexFormatError, ParameterError
from provscan.index.checks import damaged_ids
from provscan.index.folder import changing
from provscan.index.format import (
    MANIFEST,
    SEGMENTS,
    VERSION,
    Manifest,
    check_sizes,
    check_sums,
    read_manifest,
)
from provscan.index.reader import IndexReader
from provscan.index.segment.arrays import map_array, write_array_file
from provscan.index.segment.packed import Numbers, open_numbers, write_numbers
from provscan.index.segment.postings import MAX_TEXTS
from provscan.index.segment.strings import Strings
from provscan.index.segment.tweets import Ids, open_ids, write_ids
from provscan.kernels.records import CodeBuffer, frozen
from provscan.params import require_folder, require_path
from provscan.readers import Source
from provscan.runs.build import build_index as build_full
from provscan.runs.inputs import source_list
from provscan.runs.target import require_outside

KEY_BYTES = 32
# Minimum number of distinct bytes in a key; only one random key in 10**16 has fewer.
FEWEST = 16
# There are at most 2**COUNTER_BITS counters of seeds.
COUNTER_BITS = 26
LONGEST = (1 << 16) - 1


def read_key(path: Source) -> bytes:
    """Read a key from a file that contains 32 bytes or 64 hexadecimal digits."""
    require_path("key", path)
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise ParameterError(
            f"the key {os.fspath(path)} can't be read: {error.strerror}"
        ) from error
    with contextlib.suppress(ValueError):
        if len(content.strip()) == 2 * KEY_BYTES:
            content = bytes.fromhex(content.strip().decode("ascii"))
    if len(content) != KEY_BYTES:
        raise ParameterError(
            f"{os.fspath(path)} is not a key: expected {KEY_BYTES} bytes or "
            f"{2 * KEY_BYTES} hexadecimal digits, found {len(content):,} bytes. Make "
            "one from a source of random bytes"
        )
    if len(set(content)) < FEWEST:
        raise ParameterError(
            f"{os.fspath(path)} is not a key: it has only {len(set(content))} "
            "different bytes, so it can be guessed. Make one from a source of random "
            "bytes"
        )
    return content


def derived(key: bytes, purpose: bytes) -> bytes:
    """Derive 16 bytes from a key for one purpose, with keyed BLAKE2b (RFC 7693)."""
    return hashlib.blake2b(
        purpose, digest_size=16, key=key, person=b"provscan"
    ).digest()


def key_check(key: bytes) -> str:
    """Return the value in the manifest with which a key is checked."""
    return derived(key, b"check").hex()


def kernel_keys(key: bytes) -> kernels.Keys:
    """Derive the keys of seeds, fingerprints and whole texts."""
    # The label of the fingerprints is historical; another label would change the key.
    return frozen(
        kernels.Keys(
            *(
                np.frombuffer(derived(key, purpose), "<u8")
                for purpose in (b"seeds", b"prints", b"texts")
            )
        )
    )


@dataclass(frozen=True, eq=False)
class BlindIndex:
    """An open blind index: its tables, and the tweet ids of its texts."""

    path: Path
    params: BlindParams
    manifest: Manifest
    keys: kernels.Keys
    table: kernels.BlindSeeds
    texts: kernels.BlindTexts
    ids: Ids
    counts: Numbers  # The number of tweets of each text.

    @property
    def size(self) -> int:
        return len(self.texts.hashes)

    @property
    def fingerprint(self) -> str:
        """32 hexadecimal digits, equal for equal tweets, parameters and keys."""
        return self.manifest.fingerprint()

    def tweet_ids(self, texts: np.ndarray) -> Strings:
        return self.ids.take(texts)

    def tweet_counts(self, texts: np.ndarray) -> np.ndarray:
        return self.counts.take(texts)

    def info(self) -> dict[str, Any]:
        """Return a description of the index in JSON types."""
        return _described(self.path, self.manifest)


def is_blind(path: Source) -> bool:
    """Return whether a folder is a blind index, damaged or not.

    Parameters
    ----------
    path
        Any folder.

    Returns
    -------
    bool
    """
    try:
        found = json.loads((Path(path) / MANIFEST).read_bytes())
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(found, dict) and found.get("format") == BlindParams.format


def info(path: Source) -> dict[str, Any]:
    """Return a description of a blind index, without its key.

    Parameters
    ----------
    path
        The index's folder.

    Returns
    -------
    dict
        As for :meth:`BlindIndex.info`.
    """
    return _described(Path(path), read_manifest(Path(path), BlindParams))


def _described(path: Path, manifest: Manifest) -> dict[str, Any]:
    sizes = {
        name.rpartition("/")[2]: size for name, (size, _) in manifest.files().items()
    }
    return {
        "path": str(path),
        "blind": True,
        "version": VERSION,
        "generation": manifest.generation,
        "fingerprint": manifest.fingerprint(),
        "params": manifest.params.as_dict(),
        "texts": manifest.texts,
        "tweets": manifest.tweets,
        "bytes": sum(sizes.values()),
        "bytes_a_text": {
            name: round(size / max(1, manifest.texts), 1)
            for name, size in sorted(sizes.items())
        },
    }


def build_index(
    sources: Source | Sequence[Source] | object,
    out: Source,
    *,
    key: Source,
    text_field: str | None = None,
    id_field: str | None = None,
    author_field: str | None = None,
    date_field: str | None = None,
    delimiter: str | None = None,
    encoding: str | None = None,
    fix_encoding: bool = False,
    allow_unread: bool = False,
    workers: int | None = None,
    overwrite: bool = False,
    log: Source | None = None,
    progress: Progress | None = None,
) -> BlindIndex:
    """Build a blind index, with which others can scan their data.

    During the build, a full index exists next to it in a hidden folder. Tweets can't be
    added to a blind index: build it again.

    Parameters
    ----------
    key
        File with the key of the index, 32 random bytes or 64 hexadecimal digits. The
        key is needed to open the index, and is not stored in it.
    sources, out, text_field, id_field, author_field, date_field, delimiter, encoding,\
    fix_encoding, allow_unread, workers, overwrite, log, progress
        As for :func:`provscan.build_index`.

    Returns
    -------
    BlindIndex

    Raises
    ------
    ParameterError
        The key can be guessed or can't be read, there are too many texts, or a text is
        too long.

    Examples
    --------
    >>> import provscan.blind
    >>> from pathlib import Path
    >>> _ = Path("key").write_bytes(bytes(range(32)))
    >>> index = provscan.blind.build_index(
    ...     [{"id": "1", "text": "the only tweet of this corpus"}], "b.index", key="key"
    ... )
    >>> index.info()["texts"]
    1
    """
    require_folder("out", out)
    target, secret = Path(out), read_key(key)
    require_outside(target, source_list(sources) or [])
    with changing(target, "replace" if overwrite else "create", BlindParams) as change:
        place, workspace = change.workspace(), change.workspace()
        reader = build_full(
            sources,
            place,
            text_field=text_field,
            id_field=id_field,
            author_field=author_field,
            date_field=date_field,
            delimiter=delimiter,
            encoding=encoding,
            fix_encoding=fix_encoding,
            allow_unread=allow_unread,
            workers=workers,
            log=log,
            progress=progress,
        ).reader
        numbers = np.flatnonzero(
            reader.same_text(np.arange(reader.size)) == np.arange(reader.size)
        )
        if len(numbers) > MAX_TEXTS:
            raise ParameterError(
                f"a blind index can contain at most {MAX_TEXTS:,} texts, not "
                f"{len(numbers):,}: build several indexes"
            )
        workspace.mkdir()
        params = BlindParams()
        _write_files(reader, numbers, workspace, secret, params)
        shutil.rmtree(place)
        written = change.adopt(workspace, len(numbers), reader.tweets, "")
        sums = " ".join(file.xxh3 for file in written.files.values())
        # The digest of the segment is made from the checksums of its files.
        segment = replace(written, digest=xxhash.xxh3_128_hexdigest(sums.encode()))
        change.commit(
            Manifest(
                params,
                (segment,),
                len(numbers),
                reader.tweets,
                change.generation,
                notes={"key_check": key_check(secret)},
            )
        )
    return open_blind(target, secret)


def _write_files(
    reader: IndexReader,
    numbers: np.ndarray,
    folder: Path,
    key: bytes,
    params: BlindParams,
) -> None:
    keys = kernel_keys(key)
    hashes = np.empty(len(numbers), np.uint32)
    lengths = np.empty(len(numbers), np.int64)
    counts = np.zeros(
        1 << min(COUNTER_BITS, max(10, (64 * len(numbers)).bit_length())), np.uint8
    )
    room = np.empty(LONGEST + 1, np.uint64)
    for low, texts in _blocks(reader, numbers):
        ranges = np.stack([texts.offsets[:-1], texts.offsets[1:]], axis=1)
        lengths[low : low + len(ranges)] = np.diff(ranges, axis=1)[:, 0]
        if (lengths[low : low + len(ranges)] > LONGEST).any():
            raise ParameterError(
                f"a blind index takes texts of up to {LONGEST:,} characters, and one "
                "is longer"
            )
        kernels.whole_hashes(
            texts.codes, ranges, keys.texts, hashes[low : low + len(ranges)]
        )
        kernels.count_seeds(texts, params.seed_length, keys.seeds, counts, room)
    order = np.lexsort((lengths, hashes))
    numbers = numbers[order]
    hashes = hashes[order]
    lengths = lengths[order].astype(np.uint16)
    first = _first_fingerprints(lengths, params)
    fingerprints = np.empty(first[-1], np.uint8)
    choice = kernels.SeedChoice(
        params.seed_length,
        params.seed_step,
        params.seeds,
        params.frequent_texts,
        params.least_seeds,
        params.common_texts,
    )
    parts = []
    for low, texts in _blocks(reader, numbers):
        high = low + len(texts.offsets) - 1
        part = kernels.BlindTexts(
            hashes[low:high], lengths[low:high], fingerprints[:0], first[low : high + 1]
        )
        kernels.fill_fingerprints(
            texts, frozen(part), params.fingerprints, keys.fingerprints, fingerprints
        )
        seeds = np.empty(
            ((high - low) * max(params.seeds, params.least_seeds), 2), np.uint64
        )
        n = kernels.choose_seeds(
            texts, np.arange(low, high), choice, keys.seeds, counts, room, seeds
        )
        parts.append(seeds[:n].copy())
    seeds = np.concatenate(parts) if parts else np.empty((0, 2), np.uint64)
    seeds = seeds[np.lexsort((seeds[:, 1], seeds[:, 0]))]
    # Choose the number of buckets so that a bucket has about four entries.
    bits = max(0, len(seeds).bit_length() - 2)
    starts = np.zeros((1 << bits) + 1, np.uint32)
    entries = np.empty((len(seeds), 3), np.uint16)
    kernels.fill_table(seeds, bits, starts, entries)
    write_ids(folder, reader.tweet_ids(numbers), np.arange(len(numbers)))
    write_numbers(folder, "tweets", reader.tweet_counts(numbers))
    arrays: dict[str, np.ndarray] = {
        "texts.hashes": hashes,
        "texts.lengths": lengths,
        "texts.fingerprints": fingerprints,
        "seeds.starts": starts,
        "seeds.entries": entries,
    }
    for name, array in arrays.items():
        write_array_file(folder / name, array)


def _blocks(
    reader: IndexReader, numbers: np.ndarray
) -> Iterator[tuple[int, CodeBuffer]]:
    for part in slices(len(numbers)):
        yield part.start, frozen(CodeBuffer(*reader.canonical_codes(numbers[part])))


def _first_fingerprints(lengths: np.ndarray, params: BlindParams) -> np.ndarray:
    """Return the places at which the fingerprints of each text begin, int64[n + 1]."""
    grams = np.maximum(lengths.astype(np.int64) - kernels.GRAM + 1, 1)
    # One in every ``step`` 5-grams has a fingerprint, as in
    # ``kernels.fingerprint_step``.
    step = -(-grams // params.fingerprints)
    return np.concatenate([[0], np.cumsum(-(-grams // step))])


def open_blind(path: Source, key: bytes) -> BlindIndex:
    """Check every byte of a blind index, and open it."""
    folder = Path(path)
    manifest = read_manifest(folder, BlindParams)
    if manifest.notes.get("key_check") != key_check(key):
        raise ParameterError(
            f"the key is not that of {folder}: use the key that it was built with"
        )
    return _opened(folder, manifest, key)


def verify(path: Source) -> dict[str, Any]:
    """Check every byte of a blind index, without its key.

    The sketches can't be rebuilt without the texts, so this finds damage, but not
    sketches that were forged together with their checksums.

    Parameters
    ----------
    path
        The index's folder.

    Returns
    -------
    dict
        A description of what was checked.

    Raises
    ------
    IndexFormatError
        There is no blind index, or it is damaged; the message names the file.
    """
    folder = Path(path)
    manifest = read_manifest(folder, BlindParams)
    # Only look-ups depend on the key, so any key can be used here.
    found = _opened(folder, manifest, bytes(KEY_BYTES)).info()
    names = ("generation", "fingerprint", "bytes", "texts", "tweets")
    return {
        "index": str(folder),
        "blind": True,
        "files": len(manifest.files()),
        **{name: found[name] for name in names},
    }


def _opened(path: Path, manifest: Manifest, key: bytes) -> BlindIndex:
    check_sizes(path, manifest.files())
    check_sums(path, manifest.files())
    params = manifest.params
    if not isinstance(params, BlindParams) or len(manifest.segments) != 1:
        raise IndexFormatError(
            f"{path} is not a blind index, which has exactly one segment: ask for a "
            "new copy of the index"
        )
    folder = path / SEGMENTS / manifest.segments[0].name
    try:
        lengths = map_array(folder / "texts.lengths", np.uint16)
        starts = map_array(folder / "seeds.starts", np.uint32)
        texts = kernels.BlindTexts(
            map_array(folder / "texts.hashes", np.uint32),
            lengths,
            map_array(folder / "texts.fingerprints", np.uint8),
            _first_fingerprints(lengths, params),
        )
        table = kernels.BlindSeeds(
            starts,
            map_array(folder / "seeds.entries", np.uint16, 3),
            (len(starts) - 1).bit_length() - 1,
        )
        ids = open_ids(folder, len(lengths))
        counts = open_numbers(folder, "tweets", len(lengths))
    except OSError as error:
        raise IndexFormatError(
            f"{error.filename} is missing: ask for a new copy of the index"
        ) from error
    index = BlindIndex(
        path,
        params,
        manifest,
        kernel_keys(key),
        frozen(table),
        frozen(texts),
        ids,
        counts,
    )
    for name, problem in _problems(index):
        raise IndexFormatError(
            f"{folder / name} is damaged: {problem}. Ask for a new copy of the index"
        )
    return index


def _problems(index: BlindIndex) -> Iterator[tuple[str, str]]:
    """Yield the files that contradict other files, with the reason."""
    texts, table = index.texts, index.table
    count = len(texts.hashes)
    if count != index.manifest.texts or not np.all(
        texts.hashes[:-1] <= texts.hashes[1:]
    ):
        yield (
            "texts.hashes",
            "its hashes do not ascend, or their number is not that of the texts",
        )
    if len(texts.lengths) != count or (texts.lengths == 0).any():
        yield "texts.lengths", "a text has no length"
    if texts.first[-1] != len(texts.fingerprints):
        yield "texts.fingerprints", "its size does not fit the lengths of the texts"
    starts = table.starts
    if table.bits < 0 or table.bits > 32 or len(starts) != (1 << table.bits) + 1:
        yield "seeds.starts", f"{len(starts):,} is not a valid number of buckets"
    if (
        starts[0] != 0
        or starts[-1] != len(table.entries)
        or not np.all(starts[:-1] <= starts[1:])
    ):
        yield "seeds.starts", "its buckets do not cover the entries"
    if kernels.highest_text(table.entries) >= count:
        yield "seeds.entries", "an entry names a text that does not exist"
    yield from damaged_ids(index.ids)
    if index.counts.all().min(initial=1) < 1:
        yield "tweets.blocks", "a text has no tweet"
