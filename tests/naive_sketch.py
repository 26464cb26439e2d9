"""Signatures and band keys, computed from their definitions in Python integers, one
value at a time.

This module imports nothing from provscan, datasketch or xxhash. It uses numpy's random
numbers, which are part of the definition.
"""

import numpy as np

PRIMES = (0x9E3779B1, 0x85EBCA77, 0xC2B2AE3D, 0x27D4EB2F, 0x165667B1)


def rotl(x, bits):
    return (x << bits | x >> (32 - bits)) % 2**32


def xxh32(data):
    """Return XXH32 with seed 0, as in its specification."""
    p1, p2, p3, p4, p5 = PRIMES
    at = 0
    if len(data) >= 16:
        lanes = [p1 + p2, p2, 0, -p1]
        while len(data) - at >= 16:
            for i in range(4):
                word = int.from_bytes(data[at : at + 4], "little")
                lanes[i] = rotl((lanes[i] + word * p2) % 2**32, 13) * p1 % 2**32
                at += 4
        h = sum(
            rotl(lane, bits) for lane, bits in zip(lanes, (1, 7, 12, 18), strict=True)
        )
    else:
        h = p5
    h += len(data)
    while len(data) - at >= 4:
        h = (
            rotl((h + int.from_bytes(data[at : at + 4], "little") * p3) % 2**32, 17)
            * p4
        )
        at += 4
    for byte in data[at:]:
        h = rotl((h + byte * p5) % 2**32, 11) * p1
    h %= 2**32
    h = (h ^ h >> 15) * p2 % 2**32
    h = (h ^ h >> 13) * p3 % 2**32
    return h ^ h >> 16


def fmix32(h):
    """Apply the finaliser of MurmurHash3."""
    h = (h ^ h >> 16) * 0x85EBCA6B % 2**32
    h = (h ^ h >> 13) * 0xC2B2AE35 % 2**32
    return h ^ h >> 16


def shingles(text):
    if not text:
        return []
    return [text[i : i + 5].encode() for i in range(max(1, len(text) - 4))]


def shingle_hashes(text):
    return [fmix32(xxh32(gram)) for gram in shingles(text)]


def permutations():
    random = np.random.RandomState(1)
    a = [int(v) * 2 + 1 for v in random.randint(0, 2**31, 128, dtype=np.uint32)]
    b = [int(v) for v in random.randint(0, 2**32, 128, dtype=np.uint32)]
    return list(zip(a, b, strict=True))


def signature(text):
    hashes = set(shingle_hashes(text))
    return [
        min(((a * h + b) % 2**32 for h in hashes), default=2**32 - 1)
        for a, b in permutations()
    ]


def band_keys(values, bands, rows):
    keys = []
    for j in range(bands):
        key = (j + 1) * 0x9E3779B97F4A7C15 % 2**64
        for v in [*values[j * rows : (j + 1) * rows], 0]:
            key = (key ^ v) * 0xD6E8FEB86659FD93 % 2**64
            key ^= key >> 32
        keys.append(key)
    return keys


def two_bit_sketch(values):
    words = [0, 0]
    for k, v in enumerate(values[:64]):
        v = (v ^ v >> 16) * 0x21F0AAAD % 2**32
        v = (v ^ v >> 15) * 0x735A2D97 % 2**32
        words[0] |= (v >> 31) << k
        words[1] |= (v >> 30 & 1) << k
    return words
