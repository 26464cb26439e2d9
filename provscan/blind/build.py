"""Build a blind index, in two passes over the texts of a full index.

The first pass computes the keyed hash of each text, by which texts are ordered, and
counts seeds; the second pass chooses the rarest seeds, and computes fingerprints.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import xxhash

from provscan.arrays import Numbers, slices
from provscan.blind import kernels
from provscan.blind.index import BlindIndex, first_fingerprints, open_blind
from provscan.blind.keys import kernel_keys, key_check, read_key
from provscan.blind.params import BlindParams
from provscan.engine import Progress
from provscan.errors import ParameterError
from provscan.index import IndexReader
from provscan.index.folder import changing
from provscan.index.format import Manifest, SegmentInfo
from provscan.index.segment.arrays import write_array_file
from provscan.index.segment.packed import write_numbers
from provscan.index.segment.postings import MAX_TEXTS
from provscan.index.segment.tweets import write_ids
from provscan.indexing.build import build_index as build_full
from provscan.kernels.records import CodeBuffer, frozen
from provscan.params import require_folder
from provscan.readers import Source, source_list
from provscan.unfinished import require_outside

# There are at most 2**COUNTER_BITS counters of seeds.
COUNTER_BITS = 26
# The maximum number of code points in a text.
LONGEST = (1 << 16) - 1


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
        info = SegmentInfo(workspace.name, len(numbers), reader.tweets, "", {})
        written = change.adopt(workspace, info)
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
    reader: IndexReader, numbers: Numbers, folder: Path, key: bytes, params: BlindParams
) -> None:
    keys = kernel_keys(key)
    hashes, lengths, counts = _first_pass(reader, numbers, keys, params)
    order = np.lexsort((lengths, hashes))
    numbers, hashes = numbers[order], hashes[order]
    lengths = lengths[order].astype(np.uint16)
    first = first_fingerprints(lengths, params)
    texts = kernels.BlindTexts(hashes, lengths, np.empty(first[-1], np.uint8), first)
    seeds = _second_pass(reader, numbers, texts, counts, keys, params)
    # Choose the number of buckets so that a bucket has about four entries.
    bits = max(0, len(seeds.hashes).bit_length() - 2)
    starts = np.zeros((1 << bits) + 1, np.uint32)
    entries = np.empty((len(seeds.hashes), 3), np.uint16)
    kernels.fill_table(seeds, bits, starts, entries)
    write_ids(folder, reader.tweet_ids(numbers), np.arange(len(numbers)))
    write_numbers(folder, "tweets", reader.tweet_counts(numbers))
    arrays: dict[str, np.ndarray] = {
        "texts.hashes": hashes,
        "texts.lengths": lengths,
        "texts.fingerprints": texts.fingerprints,
        "seeds.starts": starts,
        "seeds.entries": entries,
    }
    for name, array in arrays.items():
        write_array_file(folder / name, array)


def _first_pass(
    reader: IndexReader, numbers: Numbers, keys: kernels.Keys, params: BlindParams
) -> tuple[npt.NDArray[np.uint32], Numbers, npt.NDArray[np.uint8]]:
    """Return the hash and the length of each text, and the counters of seeds."""
    hashes = np.empty(len(numbers), np.uint32)
    lengths = np.empty(len(numbers), np.int64)
    bits = min(COUNTER_BITS, max(10, (64 * len(numbers)).bit_length()))
    counts = np.zeros(1 << bits, np.uint8)
    room = np.empty(LONGEST + 1, np.uint64)
    for part, texts in _blocks(reader, numbers):
        ranges = np.stack([texts.offsets[:-1], texts.offsets[1:]], axis=1)
        lengths[part] = np.diff(texts.offsets)
        if (lengths[part] > LONGEST).any():
            raise ParameterError(
                f"a blind index takes texts of up to {LONGEST:,} characters, and one "
                "is longer"
            )
        kernels.whole_hashes(texts.codes, ranges, keys.texts, hashes[part])
        kernels.count_seeds(texts, params.seed_length, keys.seeds, counts, room)
    return hashes, lengths, counts


def _second_pass(
    reader: IndexReader,
    numbers: Numbers,
    texts: kernels.BlindTexts,
    counts: npt.NDArray[np.uint8],
    keys: kernels.Keys,
    params: BlindParams,
) -> kernels.ChosenSeeds:
    """Fill the fingerprints of the ordered texts, and return their seeds, sorted."""
    choice = kernels.SeedChoice(
        params.seed_length,
        params.seed_step,
        params.seeds,
        params.frequent_texts,
        params.least_seeds,
        params.common_texts,
    )
    room = np.empty(LONGEST + 1, np.uint64)
    parts = [_seeds(0)]
    for part, codes in _blocks(reader, numbers):
        some = texts._replace(
            hashes=texts.hashes[part],
            lengths=texts.lengths[part],
            fingerprints=texts.fingerprints[:0],
            first=texts.first[part.start : part.stop + 1],
        )
        kernels.fill_fingerprints(
            codes,
            frozen(some),
            params.fingerprints,
            keys.fingerprints,
            texts.fingerprints,
        )
        most = (part.stop - part.start) * max(params.seeds, params.least_seeds)
        seeds = _seeds(most)
        rows = np.arange(part.start, part.stop)
        n = kernels.choose_seeds(codes, rows, choice, keys.seeds, counts, room, seeds)
        parts.append(kernels.ChosenSeeds(*(column[:n].copy() for column in seeds)))
    hashes, entries = map(np.concatenate, zip(*parts, strict=True))
    order = np.lexsort((entries, hashes))
    return kernels.ChosenSeeds(hashes[order], entries[order])


def _seeds(count: int) -> kernels.ChosenSeeds:
    return kernels.ChosenSeeds(np.empty(count, np.uint64), np.empty(count, np.uint64))


def _blocks(
    reader: IndexReader, numbers: Numbers
) -> Iterator[tuple[slice, CodeBuffer]]:
    """Yield the code points of some texts at a time."""
    for part in slices(len(numbers)):
        yield part, frozen(CodeBuffer(*reader.canonical_codes(numbers[part])))
