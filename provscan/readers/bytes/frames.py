"""Splits of compressed files that consist of several frames, such as the archives of a
web crawl or the output of parallel compressors.

All frames are decompressed once to count their records. A file is cut only after a
frame that ends with a record, so that each split can be read separately. A file whose
frames are too large is not cut.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from provscan.readers.bytes.budget import ExpansionError, require_growth
from provscan.readers.bytes.compression import BROKEN, COMPRESSIONS, decoder_of
from provscan.readers.bytes.files import open_file
from provscan.readers.limits import Limits
from provscan.readers.splits import Split
from provscan.urls import is_remote

Records = Callable[[bytes], int | None]
# A file is not cut if a frame is larger than this, compressed or decompressed.
MOST_COMPRESSED, MOST = 16 << 20, 64 << 20


def frame_ranges(
    whole: Split, target: int, records: Records, limits: Limits
) -> Iterator[Split]:
    """Yield ranges of about ``target`` bytes of a file, or the whole file if it can't
    be cut.

    ``records`` returns the number of records in a frame, or None for a frame that ends
    within a record.
    """
    found = (
        list(_ranges(whole, target, records, limits))
        if _cuttable(whole, target)
        else []
    )
    if len(found) < 2:
        yield whole
        return
    for part, (start, end, first) in enumerate(found):
        yield replace(
            whole, start=start, end=end, first_record=first, size=end - start, part=part
        )


def _cuttable(whole: Split, target: int) -> bool:
    plain = whole.layout.encoding is None and not whole.layout.cr
    local = whole.archive is None and not is_remote(whole.path)
    known = COMPRESSIONS.get(whole.compression or "")
    framed = known is not None and known.framed
    return framed and plain and local and whole.size > target


def _ranges(
    whole: Split, target: int, records: Records, limits: Limits
) -> Iterator[tuple[int, int, int]]:
    start = first = 0
    count: int | None = 0
    for end, data in _frames(whole, limits):
        added = records(data) if data else 0
        count = None if added is None or count is None else count + added
        if count is None:
            break
        if end - start >= target and end < whole.size:
            yield start, end, first
            start, first, count = end, first + count, 0
    yield start, whole.size, first


def _frames(whole: Split, limits: Limits) -> Iterator[tuple[int, bytes]]:
    """Yield the end and the decompressed bytes of each frame, up to the first frame
    that is too large, damaged or a decompression bomb.
    """
    assert whole.compression is not None
    at, taken, size, given = 0, 0, 0, 0
    parts: list[bytes] = []
    decoder = decoder_of(whole.compression)
    with open_file(whole.path) as file:
        while raw := file.read(COMPRESSIONS[whole.compression].step):
            at += len(raw)
            while raw:
                try:
                    parts.append(decoder.decompress(raw))
                    given += len(parts[-1])
                    require_growth(given, at, limits)
                except (*BROKEN, ExpansionError):
                    return
                rest = decoder.unused_data if decoder.eof else b""
                taken += len(raw) - len(rest)
                size += len(parts[-1])
                raw = rest
                if decoder.eof:
                    yield at - len(raw), b"".join(parts)
                    parts = []
                    taken = 0
                    size = 0
                    decoder = decoder_of(whole.compression)
                if taken > MOST_COMPRESSED or size > MOST:
                    return
