"""Webhooks: the list with their health, one with its last messages, and every event there is."""
from __future__ import annotations

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from portal import webhooks
from portal.organization import enter

PERMISSION = "manage_apps"


def index(request: HttpRequest, slug: str) -> HttpResponse:
    """The webhooks and the streams of security events, and how each fares."""
    actor = enter(request, slug, permission=PERMISSION)
    assert actor.organization_id is not None
    return render(request, "webhooks/index.html", {"rows": webhooks.healths(actor.organization_id), "streams": webhooks.signal_streams(actor.organization_id)})


def detail(request: HttpRequest, slug: str, webhook_id: UUID) -> HttpResponse:
    """One webhook."""
    actor = enter(request, slug, permission=PERMISSION)
    assert actor.organization_id is not None
    health = webhooks.one(actor.organization_id, webhook_id)
    return render(request, "webhooks/detail.html", {"health": health, "row": health.row, "deliveries": webhooks.deliveries(health.row)})


def events(request: HttpRequest, slug: str) -> HttpResponse:
    """Every event that a webhook can get."""
    enter(request, slug, permission=PERMISSION)
    return render(request, "webhooks/events.html", {"families": webhooks.catalogue()})
