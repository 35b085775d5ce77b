"""An import from upload to result: a stored plan, checked row by row, carried out in batches that can be taken up again."""
from __future__ import annotations

import hashlib
import logging
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import DatabaseError, transaction
from django.utils import timezone

from accounts import access, door, entries
from accounts.actor import Actor
from accounts.addresses import address_key
from accounts.models import Membership, Plan
from accounts.models.plan import PlanState
from accounts.powers import BY_SLUG
from accounts.reasons import Refused, text
from accounts.tenancy import installation, scope
from audit import recording
from audit.canonical import canonical
from audit.record import EntryDraft, TargetRef

BATCH = 500
IN_REQUEST = 500
"""Up to this many rows are imported while the person waits; more become a job."""
LIFETIME = timedelta(hours=72)
POWER = BY_SLUG["import-people"]
logger = logging.getLogger("steward.importing")


def upload(*, actor: Actor, rows: list[dict[str, Any]], now: datetime) -> Plan:
    """Keep the rows as a plan that waits to be confirmed."""
    assert actor.organization_id is not None and actor.membership_id is not None
    plan = Plan(organization_id=actor.organization_id, power=POWER.slug, requested_by=actor.membership_id, requested_via=actor.via, data={"rows": rows}, digest=_file_digest(rows),
                tier=POWER.tier, state=PlanState.PLANNED, created_at=now, expires_at=now + LIFETIME, total=len(rows))
    with transaction.atomic(), recording.opened(org=actor.organization_id, now=now) as act:
        plan.save(force_insert=True)
        act.write([_entry(plan, actor, "people.import_planned")])
    return plan


def _file_digest(rows: list[dict[str, Any]]) -> str:
    return hashlib.sha256(canonical(rows)).hexdigest()


def _entry(plan: Plan, actor: Actor, action: str) -> EntryDraft:
    return EntryDraft(org=plan.organization_id, action=action, category="people", outcome="success", actor=entries.actor_ref(actor), targets=[TargetRef(type="plan", id=plan.id)], via=actor.via,
                      plan=plan.id, facts={"rows": plan.total, "digest": plan.digest})


def dry_run(*, actor: Actor, plan: Plan, now: datetime) -> tuple[list[dict[str, Any]], dict[str, int], str]:
    """A verdict per row, how many of each, and the digest that the confirmation must carry."""
    made = door.plan(power=POWER, actor=actor, data=plan.data, now=now)
    rows = [{"line": v.target.values.get("line", v.target.number), "email": v.target.values.get("email", ""), "name": v.target.values.get("name", ""),
             "verdict": _verdict(v), "words": [str(e.text) for e in v.effects] if v.allowed else [text(c) for c in v.reasons], "codes": list(v.reasons)} for v in made.verdicts]
    counts = {kind: sum(1 for row in rows if row["verdict"] == kind) for kind in ("create", "change", "skip", "error")}
    return rows, counts, made.digest


def _verdict(verdict: Any) -> str:
    if not verdict.allowed:
        return "skip" if set(verdict.reasons) == {"nothing_to_change"} else "error"
    return "create" if any(e.code == "create" for e in verdict.effects) else "change"


def confirm(*, actor: Actor, plan: Plan, now: datetime) -> bool:
    """Set the plan running, once. False when somebody did already."""
    with transaction.atomic():
        row = Plan.objects.select_for_update().get(id=plan.id)
        if row.state != PlanState.PLANNED or row.expires_at <= now:
            return False
        with recording.opened(org=row.organization_id, now=now) as act:
            row.state, row.decided_by, row.decided_at = PlanState.RUNNING, actor.membership_id, now
            row.save(update_fields=["state", "decided_by", "decided_at"])
            act.write([_entry(row, actor, "people.import_confirmed")])
    return True


def run(plan_id: str) -> None:
    """Carry a confirmed import out, batch by batch; a second worker finds it leased, a killed one's work is taken up."""
    with installation("an import job names its plan"):
        plan = Plan.objects.filter(id=plan_id).first()
    while plan is not None and plan.state == PlanState.RUNNING:
        with scope(org=plan.organization_id):
            plan = _batch(UUID(plan_id), timezone.now())


def resume() -> None:
    """Take up imports whose worker was lost; those that run are leased and left alone."""
    with installation("imports of every organization"):
        waiting = [str(i) for i in Plan.objects.filter(power=POWER.slug, state=PlanState.RUNNING).values_list("id", flat=True)]
    for plan_id in waiting:
        try:
            run(plan_id)
        except DatabaseError as error:  # named by type only: the text of such an error can hold an address
            logger.warning("import %s stopped (%s) and is tried again; the others go on", plan_id, type(error).__name__)


def _batch(plan_id: UUID, now: datetime) -> Plan | None:
    """One batch in one transaction with its progress: it happened and is counted, or neither."""
    with transaction.atomic():
        plan = Plan.objects.select_for_update(skip_locked=True).filter(id=plan_id, state=PlanState.RUNNING).first()
        if plan is None:
            return None
        actor = _requester(plan)
        rows = plan.data["rows"][plan.progress:plan.progress + BATCH]
        done: set[str] = set()
        earlier = {address_key(str(row.get("email", ""))) for row in plan.data["rows"][:plan.progress]}
        if actor is not None and actor.may(POWER.permission) and rows:
            verdicts = door.plan(power=POWER, actor=actor, data={"rows": rows}, now=now).verdicts
            judged = [(row, ["duplicate_row"] if address_key(str(row.get("email", ""))) in earlier else list(v.reasons)) for row, v in zip(rows, verdicts, strict=True)]
            good = [row for row, codes in judged if not codes]
            failed = [{"line": row.get("line"), "email": row.get("email"), "codes": codes} for row, codes in judged if codes]
            if good:
                try:
                    with transaction.atomic():
                        done = set(door.within(power=POWER, actor=actor, data={"rows": good}, now=now).targets)
                except Refused as refusal:
                    failed += [{"line": row.get("line"), "email": row.get("email"), "codes": refusal.codes} for row in good]
        else:
            failed = [{"line": row.get("line"), "email": row.get("email"), "codes": ["no_permission"]} for row in rows]
        progress = plan.progress + len(rows)
        over = progress >= plan.total
        with recording.opened(org=plan.organization_id, now=now) as act:
            plan.progress, plan.results = progress, [*plan.results, *failed]
            plan.summary = {"done": plan.summary.get("done", 0) + len(done)}
            if over:
                plan.state, plan.finished_at, plan.data = PlanState.DONE, now, {"rows": []}
            plan.save(update_fields=["progress", "results", "summary", "state", "finished_at", "data"])
            act.write([_entry(plan, actor or Actor(kind="schedule", organization_id=plan.organization_id, via="job"), "people.import_finished" if over else "people.import_progressed")])
    return plan


def _requester(plan: Plan) -> Actor | None:
    """Who asked, with the rights they have now: an import stops when they lose them."""
    membership = Membership.objects.filter(id=plan.requested_by).first()
    if membership is None:
        return None
    return replace(access.actor_for(account_id=membership.account_id, organization_id=plan.organization_id, via=plan.requested_via), tier_granted=POWER.tier)
