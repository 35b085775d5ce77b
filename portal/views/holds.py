"""Legal holds: matters, what each hold keeps and lets wait; and the page on which people read of a hold that was disclosed to them."""
from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import door, tenancy
from accounts.actor import Actor
from accounts.models import Account, Group, Plan, Service
from accounts.reasons import NotFound, Refused, text
from dsar.datamap.kinds import CATEGORIES
from dsar.holds import keeping, people
from dsar.holds.models import HoldNotice, LegalHold
from dsar.powers import acknowledge_hold, legal_holds
from dsar.powers.legal_hold_forms import keys, short, title
from dsar.powers.matters import number
from portal.organization import enter, myself

PERMISSION = "manage_holds"
SHOWN = 200
"""Matters, or people of a hold, on one page."""


def index(request: HttpRequest, slug: str) -> HttpResponse:
    """Every matter that the viewer may know of, those that are open first, with its holds."""
    actor = enter(request, slug, permission=PERMISSION)
    assert actor.organization_id is not None
    rows = sorted(people.matters(actor.organization_id, actor.account_id).order_by("-opened_at")[:SHOWN], key=lambda one: one.closed_at is not None)
    holds = list(people.visible(actor.organization_id, actor.account_id).filter(matter__in=rows).order_by("-placed_at"))
    return render(request, "holds/index.html", {
        "rows": [{"matter": one, "in_force": sum(hold.matter_id == one.id and hold.released_at is None for hold in holds), "holds": sum(hold.matter_id == one.id for hold in holds)} for one in rows],
        "unconfirmed": [{"hold": one, "number": short(one.id)} for one in holds if one.confirmed_at is None and one.released_at is None], "viewer": actor.account_id,
        "audit_holds": reverse("audit-retention", args=[slug]) if actor.may("view_audit") else ""})


def matter(request: HttpRequest, slug: str, matter_id: UUID) -> HttpResponse:
    """One matter and its holds."""
    actor = enter(request, slug, permission=PERMISSION)
    assert actor.organization_id is not None
    row = people.matters(actor.organization_id, actor.account_id).filter(id=matter_id).first()
    if row is None:
        raise NotFound
    holds = list(people.visible(actor.organization_id, actor.account_id).filter(matter=row).order_by("-placed_at"))
    counts = keeping.several(actor.organization_id, holds)
    return render(request, "holds/matter.html", {"matter": row, "holds": [{"hold": one, "number": short(one.id), "people": counts[one.id]} for one in holds],
                                                 "in_force": any(one.released_at is None for one in holds)})


def load(actor: Actor, hold_id: UUID) -> LegalHold:
    """The hold, if the viewer may know of it."""
    assert actor.organization_id is not None
    row = people.visible(actor.organization_id, actor.account_id).filter(id=hold_id).first()
    if row is None:
        raise NotFound
    return row


def hold(request: HttpRequest, slug: str, hold_id: UUID) -> HttpResponse:
    """One hold: its people, what it keeps of them now, and what waits for it."""
    actor = enter(request, slug, permission=PERMISSION)
    row = load(actor, hold_id)
    held = people.accounts(row.organization_id, row.id)
    notices = {one.account_id: one for one in HoldNotice.objects.filter(hold=row)}
    let_go = people.custodies(row.organization_id, hold=row.id, in_force=False).exclude(released_at=None).count()
    spaces = [*Group.objects.filter(id__in=row.groups).values_list("name", flat=True), *Service.objects.filter(id__in=row.services).values_list("name", flat=True)]
    names = _names([row.placed_by, row.confirmed_by, *row.released_by])
    return render(request, "holds/hold.html", {
        "hold": row, "number": short(row.id), "people": [{"account": one, "notice": notices.get(one.id)} for one in held[:SHOWN]], "more": max(len(held) - SHOWN, 0), "let_go": let_go,
        "kept": keeping.counted(row) if row.released_at is None else [], "waiting": keeping.waiting(row), "spaces": spaces,
        "categories": [CATEGORIES[key] for key in row.categories if key in CATEGORIES],
        "placed_by": names.get(row.placed_by), "confirmed_by": names.get(row.confirmed_by),
        "released_by": [names[one] for one in row.released_by if one in names], "mine": row.placed_by == actor.account_id})


def planned(plan: Plan, actor: Actor) -> dict[str, Any] | None:
    """What a plan about a hold is about, for whoever manages holds and may know of this one; None for everybody else."""
    wanted = number(plan.data.get("hold")) if plan.power in {legal_holds.RELEASE.slug, legal_holds.LET_GO.slug} and actor.may(PERMISSION) else None
    row = people.visible(plan.organization_id, actor.account_id).filter(id=wanted).first() if wanted else None
    if row is None:
        return None
    going = people.named(plan.organization_id, keys(plan.data.get("custodians")))[0]
    return {"hold": row, "title": title(row), "people": list(Account.objects.filter(id__in=going).order_by("name", "id")[:SHOWN]), "ground": plan.data.get("ground", "")}


def _names(ids: list[UUID | None]) -> dict[UUID | None, str]:
    return {account.id: account.name or account.email for account in Account.objects.filter(id__in={one for one in ids if one})}


@login_required
def mine(request: HttpRequest) -> HttpResponse:
    """The holds that the person was told of, and the way to say that they read it. Of others nothing is here, and nothing says that there are none."""
    if request.method == "POST":
        try:
            door.perform(power=acknowledge_hold.POWER, actor=myself(request), data={"notice": request.POST.get("notice", "")[:36]}, now=timezone.now(), key=request.POST.get("key", "")[:100] or None)
            messages.success(request, _("Thank you. The organization sees that you read it."))
        except Refused as refusal:
            messages.info(request, text(refusal.codes[0]))
        return redirect("me-holds")
    return render(request, "me/holds.html", {"rows": notices_of(request.user.id), "key": uuid4()})


def notices_of(account_id: UUID) -> list[HoldNotice]:
    """What the person was told, the newest first."""
    with tenancy.installation("a person's own notices of holds"):
        return list(HoldNotice.objects.filter(account_id=account_id).select_related("hold", "organization").order_by("-told_at")[:50])

