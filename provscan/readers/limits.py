"""All limits of the readers: one frozen value, recorded in ``run.json``, that tests
replace by a smaller one.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    chunk: int = 2 << 20  # Bytes read, and decompressed, at a time.
    # Rows, and bytes of text, of a batch, unless one text alone is larger.
    batch_records: int = 16_384
    batch_bytes: int = 4 << 20
    # Code points of a piece of a long text, and how many of them the next piece
    # repeats.
    piece: int = 16 << 20
    overlap: int = 64 << 10
    record_bytes: int = (
        256 << 20
    )  # A larger record is skipped and counted, in every format but plain text.
    # Records, and bytes, at the beginning of a file from which its fields are
    # determined.
    head_records: int = 1000
    head_bytes: int = 1 << 20
    nesting: int = 100  # Depth down to which texts are looked for in objects and lists.
    # A quoted CSV value of more lines counts as a quote that was never closed.
    value_lines: int = 10_000
    # The budget of a file (`provscan.readers.bytes.budget`). A file that grows by more
    # than this factor is abandoned once it has grown to `expansion_bytes`, either by
    # decompression or because many records repeat a text that is stored once.
    expansion: int = 250
    expansion_bytes: int = 256 << 20
    # Records that any file may give, and how many more for each of its bytes.
    expansion_records: int = 1 << 20
    byte_records: int = 16
    # Columns of a table, one of more is not read; values of an object of JSON, one of
    # more is skipped and counted.
    fields: int = 10_000
    # Time of a processor that a reader may spend without a record or a byte of the
    # file.
    idle_seconds: int = 5
    members: int = 1_000_000  # Maximum number of files in an archive.

    def as_dict(self) -> dict[str, int]:
        return asdict(self)


LIMITS = Limits()


def current_limits() -> Limits:
    """The limits that apply where none are given."""
    return LIMITS
