"""Test the Merkle tree of RFC 9162 with the vectors of Certificate Transparency and
against a naive implementation.
"""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provscan.handover.tree import inclusion, leaf, levels, root_of

# From the reference implementation of RFC 6962, which has the same tree: leaves, the
# roots of the first 1 to 8 leaves, and proofs.
LEAVES = [
    bytes.fromhex(each)
    for each in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
PROOFS = {
    (0, 1): [],
    (0, 8): [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ],
    (5, 8): [
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        ROOTS[3],
    ],
    (2, 3): [ROOTS[1]],
    (1, 5): [
        ROOTS[0],
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ],
}


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
