"""The tables of the canonical text, loaded once.

They ship with the package, so that every Python and every machine makes the same
canonical text; the Unicode data of the Python that runs provscan plays no part.

The tables
----------
``pages``
    uint16[4352]: for the 256 code points from ``256 * i``, the row of ``entries`` that
    describes them.
``entries``
    uint32[n, 256], one value a code point: bits 0-20 payload, bits 24-26 kind, bit 27
    set where the output may compose with the code point before it. Kinds: 0 separator;
    1 ignored, as if it were not there; 2 the payload is the output; 3 the payload is an
    offset into ``expansions``.
``expansions``
    uint32[m]: at an offset the count k, then k outputs, where 0 is a separator.
``pairs``, ``composed``
    uint64[p], sorted, ``first << 32 | second``, and uint32[p]: which code point the two
    compose to.
``entity_keys``, ``entity_values``
    uint64[q] (a power of two; 0 is empty), an open-addressed table with linear probing
    of the 64-bit FNV-1a hash of HTML5 entity names without their ``&``, with their
    ``;`` if they have one; uint32[q, 2], the one or two code points, the second 0 if
    there is one.
``references``
    uint32[256]: what the numeric reference of a code point below 256 stands for;
    0xFFFFFFFF where HTML5 has no special rule.
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
