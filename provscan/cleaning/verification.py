"""Read a written file back, and compare it with the file from which it was made.

Both files are read with other functions than those that wrote the copy: the files of
the standard library and of zstandard for compressed data, ``tarfile`` and ``zipfile``,
and Arrow's readers of whole files. Everything outside of the recorded changes must be
the same, byte for byte, or value for value in tables. At each change, the copy must
contain nothing or the mask. The scan of the result then shows whether the right places
were changed.

:class:`Changes` are recorded while a file is written. :func:`verify_file` compares the
file.
"""

from __future__ import annotations

import bz2
import codecs
import gzip
import io
import json
import os
import shutil
import tarfile
import tempfile
import zipfile
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from itertools import chain
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
import zstandard

from provscan.cleaning.choice import Spans
from provscan.cleaning.files import Input, Task, byte_exact
from provscan.cleaning.masking import SIZED
from provscan.cleaning.rows import (
    ROWS_OF,
    Ahead,
    Different,
    other_rows,
    paired,
    require_equal,
    some_rows,
)
from provscan.errors import OutputError, ProvscanError
from provscan.readers.bytes.archives import Readable
from provscan.readers.bytes.compression import expanded
from provscan.readers.bytes.files import file_checksum
from provscan.readers.bytes.streams import BOM
from provscan.readers.finding import METADATA
from provscan.readers.limits import LIMITS
from provscan.readers.splits import Split

CHUNK = 1 << 20
# Adjacent dropped records are one change of at most about this many bytes.
LARGEST = 1 << 20
# The bytes around the only record of a file, which is removed with the record.
AROUND = b" \t\r\n[]" + BOM


class Changes:
    """The places where a text file was changed, as positions in its UTF-8 bytes."""

    def __init__(self) -> None:
        self._numbers = array("q")

    def add(self, start: int, end: int, size: int) -> None:
        """Record that bytes were replaced by ``size`` others."""
        begin, before, kept = self._numbers[-3:] or (0, -1, 0)
        if not size and not kept and before == start and end - begin <= LARGEST:
            self._numbers[-2] = end
        else:
            self._numbers.extend((start, end, size))

    def __iter__(self) -> Iterator[tuple[int, int, int]]:
        numbers = iter(self._numbers)
        return zip(numbers, numbers, numbers, strict=True)


def verify_file(
    task: Task, out: Path, changes: Mapping[str, Changes], lines: Path
) -> None:
    """Compare a written file with the file from which it was made.

    Parameters
    ----------
    changes
        The changes of each source that is a text.
    lines
        The file of lines that describe the changed or dropped records.

    Raises
    ------
    OutputError
        The files differ in anything but the changes.
    """
    try:
        with lines.open(encoding="utf-8") as described:
            _Comparison(task, changes, map(json.loads, described)).compare(out)
    except (ProvscanError, MemoryError):
        raise
    except Exception as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        why = f"{error}" if isinstance(error, Different) else f"not readable: {error}"
        raise OutputError(
            f"the copy of {task} that was written differs from it ({why}), so no file "
            "was put in its place: repeat the command, and check disk and memory if "
            "that fails again"
        ) from error


