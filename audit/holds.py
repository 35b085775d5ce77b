"""Holds on the log: what they cover does not go, neither by age nor by erasure, until two people release them."""
from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import date, datetime
from typing import Literal
from uuid import UUID

from django.db import connection
from django.db.models import Q

from audit.models import Hold

Kind = Literal["log", "range", "subject"]


def covers(*, org: UUID, subject: UUID | None = None, day: date | None = None) -> list[Hold]:
    """The holds in force that keep what the log has about this person, or of this day; [] when nothing stands in the way.

    With neither, any hold counts. A hold on days may be about anybody, so it covers every person.
    """
    rows = Hold.objects.filter(org=org, released_at=None)
    if subject is not None:
        rows = rows.filter(~Q(kind="subject") | Q(subject=subject))
    if day is not None:
        rows = rows.exclude(kind="range", first_day__gt=day).exclude(kind="range", last_day__lt=day)
    return list(rows.order_by("since", "id"))


def about(subjects: Iterable[UUID]) -> list[tuple[UUID, UUID]]:
    """(person, log) of the holds in force that were placed on one of these people, in every log that can be seen. Holds on a whole log or on days are on the log, not on anybody."""
    return list(Hold.objects.filter(kind="subject", subject__in=list(subjects), released_at=None).order_by("since").values_list("subject", "org"))


def place(*, org: UUID, kind: Kind, matter: str, ground: str, by: UUID | None, now: datetime, subject: UUID | None = None, first_day: date | None = None, last_day: date | None = None) -> Hold:
    """From now on this does not go. Needs an open act."""
    if (kind == "subject") != (subject is not None) or (kind == "range") != (first_day is not None and last_day is not None):
        raise ValueError("a hold is on the whole log, on a person, or on days")
    if first_day and last_day and last_day < first_day:
        raise ValueError("the first day is after the last")
    return Hold.objects.create(id=uuid.uuid4(), org=org, kind=kind, subject=subject, first_day=first_day, last_day=last_day, matter=matter, ground=ground, since=now, by=by)


def place_within(*, org: UUID, within: UUID, subjects: Iterable[UUID], by: UUID | None, now: datetime) -> list[Hold]:
    """What a legal hold keeps of its people, here and wherever else something is asked for by its holds: one row for each of them, whom it did not have yet. Needs an open act."""
    known = set(Hold.objects.filter(org=org, within=within, released_at=None).values_list("subject", flat=True))
    wanted = [subject for subject in dict.fromkeys(subjects) if subject not in known]
    return Hold.objects.bulk_create([Hold(id=uuid.uuid4(), org=org, kind="subject", subject=subject, matter="", ground="", since=now, by=by, within=within) for subject in wanted])


def release_within(*, org: UUID, within: UUID, by: Iterable[UUID], now: datetime, only: Iterable[UUID] | None = None) -> list[UUID]:
    """A legal hold lets its people go, or only some of them. Who decided, and how many have to, is for whoever keeps legal holds. Needs an open act. Returns whom."""
    rows = Hold.objects.filter(org=org, within=within, released_at=None)
    found = list((rows if only is None else rows.filter(subject__in=list(only))).order_by("subject"))
    Hold.objects.filter(id__in=[row.id for row in found]).update(released_at=now, released_by=list(dict.fromkeys(by)))
    return [row.subject for row in found if row.subject is not None]


def shut() -> None:
    """Until the transaction ends nobody places or releases a hold: for whoever is about to destroy something, so that a hold comes before it or after it."""
    with connection.cursor() as cursor:
        cursor.execute("LOCK TABLE audit_hold IN SHARE MODE")


def release(*, org: UUID, hold: UUID, by: Iterable[UUID], now: datetime) -> bool:
    """It no longer holds; it stays recorded. Needs an open act and two different people. False when there is no such hold in force."""
    people = list(dict.fromkeys(by))
    if len(people) < 2:
        raise ValueError("two people have to agree")
    return bool(Hold.objects.filter(org=org, id=hold, within=None, released_at=None).update(released_at=now, released_by=people))


def every(*, org: UUID) -> list[Hold]:
    """Holds that were placed on the log itself: those in force first, then released ones, newest first. Legal holds are not among them."""
    return sorted(Hold.objects.filter(org=org, within=None).order_by("-since")[:500], key=lambda h: h.released_at is not None)


def waiting(*, org: UUID) -> int:
    """How many erasures wait for a hold to be released."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM audit_erasurewaiting WHERE org = %s", [org])
        return int(cursor.fetchone()[0])
