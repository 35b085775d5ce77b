"""Exports of a whole organization: the owners' page, the file, and the page on which its people say whether what is private of them may be in it (POWERS P4)."""
from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import door, notice, tenancy
from accounts.models import Account, Membership
from accounts.reasons import NotFound, Refused, text
from dsar.powers import export_person, organization_export
from dsar.wholesale import run
from dsar.wholesale.model import ExportConsent, ExportState, Level, OrganizationExport
from portal.organization import enter, myself
from portal.views.stepup import ask

TIER = 2


def index(request: HttpRequest, slug: str) -> HttpResponse:
    """The exports of the organization, the newest first, and the way to ask for one or stop it."""
    actor, now = enter(request, slug, permission=run.PERMISSION), timezone.now()
    assert actor.organization_id is not None
    rows = list(OrganizationExport.objects.filter(organization_id=actor.organization_id).order_by("-asked_at")[:50].annotate(
        yes=Count("consents", filter=Q(consents__agreed=True)), no=Count("consents", filter=Q(consents__agreed=False))))
    who = dict(Account.objects.filter(id__in={row.requested_by for row in rows}).values_list("id", "name"))
    shown = [{"row": row, "state": state(row, now), "who": who.get(row.requested_by, ""), "mine": row.requested_by == actor.account_id, "left": max(run.DOWNLOADS - row.downloads, 0),
        "agreed": row.yes, "refused": row.no}
             for row in rows]
    return render(request, "organization_export/index.html", {
        "rows": shown, "open": any(row.state in run.OPEN for row in rows), "may_copies": actor.may(export_person.POWER.permission),
        "members": Membership.objects.filter(organization_id=actor.organization_id, account__kind="person").exclude(status__in=("invited", "removed")).count(),
        "named": organization_export.SLUG in notice.on(notice.published(actor.organization_id), now)})


def state(row: OrganizationExport, now: datetime) -> str:
    """What can be done with it now; what is over is over although nobody has removed it yet."""
    usable = row.state != ExportState.READY or (row.expires_at is not None and row.expires_at > now and row.downloads < run.DOWNLOADS)
    return row.state if usable else "ended"


def one(request: HttpRequest, slug: str, export_id: UUID) -> HttpResponseBase:
    """Fetch it. Only a POST does, and only for whoever asked."""
    actor, now = enter(request, slug, permission=run.PERMISSION), timezone.now()
    if request.method != "POST":
        return redirect("organization-exports", slug)
    if actor.tier(now) < TIER:
        return ask(request, TIER)
    try:
        return answer(*run.fetch(actor=actor, export_id=export_id, now=now, via="ui"))
    except run.NotThere:
        raise NotFound from None


def answer(row: OrganizationExport, blocks: object) -> StreamingHttpResponse:
    """The bytes, for this browser alone and not for its cache."""
    found = StreamingHttpResponse(blocks, content_type="application/zip")  # type: ignore[arg-type]
    for header, value in {"Content-Length": str(row.size), "Content-Disposition": f'attachment; filename="steward-organization-{row.snapshot_at:%Y-%m-%d}.zip"', "Cache-Control": "private, no-store",
                          "X-Content-Type-Options": "nosniff", "Content-Security-Policy": "sandbox; default-src 'none'"}.items():
        found.headers[header] = value
    return found


@login_required
def mine(request: HttpRequest) -> HttpResponse:
    """The exports of the person's organizations that may have private data of theirs, and their answer to each."""
    actor, now = myself(request), timezone.now()
    if request.method == "POST":
        form = organization_export.AnswerForm(request.POST)
        if not form.is_valid():
            raise NotFound
        try:
            door.perform(power=organization_export.ANSWER, actor=actor, data=form.cleaned_data, now=now)
        except Refused as refusal:
            messages.info(request, text(refusal.codes[0]))
        else:
            agreed = form.cleaned_data["answer"] == "agree"
            messages.success(request, _("You agreed. What is private of you is in it.") if agreed else _("You refused. What is private of you is left out."))
        return redirect("me-exports")
    return render(request, "me/exports.html", {"rows": _mine(request.user.id)})


def _mine(account_id: UUID) -> list[dict[str, Any]]:
    with tenancy.installation("exports of the person's own organizations"):
        there = Membership.objects.filter(account_id=account_id).exclude(status__in=("invited", "removed")).values("organization_id")
        rows = list(OrganizationExport.objects.select_related("organization").filter(organization_id__in=there, state__in=run.OPEN).exclude(level=Level.PLAIN).order_by("-asked_at"))
        said = dict(ExportConsent.objects.filter(account_id=account_id, export__in=rows).values_list("export_id", "agreed"))
    return [{"row": row, "agreed": said.get(row.id), "asks": row.state == ExportState.WAITING} for row in rows]
