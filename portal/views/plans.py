"""Plans that wait for a second person: the inbox, the page of one, the decision."""
from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import approvals, door
from accounts.actor import Actor
from accounts.models import Membership, Plan
from accounts.models.plan import PlanState
from accounts.reasons import NotFound, Refused, Stale, text
from portal import job_rows
from portal.jobs import wake
from portal.organization import enter
from portal.powers import PLANNED


def index(request: HttpRequest, slug: str) -> HttpResponse:
    """What waits for a second person, oldest first."""
    actor = enter(request, slug, permission="approve_plans")
    assert actor.organization_id is not None
    rows = approvals.pending(organization_id=actor.organization_id, now=timezone.now())
    names = _names(rows)
    shown = [{"plan": row, "power": PLANNED[row.power], "who": names.get(row.requested_by), "targets": [names.get(t) for t in row.targets]} for row in rows]
    return render(request, "plans/index.html", {"rows": shown})


def _names(rows: list[Plan]) -> dict[UUID, Membership]:
    ids = {row.requested_by for row in rows} | {t for row in rows for t in row.targets} | {row.decided_by for row in rows if row.decided_by}
    return {m.id: m for m in Membership.objects.filter(id__in=ids).select_related("account")}


def detail(request: HttpRequest, slug: str, plan_id: UUID) -> HttpResponse:
    """What was asked, what would happen now, and the decision."""
    actor = enter(request, slug)
    row = Plan.objects.filter(organization_id=actor.organization_id, id=plan_id).first()
    if row is None or not (actor.may("approve_plans") or row.requested_by == actor.membership_id):
        raise NotFound
    power = PLANNED[row.power]
    if request.method == "POST":
        return _decide(request, actor, row)
    plan, problem = None, ""
    requester = approvals.requester(row)
    if row.many:
        problem = "" if requester is not None and requester.may(power.permission) else text("stale")
    elif row.state == PlanState.AWAITING_APPROVAL and requester is not None:
        try:
            plan = door.plan(power=power, actor=requester, ids=row.targets, data=row.data, now=timezone.now())
            problem = "" if plan.digest == row.digest and not plan.blocked else text("stale")
        except NotFound:
            problem = text("stale")
    owner = any(v.target.is_owner for v in plan.verdicts) if plan and power.over == "member" else False
    code = approvals.why_not(row=row, power=power, actor=actor, owner_involved=owner or row.data.get("role") == "owner", now=timezone.now())
    names = _names([row])
    return render(request, "plans/detail.html", {
        "plan": row, "power": power, "who": names.get(row.requested_by), "decider": names.get(row.decided_by) if row.decided_by else None,
        "targets": [names.get(t) for t in row.targets], "problem": problem,
        "effects": job_rows.effects(row, power) if row.many else [e for v in plan.verdicts for e in v.effects] if plan else [], "why_not": text(code) if code else "",
        "mine": row.requested_by == actor.membership_id,
        "waiting": row.state == PlanState.AWAITING_APPROVAL})


def _decide(request: HttpRequest, actor: Actor, row: Plan) -> HttpResponse:
    now, choice = timezone.now(), request.POST.get("decision")
    slug = request.organization.slug  # type: ignore[attr-defined]
    if choice == "cancel":
        approvals.cancel(plan_id=row.id, actor=actor, now=now)
        messages.success(request, _("The plan was taken back. Nothing happened."))
        return redirect("plan", slug, row.id)
    if choice not in {"approve", "deny"}:
        raise NotFound
    try:
        approvals.decide(plan_id=row.id, actor=actor, requester=approvals.requester(row), power=PLANNED[row.power], approve=choice == "approve", note=request.POST.get("note", ""), now=now)
    except (Refused, Stale) as refusal:
        messages.error(request, text(refusal.codes[0] if isinstance(refusal, Refused) else "stale"))
    else:
        if choice == "approve" and row.many:
            wake("many")
            messages.success(request, _("Approved. The job is running."))
            return redirect("job", slug, row.id)
        messages.success(request, _("Approved, done and recorded.") if choice == "approve" else _("Declined. Nothing happened."))
    return redirect("plan", slug, row.id)
