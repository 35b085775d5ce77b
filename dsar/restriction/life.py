"""How a restriction begins, goes on and ends: by acts, by itself when something is disputed or late, and by time."""
from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Sequence
from datetime import datetime
from uuid import UUID

from django.db import transaction

from accounts.models import Membership
from accounts.people import Person
from accounts.purposes import SECURITY
from accounts.tenancy import installation, scope
from accounts.work import Work, plain
from audit import recording
from audit.record import ActorRef, EntryDraft, TargetRef
from dsar.restriction import states
from dsar.restriction.model import Restriction, Trigger
from dsar.restriction.states import S

logger = logging.getLogger("steward.restriction")


def open_for(*, organization_id: UUID, account_id: UUID) -> Restriction | None:
    """The restriction of the whole that is in force, or None. Needs the scope."""
    return Restriction.objects.filter(organization_id=organization_id, account_id=account_id, what="").exclude(state=S.LIFTED).first()


def parts_of(*, organization_id: UUID, account_id: UUID) -> list[Restriction]:
    """The restrictions of parts that are in force. Needs the scope."""
    return list(Restriction.objects.filter(organization_id=organization_id, account_id=account_id).exclude(what="").exclude(state=S.LIFTED).order_by("began_at", "id"))


def restriction(people: Sequence[Person]) -> None:
    """extra["restriction"]: the restriction in force of the whole of each of these members, or None. extra["parts"]: those of parts."""
    there = [p.membership for p in people if p.membership is not None and (p.membership.use_restricted or p.membership.set_aside)]
    held = Restriction.objects.filter(organization_id__in={m.organization_id for m in there}, account_id__in=[m.account_id for m in there]).exclude(state=S.LIFTED).order_by("began_at", "id")
    rows = list(held) if there else []
    for person in people:
        own = [row for row in rows if row.account_id == person.account.id]
        person.extra["restriction"] = next((row for row in own if not row.what), None)
        person.extra["parts"] = [row for row in own if row.what]


def begin(work: Work, membership: Membership, *, trigger: str, by_person: bool, settled: bool = False, what: str = "", others: Sequence[Restriction] = ()) -> Restriction:
    """Restrict from this moment on: the row, and the mark on the membership, which is tracked and locked. `settled` needs no window: the organization itself decided."""
    row = Restriction(id=uuid.uuid4(), account_id=membership.account_id, organization_id=membership.organization_id, what=what, trigger=trigger, by_person=by_person, began_at=work.now)
    states.go(row, "settle" if settled else "activate", now=work.now)
    if not settled:
        row.object_by = states.object_by(membership.organization, work.now)
    states.mark(membership, row, others=others)
    work.add(row)
    return row


def by_itself(*, organization_id: UUID, account_id: UUID, trigger: str, now: datetime, deadline: datetime | None = None) -> Restriction | None:
    """Restrict provisionally: because something is disputed, an objection is looked at, or a request was not answered by `deadline`. Once: who is restricted stays as they are.

    For whoever keeps disputes and deadlines; in a transaction of theirs, or in its own. None where the person is no member, or the deadline is not over.
    """
    if trigger == Trigger.DELAY and (deadline is None or deadline > now):
        return None
    with scope(org=organization_id, purpose=SECURITY), transaction.atomic():
        membership = Membership.objects.select_for_update(of=("self",)).select_related("organization").filter(organization_id=organization_id, account_id=account_id).exclude(status="removed").first()
        if membership is None or membership.use_restricted:
            return open_for(organization_id=organization_id, account_id=account_id) if membership else None
        work = Work(now=now)
        work.track(membership)
        row = begin(work, membership, trigger=trigger, by_person=False)
        _record(work, row, membership, "use.restricted", deadline=plain(deadline) if deadline else None)
    return row


def run(*, now: datetime) -> None:
    """What time brings: confirmed where nobody objected, lifted where the person was told and the notice is over. One failure does not stop the rest."""
    with installation("restrictions of every organization go on"):
        due = [(row, _confirm) for row in Restriction.objects.filter(state=S.PROVISIONAL, object_by__lte=now).order_by("object_by")]
        due += [(row, _end) for row in Restriction.objects.filter(state=S.NOTICE, lift_at__lte=now).order_by("lift_at")]
    for row, step in due:
        try:
            _take(row.id, row.organization_id, step, now)
        except Exception as error:
            logger.error("restriction %s is looked at again later (%s)", row.id, type(error).__name__)


def _take(row_id: UUID, organization_id: UUID, step: Callable[[Restriction, datetime], str], now: datetime) -> None:
    with scope(org=organization_id, purpose=SECURITY), transaction.atomic():
        who = Restriction.objects.filter(id=row_id).values_list("account_id", flat=True).first()
        membership = Membership.objects.select_for_update(of=("self",)).filter(organization_id=organization_id, account_id=who).first()
        row = Restriction.objects.select_for_update().filter(id=row_id).first()
        if row is None or membership is None:
            return
        work = Work(now=now)
        work.track(row)
        work.track(membership)
        if event := step(row, now):
            states.mark(membership, row, others=parts_of(organization_id=organization_id, account_id=row.account_id) if row.what else ())
            _record(work, row, membership, event)


def about(row: Restriction) -> dict[str, str]:
    """Which part an entry is about; nothing where it is the whole."""
    return {"what": row.what} if row.what else {}


def _confirm(row: Restriction, now: datetime) -> str:
    if row.state != S.PROVISIONAL or row.object_by is None or row.object_by > now:
        return ""  # somebody was faster
    states.go(row, "confirm", now=now)
    return "use.restriction_confirmed"


def _end(row: Restriction, now: datetime) -> str:
    if row.state != S.NOTICE or row.lift_at is None or row.lift_at > now:
        return ""
    step = states.ending(row)
    states.go(row, step, now=now)
    return "use.restriction_lifted" if step == "lift" else "use.partly_freed"


def _record(work: Work, row: Restriction, membership: Membership, event: str, **facts: object) -> None:
    """Write what the work holds, with the entry about it."""
    with recording.opened(org=row.organization_id, now=work.now) as act:
        changes = work.changes_of(membership, subject=membership.account_id)
        work.flush()
        act.write([EntryDraft(
            org=row.organization_id, action=event, category="use", outcome="success", actor=ActorRef(type="schedule"), via="schedule", changes=changes,
            targets=[TargetRef(type="person", id=membership.account_id, subject=membership.account_id), TargetRef(type="restriction", id=row.id)],
            facts={**about(row), "trigger": row.trigger, **{name: value for name, value in facts.items() if value is not None}})])
