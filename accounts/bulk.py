"""Plans of many targets: choose and freeze them, judge each, confirm or take back. `bulk_run` carries them out."""
from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.utils import translation

from accounts import act_file, alone, approvals, brake, entries, holding, listing_query, targets
from accounts.actor import Actor
from accounts.models import Account, Organization, PlanRow
from accounts.models import Plan as StoredPlan
from accounts.models.plan import PlanState
from accounts.people import Person, usable_owners
from accounts.power import Power, Verdict, judge
from accounts.reasons import NotFound, Refused, Stale, StepUpNeeded
from accounts.work import plain
from audit import INSTALLATION, recording
from audit.canonical import canonical
from audit.record import EntryDraft, TargetRef

LIMIT = 100_000
"""Targets of one plan."""
AT_ONCE = 500
"""Up to this many are judged, and imported, while the person waits; more become a job."""
BATCH = 500
LIFETIME = timedelta(hours=72)
KEPT = timedelta(days=30)
"""How long the rows of a finished plan can be looked at; then they go, because they name people."""
WAITING = (PlanState.UPLOADED, PlanState.PREPARING, PlanState.PLANNED)
OPEN = (*WAITING, PlanState.AWAITING_APPROVAL, PlanState.RUNNING)


def freeze(*, power: Power, actor: Actor, data: dict[str, Any], now: datetime, ids: Iterable[UUID] | None = None,
           wanted: listing_query.Wanted | None = None) -> StoredPlan:
    """Write down exactly whom the act would hit, by id or by the filter of the people list, and judge each of them.

    Nothing is done yet. Unknown and foreign ids raise NotFound; a power that cannot be used on many, nobody, or more
    than 100,000 people are Refused.
    """
    if not power.bulk or power.over != "member":
        raise Refused({"": ["not_in_bulk"]})
    if not actor.may(power.permission):
        raise Refused({"": ["no_permission"]})
    with transaction.atomic():
        row = new(power=power, actor=actor, data=data, now=now)
        with recording.opened(org=row.organization_id, now=now) as act:
            row.save(force_insert=True)
            row.total = _choose(row, ids=ids, wanted=wanted, groups=actor.scope_groups)
            row.save(update_fields=["total"])
            act.write([draft(row, actor, "plan.made")])
    return prepared(row, now=now)


def new(*, power: Power, actor: Actor, data: dict[str, Any], now: datetime) -> StoredPlan:
    """A plan that has no rows yet."""
    assert actor.organization_id is not None and actor.membership_id is not None
    return StoredPlan(organization_id=actor.organization_id, power=power.slug, requested_by=actor.membership_id, requested_via=actor.via,
                      requested_through=actor.through and actor.through.client, data=plain(dict(data)), digest="",
                      tier=power.tier, state=PlanState.PREPARING, created_at=now, expires_at=now + LIFETIME)


def prepared(row: StoredPlan, *, now: datetime) -> StoredPlan:
    """A small plan is judged at once; a large one waits for the worker."""
    while row.total <= AT_ONCE and judge_batch(plan_id=row.id, now=now):
        pass
    row.refresh_from_db()
    return row


def draft(row: StoredPlan, actor: Actor, event: str, **facts: Any) -> EntryDraft:
    """The entry about a step of the plan itself; each target's own entry comes with its act."""
    return EntryDraft(org=row.organization_id, action=event, category="plan", outcome="success", actor=entries.actor_ref(actor), targets=[TargetRef(type="plan", id=row.id)], via=actor.via,
                      plan=row.id, facts={"power": row.power, "total": row.total, **({"digest": row.digest} if row.digest else {}), **facts})


def _choose(row: StoredPlan, *, ids: Iterable[UUID] | None, wanted: listing_query.Wanted | None, groups: frozenset[UUID] | None) -> int:
    """Freeze the choice as rows, in the order of the list. Returns how many."""
    if wanted is not None:
        where, values = listing_query.filters(row.organization_id, wanted, groups=groups)
    else:
        chosen = list(dict.fromkeys(ids or ()))
        where, values = ["m.organization_id = %s", "m.id = ANY(%s)"], [row.organization_id, chosen]
        if groups is not None:  # whom a limited role does not reach is not there for it, here as in the list
            where.append("EXISTS (SELECT 1 FROM accounts_groupmembership g WHERE g.membership_id = m.id AND g.group_id = ANY(%s))")
            values.append(list(groups))
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO accounts_planrow (organization_id, plan_id, number, target, version, state, verdict, codes)"
            " SELECT m.organization_id, %s, row_number() OVER (ORDER BY m.list_name, m.id), m.id, '', 'fresh', '', '{}'"
            " FROM accounts_membership m JOIN accounts_account a ON a.id = m.account_id JOIN accounts_role r ON r.id = m.role_id"
            f" WHERE {' AND '.join(where)} ORDER BY m.list_name, m.id LIMIT %s", [row.id, *values, LIMIT + 1])
        total = cursor.rowcount
    if wanted is None and total != len(chosen):
        raise NotFound
    if not 0 < total <= LIMIT:
        raise Refused({"": ["nobody_chosen" if total == 0 else "too_many"]})
    return total


