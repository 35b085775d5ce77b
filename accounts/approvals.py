"""Plans that wait for a second person: asking, deciding, expiring (guard rail 11)."""
from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction

from accounts import access, entries
from accounts.actor import Actor
from accounts.models import Membership, PlanRow
from accounts.models import Plan as StoredPlan
from accounts.models.plan import PlanState
from accounts.people import Person
from accounts.power import Plan, Power
from accounts.reasons import NotFound, Refused, Stale, StepUpNeeded
from accounts.roles import APPROVER_RANK, OWNER_RANK
from accounts.work import plain
from audit import recording
from audit.record import EntryDraft, TargetRef

LIFETIME = timedelta(hours=72)


def request(*, judged: Plan, ids: Iterable[UUID], now: datetime) -> StoredPlan:
    """Store a plan that needs a second person. A plan for the same person that still waits blocks it."""
    actor, ids = judged.actor, list(ids)
    waiting = StoredPlan.objects.select_for_update().filter(
        organization_id=actor.organization_id, state=PlanState.AWAITING_APPROVAL, targets__overlap=ids)
    if [row for row in waiting if row.expires_at > now]:
        raise Refused({"": ["pending_conflict"]})
    assert actor.organization_id is not None and actor.membership_id is not None
    row = StoredPlan(
        organization_id=actor.organization_id, power=judged.power.slug, requested_by=actor.membership_id, requested_via=actor.via,
        targets=ids, data=plain(dict(judged.data)), digest=judged.digest, tier=judged.tier, state=PlanState.AWAITING_APPROVAL,
        created_at=now, expires_at=now + LIFETIME, total=len(ids))
    with recording.opened(org=actor.organization_id, now=now) as act:
        row.save(force_insert=True)
        act.write([_draft(actor, row, "plan.requested", judged.verdicts[0].target)])
    return row


def awaited(*, organization_id: UUID, ids: Iterable[UUID], besides: UUID | None = None) -> frozenset[UUID]:
    """Those of these people for whom a plan waits for its second person: whatever it is, doing something else to them first would make it void (guard rail 11)."""
    ids = list(ids)
    waiting = StoredPlan.objects.filter(organization_id=organization_id, state=PlanState.AWAITING_APPROVAL).exclude(id=besides)
    named = {target for found in waiting.filter(targets__overlap=ids).values_list("targets", flat=True) for target in found} & set(ids)
    return frozenset(named | set(PlanRow.objects.filter(plan__in=waiting, state="waiting", target__in=ids).values_list("target", flat=True)))


def requester(row: StoredPlan) -> Actor | None:
    """Who asked, with the rights they have now; None if nothing is left of them."""
    membership = Membership.objects.filter(id=row.requested_by).first()
    if membership is None:
        return None
    found = access.actor_for(account_id=membership.account_id, organization_id=row.organization_id, via=row.requested_via)
    return found if found.permissions else None


def pending(*, organization_id: UUID, now: datetime) -> list[StoredPlan]:
    """Plans that wait for a second person, oldest first."""
    return list(StoredPlan.objects.filter(organization_id=organization_id, state=PlanState.AWAITING_APPROVAL, expires_at__gt=now).order_by("created_at"))


def why_not(*, row: StoredPlan, power: Power, actor: Actor, owner_involved: bool, now: datetime) -> str:
    """The reason code why this actor cannot approve this plan, or ''."""
    if row.state != PlanState.AWAITING_APPROVAL:
        return "wrong_status"
    if row.expires_at <= now:
        return "expired"
    if actor.membership_id == row.requested_by:
        return "same_person"
    if actor.kind != "user" or not actor.may("approve_plans") or not actor.may(power.permission):
        return "not_approver"
    if actor.rank < (OWNER_RANK if owner_involved else APPROVER_RANK):
        return "not_approver"
    return ""


