"""When an organization stops managing an account: what it had scheduled about the account itself is pointless, and the account has no end any more."""
from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from uuid import UUID

from accounts.models import Account, Plan
from accounts.models.plan import PlanState
from accounts.people import Person
from accounts.schedules import acts, rules
from accounts.work import Work
from audit.record import ActorRef, EntryDraft, TargetRef

BY = "release-account"
"""Whatever ended it, it is to what was scheduled as if somebody had released the account."""


def one(work: Work, person: Person) -> None:
    """In an act on this person that ends the management; their scheduled acts are gathered."""
    person.management = None
    acts.supersede(work, person, BY)
    acts.recap(person)


def several(work: Work, *, organization_id: UUID, accounts: Collection[Account], members: Mapping[UUID, UUID], now: datetime) -> list[EntryDraft]:
    """For many accounts whose management ends together: the entries that tell people what was dropped."""
    by_member = {members[account.id]: account for account in accounts if account.id in members}
    rows = Plan.objects.select_for_update().filter(organization_id=organization_id, subject__in=list(by_member), power__in=rules.ENDS[BY], state=PlanState.SCHEDULED).order_by("id")
    found = []
    for row in rows:
        account = by_member[row.subject]  # type: ignore[index]
        work.track(row)
        rules.go(row, PlanState.SUPERSEDED)
        row.finished_at = now
        found.append(EntryDraft(
            org=organization_id, action="plan.superseded", category="plan", outcome="success", actor=ActorRef(type="schedule"), via="schedule", plan=row.id, facts={"by": BY, **acts.said(row)},
            targets=[TargetRef(type="person", id=account.id, label=account.name or account.email, subject=account.id), TargetRef(type="membership", id=row.subject)]))
    return found
