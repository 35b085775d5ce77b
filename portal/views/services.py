"""The organization's services: the list, and one of them with who has access through what."""
from __future__ import annotations

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from accounts.reasons import NotFound
from accounts.services import listing
from dsar.datamap.kinds import CATEGORIES
from portal import services_shown as shown
from portal.organization import enter


def index(request: HttpRequest, slug: str) -> HttpResponse:
    """The services, with how many people have access, who answers for each, and when it was last used."""
    actor = enter(request, slug, permission="view_people")
    return render(request, "services/index.html", {"rows": listing.lines(actor=actor), "may": actor.may("manage_apps")})


def detail(request: HttpRequest, slug: str, service_id: UUID) -> HttpResponse:
    """One service: what it is, how it signs people in, who has access and through what."""
    actor = enter(request, slug, permission="view_people")
    row = listing.one(actor=actor, service_id=service_id)
    if row is None:
        raise NotFound
    q = request.GET.get("q", "")[:200]
    people, page = listing.holders(actor=actor, service_id=service_id, q=q, cursor=request.GET.get("cursor", "")[:2000])
    return render(request, "services/detail.html", {
        "service": row, "may": actor.may("manage_apps"), "q": q, "page": page, "redirects": (row.redirect_uris or "").split(), "everyone": shown.level(row.everyone),
        "categories": [CATEGORIES[key] for key in row.categories if key in CATEGORIES], "groups": [{"group": one.group, "level": shown.level(one.state)} for one in listing.groups(service_id)],
        "people": [{"row": one, "level": shown.level(one.level), "through": shown.through(own=one.own, groups=one.groups, everyone=one.everyone)} for one in people]})
