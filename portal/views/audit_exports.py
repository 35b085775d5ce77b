"""Exports of the audit log: the list, the page on which one is asked for, the page of one with its files."""
from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts import door, exporting
from accounts.actor import Actor
from accounts.models import Account, Plan
from accounts.models.plan import PlanState
from accounts.power import Plan as Judged
from accounts.reasons import NotFound, Refused, Stale, StepUpNeeded, text
from audit.export import archive, files
from audit.models import Export
from portal.jobs import wake
from portal.organization import enter
from portal.powers import BY_SLUG, form_for
from portal.surfaces.page import querydict
from portal.views.stepup import ask, kept

TIER = 2
"""Taking files away asks for the same proof as asking for them."""
GROUPS = (
    (gettext_lazy("Which entries"), ("since", "until", "time_zone", "about", "about_kind", "administrator")),
    (gettext_lazy("What it is for"), ("matter", "purpose", "prefix")),
    (gettext_lazy("Personal values"), ("disclosures", "withhold")),
    (gettext_lazy("Reading copies"), ("csv", "loadfile", "ocsf", "ocsf_version")))
MORE = ("on_behalf_of", "actions", "categories", "outcomes", "token", "ticket", "of_matter")
STATES = {"asked": gettext_lazy("Waiting for the signer"), "running": gettext_lazy("Running"), "sealed": gettext_lazy("Ready"), "failed": gettext_lazy("Failed"),
          "stopped": gettext_lazy("Stopped"), "expired": gettext_lazy("Files removed")}
ERRORS = {
    "disk_full": gettext_lazy("There is no room for its files. When there is room again, go on with it: what was written is kept."),
    "entry_mismatch": gettext_lazy("An entry of the log is not what was recorded. Nothing was exported. Tell whoever runs this installation at once: they run “manage.py verify_audit”."),
    "not_signed": gettext_lazy("The signer refused to sign the log, or could not. Tell whoever runs this installation."),
    "internal_error": gettext_lazy("Something went wrong on our side several times. It is in the log of the server."),
    "requester_lost_role": gettext_lazy("The person who asked for it no longer has the right to export the log."),
}


def index(request: HttpRequest, slug: str) -> HttpResponse:
    """The exports of the organization, newest first, and those that wait for a second person."""
    actor = enter(request, slug, permission=exporting.PERMISSION)
    assert actor.organization_id is not None
    rows = exporting.listed(actor=actor)
    names = dict(Account.objects.filter(id__in={row.requester for row in rows}).values_list("id", "name"))
    waiting = Plan.objects.filter(organization_id=actor.organization_id, power="export-audit", state=PlanState.AWAITING_APPROVAL, expires_at__gt=timezone.now()).order_by("created_at")
    return render(request, "audit/exports/index.html", {
        "rows": [{"row": row, "who": names.get(row.requester, ""), "state": STATES[row.state]} for row in rows], "waiting": list(waiting[:20]), "policy": exporting.policy(actor.organization_id),
        "may_set": actor.may("manage_settings")})


def new(request: HttpRequest, slug: str) -> HttpResponse:
    """Say what the export is to contain, look at what that is, then ask for it."""
    actor = enter(request, slug, permission=exporting.PERMISSION)
    power, resumed = BY_SLUG["export-audit"], kept(request)
    if request.method != "POST" and not resumed:
        return _form(request, actor, form_for(power, request.organization, actor, initial=_initial(request)))  # type: ignore[attr-defined]
    form = form_for(power, request.organization, actor, querydict(resumed) if resumed else request.POST)  # type: ignore[attr-defined]
    if not form.is_valid():
        return _form(request, actor, form, status=422)
    judged = door.plan(power=power, actor=actor, data=form.cleaned_data, now=timezone.now())
    if judged.blocked:
        return _form(request, actor, form, blockers=[text(code) for code in judged.verdicts[0].reasons], status=422)
    if request.POST.get("do") != "start":
        return _form(request, actor, form, judged=judged)
    return _start(request, slug, actor, form, judged)


