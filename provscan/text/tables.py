"""Load the tables for canonical texts.

They are part of the package, so canonical texts are the same on every machine. The
Unicode data of the running Python is not used.

The tables
----------
``pages``
    uint16[4352]: for the 256 code points from ``256 * i``, the row of ``entries`` that
    describes them.
``entries``
    uint32[n, 256], one value per code point: bits 0-20 are the payload, bits 24-26 the
    kind, bit 27 is set if the output may compose with the previous code point, and bits
    28-31 are the rank of the output among marks that follow a letter, 0 if it is not
    such a mark. The kinds are: 0, the code point is a separator; 1, it is dropped; 2,
    the payload is the output; 3, the payload is an offset into ``expansions``.
``expansions``
    uint32[m]: at each offset, the count k followed by k outputs, where 0 is a
    separator.
``pairs``, ``composed``
    uint64[p], sorted, ``first << 32 | second``; and uint32[p], the code point to which
    the two compose.
``entity_keys``, ``entity_values``
    uint64[q] (q is a power of two; 0 is empty), an open-addressing table with linear
    probing. Keys are the 64-bit FNV-1a hashes of HTML5 entity names without the ``&``,
    but with the ``;`` if they have one. Values are uint32[q, 2]: one or two code
    points, with 0 for a missing second one.
``references``
    uint32[256]: the meaning of a numeric reference to a code point below 256;
    0xFFFFFFFF if HTML5 has no special rule.
"""

from __future__ import annotations

from functools import cache
from importlib import resources

import numpy as np

from provscan.kernels.records import CanonicalTables, frozen
from provscan.params import CANONICAL_VERSION


@cache
def tables() -> CanonicalTables:
    name = f"canonical_v{CANONICAL_VERSION}.npz"
    with (
        resources.files("provscan.text").joinpath(name).open("rb") as file,
        np.load(file) as data,
    ):
        return frozen(CanonicalTables(*(data[key] for key in CanonicalTables._fields)))
