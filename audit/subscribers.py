"""Subscribers: what follows from an act is read from the committed log by somebody who remembers how far they got."""
from __future__ import annotations

import logging
import random
from collections.abc import Callable, Iterable, Sequence
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
    done, everybody = 0, list(registered() if subscribers is None else subscribers)
    while True:
        skipped, concerned = _look(everybody)
        done += skipped
        read = 0
        for subscriber in concerned:
            while (passed := _step(subscriber)) > 0:
                read += passed
        done += read
        if not skipped and not read:
            return done


def has_read(name: str, entry: UUID) -> bool:
    """Whether this subscriber has come past the entry. What is not numbered yet nobody has read."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT 1 FROM audit_leaf l JOIN audit_cursor c ON c.name = %s AND c.pos >= l.pos WHERE l.entry = %s)", [name, entry])
        return bool(cursor.fetchone()[0])


def _look(subscribers: Sequence[Subscriber]) -> tuple[int, list[Subscriber]]:
    """One look at what is new, for all of them: most entries concern few. Whoever is concerned by none of the next ones comes past them here.

    Returns how many entries were passed by in that way, and who has something to read.
    """
    now, named = datetime.now(UTC), {subscriber.name: subscriber for subscriber in subscribers}
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_REACH)
        cursor.execute("SELECT n.name FROM unnest(%s::text[]) n (name) LEFT JOIN audit_cursor c ON c.name = n.name"
                       " WHERE c.name IS NULL OR (c.pos < (SELECT max(pos) FROM audit_leaf) AND (c.not_before IS NULL OR c.not_before <= %s))", [list(named), now])
        if not (behind := [row[0] for row in cursor.fetchall()]):
            return 0, []
        cursor.execute("INSERT INTO audit_cursor (name, pos, failures, last_error) SELECT name, 0, 0, '' FROM unnest(%s::text[]) n (name) ON CONFLICT DO NOTHING", [behind])
        cursor.execute("SELECT name, pos FROM audit_cursor WHERE name = ANY(%s) AND (not_before IS NULL OR not_before <= %s) ORDER BY name FOR UPDATE SKIP LOCKED", [behind, now])
        if not (places := dict(cursor.fetchall())):
            return 0, []
        cursor.execute("SELECT pos, action FROM audit_leaf WHERE pos > %s ORDER BY pos LIMIT %s", [min(places.values()), _BATCH])
        if not (found := cursor.fetchall()):
            return 0, []
        last = found[-1][0]
        free = [name for name, pos in places.items() if pos < last and (actions := named[name].actions) is not None and not any(at > pos and action in actions for at, action in found)]
        if free:
            cursor.execute("UPDATE audit_cursor SET pos = %s, updated_at = %s, failures = 0, last_error = '', not_before = NULL WHERE name = ANY(%s)", [last, now, free])
        return sum(at > places[name] for name in free for at, _action in found), [one for one in subscribers if one.name in places and one.name not in free and places[one.name] < last]


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
