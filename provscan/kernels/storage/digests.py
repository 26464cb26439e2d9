"""Pseudo-random numbers derived from texts, and digests of rows of texts. Equal texts
have equal numbers, wherever they occur.
"""

import numpy as np

from provscan.kernels.jit import helper, kernel
from provscan.kernels.sketch.hashing import GOLDEN64, MURMUR1, murmur_mix, splitmix

_S8, _S29, _S32 = np.uint64(8), np.uint64(29), np.uint64(32)
_WORD = 8


@helper(forceinline=True)
def _word(text, at, size):
    """Return up to eight bytes as a little-endian number."""
    word = np.uint64(0)
    for j in range(size):
        word |= np.uint64(text[at + j]) << (_S8 * np.uint64(j))
    return word


@kernel
def content_keys(text, offsets, longest, seed, keys):
    """Derive a random number for each text of a text buffer from its first ``longest``
    bytes and ``seed``.

    ``text`` uint8[m], ``offsets`` int64[n + 1], ``longest`` int64, ``seed`` uint64;
    fill uint64[n] ``keys``.
    """
    for i in range(len(keys)):
        at, stop = offsets[i], min(offsets[i + 1], offsets[i] + longest)
        h = splitmix(seed ^ np.uint64(stop - at))
        while at + _WORD <= stop:
            h = (h ^ _word(text, at, _WORD)) * GOLDEN64
            h ^= h >> _S32
            at += _WORD
        while at < stop:
            h = (h ^ np.uint64(text[at])) * GOLDEN64
            at += 1
        keys[i] = splitmix(h)


@kernel
def add_column(texts, digests):
    """Add a column of a :class:`~provscan.kernels.records.TextBuffer` to the digests of
    its rows, uint64[n, 2].

    A digest is (g, h). For each word of eight bytes (little-endian, the last word
    padded with zeros), g becomes ``(g ^ word) * GOLDEN64``, then ``g ^ g >> 32``, and h
    ``(h + word) * MURMUR1``, then ``h ^ h >> 29``, modulo 2**64. At the end the number
    of bytes is XORed with g and added to h, and both are mixed by MurmurHash3's
    finaliser.
    """
    text, offsets = texts
    for i in range(len(digests)):
        g, h = digests[i, 0], digests[i, 1]
        at, stop = offsets[i], offsets[i + 1]
        size = np.uint64(stop - at)
        while at < stop:
            if at + _WORD <= stop:
                word = _word(text, at, _WORD)
            else:
                word = _word(text, at, stop - at)
            g = (g ^ word) * GOLDEN64
            g ^= g >> _S32
            h = (h + word) * MURMUR1
            h ^= h >> _S29
            at += _WORD
        digests[i, 0] = murmur_mix(g ^ size)
        digests[i, 1] = murmur_mix(h + size)
