"""Locality-sensitive hashing: the keys of the bands of a signature, and its two-bit
sketch.

A signature is cut into ``bands`` bands of ``rows`` values. Two texts whose signatures
are equal in at least one band are a candidate pair. For texts of similarity s, the
probability of this is ``1 - (1 - s**rows)**bands``, the S-curve (Leskovec, Rajaraman,
Ullman, *Mining of Massive Datasets*, section 3.4).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from provscan.kernels.sketch import bands as kernels

# The number of minima that a two-bit sketch is computed from.
SKETCHED = 64


def band_keys(
    signatures: NDArray[np.uint32], bands: int, rows: int
) -> NDArray[np.uint64]:
    """Return the keys of the bands of each signature, uint64[n, bands];
    :func:`provscan.kernels.sketch.bands.band_keys` specifies them.

    A signature must have at least ``bands * rows`` values, and be C-contiguous.
    """
    out = np.empty((len(signatures), bands), np.uint64)
    with np.errstate(over="ignore"):
        kernels.band_keys(signatures, bands, rows, out)
    return out


def two_bit_sketch(signatures: NDArray[np.uint32]) -> NDArray[np.uint64]:
    """Return the sketches of signatures, uint64[n, 2]: two bits of a hash of each of
    the first 64 minima.

    :func:`provscan.kernels.sketch.bands.two_bit_sketch` specifies them. If two texts
    have the similarity J, the bits of ``16 * (1 + 3 * J)`` minima agree on average.
    """
    out = np.empty((len(signatures), 2), np.uint64)
    with np.errstate(over="ignore"):
        kernels.two_bit_sketch(signatures, out)
    return out