def requester(row: StoredPlan) -> Actor | None:
    """Who asked, as they are now, having proved who they are when they confirmed."""
    found = approvals.requester(row)
    return replace(found, tier_granted=2) if found else None


def power_of(row: StoredPlan) -> Power:
    """The power that the plan would use; for a file of acts what stands for all of its powers."""
    return act_file.PLANNED[row.power]


def judge_batch(*, plan_id: UUID, now: datetime) -> bool:
    """Judge the next rows of a plan that is being prepared. False when nothing is left to judge."""
    with transaction.atomic():
        row = StoredPlan.objects.select_for_update(skip_locked=True).filter(id=plan_id, state=PlanState.PREPARING).first()
        if row is None:
            return False
        power, actor = power_of(row), requester(row)
        fresh = list(PlanRow.objects.filter(plan_id=plan_id, state="fresh").order_by("number")[:BATCH])
        if actor is None or not actor.may(power.permission):
            finish(row, actor or nobody(row), PlanState.VOID, "plan.voided", now)
            return False
        if not fresh:
            _ready(row, power, actor, now)
            return False
        with translation.override(Account.objects.values_list("language", flat=True).get(id=actor.account_id)):
            _judge(row, power, actor, fresh, now)
        row.progress += len(fresh)
        row.save(update_fields=["progress", "summary"])
    return True


def nobody(row: StoredPlan) -> Actor:
    """Who ends a plan whose requester has nothing left to act with."""
    return Actor(kind="schedule", organization_id=row.organization_id, via="job")


def _judge(row: StoredPlan, power: Power, actor: Actor, fresh: list[PlanRow], now: datetime) -> None:
    found = act_file.judged(actor=actor, rows=fresh, now=now) if power is act_file.FILE else _judged(row, power, actor, fresh, now)
    waiting = approvals.awaited(organization_id=row.organization_id, ids=[r.target for r in fresh if r.target], now=now) if power.over == "member" else frozenset()
    summary = row.summary or {"effects": {}, "verdicts": {}}
    tier = summary.get("tier", 0)
    for one in fresh:
        asked = found[one.number]
        verdict = asked.verdict
        codes = [asked.code] if verdict is None else _codes(verdict, waiting)
        one.codes, one.state = codes, "skipped" if codes else "waiting"
        one.verdict, one.version = _word(codes, verdict), "-".join(map(str, verdict.target.version)) if verdict else ""
        summary["verdicts"][one.verdict] = summary["verdicts"].get(one.verdict, 0) + 1
        if verdict is not None and not codes:
            tier = max(tier, asked.power.tier, asked.power.tier_for(actor, verdict.target, asked.data) if asked.power.tier_for else 0)
            _add_effects(summary["effects"], verdict)
    row.summary = summary | {"tier": tier}
    save_rows(fresh)


def _judged(row: StoredPlan, power: Power, actor: Actor, fresh: list[PlanRow], now: datetime) -> dict[int, act_file.Judged]:
    """The verdicts of one power over all of these rows, by their numbers."""
    data = data_of(row, power, fresh)
    found = targets.load(power=power, actor=actor, ids=[r.target for r in fresh if r.target], data=data, lock=False)
    owners = [t.id for t in found if isinstance(t, Person) and t.is_owner]
    remaining = usable_owners(organization_id=row.organization_id, without=owners) if owners and power.ends_ownership else None
    verdicts = judge(power=power, actor=actor, targets=found, data=data, now=now, remaining_owners=remaining).verdicts
    by_id = dict(zip((r.number for r in fresh), verdicts, strict=True)) if power.over == "row" else {v.target.id: v for v in verdicts}
    return {one.number: act_file.Judged(power, data, by_id.get(one.number if power.over == "row" else one.target), "not_found") for one in fresh}


