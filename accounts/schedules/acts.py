"""Writing what is scheduled, inside an act of the door: put it down, drop what is pointless, and keep in step when access ends."""
from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from accounts.models import Membership, Plan
from accounts.models.plan import PlanState
from accounts.people import Person
from accounts.schedules import rules
from accounts.work import Work, plain

CONTRACT = "end-contract"
"""What the end of a contract is called where it is scheduled: never asked for by itself, always by a day."""


def rows_of(person: Person) -> list[Plan]:
    """What is scheduled about the person; the power has it gathered."""
    return person.extra["scheduled"]  # type: ignore[return-value]


def put(work: Work, *, judged: Any, verdict: Any, approvers: Iterable[UUID]) -> None:
    """Write the act down for later, instead of doing it. One entry says so; nothing else of the person changes."""
    person, due = verdict.target, judged.due_at
    row = _new(work, person, power=judged.power.slug, data=rules.without_time(judged.data), due=due, via=judged.actor.via, by=judged.actor.membership_id, tier=verdict.tier,
               digest=rules.substance(power=judged.power.slug, person=person, effects=verdict.effects), approvers=approvers,
               through=judged.actor.through and judged.actor.through.client)
    work.note(person.id, event="plan.scheduled", **said(row))


def put_back(work: Work, person: Person, *, data: dict[str, Any], due: datetime) -> None:
    """The former role, to come back by itself."""
    _new(work, person, power="change-role", data=data, due=due, via="schedule", by=work.actor_membership, tier=1, digest="", approvers=(), automatic=True)


def _new(work: Work, person: Person, *, power: str, data: dict[str, Any], due: datetime, via: str, by: UUID | None, tier: int, digest: str, approvers: Iterable[UUID],
         automatic: bool = False, through: UUID | None = None) -> Plan:
    assert person.membership is not None
    row = _row(work, person.membership, power=power, data=data, due=due, via=via, by=by, tier=tier, digest=digest, approvers=approvers, automatic=automatic, through=through)
    rows_of(person).append(row)
    return row


def _row(work: Work, membership: Membership, *, power: str, data: dict[str, Any], due: datetime, via: str, by: UUID | None, tier: int, digest: str, approvers: Iterable[UUID],
         automatic: bool, through: UUID | None = None) -> Plan:
    row = Plan(
        id=uuid.uuid4(), organization_id=membership.organization_id, power=power, requested_by=by or membership.id, requested_via=via, requested_through=through,
        targets=[membership.id], subject=membership.id,
        data=plain(data), digest=digest, tier=tier, state=PlanState.SCHEDULED, created_at=work.now, expires_at=due, due_at=due, total=1, automatic=automatic,
        summary={"approvers": [str(i) for i in approvers]}, warned=rules.warned_for(due=due, now=work.now))
    work.add(row)
    return row


def put_contract(work: Work, membership: Membership, *, ends_on: date, ahead: Iterable[timedelta], held: Plan | None = None) -> Plan:
    """The end of the contract: what `held` says already, moved to this day, or anew. It happens whoever asked for it is still there or not."""
    due = rules.over_after(ends_on, membership.organization.time_zone)
    data = {"ends_on": ends_on.isoformat(), "reason_code": "contract_ended"}
    if held is None:
        held = _row(work, membership, power=CONTRACT, data=data, due=due, via="schedule", by=work.actor_membership, tier=2, digest="", approvers=(), automatic=True)
    else:
        work.track(held)
        held.data, held.due_at, held.expires_at, held.requested_by = data, due, due, work.actor_membership or held.requested_by
    held.warned = rules.warned_for(due=due, now=work.now, ahead=ahead)
    return held


def said(row: Plan) -> dict[str, Any]:
    """What an entry says of a scheduled act: never a name."""
    return {"scheduled": str(row.id), "power": row.power, "due": plain(row.due_at), **({"until": plain(rules.moment(row.data["until"]))} if row.data.get("until") else {})}


def supersede(work: Work, person: Person, power: str) -> None:
    """Drop what is pointless after this act. Each gets an entry of its own, so that people hear of it."""
    for row in [r for r in rows_of(person) if r.power in rules.ENDS.get(power, ())]:
        end(work, person, row, PlanState.SUPERSEDED)
        work.tell(person, "plan.superseded", by=power, **said(row))


def end(work: Work, person: Person, row: Plan, state: PlanState) -> None:
    """Bring a scheduled act to its end."""
    work.track(row)
    rules.go(row, state)
    row.finished_at = work.now
    rows_of(person).remove(row)


def recap(person: Person) -> None:
    """When access ends, here and everywhere, and when a role does, as everything that is scheduled now says."""
    membership, rows = person.membership, rows_of(person)
    assert membership is not None
    membership.access_ends_at = min((r.due_at for r in rows if r.power in rules.CLOSES_HERE and r.due_at), default=None)
    membership.role_until = min((r.due_at for r in rows if r.automatic and r.power == "change-role" and r.due_at), default=None)
    contract = next((r for r in rows if r.power == CONTRACT), None)
    if contract is not None or membership.status != "removed":
        membership.contract_ends_on = rules.day(contract.data["ends_on"]) if contract else None
    if person.managed or person.account.access_ends_at is not None:
        closing = rules.CLOSES_ACCOUNT | ({CONTRACT} if person.managed and not person.governed else set())
        person.account.access_ends_at = min((r.due_at for r in rows if r.power in closing and r.due_at), default=None)
