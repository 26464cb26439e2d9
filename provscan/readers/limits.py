"""All limits of the readers: one frozen value, recorded in ``run.json``, that tests replace by a smaller one."""

from __future__ import annotations

from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """What bounds memory and time while reading.

    Attributes
    ----------
    chunk
        Bytes read, and decompressed, at a time.
    batch_records, batch_bytes
        Rows, and bytes of text, of a batch, unless one text alone is larger.
    piece, overlap
        Code points of a piece of a long text, and how many of them the next piece repeats.
    record_bytes
        A larger record is skipped and counted, in every format but plain text.
    head_records, head_bytes
        Records, and bytes, at the beginning of a file from which its fields are determined.
    nesting
        Depth down to which texts are looked for in objects and lists.
    value_lines
        A quoted CSV value of more lines counts as a quote that was never closed.
    expansion, expansion_bytes
        A compressed file that grows by more than this factor is abandoned once it has grown to so many bytes.
    members
        Files that an archive may hold.
    """

    chunk: int = 2 << 20
    batch_records: int = 16_384
    batch_bytes: int = 4 << 20
    piece: int = 16 << 20
    overlap: int = 64 << 10
    record_bytes: int = 256 << 20
    head_records: int = 1000
    head_bytes: int = 1 << 20
    nesting: int = 8
    value_lines: int = 10_000
    expansion: int = 250
    expansion_bytes: int = 256 << 20
    members: int = 1_000_000

    def as_dict(self) -> dict[str, int]:
        """The limits by name."""
        return asdict(self)


LIMITS = Limits()


def current_limits() -> Limits:
    """The limits that apply where none are given."""
    return LIMITS
