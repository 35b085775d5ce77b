"""Plans that wait for a second person: asking, who may decide, deciding, what makes them void (guard rail 11)."""
from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction

from accounts import access, act_file, approvers, entries, holding
from accounts.actor import Actor
from accounts.addresses import address_key
from accounts.models import Account, GroupMembership, Membership, Organization, PlanRow
from accounts.models import Plan as StoredPlan
from accounts.models.plan import PlanState
from accounts.people import Person
from accounts.power import Plan, Power
from accounts.reasons import NotFound, Refused, Stale, StepUpNeeded
from accounts.roles import APPROVER_RANK, OWNER_RANK
from accounts.work import plain
from audit import INSTALLATION, recording
from audit.queries import Filters, page
from audit.record import ActorRef, EntryDraft, TargetRef, Why

LIFETIME = timedelta(hours=72)
REMIND = timedelta(hours=24)
"""So long before a plan expires, those who could decide are reminded."""

NEXT: dict[PlanState, frozenset[PlanState]] = {
    PlanState.AWAITING_APPROVAL: frozenset({PlanState.DONE, PlanState.RUNNING, PlanState.DENIED, PlanState.CANCELLED, PlanState.VOID, PlanState.EXPIRED}),
}
"""What may become of a plan that waits. What is not here has been decided, once and for all; a job that runs ends in `bulk`."""


def go(row: StoredPlan, state: PlanState | str) -> None:
    """Change the state of a loaded plan, if the table allows it. Saving is the caller's."""
    if PlanState(state) not in NEXT.get(PlanState(row.state), frozenset()):
        raise NotPossible(f"{row.state} -> {state}")
    row.state = PlanState(state)


class NotPossible(Exception):
    """A plan cannot go from this state to that: a programming error, never an answer to people."""


def request(*, judged: Plan, ids: Iterable[UUID], now: datetime) -> StoredPlan:
    """Store a plan that needs a second person. A plan for the same person that still waits blocks it.

    The people are locked already; the organization's row is locked beside them, so that plans of few and of many queue for each other.
    """
    from accounts import alone

    actor, ids = judged.actor, list(ids)
    assert actor.organization_id is not None and actor.membership_id is not None
    Organization.objects.select_for_update().get(id=actor.organization_id)
    if awaited(organization_id=actor.organization_id, ids=ids, now=now):
        raise Refused({"": ["pending_conflict"]})
    row = StoredPlan(
        organization_id=actor.organization_id, power=judged.power.slug, requested_by=actor.membership_id, requested_via=actor.via, requested_through=actor.through and actor.through.client,
        targets=ids, data=plain(dict(judged.data)), digest=judged.digest, tier=judged.tier, state=PlanState.AWAITING_APPROVAL,
        created_at=now, expires_at=now + LIFETIME, total=len(ids))
    delayed = alone.begin(row, now=now)
    with recording.opened(org=actor.organization_id, now=now) as act:
        row.save(force_insert=True)
        act.write([draft(actor, row, "plan.requested", judged.verdicts[0].target), *delayed])
    return row


def awaited(*, organization_id: UUID, ids: Iterable[UUID], now: datetime, besides: UUID | None = None) -> frozenset[UUID]:
    """Those of these people for whom a plan waits for its second person: whatever it is, doing something else to them first would make it void (guard rail 11)."""
    ids = list(ids)
    waiting = StoredPlan.objects.filter(organization_id=organization_id, state=PlanState.AWAITING_APPROVAL, expires_at__gt=now).exclude(id=besides)
    named = {target for found in waiting.filter(targets__overlap=ids).values_list("targets", flat=True) for target in found} & set(ids)
    return frozenset(named | set(PlanRow.objects.filter(plan__in=waiting, state="waiting", target__in=ids).values_list("target", flat=True)))


def requester(row: StoredPlan) -> Actor | None:
    """Who asked, with the rights they have now; None if nothing is left of them."""
    membership = Membership.objects.filter(id=row.requested_by).first()
    if membership is None:
        return None
    found = access.actor_for(account_id=membership.account_id, organization_id=row.organization_id, via=row.requested_via,
                             through=access.through(row.requested_through, account_id=membership.account_id))
    return found if found.permissions else None


def lost(row: StoredPlan, asked: Actor | None) -> bool:
    """Whether whoever asked could not do it themselves any more, which makes the plan void."""
    return asked is None or not all(asked.may(power.permission) for power in act_file.powers_of(row))


def pending(*, organization_id: UUID, now: datetime) -> list[StoredPlan]:
    """Plans that wait for a second person, oldest first."""
    return list(StoredPlan.objects.filter(organization_id=organization_id, state=PlanState.AWAITING_APPROVAL, expires_at__gt=now).order_by("created_at"))


