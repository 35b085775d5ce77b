"""The evidence copy: records and envelopes as they are stored, streamed by COPY and checked while they pass."""
from __future__ import annotations

import hashlib
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import psycopg
from django.db import connections

from audit import tiles
from audit.export import filters
from audit.export.files import Gzip, Written
from audit.export.filters import Filter
from audit.tiles import HASH, WIDTH

CHUNK = 100_000
"""Entries in one file. Part of the format: with another number the same export has other files."""
_FORM = "(FORMAT csv, DELIMITER E'\\x1f', QUOTE E'\\x1e')"
"""Neither character can be in canonical JSON, so that nothing is quoted and a line is the three values as they are."""


class Mismatch(Exception):
    """An entry is not what the tree says it was. The number says which."""

    def __init__(self, seq: int, what: str) -> None:
        self.seq, self.what = seq, what
        super().__init__(f"entry {seq}: {what}")


@dataclass
class Chunk:
    """What one file holds: the numbers of its entries and the hashes of their leaves, in order."""

    seqs: array[int] = field(default_factory=lambda: array("Q"))
    leaves: bytearray = field(default_factory=bytearray)
    written: Written | None = None
    named: set[bytes] = field(default_factory=set)
    """The root-log checkpoints that its envelopes name."""


@dataclass(frozen=True)
class Bounds:
    """The next entries that match: up to which number, and when their acts were, which names the months to look in."""

    low: int
    high: int
    since: Any
    until: Any


def bounds(*, org: UUID, wanted: Filter, low: int, last: int) -> Bounds | None:
    """Which entries the next file has; None when nothing is left."""
    parts, values = filters.where(org=org, wanted=wanted)
    with connections["default"].cursor() as cursor:
        cursor.execute(
            "SELECT min(seq), max(seq), min(occurred_at), max(occurred_at), bool_or(occurred_at IS NULL) FROM (SELECT l.seq, l.occurred_at FROM audit_leaf l"
            f" WHERE {' AND '.join(parts)} AND l.seq BETWEEN %s AND %s ORDER BY l.seq LIMIT %s) AS next", [*values, low, last, CHUNK])
        first, high, since, until, unknown = cursor.fetchone()
    return None if first is None else Bounds(first, high, *((None, None) if unknown else (since, until)))


def stream(*, org: UUID, wanted: Filter, found: Bounds, file: Gzip, pruned: list[dict[str, Any]]) -> Chunk:
    """Write the entries of these bounds. Each record is hashed and compared with its envelope; the leaves are kept for `check`."""
    chunk = Chunk()
    seqs, leaves, named, write, sha = chunk.seqs, chunk.leaves, chunk.named, file.write, hashlib.sha256
    for seq, envelope, record in rows(org=org, wanted=wanted, found=found):
        if not record:
            if _gone(int(seq), pruned):
                continue
            raise Mismatch(int(seq), "the record is missing")
        if b'"record_sha256":"%b"' % sha(record).hexdigest().encode() not in envelope:
            raise Mismatch(int(seq), "the record is not the one that was numbered")
        if b'"prev_checkpoint":null' not in envelope:
            named.add(_named(envelope))
        seqs.append(int(seq))
        leaves += sha(b"\x00" + envelope).digest()
        write(b'{"envelope":%b,"record":%b}\n' % (envelope, record))
    return chunk


def _gone(seq: int, pruned: list[dict[str, Any]]) -> bool:
    return any(one["first"] <= seq <= one["last"] for one in pruned)


def _named(envelope: bytes) -> bytes:
    """The hash of the checkpoint that an envelope names; its form is fixed."""
    start = envelope.find(b'"prev_checkpoint":{"sha256":"') + 29
    return envelope[start:start + 64]


def rows(*, org: UUID, wanted: Filter, found: Bounds) -> Iterator[list[bytes]]:
    """Number, envelope and record of each entry, by number."""
    parts, values = filters.where(org=org, wanted=wanted)
    months = " AND e.occurred_at BETWEEN %s AND %s" if found.since is not None else ""
    sql = (f"COPY (SELECT l.seq, l.envelope, e.record FROM audit_leaf l LEFT JOIN audit_entry e ON e.id = l.entry AND e.org = l.org{months}"
           f" WHERE {' AND '.join(parts)} AND l.seq BETWEEN %s AND %s ORDER BY l.seq) TO STDOUT {_FORM}")
    given = [*([found.since, found.until] if months else []), *values, found.low, found.high]
    django = connections["default"]
    django.ensure_connection()
    with psycopg.ClientCursor(django.connection) as cursor, cursor.copy(sql, given) as copy:
        while data := copy.read():
            parts_ = bytes(data)[:-1].split(b"\x1f")
            if len(parts_) != 3:
                raise Mismatch(int(parts_[0]), "it has characters that no record can have")
            yield parts_


_TILES = 512
"""Tiles that are compared at once."""


def check(*, org: UUID, size: int, chunk: Chunk) -> None:
    """Compare every leaf with the tree, tile by tile. Raises Mismatch for the first that differs."""
    numbers = list(dict.fromkeys((seq - 1) // WIDTH for seq in chunk.seqs))
    place = 0
    for at in range(0, len(numbers), _TILES):
        for number, hashes in _tiles(org, size, numbers[at:at + _TILES]):
            end = (number + 1) * WIDTH
            while place < len(chunk.seqs) and chunk.seqs[place] <= end:
                start = (chunk.seqs[place] - 1) % WIDTH * HASH
                if hashes[start:start + HASH] != chunk.leaves[place * HASH:(place + 1) * HASH]:
                    raise Mismatch(chunk.seqs[place], "the envelope does not have the leaf’s hash")
                place += 1


def _tiles(org: UUID, size: int, numbers: list[int]) -> Iterator[tuple[int, bytes]]:
    """The hashes of the leaves of these tiles; of the last one, which is not full yet, from the leaves."""
    with connections["default"].cursor() as cursor:
        cursor.execute("SELECT n, hashes FROM audit_tile WHERE org = %s AND level = 0 AND n = ANY(%s)", [org, numbers])
        found = {n: bytes(hashes) for n, hashes in cursor.fetchall()}
        for number in numbers:
            hashes, end = found.get(number, b""), min((number + 1) * WIDTH, size)
            if number * WIDTH + len(hashes) // HASH < end:
                hashes += b"".join(tiles.leaves(cursor, str(org), number * WIDTH + len(hashes) // HASH, end))
            yield number, hashes


def check_whole(*, chunk: Chunk, low: int, pruned: list[dict[str, Any]]) -> None:
    """Of a range without a filter: no number is missing but those that retention removed."""
    expected = low
    for seq in chunk.seqs:
        while expected < seq:
            gone = next((one for one in pruned if one["first"] <= expected <= one["last"]), None)
            if gone is None:
                raise Mismatch(expected, "the entry is missing")
            expected = gone["last"] + 1
        expected = seq + 1
