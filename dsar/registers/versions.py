"""The record of processing through time: a version whenever it changed, so that what was true on a day can be shown later (RIGHTS 4c)."""
from __future__ import annotations

import hashlib
import logging
import uuid
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.core.cache import cache
from django.db import IntegrityError, transaction
from django.utils import translation

from accounts.models import Organization
from accounts.tenancy import installation
from audit import recording
from audit.canonical import canonical
from audit.record import ActorRef, EntryDraft, TargetRef
from dsar import records
from dsar.registers.models import RecordVersion

logger = logging.getLogger("steward.registers")
EVENT = "register.record_changed"


def document(organization: Organization) -> dict[str, Any]:
    """The record as it is kept: in English, without the day. Needs the scope."""
    with translation.override("en"):
        found = records.as_json(records.about(organization), on="")
    del found["as_of"]
    return found


def digest(document: dict[str, Any]) -> str:
    return hashlib.sha256(canonical(document)).hexdigest()


def on(organization: Organization, day: date) -> RecordVersion | None:
    """The version that was true at the end of this day, where the organization works. Needs the scope."""
    end = datetime.combine(day + timedelta(days=1), time(), tzinfo=ZoneInfo(organization.time_zone))
    return RecordVersion.objects.filter(organization_id=organization.id, made_at__lt=end).order_by("-number").first()


def archive(organization_id: UUID) -> list[RecordVersion]:
    """Every version, newest first, without what it says."""
    return list(RecordVersion.objects.filter(organization_id=organization_id).defer("document").order_by("-number"))


def run(*, now: datetime) -> None:
    """Once an hour: keep what changed. One failure does not stop the rest."""
    if not cache.add("records-looked-at", 1, 3600):
        return
    look(now=now)


def look(*, now: datetime) -> None:
    with installation("the record of processing of every organization"):
        for organization in Organization.objects.exclude(status="deleted").order_by("id").iterator(chunk_size=500):
            try:
                keep(organization, now=now)
            except IntegrityError:
                continue  # somebody was faster
            except Exception:
                logger.exception("a record of processing could not be kept")


def keep(organization: Organization, *, now: datetime) -> RecordVersion | None:
    """Write a version, if the record says something else than the last one."""
    said = document(organization)
    number, last = RecordVersion.objects.filter(organization_id=organization.id).order_by("-number").values_list("number", "digest").first() or (0, "")
    if (fresh := digest(said)) == last:
        return None
    with transaction.atomic(), recording.opened(org=organization.id, now=now) as act:
        row = RecordVersion.objects.create(id=uuid.uuid4(), organization_id=organization.id, number=number + 1, made_at=now, digest=fresh, document=said)
        act.write([EntryDraft(org=organization.id, action=EVENT, category="register", outcome="success", actor=ActorRef(type="schedule"), via="schedule",
                              targets=[TargetRef(type="organization", id=organization.id)], facts={"number": row.number, "digest": row.digest, "map": str(said["map"])})])
    return row
