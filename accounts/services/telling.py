"""Whoever's access to a service changed by an act over a group or over everybody is told by mail: once the log has the act, in batches, each whole or not at all.

Killed at any point nobody is left out, and nobody is told twice. What somebody did to themselves they know.
"""
from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.models import QuerySet

from accounts import outbox, turns
from accounts.models import AccessRound, Account
from accounts.organizations import contact
from accounts.tenancy import installation
from audit import recording
from audit.queries import Seen, entry
from audit.record import ActorRef, EntryDraft, TargetRef
from audit.subscribers import Sealed, Subscriber

BATCH, SECONDS = 500, 20.0
_WHY = "people of every organization are told what became of their access"
CAUSES = {"group.service_set": "group", "service.everyone_set": "everybody", "group.deleted": "deleted", "service.removed": "removed"}
"""The acts that people are told of, and how the mail says by what it came."""


def handle(batch: list[Sealed]) -> None:
    """What the log has, is told from here on."""
    for sealed in batch:
        if sealed.outcome == "success" and (number := sealed.record.get("facts", {}).get("round")):
            AccessRound.objects.filter(organization_id=sealed.org, number=UUID(number), entry=None).update(entry=sealed.entry)


SUBSCRIBER = Subscriber(name="service-access", handle=handle, actions=frozenset(CAUSES))


def waiting() -> bool:
    """Whether anybody is still to be told."""
    with installation(_WHY):
        return _open().exists()


def _open() -> QuerySet[AccessRound]:
    return AccessRound.objects.filter(finished_at=None, entry__isnull=False)


def run(*, now: datetime, seconds: float = SECONDS) -> bool:
    """Owe mails for some seconds, a batch of each act in turn. Returns whether something is left that can go on; what fails is raised when the others are done."""
    with installation(_WHY):
        return turns.take(lambda number: step(number, now=now), lambda failed: _open().exclude(id__in=failed).order_by("begun_at", "id").values_list("id", flat=True), seconds=seconds)


def step(number: UUID, *, now: datetime) -> int:
    """The next people of one row: their mails, and how far it got, are written together."""
    with transaction.atomic():
        row = AccessRound.objects.select_for_update(skip_locked=True, of=("self",)).defer("people").select_related("organization").filter(id=number, finished_at=None).first()
        if row is None:
            return 0
        people = _next(row)
        if not people:
            _finish(row, now)
            return 1
        assert row.entry is not None
        seen = entry(org=row.organization_id, entry_id=row.entry, paths=["actor.name", "actor.email"])
        if seen is not None:
            outbox.owe_all(template="service-access", accounts=_told(people, seen), context=context(row, seen), entry=row.entry, organization_id=row.organization_id, now=now)
        AccessRound.objects.filter(id=row.id).update(told=row.told + len(people))
        return len(people)


def _next(row: AccessRound) -> list[UUID]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT people[%s:%s] FROM accounts_accessround WHERE id = %s", [row.told + 1, row.told + BATCH, row.id])
        return cursor.fetchone()[0]


def _told(people: list[UUID], seen: Seen) -> list[Account]:
    rows = Account.objects.filter(id__in=people, kind="person").exclude(status="purged").order_by("id")
    return [account for account in rows if str(account.id) != seen.record["actor"].get("id")]


def context(row: AccessRound, seen: Seen) -> dict[str, Any]:
    """What the mail says: what changed, by what it came, and who did it."""
    said, facts = {path: value for path, value in seen.open.items() if isinstance(value, str)}, seen.record["facts"]
    return {"organization": row.organization.name, "actor": said.get("actor.name") or said.get("actor.email") or "", "contact": contact.line(row.organization), "message": "", "reason": "",
            "when": seen.record["occurred_at"][:16].replace("T", " "), "reference": f"{seen.seq}", "cause": CAUSES[seen.record["action"]], "group": facts.get("group") or facts.get("name", ""),
            "changes": [{"service": name, "before": old or "none", "after": new or "none"} for name, old, new in zip(row.services, row.before, row.after, strict=True)]}


def _finish(row: AccessRound, now: datetime) -> None:
    """Everybody was told, so nobody needs to be known any more."""
    with recording.opened(org=row.organization_id, now=now) as act:
        AccessRound.objects.filter(id=row.id).update(people=[], finished_at=now)
        act.write([EntryDraft(org=row.organization_id, action="service.people_told", category="service", outcome="success", actor=ActorRef(type="schedule"), via="schedule",
                              targets=[TargetRef(type="organization", id=row.organization_id)], facts={"round": str(row.number), "people": row.told})])