def _start(request: HttpRequest, slug: str, actor: Actor, form: Any, judged: Judged) -> HttpResponse:
    try:
        receipt = door.perform(power=judged.power, actor=actor, data=form.cleaned_data, now=timezone.now(), digest=request.POST.get("digest", ""), key=request.POST.get("key", "")[:100] or None)
    except StepUpNeeded as needed:
        return ask(request, needed.tier)
    except Stale:
        return _form(request, actor, form, judged=judged, blockers=[_("The form changed since you looked. Check again what it contains.")], status=412)
    except Refused as refusal:
        return _form(request, actor, form, blockers=[text(code) for code in refusal.codes], status=422)
    if receipt.plan_id:
        messages.info(request, _("A second person has to agree. The plan is waiting for 72 hours; nothing has happened yet."))
        return redirect("plan", slug, receipt.plan_id)
    wake("exports")
    messages.success(request, _("The export was asked for. It goes on by itself; you can leave the page."))
    made = _made(actor, receipt.entries)
    return redirect("audit-export", slug, made) if made else redirect("audit-exports", slug)


def _made(actor: Actor, entries: tuple[str, ...]) -> UUID | None:
    """The export that an act made: it is named in its entry."""
    from audit import queries

    assert actor.organization_id is not None
    seen = queries.entry(org=actor.organization_id, entry_id=UUID(entries[0])) if entries else None
    return next((UUID(t["id"]) for t in seen.record["targets"] if t["type"] == "audit_export"), None) if seen else None


def _initial(request: HttpRequest) -> dict[str, str]:
    """From the list of entries people come with their filter."""
    names = {"since": "since", "until": "until", "about": "person", "administrator": "actor"}
    return {field: request.GET[name][:320] for field, name in names.items() if name in request.GET}


def _form(request: HttpRequest, actor: Actor, form: Any, *, judged: Judged | None = None, blockers: list[str] | None = None, status: int = 200) -> HttpResponse:
    return render(request, "audit/exports/new.html", {
        "form": form, "power": BY_SLUG["export-audit"], "groups": [(title, [form[name] for name in names]) for title, names in GROUPS], "more": [form[name] for name in MORE],
        "more_used": form.is_bound and any(form[name].value() for name in MORE), "judged": judged, "effects": judged.verdicts[0].effects if judged else (), "blockers": blockers or [],
        "key": uuid4(), "step_up": judged.step_up if judged else 0, "needs_approval": bool(judged and judged.needs_approval)}, status=status)


def detail(request: HttpRequest, slug: str, export_id: UUID) -> HttpResponse:
    """One export: how far it is, what it contains, its files."""
    actor = enter(request, slug, permission=exporting.PERMISSION)
    row = exporting.find(actor=actor, export_id=export_id)
    problems: list[str] = []
    if request.method == "POST":
        try:
            if request.POST.get("do") == "stop":
                exporting.stop(actor=actor, export_id=row.id, now=timezone.now())
                messages.success(request, _("The export was stopped. What was written of it is removed."))
            elif request.POST.get("do") == "resume":
                if actor.tier(timezone.now()) < TIER:
                    return ask(request, TIER)
                exporting.take_up(actor=actor, export_id=row.id, now=timezone.now())
                wake("exports")
            else:
                raise NotFound
            return redirect("audit-export", slug, row.id)
        except Refused as refusal:
            problems = [text(code) for code in refusal.codes]
            row.refresh_from_db()
    return _show(request, actor, row, problems)


