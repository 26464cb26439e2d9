"""Compute from signatures what an index stores: the keys of the LSH bands, and a sketch
of two bits per minimum; and compare sketches.

All arithmetic is modulo 2**64 on ``uint64``, or modulo 2**32 kept in ``uint32``.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from provscan.kernels.jit import helper, kernel
from provscan.kernels.sketch.hashing import GOLDEN64

_MULTIPLIER = np.uint64(0xD6E8FEB86659FD93)
_HALF = np.uint64(32)
_U0, _U1 = np.uint64(0), np.uint64(1)

_BIT_MULTIPLIER1 = np.uint32(0x21F0AAAD)
_BIT_MULTIPLIER2 = np.uint32(0x735A2D97)
_U15, _U16, _U30, _U31 = (np.uint32(n) for n in (15, 16, 30, 31))
_M1 = np.uint64(0x5555555555555555)
_M2 = np.uint64(0x3333333333333333)
_M4 = np.uint64(0x0F0F0F0F0F0F0F0F)
_H01 = np.uint64(0x0101010101010101)


@helper(forceinline=True)
def _step(key: np.uint64, value: np.uint64) -> np.uint64:
    key = (key ^ value) * _MULTIPLIER
    return key ^ (key >> _HALF)


@kernel
def band_keys(
    signatures: NDArray[np.uint32], bands: int, rows: int, out: NDArray[np.uint64]
) -> None:
    """Compute the 64-bit keys, uint64[n, bands], of the bands of each signature,
    uint32[n, m] with ``bands * rows <= m``.

    Band j covers the values ``signatures[i, j * rows : (j + 1) * rows]``. Its key
    starts as ``(j + 1) * 0x9E3779B97F4A7C15``. For each value v in turn, and for a 0
    after the last, the key is updated by ``key = (key ^ v) * 0xD6E8FEB86659FD93`` and
    ``key ^= key >> 32``, modulo 2**64. Each update is a bijection of the key, so two
    bands that differ in exactly one value never share a key. Other bands, including
    bands with different numbers, share a key only by chance. (Multiplier and shift are
    from degski's 64-bit mixer.)
    """
    for i in range(signatures.shape[0]):
        for j in range(bands):
            key = np.uint64(j + 1) * GOLDEN64
            for k in range(j * rows, (j + 1) * rows):
                key = _step(key, np.uint64(signatures[i, k]))
            out[i, j] = _step(key, _U0)


@kernel
def two_bit_sketch(signatures: NDArray[np.uint32], out: NDArray[np.uint64]) -> None:
    """Compute two bits of a hash of each of the first 64 minima, uint32[n, m] ->
    uint64[n, 2], to reject dissimilar candidates.

    Bit k of ``out[i, 0]`` and ``out[i, 1]`` are the top two bits of ``signatures[i,
    k]`` after ``v ^= v >> 16``, ``v *= 0x21F0AAAD``, ``v ^= v >> 15``, ``v *=
    0x735A2D97`` modulo 2**32 (a mixer of Chris Wellons' hash-prospector without its
    last step, which does not change those bits). The bits of the minimum itself are
    unsuitable: the high bits are nearly always 0, and the low bits depend on those of
    the hash. Two texts of similarity J have both bits of a minimum in common with
    probability ``p = (1 + 3 * J) / 4``; for 64 minima, this is ``64 * p`` minima on
    average, with a variance of ``64 * p * (1 - p)`` (b-bit minwise hashing with b = 2:
    Li and König 2010, doi:10.1145/1772690.1772759).
    """
    for i in range(signatures.shape[0]):
        high, low = np.uint64(0), np.uint64(0)
        for k in range(64):
            v = signatures[i, k]
            v = np.uint32(np.uint32(v ^ np.uint32(v >> _U16)) * _BIT_MULTIPLIER1)
            v = np.uint32(np.uint32(v ^ np.uint32(v >> _U15)) * _BIT_MULTIPLIER2)
            high |= np.uint64(v >> _U31) << np.uint64(k)
            low |= (np.uint64(v >> _U30) & _U1) << np.uint64(k)
        out[i, 0], out[i, 1] = high, low


@helper(forceinline=True)
def ones(x):
    """Return the number of set bits of a uint64."""
    x = x - ((x >> np.uint64(1)) & _M1)
    x = (x & _M2) + ((x >> np.uint64(2)) & _M2)
    x = (x + (x >> np.uint64(4))) & _M4
    return np.int64((x * _H01) >> np.uint64(56))


@helper(forceinline=True)
def agreeing_minima(first, second):
    """Return the number of the 64 minima whose bits agree in two sketches."""
    return 64 - ones((first[0] ^ second[0]) | (first[1] ^ second[1]))
