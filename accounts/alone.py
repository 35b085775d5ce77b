"""Small organizations: where nobody else could agree, time and openness stand for the second person (RIGHTS 3g).

The act waits for 48 hours, every owner and the operator's log are told, any owner may stop it, and it is carried out as it was
planned or not at all. What always needs two people waits for a second one; until there is one, the operator may agree.
"""
from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from accounts import act_file, approvals
from accounts.actor import Actor
from accounts.models import Account, GroupMembership, Membership
from accounts.models import Plan as StoredPlan
from accounts.models.plan import PlanState
from accounts.reasons import NotFound, Refused
from accounts.roles import OWNER_RANK
from accounts.work import plain
from audit import INSTALLATION, recording
from audit.record import ActorRef, EntryDraft, TargetRef

DELAY = timedelta(hours=48)
_TWO = frozenset({"expedite-deletion", "view-content"})


def always_two(row: StoredPlan) -> bool:
    """What no delay can stand for: an act on an owner, a deletion before its time, reading what is in an account, telling somebody later, an address that is changed because the mailbox is dead."""
    return row.power in _TWO or bool(row.data.get("delay")) or row.data.get("how") == "dead_mailbox" or approvals.about_owner(row)


def begin(row: StoredPlan, *, now: datetime) -> list[EntryDraft]:
    """Where nobody could agree to this plan, it gets its date. Returns the entry for the operator. Saving the row is the caller's."""
    if always_two(row) or approvals.could_approve(row):
        return []
    row.summary = {**row.summary, "due_at": plain(now + DELAY)}
    return [_for_operator(row, "plan.delayed", due_at=row.summary["due_at"])]


def _for_operator(row: StoredPlan, event: str, **facts: object) -> EntryDraft:
    return EntryDraft(org=INSTALLATION, action=event, category="plan", outcome="success", actor=ActorRef(type="organization"), via="schedule",
                      targets=[TargetRef(type="organization", id=row.organization_id), TargetRef(type="plan", id=row.id)], facts={"power": row.power, **facts})


def due_at(row: StoredPlan) -> datetime | None:
    """When the plan is carried out unless somebody stops it; None where it waits for a person."""
    at = row.summary.get("due_at")
    return datetime.fromisoformat(at) if at and row.state == PlanState.AWAITING_APPROVAL else None


def owners(organization_id: UUID) -> Iterator[Account]:
    """The owners who are told: everybody who holds the role, by themselves or through a group."""
    groups = GroupMembership.objects.filter(organization_id=organization_id, group__role__rank__gte=OWNER_RANK)
    rows = Membership.objects.filter(Q(role__rank__gte=OWNER_RANK) | Q(id__in=groups.values("membership_id")), organization_id=organization_id, status="active", account__status="active")
    for membership in rows.select_related("account").order_by("id"):
        yield membership.account


def go_on(*, organization_id: UUID, now: datetime) -> None:
    """Plans with a date: where somebody could agree by now, they wait for that person instead; those whose time has come are carried out."""
    clock = Actor(kind="schedule", organization_id=organization_id, via="schedule")
    for waiting in approvals.pending(organization_id=organization_id, now=now):
        if not waiting.summary.get("due_at"):
            continue
        with transaction.atomic():
            row = StoredPlan.objects.select_for_update(skip_locked=True).filter(id=waiting.id, state=PlanState.AWAITING_APPROVAL).first()
            when = due_at(row) if row is not None else None
            if row is None or when is None:
                continue
            if approvals.could_approve(row):
                row.summary = {name: value for name, value in row.summary.items() if name != "due_at"}
                row.expires_at = now + approvals.LIFETIME
                with recording.opened(org=organization_id, now=now) as act:
                    row.save(update_fields=["summary", "expires_at"])
                    act.write([approvals.draft(clock, row, "plan.second_person_found", None)])
            elif when <= now:
                asked = approvals.requester(row)
                if asked is None or not asked.paused:
                    approvals.carry_out(row, power=act_file.PLANNED[row.power], asked=asked, by=clock, event="plan.delay_over", note="", now=now)


def agree_as_operator(*, organization_id: UUID, plan_id: UUID, ground: str, now: datetime) -> None:
    """The operator is the second person for what always needs one, where the organization has nobody else. Owners read the ground."""
    with transaction.atomic():
        row = StoredPlan.objects.select_for_update().filter(organization_id=organization_id, id=plan_id).first()
        if row is None:
            raise NotFound
        code = "wrong_status" if row.state != PlanState.AWAITING_APPROVAL else "expired" if row.expires_at <= now else ""
        code = code or ("not_for_operator" if not always_two(row) or approvals.could_approve(row) else "")
        if code:
            raise Refused({str(plan_id): [code]})
        operator = Actor(kind="operator", organization_id=organization_id, via="cli", tier_granted=2)
        refusal, _receipt = approvals.carry_out(row, power=act_file.PLANNED[row.power], asked=approvals.requester(row), by=operator, event="plan.operator_agreed", note=ground, now=now)
        if not refusal:
            with recording.opened(org=INSTALLATION, now=now) as act:
                act.write([_for_operator(row, "plan.operator_agreed")])
    if refusal:
        raise Refused({str(plan_id): [refusal]})
