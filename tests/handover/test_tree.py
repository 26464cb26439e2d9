"""Test the Merkle tree of RFC 9162 with the vectors of Certificate Transparency and
against a naive implementation.
"""

import hashlib
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provscan.handover.tree import inclusion, leaf, levels, root_of

# From the reference implementation of RFC 6962, which has the same tree: leaves, the
# roots of the first 1 to 8 leaves, and proofs.
VECTORS = json.loads(Path(__file__).with_name("tree.json").read_text())
LEAVES = [bytes.fromhex(each) for each in VECTORS["leaves"]]
EMPTY, ROOTS = VECTORS["empty"], VECTORS["roots"]
PROOFS = {(number, size): proof for number, size, proof in VECTORS["proofs"]}


def naive_root(rows):
    """Compute the root as in section 2.1.1 of the RFC."""
    if not rows:
        return hashlib.sha256(b"").digest()
    if len(rows) == 1:
        return hashlib.sha256(b"\x00" + rows[0]).digest()
    half = 1
    while 2 * half < len(rows):
        half *= 2
    both = naive_root(rows[:half]) + naive_root(rows[half:])
    return hashlib.sha256(b"\x01" + both).digest()


def naive_proof(number, rows):
    """Compute the proof as in section 2.1.3.1 of the RFC."""
    if len(rows) == 1:
        return []
    half = 1
    while 2 * half < len(rows):
        half *= 2
    if number < half:
        return [*naive_proof(number, rows[:half]), naive_root(rows[half:])]
    return [*naive_proof(number - half, rows[half:]), naive_root(rows[:half])]


def test_golden_roots():
    assert levels([])[-1][0].hex() == EMPTY
    hashes = list(map(leaf, LEAVES))
    roots = [levels(hashes[:size])[-1][0].hex() for size in range(1, 9)]
    assert roots == ROOTS


@pytest.mark.parametrize(("number", "size"), PROOFS)
def test_golden_proofs(number, size):
    tree = levels(list(map(leaf, LEAVES[:size])))
    found = [each.hex() for each in inclusion(tree, number)]
    assert found == PROOFS[number, size]


@given(st.integers(1, 70), st.data())
def test_proofs_of_any_tree(size, data):
    rows = [bytes([n]) for n in range(size)]
    number = data.draw(st.integers(0, size - 1))
    tree = levels(list(map(leaf, rows)))
    proof = inclusion(tree, number)
    assert proof == naive_proof(number, rows)
    root = naive_root(rows)
    assert tree[-1] == [root]
    assert root_of(leaf(rows[number]), number, size, proof) == root

    # Another row, number or proof gives another root, or an error.
    assert root_of(leaf(b"other"), number, size, proof) != root
    with pytest.raises(ValueError, match="too long"):
        root_of(leaf(rows[number]), number, size, [*proof, root])
    if proof:
        with pytest.raises(ValueError, match="too short"):
            root_of(leaf(rows[number]), number, size, proof[:-1])
        changed = [*proof[:-1], bytes(32)]
        assert root_of(leaf(rows[number]), number, size, changed) != root
    with pytest.raises(ValueError, match="no leaf"):
        root_of(leaf(rows[number]), size, size, proof)
