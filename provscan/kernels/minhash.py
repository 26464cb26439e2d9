"""Canonical text to MinHash signatures: shingle hashes, permutations, and the loop over texts.

Three kernels that call each other, so they live in one file: :func:`shingle_hashes` turns one text into the
mixed hashes of its 5-grams, :func:`signature` takes the minima under 128 permutations, :func:`signatures`
drives both over a range of texts. A fused kernel that starts from raw text may call the first two.

The arithmetic is that of datasketch 2 (``scheme="affine32"``) over xxHash's XXH32 with seed 0
(https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md): everything is modulo 2**32, so every
intermediate is cast back to ``uint32``. Numba widens ``uint32`` operands to 64 bits; the casts let LLVM
narrow the operation again, which is what makes 16 lanes of a 512-bit register out of it.

Indices are ``uint64``: an unsigned index needs no check for a negative one, and that check would keep LLVM
from vectorising.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numba import int64, njit, types, uint8, uint32, uint64, void

if TYPE_CHECKING:
    from numpy.typing import NDArray

SHINGLE = 5
NUM_PERM = 128
BLOCK = 8

BYTES = types.Array(uint8, 1, "C", readonly=True)
OFFSETS = types.Array(int64, 1, "C", readonly=True)
PARAMETERS = types.Array(uint32, 1, "C", readonly=True)
HASHES = types.Array(uint32, 1, "C")
ROWS = types.Array(uint32, 2, "C")

_EMPTY = np.uint32(0xFFFFFFFF)

_PRIME1 = np.uint32(0x9E3779B1)
_PRIME2 = np.uint32(0x85EBCA77)
_PRIME3 = np.uint32(0xC2B2AE3D)
_PRIME4 = np.uint32(0x27D4EB2F)
_PRIME5 = np.uint32(0x165667B1)
_PRIME1_PLUS_2 = np.uint32(0x24234428)
_MINUS_PRIME1 = np.uint32(0x61C8864F)
_FMIX1 = np.uint32(0x85EBCA6B)
_FMIX2 = np.uint32(0xC2B2AE35)

_U1, _U7, _U8, _U11, _U12, _U13, _U14, _U15, _U16, _U17, _U18, _U19, _U20, _U21, _U24, _U25, _U31 = (
    np.uint32(n) for n in (1, 7, 8, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 24, 25, 31)
)

_L0, _L1, _L2, _L3, _L4, _L5, _L6, _L7, _L8, _L12, _L16 = (
    np.uint64(n) for n in (0, 1, 2, 3, 4, 5, 6, 7, 8, 12, 16)
)
_CONTINUATION_MASK = np.uint8(0xC0)
_CONTINUATION = np.uint8(0x80)


def scratch_size(longest: int) -> int:
    """Elements of the scratch array that texts of up to ``longest`` bytes need."""
    return max(1, -(-longest // BLOCK)) * BLOCK


@njit(inline="always")
def _word(data: NDArray[np.uint8], at: np.uint64) -> np.uint32:
    """Little-endian 32-bit word at ``data[at : at + 4]``, whatever the machine's own order."""
    return np.uint32(
        np.uint32(data[at])
        | np.uint32(np.uint32(data[at + _L1]) << _U8)
        | np.uint32(np.uint32(data[at + _L2]) << _U16)
        | np.uint32(np.uint32(data[at + _L3]) << _U24)
    )


@njit(inline="always")
def _lane_round(h: np.uint32, word: np.uint32) -> np.uint32:
    h = np.uint32(h + np.uint32(word * _PRIME3))
    return np.uint32(np.uint32(np.uint32(h << _U17) | np.uint32(h >> _U15)) * _PRIME4)


@njit(inline="always")
def _byte_round(h: np.uint32, byte: np.uint8) -> np.uint32:
    h = np.uint32(h + np.uint32(np.uint32(byte) * _PRIME5))
    return np.uint32(np.uint32(np.uint32(h << _U11) | np.uint32(h >> _U21)) * _PRIME1)


