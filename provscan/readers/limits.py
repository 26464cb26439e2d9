"""All limits of the readers, in one frozen value that is recorded in ``run.json`` and
that tests replace by smaller limits.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    chunk: int = 2 << 20  # Bytes read, and decompressed, at a time.
    # Maximum rows, and bytes of text, of a batch, unless a single text is larger.
    batch_records: int = 16_384
    batch_bytes: int = 4 << 20
    # Code points in a piece of a long text, and the number of them that the next piece
    # repeats.
    piece: int = 16 << 20
    overlap: int = 64 << 10
    record_bytes: int = (
        256 << 20
    )  # A larger record is skipped and counted, in every format but plain text.
    # Maximum records, and bytes, from which the fields of a file are determined.
    head_records: int = 1000
    head_bytes: int = 1 << 20
    # Maximum depth of objects and lists in which texts are searched.
    nesting: int = 100
    # The quote of a CSV value of more lines than this counts as never closed.
    value_lines: int = 10_000
    # The budget of a file (``provscan.readers.bytes.budget``). A file that expands by
    # more than this factor is abandoned once its output has reached
    # ``expansion_bytes``. Expansion is decompression, or many records that repeat a
    # text that is stored once.
    expansion: int = 250
    expansion_bytes: int = 256 << 20
    # Records that any file may have, and additional records for each of its bytes.
    expansion_records: int = 1 << 20
    byte_records: int = 16
    # Maximum columns of a table, else it is not read; and maximum values of a JSON
    # object, else it is skipped and counted.
    fields: int = 10_000
    # Processor seconds that a reader may spend without reading a byte or a record.
    idle_seconds: int = 5
    members: int = 1_000_000  # Maximum number of files in an archive.

    def as_dict(self) -> dict[str, int]:
        return asdict(self)


LIMITS = Limits()


def current_limits() -> Limits:
    """Return the limits that apply by default."""
    return LIMITS
