"""JSON lines that are too long to be parsed at once.

A line above LINE_LIMIT (:mod:`provscan.readers.schema`) is read twice. First its outline is made
(:mod:`provscan.readers.outline`); by then it is known whether the line is sound, which of its fields is the text, and
what its id is, be it before the text or behind. Then the text is read again, unescaped bit by bit, and delivered in
pieces. So such a line gives the same record, or is skipped for the same reason, as a short one, except that

- what stands in its lists is not checked, but for strings and brackets;
- fields beyond the first :data:`~provscan.readers.outline.MOST_FIELDS` are not seen;
- an id, author, date or language of more than :data:`~provscan.readers.outline.SHORT` bytes is taken for null.

A file is read again where it lies; of a pipe or a compressed file the line is kept in an unnamed temporary file (in
``$TMPDIR``) until it is delivered.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable, Iterator
from typing import IO, Any

import orjson

from provscan.errors import InputError, OutputError
from provscan.readers.columns import without_surrogates
from provscan.readers.fields import Path
from provscan.readers.outline import LIST, OBJECT, QUOTE, SHORT, BadJSONError, NoObjectError, Value, outline, uncut
from provscan.readers.streams import CHUNK, ByteStream, LongLine


class Repairs:
    """What had to be done to the strings of a record.

    Attributes
    ----------
    replaced
        The first byte that was not UTF-8.
    surrogate
        Whether there was half a pair of surrogates in the text.
    lenient
        Whether strict JSON does not allow what was read.
    """

    def __init__(self) -> None:
        self.replaced: int | None = None
        self.surrogate = False
        self.lenient = False

    def loads(self, data: bytes) -> Any:
        """A value by its JSON, or a ValueError."""
        try:
            return orjson.loads(data)
        except orjson.JSONDecodeError:
            pass
        try:
            text = data.decode()
        except UnicodeDecodeError as error:
            if self.replaced is None:
                self.replaced = data[error.start]
            text = data.decode(errors="replace")
        value = json.loads(text, strict=False)
        self.lenient = True
        return value

    def text(self, data: bytes) -> str:
        """The text that stands between two quotes, or a part of it."""
        text: str = self.loads(b'"%b"' % data)
        if not self.lenient:
            return text
        try:
            text.encode()
        except UnicodeEncodeError:
            self.surrogate = True
            text = without_surrogates(text)
        return text


def unescaped(chunks: Iterable[bytes], repairs: Repairs) -> Iterator[str]:
    """The inside of a JSON string, which comes in chunks, as text."""
    held = b""
    for chunk in chunks:
        data = held + chunk
        stop = _whole(data, uncut(data.replace(b"\\\\", b"__")) if b"\\" in data else len(data))
        held = data[stop:]
        if stop:
            yield repairs.text(data[:stop])
    if held:
        yield repairs.text(held)


def _whole(data: bytes, stop: int) -> int:
    """``stop``, or the place before it where a character begins whose bytes are not all there yet."""
    for back in range(1, min(3, stop) + 1):
        byte = data[stop - back]
        if byte >= 0xC0:
            return stop - back if back < (2 if byte < 0xE0 else 3 if byte < 0xF0 else 4) else stop
        if byte < 0x80:
            return stop
    return stop


class LongRecord:
    """The record that a long line holds; made by reading the line to its end.

    Attributes
    ----------
    number
        Of the line.
    size
        Its bytes.
    fields
        Its outline; None if the line holds no record, is blank, or the stream broke off in it.
    problem
        Why a whole line holds no record: (a reason as :class:`~provscan.readers.ReadStats` counts them, detail).

    Raises
    ------
    OutputError
        The line has to be kept in a temporary file, and can't be.
    """

    def __init__(self, line: LongLine, stream: ByteStream) -> None:
        self.number = line.number
        self.problem: tuple[str, str] | None = None
        self.fields: dict[str, Value] | None = None
        self._kept: IO[bytes] | None = None
        self._start = line.start
        self._stream = stream
        self._source = stream.split.source
        if not stream.rereadable:
            self._kept = _temporary(self._source)
        chunks = iter(line)
        try:
            self.fields = outline(chunks if self._kept is None else self._copied(chunks, self._kept))
        except NoObjectError as error:
            self.problem = "not_an_object", str(error)
        except BadJSONError as error:
            self.problem = "bad_json", str(error)
        for _ in chunks:
            pass
        self.size = line.size
        if not line.whole:
            self.fields = self.problem = None

    def close(self) -> None:
        """Let the temporary file go."""
        if self._kept is not None:
            self._kept.close()

    def __del__(self) -> None:
        self.close()

    def _copied(self, chunks: Iterator[bytes], target: IO[bytes]) -> Iterator[bytes]:
        for chunk in chunks:
            try:
                target.write(chunk)
            except OSError as error:
                raise _no_room(self._source, error) from error
            yield chunk

    def _again(self, start: int, stop: int) -> Iterator[bytes]:
        """Some bytes of the line once more, in chunks."""
        if self._kept is None:
            yield from self._stream.reread(self._start + start, self._start + stop)
            return
        self._kept.seek(start)
        while start < stop and (chunk := self._kept.read(min(CHUNK, stop - start))):
            start += len(chunk)
            yield chunk

    def value(self, path: Path) -> Value | None:
        """Where the value of a field stands."""
        value = None
        fields = self.fields
        for key in path:
            value = fields.get(key) if fields else None
            fields = value.fields if value is not None else None
        return value

    def short(self, value: Value, repairs: Repairs) -> Any:
        """A value; if it has more than SHORT bytes, an empty one of its kind."""
        empty = {QUOTE: "", LIST: [], OBJECT: {}}.get(value.first)
        if empty is not None and value.stop - value.start > SHORT:
            return empty
        data = b"".join(self._again(value.start, value.stop))
        # orjson rounds integers beyond 64 bits to floats.
        return json.loads(data) if empty is None else repairs.loads(data)

    def text(self, value: Value, repairs: Repairs) -> Iterator[str]:
        """A string, bit by bit."""
        try:
            yield from unescaped(self._again(value.start + 1, value.stop - 1), repairs)
        except ValueError as error:
            raise InputError(f"{self._source} was changed while it was read") from error

    def sample(self) -> dict[str, Any]:
        """A small record with the same fields, whose values are empty ones of the same kinds."""
        return _sample(self.fields or {})


def _sample(fields: dict[str, Value]) -> dict[str, Any]:
    kinds: dict[int, Any] = {QUOTE: "", LIST: [], ord("n"): None}
    return {
        key: _sample(value.fields) if value.first == OBJECT else kinds.get(value.first, 0)
        for key, value in fields.items()
    }


def _temporary(source: str) -> IO[bytes]:
    try:
        return tempfile.TemporaryFile(prefix="provscan-")
    except OSError as error:
        raise _no_room(source, error) from error


def _no_room(source: str, error: OSError) -> OutputError:
    return OutputError(
        f"{source}: a very long line can't be kept in the folder for temporary files: {error.strerror or error}. "
        "Name another folder in $TMPDIR, or decompress the file first"
    )
