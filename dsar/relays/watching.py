"""What time does: whoever does not answer is named to the administrators, and some days later their access rests until they do (RIGHTS 4e). The person's own answer never waits for it."""
from __future__ import annotations

import logging
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Q

from accounts import holding
from accounts.tenancy import installation
from audit import recording
from audit.record import ActorRef, EntryDraft, TargetRef
from dsar.cases.models import Case
from dsar.relays import access, answering, asking, pulling
from dsar.relays.models import OPEN, Relay, Responder, Way

logger = logging.getLogger("steward.relays")
KEPT = timedelta(days=30)
"""So long after the request is over what a program gave is kept: the copy can be made once more."""


def run(*, now: datetime) -> None:
    """One failure does not stop the others. Once more changes nothing."""
    with installation("programs of every organization that do not answer"):
        answering.forget_nonces(now=now)
        for responder in Responder.objects.filter(way=Way.PULL).select_related("service", "installation__app"):
            _alone(lambda responder=responder: pulling.settle(responder, now=now))
        late = Relay.objects.filter(state__in=OPEN, respond_by__lt=now.date(), overdue_at=None).values_list("id", flat=True)
        for relay_id in list(late):
            _alone(lambda relay_id=relay_id: _overdue(relay_id, now))
        for responder in Responder.objects.filter(way=Way.PULL, overdue_at=None):
            if pulling.missed(responder, now=now):
                _alone(lambda responder=responder: _missed(responder.id, now))
        for responder_id in Responder.objects.filter(overdue_at__isnull=False).values_list("id", flat=True):
            _alone(lambda responder_id=responder_id: _on(responder_id, now))
        over = Relay.objects.exclude(answer=None).filter(Q(case=None) | Q(case__closed_at__lt=now - KEPT))
        for relay_id in list(holding.free(over).values_list("id", flat=True)):  # what a hold keeps stays
            _alone(lambda relay_id=relay_id: _forget(relay_id, now))


def _alone(step: object) -> None:
    try:
        step()  # type: ignore[operator]
    except Exception:
        logger.exception("a program is looked at again later")


def _overdue(relay_id: UUID, now: datetime) -> None:
    """The day by which they were to answer is over: said once, and the responder counts as overdue."""
    with transaction.atomic():
        row = answering.locked(relay_id)
        if row is None or row.state not in OPEN or row.overdue_at is not None:
            return
        with recording.opened(org=row.organization_id, now=now) as act:
            Relay.objects.filter(id=row.id).update(overdue_at=now, version=row.version + 1)
            Responder.objects.filter(id=row.responder_id, overdue_at=None).update(overdue_at=now, version=row.responder.version + 1)
            act.write([asking.draft(row, "relay.overdue", facts={"respond_by": row.respond_by.isoformat(), "rests_on": (now + _grace()).date().isoformat()})])


def _grace() -> timedelta:
    return timedelta(days=settings.RELAY_GRACE_DAYS)


def _missed(responder_id: UUID, now: datetime) -> None:
    with transaction.atomic():
        row = _responder(responder_id)
        if row is None or row.overdue_at is not None or not pulling.missed(row, now=now):
            return
        with recording.opened(org=row.organization_id, now=now) as act:
            Responder.objects.filter(id=row.id).update(overdue_at=now, version=row.version + 1)
            act.write([about(row, "relay.cycle_missed", rests_on=(now + _grace()).date().isoformat())])


def behind(responder: Responder, *, now: datetime) -> bool:
    """Whether something of what it was asked is still overdue. Needs the scope."""
    return Relay.objects.filter(responder=responder, state__in=OPEN).exclude(overdue_at=None).exists() or pulling.missed(responder, now=now)


def _on(responder_id: UUID, now: datetime) -> None:
    """Somebody who is overdue: if they answered meanwhile it is over, and their access comes back; after the days that they were given it rests."""
    with transaction.atomic():
        row = _responder(responder_id)
        if row is None or row.overdue_at is None:
            return
        if row.suspended_at and access.works(row):  # an administrator restored it by hand, which lets it in again as the power for it does
            with recording.opened(org=row.organization_id, now=now) as act:
                Responder.objects.filter(id=row.id).update(suspended_at=None, released_at=now, version=row.version + 1)
                act.write([about(row, "relay.access_released")])
        elif not behind(row, now=now):
            with recording.opened(org=row.organization_id, now=now) as act:
                access.back(row) if row.suspended_at else None
                Responder.objects.filter(id=row.id).update(overdue_at=None, suspended_at=None, version=row.version + 1)
                act.write([about(row, "relay.caught_up", access=bool(row.suspended_at))])
        elif row.suspended_at is None and row.overdue_at + _grace() <= now and not _released(row) and access.works(row):
            with recording.opened(org=row.organization_id, now=now) as act:
                ended = access.rest(row, now=now)
                Responder.objects.filter(id=row.id).update(suspended_at=now, version=row.version + 1)
                act.write([about(row, "relay.access_suspended", ended=ended)])


def _released(row: Responder) -> bool:
    """Whether an administrator let it in again although it is overdue: then it is not shut out for the same requests once more."""
    return row.released_at is not None and row.overdue_at is not None and row.released_at >= row.overdue_at


def _responder(responder_id: UUID) -> Responder | None:
    return Responder.objects.select_for_update(of=("self",)).select_related("service", "installation__app").filter(id=responder_id).first()


def _forget(relay_id: UUID, now: datetime) -> None:
    with transaction.atomic():
        row = answering.locked(relay_id)
        if row is None or row.answer is None:
            return
        with recording.opened(org=row.organization_id, now=now) as act:
            Relay.objects.filter(id=row.id).update(answer=None, version=row.version + 1)
            act.write([asking.draft(row, "relay.answer_forgotten", facts={})])


def about(row: Responder, event: str, **facts: object) -> EntryDraft:
    """An entry about a responder as a whole."""
    program = TargetRef(type="service" if row.service_id else "installation", id=row.service_id or row.installation_id or row.id)
    return EntryDraft(org=row.organization_id, action=event, category="relay", outcome="success", actor=ActorRef(type="schedule"), via="schedule", facts=dict(facts),
                      targets=[TargetRef(type="responder", id=row.id, label=row.name), program])


def handled(case: Case) -> list[Relay]:
    """Who was asked for a request, for whoever shows it. Needs the scope."""
    return list(Relay.objects.filter(case=case).select_related("responder__service", "responder__installation__app").order_by("asked_at", "type", "id"))
