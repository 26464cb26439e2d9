"""Limit how far a file may expand.

A few hundred bytes can expand to gigabytes of text or to millions of rows. All that is
read from a file counts toward its budget, which
:class:`~provscan.readers.limits.Limits` sets. A file that exceeds it is not read
further, and is reported.
"""

from __future__ import annotations

from provscan.errors import InputError
from provscan.readers.limits import Limits


class ExpansionError(InputError):
    """A file exceeds its budget."""


class Budget:
    """Counts the bytes that were read from a file or a range of it, and the records and
    bytes of text that were produced from them. ``size`` is the number of bytes of the
    file or range, or 0 if unknown.
    """

    def __init__(self, limits: Limits, size: int = 0) -> None:
        self._limits = limits
        self._size = size
        self._taken = self._records = self._bytes = 0

    def take(self, count: int) -> None:
        """Note that bytes of the file were read."""
        self._taken += count

    def spend(self, records: int = 0, size: int = 0) -> None:
        """Note that records, or bytes of their texts, were produced from the file."""
        limits, taken = self._limits, max(self._size, self._taken, 1)
        self._records += records
        self._bytes += size
        require_bounded(self._bytes, taken, limits)
        if self._records > limits.expansion_records + limits.byte_records * taken:
            raise ExpansionError(
                f"it has more than {limits.expansion_records:,} records, and more than "
                f"{limits.byte_records} for each "
                "of its bytes: it is taken for a decompression bomb and not read "
                "further; convert it yourself if it isn't one"
            )


def require_bounded(expanded: int, taken: int, limits: Limits) -> None:
    """Check that the first ``taken`` bytes of a file did not expand too far, to
    ``expanded`` bytes.
    """
    most = max(limits.expansion_bytes, limits.expansion * max(taken, 1))
    if expanded > most:
        raise ExpansionError(
            f"it expands more than {limits.expansion}-fold, beyond "
            f"{limits.expansion_bytes >> 20} MiB: it is taken for a decompression "
            "bomb and not read further; decompress it yourself if it isn't one"
        )


def require_few_fields(fields: int, limits: Limits) -> None:
    """Check the number of columns of a table."""
    if fields > limits.fields:
        raise ExpansionError(
            f"its records have {fields:,} fields, above the limit of "
            f"{limits.fields:,}: keep those that contain texts"
        )
