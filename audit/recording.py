"""The one way to write: open an act, change things, write its entries, in one transaction. And refusals beside it."""
from __future__ import annotations

import hashlib
import os
import time
import uuid
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from django.db import connections, transaction

from audit.commitment import Opening
from audit.record import EntryDraft, build
from audit.sealing import seal, subject_keys


class NothingRecorded(Exception):
    """An act was opened and ended without an entry: a programming error; the transaction must not commit."""


def uuid7(*, now_ms: int | None = None) -> UUID:
    """A time-ordered random id (RFC 9562): 48 bits of milliseconds, then randomness."""
    milliseconds = int(time.time() * 1000) if now_ms is None else now_ms
    number = int.from_bytes(milliseconds.to_bytes(6, "big") + os.urandom(10), "big")
    number = number & ~(0xF << 76) | (0x7 << 76)
    return UUID(int=number & ~(0x3 << 62) | (0x2 << 62))


@dataclass
class Act:
    """An open act. `write` adds its entries; until then PostgreSQL lets guarded tables be changed."""

    id: UUID
    org: UUID
    now: datetime
    written: list[UUID] = field(default_factory=list)
    keys: dict[UUID, UUID] = field(default_factory=dict)
    """The ids of the keys of people whom its entries are about."""
    closed: bool = False

    def write(self, drafts: list[EntryDraft], *, close: bool = False) -> list[UUID]:
        """Write entries, their commitments' openings and, by trigger, their place in the queue. Returns their ids.

        `close` ends the act in the same statement: nothing guarded can be written after it.
        """
        ids = _write(drafts, act=self.id, now=self.now, alias="default", known={self.org: self.keys}, close=close)
        self.written += ids
        self.closed = close
        return ids


_OPEN = """SELECT current_setting('steward.act', true), audit_open(%(act)s),
  ARRAY(SELECT subject FROM audit_subjectkey WHERE org = %(org)s AND subject = ANY(%(subjects)s) ORDER BY subject),
  ARRAY(SELECT key FROM audit_subjectkey WHERE org = %(org)s AND subject = ANY(%(subjects)s) ORDER BY subject)"""


@contextmanager
def opened(*, org: UUID, now: datetime, subjects: Iterable[UUID] = ()) -> Iterator[Act]:
    """Open an act in the running transaction. Leaving the block without an entry raises.

    `subjects` are people whose keys its entries will need: their names are fetched with the same statement.
    """
    connection = connections["default"]
    if not connection.in_atomic_block:
        raise transaction.TransactionManagementError("an act is opened inside transaction.atomic()")
    act = Act(id=uuid.uuid4(), org=org, now=now)
    with connection.cursor() as cursor:
        cursor.execute(_OPEN, {"act": act.id, "org": org, "subjects": list(subjects)})
        running, _opened, known, keys = cursor.fetchone()
        if running:
            raise transaction.TransactionManagementError("an act is already open in this transaction")
    act.keys = dict(zip(known, keys, strict=True))
    yield act
    if not act.written:
        raise NothingRecorded
    if act.closed:
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('steward.act', '', true)")


def refuse(draft: EntryDraft, *, now: datetime) -> UUID:
    """Record an attempt that was refused or failed, on its own connection: it stays when the act's transaction rolls back."""
    if connections["default"].in_atomic_block:
        # Both connections may want the same subject's key; waiting for ourselves would never end.
        raise transaction.TransactionManagementError("a refusal is recorded after the act's transaction has rolled back")
    with transaction.atomic(using="refusals"):
        return _write([draft], act=None, now=now, alias="refusals", known={}, close=False)[0]


def _write(drafts: list[EntryDraft], *, act: UUID | None, now: datetime, alias: str, known: dict[UUID, dict[UUID, UUID]], close: bool) -> list[UUID]:
    rows, openings = [], []
    # Ids made in one millisecond are in no order; sorted, the entries of an act are numbered in the order they are given.
    for entry_id, draft in zip(sorted(uuid7() for _ in drafts), drafts, strict=True):
        text, hidden = build(draft, entry_id=entry_id, act=act, occurred_at=now)
        rows.append((entry_id, draft.org, act, now, text, hashlib.sha256(text.encode()).digest()))
        openings += [(draft.org, entry_id, opening) for opening in hidden]
    if not rows:
        return []
    parts, values = [], []
    for table, columns, found in (("audit_entry", _ENTRY, rows), ("audit_disclosure", _DISCLOSURE, _sealed(openings, alias, known))):
        if found:
            parts.append(_insert_sql(table, columns))
            values += _columns(found)
    with connections[alias].cursor() as cursor:
        cursor.execute(f"WITH {', '.join(f'w{n} AS ({part})' for n, part in enumerate(parts))} SELECT {_CLOSE if close else '1'}", values)
    return [row[0] for row in rows]


_ENTRY = {"id": "uuid", "org": "uuid", "act": "uuid", "occurred_at": "timestamptz", "record": "text", "record_sha256": "bytea"}
_KEPT = "SELECT r.*, COALESCE(p.retention, 'y7') FROM {} AS r(id, org, act, occurred_at, record, record_sha256) LEFT JOIN audit_policy p ON p.org = r.org"
"""With how long the log keeps what is written now."""
_DISCLOSURE = {"entry": "uuid", "org": "uuid", "subject": "uuid", "path": "text", "sealed": "bytea"}
_CLOSE = "set_config('steward.act', '', true)"


def _sealed(openings: list[tuple[UUID, UUID, Opening]], alias: str, known: dict[UUID, dict[UUID, UUID]]) -> list[tuple[object, ...]]:
    by_org: dict[UUID, set[UUID]] = defaultdict(set)
    for org, _entry, opening in openings:
        by_org[org].add(opening.subject or org)
    keys = {org: subject_keys(org=org, subjects=subjects, alias=alias, create=True, known=known.get(org)) for org, subjects in by_org.items()}
    return [(entry, org, opening.subject or org, opening.path, seal(key=keys[org][opening.subject or org], org=org, entry=entry, opening=opening))
            for org, entry, opening in openings]


def _insert_sql(table: str, columns: dict[str, str]) -> str:
    """One INSERT for any number of rows, as one array per column. COPY would be as fast, but PostgreSQL refuses it on tables with row-level security."""
    rows = f"unnest({', '.join(f'%b::{kind}[]' for kind in columns.values())})"
    if table == "audit_entry":
        return f"INSERT INTO audit_entry ({', '.join(columns)}, retention) {_KEPT.format(rows)}"
    return f"INSERT INTO {table} ({', '.join(columns)}) SELECT * FROM {rows}"


def _columns(rows: Sequence[tuple[object, ...]]) -> list[list[object]]:
    return [list(column) for column in zip(*rows, strict=True)]
