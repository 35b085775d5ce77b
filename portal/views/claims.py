"""Claims of the organization: the preview of a domain, the list, and one claim with its accounts and their answers."""
from __future__ import annotations

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from accounts.domains.names import shown
from accounts.models.claim import Standing
from accounts.models.domain import DomainState
from accounts.reasons import NotFound
from portal import claims
from portal.organization import enter

PERMISSION = "manage_domains"


def index(request: HttpRequest, slug: str) -> HttpResponse:
    """Which claims there are and how each stands."""
    actor = enter(request, slug, permission=PERMISSION)
    assert actor.organization_id is not None
    return render(request, "claims/index.html", {"rows": claims.all_of(actor.organization_id)})


def preview(request: HttpRequest, slug: str, domain_id: UUID) -> HttpResponse:
    """How many accounts a claim of this domain would concern, by what they are; never who."""
    actor = enter(request, slug, permission=PERMISSION)
    assert actor.organization_id is not None
    domain, found = claims.preview(actor.organization_id, domain_id, now=timezone.now())
    return render(request, "claims/preview.html", {
        "domain": domain, "name": shown(domain.name), "found": found, "kinds": [(claims.KINDS[kind], number) for kind, number in found.by_kind.items()],
        "may": actor.scope_groups is None and domain.state == DomainState.VERIFIED and not domain.releasing, "powers": claims.over_account()})


def detail(request: HttpRequest, slug: str, claim_id: UUID) -> HttpResponse:
    """One claim: counts by state, the accounts with a filter, objections that wait for an answer."""
    actor = enter(request, slug, permission=PERMISSION)
    assert actor.organization_id is not None
    found, state = claims.one(actor.organization_id, claim_id), request.GET.get("state", "")
    if state and state not in Standing.values:
        raise NotFound
    try:
        after = UUID(request.GET["cursor"]) if request.GET.get("cursor") else None
    except ValueError:
        raise NotFound from None
    page = claims.accounts(found, state=state, after=after)
    return render(request, "claims/detail.html", {
        "found": found, "state": state, "page": {"next": page.next}, "states": [(s.value, s.label) for s in Standing], "rows": [claims.Own(row) for row in page.rows],
        "may": actor.scope_groups is None,
        "objections": [claims.Own(row) for row in claims.accounts(found, state=Standing.OBJECTED).rows] if state != Standing.OBJECTED else []})