def _codes(verdict: Verdict, waiting: frozenset[UUID]) -> list[str]:
    """Why not. What one by one would need a second person, or already waits for one, is not done in bulk."""
    found = list(verdict.reasons)
    if isinstance(verdict.target, Person) and verdict.target.is_owner:
        return ["self"] if "self" in found else ["owner_in_bulk"]
    return [*found, "pending_conflict"] if verdict.target.id in waiting else found


def _word(codes: list[str], verdict: Verdict | None) -> str:
    if codes:
        return "skip" if set(codes) == {"nothing_to_change"} else "error"
    return "create" if verdict and any(effect.code == "create" for effect in verdict.effects) else "change"


def _add_effects(found: dict[str, Any], verdict: Verdict) -> None:
    """Sum up consequences: how many people, and how many things in all. Words that name a person stay out."""
    for effect in verdict.effects:
        key = f"{effect.kind}:{effect.code.split(':')[0] if effect.code.startswith(('field', 'group')) else effect.code}"
        held = found.setdefault(key, {"people": 0, "count": 0, "text": "" if effect.count or effect.code.startswith(("field", "group")) else str(effect.text)})
        held["people"], held["count"] = held["people"] + 1, held["count"] + effect.count


def data_of(row: StoredPlan, power: Power, rows: Sequence[PlanRow]) -> dict[str, Any]:
    """The form's data, with the lines of the file for powers over rows."""
    return {**row.data, "rows": [r.data for r in rows]} if power.over == "row" else row.data


def save_rows(rows: Sequence[PlanRow]) -> None:
    """Write verdicts and outcomes, one statement for all."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE accounts_planrow r SET state = u.state, codes = string_to_array(u.codes, ' '), version = u.version, verdict = u.verdict, entry = u.entry, target = u.target,"
            " data = CASE WHEN u.state <> 'done' THEN r.data WHEN r.data ? 'action' THEN jsonb_build_object('line', r.data -> 'line', 'action', r.data -> 'action') END"
            " FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::text[], %s::text[], %s::uuid[], %s::uuid[]) AS u(id, state, codes, version, verdict, entry, target) WHERE r.id = u.id",
            [[r.id for r in rows], [r.state for r in rows], [" ".join(r.codes) for r in rows], [r.version for r in rows], [r.verdict for r in rows], [r.entry for r in rows],
             [r.target for r in rows]])


def _ready(row: StoredPlan, power: Power, actor: Actor, now: datetime) -> None:
    """Every row is judged: the plan gets its digest and waits to be confirmed."""
    doable = PlanRow.objects.filter(plan=row, state="waiting").count()
    braking = [p.slug for p in act_file.powers_of(row) if p.brake]
    harmful = PlanRow.objects.filter(plan=row, state="waiting", data__action__in=braking).count() if power is act_file.FILE else doable if braking else 0
    too_many = harmful and brake.over(actor=actor, more=harmful, now=now)
    row.state, row.progress, row.digest = PlanState.PLANNED, 0, _digest(row)
    row.tier = 3 if too_many else max(power.tier, row.summary.get("tier", 0))
    row.summary = {**row.summary, "doable": doable, "skipped": row.total - doable, "brake": bool(too_many)}
    with recording.opened(org=row.organization_id, now=now) as act:
        row.save(update_fields=["state", "progress", "digest", "tier", "summary"])
        act.write([draft(row, actor, "plan.ready", doable=doable)])


def _digest(row: StoredPlan) -> str:
    """SHA-256 over the act, its parameters and every row as it was judged, in order."""
    found = hashlib.sha256(canonical({"power": row.power, "organization": str(row.organization_id), "data": plain(row.data), "total": row.total}))
    rows = PlanRow.objects.filter(plan=row).order_by("number").values_list("number", "target", "version", "state", "codes", "data")
    for number, target, version, state, codes, data in rows.iterator(chunk_size=2000):
        found.update(canonical([number, str(target), version, state, list(codes), plain(data)]))
    return found.hexdigest()


def confirm(*, actor: Actor, plan_id: UUID, digest: str, count: int | None, now: datetime) -> StoredPlan:
    """Set it going: the digest must be the one that was shown, `count` how many people will be hit (None for a file).

    A plan that needs a second person then waits for them; any other is carried out by the worker. A refusal is recorded after the rollback.
    """
    try:
        return _confirm(actor, plan_id, digest, count, now)
    except (Refused, Stale, NotFound) as error:
        codes = error.codes if isinstance(error, Refused) else ["stale" if isinstance(error, Stale) else "not_found"]
        recording.refuse(EntryDraft(
            org=actor.organization_id or INSTALLATION, action="plan.confirmed", category="plan", outcome="denied", reason_code=",".join(codes), actor=entries.actor_ref(actor),
            targets=[TargetRef(type="plan", id=plan_id)], via=actor.via), now=now)
        raise


def _confirm(actor: Actor, plan_id: UUID, digest: str, count: int | None, now: datetime) -> StoredPlan:
    with transaction.atomic():
        row = mine(actor=actor, plan_id=plan_id, states=(PlanState.PLANNED,), now=now)
        Organization.objects.select_for_update().get(id=row.organization_id)
        if digest != row.digest:
            raise Stale
        if count is not None and count != row.summary["doable"]:
            raise Refused({"": ["wrong_count"]})
        if not row.summary["doable"]:
            raise Refused({"": ["nobody_chosen"]})
        if actor.tier(now) < min(row.tier, 2):
            raise StepUpNeeded(min(row.tier, 2))
        if StoredPlan.objects.filter(organization_id=row.organization_id, power=row.power, state=PlanState.RUNNING).exists():
            raise Refused({"": ["job_running"]})
        delayed: list[EntryDraft] = []
        if row.tier >= 3:
            hit = PlanRow.objects.filter(plan=row, state="waiting", target__isnull=False).values_list("target", flat=True)
            if approvals.awaited(organization_id=row.organization_id, ids=hit, now=now, besides=row.id):
                raise Refused({"": ["pending_conflict"]})
            delayed = alone.begin(row, now=now)
        row.state = PlanState.AWAITING_APPROVAL if row.tier >= 3 else PlanState.RUNNING
        row.decided_by, row.decided_at, row.expires_at = (None, None, now + LIFETIME) if row.tier >= 3 else (actor.membership_id, now, row.expires_at)
        with recording.opened(org=row.organization_id, now=now) as act:
            row.save(update_fields=["state", "decided_by", "decided_at", "expires_at", "summary"])
            act.write([draft(row, actor, "plan.requested" if row.tier >= 3 else "plan.confirmed"), *delayed])
    return row


def mine(*, actor: Actor, plan_id: UUID, states: Sequence[str], now: datetime) -> StoredPlan:
    """The actor's own plan in one of these states, locked; NotFound, or Refused where it is too late."""
    row = StoredPlan.objects.select_for_update().filter(organization_id=actor.organization_id, id=plan_id, requested_by=actor.membership_id).first()
    if row is None:
        raise NotFound
    if row.state not in states:
        raise Refused({"": ["wrong_status"]})
    if row.expires_at <= now:
        raise Refused({"": ["expired"]})
    return row


