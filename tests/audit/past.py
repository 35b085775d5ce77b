"""Logs with a past: entries of years ago, in the months they would lie in."""
from __future__ import annotations

import uuid
from datetime import UTC, date, datetime, timedelta

from django.db import connection, transaction

from accounts import tenancy
from audit import recording, retention
from audit.record import ActorRef, EntryDraft
from tests.audit.logs import Log, number_all, tampering


def trust(days: int = 30) -> None:
    """The clock of this installation has been steady for so many days."""
    with tampering() as attacker:
        attacker.execute("UPDATE audit_bounds SET seen_at = now(), trusted_since = now() - make_interval(days => %s), floor_years = 1, ceiling_years = 10, address_days = 90", [days])


def month(year: int, number: int = 5, *, classes: tuple[str, ...] = ("y7",)) -> datetime:
    """A moment in that month, whose partitions exist."""
    first = date(year, number, 1)
    with connection.cursor() as cursor:
        for name in classes:
            cursor.execute("SELECT audit_make_partitions(%s, %s, %s)", [name, first, first])
    return datetime(year, number, 15, 12, tzinfo=UTC)


def write(log: Log, at: datetime, count: int = 1, **given: object) -> list[uuid.UUID]:
    with transaction.atomic(), recording.opened(org=log.org, now=at) as act:
        return act.write([log.draft(**given) for _ in range(count)])


def agree(log: Log, years: int, *, since: datetime | None = None) -> None:
    """Two people agree how long the log is kept, as an act."""
    now = since or datetime.now(UTC)
    with tenancy.scope(org=log.org), transaction.atomic(), recording.opened(org=log.org, now=now) as act:
        retention.agree(org=log.org, years=years, agreed_by=[uuid.uuid4(), uuid.uuid4()], now=now)
        act.write([said(log, "retention.changed")])


def said(log: Log, action: str) -> EntryDraft:
    return EntryDraft(org=log.org, action=action, category="retention", outcome="success", actor=ActorRef(type="user", id=log.actor))


def aged(log: Log, days: int) -> None:
    """Everything numbered so far was numbered so many days ago."""
    number_all()
    with tampering() as attacker:
        attacker.execute("UPDATE audit_day SET day = day - %s WHERE org = %s", [days, log.org])
        attacker.execute("UPDATE audit_leaf SET recorded_at = recorded_at - %s WHERE org = %s", [timedelta(days=days), log.org])


def young_again(log: Log) -> None:
    """Take back `aged`, so that the log can be verified."""
    with tampering() as attacker:
        attacker.execute("UPDATE audit_leaf SET recorded_at = (envelope::jsonb ->> 'recorded_at')::timestamptz WHERE org = %s", [log.org])
        attacker.execute("DELETE FROM audit_day WHERE org = %s", [log.org])
        attacker.execute("INSERT INTO audit_day (org, day, first_seq, last_seq) SELECT org, recorded_at::date, min(seq), max(seq) FROM audit_leaf WHERE org = %s GROUP BY 1, 2", [log.org])


def records(log: Log) -> dict[str, int]:
    """How many records lie in which part."""
    with tampering() as attacker:
        return dict(attacker.execute("SELECT tableoid::regclass::text, count(*) FROM audit_entry WHERE org = %s GROUP BY 1", [log.org]).fetchall())
