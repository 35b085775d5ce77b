"""Import and export of the people list."""
from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from django import forms
from django.db import connection, transaction
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext_lazy

from accounts import entries
from accounts.actor import Actor
from accounts.models import Plan
from accounts.models.plan import PlanState
from accounts.reasons import NotFound, Stale, text
from audit import recording
from audit.record import EntryDraft, TargetRef
from portal import importing, people_csv
from portal.jobs import wake
from portal.organization import enter
from portal.views.stepup import ask

PERMISSION = "import_people"


class UploadForm(forms.Form):
    file = forms.FileField(label=gettext_lazy("CSV file"), help_text=gettext_lazy("UTF-8, with a header line; at most 10,000 rows and 5 MB. The only column needed is “email”."),
                           widget=forms.FileInput(attrs={"accept": ".csv,text/csv"}))


def upload(request: HttpRequest, slug: str) -> HttpResponse:
    """Choose a file; a readable one becomes a plan to look at, an unreadable one says why."""
    actor = enter(request, slug, permission=PERMISSION)
    form = UploadForm(request.POST or None, request.FILES or None) if request.method == "POST" else UploadForm()
    if request.method == "POST" and form.is_valid():
        try:
            chosen = form.cleaned_data["file"]
            if chosen.size > people_csv.BYTES:
                raise people_csv.BadFile(str(gettext_lazy("The file is larger than 5 MB. Split it.")))
            rows = people_csv.read(chosen.read())
        except people_csv.BadFile as problem:
            form.add_error("file", str(problem))
        else:
            return redirect("people-import-plan", slug, importing.upload(actor=actor, rows=rows, now=timezone.now()).id)
    return render(request, "people/import.html", {"form": form, "columns": people_csv.COLUMNS, "used": people_csv.USED}, status=422 if request.method == "POST" else 200)


def plan(request: HttpRequest, slug: str, plan_id: UUID) -> HttpResponse:
    """What the file would do, row by row; then its progress and its result."""
    actor = enter(request, slug, permission=PERMISSION)
    row = Plan.objects.filter(organization_id=actor.organization_id, id=plan_id, power=importing.POWER.slug).first()
    if row is None:
        raise NotFound
    if row.state != PlanState.PLANNED:
        return _result(request, row)
    rows, counts, digest = importing.dry_run(actor=actor, plan=row, now=timezone.now())
    if request.method == "POST":
        return _confirm(request, slug, actor, row, digest)
    if "failures" in request.GET:
        return _csv("failures.csv", ([r["line"], r["email"], " ".join(r["codes"]), " ".join(r["words"])] for r in rows if r["verdict"] == "error"))
    shown = [r for r in rows if r["verdict"] == request.GET.get("only")] if request.GET.get("only") in counts else rows
    return render(request, "people/import_plan.html", {
        "plan": row, "rows": shown[:200], "more": max(0, len(shown) - 200), "counts": counts, "digest": digest, "doable": counts["create"] + counts["change"]})


def _confirm(request: HttpRequest, slug: str, actor: Actor, row: Plan, digest: str) -> HttpResponse:
    now = timezone.now()
    if actor.tier(now) < importing.POWER.tier:
        return ask(request, importing.POWER.tier)
    if request.POST.get("digest") != digest:
        raise Stale
    if importing.confirm(actor=actor, plan=row, now=now):
        if row.total <= importing.IN_REQUEST:
            importing.run(str(row.id))
            enter(request, slug, permission=PERMISSION)
        else:
            wake("imports")
    return redirect("people-import-plan", slug, row.id)


def _result(request: HttpRequest, row: Plan) -> HttpResponse:
    if "failures" in request.GET:
        return _csv("failures.csv", ([r.get("line"), r.get("email"), " ".join(r["codes"]), " ".join(text(c) for c in r["codes"])] for r in row.results))
    failures = [{**r, "words": [text(c) for c in r["codes"]]} for r in row.results[:200]]
    template = "people/_import_progress.html" if request.headers.get("HX-Request") else "people/import_result.html"
    return render(request, template, {"plan": row, "failures": failures, "done": row.summary.get("done", 0), "running": row.state == PlanState.RUNNING, "failed": len(row.results)})


def _csv(name: str, rows: Iterator[list[Any]]) -> HttpResponse:
    header = ("line", "email", "codes", "reasons")
    lines = b"".join([people_csv._line(header, spreadsheet=False), *(people_csv._line(tuple(r), spreadsheet=True) for r in rows)])
    return HttpResponse(lines, content_type="text/csv; charset=utf-8", headers={"Content-Disposition": f'attachment; filename="{name}"'})


def export(request: HttpRequest, slug: str) -> HttpResponse:
    """The people list as a file: byte-exact, or with ?for=spreadsheet safe to open in one. The export is itself an entry."""
    actor = enter(request, slug, permission=PERMISSION)
    assert actor.organization_id is not None
    now, spreadsheet = timezone.now(), request.GET.get("for") == "spreadsheet"
    with transaction.atomic(), recording.opened(org=actor.organization_id, now=now) as act:
        act.write([EntryDraft(org=actor.organization_id, action="people.exported", category="people", outcome="success", actor=entries.actor_ref(actor),
                              targets=[TargetRef(type="organization", id=actor.organization_id)], via=actor.via)])
    rows = _members(actor.organization_id)
    return StreamingHttpResponse(people_csv.write(iter(rows), spreadsheet=spreadsheet), content_type="text/csv; charset=utf-8",
                                 headers={"Content-Disposition": f'attachment; filename="{slug}-people.csv"'})


def _members(organization_id: UUID) -> list[tuple[Any, ...]]:
    """Read at once, while the scope is set: the response is written after the request's scope is gone."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT m.id, a.email, a.name, a.status, m.status, r.slug,"
            " (SELECT string_agg(g.name, ';' ORDER BY g.name) FROM accounts_groupmembership gm JOIN accounts_group g ON g.id = gm.group_id WHERE gm.membership_id = m.id),"
            " CASE WHEN mg.organization_id = m.organization_id THEN 'yes' ELSE 'no' END, to_char(m.last_active_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'),"
            " CASE WHEN a.has_second_factor THEN 'yes' ELSE 'no' END, to_char(m.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'),"
            " to_char(m.status_until AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'), m.reason_code, m.title, m.department"
            " FROM accounts_membership m JOIN accounts_account a ON a.id = m.account_id JOIN accounts_role r ON r.id = m.role_id LEFT JOIN accounts_management mg ON mg.account_id = a.id"
            " WHERE m.organization_id = %s AND m.effective_status <> 'removed' ORDER BY m.list_name, m.id", [organization_id])
        return cursor.fetchall()
