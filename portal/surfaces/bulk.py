"""The bulk surface: from a choice in the people list to a plan of many. It only translates; `accounts.bulk` freezes and judges."""
from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import bulk, listing_query
from accounts.actor import Actor
from accounts.power import Power
from accounts.reasons import Refused, text
from portal.jobs import wake
from portal.organization import enter
from portal.powers import POWERS, form_for

MANY = tuple(power for power in POWERS if power.bulk and power.over == "member")
PAGE_LIMIT = 500
"""Ids that one form may carry; whoever wants more acts on all that match a filter."""


def offered(actor: Actor) -> list[Power]:
    """The powers that this actor may use on many people at once."""
    return [power for power in MANY if actor.may(power.permission)]


def choose(request: HttpRequest, slug: str) -> HttpResponse:
    """What to do with the people who were ticked, or with all that match: first the power, then its form, then a plan to look at."""
    actor = enter(request, slug, permission="view_people")
    if request.method != "POST" or not offered(actor):
        return redirect("people", slug)
    ids, query = _chosen(request)
    if not ids and query is None:
        messages.warning(request, _("Tick at least one person first."))
        return redirect("people", slug)
    power = next((p for p in offered(actor) if p.slug == request.POST.get("power")), None)
    context: dict[str, Any] = {"ids": ids, "query": query, "power": power, "powers": offered(actor)}
    if power is None:
        return render(request, "people/bulk.html", context)
    if not power.form.base_fields or "go" in request.POST:
        form = form_for(power, request.organization, actor, request.POST)
        if form.is_valid():
            return _freeze(request, slug, actor, power, form.cleaned_data, ids, query, context | {"form": form})
        return render(request, "people/bulk.html", context | {"form": form}, status=422)
    return render(request, "people/bulk.html", context | {"form": form_for(power, request.organization, actor)})


def _chosen(request: HttpRequest) -> tuple[list[UUID], str | None]:
    """The ids that were ticked, or the filter when all that match it are meant. Nonsense among the ids counts for nothing."""
    if request.POST.get("scope") == "filter":
        return [], request.POST.get("query", "")[:2000]
    found = []
    for given in request.POST.getlist("ids")[:PAGE_LIMIT]:
        try:
            found.append(UUID(given))
        except ValueError:
            continue
    return list(dict.fromkeys(found)), None


def _freeze(request: HttpRequest, slug: str, actor: Actor, power: Power, data: dict[str, Any], ids: list[UUID], query: str | None, context: dict[str, Any]) -> HttpResponse:
    wanted = None if query is None else listing_query.wanted({key: values[-1] for key, values in parse_qs(query).items()})
    try:
        plan = bulk.freeze(power=power, actor=actor, data=data, now=timezone.now(), ids=None if wanted else ids, wanted=wanted)
    except Refused as refusal:
        return render(request, "people/bulk.html", context | {"blockers": [text(code) for code in refusal.codes]}, status=422)
    if plan.state == "preparing":
        wake("many")
    return redirect("job", slug, plan.id)
