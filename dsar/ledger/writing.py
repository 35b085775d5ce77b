"""Writing to the ledger: first the file, then, in the transaction of the act, the database's memory of the line."""
from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection, connections, transaction

from audit.outside import Fact, Unavailable
from dsar.ledger import file, memory
from dsar.ledger.file import Draft

_again: ContextVar[int | None] = ContextVar("ledger_again", default=None)

_WHERE = f"""SELECT {memory.HERE} || '.' || pg_current_xact_id()::text,
 GREATEST((SELECT COALESCE(max(seq), 0) FROM dsar_ledgerseen), (SELECT COALESCE(max(seq), 0) FROM dsar_ledgermark)), (SELECT bool_or(closed_at IS NOT NULL) FROM dsar_ledgermark)"""
"""Which transaction of which database this is: the cluster, its history, the database and the number. How far the ledger was seen, and whether this database is known to be an old one."""


def line(kind: str, *, org: UUID | None, subject: UUID | None, facts: Mapping[str, Fact], now: datetime) -> int:
    """Append one line, which is on the disk when this returns, and answer with its number. Raises `Unavailable`: then nothing may be destroyed, and it is tried again later.

    Called inside the transaction of the act: what is rolled back is known never to have happened. Ids, codes, numbers and days only.
    """
    return lines([Draft(kind, org, subject, facts)], now=now)[0]


def lines(drafts: Sequence[Draft], *, now: datetime) -> list[int]:
    """Append several lines at once: one wait for the disk."""
    if (again := _again.get()) is not None:
        return [again] * len(drafts)  # it stands there already
    if not drafts:
        return []
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_WHERE)
        tx, least, closed = cursor.fetchone()
        _remember_number(cursor)
        if closed:
            raise Unavailable("this database is older than the ledger; run manage.py privacy_replay before anything else")
        written = file.append(drafts, tx=tx, now=now, least=least)
        cursor.execute("INSERT INTO dsar_ledgerseen (seq, hash) SELECT * FROM unnest(%s::bigint[], %s::text[])", [[one.seq for one in written], [one.hash for one in written]])
    return [one.seq for one in written]


def _remember_number(cursor: Any) -> None:
    """The number of the transaction is on PostgreSQL's disk before the line is on ours: else a server that crashes now would give it to somebody else, and could not say that nothing came of it."""
    if connection.pg_version >= 170000:  # type: ignore[attr-defined]
        cursor.execute("SELECT pg_logical_emit_message(true, 'steward', 'ledger', true)")
        return
    cursor.execute("SELECT pg_logical_emit_message(true, 'steward', 'ledger')")
    with transaction.atomic(using="refusals"), connections["refusals"].cursor() as other:  # a commit of somebody else waits for everything before it
        other.execute("SELECT pg_logical_emit_message(true, 'steward', 'ledger')")


@contextmanager
def again(seq: int) -> Iterator[None]:
    """What is done in this block is done because a line of the ledger says so: it writes no other."""
    token = _again.set(seq)
    try:
        yield
    finally:
        _again.reset(token)
