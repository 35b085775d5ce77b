"""The person's page about what is held about them: a walk over the data map (policy B1, D5)."""
from __future__ import annotations

from itertools import groupby

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from dsar import holding
from dsar.datamap import STORES
from dsar.datamap.kinds import KEEPING, PURPOSES, RECIPIENTS, SOURCES
from dsar.retention import telling
from dsar.retention.models import RetentionRule


@login_required
def index(request: HttpRequest) -> HttpResponse:
    """Every kind of data with its count, why it is there, where it comes from, who sees it and how long it stays; what is not there is said as 0."""
    own = telling.of_person(request.user.id, now=timezone.now())
    found = sorted(holding.held(request.user.id), key=lambda one: list(PURPOSES).index(one.unit.purpose))
    purposes = [{"purpose": PURPOSES[key], "rows": [_row(one, own) for one in rows]} for key, rows in groupby(found, key=lambda one: one.unit.purpose)]
    stores = [{"store": store, "purpose": PURPOSES[store.purpose], "keeping": KEEPING[store.keeping]} for store in STORES if store.category]
    return render(request, "me/data.html", {"purposes": purposes, "stores": stores})


def _row(one: holding.Held, own: list[tuple[str, list[RetentionRule]]]) -> dict[str, object]:
    unit = one.unit
    return {"held": one, "title": unit.title, "most": holding.MOST,
            "own": telling.about(unit, own), "source": [SOURCES[word] for word in unit.source], "recipients": [RECIPIENTS[word] for word in unit.recipients]}