class _Comparison:
    def __init__(
        self,
        task: Task,
        changes: Mapping[str, Changes],
        described: Iterator[dict[str, Any]],
    ) -> None:
        self._task, self._changes = task, changes
        self._options, self._described = task.options, described
        self._next = next(described, None)
        # What can be in the place of a change: nothing, or the mask and the quotes that
        # it needs in CSV.
        masks = [""]
        if (mask := self._options.mask) is not None:
            json_ascii, json_utf8 = (
                json.dumps(mask),
                json.dumps(mask, ensure_ascii=False),
            )
            doubled = mask.replace('"', '""')
            masks = [mask, doubled, '"', json_ascii[1:-1], json_utf8[1:-1]]
        self._masks = {each.encode() for each in masks}

    def compare(self, out: Path) -> None:
        task, first = self._task, self._task.inputs[0]
        with ExitStack() as opened:
            after: IO[bytes] | None = None
            if out.exists():
                after = opened.enter_context(out.open("rb"))
            if task.copied is not None:
                if after is None or file_checksum(out) != task.xxh3:
                    raise Different("its checksum differs")
                return
            before: IO[bytes] = opened.enter_context(open(task.path, "rb"))
            if first.split.packed is not None and after is not None:
                before = decompressed(before, first.split.packed)
                after = decompressed(after, first.split.packed)
            if first.split.member is None:
                self._input(first, before, after)
            elif after is None:
                raise Different("it does not exist")
            elif first.split.archive == "zip":
                self._zip(before, after)
            else:
                self._tar(before, after)
        if self._next is not None:
            raise Different("it has other records")

    def _zip(self, before: IO[bytes], after: IO[bytes]) -> None:
        inputs = {each.split.member: each for each in self._task.inputs}
        with zipfile.ZipFile(before) as old, zipfile.ZipFile(after) as new:
            last = {info.filename: info for info in old.infolist()}
            self._members(
                (
                    (
                        info.filename,
                        None if info.is_dir() else partial(old.open, info),
                        inputs.get(info.filename),
                    )
                    for info in old.infolist()
                    if last[info.filename] is info
                ),
                ((info.filename, new.open(info)) for info in new.infolist()),
            )

    def _tar(self, before: IO[bytes], after: IO[bytes]) -> None:
        inputs = {each.split.start: each for each in self._task.inputs}
        with _opened_tar(before) as old, _opened_tar(after) as new:
            self._members(
                (
                    (
                        info.name,
                        None if info.isdir() else partial(old.extractfile, info),
                        inputs.get(info.offset_data),
                    )
                    for info in old
                    if info.isdir() or info.isfile()
                ),
                ((info.name, new.extractfile(info)) for info in new),
            )

    def _members(
        self,
        before: Iterable[tuple[str, Callable[[], Any] | None, Input | None]],
        after: Iterable[tuple[str, IO[bytes] | None]],
    ) -> None:
        """Compare the members of archives. For a folder, ``before`` contains None in
        place of a file."""
        written = iter(after)
        following = next(written, None)
        for name, old, given in before:
            described = os.path.basename(name) in METADATA
            if given is None and old is not None and not described:
                continue  # It was not scanned, and is left out.
            new = None
            if following is not None and following[0] == name:
                new = following[1]
            elif given is None:
                raise Different(f"{name} is missing")
            if given is not None and old is not None:
                self._input(given, old(), new)
            elif old is not None and new is not None:
                _require_same(old(), new)
            if following is not None and following[0] == name:
                following = next(written, None)
        if following is not None:
            raise Different(f"it has another file, {following[0]}")

    def _lines(self, source: str) -> Iterator[dict[str, Any]]:
        """Yield the descriptions of records of a source."""
        while (line := self._next) is not None and line["source"] == source:
            self._next = next(self._described, None)
            yield line

    def _input(self, given: Input, before: IO[bytes], after: IO[bytes] | None) -> None:
        split, lines = given.split, self._lines(given.source)
        if after is None:
            self._removed(_texts(before, split), self._changes[given.source])
        elif not split.size:
            _require_same(io.BytesIO(), after)
        elif split.format in ROWS_OF:
            with (
                _seekable(before, split.compression) as old,
                _seekable(after, split.compression) as new,
            ):
                rows = ROWS_OF[split.format]
                self._rows(rows(old), rows(new), lines)
        else:
            old, new = _texts(before, split), _texts(after, split)
            at = -len(BOM) if old.peek(len(BOM))[: len(BOM)] == BOM else 0
            for start, end, size in self._changes[given.source]:
                _require_same(old, new, start - at)
                at = end
                old.read(end - start)
                if new.read(size) not in self._masks:
                    raise Different(f"something else is at byte {start:,}")
            _require_same(old, new)
        for _ in lines:  # Those of records of a text.
            pass

    def _removed(self, before: IO[bytes], changes: Changes) -> None:
        """Compare a file that was removed as a whole with the changes."""
        at, rest = 0, b""
        data = before.read().removeprefix(BOM)
        for start, end, _ in changes:
            rest += data[at:start]
            at = end
        if (rest + data[at:]).strip(AROUND):
            raise Different("it does not exist")

    def _explain(self, pairs: Sequence[tuple[Any, Any]], spans: Spans) -> None:
        """Check that in each pair of values that differ, the second is the first with
        the spans of one field masked.
        """
        mask = self._options.mask or ""
        fields = [*spans.values()]
        for old, new in pairs:
            if old is new or old == new or (old != old and new != new):
                continue
            for field in fields:
                if isinstance(old, str) and _with_mask(old, field, mask) == new:
                    fields.remove(field)
                    break
            else:
                raise Different("a masked record has other values")
        # A mask may be the same as the span.
        for field in fields:
            if not any(
                isinstance(old, str) and _with_mask(old, field, mask) == old
                for old, _ in pairs
            ):
                raise Different("a span is not masked")

    def _rows(
        self,
        before: Iterator[pa.RecordBatch],
        after: Iterator[pa.RecordBatch],
        lines: Iterator[dict[str, Any]],
    ) -> None:
        written, first, line = Ahead(after), 0, next(lines, None)
        for batch in before:
            listed: dict[int, Spans] = {}
            while line is not None and line["record"] < first + batch.num_rows:
                listed[line["record"] - first] = line["spans"]
                line = next(lines, None)
            first += batch.num_rows
            table = pa.Table.from_batches([batch])
            if self._options.mask is None:
                kept = (
                    some_rows(table, [*listed])
                    if self._options.keep_only
                    else other_rows(table, [*listed])
                )
                require_equal(kept, written.take(kept.num_rows))
                continue
            new = written.take(table.num_rows)
            require_equal(other_rows(table, [*listed]), other_rows(new, [*listed]))
            masked, new = some_rows(table, [*listed]), some_rows(new, [*listed])
            # A scan may have found texts in columns that its plan does not name.
            changed = [
                [column.to_pylist() for column in each.columns]
                for each in (masked, new)
            ]
            for row, spans in enumerate(listed.values()):
                old, other = ([*_leaves([c[row] for c in each])] for each in changed)
                self._explain(paired(old, other), spans)
        written.require_end()
        if line is not None:
            raise Different("it has other rows")


