"""The one way to write: open an act, change things, write its entries, in one transaction. And refusals beside it."""
from __future__ import annotations

import hashlib
import os
import time
import uuid
from collections import defaultdict
from collections.abc import Iterator, Sequence
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

    def write(self, drafts: list[EntryDraft]) -> list[UUID]:
        """Write entries, their commitments' openings and, by trigger, their place in the queue. Returns their ids."""
        ids = _write(drafts, act=self.id, now=self.now, alias="default")
        self.written += ids
        return ids


@contextmanager
def opened(*, org: UUID, now: datetime) -> Iterator[Act]:
    """Open an act in the running transaction. Leaving the block without an entry raises."""
    connection = connections["default"]
    if not connection.in_atomic_block:
        raise transaction.TransactionManagementError("an act is opened inside transaction.atomic()")
    act = Act(id=uuid.uuid4(), org=org, now=now)
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('steward.act', true)")
        if cursor.fetchone()[0]:
            raise transaction.TransactionManagementError("an act is already open in this transaction")
        cursor.execute("SELECT audit_open(%s)", [act.id])
    yield act
    if not act.written:
        raise NothingRecorded
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('steward.act', '', true)")


def refuse(draft: EntryDraft, *, now: datetime) -> UUID:
    """Record an attempt that was refused or failed, on its own connection: it stays when the act's transaction rolls back."""
    if connections["default"].in_atomic_block:
        # Both connections may want the same subject's key; waiting for ourselves would never end.
        raise transaction.TransactionManagementError("a refusal is recorded after the act's transaction has rolled back")
    with transaction.atomic(using="refusals"):
        return _write([draft], act=None, now=now, alias="refusals")[0]


def _write(drafts: list[EntryDraft], *, act: UUID | None, now: datetime, alias: str) -> list[UUID]:
    rows, openings = [], []
    # Ids made in one millisecond are in no order; sorted, the entries of an act are numbered in the order they are given.
    for entry_id, draft in zip(sorted(uuid7() for _ in drafts), drafts, strict=True):
        text, hidden = build(draft, entry_id=entry_id, act=act, occurred_at=now)
        rows.append((entry_id, draft.org, act, now, text, hashlib.sha256(text.encode()).digest()))
        openings += [(draft.org, entry_id, opening) for opening in hidden]
    insert("audit_entry", {"id": "uuid", "org": "uuid", "act": "uuid", "occurred_at": "timestamptz", "record": "text", "record_sha256": "bytea"}, rows, alias)
    _disclose(openings, alias)
    return [row[0] for row in rows]


def _disclose(openings: list[tuple[UUID, UUID, Opening]], alias: str) -> None:
    by_org: dict[UUID, set[UUID]] = defaultdict(set)
    for org, _entry, opening in openings:
        by_org[org].add(opening.subject or org)
    keys = {org: subject_keys(org=org, subjects=subjects, alias=alias, create=True) for org, subjects in by_org.items()}
    rows = [(entry, org, opening.subject or org, opening.path, seal(key=keys[org][opening.subject or org], org=org, entry=entry, opening=opening))
            for org, entry, opening in openings]
    insert("audit_disclosure", {"entry": "uuid", "org": "uuid", "subject": "uuid", "path": "text", "sealed": "bytea"}, rows, alias)


def insert(table: str, columns: dict[str, str], rows: Sequence[tuple[object, ...]], alias: str) -> None:
    """One INSERT for any number of rows, as one array per column; `columns` gives their types.

    COPY would be as fast, but PostgreSQL refuses it on tables with row-level security.
    """
    if not rows:
        return
    names, arrays = ", ".join(columns), ", ".join(f"%s::{kind}[]" for kind in columns.values())
    with connections[alias].cursor() as cursor:
        cursor.execute(f"INSERT INTO {table} ({names}) SELECT * FROM unnest({arrays})", [list(column) for column in zip(*rows, strict=True)])
