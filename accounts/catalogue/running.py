"""What happens to apps by time alone: approvals and installations end on their day, what people hold of an app that is gone is cleared, and they hear of it."""
from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from django.db import InterfaceError, OperationalError, transaction
from django.db.models import Exists, OuterRef, QuerySet

from accounts import outbox
from accounts.catalogue import ending
from accounts.models import Account, AppGrant, AppReview, Installation
from accounts.organizations import contact
from accounts.tenancy import installation as whole
from audit import recording
from audit.record import ActorRef, EntryDraft, TargetRef

logger = logging.getLogger("steward.apps")
BATCH = 500
_TOLD = ("uninstalled", "blocked", "expired")


def run(*, now: datetime) -> None:
    """End what is due, each in its own transaction with its entry; a failure of one stops no other. Safe to run at any time, twice at once, and after a kill."""
    with whole("approvals of apps end in every organization"):
        for review in AppReview.objects.filter(state="approved", until__lte=now).order_by("until").values_list("id", flat=True)[:500]:
            _safely(_approval, review, now)
        for row in Installation.objects.filter(expires_at__lte=now).exclude(state="ended").order_by("expires_at").values_list("id", flat=True)[:500]:
            _safely(_installation, row, now)


def _safely(step: Callable[[UUID, datetime], None], row: UUID, now: datetime) -> None:
    try:
        with transaction.atomic():
            step(row, now)
    except (OperationalError, InterfaceError):
        raise  # PostgreSQL is away or ended us: the next run takes it up
    except Exception as error:
        logger.error("what was due about app %s is tried again later (%s)", row, type(error).__name__)


def _approval(review_id: UUID, now: datetime) -> None:
    row = AppReview.objects.select_for_update(of=("self",)).filter(id=review_id, state="approved", until__lte=now).select_related("app").first()
    if row is None:
        return
    with recording.opened(org=row.organization_id, now=now) as act:
        AppReview.objects.filter(id=row.id).update(state="needs_review", until=None, decided_by=None, decided_at=None, version=row.version + 1)
        act.write([_draft("app.approval_ended", row.organization_id, row.app_id, row.app.name, {"app": row.app.slug})])


def _installation(installation_id: UUID, now: datetime) -> None:
    row = Installation.objects.select_for_update(of=("self",)).filter(id=installation_id, expires_at__lte=now).exclude(state="ended").select_related("app", "organization").first()
    if row is None:
        return
    with recording.opened(org=row.organization_id, now=now) as act:
        facts = ending.everything(row, why="expired", now=now)
        Installation.objects.filter(id=row.id).update(state="ended", ended_at=now, ended_why="expired", pending_scopes=[], version=row.version + 1)
        act.write([_draft("app.expired", row.organization_id, row.app_id, row.app.name, {"app": row.app.slug, "installation": str(row.id), **facts})])


def _draft(action: str, organization_id: UUID, app_id: UUID, name: str, facts: dict[str, object]) -> EntryDraft:
    return EntryDraft(org=organization_id, action=action, category="app", outcome="success", actor=ActorRef(type="schedule"), via="schedule", targets=[TargetRef(type="app", id=app_id, label=name)],
                      facts=facts)


def _uncleared() -> QuerySet[Installation]:
    return Installation.objects.filter(Exists(AppGrant.objects.filter(installation=OuterRef("pk"), ended_at=None)), state="ended")


def unfinished() -> bool:
    """Whether people still hold something of an app that is gone."""
    with whole("people of every organization hold something of an app that is gone"):
        return _uncleared().exists()


def clear(*, now: datetime, parts: int = 20) -> bool:
    """End what people hold of apps that are gone, part by part, each with its entry; whether more is left. Safe to run twice at once, and after a kill."""
    with whole("people of every organization hold something of an app that is gone"):
        return _goes_on(_cleared, parts, now=now)


def _goes_on(step: Callable[[datetime], object], most: int, *, now: datetime) -> bool:
    """So many steps, each all or nothing; False as soon as one finds nothing to do."""
    for _step in range(most):
        with transaction.atomic():
            if not step(now):
                return False
    return True


def _cleared(now: datetime) -> bool:
    """One part of one app: somebody else's is left to them."""
    row = _uncleared().select_for_update(of=("self",), skip_locked=True).select_related("app").order_by("ended_at").first()
    if row is None:
        return False
    with recording.opened(org=row.organization_id, now=now) as act:
        facts = ending.part(row, why=row.ended_why, at=row.ended_at or now, now=now)
        act.write([_draft("app.cleared", row.organization_id, row.app_id, row.app.name, {"app": row.app.slug, "installation": str(row.id), **facts})])
    return True


def _untold() -> object:
    return Installation.objects.filter(state="ended", ended_entry__isnull=False, grants__told_at=None, grants__ended_why__in=_TOLD)


def waiting() -> bool:
    with whole("people of every organization hear that an app is gone"):
        return bool(_untold().exists())  # type: ignore[attr-defined]


def tell(*, now: datetime, batches: int = 20) -> bool:
    """Owe the mails to whoever had allowed something to an app that is gone, batch by batch; whether more is left."""
    with whole("people of every organization hear that an app is gone"):
        return _goes_on(_batch, batches, now=now)


def _batch(now: datetime) -> int:
    """The mails and the marks are written together, so that a kill between two batches tells nobody twice."""
    gone = Installation.objects.filter(id__in=_untold().values("id")).select_related("app", "organization").order_by("ended_at").first()  # type: ignore[attr-defined]
    if gone is None:
        return 0
    rows = list(AppGrant.objects.select_for_update(skip_locked=True).filter(installation=gone, told_at=None, ended_why__in=_TOLD).order_by("id").values_list("id", "account_id")[:BATCH])
    people = Account.objects.filter(id__in=[account for _grant, account in rows], kind="person").exclude(status="purged")
    outbox.owe_all(template="app-ended", accounts=people, entry=gone.ended_entry, organization_id=gone.organization_id, now=now,
                   context={"app": gone.app.name, "provider": gone.app.provider, "provider_email": gone.app.provider_email, "organization": gone.organization.name,
                            "contact": contact.line(gone.organization), "expired": gone.ended_why == "expired"})
    AppGrant.objects.filter(id__in=[grant for grant, _account in rows]).update(told_at=now)
    return len(rows)
