"""Tree arithmetic against the RFC's own recursive definitions and published vectors."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.errors import ProofInvalid
from audit.merkle import (
    check_inclusion,
    hash_leaf,
    hash_node,
    inclusion_proof,
    root,
    root_of,
)
from tests.audit.in_memory import nodes_of

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "rfc6962_tree.json").read_text())
LEAVES = [hash_leaf(str(n).encode()) for n in range(600)]
SIZES = range(1, 41)


def k_of(n: int) -> int:
    k = 1
    while k * 2 < n:
        k *= 2
    return k


def mth(d: list[bytes]) -> bytes:
    """MTH, RFC 9162 §2.1.1."""
    if len(d) < 2:
        return d[0] if d else hashlib.sha256(b"").digest()
    k = k_of(len(d))
    return hashlib.sha256(b"\x01" + mth(d[:k]) + mth(d[k:])).digest()


def path(m: int, d: list[bytes]) -> list[bytes]:
    """PATH, RFC 9162 §2.1.3.1."""
    if len(d) == 1:
        return []
    k = k_of(len(d))
    return [*path(m, d[:k]), mth(d[k:])] if m < k else [*path(m - k, d[k:]), mth(d[:k])]


@pytest.mark.parametrize("size", SIZES)
def test_every_inclusion_proof_is_the_rfcs_and_no_other_holds(size: int) -> None:
    d, top = LEAVES[:size], mth(LEAVES[:size])
    assert root_of(d) == root(size, nodes_of(d)) == top
    for m in range(size):
        proof = inclusion_proof(m, size, nodes_of(d))
        assert proof == path(m, d)
        check_inclusion(d[m], m, proof, size=size, root=top)
        for wrong in wrongs(proof):
            refuse(check_inclusion, d[m], m, wrong, size=size, root=top)
        refuse(check_inclusion, d[m], m, proof, size=size, root=LEAVES[99])
        refuse(check_inclusion, LEAVES[99], m, proof, size=size, root=top)
        for other in {-1, m - 1, m + 1, size, size + m}:
            refuse(check_inclusion, d[m], other, proof, size=size, root=top)


def wrongs(proof: list[bytes]) -> list[list[bytes]]:
    flipped = [[*proof[:i], bytes([h[0] ^ 8]) + h[1:], *proof[i + 1 :]] for i, h in enumerate(proof)]
    return [*flipped, [*proof, LEAVES[99]], [LEAVES[99], *proof], *([proof[:-1], proof[1:]] if proof else [])]


def refuse(check, *values: object, **named: object) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ProofInvalid):
        check(*values, **named)


@given(st.integers(1, 600), st.data())
def test_proofs_hold_in_trees_of_several_tiles(size: int, data: st.DataObject) -> None:
    leaf = data.draw(st.integers(0, size - 1))
    proof = inclusion_proof(leaf, size, nodes_of(LEAVES))
    check_inclusion(LEAVES[leaf], leaf, proof, size=size, root=mth(LEAVES[:size]))


def test_published_roots() -> None:
    hashes = [hash_leaf(bytes.fromhex(leaf)) for leaf in VECTORS["leaves"]]
    assert [root_of(hashes[:size]).hex() for size in range(9)] == VECTORS["roots"]


@pytest.mark.parametrize("vector", VECTORS["inclusion"])
def test_published_inclusion_proofs(vector: dict[str, Any]) -> None:
    leaf, size, published = vector["leaf"], vector["size"], [bytes.fromhex(one) for one in vector["path"]]
    hashes = [hash_leaf(bytes.fromhex(one)) for one in VECTORS["leaves"]]
    assert inclusion_proof(leaf, size, nodes_of(hashes)) == published
    check_inclusion(hashes[leaf], leaf, published, size=size, root=bytes.fromhex(VECTORS["roots"][size]))


def test_a_node_cannot_pass_as_a_record_nor_a_last_leaf_be_doubled() -> None:
    assert hash_leaf(LEAVES[0] + LEAVES[1]) != hash_node(LEAVES[0], LEAVES[1])
    assert root_of(LEAVES[:3]) != root_of([*LEAVES[:3], LEAVES[2]])


def test_a_proof_outside_the_tree_is_refused() -> None:
    with pytest.raises(ProofInvalid):
        inclusion_proof(3, 3, nodes_of(LEAVES))