def decide(*, plan_id: UUID, actor: Actor, requester: Actor | None, power: Power, approve: bool, note: str, now: datetime) -> Any:
    """Approve (which performs it as the requester, approved by the actor) or decline. Returns the receipt or None.

    `requester` is the person who asked, as they are now; None when they lost their membership, which voids the plan.
    """
    from accounts import door

    refusal, receipt = None, None
    with transaction.atomic():
        row = StoredPlan.objects.select_for_update().filter(organization_id=actor.organization_id, id=plan_id).first()
        if row is None:
            raise NotFound
        owner_involved = _owner_involved(power, row, actor, now)
        refusal = why_not(row=row, power=power, actor=actor, owner_involved=owner_involved, now=now)
        if not refusal and approve and actor.tier(now) < 2:
            raise StepUpNeeded(2)
        if not refusal and not approve:
            _finish(row, actor, PlanState.DENIED, "plan.denied", note, now)
        elif not refusal:
            try:
                with transaction.atomic():
                    if requester is None:
                        raise Stale
                    if row.many:
                        _set_going(row, actor, note, now)
                        return None
                    receipt = door.approved(power=power, actor=requester, ids=row.targets, data=row.data, now=now, digest=row.digest,
                                            stored=row.id, approvers=(actor.account_id,) if actor.account_id else ())
            except (Refused, Stale, NotFound):
                _finish(row, actor, PlanState.VOID, "plan.voided", note, now)
                refusal = "stale"
            else:
                _finish(row, actor, PlanState.DONE, "plan.approved", note, now)
    if refusal:
        entries.record_refusal(power=power, actor=actor, ids=[plan_id], codes=[refusal], now=now)
        raise Refused({str(plan_id): [refusal]})
    return receipt


def _set_going(row: StoredPlan, actor: Actor, note: str, now: datetime) -> None:
    """A plan of many targets is carried out by the worker, as the requester, approved by the actor."""
    row.summary = {**row.summary, "approvers": [str(actor.account_id)]}
    row.state, row.decided_by, row.decided_at, row.decision_note, row.version = PlanState.RUNNING, actor.membership_id, now, note[:2000], row.version + 1
    with recording.opened(org=row.organization_id, now=now) as act:
        row.save(update_fields=["state", "decided_by", "decided_at", "decision_note", "version", "summary"])
        act.write([_draft(actor, row, "plan.approved", None)])


def cancel(*, plan_id: UUID, actor: Actor, now: datetime) -> None:
    """The person who asked takes it back."""
    with transaction.atomic():
        row = StoredPlan.objects.select_for_update().filter(
            organization_id=actor.organization_id, id=plan_id, requested_by=actor.membership_id, state=PlanState.AWAITING_APPROVAL).first()
        if row is None:
            raise NotFound
        _finish(row, actor, PlanState.CANCELLED, "plan.cancelled", "", now)


def _owner_involved(power: Power, row: StoredPlan, actor: Actor, now: datetime) -> bool:
    from accounts import targets

    found = targets.load(power=power, actor=actor, ids=row.targets, data=row.data, lock=False)
    return any(isinstance(t, Person) and t.is_owner for t in found) or row.data.get("role") == "owner"


def _finish(row: StoredPlan, actor: Actor, state: str, event: str, note: str, now: datetime) -> None:
    with recording.opened(org=row.organization_id, now=now) as act:
        row.state, row.decided_by, row.decided_at, row.decision_note = state, actor.membership_id, now, note[:2000]
        row.finished_at, row.version = now, row.version + 1
        row.save(update_fields=["state", "decided_by", "decided_at", "decision_note", "finished_at", "version"])
        PlanRow.objects.filter(plan=row).delete()  # they name people, and nothing more will come of them
        act.write([_draft(actor, row, event, None)])


def _draft(actor: Actor, row: StoredPlan, event: str, target: Any) -> EntryDraft:
    refs = [TargetRef(type="plan", id=row.id), *(entries.target_refs(target) if isinstance(target, Person) else [])]
    return EntryDraft(org=row.organization_id, action=event, category="plan", outcome="success", actor=entries.actor_ref(actor),
                      targets=refs, via=actor.via, plan=row.id, facts={"power": row.power, "digest": row.digest})
