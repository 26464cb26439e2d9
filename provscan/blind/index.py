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

The module contains, in this order: the open index (:class:`BlindIndex`);
descriptions of an index; :func:`open_blind` and :func:`verify` with their checks.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from provscan.blind import kernels
from provscan.blind.keys import KEY_BYTES, kernel_keys, key_check
from provscan.blind.params import BlindParams
from provscan.errors import IndexFormatError, ParameterError
from provscan.index.checks import damaged_ids
from provscan.index.format import (
    MANIFEST,
    SEGMENTS,
    VERSION,
    Manifest,
    check_files,
    read_manifest,
)
from provscan.index.segment.arrays import map_array
from provscan.index.segment.packed import PackedNumbers, open_numbers
from provscan.index.segment.strings import Strings
from provscan.index.segment.tweets import Ids, open_ids
from provscan.kernels.records import frozen
from provscan.readers import Source


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
    counts: PackedNumbers  # The number of tweets of each text.

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
        name.rpartition("/")[2]: info.bytes for name, info in manifest.files().items()
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
        "bytes_per_text": {
            name: round(size / max(1, manifest.texts), 1)
            for name, size in sorted(sizes.items())
        },
    }


def first_fingerprints(lengths: np.ndarray, params: BlindParams) -> np.ndarray:
    """Return where the fingerprints of each text begin and end, int64[n + 1]."""
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
    check_files(path, manifest.files())
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
            first_fingerprints(lengths, params),
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
