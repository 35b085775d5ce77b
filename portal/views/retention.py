"""Retention: the rules and what they mean, the time machine, and the report of each run."""
from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.reasons import NotFound, text
from dsar.powers.retention_forms import LookForm
from dsar.retention import periods, setting
from dsar.retention.models import RetentionRun, RunState
from portal import retention
from portal.organization import enter

PERMISSION = "view_audit"
STATES = {"in_force": _("In force"), "coming": _("Begins later"), "ending": _("Ends"), "nothing": _("Names nothing that is there")}


def index(request: HttpRequest, slug: str) -> HttpResponse:
    """The rules, what is kept for how long, and the runs."""
    actor, now = enter(request, slug, permission=PERMISSION), timezone.now()
    assert actor.organization_id is not None
    found = retention.runs(actor.organization_id)
    return render(request, "retention/index.html", {
        "rules": [{"line": line, "state": STATES[line.state]} for line in retention.lines(actor.organization_id, now)], "kinds": retention.kinds(actor.organization_id, now), "runs": found,
        "stopped": any(row.state == RunState.STOPPED for row in found), "overdue": next((row.overdue for row in found if not row.dry and row.overdue is not None), 0),
        "may_set": actor.may("manage_retention") and actor.scope_groups is None})


def look(request: HttpRequest, slug: str) -> HttpResponse:
    """The time machine: what would go on a day, as the rules are or with one that is tried. It only looks."""
    actor, now = enter(request, slug, permission=PERMISSION), timezone.now()
    org = actor.organization_id
    assert org is not None
    here = periods.today(now, setting.zone(org))
    asked = "on" in request.GET or "what" in request.GET
    form = LookForm(request.GET if asked else None, initial={"on": here})
    form.choices_for(request.organization, actor)  # type: ignore[attr-defined]
    context: dict[str, Any] = {"form": form, "failed": False, "may_set": actor.may("manage_retention") and actor.scope_groups is None}
    data = form.cleaned_data if asked and form.is_valid() else {}
    tried, codes = retention.proposal(org, data, now)
    context["blockers"] = [text(code) for code in codes]
    if (asked and not form.is_valid()) or codes:
        return render(request, "retention/look.html", {**context, "failed": True}, status=422)
    context["view"] = retention.look(actor, day=data.get("on") or here, tried=tried, now=now, samples=actor.may("manage_retention") and actor.may("view_people"))
    return render(request, "retention/look.html", {**context, "tried": tried is not None})


def run(request: HttpRequest, slug: str, run_id: UUID) -> HttpResponse:
    """The report of one run."""
    actor = enter(request, slug, permission=PERMISSION)
    row = RetentionRun.objects.filter(organization_id=actor.organization_id, id=run_id).first()
    if row is None:
        raise NotFound
    return render(request, "retention/run.html", {"run": row, "steps": retention.report(row), "may_set": actor.may("manage_retention") and actor.scope_groups is None})
