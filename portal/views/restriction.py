"""Restriction of use: the person's page, and what administrators see of somebody whose data may only be stored (policy B7, RIGHTS 3e)."""
from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import access, door, purposes, tenancy
from accounts.models import GroupMembership, Management, Membership
from accounts.people import Person, load_people, veiled
from accounts.reasons import NotFound, Refused, StepUpNeeded, text
from dsar.powers import restrict_own_use, restrict_use
from dsar.restriction import life, parts
from dsar.restriction.model import Restriction
from portal.powers import POWERS
from portal.standing import Use
from portal.surfaces.page import querydict
from portal.views.stepup import ask, kept, proof_of


@login_required
def mine(request: HttpRequest) -> HttpResponse:
    """Each organization of the person, whether it may use what it holds, and the way to change that."""
    form, chosen, refused, status = restrict_own_use.AskForm(), "", "", 200
    if request.method == "POST" or kept(request):
        data = request.POST if request.method == "POST" else querydict(kept(request) or {})
        membership = _chosen(request, data.get("membership", ""))
        chosen, power = str(membership.id), restrict_own_use.END if data.get("do") == "end" else restrict_own_use.POWER
        form = power.form(data)
        if request.method == "POST" and form.is_valid():
            try:
                _perform(request, power, membership, form.cleaned_data, data.get("key", "")[:100])
            except StepUpNeeded as needed:
                return ask(request, needed.tier)
            except Refused as refusal:
                refused = text(refusal.codes[0])
            else:
                begun = _("%(organization)s may only store this, from now on.") if form.cleaned_data.get("what") else _("%(organization)s may only store what it holds about you, from now on.")
                messages.success(request, begun % {"organization": membership.organization.name} if power is restrict_own_use.POWER else _("The restriction has ended."))
                return redirect("me-restriction")
        status = 422 if request.method == "POST" else 200
        form = form if power is restrict_own_use.POWER else restrict_own_use.AskForm()
    return render(request, "me/restriction.html", {"rows": _mine(request), "form": form, "chosen": chosen, "refused": refused, "key": uuid4(), "purposes": _purposes()}, status=status)


def _mine(request: HttpRequest) -> list[dict[str, Any]]:
    with tenancy.installation("where the use of the person's own data is restricted"):
        members = list(Membership.objects.filter(account=request.user).exclude(status__in=("removed", "invited")).select_related("organization", "account").order_by("organization__name"))
        rows = list(Restriction.objects.filter(account=request.user).order_by("-began_at"))
        groups = list(GroupMembership.objects.filter(membership__in=members).select_related("group"))
        managed = set(Management.objects.filter(account=request.user).values_list("organization_id", flat=True))
        called = parts.names(rows)
    found = []
    for member in members:
        own = [row for row in rows if row.organization_id == member.organization_id]
        person = Person(account=member.account, membership=member, management=Management() if member.organization_id in managed else None)
        person.extra |= {"groups": [row for row in groups if row.membership_id == member.id], "restriction": next((row for row in own if row.in_force and not row.what), None),
                         "parts": [row for row in own if row.in_force and row.what]}
        found.append({"member": member, "now": [Use(row, called) for row in own if row.in_force], "past": [Use(row, called) for row in own if not row.in_force][:5],
                      "whole": person.extra["restriction"] is not None,
                      "offered": parts.offered(person)})
    return found


def parts_of(person: Person) -> list[Use]:
    """Which parts of what is held about a member may only be stored, for whoever may lift that. Which group it is stands where it is lifted. Needs the scope."""
    assert person.membership is not None
    return [Use(row) for row in life.parts_of(organization_id=person.membership.organization_id, account_id=person.account.id)]


def _purposes() -> dict[str, list[Any]]:
    return {"on": [purposes.PURPOSES[name] for name in purposes.ALWAYS], "off": [purposes.PURPOSES[name] for name in purposes.FREED]}


def _chosen(request: HttpRequest, membership_id: str) -> Membership:
    try:
        wanted = UUID(membership_id)
    except ValueError:
        raise NotFound from None
    with tenancy.installation("a membership of the person who acts"):
        found = Membership.objects.select_related("organization").filter(id=wanted, account=request.user).exclude(status__in=("removed", "invited")).first()
    if found is None:
        raise NotFound
    return found


def _perform(request: HttpRequest, power: Any, membership: Membership, data: Any, key: str) -> None:
    """As the member themselves. It is a right, so it is theirs too while the organization has closed everything else to them."""
    tenancy.set_request_scope(org=membership.organization_id, account=request.user.id, purpose=purposes.OWN)
    try:
        found = access.standing(account_id=request.user.id, organization_id=membership.organization_id)
        assert found is not None
        actor = access.actor_in(found, proof=proof_of(request), session_id=request.steward_session.id)  # type: ignore[attr-defined]
        door.perform(power=power, actor=actor, ids=[membership.id], data=data, now=timezone.now(), key=key or None)
    finally:
        tenancy.set_request_scope(org=None, account=request.user.id, purpose=purposes.OWN)


def person(request: HttpRequest, person_id: UUID) -> HttpResponse:
    """Somebody whose data may only be stored: that they are there, since when and why, and what is still possible."""
    actor = request.actor  # type: ignore[attr-defined]
    found = load_people(organization_id=actor.organization_id, ids=[person_id], lock=False)[0]
    now, row = timezone.now(), life.open_for(organization_id=actor.organization_id, account_id=found.account.id)
    possible = [{"power": power, "allowed": True, "reasons": [], "direct": power.ladder == 0 and not power.form.base_fields} for power in POWERS
                if power.over == "member" and actor.may(power.permission) and not power.code.startswith(("own.", "token.")) and purposes.of_power(power.slug) in purposes.ALWAYS
                and not door.capability(power=power, actor=actor, person=found, now=now)]
    return render(request, "people/restricted.html", {
        "person": veiled(found), "shown": Use(row) if row else None,
        "capabilities": [one for one in possible if not one["power"].danger], "dangers": [one for one in possible if one["power"].danger],
        "key": uuid4(), "purposes": _purposes(), "may_request": actor.may(restrict_use.LIFT.permission)})
