"""Corpora and datasets -> Arrow record batches, with counts of what could not be read.

:func:`plan` turns what the user names (files, folders, the standard input) into a list of :class:`Split`;
:func:`read` turns one split into record batches in :data:`SCHEMA`; :func:`read_objects` does so with what is in
memory. :class:`Fields` names the fields to use, :class:`ReadStats` counts.
"""

from provscan.readers.checksums import checksum
from provscan.readers.fields import Fields
from provscan.readers.objects import read_objects
from provscan.readers.planning import plan
from provscan.readers.reading import read
from provscan.readers.schema import PIECE_SCHEMA, SCHEMA
from provscan.readers.splits import STDIN, UNKNOWN, Plan, Split
from provscan.readers.stats import Damage, Example, ReadStats
from provscan.readers.tweet_ids import with_ids

__all__ = [
    "PIECE_SCHEMA",
    "SCHEMA",
    "STDIN",
    "UNKNOWN",
    "Damage",
    "Example",
    "Fields",
    "Plan",
    "ReadStats",
    "Split",
    "checksum",
    "plan",
    "read",
    "read_objects",
    "with_ids",
]
