"""Erasing a person inside the log: their openings and keys go, records, numbers and proofs stay (AUDIT section 3)."""
from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from audit import holds, key_store, outside, recording
from audit.models import ErasureWaiting, Withheld
from audit.record import ActorRef, EntryDraft

_SCHEDULE = ActorRef(type="schedule")


@dataclass(frozen=True)
class Erasure:
    """What an erasure came to: done, by which entry, how many openings; or put off, by which entry."""

    entry: UUID | None
    openings: int = 0
    deferred: bool = False


@dataclass(frozen=True)
class Erased:
    """The entry under which somebody's values are withheld."""

    entry: UUID
    at: datetime
    ground: str


def erase(*, org: UUID, subject: UUID) -> int:
    """Destroy the openings and the key of one subject in one log. Needs an open act. Returns how many openings went.

    The openings go with the act; the key, in its own database, as soon as that has committed, or by the next run of the schedule.
    """
    key_store.destroy_after_commit()
    with connection.cursor() as cursor:
        cursor.execute("SELECT audit_erase_subject(%s, %s)", [org, subject])
        return int(cursor.fetchone()[0])


def erase_subject(*, org: UUID, subject: UUID, ground: str, now: datetime, by: ActorRef = _SCHEDULE, via: str = "schedule") -> Erasure:
    """Erase somebody in one log, recorded; once more is once. Under a hold it is put off, recorded, and done when the hold is released.

    `ground` is a code or an article, never words about the person.
    """
    with transaction.atomic():
        with connection.cursor() as cursor:  # an erasure and a hold that is being placed wait for each other
            cursor.execute("LOCK TABLE audit_hold IN SHARE MODE")
            first, last, openings, key = _there(cursor, org, subject)
        found = holds.covers(org=org, subject=subject)
        if found:
            return _defer(org, subject, ground, by, via, [hold.id for hold in found], now)
        waited = ErasureWaiting.objects.filter(org=org, subject=subject)
        if not openings and not key and not waited.exists():
            earlier = erased_under(org=org, subjects=[subject]).get(subject)
            if earlier is not None:
                return Erasure(earlier.entry)
        outside.before("log.erased", org=org, subject=subject, facts={"ground": ground[:200], "key": key}, now=now)
        with recording.opened(org=org, now=now) as act:
            went = erase(org=org, subject=subject)
            waited.delete()
            facts: dict[str, Any] = {"pseudonym": str(subject), "openings": went, "ground": ground}
            if first is not None:
                facts |= {"first": first, "last": last}
            entry = act.write([EntryDraft(org=org, action="privacy.subject_erased", category="privacy", outcome="success", actor=_nameless(by, subject), via=via, facts=facts)])[0]
            Withheld.objects.create(org=org, kind="subject", subject=subject, first=first, last=last, openings=went, ground=ground[:200], entry=entry, at=now)
        return Erasure(entry, went)


def _nameless(by: ActorRef, subject: UUID) -> ActorRef:
    """Whoever erases themselves leaves no new opening of their own."""
    return ActorRef(type=by.type, id=by.id, session=by.session, token_id=by.token_id) if by.id == subject else by


def _there(cursor: Any, org: UUID, subject: UUID) -> tuple[int | None, int | None, int, str | None]:
    cursor.execute("SELECT min(l.seq), max(l.seq), count(*) FROM audit_disclosure d LEFT JOIN audit_leaf l ON l.entry = d.entry WHERE d.org = %s AND d.subject = %s", [org, subject])
    first, last, openings = cursor.fetchone()
    cursor.execute("SELECT key::text FROM audit_subjectkey WHERE org = %s AND subject = %s", [org, subject])
    key = cursor.fetchone()
    return first, last, openings, key[0] if key else None


def _defer(org: UUID, subject: UUID, ground: str, by: ActorRef, via: str, found: list[UUID], now: datetime) -> Erasure:
    """Say that it waits, once."""
    if ErasureWaiting.objects.filter(org=org, subject=subject).exists():
        return Erasure(None, deferred=True)
    with recording.opened(org=org, now=now) as act:
        ErasureWaiting.objects.create(org=org, subject=subject, ground=ground[:200], asked_by=by.id, since=now)
        entry = act.write([EntryDraft(org=org, action="privacy.erasure_deferred", category="privacy", outcome="success", actor=by, via=via, reason_code="on_hold",
                                      facts={"pseudonym": str(subject), "ground": ground, "because": "GDPR 17(3)(e)", "holds": [str(hold) for hold in found]})])[0]
    return Erasure(entry, deferred=True)


def carry_out_waiting(*, now: datetime) -> int:
    """Erase whoever waited for a hold that is released. Needs to see every log. Returns how many people."""
    done = 0
    for row in ErasureWaiting.objects.order_by("since")[:1000]:
        if not holds.covers(org=row.org, subject=row.subject):
            done += not erase_subject(org=row.org, subject=row.subject, ground=row.ground, now=now, by=ActorRef(type="schedule")).deferred
    key_store.destroy_doomed()
    return done


def erased_under(*, org: UUID, subjects: Iterable[UUID]) -> dict[UUID, Erased]:
    """For those of these people who were erased in this log, the last entry that says so: under it their values are withheld."""
    rows = Withheld.objects.filter(org=org, kind="subject", subject__in=list(subjects)).order_by("id")
    return {row.subject: Erased(row.entry, row.at, row.ground) for row in rows if row.subject}


def subjects_of(record: dict[str, Any]) -> set[UUID]:
    """The people a record may hold values of: whoever acted, and whom it is about."""
    ids = [record.get("actor", {}).get("id"), *(target["id"] for target in record.get("targets", []))]
    return {UUID(found) for found in ids if found}
