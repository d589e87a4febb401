"""A tree without files."""

from collections.abc import Sequence

from audit.merkle import Node, root_of


def nodes_of(hashes: Sequence[bytes]) -> Node:
    """Read a tree whose leaf hashes are in memory."""
    return lambda height, index: root_of(hashes[index << height : (index + 1) << height])
