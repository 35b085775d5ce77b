"""Telling many people: the log has it, then the mails are owed in batches, each batch whole or not at all. Killed at any point nobody is left out, and nobody is told twice."""
from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet

from accounts import turns
from accounts.models import Account, Membership
from accounts.tenancy import installation
from audit import INSTALLATION, recording
from audit.record import ActorRef, EntryDraft, TargetRef
from audit.subscribers import Sealed, Subscriber
from dsar.registers import telling
from dsar.registers.models import Round

BATCH, SECONDS = 500, 20.0
HOW: dict[str, Callable[[Round, list[Account], datetime], None]] = {
    "disclosure": telling.disclosure, "prohibition": telling.prohibition, "privacy": telling.privacy, "privacy-again": telling.privacy_again, "powers-again": telling.powers_again,
    "transfer-announced": telling.transfer, "transfer-near": telling.transfer, "transfer-withdrawn": telling.transfer, "transfer-done": telling.transfer,
}
"""What is told, by the kind of a round."""
ACTIONS = frozenset({"disclosure.told", "disclosure.answered", "disclosure.corrected", "disclosure.people_told", "disclosure.prohibition_ends", "privacy_notice.published",
    "privacy_notice.reminded", "notice.reminded",
                     "business_transfer.announced", "business_transfer.near", "business_transfer.withdrawn", "business_transfer.done"})


def handle(batch: list[Sealed]) -> None:
    """What the log has, is told from here on."""
    for sealed in batch:
        if sealed.outcome == "success" and (number := sealed.record.get("facts", {}).get("round")):
            Round.objects.filter(id=UUID(number), entry=None).update(entry=sealed.entry, seq=sealed.seq)


SUBSCRIBER = Subscriber(name="registers", handle=handle, actions=ACTIONS)


def waiting() -> bool:
    """Whether anybody is still to be told. Needs a reach that sees every organization."""
    return _open().exists()


def _open() -> QuerySet[Round]:
    return Round.objects.filter(finished_at=None, entry__isnull=False)


def run(*, now: datetime | None = None, seconds: float = SECONDS) -> bool:
    """Owe mails for some seconds, a batch of each round in turn. Returns whether something is left that can go on; what fails is raised when the others are done."""
    at = now or datetime.now(UTC)
    with installation("people of every organization are told what concerns them"):
        return turns.take(lambda number: step(number, now=at), lambda failed: _open().exclude(id__in=failed).order_by("begun_at", "id").values_list("id", flat=True), seconds=seconds)


def step(number: UUID, *, now: datetime) -> int:
    """The next people of one round."""
    with transaction.atomic():
        row = Round.objects.select_for_update(skip_locked=True, of=("self",)).filter(id=number, finished_at=None).first()
        if row is None:
            return 0
        people = recipients(row)[:BATCH]
        if not people:
            _finish(row, now)
            return 1
        HOW[row.kind](row, people, now)
        Round.objects.filter(id=row.id).update(reached=people[-1].id, told=row.told + len(people))
        return len(people)


def recipients(row: Round) -> list[Account]:
    """Whom it is still to reach, in the order of their accounts: who belongs to the organization, also while suspended; or everybody who has an account."""
    rows = Account.objects.filter(kind="person").exclude(status="purged").order_by("id")
    if row.people is not None:
        rows = rows.filter(id__in=row.people)
    elif row.organization_id is not None:
        rows = rows.filter(id__in=Membership.objects.filter(organization_id=row.organization_id, status__in=("active", "restricted", "suspended")).values("account_id"))
    return list(rows.filter(id__gt=row.reached)[:BATCH] if row.reached else rows[:BATCH])


def _finish(row: Round, now: datetime) -> None:
    log: Any = row.organization_id or INSTALLATION
    with recording.opened(org=log, now=now) as act:
        Round.objects.filter(id=row.id).update(finished_at=now)
        act.write([EntryDraft(org=log, action="register.round_finished", category="register", outcome="success", actor=ActorRef(type="schedule"), via="schedule",
                              targets=[TargetRef(type="organization", id=row.organization_id)] if row.organization_id else [], facts={"round": str(row.id), "kind": row.kind, "told": row.told})])
