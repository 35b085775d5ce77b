"""Verifying around what was removed: a gap is accepted when an entry declares it, and its leaves are taken from the tiles."""
from __future__ import annotations

import hashlib
from collections.abc import Iterator
from uuid import UUID

import orjson
from django.db import connections

from audit import merkle, tiles
from audit.tiles import WIDTH

_AT_ONCE = 256
"""Tiles that are read at a time."""


class Gaps:
    """The declared gaps of one log."""

    def __init__(self, *, org: UUID, alias: str) -> None:
        self.org, self.alias = org, alias
        self.wrong: list[tuple[int | None, str]] = []
        with connections[alias].cursor() as cursor:
            cursor.execute("SELECT first, last, root, entry FROM audit_pruned WHERE org = %s ORDER BY first", [org])
            self.runs = [(first, last, bytes(root), entry) for first, last, root, entry in cursor.fetchall()]
            cursor.execute("SELECT e.id, e.record, e.record_sha256 FROM audit_entry e WHERE e.org = %s AND e.id = ANY(%s)", [org, list({run[3] for run in self.runs})])
            self.entries = {entry: record if hashlib.sha256(record.encode()).digest() == bytes(sha) else "{}" for entry, record, sha in cursor.fetchall()}
        self._at = 0

    def findings(self) -> Iterator[tuple[int | None, str]]:
        """What is wrong with the declarations themselves, and with the hashes that were kept."""
        last = 0
        for first, end, root, entry in self.runs:
            if first <= last or end < first:
                yield first, "a removal is declared twice"
            last = end
            if {"first": first, "last": end, "root": root.hex()} not in _declared(self.entries.get(entry, "{}")):
                yield first, "a removal is not declared by an entry"
        yield from self.wrong

    def fill(self, seq: int, size: int, peaks: list[bytes], upto: int) -> tuple[int, int, list[bytes]]:
        """Go over declared gaps that follow number `seq` and begin at or before `upto`: number, size and range after them."""
        while self._at < len(self.runs) and self.runs[self._at][0] == seq + 1 and self.runs[self._at][0] <= upto:
            first, last, root, _entry = self.runs[self._at]
            own_size, own = 0, list[bytes]()
            for hashes in self._hashes(first, last):
                size, peaks = merkle.append(size, peaks, hashes)
                own_size, own = merkle.append(own_size, own, hashes)
            if own_size != last - first + 1 or merkle.root(own) != root:
                self.wrong.append((first, "the hashes of what was removed are not what was declared"))
            seq, self._at = last, self._at + 1
        return seq, size, peaks

    def between(self, low: int, high: int) -> int:
        """How many of the numbers above `low` up to `high` were removed."""
        return sum(max(0, min(last, high) - max(first, low + 1) + 1) for first, last, _root, _entry in self.runs)

    def _hashes(self, first: int, last: int) -> Iterator[list[bytes]]:
        low, end = (first - 1) // WIDTH, (last - 1) // WIDTH
        for start in range(low, end + 1, _AT_ONCE):
            with connections[self.alias].cursor() as cursor:
                cursor.execute("SELECT n, hashes FROM audit_tile WHERE org = %s AND level = 0 AND n BETWEEN %s AND %s ORDER BY n", [self.org, start, min(start + _AT_ONCE - 1, end)])
                found = cursor.fetchall()
            for n, hashes in found:
                yield tiles.split(bytes(hashes))[max(0, first - 1 - n * WIDTH):last - n * WIDTH]


def _declared(record: str) -> list[object]:
    parsed = orjson.loads(record)
    return list(parsed["facts"].get("ranges", [])) if parsed.get("action") == "audit.pruned" else []