def cancel(*, actor: Actor, plan_id: UUID, now: datetime) -> None:
    """The person who made the plan drops it before it runs; its rows go."""
    with transaction.atomic():
        row = mine(actor=actor, plan_id=plan_id, states=(*WAITING, PlanState.AWAITING_APPROVAL), now=now)
        finish(row, actor, PlanState.CANCELLED, "plan.cancelled", now)


def stop(*, actor: Actor, plan_id: UUID, now: datetime) -> None:
    """No further batch begins. Whoever asked may, and whoever may approve plans. What is done stays done."""
    with transaction.atomic():
        row = StoredPlan.objects.select_for_update().filter(organization_id=actor.organization_id, id=plan_id).first()
        if row is None or not (row.requested_by == actor.membership_id or actor.may("approve_plans")):
            raise NotFound
        if row.state != PlanState.RUNNING:
            raise Refused({"": ["wrong_status"]})
        finish(row, actor, PlanState.STOPPED, "plan.stopped", now)


def finish(row: StoredPlan, actor: Actor, state: str, event: str, now: datetime, **facts: Any) -> None:
    """The plan's end, with its entry. What was never confirmed leaves nothing behind that names people."""
    confirmed = row.state == PlanState.RUNNING
    row.state, row.finished_at, row.version = state, now, row.version + 1
    with recording.opened(org=row.organization_id, now=now) as act:
        row.save(update_fields=["state", "finished_at", "version", "failure"])
        act.write([draft(row, actor, event, **{**({"done": row.summary.get("done", 0), "failed": row.summary.get("failed", 0)} if confirmed else {}), **facts})])
    if not confirmed:
        holding.free(PlanRow.objects.filter(plan=row)).delete()
