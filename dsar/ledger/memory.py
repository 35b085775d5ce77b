"""What the database remembers of the ledger, and what PostgreSQL says of the transactions that wrote to it."""
from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import orjson
from django.db import connection, connections

from dsar.ledger.file import NOTHING, Line

VOID = "ledger.void"
"""The kind of a line that says: what the line with that number announced never happened."""
NEVER = frozenset({"in progress", "aborted"})
"""States of a transaction whose act is not in the database and need not be: it is under way, or was rolled back."""

HERE = """(SELECT system_identifier FROM pg_control_system())::text || '.' || left(pg_walfile_name(pg_current_wal_lsn()), 8) || '.'
 || (SELECT oid FROM pg_database WHERE datname = current_database())::text"""
"""Which database this is: the cluster, its history, and the number of the database. A restored one is another, or has not come so far."""
_STATES = f"""WITH own AS MATERIALIZED (SELECT pg_current_xact_id() AS xid, {HERE} AS here)
 SELECT CASE WHEN w.tx NOT LIKE own.here || '.%%' THEN 'elsewhere'
  WHEN split_part(w.tx, '.', 4)::xid8 >= own.xid THEN 'future'
  ELSE COALESCE(pg_xact_status(split_part(w.tx, '.', 4)::xid8), 'forgotten') END
 FROM own, unnest(%s::text[]) WITH ORDINALITY AS w(tx, n) ORDER BY w.n"""


@dataclass(frozen=True)
class Mark:
    """How far everything is accounted for, and which lines behind it happened."""

    seq: int
    hash: str
    closed: bool
    seen: dict[int, str]


def remembered(*, using: str = "default") -> Mark:
    with connections[using].cursor() as cursor:
        cursor.execute("SELECT m.seq, m.hash, m.closed_at IS NOT NULL, s.seqs, s.hashes FROM (SELECT 1) one LEFT JOIN dsar_ledgermark m ON m.id = 1"
                       " CROSS JOIN LATERAL (SELECT array_agg(seq) AS seqs, array_agg(hash) AS hashes FROM dsar_ledgerseen WHERE seq > COALESCE(m.seq, 0)) s")
        seq, digest, closed, seqs, hashes = cursor.fetchone()
    return Mark(seq or 0, digest or NOTHING, bool(closed), dict(zip(seqs or [], hashes or [], strict=True)))


def transactions(names: Sequence[str], *, using: str = "default") -> list[str]:
    """What became of these transactions: `in progress`, `aborted`, `committed`; or `elsewhere`, `future`, `forgotten`, which this database cannot know."""
    with connections[using].cursor() as cursor:
        cursor.execute(_STATES, [list(names)])
        return [row[0] for row in cursor.fetchall()]


def is_closed(*, using: str) -> bool:
    """Whether this database is known to be older than the ledger: also for whoever cannot see the file."""
    with connections[using].cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT 1 FROM dsar_ledgermark WHERE closed_at IS NOT NULL)")
        return bool(cursor.fetchone()[0])


def close(*, now: datetime, using: str = "default") -> None:
    """From now on nobody is served, until the ledger was replayed."""
    with connections[using].cursor() as cursor:
        cursor.execute("INSERT INTO dsar_ledgermark (id, seq, hash, closed_at) VALUES (1, 0, %s, %s)"
                       " ON CONFLICT (id) DO UPDATE SET closed_at = COALESCE(dsar_ledgermark.closed_at, EXCLUDED.closed_at)",
                       [NOTHING, now])


def open_again() -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE dsar_ledgermark SET closed_at = NULL, found = '{}' WHERE id = 1")


def account_for(lines: Iterable[Line]) -> None:
    """These lines are done in this database. In the transaction that does them."""
    lines = list(lines)
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO dsar_ledgerseen (seq, hash) SELECT * FROM unnest(%s::bigint[], %s::text[]) ON CONFLICT DO NOTHING", [[one.seq for one in lines], [one.hash for one in lines]])


def move(seq: int, digest: str) -> None:
    """Everything up to here is accounted for."""
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO dsar_ledgermark (id, seq, hash) VALUES (1, %s, %s)"
                       " ON CONFLICT (id) DO UPDATE SET seq = EXCLUDED.seq, hash = EXCLUDED.hash WHERE dsar_ledgermark.seq < EXCLUDED.seq",
                       [seq, digest])
        cursor.execute("DELETE FROM dsar_ledgerseen WHERE seq <= %s", [seq])


def found() -> dict[str, dict[str, int]]:
    """What a replay has brought about so far."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT found FROM dsar_ledgermark WHERE id = 1")
        row = cursor.fetchone()
    return orjson.loads(row[0]) if row and isinstance(row[0], str) else (row[0] if row else {})


def keep(found: dict[str, dict[str, int]]) -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE dsar_ledgermark SET found = %s::text::jsonb WHERE id = 1", [orjson.dumps(found).decode()])
