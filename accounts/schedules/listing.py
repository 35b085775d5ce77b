"""What is scheduled, as lists: in an organization, about one person, about oneself."""
from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from accounts import deletions
from accounts.actor import Actor
from accounts.keyset import Slice, fetch
from accounts.models import Membership, Plan
from accounts.models.plan import PlanState

SIZE = 25
DELETES = "schedule-deletion"


@dataclass(frozen=True)
class Scheduled:
    """One scheduled act with whom it is about and who asked for it."""

    plan: Plan
    person: Membership
    by: Membership | None
    waits_for: tuple[str, ...] = ()
    """What stands in its way now, where that is a hold: then it will not be done at its time."""


def page(*, actor: Actor, power: str = "", person: UUID | None = None, cursor: str = "", size: int = SIZE) -> tuple[list[Scheduled], Slice]:
    """What is scheduled about the people whom the actor reaches, the next one first."""
    where, values = ["p.organization_id = %s", "p.state = 'scheduled'"], [actor.organization_id]
    if power:
        where.append("p.power = %s")
        values.append(power)
    if person is not None:
        where.append("p.subject = %s")
        values.append(person)
    if actor.scope_groups is not None:
        where.append("(p.subject = %s OR EXISTS (SELECT 1 FROM accounts_groupmembership g WHERE g.membership_id = p.subject AND g.group_id = ANY(%s)))")
        values += [actor.membership_id, list(actor.scope_groups)]
    found = fetch(select="SELECT p.id", source="accounts_plan p", where=where, values=values, keys=(("p.due_at", "timestamptz"), ("p.id", "uuid")),
                  binding=f"scheduled:{actor.organization_id}:{actor.membership_id}:{power}:{person}", cursor=cursor, size=size)
    rows = {row.id: row for row in Plan.objects.filter(id__in=[r[0] for r in found.rows])}
    return _named(rows[r[0]] for r in found.rows if r[0] in rows), found


def one(*, actor: Actor, plan_id: UUID) -> Scheduled | None:
    """One scheduled act about somebody whom the actor reaches, also when it has come to its end."""
    row = Plan.objects.filter(organization_id=actor.organization_id, id=plan_id, subject__isnull=False).first()
    if row is None:
        return None
    if actor.scope_groups is not None and row.subject != actor.membership_id and not Membership.objects.filter(id=row.subject, group_memberships__group_id__in=actor.scope_groups).exists():
        return None
    return _named([row])[0]


def about(membership_ids: Iterable[UUID]) -> list[Plan]:
    """What is scheduled about these memberships, the next one first."""
    return list(Plan.objects.filter(subject__in=list(membership_ids), state=PlanState.SCHEDULED).order_by("due_at", "created_at"))


def _named(rows: Iterable[Plan]) -> list[Scheduled]:
    rows = list(rows)
    people = {m.id: m for m in Membership.objects.filter(id__in={i for row in rows for i in (row.subject, row.requested_by) if i}).select_related("account")}
    held = deletions.on_hold({people[row.subject].account_id for row in rows if row.power == DELETES and row.subject in people}) if any(row.power == DELETES for row in rows) else {}
    return [Scheduled(plan=row, person=people[row.subject], by=people.get(row.requested_by), waits_for=tuple(held.get(people[row.subject].account_id, ())) if row.power == DELETES else ())
            for row in rows if row.subject in people]
