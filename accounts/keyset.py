"""Pages of a list by the position of their last row: the millionth row costs what the first does, and nothing is shown twice."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core import signing
from django.db import connection

_SIGNER = signing.Signer(salt="steward.keyset.cursor")


@dataclass(frozen=True)
class Slice:
    """Some rows, and the cursors of what comes before and after."""

    rows: list[tuple[Any, ...]]
    next: str = ""
    previous: str = ""
    lost: bool = False
    """Whether there was a cursor and it did not fit: the page begins anew, the API says so."""


def fetch(*, select: str, source: str, where: Sequence[str], values: Sequence[Any], keys: Sequence[tuple[str, str]], binding: str, cursor: str, size: int) -> Slice:
    """One page of `select` from `source`, ordered by `keys` (expression, type), of which the last is unique.

    `binding` says which list it is, of whom, with which filter: a cursor of another list, or a forged one, is the first page.
    """
    position, where, values = _read(cursor, binding, len(keys)), list(where), list(values)
    backwards = position is not None and position[0] == "<"
    if position is not None:
        where.append(f"({', '.join(k for k, _type in keys)}) {position[0]} ({', '.join(f'%s::{kind}' for _key, kind in keys)})")
        values += position[1]
    order = ", ".join(f"{key} {'DESC' if backwards else 'ASC'}" for key, _type in keys)
    with connection.cursor() as db:
        db.execute(f"{select}, {', '.join(k for k, _type in keys)} FROM {source} WHERE {' AND '.join(where)} ORDER BY {order} LIMIT %s", [*values, size + 1])
        found = db.fetchall()
    more, found = len(found) > size, found[:size]
    if backwards:
        found.reverse()
    return Slice(
        rows=[row[:-len(keys)] for row in found],
        next=_write(binding, ">", found[-1][-len(keys):]) if found and (more or backwards) else "",
        previous=_write(binding, "<", found[0][-len(keys):]) if found and ((position and not backwards) or (backwards and more)) else "",
        lost=bool(cursor) and position is None)


def _write(binding: str, direction: str, key: Sequence[Any]) -> str:
    return _SIGNER.sign_object([binding, direction, [v.isoformat() if isinstance(v, datetime) else v if isinstance(v, int) else str(v) for v in key]])


def _read(cursor: str, binding: str, length: int) -> tuple[str, list[Any]] | None:
    try:
        found, direction, key = _SIGNER.unsign_object(cursor) if cursor else (None, "", [])
    except (signing.BadSignature, ValueError, TypeError):
        return None
    return (direction, key) if found == binding and direction in {"<", ">"} and len(key) == length else None
