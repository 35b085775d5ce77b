"""What the person reads of the registers: disclosures about them, who gets their data, notices that are new, and the installation's privacy notice (policy D3 to D5)."""
from __future__ import annotations

from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme

from accounts import tenancy
from accounts.models import Membership, Organization
from dsar.datamap.kinds import CATEGORIES
from dsar.registers import countries, notices
from dsar.registers import recipients as receiving
from dsar.registers.models import BusinessTransfer, Controller, PrivacyNotice, ToldDisclosure
from portal.notices_of import named
from portal.organization import myself

_RIGHTS = ("/me/privacy/", "/me/data/", "/me/copies/", "/me/requests/", "/me/delete/", "/me/deactivate/", "/me/restriction/", "/me/report/", "/me/disclosures/", "/me/recipients/", "/rights/",
           "/privacy/")
"""Whoever came for their rights is not shown something else first."""


def told(account_id: UUID) -> list[dict[str, Any]]:
    """The disclosures that the person was told of, the newest first, each as they were told last. Needs the person's scope."""
    rows = ToldDisclosure.objects.filter(account_id=account_id).select_related("organization").order_by("disclosure", "-number").distinct("disclosure")
    return [{"row": row, "country": countries.name(row.country), "asked": [CATEGORIES[key] for key in row.categories if key in CATEGORIES],
        "given": [CATEGORIES[key] for key in row.given if key in CATEGORIES]}
            for row in sorted(rows, key=lambda row: row.told_at, reverse=True)]


@login_required
def disclosures(request: HttpRequest) -> HttpResponse:
    """Who asked the person's organizations for data about them, and what they got."""
    with tenancy.installation("disclosures of which the person was told"):
        return render(request, "me/disclosures.html", {"rows": told(request.user.id)})  # type: ignore[arg-type]


@login_required
def recipients(request: HttpRequest) -> HttpResponse:
    """Who answers for the person's data in each organization, who gets it from there, and whether somebody else will answer for it."""
    with tenancy.installation("recipients of the person's own organizations"):
        return render(request, "me/recipients.html", {"places": places(request.user.id)})  # type: ignore[arg-type]


def places(account_id: UUID) -> list[dict[str, Any]]:
    """Of each organization that the person is or was in: controller, recipients, and an announced change. Needs a reach that sees them."""
    organizations = [m.organization for m in Membership.objects.filter(account_id=account_id).exclude(status="invited").select_related("organization").order_by("organization__name")]
    controllers = {row.organization_id: row for row in Controller.objects.filter(organization__in=organizations)}
    coming = {row.organization_id: row for row in BusinessTransfer.objects.filter(organization__in=organizations, state=BusinessTransfer.State.ANNOUNCED)}
    return [{"organization": one, "controller": controllers.get(one.id, Controller()), "country": countries.name(controllers[one.id].country) if one.id in controllers else "",
             "recipients": receiving.listed(one.id), "coming": coming.get(one.id), "coming_from": countries.name(coming[one.id].country) if one.id in coming else ""} for one in organizations]


def coming(account_id: UUID) -> list[tuple[Organization, BusinessTransfer]]:
    """Announced changes of controllers of the person's organizations."""
    with tenancy.installation("what is announced to the person"):
        rows = BusinessTransfer.objects.filter(state=BusinessTransfer.State.ANNOUNCED, organization__in=Membership.objects.filter(account_id=account_id).exclude(status__in=("invited",
            "removed")).values("organization_id"))
        return [(row.organization, row) for row in rows.select_related("organization").order_by("goes_on")]


def first(request: HttpRequest, address: str) -> str:
    """Where somebody who has just signed in goes: to notices that are new to them, once; otherwise, and whenever they came for their rights, to where they were going."""
    if address.startswith(_RIGHTS):
        return address
    with tenancy.installation("notices that are new to whoever signs in"):
        new = notices.unseen(request.user)
    return f"{reverse('me-new-notices')}?{urlencode({'next': address})}" if new else address


@login_required
def new_notices(request: HttpRequest) -> HttpResponse:
    """Notices that changed since the person was here last. They go on whether or not they confirm; it is shown once."""
    wanted = request.POST.get("next") or request.GET.get("next", "")
    onward = wanted if wanted.startswith("/") and url_has_allowed_host_and_scheme(wanted, allowed_hosts=None) else reverse("home")
    with tenancy.installation("notices that are new to the person"):
        if request.method == "POST":
            notices.confirm(actor=myself(request), notices=_ids(request.POST.getlist("notice")), now=timezone.now())
            return redirect(onward)
        new = notices.unseen(request.user)  # type: ignore[arg-type]
        notices.shown(request.user, new, now=timezone.now())  # type: ignore[arg-type]
    if not new:
        return redirect(onward)
    return render(request, "me/new_notices.html", {"onward": onward, "new": [(one, [named(slug, {}) for slug in one.came], [named(slug, {}) for slug in one.went]) for one in new]})


def _ids(words: list[str]) -> list[UUID]:
    found = []
    for word in words[:50]:
        try:
            found.append(UUID(word))
        except ValueError:
            continue
    return found


def privacy(request: HttpRequest) -> HttpResponse:
    """The installation's privacy notice: the version that holds, or any other by its number, with what changed. Everybody may read it."""
    versions, number = notices.archive(), request.GET.get("version", "")
    held = notices.in_effect(timezone.now())
    row: PrivacyNotice | None = next((one for one in versions if str(one.number) == number), None) if number else held
    if number and row is None:
        raise Http404
    before = next((one for one in versions if row is not None and one.number < row.number), None)
    return render(request, "privacy_notice.html", {
        "row": row, "held": held, "versions": versions, "before": before, "lines": notices.difference(before.text, row.text) if row and before else [],
        "coming": versions[0] if versions and held and versions[0].number > held.number else None})
