"""Groups of people: the list, one group with its people, and bringing in many by their addresses."""
from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from accounts import administrators, door, listing_query
from accounts.actor import Actor
from accounts.addresses import address_key
from accounts.models import Group, GroupService, Membership
from accounts.people import load_addressed
from accounts.power import Plan
from accounts.powers import BY_SLUG
from accounts.powers.forms import StrictForm
from accounts.powers.grouping import reaches
from accounts.reasons import NotFound, Refused, Stale, StepUpNeeded, text
from portal import services_shown as shown
from portal.organization import enter
from portal.views.people import reached
from portal.views.stepup import ask, kept

POWER = BY_SLUG["add-to-group"]
LIMIT = 1_000
"""Addresses of one paste."""


def index(request: HttpRequest, slug: str) -> HttpResponse:
    """The groups, with how many people each has, the role it carries, and whose role is limited to it."""
    actor = enter(request, slug, permission="view_people")
    q = request.GET.get("q", "")[:100]
    rows, page = administrators.groups(actor=actor, q=q, cursor=request.GET.get("cursor", "")[:2000])
    return render(request, "groups/index.html", {"rows": rows, "page": page, "q": q, "may": actor.may("manage_groups") and actor.scope_groups is None})


def _load(actor: Actor, group_id: UUID) -> Group:
    """The group in the actor's organization, if their role reaches it."""
    found = Group.objects.filter(organization_id=actor.organization_id, id=group_id).select_related("role").first()
    if found is None or not reaches(actor, group_id):
        raise NotFound
    return found


def detail(request: HttpRequest, slug: str, group_id: UUID) -> HttpResponse:
    """One group: who is in it, what it gives them, what may be done with it."""
    actor = enter(request, slug, permission="view_people")
    group = _load(actor, group_id)
    want = listing_query.Wanted(q=request.GET.get("q", "")[:200], cursor=request.GET.get("cursor", "")[:2000], size=50)
    found = listing_query.page(organization_id=group.organization_id, want=want, groups=frozenset({group.id}))
    programs = Membership.objects.filter(group_memberships__group=group, account__kind="service").select_related("account").order_by("list_name")[:50]
    scoping = Membership.objects.filter(organization_id=group.organization_id, role_scope__contains=[group.id]).exclude(status="removed").select_related("account", "role")
    return render(request, "groups/detail.html", {
        "group": group, "people": found, "q": want.q, "size": group.members.count(), "whole": actor.scope_groups is None,
        "may": actor.may("manage_groups"), "may_role": actor.may("manage_roles"), "may_services": actor.may("manage_apps"),
        "services": [{"service": one.service, "level": shown.level(one.state)} for one in GroupService.objects.filter(group=group).select_related("service").order_by("service__name")],
        "programs": programs, "scoping": scoping.order_by("list_name")[:50]})


class PasteForm(StrictForm):
    addresses = forms.CharField(
        label=gettext_lazy("E-mail addresses"), max_length=300_000, widget=forms.Textarea(attrs={"rows": 8, "autocomplete": "off", "spellcheck": "false"}),
        help_text=gettext_lazy("One on each line, or separated by commas; up to 1,000. Only people who are in the organization already can join a group."))

    def clean_addresses(self) -> list[str]:
        found = {address_key(word): word for word in re.split(r"[\s,;]+", self.cleaned_data["addresses"]) if word}
        if len(found) > LIMIT:
            raise forms.ValidationError(_("These are more than 1,000 addresses. Paste them in parts."), code="too_many")
        if any(len(word) > 320 for word in found):
            raise forms.ValidationError(_("One of these is too long to be an address."), code="too_long")
        return list(found.values())


@dataclass
class Paste:
    """What would become of each address."""

    plan: Plan | None = None
    rows: list[dict[str, Any]] = field(default_factory=list)

    @property
    def joining(self) -> int:
        return sum(1 for row in self.rows if row["joins"])


def add(request: HttpRequest, slug: str, group_id: UUID) -> HttpResponse:
    """Paste addresses, look at what would become of each, confirm."""
    actor = enter(request, slug, permission=POWER.permission)
    group = _load(actor, group_id)
    resumed = kept(request)
    form = PasteForm(request.POST if request.method == "POST" else {"addresses": "\n".join(resumed.get("addresses", []))} if resumed else None)
    context: dict[str, Any] = {"group": group, "form": form, "limit": LIMIT}
    if not form.is_bound or not form.is_valid():
        return render(request, "groups/add.html", context, status=422 if form.is_bound else 200)
    paste = _look(actor, group, form.cleaned_data["addresses"])
    if request.method == "POST" and "confirm" in request.POST and paste.plan is not None:
        try:
            receipt = door.perform(power=POWER, actor=actor, ids=[v.target.id for v in paste.plan.verdicts], data={"group": str(group.id)}, now=timezone.now(),
                                   digest=request.POST.get("digest", ""), partial=True)
        except StepUpNeeded as needed:
            return ask(request, needed.tier)
        except Stale:
            context["blockers"] = [text("stale")]
        except Refused as refusal:
            context["blockers"] = [text(code) for code in refusal.codes]
        else:
            n = len(receipt.targets)
            messages.success(request, ngettext("%(n)d person joined the group.", "%(n)d people joined the group.", n) % {"n": n})
            return redirect("group", slug, group.id)
        paste = _look(actor, group, form.cleaned_data["addresses"])
    status = 412 if context.get("blockers") else 200
    return render(request, "groups/add.html", {**context, "paste": paste, "step_up": paste.plan.step_up if paste.plan else 0}, status=status)


def _look(actor: Actor, group: Group, addresses: list[str]) -> Paste:
    """A verdict for each address. Who is not here, and whom the actor's role does not reach, are answered alike."""
    here = {p.account.email_key: p for p in load_addressed(organization_id=group.organization_id, keys=[address_key(a) for a in addresses], lock=False)
            if reached(actor, p) and p.status != "removed"}
    ids = [person.id for person in here.values()]
    plan = door.plan(power=POWER, actor=actor, ids=ids, data={"group": str(group.id)}, now=timezone.now()) if ids else None
    verdicts = {v.target.id: v for v in plan.verdicts} if plan else {}
    rows = []
    for address in addresses:
        person = here.get(address_key(address))
        verdict = verdicts.get(person.id) if person else None
        if verdict is None:
            rows.append({"address": address, "name": "", "joins": False, "words": [_("Nobody with this address is in the organization.")]})
        else:
            already = verdict.reasons == ("nothing_to_change",)
            words = [_("Is in the group already.")] if already else verdict.reason_texts or [str(e.text) for e in verdict.effects]
            rows.append({"address": address, "name": verdict.target.label, "joins": verdict.allowed, "words": words})
    return Paste(plan=plan, rows=sorted(rows, key=lambda row: not row["joins"]))
