"""Plans of many targets: the list of jobs, and the page of one from its check to its result."""
from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import act_file, bulk, bulk_run
from accounts.actor import Actor
from accounts.models import Membership, Plan
from accounts.models.plan import PlanState
from accounts.reasons import NotFound, Refused, Stale, StepUpNeeded, text
from portal import importing, job_rows, people_csv
from portal.jobs import wake
from portal.organization import enter
from portal.powers import PLANNED
from portal.views.stepup import ask, kept

_SHOWN = 50
FIELDS = (*dict.fromkeys(people_csv.USED.values()),)


def index(request: HttpRequest, slug: str) -> HttpResponse:
    """The jobs of the organization, newest first: one's own, and everybody's for those who approve plans."""
    actor = enter(request, slug)
    rows = Plan.objects.filter(organization_id=actor.organization_id, targets=[], total__gt=0).order_by("-created_at")
    if not actor.may("approve_plans"):
        rows = rows.filter(requested_by=actor.membership_id)
    found = list(rows[:_SHOWN])
    names = {m.id: m.account.name or m.account.email for m in Membership.objects.filter(id__in={row.requested_by for row in found}).select_related("account")}
    return render(request, "jobs/index.html", {"rows": [{"plan": row, "power": PLANNED[row.power], "who": names.get(row.requested_by, "")} for row in found], "limit": _SHOWN,
                                               "may_act": actor.may(act_file.FILE.permission) and bool(act_file.offered(actor))})


def detail(request: HttpRequest, slug: str, plan_id: UUID) -> HttpResponse:
    """One job: what it would do, how far it is, what became of each."""
    actor = enter(request, slug)
    row = _mine(actor, plan_id)
    if request.method == "POST":
        return _post(request, slug, actor, row)
    if request.GET.get("file") in {"plan", "results", "failures"}:
        return _file(row, request.GET["file"])
    return _show(request, actor, row, confirm=(kept(request) or {}).get("count", [""])[0])


def _mine(actor: Actor, plan_id: UUID) -> Plan:
    row = Plan.objects.filter(organization_id=actor.organization_id, id=plan_id).first()
    if row is None or not row.many or not (row.requested_by == actor.membership_id or actor.may("approve_plans")):
        raise NotFound
    return row


def _show(request: HttpRequest, actor: Actor, row: Plan, *, problems: list[str] | None = None, confirm: str = "", status: int = 200) -> HttpResponse:
    power, now = PLANNED[row.power], timezone.now()
    only = request.GET.get("only", "")
    who = Membership.objects.filter(id=row.requested_by).select_related("account").first()
    context: dict[str, Any] = {
        "plan": row, "power": power, "who": who, "mine": row.requested_by == actor.membership_id, "blockers": problems or [], "confirm": confirm, "is_file": power.over == "row",
        "live": row.state in {PlanState.PREPARING, PlanState.RUNNING}, "may_stop": row.state == PlanState.RUNNING, "expired": row.expires_at <= now and row.state in bulk.WAITING,
        "doable": row.summary.get("doable", 0), "done": row.summary.get("done", 0), "failed": row.summary.get("failed", 0), "skipped": row.summary.get("skipped", 0),
        "verdicts": {kind: row.summary.get("verdicts", {}).get(kind, 0) for kind in ("create", "change", "skip", "error")},
        "harmful": any(p.danger or p.brake for p in act_file.powers_of(row)), "step_up": min(row.tier, 2) if actor.tier(now) < min(row.tier, 2) else 0, "kept_days": bulk.KEPT.days,
    }
    if request.headers.get("HX-Request") and context["live"]:
        return render(request, "jobs/_progress.html", context)
    if request.headers.get("HX-Request"):
        return HttpResponse(headers={"HX-Refresh": "true"})
    if row.state == PlanState.UPLOADED:
        context |= _columns(row)
    else:
        after = request.GET.get("after", "")
        context |= {"effects": job_rows.effects(row, power), "only": only,
                    **job_rows.page(row=row, power=power, actor=actor, only=only, after=int(after) if after.isascii() and after.isdigit() and len(after) < 7 else 0, size=_SHOWN)}
    return render(request, "jobs/detail.html", context, status=status)


def _columns(row: Plan) -> dict[str, Any]:
    sample = [data["cells"] for data in row.rows.order_by("number").values_list("data", flat=True)[:3]]
    known = people_csv.Table(header=row.data["header"], lines=[]).guess()[0]
    return {"columns": [{"n": n, "name": name, "field": known.get(n, ""), "samples": [cells[n] for cells in sample]} for n, name in enumerate(row.data["header"])],
            "fields": [(field, job_rows.field_name(field)) for field in FIELDS]}


def _post(request: HttpRequest, slug: str, actor: Actor, row: Plan) -> HttpResponse:
    now, act = timezone.now(), request.POST.get("do")
    try:
        if act == "columns":
            mapping = {n: field for n in range(len(row.data.get("header", []))) if (field := request.POST.get(f"column-{n}", "")) in FIELDS}
            importing.assign(actor=actor, plan=row, mapping=mapping, now=now)
            wake("many")
        elif act == "cancel":
            bulk.cancel(actor=actor, plan_id=row.id, now=now)
            messages.success(request, _("The plan was dropped. Nothing happened."))
        elif act == "stop":
            bulk.stop(actor=actor, plan_id=row.id, now=now)
            messages.success(request, _("Stopped. What was done before stays done; the rest was not touched."))
        elif act == "confirm":
            return _confirm(request, slug, actor, row)
        else:
            raise NotFound
    except people_csv.BadFile as problem:
        return _show(request, actor, row, problems=[str(problem)], status=422)
    except Refused as refusal:
        row.refresh_from_db()
        return _show(request, actor, row, problems=[text(code) for code in refusal.codes], status=422)
    return redirect("job", slug, row.id)


def _confirm(request: HttpRequest, slug: str, actor: Actor, row: Plan) -> HttpResponse:
    now, typed = timezone.now(), request.POST.get("count", "").strip()
    count = None if PLANNED[row.power].over == "row" else int(typed) if typed.isascii() and typed.isdigit() and len(typed) < 8 else -1
    try:
        row = bulk.confirm(actor=actor, plan_id=row.id, digest=request.POST.get("digest", ""), count=count, now=now)
    except StepUpNeeded as needed:
        return ask(request, needed.tier)
    except Stale:
        return _show(request, actor, row, problems=[text("stale")], status=412)
    except Refused as refusal:
        row.refresh_from_db()
        return _show(request, actor, row, problems=[text(code) for code in refusal.codes], confirm=typed, status=422)
    if row.state == PlanState.AWAITING_APPROVAL:
        messages.info(request, _("A second person has to agree. The plan is waiting for 72 hours; nothing has happened yet."))
    elif row.total <= bulk.AT_ONCE:
        bulk_run.run(plan_id=row.id, organization_id=row.organization_id)
        enter(request, slug)  # the run used a scope of its own
    else:
        wake("many")
    return redirect("job", slug, row.id)


def _file(row: Plan, kind: str) -> HttpResponse:
    """The plan, the results or what was left out, as CSV that is safe to open in a spreadsheet."""
    power = PLANNED[row.power]
    lines: Iterator[bytes] = people_csv.write(job_rows.lines(row=row, power=power, failures=kind == "failures"), spreadsheet=True, columns=job_rows.header(power))
    return StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8", headers={"Content-Disposition": f'attachment; filename="{row.power}-{kind}.csv"'})
