"""Reading the tree of a log at a size: hashes of subtrees, roots and proofs, from tiles and the newest leaves (RFC 6962, RFC 9162)."""
from __future__ import annotations

from uuid import UUID

from django.db import connections

from audit import merkle, tiles
from audit.tiles import WIDTH


class Reader:
    """The tree of the first `size` leaves of one log. Reads what it needs and remembers it: a proof costs a few rows, whatever the size.

    It proves nothing by itself: who relies on a hash compares the root with one that was signed.
    """

    def __init__(self, *, org: UUID, size: int, alias: str = "default") -> None:
        self.org, self.size, self.alias = org, size, alias
        self._tiles: dict[tuple[int, int], list[bytes]] = {}

    def node(self, level: int, index: int) -> bytes:
        """The hash of the perfect subtree of 2^level leaves that is number `index` of its kind. Raises LookupError beyond the size."""
        if (index + 1) << level > self.size:
            raise LookupError("this subtree is not in the tree")
        above, bits = divmod(level, 8)
        start = index << bits
        tile = self._tile(above, start // WIDTH)
        hashes = tile[start % WIDTH:start % WIDTH + (1 << bits)]
        if len(hashes) != 1 << bits:
            raise LookupError(f"tile {above}/{start // WIDTH} of the log {self.org} is not complete")
        return merkle.tree_root(hashes)

    def root(self) -> bytes:
        """The root at this size."""
        return self._hash(0, self.size) if self.size else merkle.EMPTY_ROOT

    def cover(self, low: int, high: int) -> list[tuple[int, int, bytes]]:
        """The fewest perfect subtrees that cover the leaves low … high-1: (index of the first leaf, level, hash), in order."""
        found = []
        while low < high:
            level = min((low & -low).bit_length() - 1 if low else self.size.bit_length(), (high - low).bit_length() - 1)
            found.append((low, level, self.node(level, low >> level)))
            low += 1 << level
        return found

    def inclusion(self, index: int) -> list[bytes]:
        """The path from a leaf to the root (RFC 6962 section 2.1.1)."""
        if not 0 <= index < self.size:
            raise LookupError("no such leaf")
        path, low, high = [], 0, self.size
        while high - low > 1:
            middle = low + _split(high - low)
            if index < middle:
                path.append(self._hash(middle, high))
                high = middle
            else:
                path.append(self._hash(low, middle))
                low = middle
        return path[::-1]

    def consistency(self, first: int) -> list[bytes]:
        """That the tree of the first `first` leaves is a prefix of this one (RFC 6962 section 2.1.2)."""
        if not 0 < first <= self.size:
            raise LookupError("no such tree")
        path, low, high, whole = [], 0, self.size, True
        while first != high:
            middle = low + _split(high - low)
            if first <= middle:
                path.append(self._hash(middle, high))
                high = middle
            else:
                path.append(self._hash(low, middle))
                low, whole = middle, False
        return ([] if whole else [self._hash(low, high)]) + path[::-1]

    def _hash(self, low: int, high: int) -> bytes:
        """The root of the leaves low … high-1, as RFC 6962 splits them."""
        size = high - low
        if size & (size - 1) == 0:
            return self.node(size.bit_length() - 1, low >> (size.bit_length() - 1))
        middle = low + _split(size)
        return merkle.node_hash(self._hash(low, middle), self._hash(middle, high))

    def _tile(self, level: int, number: int) -> list[bytes]:
        if (level, number) not in self._tiles:
            with connections[self.alias].cursor() as cursor:
                cursor.execute("SELECT hashes FROM audit_tile WHERE org = %s AND level = %s AND n = %s", [self.org, level, number])
                row = cursor.fetchone()
                hashes = tiles.split(bytes(row[0])) if row else []
                if level == 0 and len(hashes) < min(WIDTH, self.size - number * WIDTH):
                    hashes += tiles.leaves(cursor, str(self.org), number * WIDTH + len(hashes), min((number + 1) * WIDTH, self.size))
            self._tiles[(level, number)] = hashes
        return self._tiles[(level, number)]


def _split(size: int) -> int:
    return 1 << (size - 1).bit_length() - 1
