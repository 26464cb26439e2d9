"""All limits of the readers in one frozen value, which is recorded in ``run.json``.
Tests use smaller limits.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from functools import cache


@dataclass(frozen=True, slots=True)
class Limits:
    chunk: int = 2 << 20  # Number of bytes that are read and decompressed at a time.
    # Maximum number of rows, and of bytes of text, in a batch; a single text may be
    # larger.
    batch_records: int = 16_384
    batch_bytes: int = 4 << 20
    # A larger record is skipped and counted.
    record_bytes: int = 256 << 20
    # Maximum number of records, and of bytes, from which the fields of a file are
    # determined, and whether a spreadsheet rounded the ids of its tweets.
    head_records: int = 1000
    head_bytes: int = 1 << 20
    # Maximum depth of objects and lists that are searched for texts.
    nesting: int = 100
    # A quote in CSV counts as never closed if its value has more lines than this.
    value_lines: int = 10_000
    # The budget of a file (``provscan.readers.bytes.budget``). A file that expands by
    # more than this factor is abandoned once its output has reached
    # ``expansion_bytes``. A file expands if it is decompressed, or if many records
    # repeat a text that is stored once.
    expansion: int = 250
    expansion_bytes: int = 256 << 20
    # A file may have ``expansion_records``, plus ``byte_records`` for each of its
    # bytes.
    expansion_records: int = 1 << 20
    byte_records: int = 16
    # Maximum number of columns in a table, and of values in a JSON object of more than
    # 16 MiB. A table with more is not read; an object with more is skipped and counted.
    fields: int = 10_000

    def as_dict(self) -> dict[str, int]:
        return asdict(self)


@cache
def with_chunk(limits: Limits, chunk: int) -> Limits:
    """Return limits with another ``chunk``; each of many small files asks for them."""
    return replace(limits, chunk=chunk)


LIMITS = Limits()


def current_limits() -> Limits:
    """Return the limits that apply by default."""
    return LIMITS
