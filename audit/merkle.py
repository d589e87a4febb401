"""Merkle tree arithmetic of RFC 9162 §2.1 (the tree of RFC 6962), without storage.

A tree is read through a `Node`: `node(height, index)` is the hash of the complete subtree over the 2^height leaves
that begin at `index`·2^height. Hashes are 32 bytes; leaves are numbered from 0.
"""

import hashlib
from collections.abc import Callable, Sequence

from audit.errors import ProofInvalid

Node = Callable[[int, int], bytes]


def hash_leaf(record: bytes) -> bytes:
    """Return the 32-byte hash of a record as a leaf: SHA-256(0x00 ‖ record)."""
    return hashlib.sha256(b"\x00" + record).digest()


def hash_node(left: bytes, right: bytes) -> bytes:
    """Return the 32-byte hash of two children: SHA-256(0x01 ‖ left ‖ right)."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def root_of(hashes: Sequence[bytes]) -> bytes:
    """Return the root over these leaf hashes (MTH, §2.1.1); of none it is the hash of the empty string.

    It is right too over the roots of complete subtrees of one size, of which the last may be smaller.
    """
    row = list(hashes)
    while len(row) > 1:
        paired = [hash_node(row[i], row[i + 1]) for i in range(0, len(row) - 1, 2)]
        row = paired + row[len(paired) * 2 :]
    return row[0] if row else hashlib.sha256().digest()


def root(size: int, node: Node) -> bytes:
    """Return the root of the first `size` leaves; `node` gives the hash of a complete subtree."""
    return _range(0, size, node) if size else root_of(())


def inclusion_proof(index: int, size: int, node: Node) -> list[bytes]:
    """Return the sibling hashes from leaf `index` up to the root of `size` leaves (PATH, §2.1.3.1). Raises ProofInvalid
    if there is no such leaf.
    """
    if not 0 <= index < size:
        raise ProofInvalid(f"index {index} outside a tree of {size}")
    begin, end = 0, size
    path = []
    while end - begin > 1:
        middle = begin + _split(end - begin)
        if index < middle:
            path.append(_range(middle, end, node))
            end = middle
        else:
            path.append(_range(begin, middle, node))
            begin = middle
    return path[::-1]


def check_inclusion(leaf: bytes, index: int, path: Sequence[bytes], *, size: int, root: bytes) -> None:
    """Check that `leaf` (a `hash_leaf`) is record `index` of `size` records under `root` (§2.1.3.2).

    `path` lists sibling hashes from the leaf up. Raises ProofInvalid; returns nothing, so there is no boolean
    to forget.
    """
    if not 0 <= index < size:
        raise ProofInvalid(f"index {index} outside a tree of {size}")
    node, last, computed = index, size - 1, leaf
    for sibling in path:
        if last == 0:
            raise ProofInvalid("path longer than the tree is high")
        if node & 1 or node == last:
            computed = hash_node(sibling, computed)
            while not node & 1 and node:  # levels at which this node had no right sibling
                node, last = node >> 1, last >> 1
        else:
            computed = hash_node(computed, sibling)
        node, last = node >> 1, last >> 1
    if last or computed != root:
        raise ProofInvalid("path does not lead to the root")


def _split(size: int) -> int:
    """The largest power of two below `size`."""
    return 1 << (size - 1).bit_length() - 1


def _range(begin: int, end: int, node: Node) -> bytes:
    """Root over the leaves from `begin` to `end`, as it occurs in proofs: `begin` is aligned to the size."""
    size = end - begin
    if size & (size - 1) == 0:
        height = size.bit_length() - 1
        return node(height, begin >> height)
    middle = begin + _split(size)
    return hash_node(_range(begin, middle, node), _range(middle, end, node))
