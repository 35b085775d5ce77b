"""Domains of the organization: the list, and the page of one with what to publish."""
from __future__ import annotations

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from portal import domains
from portal.organization import enter

PERMISSION = "manage_domains"


def index(request: HttpRequest, slug: str) -> HttpResponse:
    """Which domains the organization has, and how each stands."""
    actor = enter(request, slug, permission=PERMISSION)
    assert actor.organization_id is not None
    found = domains.all_of(actor.organization_id)
    return render(request, "domains/index.html", {"rows": [one for one in found if one.open], "ended": [one for one in found if not one.open], "may": actor.scope_groups is None})


def detail(request: HttpRequest, slug: str, domain_id: UUID) -> HttpResponse:
    """One domain: state, what proves it, what the last check found."""
    actor = enter(request, slug, permission=PERMISSION)
    assert actor.organization_id is not None
    return render(request, "domains/detail.html", {"found": domains.one(actor.organization_id, domain_id), "may": actor.scope_groups is None})
