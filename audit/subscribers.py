"""Subscribers: what follows from an act is read from the committed log by somebody who remembers how far they got."""
from __future__ import annotations

import logging
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
from django.conf import settings
from django.db import connection, transaction
from django.utils.module_loading import import_string

from audit.queries import records

logger = logging.getLogger("steward.subscribers")
_BATCH = 500
_REACH = "SELECT set_config('steward.reach', 'installation', true)"


@dataclass(frozen=True)
class Sealed:
    """A numbered entry, as subscribers get it."""

    pos: int
    org: UUID
    seq: int
    entry: UUID
    action: str
    outcome: str
    record: dict[str, Any]


@dataclass(frozen=True)
class Subscriber:
    """A reader of the log. `handle` runs in the transaction that moves the cursor: both happen, or neither."""

    name: str
    handle: Callable[[list[Sealed]], None]
    actions: frozenset[str] | None = None


def registered() -> list[Subscriber]:
    """The subscribers that the settings name."""
    return [import_string(path) for path in settings.AUDIT_SUBSCRIBERS]


def drain(subscribers: Iterable[Subscriber] | None = None) -> int:
    """Let every subscriber read what is new. Returns how many entries were passed on. Safe to run twice at once."""
    done = 0
    for subscriber in registered() if subscribers is None else subscribers:
        while (passed := _step(subscriber)) > 0:
            done += passed
    return done


def has_read(name: str, entry: UUID) -> bool:
    """Whether this subscriber has come past the entry. What is not numbered yet nobody has read."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT 1 FROM audit_leaf l JOIN audit_cursor c ON c.name = %s AND c.pos >= l.pos WHERE l.entry = %s)", [name, entry])
        return bool(cursor.fetchone()[0])


def _step(subscriber: Subscriber) -> int:
    now = datetime.now(UTC)
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(_REACH)
            cursor.execute("INSERT INTO audit_cursor (name, pos, failures, last_error) VALUES (%s, 0, 0, '') ON CONFLICT DO NOTHING", [subscriber.name])
            cursor.execute("SELECT pos FROM audit_cursor WHERE name = %s AND (not_before IS NULL OR not_before <= %s) FOR UPDATE SKIP LOCKED", [subscriber.name, now])
            row = cursor.fetchone()
            if row is None:
                return 0
            cursor.execute("SELECT pos, org, seq, entry, action, outcome, occurred_at FROM audit_leaf WHERE pos > %s ORDER BY pos LIMIT %s", [row[0], _BATCH])
            found = cursor.fetchall()
            if not found:
                return 0
            concerned = [r for r in found if subscriber.actions is None or r[4] in subscriber.actions]
            texts = records({r[3]: r[6] for r in concerned})
            wanted = [sealed for r in concerned if r[3] in texts and (sealed := _sealed((*r[:6], texts[r[3]])))]
            if wanted:
                subscriber.handle(wanted)
            cursor.execute("UPDATE audit_cursor SET pos = %s, updated_at = %s, failures = 0, last_error = '', not_before = NULL WHERE name = %s",
                           [found[-1][0], now, subscriber.name])
            return len(found)
    except Exception as error:
        logger.exception("subscriber %s failed; it tries again later", subscriber.name)
        _failed(subscriber, error, now)
        return 0


def _sealed(row: tuple[Any, ...]) -> Sealed | None:
    """The entry, or None for a record that somebody made unreadable: verification reports it, and what follows is not held up."""
    try:
        return Sealed(*row[:6], orjson.loads(row[6]))
    except ValueError:
        logger.error("entry %s cannot be read and is passed over; run verify_audit", row[3])
        return None


def _failed(subscriber: Subscriber, error: Exception, now: datetime) -> None:
    """Remember the failure where operators see it, and wait longer each time, with jitter."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT failures FROM audit_cursor WHERE name = %s FOR UPDATE", [subscriber.name])
        row = cursor.fetchone()
        failures = (row[0] if row else 0) + 1
        wait = min(2**failures, 300) * random.uniform(0.5, 1.5)  # noqa: S311
        cursor.execute("INSERT INTO audit_cursor (name, pos, failures, last_error, not_before) VALUES (%s, 0, %s, %s, %s)"
                       " ON CONFLICT (name) DO UPDATE SET failures = EXCLUDED.failures, last_error = EXCLUDED.last_error, not_before = EXCLUDED.not_before",
                       [subscriber.name, failures, type(error).__name__, now + timedelta(seconds=wait)])
