"""Canonical text to MinHash signatures: shingle hashes, permutations, and the loop over
texts.

Three kernels that call each other, so they live in one file: :func:`shingle_hashes`
turns one text into the mixed hashes of its 5-grams, :func:`signature` takes the minima
under its permutations, :func:`signatures` drives both over a range of texts. A fused
kernel that starts from raw text may call the first two.

The arithmetic is that of datasketch 2 (``scheme="affine32"``) over xxHash's XXH32 with
seed 0 (https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md): everything is
modulo 2**32, so every intermediate is cast back to ``uint32``. Numba widens ``uint32``
operands to 64 bits; the casts let LLVM narrow the operation again, which is what makes
16 lanes of a 512-bit register out of it.

Indices are ``uint64``: an unsigned index needs no check for a negative one, and that
check would keep LLVM from vectorising.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numba import config, uint32
from numba.extending import intrinsic
from numpy.typing import NDArray

from provscan.kernels.jit import helper, kernel
from provscan.kernels.sketch.hashing import GOLDEN32

NUM_PERM = 128
BLOCK = 8

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


def scratch_size(longest: int) -> int:
    """Elements of the array for the hashes of a text of up to ``longest`` bytes,
    working space included.
    """
    return (longest // 16 + 1) * 32


def _one_instruction(
    name: str,
) -> Callable[[Callable[..., np.uint32]], Callable[..., np.uint32]]:
    """Compile calls of a function of two ``uint32`` to LLVM's instruction ``name`` on
    32 bits.

    The function's own body is what runs without the JIT. Numba widens arithmetic on
    ``uint32`` to 64 bits, and in a chain of operations LLVM keeps it there: half the
    lanes, and no 64-bit multiplication in one step.
    """

    def decorate(function: Callable[..., np.uint32]) -> Callable[..., np.uint32]:
        if config.DISABLE_JIT:  # type: ignore[attr-defined]
            return function

        @intrinsic
        def instruction(typing_context, x, y):
            def generate(context, builder, signature, operands):
                return getattr(builder, name)(*operands)

            return uint32(uint32, uint32), generate

        return instruction

    return decorate


@_one_instruction("mul")
def _mul(x: np.uint32, y: np.uint32) -> np.uint32:
    return x * y


@_one_instruction("add")
def _add(x: np.uint32, y: np.uint32) -> np.uint32:
    return x + y


@_one_instruction("or_")
def _or(x: np.uint32, y: np.uint32) -> np.uint32:
    return x | y


@_one_instruction("xor")
def _xor(x: np.uint32, y: np.uint32) -> np.uint32:
    return x ^ y


@_one_instruction("shl")
def _shl(x: np.uint32, y: np.uint32) -> np.uint32:
    return x << y


@_one_instruction("lshr")
def _shr(x: np.uint32, y: np.uint32) -> np.uint32:
    return x >> y


@helper(forceinline=True)
def _rotl(x: np.uint32, bits: int) -> np.uint32:
    return _or(_shl(x, np.uint32(bits)), _shr(x, np.uint32(32 - bits)))


@helper(forceinline=True)
def _word(data: NDArray[np.uint8], at: np.uint64) -> np.uint32:
    """Little-endian 32-bit word at ``data[at : at + 4]``, whatever the machine's own
    order.
    """
    low = _or(np.uint32(data[at]), _shl(np.uint32(data[at + _L1]), np.uint32(8)))
    high = _or(np.uint32(data[at + _L2]), _shl(np.uint32(data[at + _L3]), np.uint32(8)))
    return _or(low, _shl(high, np.uint32(16)))


@helper(forceinline=True)
def _lane_round(h: np.uint32, word: np.uint32) -> np.uint32:
    return _mul(_rotl(_add(h, _mul(word, _PRIME3)), 17), _PRIME4)


@helper(forceinline=True)
def _byte_round(h: np.uint32, byte: np.uint8) -> np.uint32:
    return _mul(_rotl(_add(h, _mul(np.uint32(byte), _PRIME5)), 11), GOLDEN32)


@helper(forceinline=True)
def _stripe_round(v: np.uint32, word: np.uint32) -> np.uint32:
    return _mul(_rotl(_add(v, _mul(word, _PRIME2)), 13), GOLDEN32)


@helper(forceinline=True)
def _finish(h: np.uint32) -> np.uint32:
    """XXH32's avalanche followed by MurmurHash3's fmix32, datasketch's mix before the
    permutations.
    """
    h = _mul(_xor(h, _shr(h, np.uint32(15))), _PRIME2)
    h = _mul(_xor(h, _shr(h, np.uint32(13))), _PRIME3)
    h = _xor(h, _shr(h, np.uint32(16)))
    h = _mul(_xor(h, _shr(h, np.uint32(16))), _FMIX1)
    h = _mul(_xor(h, _shr(h, np.uint32(13))), _FMIX2)
    return _xor(h, _shr(h, np.uint32(16)))


@helper(forceinline=True)
def _hash_of_5(data: NDArray[np.uint8], at: np.uint64) -> np.uint32:
    """:func:`mixed_hash` of ``data[at : at + 5]`` without a branch.

    The word's product is the sum of its bytes' products: were the word put together
    first, LLVM would load it as one and, in a vectorised loop, gather.
    """
    h = _add(_PRIME5, np.uint32(5))
    h = _add(h, _mul(np.uint32(data[at]), _P3_BYTE0))
    h = _add(h, _mul(np.uint32(data[at + _L1]), _P3_BYTE1))
    h = _add(h, _mul(np.uint32(data[at + _L2]), _P3_BYTE2))
    h = _add(h, _mul(np.uint32(data[at + _L3]), _P3_BYTE3))
    h = _mul(_rotl(h, 17), _PRIME4)
    return _finish(_byte_round(h, data[at + _L4]))


@helper(forceinline=True)
def _hash_of_4_to_15(
    data: NDArray[np.uint8], at: np.uint64, length: np.uint64
) -> np.uint32:
    """:func:`mixed_hash` of 4 to 15 bytes: all rounds computed, the needed ones chosen.
    Reads 16 bytes.
    """
    h = _lane_round(_add(_PRIME5, np.uint32(length)), _word(data, at))
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
        h = _add(_add(_rotl(v1, 1), _rotl(v2, 7)), _add(_rotl(v3, 12), _rotl(v4, 18)))
    else:
        h = _PRIME5
    h = _add(h, length)
    while stop - at >= _L4:
        h = _lane_round(h, _word(data, at))
        at = at + _L4
    while at < stop:
        h = _byte_round(h, data[at])
        at = at + _L1
    return _finish(h)


@kernel
def shingle_hashes(
    data: NDArray[np.uint8], start: int, stop: int, out_hashes: NDArray[np.uint32]
) -> np.int64:
    """Mixed hashes of the character 5-grams of one canonical text,
    ``data[start:stop]``, valid UTF-8; how many.

    `out_hashes`, as long as :func:`scratch_size` says for ``stop - start``, begins with
    fmix32(XXH32(gram, seed 0)) of each 5-gram, in order, repeats included; the rest is
    working space. Their number is that of the code points less 4; 1 for a text of one
    to four code points, which is its own only shingle; 0 for an empty one.
    """
    first = np.uint64(start)
    end = np.uint64(stop)
    size = end - first
    if size == _L0:
        return np.int64(0)
    if size < _L5:
        out_hashes[0] = mixed_hash(data, first, end)
        return np.int64(1)

    # Hashed as if every character were one byte: no branch, so it runs in vector
    # registers. Where a gram is wider, the pass below puts the right hash in its place.
    grams = size - _L4
    seen = np.uint32(0)
    for i in range(_L4):
        seen = _or(seen, np.uint32(data[first + i]))
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
            seen = _or(seen, np.uint32(data[at + _L4]))
    for i in range(whole << _L4, grams):
        at = first + i
        out_hashes[i] = _hash_of_5(data, at)
        seen = _or(seen, np.uint32(data[at + _L4]))
    if seen < _HIGH_BIT:
        return np.int64(grams)

    # Where each character begins, and where the last one ends, in the array's second
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
    return _add(_mul(a, h), b)


@helper
def signature(
    hashes: NDArray[np.uint32],
    count: int,
    a: NDArray[np.uint32],
    b: NDArray[np.uint32],
    out_row: NDArray[np.uint32],
) -> None:
    """Minimum of ``a[k] * hash + b[k]`` modulo 2**32 over `count` hashes, for each
    permutation k of ``out_row``.

    The hashes are what :func:`shingle_hashes` wrote. Elements from ``count`` up to the
    next multiple of 8 are overwritten, so the array must be that long. Without hashes
    the signature is datasketch's empty one, 0xFFFFFFFF throughout.
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
    """Signatures, uint32[n, m], of canonical texts; `a` and `b` are m or more
    permutations, read-only.

    The scratch, uint32, is as long as :func:`scratch_size` says for the bytes of the
    longest text.
    """
    for i in range(len(out)):
        count = shingle_hashes(
            texts.text, texts.offsets[i], texts.offsets[i + 1], scratch
        )
        signature(scratch, count, a, b, out[i])
