"""Gaps: the hashes that stand for entries which are not in the bundle, and the entries just outside a filtered range."""
from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any
from uuid import UUID

from django.db import connections

from audit.export import filters
from audit.export.evidence import Bounds, Mismatch, rows
from audit.export.filters import Filter
from audit.tree import Reader

_REMEMBERED = 2000
"""Gaps after which the reader forgets what it read, so that memory stays flat."""


def lines(*, org: UUID, size: int, low: int, seqs: Iterable[int], boundary: Iterable[int], high: int) -> Iterator[bytes]:
    """The gaps between leaf `low` and leaf `high` (indexes, the second not included), around these entries and those of the boundary."""
    beside = sorted(index - 1 for index in boundary if low <= index - 1 < high)
    reader, used = Reader(org=org, size=size), 0
    place = low
    for index in _merged((seq - 1 for seq in seqs), beside):
        if index > place:
            yield from _cover(reader, place, index)
            used += 1
            if used % _REMEMBERED == 0:
                reader = Reader(org=org, size=size)
        place = index + 1
    yield from _cover(reader, place, high)


def _merged(one: Iterable[int], other: list[int]) -> Iterator[int]:
    """Two sorted rows of numbers as one; the second is short."""
    for number in one:
        while other and other[0] < number:
            yield other.pop(0)
        yield number
    yield from other


def _cover(reader: Reader, low: int, high: int) -> Iterator[bytes]:
    for index, level, found in reader.cover(low, high):
        yield b'[%d,%d,"%b"]\n' % (index, level, found.hex().encode())


def boundary(*, org: UUID, wanted: Filter, first: int, last: int, size: int) -> list[tuple[int, bytes]] | None:
    """The entries of the same actor or target just before and just after the range, as (number, line); None where no proof needs them."""
    if filters.completeness(wanted) not in {"actor", "target"} or (first <= 1 and last >= size):
        return None
    parts, values = filters.where(org=org, wanted=wanted)
    found: list[Any] = []
    for condition, order, edge in (("l.seq < %s", "DESC", first), ("l.seq > %s", "ASC", last)):
        with connections["default"].cursor() as cursor:
            cursor.execute(f"SELECT l.seq FROM audit_leaf l WHERE {' AND '.join(parts)} AND {condition} AND l.seq <= %s ORDER BY l.seq {order} LIMIT 1", [*values, edge, size])
            found += [row[0] for row in cursor.fetchall()]
    return [_line(org, seq) for seq in found]


def _line(org: UUID, seq: int) -> tuple[int, bytes]:
    for _seq, envelope, record in rows(org=org, wanted={}, found=Bounds(seq, seq, None, None)):
        if record:
            return seq, b'{"envelope":%b,"record":%b}\n' % (envelope, record)
    raise Mismatch(seq, "the record is missing")
