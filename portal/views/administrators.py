"""Who may do what: the administrators, the roles, and the service accounts with their tokens."""
from __future__ import annotations

from uuid import UUID, uuid4

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import administrators, door, protected
from accounts.models import ApiToken, Role
from accounts.permissions import PERMISSIONS
from accounts.powers import BY_SLUG
from accounts.reasons import NotFound
from audit import queries
from portal import sentences
from portal.organization import enter
from portal.views import people

TOKENS = 50


def index(request: HttpRequest, slug: str) -> HttpResponse:
    """Everybody with a rank: by which role, through which groups, over whom, how well their account is kept."""
    actor = enter(request, slug, permission="view_people")
    roles = list(Role.objects.filter(organization_id=actor.organization_id, rank__gt=0).order_by("-rank", "name"))
    chosen = next((role for role in roles if role.slug == request.GET.get("role")), None)
    rows, page = administrators.administrators(actor=actor, role=chosen, cursor=request.GET.get("cursor", "")[:2000])
    return render(request, "administrators/index.html", {"rows": rows, "page": page, "roles": roles, "chosen": chosen, "tab": "people"})


def roles(request: HttpRequest, slug: str) -> HttpResponse:
    """The roles: rank, what they allow in words, how many people hold them."""
    actor = enter(request, slug, permission="view_people")
    assert actor.organization_id is not None
    numbers = administrators.holders(organization_id=actor.organization_id)
    rows = [{"role": role, "holders": numbers.get(role.id, 0), "words": [words for codename, words in PERMISSIONS.items() if codename in role.permissions],
             "mine": not role.builtin and role.rank < actor.rank and actor.scope_groups is None}
            for role in Role.objects.filter(organization_id=actor.organization_id).order_by("-rank", "name")]
    return render(request, "administrators/roles.html", {"rows": rows, "may": actor.may("manage_roles"), "tab": "roles", "whole": actor.scope_groups is None})


def protected_people(request: HttpRequest, slug: str) -> HttpResponse:
    """Who is protected, by whom they may be acted on, since when and who said so."""
    actor = enter(request, slug, permission="view_people")
    return render(request, "administrators/protected.html", {"rows": protected.listed(actor=actor), "may": actor.may("protect_people"), "tab": "protected"})


def service_accounts(request: HttpRequest, slug: str) -> HttpResponse:
    """Members for programs."""
    actor = enter(request, slug, permission="view_people")
    rows, page = administrators.service_accounts(actor=actor, cursor=request.GET.get("cursor", "")[:2000])
    return render(request, "administrators/service_accounts.html", {"rows": rows, "page": page, "may": actor.may("manage_settings"), "tab": "services"})


def service_account(request: HttpRequest, slug: str, person_id: UUID) -> HttpResponse:
    """One service account: its tokens, what may be done to it, what it did."""
    actor = enter(request, slug, permission="view_people")
    person = people.load(actor, person_id)
    if person.account.kind != "service":
        raise NotFound
    if request.method == "POST":
        return _revoke(request, slug, person_id)
    create = BY_SLUG["create-token"]
    rows = list(ApiToken.objects.filter(membership_id=person_id).order_by("state", "-created_at", "id")[:TOKENS])
    capabilities = [people._capability(power, actor, person) for power in people.PERSON_POWERS if actor.may(power.permission) and not power.people_only]
    history = queries.page(org=actor.organization_id, filters=queries.Filters(target=person.account.id), size=8) if actor.may("view_audit") else None
    return render(request, "administrators/service_account.html", {
        "person": person, "m": person.membership, "rows": rows, "now": timezone.now(), "key": uuid4(), "tab": "services",
        "words": [PERMISSIONS[p] for p in person.membership.role.permissions if p in PERMISSIONS] if person.membership else [],
        "may_create": actor.may("manage_settings") and not door.capability(power=create, actor=actor, person=person, now=timezone.now()),
        "may_revoke": actor.may("manage_settings") or actor.may("revoke_tokens"),
        "capabilities": [c for c in capabilities if c["allowed"] and not c["power"].danger], "dangers": [c for c in capabilities if c["allowed"] and c["power"].danger],
        "history": [sentences.line(seen) for seen in history.entries[:8]] if history else None})


def _revoke(request: HttpRequest, slug: str, person_id: UUID) -> HttpResponse:
    try:
        chosen = UUID(request.POST.get("token", ""))
    except ValueError:
        raise NotFound from None
    if not ApiToken.objects.filter(id=chosen, membership_id=person_id).exists():
        raise NotFound
    door.perform(power=BY_SLUG["revoke-token"], actor=request.actor, ids=[chosen], data={}, now=timezone.now())  # type: ignore[attr-defined]
    messages.success(request, _("The token is revoked."))
    return redirect("service-account", slug, person_id)
