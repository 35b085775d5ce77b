"""The backup horizon: until when a backup may still have what was deleted; after it the deletion is certified (RIGHTS 3b, row 29)."""
from __future__ import annotations

import logging
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from uuid import uuid4

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils.module_loading import import_string

from accounts.models import Tombstone
from accounts.reasons import Refused
from accounts.tenancy import installation
from audit import INSTALLATION, recording
from audit.record import ActorRef, EntryDraft, TargetRef
from dsar.cases import engine
from dsar.cases.models import Case, Right, State
from dsar.models import Certificate

logger = logging.getLogger("steward.horizon")
_SCHEDULE = ActorRef(type="schedule")


def by_age(made_before: datetime) -> date:
    """The day on which the last backup ends that was made before this moment, where every backup is kept for the same number of days."""
    return (made_before.astimezone(UTC) + timedelta(days=settings.BACKUP_DAYS)).date()


def _over(moment: datetime, told: date | None, now: datetime) -> date | None:
    """The day of the horizon, once it is behind us: both the one that was told, and the one that follows from how backups are kept today."""
    day: date = max(import_string(settings.BACKUP_HORIZON)(moment), told or date.min)
    return day if day < now.astimezone(UTC).date() else None


def run(*, now: datetime) -> None:
    """Certify deletions, and the requests that asked for them. One failure does not stop the rest."""
    with installation("backups end for every organization"):
        known = Certificate.objects.values("account")
        for stone in Tombstone.objects.filter(purged_at__lt=now).exclude(account__in=known).order_by("purged_at")[:1000]:
            if day := _over(stone.purged_at, stone.backups_until, now):
                with suppress(IntegrityError):  # somebody was faster
                    _certify(stone, day, now)
        for case in Case.objects.filter(state=State.FULFILLED, actions__right=Right.ERASURE, closed_at__lt=now).order_by("closed_at")[:1000]:
            try:
                _case(case, now)
            except Refused:
                continue  # somebody was faster
            except Exception:
                logger.exception("a request could not be certified")


def _certify(stone: Tombstone, day: date, now: datetime) -> None:
    log = stone.organization_id or INSTALLATION
    with transaction.atomic():
        with recording.opened(org=log, now=now) as act:
            Certificate.objects.create(id=uuid4(), organization_id=stone.organization_id, account=stone.account, until=day, certified_at=now)
            act.write([EntryDraft(org=log, action="account.erasure_certified", category="account", outcome="success", actor=_SCHEDULE, via="schedule",
                                  targets=[TargetRef(type="person", id=stone.account)], facts={"tombstone": str(stone.id), "backups_until": day.isoformat()})])


def _case(case: Case, now: datetime) -> None:
    """What was deleted with the account has its own date; what an administrator deleted by hand counts from the answer."""
    assert case.closed_at is not None
    stone = Tombstone.objects.filter(account=case.account_id).first()
    day = _over(stone.purged_at, stone.backups_until, now) if stone else _over(case.closed_at, None, now)
    if day:
        engine.happen(case.id, "certified", who="schedule", actor=_SCHEDULE, now=now, data={"facts": {"backups_until": day.isoformat()}})
