"""Compute a Merkle tree over the rows of a run (RFC 9162, section 2.1).

:func:`leaf` hashes a row, :func:`levels` builds the tree, :func:`inclusion` returns the
proof that the tree contains a row, and :func:`root_of` computes the root from a row and
its proof. A proof has at most one hash for each level, so it reveals no other row.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

LEAF, NODE = b"\x00", b"\x01"


def leaf(row: bytes) -> bytes:
    """Return the hash of a row, given as canonical JSON."""
    return hashlib.sha256(LEAF + row).digest()


def hash_lines(leaves: Sequence[bytes]) -> bytes:
    """Return the hashes of rows as lines of hexadecimal digits."""
    return "".join(f"{each.hex()}\n" for each in leaves).encode()


def levels(leaves: Sequence[bytes]) -> list[list[bytes]]:
    """Return the hashes of each level of the tree, from the leaves up to the root.

    The last hash of a level of odd length has no sibling and moves up unchanged, which
    gives the same tree as the recursive definition of the RFC.
    """
    if not leaves:
        return [[hashlib.sha256(b"").digest()]]
    result = [list(leaves)]
    while len(result[-1]) > 1:
        low = result[-1]
        pairs = zip(low[::2], low[1::2], strict=False)
        high = [_node(left, right) for left, right in pairs]
        result.append(high + low[len(low) - len(low) % 2 :])
    return result


def inclusion(tree: Sequence[Sequence[bytes]], number: int) -> list[bytes]:
    """Return the proof that the tree contains the leaf at a position (from 0): the
    hashes of the siblings on the path to the root.
    """
    path = []
    for level in tree[:-1]:
        sibling = number ^ 1
        if sibling < len(level):
            path.append(level[sibling])
        number //= 2
    return path


def root_of(found: bytes, number: int, size: int, path: Sequence[bytes]) -> bytes:
    """Return the root that a leaf and its proof give (RFC 9162, section 2.1.3.2).

    Raises
    ------
    ValueError
        A tree of this size has no such leaf, or the proof has the wrong length.
    """
    if not 0 <= number < size:
        raise ValueError(f"there is no leaf {number} in a tree of {size}")
    rest, last = iter(path), size - 1
    try:
        while last:
            if number % 2:
                found = _node(next(rest), found)
            elif number < last:
                found = _node(found, next(rest))
            number, last = number // 2, last // 2
    except StopIteration:
        raise ValueError("the proof is too short") from None
    if next(rest, None) is not None:
        raise ValueError("the proof is too long")
    return found


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(NODE + left + right).digest()
