"""The person's page about their data and their rights: who manages the account and what they did, what is held, each right and how it stands (policy B)."""
from __future__ import annotations

from itertools import groupby

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from accounts import tenancy
from accounts.models import Management
from dsar import holding
from dsar.datamap.kinds import PURPOSES
from dsar.holds.models import HoldNotice
from dsar.retention import outlook
from dsar.retention.outlook import Outlook
from portal import my_rights, standing, who
from portal.views import my_registers

LATEST = 3


@login_required
def index(request: HttpRequest) -> HttpResponse:
    """Everything at a glance; each part leads to the page that has the whole of it."""
    now = timezone.now()
    with tenancy.installation("who manages the person's own account"):
        management = Management.objects.filter(account=request.user).select_related("organization").first()
    members, found = who.memberships(request.user.id), holding.held(request.user.id)
    places, resting = my_rights.places(members, management, now=now), standing.of(request.user, members)
    return render(request, "me/privacy.html", {
        "management": management, "acts": who.acts(request.user.id, size=LATEST)[0], "cards": my_rights.cards(request.user, places, resting=resting, now=now), "places": places, "resting": resting,
        "coming": my_registers.coming(request.user.id), "complaints": my_rights.complaints(places), "connected": my_rights.connected(members),
        "held": _held(found, outlook.of_person(request.user.id, now=now)),
        "told_of_holds": any(one.count for one in found if one.unit.table == HoldNotice._meta.db_table)})


def _held(found: list[holding.Held], own: dict[str, list[Outlook]]) -> list[dict[str, object]]:
    """By purpose: how many records, of which kinds, and until when; purposes for which nothing is held are said to have none."""
    found = sorted(found, key=lambda one: list(PURPOSES).index(one.unit.purpose))
    return [_row(key, list(rows), own) for key, rows in groupby(found, key=lambda one: one.unit.purpose)]


def _row(purpose: str, rows: list[holding.Held], own: dict[str, list[Outlook]]) -> dict[str, object]:
    there = [one for one in rows if one.count]
    return {"purpose": PURPOSES[purpose], "count": sum(min(one.count, holding.MOST) for one in there), "more": any(one.more for one in there), "kinds": [one.unit.title for one in there],
            "keeping": list({one.keeping.title: None for one in there}), "own": [(one.unit.title, own[one.unit.table]) for one in there if one.unit.table in own]}