def for_decision(actor: Actor, *, now: datetime) -> int:
    """How many plans of other people wait in the actor's organization."""
    return StoredPlan.objects.filter(organization_id=actor.organization_id, state=PlanState.AWAITING_APPROVAL, expires_at__gt=now).exclude(requested_by=actor.membership_id).count()


def about_owner(row: StoredPlan) -> bool:
    """Whether an owner is among those whom the plan would hit."""
    groups = GroupMembership.objects.filter(organization_id=row.organization_id, membership_id__in=row.targets, group__role__rank__gte=OWNER_RANK)
    return bool(row.targets) and (groups.exists() or Membership.objects.filter(organization_id=row.organization_id, id__in=row.targets, role__rank__gte=OWNER_RANK).exists())


def rank_needed(row: StoredPlan) -> int:
    """What is done to an owner, or makes one, only another owner may approve."""
    return OWNER_RANK if row.data.get("role") == "owner" or about_owner(row) else APPROVER_RANK


def could_approve(row: StoredPlan) -> list[Account]:
    """Everybody who could agree to this plan now."""
    asked = Membership.objects.select_related("account").filter(id=row.requested_by).first()
    found = approvers.who_could(organization_id=row.organization_id, permissions=[p.permission for p in act_file.powers_of(row)], rank=rank_needed(row), without=asked.account_id if asked else None)
    return [account for account, actor in found if not same_person(row, actor, asked) and not hit(row, actor)]


def hit(row: StoredPlan, actor: Actor) -> bool:
    """Whether the plan is about the actor, who is then nobody's second person: it would be agreed to by whoever asked and whoever is to gain or lose by it."""
    if actor.membership_id is None:
        return False
    return actor.membership_id in row.targets or (row.many and PlanRow.objects.filter(plan=row, target=actor.membership_id, state="waiting").exists())


def same_person(row: StoredPlan, actor: Actor, asked: Membership | None = None) -> bool:
    """Whether the actor is who asked: by the same account, whatever the credential, group or role; by another account with the same mailbox;
    or by a service account that the actor made or holds a token of."""
    if actor.membership_id == row.requested_by:
        return True
    asked = asked or Membership.objects.select_related("account").filter(id=row.requested_by).first()
    if asked is None:
        return False
    if asked.account_id == actor.account_id or (actor.email and _mailbox(asked.account.email) == _mailbox(actor.email)):
        return True
    if asked.account.kind != "service":
        return False
    made = page(org=row.organization_id, filters=Filters(target=asked.account_id, target_type="service_account", actor=actor.account_id), size=50).entries
    return any(seen.record["action"] in {"service_account.created", "token.created"} for seen in made)


def _mailbox(address: str) -> str:
    """The address without what one may append to one's own: name+anything@example.com."""
    local, at, domain = address_key(address).rpartition("@")
    return f"{local.split('+')[0]}{at}{domain}"


def why_not(*, row: StoredPlan, actor: Actor, now: datetime, approve: bool = True) -> str:
    """The reason code why this actor cannot decide about this plan, or ''. What is carried out after a delay any owner may stop."""
    if row.state != PlanState.AWAITING_APPROVAL:
        return "wrong_status"
    if row.expires_at <= now:
        return "expired"
    if same_person(row, actor):
        return "same_person"
    if not approve and row.summary.get("due_at") and actor.kind == "user" and actor.rank >= OWNER_RANK:
        return ""
    if hit(row, actor):
        return "about_yourself"
    if actor.kind != "user" or not actor.may(approvers.PERMISSION) or not all(actor.may(power.permission) for power in act_file.powers_of(row)):
        return "not_approver"
    if actor.rank < rank_needed(row):
        return "not_approver"
    return ""


def decide(*, plan_id: UUID, actor: Actor, requester: Actor | None, power: Power, approve: bool, note: str, now: datetime) -> Any:
    """Approve (which performs it as the requester, approved by the actor) or decline. Returns the receipt or None.

    `requester` is the person who asked, as they are now; None when they lost their membership, which voids the plan.
    """
    refusal, receipt = "", None
    with transaction.atomic():
        row = StoredPlan.objects.select_for_update().filter(organization_id=actor.organization_id, id=plan_id).first()
        if row is None:
            raise NotFound
        refusal = why_not(row=row, actor=actor, now=now, approve=approve)
        if not refusal and approve and requester is not None and requester.paused and any(p.brake for p in act_file.powers_of(row)):
            refusal = "asker_paused"
        if not refusal and approve and actor.tier(now) < 2:
            raise StepUpNeeded(2)
        if not refusal and not approve:
            finish(row, actor, PlanState.DENIED, "plan.denied", note, now)
        elif not refusal:
            refusal, receipt = carry_out(row, power=power, asked=requester, by=actor, event="plan.approved", note=note, now=now)
    if refusal:
        entries.record_refusal(power=power, actor=actor, ids=[plan_id], codes=[refusal], now=now)
        raise Refused({str(plan_id): [refusal]})
    return receipt


