"""Compute MinHash signatures of canonical texts: shingle hashes, permutations, and the
loop over texts.

:func:`shingle_hashes` computes the mixed hashes of the 5-grams of one text,
:func:`signature` the minima of their permutations, and the kernel :func:`signatures`
applies both to several texts.

The arithmetic is that of datasketch 2 (``scheme="affine32"``) over xxHash's XXH32 with
seed 0 (https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md): everything is
modulo 2**32 (:mod:`provscan.kernels.instructions`), so that a 512-bit register contains
16 lanes.

Indices are ``uint64``: unsigned indices need no check for negative values, which would
keep LLVM from vectorising.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from provscan.kernels.instructions import add32, mul32, or32, shl32, shr32, xor32
from provscan.kernels.jit import helper, kernel
from provscan.kernels.sketch.hashing import GOLDEN32

NUM_PERM = 128

_EMPTY = np.uint32(0xFFFFFFFF)

_PRIME2 = np.uint32(0x85EBCA77)
_PRIME3 = np.uint32(0xC2B2AE3D)
_PRIME4 = np.uint32(0x27D4EB2F)
_PRIME5 = np.uint32(0x165667B1)
_PRIME1_PLUS_2 = np.uint32(0x24234428)
_MINUS_PRIME1 = np.uint32(0x61C8864F)
_FMIX1 = np.uint32(0x85EBCA6B)
_FMIX2 = np.uint32(0xC2B2AE35)

_P3_SHIFTED = tuple(
    np.uint32((0xC2B2AE3D << shift) & 0xFFFFFFFF) for shift in (0, 8, 16, 24)
)
_P3_BYTE0, _P3_BYTE1, _P3_BYTE2, _P3_BYTE3 = _P3_SHIFTED

_L0, _L1, _L2, _L3, _L4, _L5, _L6, _L7, _L8, _L12, _L15, _L16 = (
    np.uint64(n) for n in (0, 1, 2, 3, 4, 5, 6, 7, 8, 12, 15, 16)
)
_CONTINUATION_MASK = np.uint8(0xC0)
_CONTINUATION = np.uint8(0x80)
_HIGH_BIT = np.uint32(0x80)
# Typed constants, so that numba compiles the rotation only once.
_R1, _R7, _R11, _R12, _R13, _R17, _R18, _R32 = (
    np.uint32(n) for n in (1, 7, 11, 12, 13, 17, 18, 32)
)


def scratch_size(longest: int) -> int:
    """Return the length of the array for the hashes of a text of up to ``longest``
    bytes, including working space.
    """
    return (longest // 16 + 1) * 32


@helper(forceinline=True)
def _rotl(x: np.uint32, bits: np.uint32) -> np.uint32:
    return or32(shl32(x, bits), shr32(x, np.uint32(_R32 - bits)))


@helper(forceinline=True)
def _word(data: NDArray[np.uint8], at: np.uint64) -> np.uint32:
    """Return the little-endian 32-bit word at ``data[at : at + 4]`` on any machine."""
    low = or32(np.uint32(data[at]), shl32(np.uint32(data[at + _L1]), np.uint32(8)))
    high = or32(
        np.uint32(data[at + _L2]), shl32(np.uint32(data[at + _L3]), np.uint32(8))
    )
    return or32(low, shl32(high, np.uint32(16)))


@helper(forceinline=True)
def _lane_round(h: np.uint32, word: np.uint32) -> np.uint32:
    return mul32(_rotl(add32(h, mul32(word, _PRIME3)), _R17), _PRIME4)


@helper(forceinline=True)
def _byte_round(h: np.uint32, byte: np.uint8) -> np.uint32:
    return mul32(_rotl(add32(h, mul32(np.uint32(byte), _PRIME5)), _R11), GOLDEN32)


@helper(forceinline=True)
def _stripe_round(v: np.uint32, word: np.uint32) -> np.uint32:
    return mul32(_rotl(add32(v, mul32(word, _PRIME2)), _R13), GOLDEN32)


@helper(forceinline=True)
def _finish(h: np.uint32) -> np.uint32:
    """Apply XXH32's avalanche and then MurmurHash3's fmix32, which datasketch applies
    before the permutations.
    """
    h = mul32(xor32(h, shr32(h, np.uint32(15))), _PRIME2)
    h = mul32(xor32(h, shr32(h, np.uint32(13))), _PRIME3)
    h = xor32(h, shr32(h, np.uint32(16)))
    h = mul32(xor32(h, shr32(h, np.uint32(16))), _FMIX1)
    h = mul32(xor32(h, shr32(h, np.uint32(13))), _FMIX2)
    return xor32(h, shr32(h, np.uint32(16)))


@helper(forceinline=True)
def _hash_of_5(data: NDArray[np.uint8], at: np.uint64) -> np.uint32:
    """Compute :func:`mixed_hash` of ``data[at : at + 5]`` without a branch.

    The word's product is computed as the sum of its bytes' products. If the word were
    assembled first, LLVM would load it as a whole and, in a vectorised loop, use
    gathers.
    """
    h = add32(_PRIME5, np.uint32(5))
    h = add32(h, mul32(np.uint32(data[at]), _P3_BYTE0))
    h = add32(h, mul32(np.uint32(data[at + _L1]), _P3_BYTE1))
    h = add32(h, mul32(np.uint32(data[at + _L2]), _P3_BYTE2))
    h = add32(h, mul32(np.uint32(data[at + _L3]), _P3_BYTE3))
    h = mul32(_rotl(h, _R17), _PRIME4)
    return _finish(_byte_round(h, data[at + _L4]))


@helper(forceinline=True)
def _hash_of_4_to_15(
    data: NDArray[np.uint8], at: np.uint64, length: np.uint64
) -> np.uint32:
    """Compute :func:`mixed_hash` of 4 to 15 bytes: all rounds are computed, and the
    needed rounds are selected. It always reads 16 bytes.
    """
    h = _lane_round(add32(_PRIME5, np.uint32(length)), _word(data, at))
    longer = _lane_round(h, _word(data, at + _L4))
    h = longer if length >= _L8 else h
    longer = _lane_round(h, _word(data, at + _L8))
    h = longer if length >= _L12 else h
    tail = at + (length & ~_L3)
    rest = length & _L3
    longer = _byte_round(h, data[tail])
    h = longer if rest > _L0 else h
    longer = _byte_round(h, data[tail + _L1])
    h = longer if rest > _L1 else h
    longer = _byte_round(h, data[tail + _L2])
    h = longer if rest > _L2 else h
    return _finish(h)


@helper
def mixed_hash(data: NDArray[np.uint8], start: np.uint64, stop: np.uint64) -> np.uint32:
    """Return fmix32(XXH32(data[start:stop])) of a shingle of any length."""
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
        h = add32(
            add32(_rotl(v1, _R1), _rotl(v2, _R7)),
            add32(_rotl(v3, _R12), _rotl(v4, _R18)),
        )
    else:
        h = _PRIME5
    h = add32(h, length)
    while stop - at >= _L4:
        h = _lane_round(h, _word(data, at))
        at = at + _L4
    while at < stop:
        h = _byte_round(h, data[at])
        at = at + _L1
    return _finish(h)


@helper(inline="always")
def shingle_hashes(
    data: NDArray[np.uint8], start: int, stop: int, out_hashes: NDArray[np.uint32]
) -> np.int64:
    """Compute the mixed hashes of the character 5-grams of one canonical text,
    ``data[start:stop]``, valid UTF-8; return their number.

    The length of ``out_hashes`` is :func:`scratch_size` of ``stop - start``. It
    receives fmix32(XXH32(gram, seed 0)) of each 5-gram, in order, including repeats;
    the rest is working space. The number of hashes is the number of code points minus
    4; 1 for a text of one to four code points, whose only shingle is the text itself; 0
    for an empty text.
    """
    first = np.uint64(start)
    end = np.uint64(stop)
    size = end - first
    if size == _L0:
        return np.int64(0)
    if size < _L5:
        out_hashes[0] = mixed_hash(data, first, end)
        return np.int64(1)

    # Hash as if every character were one byte. This needs no branch, so it runs in
    # vector registers. The pass below replaces the hashes of wider grams.
    grams = size - _L4
    seen = np.uint32(0)
    for i in range(_L4):
        seen = or32(seen, np.uint32(data[first + i]))
    whole = grams >> _L4
    if (grams & _L15) != _L0 and first + ((whole + _L1) << _L4) + _L4 <= np.uint64(
        data.size
    ):
        whole += _L1
    for block in range(whole):
        base = block << _L4
        for lane in range(_L16):
            at = first + base + lane
            out_hashes[base + lane] = _hash_of_5(data, at)
            seen = or32(seen, np.uint32(data[at + _L4]))
    for i in range(whole << _L4, grams):
        at = first + i
        out_hashes[i] = _hash_of_5(data, at)
        seen = or32(seen, np.uint32(data[at + _L4]))
    if seen < _HIGH_BIT:
        return np.int64(grams)

    # Store the start of each character, and the end of the last, in the array's second
    # half.
    begins = (size + _L15) & ~_L15
    characters = begins
    for i in range(size):
        out_hashes[characters] = np.uint32(i)
        characters += np.uint64((data[first + i] & _CONTINUATION_MASK) != _CONTINUATION)
    out_hashes[characters] = np.uint32(size)
    characters -= begins
    if characters < _L5:
        out_hashes[0] = mixed_hash(data, first, end)
        return np.int64(1)
    readable = np.uint64(data.size)
    for i in range(characters - _L4):
        begin = np.uint64(out_hashes[begins + i])
        length = np.uint64(out_hashes[begins + i + _L5]) - begin
        head = first + begin
        if length == _L5:
            out_hashes[i] = out_hashes[begin]
        elif length < _L16 and head + _L16 <= readable:
            out_hashes[i] = _hash_of_4_to_15(data, head, length)
        else:
            out_hashes[i] = mixed_hash(data, head, head + length)
    return np.int64(characters - _L4)


@helper(forceinline=True)
def _permuted(a: np.uint32, h: np.uint32, b: np.uint32) -> np.uint32:
    return add32(mul32(a, h), b)


@helper(inline="always")
def signature(
    hashes: NDArray[np.uint32],
    count: int,
    a: NDArray[np.uint32],
    b: NDArray[np.uint32],
    out_row: NDArray[np.uint32],
) -> None:
    """Compute the minimum of ``a[k] * hash + b[k]`` modulo 2**32 over ``count`` hashes,
    for each permutation k of ``out_row``.

    The hashes are the output of :func:`shingle_hashes`. Elements from ``count`` up to
    the next multiple of 8 are overwritten, so the array must be that long. Without
    hashes, the signature is datasketch's empty signature, 0xFFFFFFFF throughout.
    """
    permutations = np.uint64(len(out_row))
    for k in range(permutations):
        out_row[k] = _EMPTY
    if count == 0:
        return
    used = np.uint64(count)
    padded = (used + _L7) & ~_L7
    for i in range(used, padded):
        hashes[i] = hashes[_L0]
    for block in range(padded >> _L3):
        base = block << _L3
        h0 = hashes[base]
        h1 = hashes[base + _L1]
        h2 = hashes[base + _L2]
        h3 = hashes[base + _L3]
        h4 = hashes[base + _L4]
        h5 = hashes[base + _L5]
        h6 = hashes[base + _L6]
        h7 = hashes[base + _L7]
        for k in range(permutations):
            ak = a[k]
            bk = b[k]
            m01 = min(_permuted(ak, h0, bk), _permuted(ak, h1, bk))
            m23 = min(_permuted(ak, h2, bk), _permuted(ak, h3, bk))
            m45 = min(_permuted(ak, h4, bk), _permuted(ak, h5, bk))
            m67 = min(_permuted(ak, h6, bk), _permuted(ak, h7, bk))
            out_row[k] = min(out_row[k], min(min(m01, m23), min(m45, m67)))


@kernel
def signatures(
    texts: Any,
    a: NDArray[np.uint32],
    b: NDArray[np.uint32],
    scratch: Any,
    out: NDArray[np.uint32],
) -> None:
    """Compute the signatures, uint32[n, m], of canonical texts; ``a`` and ``b`` are at
    least m permutations, read-only.

    The length of the scratch, uint32, is :func:`scratch_size` of the bytes of the
    longest text.
    """
    for i in range(len(out)):
        count = shingle_hashes(
            texts.text, texts.offsets[i], texts.offsets[i + 1], scratch
        )
        signature(scratch, count, a, b, out[i])
