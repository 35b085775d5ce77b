"""Scheduled acts whose time came and that were not done: why not, and the writing of it."""
from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from accounts.models import Plan
from accounts.models.plan import PlanState
from accounts.people import Person
from accounts.schedules import acts, rules
from accounts.work import Work
from audit import recording
from audit.record import ActorRef, EntryDraft, TargetRef


def reasons(*, power: Any, actor: Any, verdict: Any, row: Plan, approvers: Sequence[UUID]) -> list[str]:
    """Why what was asked for cannot, or may not, be done now; [] if it may."""
    found = ["requester_lost" if code == "no_permission" else code for code in verdict.reasons]
    if found or actor.kind == "schedule":
        return found
    if verdict.tier >= 3 and not approvers:
        return ["second_person"]
    return [] if row.digest == rules.substance(power=power.slug, person=verdict.target, effects=verdict.effects) else ["changed_since"]


def write(*, organization_id: UUID, happened: Sequence[tuple[Person, Plan, list[str]]], now: datetime) -> None:
    """End these acts as void, give the access back that was only to end with them, and say why in an entry for each."""
    if not happened:
        return
    with recording.opened(org=organization_id, now=now) as act:
        work = Work(now=now)
        for person, row, codes in happened:
            work.track(person.membership)
            work.track(person.account)
            found = next(r for r in acts.rows_of(person) if r.id == row.id)
            acts.end(work, person, found, PlanState.VOID)
            found.failure = ",".join(codes)
            acts.recap(person)
        changes = [[*work.changes_of(p.membership, subject=p.account.id), *work.changes_of(p.account, subject=p.account.id)] for p, _row, _codes in happened if p.membership]
        work.flush()
        act.write([EntryDraft(
            org=organization_id, action="plan.not_done", category="plan", outcome="failure", reason_code=",".join(codes), actor=ActorRef(type="schedule"), via="schedule", plan=row.id, changes=found,
            targets=[TargetRef(type="service_account" if person.account.kind == "service" else "person", id=person.account.id, label=person.label, subject=person.account.id),
                     TargetRef(type="membership", id=person.id)], facts={**acts.said(row), "why": codes})
            for (person, row, codes), found in zip(happened, changes, strict=True)])