def carry_out(row: StoredPlan, *, power: Power, asked: Actor | None, by: Actor, event: str, note: str, now: datetime) -> tuple[str, Any]:
    """Do what was asked, as whoever asked, because it was agreed to; ('stale', None) where the world has moved, which makes the plan void. The row is locked."""
    from accounts import door

    people = (by.account_id,) if by.account_id else (INSTALLATION,) if by.kind == "operator" else ()
    try:
        with transaction.atomic():
            if lost(row, asked) or asked is None:
                raise Stale
            if row.many:
                _set_going(row, by, event, note, now)
                return "", None
            receipt = door.approved(power=power, actor=asked, ids=row.targets, data=row.data, now=now, digest=row.digest, stored=row.id, approvers=people)
    except (Refused, Stale, NotFound):
        finish(row, by, PlanState.VOID, "plan.voided", note, now)
        return "stale", None
    finish(row, by, PlanState.DONE, event, note, now)
    return "", receipt


def _set_going(row: StoredPlan, actor: Actor, event: str, note: str, now: datetime) -> None:
    """A plan of many targets is carried out by the worker, as the requester, approved by the actor."""
    row.summary = {**row.summary, "agreed": True, "approvers": [str(actor.account_id)] if actor.account_id else []}
    go(row, PlanState.RUNNING)
    row.decided_by, row.decided_at, row.decision_note, row.version = actor.membership_id, now, note[:2000], row.version + 1
    with recording.opened(org=row.organization_id, now=now) as act:
        row.save(update_fields=["state", "decided_by", "decided_at", "decision_note", "version", "summary"])
        act.write([draft(actor, row, event, None, note=note)])


def cancel(*, plan_id: UUID, actor: Actor, now: datetime) -> None:
    """The person who asked takes it back."""
    with transaction.atomic():
        row = StoredPlan.objects.select_for_update().filter(
            organization_id=actor.organization_id, id=plan_id, requested_by=actor.membership_id, state=PlanState.AWAITING_APPROVAL).first()
        if row is None:
            raise NotFound
        finish(row, actor, PlanState.CANCELLED, "plan.cancelled", "", now)


def look_after(*, organization_id: UUID, now: datetime) -> None:
    """What time does to plans that wait: those whose asker lost the right are void; a day before the end people are reminded."""
    clock = Actor(kind="schedule", organization_id=organization_id, via="schedule")
    for waiting in pending(organization_id=organization_id, now=now):
        with transaction.atomic():
            row = StoredPlan.objects.select_for_update(skip_locked=True).filter(id=waiting.id, state=PlanState.AWAITING_APPROVAL).first()
            if row is None:
                continue
            if lost(row, requester(row)):
                finish(row, clock, PlanState.VOID, "plan.voided", "", now)
            elif row.expires_at - REMIND <= now and not row.summary.get("reminded") and not row.summary.get("due_at"):
                row.summary = {**row.summary, "reminded": True}
                with recording.opened(org=organization_id, now=now) as act:
                    row.save(update_fields=["summary"])
                    act.write([draft(clock, row, "plan.reminded", None)])


def finish(row: StoredPlan, actor: Actor, state: str, event: str, note: str, now: datetime) -> None:
    """The end of a plan that waited."""
    with recording.opened(org=row.organization_id, now=now) as act:
        go(row, state)
        row.decided_by, row.decided_at, row.decision_note = actor.membership_id, now, note[:2000]
        row.finished_at, row.version = now, row.version + 1
        row.save(update_fields=["state", "decided_by", "decided_at", "decision_note", "finished_at", "version"])
        holding.free(PlanRow.objects.filter(plan=row)).delete()  # they name people, and nothing more will come of them
        act.write([draft(actor, row, event, None, note=note)])


def draft(actor: Actor, row: StoredPlan, event: str, target: Any, *, note: str = "") -> EntryDraft:
    """The entry about a step of a plan that waits."""
    refs = [TargetRef(type="plan", id=row.id), *(entries.target_refs(target) if isinstance(target, Person) else [])]
    who = ActorRef(type="operator") if actor.kind == "operator" else entries.actor_ref(actor)
    return EntryDraft(org=row.organization_id, action=event, category="plan", outcome="success", actor=who, targets=refs, via=actor.via, plan=row.id,
                      why=Why(text=note, subject=actor.account_id) if note else Why(), facts={"power": row.power, "digest": row.digest})
