"""Log streams: the list with their health, and the page of one with what happened to its last deliveries."""
from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.reasons import NotFound
from portal import streams
from portal.organization import enter


def index(request: HttpRequest, slug: str) -> HttpResponse:
    """The streams, and how each fares."""
    actor = enter(request, slug, permission="view_audit")
    assert actor.organization_id is not None
    return render(request, "audit/streams/index.html", {"rows": streams.healths(actor.organization_id), "may": _may(actor)})


def detail(request: HttpRequest, slug: str, stream_id: UUID) -> HttpResponse:
    """One stream; a POST asks for a test delivery."""
    actor = enter(request, slug, permission="view_audit")
    assert actor.organization_id is not None
    health = streams.one(actor.organization_id, stream_id)
    if request.method == "POST":
        if not _may(actor) or request.POST.get("do") != "test":
            raise NotFound
        streams.ask_test(health.row, now=timezone.now())
        messages.success(request, _("A test delivery is on its way. Its result appears below in a few seconds."))
        return redirect("audit-stream", slug, stream_id)
    rows = [{"row": row, "error": streams.error(row.code, row.status)} for row in streams.attempts(health.row)]
    return render(request, "audit/streams/detail.html", {"health": health, "row": health.row, "attempts": rows, "may": _may(actor)})


def _may(actor: object) -> bool:
    return bool(actor.may("manage_settings") and actor.scope_groups is None)  # type: ignore[attr-defined]
