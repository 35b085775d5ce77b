"""Tiles: the hashes of a log's tree, 256 to a row, kept for ever so that proofs outlive the entries (C2SP tlog-tiles)."""
from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from audit import ROOT, merkle

WIDTH = 256
HASH = 32


def split(hashes: bytes) -> list[bytes]:
    """The hashes of one tile."""
    return [hashes[at:at + HASH] for at in range(0, len(hashes), HASH)]


def grow(cursor: Any, grown: Iterable[tuple[str, int, list[bytes]]]) -> None:
    """Write the tiles that became full. For each log: its id, its size before, the hashes of its new leaves (which are inserted already)."""
    full = [(org, size, fresh) for org, size, fresh in grown if size // WIDTH != (size + len(fresh)) // WIDTH]
    if not full:
        return
    begun = _begun(cursor, [(org, size) for org, size, _fresh in full if size % WIDTH])
    rows: list[tuple[str, int, int, bytes]] = []
    for org, size, fresh in full:
        first = size // WIDTH
        hashes = begun.get(org, []) + fresh
        whole = [hashes[at:at + WIDTH] for at in range(0, len(hashes) - WIDTH + 1, WIDTH)]
        rows += [(org, 0, first + number, b"".join(tile)) for number, tile in enumerate(whole)]
        rows += _above(cursor, org, 1, first, [merkle.tree_root(tile) for tile in whole])
    _write(cursor, rows)


def leaves(cursor: Any, org: str, low: int, high: int) -> list[bytes]:
    """The hashes of the leaves low … high-1 of a log, as far as they are there."""
    if str(org) == str(ROOT):
        cursor.execute("SELECT leaf_sha256 FROM audit_epoch WHERE pos >= %s AND pos < %s ORDER BY pos", [low, high])
    else:
        cursor.execute("SELECT leaf_sha256 FROM audit_leaf WHERE org = %s::uuid AND seq > %s AND seq <= %s ORDER BY seq", [org, low, high])
    return [bytes(row[0]) for row in cursor.fetchall()]


def keep_partial(cursor: Any, org: str, size: int) -> None:
    """Keep the hashes of the last leaves, which fill no tile yet, before those leaves are removed."""
    if hashes := _begun(cursor, [(org, size)]).get(org):
        _write(cursor, [(org, 0, size // WIDTH, b"".join(hashes))])


def complete(cursor: Any) -> int:
    """Write the tiles of logs that grew before there were tiles. Returns how many logs. Needs to see every log."""
    cursor.execute("SELECT org::text, size FROM audit_tree t WHERE size >= %s AND NOT EXISTS (SELECT 1 FROM audit_tile i WHERE i.org = t.org)", [WIDTH])
    logs = cursor.fetchall()
    for org, size in logs:
        for start in range(0, size, _AT_ONCE):
            grow(cursor, [(org, start, leaves(cursor, org, start, min(start + _AT_ONCE, size)))])
    return len(logs)


_AT_ONCE = WIDTH * WIDTH


def _begun(cursor: Any, logs: list[tuple[str, int]]) -> dict[str, list[bytes]]:
    """The hashes of the leaves after the last full tile of each log, up to its size."""
    found: dict[str, list[bytes]] = {}
    for org, size in logs:
        start = size // WIDTH * WIDTH
        cursor.execute("SELECT hashes FROM audit_tile WHERE org = %s::uuid AND level = 0 AND n = %s", [org, size // WIDTH])
        row = cursor.fetchone()
        kept = split(bytes(row[0]))[:size - start] if row else []
        found[org] = kept + leaves(cursor, org, start + len(kept), size)
        if len(found[org]) != size - start:
            raise LookupError(f"the log {org} lacks leaves above {start}")
    return found


def _above(cursor: Any, org: str, level: int, first: int, roots: list[bytes]) -> list[tuple[str, int, int, bytes]]:
    """The tiles of the next levels, grown by these roots, the first of which has index `first` there."""
    begun: list[bytes] = []
    if first % WIDTH:
        cursor.execute("SELECT hashes FROM audit_tile WHERE org = %s::uuid AND level = %s AND n = %s", [org, level, first // WIDTH])
        row = cursor.fetchone()
        begun = split(bytes(row[0])) if row else []
        if len(begun) != first % WIDTH:
            raise LookupError(f"the tile {level}/{first // WIDTH} of the log {org} is not what it was")
    hashes, number = begun + roots, first // WIDTH
    rows = [(org, level, number + at // WIDTH, b"".join(hashes[at:at + WIDTH])) for at in range(0, len(hashes), WIDTH)]
    whole = [merkle.tree_root(hashes[at:at + WIDTH]) for at in range(0, len(hashes) - WIDTH + 1, WIDTH)]
    return rows + (_above(cursor, org, level + 1, number, whole) if whole else [])


def _write(cursor: Any, rows: list[tuple[str, int, int, bytes]]) -> None:
    cursor.executemany("INSERT INTO audit_tile (org, level, n, hashes) VALUES (%s::uuid, %s, %s, %s)"
                       " ON CONFLICT (org, level, n) DO UPDATE SET hashes = EXCLUDED.hashes", rows)
