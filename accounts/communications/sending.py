"""Announcements on their way: owed in batches by the job, and looked at once more, each alone, at the moment of sending."""
from __future__ import annotations

import time
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import Q, QuerySet

from accounts import outbox, tenancy
from accounts.communications import choices
from accounts.communications.kinds import KINDS
from accounts.models import Account, Announcement, Membership, Organization
from accounts.organizations import contact
from accounts.purposes import ADMINISTRATION
from audit import recording
from audit.record import ActorRef, EntryDraft, TargetRef
from audit.subscribers import Sealed, Subscriber

SENT, FINISHED = "announcement.sent", "announcement.finished"
BATCH, SECONDS = 500, 20.0


def recipients(organization_id: UUID) -> QuerySet[Membership]:
    """Everybody who could get it: active members with an account that works. Not those about whom nothing may be used: this is daily administration."""
    usable = Q(use_restricted=False) | Q(use_freed__contains=[ADMINISTRATION])
    return Membership.objects.filter(usable, organization_id=organization_id, status="active", account__kind="person", account__status="active").select_related("account").order_by("id")


def handle(batch: list[Sealed]) -> None:
    """What the log has is sent: the job takes it from here."""
    for sealed in batch:
        if sealed.outcome == "success":
            Announcement.objects.filter(id=UUID(sealed.record["facts"]["announcement"]), organization_id=sealed.org).update(entry=sealed.entry)


SUBSCRIBER = Subscriber(name="announcements", handle=handle, actions=frozenset({SENT}))


def waiting() -> bool:
    """Whether there is anything to send. Needs a reach that sees every organization."""
    return Announcement.objects.filter(finished_at=None, entry__isnull=False).exists()


def run(*, now: datetime, seconds: float = SECONDS) -> bool:
    """Owe mails for some seconds, a batch of each announcement in turn. Returns whether something is left. Killed at any point it loses nothing, run twice it tells nobody twice."""
    end = time.monotonic() + seconds
    while True:
        with tenancy.installation("announcements of every organization go on"):
            units = list(Announcement.objects.filter(finished_at=None, entry__isnull=False).order_by("sent_at").values_list("id", "organization_id"))
        done = 0
        for announcement_id, organization_id in units:
            with tenancy.scope(org=organization_id, purpose=ADMINISTRATION):
                done += step(announcement_id, now=now)
            if time.monotonic() > end:
                return True
        if not done:
            return False


def step(announcement_id: UUID, *, now: datetime) -> int:
    """The next people. Needs the organization's scope."""
    with transaction.atomic():
        row = Announcement.objects.select_for_update(skip_locked=True, of=("self",)).select_related("organization").filter(id=announcement_id, finished_at=None).first()
        if row is None:
            return 0
        found = list(recipients(row.organization_id).filter(**({"id__gt": row.reached} if row.reached else {}))[:BATCH])
        if not found:
            _finish(row, now)
            return 1
        off = choices.unwanted(accounts=[member.account for member in found], organization_id=row.organization_id, kind=row.kind)
        told = [member.account for member in found if member.account_id not in off]
        context = {"organization": row.organization.name, "contact": contact.line(row.organization), "subject": row.subject, "text": row.text}
        outbox.owe_all(template=KINDS[row.kind].template, accounts=told, context=context, entry=row.entry, organization_id=row.organization_id, now=now)
        Announcement.objects.filter(id=row.id).update(reached=found[-1].id, told=row.told + len(told), left_out=row.left_out + len(off))
        return len(found)


def _finish(row: Announcement, now: datetime) -> None:
    with recording.opened(org=row.organization_id, now=now) as act:
        Announcement.objects.filter(id=row.id).update(finished_at=now)
        act.write([EntryDraft(org=row.organization_id, action=FINISHED, category="announcement", outcome="success", actor=ActorRef(type="schedule"), via="schedule",
                              targets=[TargetRef(type="organization", id=row.organization_id)], facts={"announcement": str(row.id), "told": row.told, "left_out": row.left_out})])


def counts(organization_id: UUID, kind: str) -> tuple[int, int]:
    """How many would get it, and how many do not want it. Needs the organization's scope."""
    accounts = [member.account for member in recipients(organization_id).only("account__email_key", "account__gpc_at", "id")]
    off = choices.unwanted(accounts=accounts, organization_id=organization_id, kind=kind)
    return len(accounts) - len(off), len(off)


def may_go(*, account: Account | None, address_key: str, organization_id: UUID | None, kind: str) -> bool:
    """The one gate, asked by the outbox for every optional mail right before it is sent: is this person still there, with this address, and do they still want it? Needs to see every organization."""
    if account is None or organization_id is None or account.email_key != address_key:
        return False
    if not recipients(organization_id).filter(account=account).exists() or Organization.objects.filter(id=organization_id, status="deleted").exists():
        return False
    return not choices.unwanted(accounts=[account], organization_id=organization_id, kind=kind)
