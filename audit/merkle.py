"""The Merkle tree of RFC 6962: leaf and node hashes, a compact range that grows, and the two proofs."""
from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

EMPTY_ROOT = hashlib.sha256(b"").digest()


def leaf_hash(data: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def append(size: int, peaks: list[bytes], leaves: Iterable[bytes]) -> tuple[int, list[bytes]]:
    """Add leaf hashes to a compact range (the roots of its perfect subtrees, largest first). Returns size and range."""
    peaks = list(peaks)
    for leaf in leaves:
        node, n = leaf, size
        while n & 1:
            node = node_hash(peaks.pop(), node)
            n >>= 1
        peaks.append(node)
        size += 1
    return size, peaks


def root(peaks: Sequence[bytes]) -> bytes:
    """The root of the whole tree from its compact range."""
    if not peaks:
        return EMPTY_ROOT
    node = peaks[-1]
    for peak in reversed(peaks[:-1]):
        node = node_hash(peak, node)
    return node


def tree_root(leaves: Sequence[bytes]) -> bytes:
    return root(append(0, [], leaves)[1])


def _split(size: int) -> int:
    return 1 << (size - 1).bit_length() - 1


def inclusion_proof(index: int, leaves: Sequence[bytes]) -> list[bytes]:
    """The path from leaf `index` to the root (RFC 6962 section 2.1.1)."""
    size = len(leaves)
    if not 0 <= index < size:
        raise ValueError("no such leaf")
    if size == 1:
        return []
    k = _split(size)
    if index < k:
        return [*inclusion_proof(index, leaves[:k]), tree_root(leaves[k:])]
    return [*inclusion_proof(index - k, leaves[k:]), tree_root(leaves[:k])]


def consistency_proof(first: int, leaves: Sequence[bytes]) -> list[bytes]:
    """That the tree of `first` leaves is a prefix of this one (RFC 6962 section 2.1.2)."""
    if not 0 < first <= len(leaves):
        raise ValueError("no such tree")
    return _subproof(first, leaves, True)


def _subproof(m: int, leaves: Sequence[bytes], whole: bool) -> list[bytes]:
    size = len(leaves)
    if m == size:
        return [] if whole else [tree_root(leaves)]
    k = _split(size)
    if m <= k:
        return [*_subproof(m, leaves[:k], whole), tree_root(leaves[k:])]
    return [*_subproof(m - k, leaves[k:], False), tree_root(leaves[:k])]


def _sizes(*hashes: bytes) -> bool:
    return all(len(h) == 32 for h in hashes)


def verify_inclusion(*, index: int, size: int, leaf: bytes, proof: Sequence[bytes], root: bytes) -> bool:
    """Whether `leaf` is at `index` of the tree with this root (RFC 9162 section 2.1.3.2)."""
    if not 0 <= index < size or not _sizes(leaf, root, *proof):
        return False
    fn, sn, node = index, size - 1, leaf
    for step in proof:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            node = node_hash(step, node)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            node = node_hash(node, step)
        fn, sn = fn >> 1, sn >> 1
    return sn == 0 and node == root


def verify_consistency(*, size1: int, size2: int, root1: bytes, root2: bytes, proof: Sequence[bytes]) -> bool:
    """Whether the first tree is a prefix of the second (RFC 9162 section 2.1.4.2). A proof from the empty tree proves nothing."""
    if not 0 < size1 <= size2 or not _sizes(root1, root2, *proof):
        return False
    if size1 == size2:
        return not proof and root1 == root2
    path = list(proof)
    if size1 & (size1 - 1) == 0:
        path = [root1, *path]
    if not path:
        return False
    fn, sn = size1 - 1, size2 - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    one = two = path[0]
    for step in path[1:]:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            one, two = node_hash(step, one), node_hash(step, two)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            two = node_hash(two, step)
        fn, sn = fn >> 1, sn >> 1
    return sn == 0 and one == root1 and two == root2