@njit(inline="always")
def _stripe_round(v: np.uint32, word: np.uint32) -> np.uint32:
    v = np.uint32(v + np.uint32(word * _PRIME2))
    return np.uint32(np.uint32(np.uint32(v << _U13) | np.uint32(v >> _U19)) * _PRIME1)


@njit(inline="always")
def _finish(h: np.uint32) -> np.uint32:
    """XXH32's avalanche followed by MurmurHash3's fmix32, datasketch's mix before the permutations."""
    h = np.uint32((h ^ np.uint32(h >> _U15)) * _PRIME2)
    h = np.uint32((h ^ np.uint32(h >> _U13)) * _PRIME3)
    h = np.uint32(h ^ np.uint32(h >> _U16))
    h = np.uint32((h ^ np.uint32(h >> _U16)) * _FMIX1)
    h = np.uint32((h ^ np.uint32(h >> _U13)) * _FMIX2)
    return np.uint32(h ^ np.uint32(h >> _U16))


@njit(uint32(BYTES, uint64, uint64), nogil=True, cache=True)
def mixed_hash(data: NDArray[np.uint8], start: np.uint64, stop: np.uint64) -> np.uint32:
    """fmix32(XXH32(data[start:stop])) of a shingle of any length."""
    length = np.uint32(stop - start)
    at = start
    if stop - at >= _L16:
        v1 = _PRIME1_PLUS_2
        v2 = _PRIME2
        v3 = np.uint32(0)
        v4 = _MINUS_PRIME1
        while stop - at >= _L16:
            v1 = _stripe_round(v1, _word(data, at))
            v2 = _stripe_round(v2, _word(data, at + _L4))
            v3 = _stripe_round(v3, _word(data, at + _L8))
            v4 = _stripe_round(v4, _word(data, at + _L12))
            at = at + _L16
        h = np.uint32(
            np.uint32(np.uint32(v1 << _U1) | np.uint32(v1 >> _U31))
            + np.uint32(np.uint32(v2 << _U7) | np.uint32(v2 >> _U25))
        )
        h = np.uint32(h + np.uint32(np.uint32(v3 << _U12) | np.uint32(v3 >> _U20)))
        h = np.uint32(h + np.uint32(np.uint32(v4 << _U18) | np.uint32(v4 >> _U14)))
    else:
        h = _PRIME5
    h = np.uint32(h + length)
    while stop - at >= _L4:
        h = _lane_round(h, _word(data, at))
        at = at + _L4
    while at < stop:
        h = _byte_round(h, data[at])
        at = at + _L1
    return _finish(h)


@njit(int64(BYTES, int64, int64, HASHES), nogil=True, cache=True)
def shingle_hashes(data: NDArray[np.uint8], start: int, stop: int, out_hashes: NDArray[np.uint32]) -> int:
    """Mixed hashes of the character 5-grams of one canonical text.

    Parameters
    ----------
    data : uint8[:], may be read-only
        UTF-8 bytes, valid.
    start, stop : int64
        The text is ``data[start:stop]``.
    out_hashes : uint32[:]
        Filled with fmix32(XXH32(gram, seed 0)) of each 5-gram, in order, repeats included. Needs
        ``stop - start`` elements or more.

    Returns
    -------
    int64
        How many were written: code points - 4; 1 for a text of one to four code points, which is its own only
        shingle; 0 for an empty one.
    """
    first = np.uint64(start)
    end = np.uint64(stop)
    size = end - first
    if size == _L0:
        return 0
    if size < _L5:
        out_hashes[0] = mixed_hash(data, first, end)
        return 1

    # Hashed as if every character were one byte: no branch, so it runs in vector registers. Where a
    # gram is wider, the pass below puts the right hash in its place.
    grams = size - _L4
    high = np.uint8(0)
    for i in range(size):
        high |= data[first + i]
    for i in range(grams):
        at = first + i
        h = _lane_round(np.uint32(_PRIME5 + np.uint32(5)), _word(data, at))
        out_hashes[i] = _finish(_byte_round(h, data[at + _L4]))
    if high < _CONTINUATION:
        return grams

    tail = first
    for _ in range(SHINGLE):
        if tail == end:
            out_hashes[0] = mixed_hash(data, first, end)
            return 1
        tail += _L1
        while tail < end and (data[tail] & _CONTINUATION_MASK) == _CONTINUATION:
            tail += _L1
    head = first
    count = _L0
    while True:
        if tail - head == _L5:
            out_hashes[count] = out_hashes[head - first]
        else:
            out_hashes[count] = mixed_hash(data, head, tail)
        count += _L1
        if tail == end:
            return count
        tail += _L1
        while tail < end and (data[tail] & _CONTINUATION_MASK) == _CONTINUATION:
            tail += _L1
        head += _L1
        while (data[head] & _CONTINUATION_MASK) == _CONTINUATION:
            head += _L1


