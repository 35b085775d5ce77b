"""A change of the controller through time: the reminder, and the day on which it happens. No data moves: the organization stays, and somebody else answers for it."""
from __future__ import annotations

import logging
import uuid
from datetime import datetime, timedelta
from uuid import UUID

from django.db import IntegrityError, transaction

from accounts.models import Organization
from accounts.tenancy import installation
from accounts.work import change, snapshot
from audit import recording
from audit.record import ActorRef, Change, EntryDraft, TargetRef
from dsar.registers.disclosures import today
from dsar.registers.models import BusinessTransfer, Controller, Round

logger = logging.getLogger("steward.registers")
LEAST, MOST = timedelta(days=30), timedelta(days=731)
NEAR = timedelta(days=7)
State = BusinessTransfer.State
_CLOCK = ActorRef(type="schedule")


def announced(organization_id: UUID) -> BusinessTransfer | None:
    """What is announced and has not happened yet. Needs the scope."""
    return BusinessTransfer.objects.filter(organization_id=organization_id, state=State.ANNOUNCED).first()


def lost(row: BusinessTransfer) -> bool:
    """Whether it came back after a restore without its words. It waits until somebody who may announce it says again who takes over."""
    return not row.contact


def round_of(row: BusinessTransfer, how: str, now: datetime) -> Round:
    """Telling everybody. Not written yet."""
    return Round(id=uuid.uuid4(), organization_id=row.organization_id, kind=f"transfer-{how}", about=row.id, begun_at=now)


def run(*, now: datetime) -> None:
    """Remind, and carry out what is due. One failure does not stop the rest."""
    with installation("changes of controllers come in every organization"):
        for row in BusinessTransfer.objects.filter(state=State.ANNOUNCED).select_related("organization").order_by("goes_on"):
            try:
                _look(row.id, now)
            except IntegrityError:
                continue  # somebody was faster
            except Exception:
                logger.exception("a change of the controller could not be looked at")


def _look(number: UUID, now: datetime) -> None:
    with transaction.atomic():
        row = BusinessTransfer.objects.select_for_update(of=("self",)).select_related("organization").get(id=number)
        day = today(row.organization, now)
        if row.state != State.ANNOUNCED or row.organization.status == "deleted" or lost(row):
            return
        if day >= row.goes_on:
            _carry_out(row, now)
        elif day >= row.goes_on - NEAR and not row.reminded:
            with recording.opened(org=row.organization_id, now=now) as act:
                BusinessTransfer.objects.filter(id=row.id).update(reminded=True, version=row.version + 1)
                act.write([_draft(row, "near", now)])


def _carry_out(row: BusinessTransfer, now: datetime) -> None:
    """From now on the new controller stands in the record and beside the notice, and is whom people write to."""
    organization = Organization.objects.select_for_update().get(id=row.organization_id)
    controller = Controller.objects.select_for_update().filter(organization_id=row.organization_id).first() or Controller(id=uuid.uuid4(), organization_id=row.organization_id)
    fresh, before, was = controller._state.adding, snapshot(controller), organization.contact_email
    with recording.opened(org=row.organization_id, now=now) as act:
        controller.name, controller.address, controller.country, controller.contact = row.name, row.address, row.country, row.contact
        controller.version += 0 if fresh else 1
        controller.save(force_insert=fresh)
        Organization.objects.filter(id=organization.id).update(contact_email=row.contact, contact_name="", version=organization.version + 1)
        BusinessTransfer.objects.filter(id=row.id).update(state=State.DONE, ended_at=now, version=row.version + 1)
        changes = [change(controller, name, before[name], getattr(controller, name), subject=None) for name in ("name", "address", "country") if before[name] != getattr(controller, name)]
        act.write([_draft(row, "done", now, changes=changes, contact_changed=was != row.contact)])


def _draft(row: BusinessTransfer, how: str, now: datetime, *, changes: list[Change] | None = None, **facts: bool) -> EntryDraft:
    """The entry, and the round that follows from it. Needs an open act."""
    begun = round_of(row, how, now)
    begun.save(force_insert=True)
    return EntryDraft(org=row.organization_id, action=f"business_transfer.{how}", category="business_transfer", outcome="success", actor=_CLOCK, via="schedule", changes=changes or [],
                      targets=[TargetRef(type="organization", id=row.organization_id)], facts={"transfer": str(row.id), "round": str(begun.id), "goes_on": row.goes_on.isoformat(), **facts})
