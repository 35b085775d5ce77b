"""What is scheduled in the organization: the list, with the way to take each back or move it."""
from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from accounts.actor import Actor
from accounts.reasons import text
from accounts.schedules import listing
from accounts.schedules.acts import CONTRACT
from portal import rows
from portal.organization import enter
from portal.powers import FALLS_DUE

KINDS = tuple(power for power in FALLS_DUE.values() if power.schedulable or power.slug == CONTRACT)


def index(request: HttpRequest, slug: str) -> HttpResponse:
    """What happens next, and to whom."""
    actor = enter(request, slug, permission="view_people")
    kinds = {power.slug: power.title for power in KINDS}
    power = request.GET.get("power", "")
    power = power if power in kinds else ""
    found, page = listing.page(actor=actor, power=power, cursor=request.GET.get("cursor", "")[:2000])
    return render(request, "scheduled/index.html", {"rows": [shown(one, actor) for one in found], "page": page, "kinds": rows.options(kinds.items(), power), "power": power})


def shown(one: listing.Scheduled, actor: Actor) -> dict[str, Any]:
    """A scheduled act as pages show it."""
    power = FALLS_DUE[one.plan.power]
    may = actor.membership_id != one.person.id and ((one.plan.requested_by == actor.membership_id and not one.plan.automatic) or actor.may(power.permission))
    return {"plan": one.plan, "person": one.person, "by": one.by, "power": power, "may": may, "waits_for": [text(code) for code in one.waits_for]}
