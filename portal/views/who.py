"""The person's page about others: who may do what to their account, and what was done (policy B14)."""
from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from accounts.reasons import NotFound
from portal import transfers, who
from portal.views.me import about_me


@login_required
def index(request: HttpRequest) -> HttpResponse:
    """Every organization that has a hold on the person, with its powers in words, and the list of what others did to them."""
    cursor = request.GET.get("cursor", "")
    try:
        acts, older = who.acts(request.user.id, cursor=cursor)
    except who.LostPlace:
        raise NotFound from None
    known = who.memberships(request.user.id)
    return render(request, "me/who.html", {"transfer": found if (found := transfers.mine(request.user.id)) and found.open else None, "scheduled": about_me(request.user.id),
                                           "holds": who.holds(request.user.id, known=known), "rows": acts, "page": {"next": older, "previous": ""}, "later": bool(cursor), "past": who.past(known)})
