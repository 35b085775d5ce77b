"""Totals: a binary trie over the counters of a log, so that "this is all there is about X" can be proved without showing anything about Y.

The form is in docs/audit-bundle.md. Counts are blinded with a nonce: a proof shows hashes of its neighbours, not their counts.
"""
from __future__ import annotations

import hashlib
import hmac
from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.conf import settings

EMPTY = bytes(32)


def key_of(kind: str, identity: UUID | str) -> bytes:
    return hashlib.sha256(f"{kind}:{identity}".encode()).digest()


def inner_of(n: int, nonce: bytes) -> bytes:
    return hashlib.sha256(n.to_bytes(8, "big") + nonce).digest()


def nonce_of(key: bytes, n: int) -> bytes:
    """16 bytes that nobody can guess who does not have the installation's key; the same for the same count, so that nothing need be stored."""
    return hmac.new(settings.AUDIT_KEY, b"totals" + key + n.to_bytes(8, "big"), hashlib.sha256).digest()[:16]


def leaf_of(key: bytes, inner: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + key + inner).digest()


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


@dataclass(frozen=True)
class Counter:
    kind: str
    id: UUID
    n: int


class Totals:
    """The trie over one log's counters at one size."""

    def __init__(self, counters: Iterable[Counter]) -> None:
        self.counters = {key_of(c.kind, c.id): c.n for c in counters}
        self._keys = sorted(self.counters)
        self._hashes: dict[tuple[int, int, int], bytes] = {}
        self.root = self._trie(0, len(self._keys), 0)

    def __len__(self) -> int:
        return len(self._keys)

    def prove(self, kind: str, identity: UUID) -> dict[str, Any]:
        """That this counter has its value, or that there is none: the JSON of docs/audit-bundle.md."""
        key = key_of(kind, identity)
        siblings: list[bytes] = []
        low, high, depth = 0, len(self._keys), 0
        while high - low > 1:
            middle = self._middle(low, high, depth)
            if _bit(key, depth):
                siblings.append(self._trie(low, middle, depth + 1))
                low = middle
            else:
                siblings.append(self._trie(middle, high, depth + 1))
                high = middle
            depth += 1
        said: dict[str, Any] = {"kind": kind, "id": str(identity), "siblings": [s.hex() for s in reversed(siblings)]}
        met = self._keys[low] if high > low else None
        if met == key:
            n = self.counters[key]
            return said | {"n": n, "nonce": nonce_of(key, n).hex()}
        other = None if met is None else {"key": met.hex(), "inner": self._inner(met).hex()}
        return said | {"n": 0, "other": other}

    def _inner(self, key: bytes) -> bytes:
        return inner_of(self.counters[key], nonce_of(key, self.counters[key]))

    def _middle(self, low: int, high: int, depth: int) -> int:
        return bisect_left(self._keys, True, low, high, key=lambda key: _bit(key, depth))

    def _trie(self, low: int, high: int, depth: int) -> bytes:
        if low == high:
            return EMPTY
        if high - low == 1:
            return leaf_of(self._keys[low], self._inner(self._keys[low]))
        place = (low, high, depth)
        if place not in self._hashes:
            middle = self._middle(low, high, depth)
            self._hashes[place] = _node(self._trie(low, middle, depth + 1), self._trie(middle, high, depth + 1))
        return self._hashes[place]


def _bit(key: bytes, depth: int) -> bool:
    return bool(key[depth >> 3] >> (7 - (depth & 7)) & 1)


def verify(proof: dict[str, Any], root: bytes) -> bool:
    """Whether a proof leads to this root. Says nothing about who stands behind the root."""
    try:
        key = key_of(proof["kind"], proof["id"])
        siblings = [bytes.fromhex(s) for s in proof["siblings"]]
        if proof["n"]:
            node = leaf_of(key, inner_of(int(proof["n"]), bytes.fromhex(proof["nonce"])))
        elif proof.get("other"):
            met = bytes.fromhex(proof["other"]["key"])
            if met == key or any(_bit(met, depth) != _bit(key, depth) for depth in range(len(siblings))):
                return False
            node = leaf_of(met, bytes.fromhex(proof["other"]["inner"]))
        else:
            node = EMPTY
        for depth, sibling in zip(range(len(siblings) - 1, -1, -1), siblings, strict=True):
            node = _node(sibling, node) if _bit(key, depth) else _node(node, sibling)
        return hmac.compare_digest(node, root)
    except (KeyError, TypeError, ValueError, IndexError, OverflowError):
        return False