def decompressed(file: IO[bytes], compression: str | None) -> IO[bytes]:
    """Open a file without its compression."""
    if compression is None:
        return file
    if compression == "gzip":
        return gzip.GzipFile(mode="rb", fileobj=file)  # type: ignore[return-value]
    if compression == "bzip2":
        return bz2.BZ2File(file)
    if compression == "zstd":
        reader = zstandard.ZstdDecompressor(max_window_size=1 << 31)
        return reader.stream_reader(file, read_across_frames=True, closefd=False)
    # The file object of the library refuses the padding of xz.
    parts = iter(partial(file.read, CHUNK), b"")
    return io.BufferedReader(Readable(expanded(parts, compression, LIMITS, _broken)))


def _broken(reason: str) -> None:
    raise ValueError(reason)


def _opened_tar(file: IO[bytes]) -> tarfile.TarFile:
    return tarfile.open(fileobj=file, mode="r|", ignore_zeros=True)


def _texts(file: IO[bytes], split: Split) -> io.BufferedReader:
    """Open a file as UTF-8."""
    data = decompressed(file, split.compression)
    chunks = iter(partial(data.read, CHUNK), b"")
    if split.layout.encoding is not None:
        first = next(chunks, b"")
        encoding = byte_exact(split.layout.encoding, first)
        texts = codecs.iterdecode(chain([first], chunks), encoding)
        chunks = (text.encode() for text in texts if text)
    return io.BufferedReader(Readable(chunks), CHUNK)


def _require_same(old: IO[bytes], new: IO[bytes], count: int | None = None) -> None:
    """Check that the next bytes of two files are the same, by default to the end."""
    while count is None or count > 0:
        size = CHUNK if count is None else min(CHUNK, count)
        data = old.read(size)
        if data != new.read(size) or (count is not None and len(data) < size):
            raise Different("bytes outside the findings differ")
        if not data:
            return
        count = None if count is None else count - size


def _text(data: bytes) -> str:
    return data.decode(errors=SIZED)


def _with_mask(text: str, spans: Sequence[Sequence[int]], mask: str) -> str:
    for start, end in reversed(spans):
        text = text[:start] + mask + text[end:]
    return text


def _leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        value = [*value.items()]
    if isinstance(value, list | tuple):
        for inner in value:
            yield from _leaves(inner)
    else:
        yield _text(value) if isinstance(value, bytes) else value


def _seekable(file: IO[bytes], compression: str | None) -> pa.NativeFile:
    """Open a file for random access by Arrow, unpacked if necessary."""
    # The files of an archive have a derived type.
    if compression is None and type(file) is io.BufferedReader:
        return pa.OSFile(file.name)
    with tempfile.NamedTemporaryFile() as copy:
        shutil.copyfileobj(decompressed(file, compression), copy, CHUNK)
        copy.flush()
        return pa.OSFile(copy.name)
