"""Plans that wait for a second person: the inbox, the page of one, the decision."""
from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import act_file, alone, approvals, door
from accounts.actor import Actor
from accounts.models import Membership, Plan
from accounts.models.plan import PlanState
from accounts.power import Power
from accounts.powers.forms import GROUNDS
from accounts.reasons import NotFound, Refused, Stale, text
from portal import job_rows
from portal.jobs import wake
from portal.organization import enter
from portal.powers import PLANNED
from portal.views import holds

SHOWN = 10
"""Plans on one page: each is worked out anew, so that nobody decides about what was true yesterday."""
_TABS = ("", "mine", "all")


def index(request: HttpRequest, slug: str) -> HttpResponse:
    """What waits for a second person, with what it would do now: most urgent first. By act and by who asked; one's own apart."""
    actor = enter(request, slug, permission="approve_plans")
    assert actor.organization_id is not None
    now = timezone.now()
    every = sorted(approvals.pending(organization_id=actor.organization_id, now=now), key=lambda row: row.expires_at)
    tab = request.GET.get("show", "") if request.GET.get("show") in _TABS else ""
    sets = {"": [row for row in every if row.requested_by != actor.membership_id], "mine": [row for row in every if row.requested_by == actor.membership_id], "all": every}
    act, who, start = request.GET.get("act", ""), request.GET.get("who", ""), request.GET.get("from", "0")
    fitting = [row for row in sets[tab] if act in {"", row.power} and who in {"", str(row.requested_by)}]
    first = int(start) if start.isascii() and start.isdigit() and len(start) < 6 else 0
    found = fitting[first:first + SHOWN]
    names = _names([*every])
    context = {
        "rows": [_line(row, actor, names) for row in found],
        "tabs": [{"key": key, "label": label, "n": len(sets[key]), "on": key == tab} for key, label in zip(_TABS, (_("For you"), _("Your own"), _("All")), strict=True)],
        "tab": tab, "act": act, "who": who, "acts": sorted({(row.power, str(PLANNED[row.power].title)) for row in sets[tab]}, key=lambda pair: pair[1]),
        "askers": sorted({(str(row.requested_by), _called(names.get(row.requested_by))) for row in sets[tab]}, key=lambda pair: pair[1]),
        "next": first + SHOWN if len(fitting) > first + SHOWN else 0, "any": bool(sets[tab])}
    return render(request, "plans/index.html", context)


def _called(member: Membership | None) -> str:
    return (member.account.name or member.account.email) if member else ""


def _line(row: Plan, actor: Actor, names: dict[UUID, Membership]) -> dict[str, Any]:
    """One plan of the inbox: who asked for what, what it would do, why, and whether something moved since."""
    power = PLANNED[row.power]
    effects, problem, _plan = _now(row, power)
    code = approvals.why_not(row=row, actor=actor, now=timezone.now())
    return {"plan": row, "power": power, "who": names.get(row.requested_by), "targets": [names[t] for t in row.targets if t in names], "effects": effects, "problem": problem, "due": alone.due_at(row),
            "mine": row.requested_by == actor.membership_id, "why_not": text(code) if code else "", "ground": dict(GROUNDS).get(row.data.get("reason_code", ""), "")}


def _now(row: Plan, power: Power) -> tuple[list[Any], str, Any]:
    """What the plan would do as things are now, and in words what stands against it."""
    asked = approvals.requester(row)
    if row.state != PlanState.AWAITING_APPROVAL:
        return [], "", None
    if asked is None or approvals.lost(row, asked):
        return [], str(_("Whoever asked may not do this any more. The plan is void.")), None
    if asked.paused and any(p.brake for p in act_file.powers_of(row)):
        return [], text("asker_paused"), None
    if row.many:
        return job_rows.effects(row, power), "", None
    try:
        plan = door.plan(power=power, actor=asked, ids=row.targets, data=row.data, now=timezone.now())
    except NotFound:
        return [], text("stale"), None
    return [e for v in plan.verdicts for e in v.effects], "" if plan.digest == row.digest and not plan.blocked else _moved(row, plan), plan


def _moved(row: Plan, plan: Any) -> str:
    """What changed since somebody asked, as far as it can be said."""
    said = [text(code) for codes in plan.blocked.values() for code in codes]
    since = Membership.objects.filter(id__in=row.targets, status_changed_at__gt=row.created_at).exists()
    return " ".join(said) or (str(_("The status of the person changed since this was asked. Approving finds the plan void; it has to be asked anew.")) if since else text("stale"))


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
    effects, problem, _plan = _now(row, power)
    code = approvals.why_not(row=row, actor=actor, now=timezone.now())
    names = _names([row])
    return render(request, "plans/detail.html", {
        "of_hold": holds.planned(row, actor),
        "plan": row, "power": power, "who": names.get(row.requested_by), "decider": names.get(row.decided_by) if row.decided_by else None,
        "targets": [names.get(t) for t in row.targets], "problem": problem,
        "effects": effects, "due": alone.due_at(row),
        "actions": [p.title for p in act_file.powers_of(row)] if power is act_file.FILE else [],
        "may_stop": not approvals.why_not(row=row, actor=actor, now=timezone.now(), approve=False), "ground": dict(GROUNDS).get(row.data.get("reason_code", ""), ""),
        "why_not": text(code) if code else "",
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
