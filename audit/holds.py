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


def release(*, org: UUID, hold: UUID, by: Iterable[UUID], now: datetime) -> bool:
    """It no longer holds; it stays recorded. Needs an open act and two different people. False when there is no such hold in force."""
    people = list(dict.fromkeys(by))
    if len(people) < 2:
        raise ValueError("two people have to agree")
    return bool(Hold.objects.filter(org=org, id=hold, released_at=None).update(released_at=now, released_by=people))


def every(*, org: UUID) -> list[Hold]:
    """Holds in force first, then released ones, newest first."""
    return sorted(Hold.objects.filter(org=org).order_by("-since")[:500], key=lambda h: h.released_at is not None)


def waiting(*, org: UUID) -> int:
    """How many erasures wait for a hold to be released."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM audit_erasurewaiting WHERE org = %s", [org])
        return int(cursor.fetchone()[0])