@njit(inline="always")
def _permuted(a: np.uint32, h: np.uint32, b: np.uint32) -> np.uint32:
    return np.uint32(np.uint32(a * h) + b)


@njit(void(HASHES, int64, PARAMETERS, PARAMETERS, HASHES), nogil=True, cache=True)
def signature(
    hashes: NDArray[np.uint32],
    count: int,
    a: NDArray[np.uint32],
    b: NDArray[np.uint32],
    out_row: NDArray[np.uint32],
) -> None:
    """Minimum of ``a[k] * hash + b[k]`` modulo 2**32 over the hashes, for each permutation k.

    Parameters
    ----------
    hashes : uint32[:]
        What :func:`shingle_hashes` wrote. Elements from ``count`` up to the next multiple of 8 are
        overwritten, so the array must be that long.
    count : int64
        How many hashes; 0 gives datasketch's empty signature, 0xFFFFFFFF throughout.
    a, b : uint32[128], may be read-only
        The permutations.
    out_row : uint32[128]
        The signature.
    """
    for k in range(NUM_PERM):
        out_row[k] = _EMPTY
    if count == 0:
        return
    used = np.uint64(count)
    padded = (used + _L7) & ~_L7
    for i in range(used, padded):
        hashes[i] = hashes[_L0]
    for block in range(padded >> _L3):
        i = block << _L3
        h0 = hashes[i]
        h1 = hashes[i + _L1]
        h2 = hashes[i + _L2]
        h3 = hashes[i + _L3]
        h4 = hashes[i + _L4]
        h5 = hashes[i + _L5]
        h6 = hashes[i + _L6]
        h7 = hashes[i + _L7]
        for k in range(NUM_PERM):
            ak = a[k]
            bk = b[k]
            m01 = min(_permuted(ak, h0, bk), _permuted(ak, h1, bk))
            m23 = min(_permuted(ak, h2, bk), _permuted(ak, h3, bk))
            m45 = min(_permuted(ak, h4, bk), _permuted(ak, h5, bk))
            m67 = min(_permuted(ak, h6, bk), _permuted(ak, h7, bk))
            out_row[k] = min(out_row[k], min(min(m01, m23), min(m45, m67)))


@njit(void(BYTES, OFFSETS, int64, int64, PARAMETERS, PARAMETERS, HASHES, ROWS), nogil=True, cache=True)
def signatures(
    data: NDArray[np.uint8],
    offsets: NDArray[np.int64],
    lo: int,
    hi: int,
    a: NDArray[np.uint32],
    b: NDArray[np.uint32],
    scratch: NDArray[np.uint32],
    out: NDArray[np.uint32],
) -> None:
    """Signatures of the texts ``lo`` to ``hi`` (exclusive) of an Arrow large_string layout.

    Parameters
    ----------
    data : uint8[:], may be read-only
        UTF-8 bytes of all texts.
    offsets : int64[n + 1], may be read-only
        Text i is ``data[offsets[i]:offsets[i + 1]]``.
    lo, hi : int64
        The range of texts.
    a, b : uint32[128], may be read-only
        The permutations.
    scratch : uint32[:]
        Overwritten. As long as :func:`scratch_size` says for the bytes of the longest text of the range.
    out : uint32[n, 128]
        Rows ``lo`` to ``hi`` are filled.
    """
    for i in range(lo, hi):
        count = shingle_hashes(data, offsets[i], offsets[i + 1], scratch)
        signature(scratch, count, a, b, out[i])