def _show(request: HttpRequest, actor: Actor, row: Export, problems: list[str]) -> HttpResponse:
    live = row.state in exporting.UNFINISHED
    context: dict[str, Any] = {
        "row": row, "state": STATES[row.state], "live": live, "blockers": problems, "error": ERRORS.get(row.error, ""),
        "who": Account.objects.filter(id=row.requester).values_list("name", flat=True).first() or "",
        "done": row.next - (row.first or 1) if row.first is not None else 0, "range": max((row.last or 0) - (row.first or 1) + 1, 0),
        "may_resume": row.state == "failed" and row.requester == actor.account_id,
        "ready": row.state == "sealed", "total": sum(one["size"] for one in row.files), "proven": _proven(row), "named": archive.name(row)}
    if request.headers.get("HX-Request"):
        return render(request, "audit/exports/_progress.html", context) if live else HttpResponse(headers={"HX-Refresh": "true"})
    return render(request, "audit/exports/detail.html", context, status=422 if problems else 200)


def _proven(row: Export) -> str:
    from accounts.powers.export_audit import PROVEN
    from audit.export.filters import completeness

    return str({"range": _("Proven: no entry of this range is missing."), "actor": _("Proven: no entry of this actor in this range is missing."),
                "target": _("Proven: no entry about this person or thing in this range is missing.")}.get(completeness(row.wanted), PROVEN["attested"]))


def file(request: HttpRequest, slug: str, export_id: UUID, name: str) -> HttpResponseBase:
    """One file, or all of them in one. Whoever follows the link proves each time that they may."""
    actor = enter(request, slug, permission=exporting.PERMISSION)
    row = exporting.find(actor=actor, export_id=export_id)
    if not offered(row, name):
        raise NotFound
    if actor.tier(timezone.now()) < TIER:
        return ask(request, TIER)
    return answer(request, actor, row, name)


def offered(row: Export, name: str) -> bool:
    return row.state == "sealed" and (name == archive.name(row) or any(one["name"] == name for one in row.files))


_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})\Z")


def answer(request: HttpRequest, actor: Actor, row: Export, name: str) -> HttpResponseBase:
    """The bytes of a file, or the part that was asked for (RFC 9110 section 14). The download is recorded before the first byte leaves."""
    whole = name == archive.name(row)
    size = archive.size(row) if whole else (files.bundle(row.id) / name).stat().st_size
    given = request.headers.get("Range", "")
    part = _part(given, size) if given and request.headers.get("If-Range", "") in {"", _tag(row, name)} else None
    if part == ():
        refused = HttpResponse(status=416)
        refused.headers["Content-Range"] = f"bytes */{size}"
        return refused
    start, end = part or (0, size)
    if request.method != "HEAD":
        exporting.record_download(actor=actor, row=row, name=name, part=f"{start}-{end - 1}" if part else "", now=timezone.now())
    stream = archive.stream(row, start, end) if whole else _bytes(files.bundle(row.id) / name, start, end)
    found = StreamingHttpResponse(stream, status=206 if part else 200, content_type="application/octet-stream")
    for header, value in {"Content-Length": str(end - start), "Accept-Ranges": "bytes", "ETag": _tag(row, name), "X-Content-Type-Options": "nosniff", "Cache-Control": "private, no-store",
                      "Content-Disposition": f'attachment; filename="{name.rsplit("/", 1)[-1]}"'}.items():
        found.headers[header] = value
    if part:
        found.headers["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
    return found


def _tag(row: Export, name: str) -> str:
    wanted = "SHA256SUMS" if name == archive.name(row) else name
    return f'"{next(one["sha256"] for one in row.files if one["name"] == wanted)[:32]}"'


def _part(given: str, size: int) -> tuple[int, int] | tuple[()] | None:
    """First byte and the one after the last; () for a part that is not there; None for a header that is to be ignored."""
    found = _RANGE.match(given.strip())
    if found is None or found.groups() == ("", ""):
        return None
    first, last = found.groups()
    start, end = (max(size - int(last), 0), size) if not first else (int(first), min(int(last) + 1, size) if last else size)
    return (start, end) if start < end and (first or int(last)) else ()


def _bytes(path: Path, start: int, end: int) -> Iterator[bytes]:
    with path.open("rb") as source:
        source.seek(start)
        while start < end and (block := source.read(min(1 << 18, end - start))):
            start += len(block)
            yield block
