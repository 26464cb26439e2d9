"""Compact columns of a segment with fast access to any row: numbers, and texts in
compressed blocks.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import zstandard

from provscan.arrays import PART, slices
from provscan.index.format import damage
from provscan.index.segment.arrays import map_array, write_array
from provscan.index.segment.strings import Strings
from provscan.kernels.records import read_only
from provscan.kernels.storage import packing

# The number of texts per block. Larger blocks take less space, but reading a text takes
# longer.
BLOCK = 16
# Texts are compressed in slices, and a block must not extend over two slices.
assert PART % BLOCK == 0
# Before a block of more bytes is decompressed, the size that its frame states is
# compared with the size of its texts.
LARGE = 1 << 16
COMPRESSION = 2  # Zstandard's level.
# The extension of the file with the compressed blocks.
FRAMES = f"zstd{''.join(map(str, zstandard.ZSTD_VERSION))}"
DICTIONARY_BYTES = 112 << 10
# The approximate number of texts with which a dictionary is trained. If they have fewer
# than SAMPLE_BYTES bytes, no dictionary is used.
SAMPLE = 1 << 14
SAMPLE_BYTES = 1 << 20
# The parameters k and d of the trainer. If it chose them itself, training would take
# five times as long and save no space.
TRAINER_K, TRAINER_D = 64, 8


class PackedNumbers(NamedTuple):
    """A column of int64 in blocks; see :mod:`provscan.kernels.storage.packing`."""

    words: np.ndarray  # ``X.words``, uint64.
    blocks: np.ndarray  # ``X.blocks``, int64[m, 2].
    rows: int

    def __len__(self) -> int:
        return self.rows

    def take(self, rows: np.ndarray) -> np.ndarray:
        out = np.empty(len(rows), np.int64)
        rows = read_only(np.ascontiguousarray(rows, np.int64))
        packing.unpack(read_only(self.words), read_only(self.blocks), rows, out)
        return out

    def all(self) -> np.ndarray:
        return self.take(np.arange(self.rows))


def pack_numbers(numbers: np.ndarray) -> PackedNumbers:
    numbers = np.ascontiguousarray(numbers, np.int64)
    blocks = np.empty((-(-len(numbers) // packing.BLOCK), 2), np.int64)
    words = np.zeros(packing.measure(numbers, blocks), np.uint64)
    packing.pack(numbers, blocks, words)
    return PackedNumbers(words, blocks, len(numbers))


def sliced(numbers: np.ndarray, rows: np.ndarray | None = None) -> Iterator[np.ndarray]:
    """Yield an array, or some of its rows, in slices."""
    for part in slices(len(numbers if rows is None else rows)):
        yield numbers[part] if rows is None else numbers[rows[part]]


def running_totals(parts: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    """Yield 0 and the running totals of the numbers in all parts."""
    total = np.zeros(1, np.int64)
    yield total
    for part in parts:
        sums = total[-1] + np.cumsum(part, dtype=np.int64)
        yield sums
        total = sums if len(sums) else total


def write_numbers(folder: Path, name: str, parts: Iterable[np.ndarray]) -> None:
    """Write a column of numbers, which come in parts of any size."""
    waiting, words = np.zeros(0, np.int64), 0

    def write(numbers: np.ndarray) -> None:
        nonlocal words
        column = pack_numbers(numbers)
        column.blocks[:, 1] += words << 8
        write_array(word_file, column.words)
        write_array(block_file, column.blocks)
        words += len(column.words)

    with (
        (folder / f"{name}.words").open("wb") as word_file,
        (folder / f"{name}.blocks").open("wb") as block_file,
    ):
        for part in parts:
            waiting = np.concatenate([waiting, part])
            full = len(waiting) // packing.BLOCK * packing.BLOCK
            write(waiting[:full])
            waiting = waiting[full:]
        write(waiting)


def open_numbers(folder: Path, name: str, count: int) -> PackedNumbers:
    """Map a column of `count` numbers. Raise an error if there are gaps or overlaps
    between the words of its blocks.
    """
    path = folder / f"{name}.blocks"
    column = PackedNumbers(
        map_array(folder / f"{name}.words", np.uint64),
        map_array(path, np.int64, 2),
        count,
    )
    widths = packing.WORDS_A_BIT * (column.blocks[:, 1] & 127)
    starts = np.cumsum(widths) - widths
    if not (
        len(column.blocks) == -(-count // packing.BLOCK)
        and np.all(widths <= 64 * packing.WORDS_A_BIT)
        and np.all(column.blocks[:, 1] >> 8 == starts)
        and len(column.words) == widths.sum()
    ):
        raise damage(path, "its blocks do not fit its words")
    return column


class PackedStrings(NamedTuple):
    """Texts in compressed blocks of :data:`BLOCK`.

    ``X.zstdV`` contains the blocks. Each is a Zstandard frame of concatenated texts. V
    is the version of Zstandard that wrote them, since other versions write other bytes.
    ``X.dictionary`` is Zstandard's dictionary for them; it may be empty. The column
    ``X`` lists the start of each text in the uncompressed data, and the end of the last
    text; ``X_blocks`` contains the same for the blocks in ``X.zstdV``.
    """

    path: Path  # ``X.zstdV``, for messages.
    compressed: np.ndarray  # The bytes of that file, uint8.
    dictionary: zstandard.ZstdCompressionDict | None  # None if it is empty.
    offsets: PackedNumbers  # The column ``X``.
    blocks: PackedNumbers  # The column ``X_blocks``.

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def take(self, rows: np.ndarray) -> Strings:
        blocks, where = np.unique(rows // BLOCK, return_inverse=True)
        # Compute the sizes of all texts in these blocks.
        starts = np.minimum(blocks[:, None] * BLOCK + np.arange(BLOCK + 1), len(self))
        sizes = np.diff(
            self.offsets.take(starts.reshape(-1)).reshape(starts.shape), axis=1
        )
        offsets = np.concatenate([[0], np.cumsum(sizes)])
        text = self._decompressed(blocks, sizes.sum(axis=1))
        found = Strings(np.frombuffer(text, np.uint8), offsets).take(
            where.reshape(-1) * BLOCK + rows % BLOCK
        )
        try:
            found.array().validate(full=True)
        except pa.ArrowInvalid:
            raise damage(self.path, "its text is not valid UTF-8") from None
        return found

    def _decompressed(self, blocks: np.ndarray, sizes: np.ndarray) -> bytes:
        """Return the texts of some blocks, whose sizes in bytes are `sizes`."""
        blocks, sizes = blocks[sizes > 0], sizes[sizes > 0].astype(np.uint64)
        if len(blocks) == 0:
            return b""
        begins, ends = self.blocks.take(blocks), self.blocks.take(blocks + 1)
        decompressor = zstandard.ZstdDecompressor(dict_data=self.dictionary)
        try:
            # A damaged offset must not cause a huge allocation of memory.
            for large in np.flatnonzero(sizes > LARGE):
                if (
                    zstandard.frame_content_size(
                        self.compressed[begins[large] : ends[large]].data
                    )
                    != sizes[large]
                ):
                    raise damage(self.path, "a block has another size than its texts")
            frames = np.stack([begins, ends - begins], axis=1).astype(np.uint64)
            source = zstandard.BufferWithSegments(
                self.compressed.data, frames.tobytes()
            )
            texts: Any = decompressor.multi_decompress_to_buffer(
                source, decompressed_sizes=sizes.tobytes()
            )
            return b"".join(texts)
        except (zstandard.ZstdError, ValueError) as error:
            raise damage(
                self.path,
                "a block has another size than its texts, or can't be decompressed "
                f"({error})",
            ) from None


def write_packed_strings(
    folder: Path, name: str, strings: Strings, rows: np.ndarray
) -> None:
    trained = _dictionary(strings, rows)
    (folder / f"{name}.dictionary").write_bytes(trained.as_bytes() if trained else b"")
    compressor = zstandard.ZstdCompressor(
        COMPRESSION, dict_data=trained, write_checksum=False, write_dict_id=False
    )
    sizes: list[int] = []
    with (folder / f"{name}.{FRAMES}").open("wb") as file:
        for some_rows in slices(len(rows)):
            part = strings.take(rows[some_rows])
            begins = part.offsets[:-1:BLOCK]
            blocks = np.stack(
                [begins, np.diff(begins, append=part.offsets[-1:])], axis=1
            ).astype(np.uint64)
            source = zstandard.BufferWithSegments(part.text.data, blocks.tobytes())
            # Compress all blocks in one call, during which other threads can run.
            made = compressor.multi_compress_to_buffer(source, threads=1)
            frames = [made[number].tobytes() for number in range(len(made))]
            sizes += map(len, frames)
            file.write(b"".join(frames))
    write_numbers(folder, f"{name}_blocks", running_totals([np.array(sizes, np.int64)]))
    lengths = (
        strings.offsets[rows[part] + 1] - strings.offsets[rows[part]]
        for part in slices(len(rows))
    )
    write_numbers(folder, name, running_totals(lengths))


def open_packed_strings(folder: Path, name: str, count: int) -> PackedStrings:
    path = next(folder.glob(f"{name}.zstd*"), folder / f"{name}.{FRAMES}")
    trained = (folder / f"{name}.dictionary").read_bytes()
    return PackedStrings(
        path,
        map_array(path, np.uint8),
        zstandard.ZstdCompressionDict(trained) if trained else None,
        open_numbers(folder, name, count + 1),
        open_numbers(folder, f"{name}_blocks", -(-count // BLOCK) + 1),
    )


def _dictionary(
    strings: Strings, rows: np.ndarray
) -> zstandard.ZstdCompressionDict | None:
    """Train a dictionary with evenly spaced texts; None if they have too few bytes."""
    chosen = strings.take(np.ascontiguousarray(rows[:: max(1, len(rows) // SAMPLE)]))
    samples: list[bytes | bytearray | memoryview] = [
        chosen.text[low:high].tobytes()
        for low, high in pairwise(chosen.offsets[::BLOCK].tolist())
    ]
    if sum(map(len, samples)) < SAMPLE_BYTES:
        return None
    return zstandard.train_dictionary(
        DICTIONARY_BYTES, samples, k=TRAINER_K, d=TRAINER_D, level=COMPRESSION
    )
