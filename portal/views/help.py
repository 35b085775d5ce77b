"""Help: what each power does, generated from the powers, so that it says the same as the pages and stays true."""
from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import listing_query
from accounts.power import Power
from accounts.reasons import NotFound, text
from portal import explained
from portal.organization import enter
from portal.powers import BY_SLUG


def index(request: HttpRequest, slug: str) -> HttpResponse:
    """Every power in a line, searchable; and what the acts that end access have in common and where they differ."""
    enter(request, slug)
    q = request.GET.get("q", "").strip()[:200]
    words = listing_query.tokens(q)
    groups = [(title, [p for p in powers if _fits(words, p)]) for title, powers in explained.groups_of_powers()] if words or not q else []
    rows, compared = explained.comparison(request.organization, timezone.now())  # type: ignore[attr-defined]
    return render(request, "help/index.html", {
        "groups": [(title, powers) for title, powers in groups if powers], "q": q, "found": sum(len(powers) for _title, powers in groups), "rows": rows, "compared": compared,
        "sample": {"sessions": explained.SESSIONS, "tokens": explained.TOKENS, "services": explained.SERVICES, "invitations": explained.INVITATIONS}})


def _fits(words: list[str], power: Power) -> bool:
    held = " ".join(str(t) for t in (power.title, power.button, power.does, power.does_not, power.code, power.slug)).lower()
    return all(word in held for word in words)


def power(request: HttpRequest, slug: str, power_slug: str) -> HttpResponse:
    """One power: who may use it, what it needs, what follows from it."""
    actor = enter(request, slug)
    if power_slug not in BY_SLUG:
        raise NotFound
    found, organization, now = BY_SLUG[power_slug], request.organization, timezone.now()  # type: ignore[attr-defined]
    name = actor.name or actor.email
    return render(request, "help/power.html", {
        "power": found, "roles": explained.roles_for(found, organization), "permission": explained.permission(found), "may": actor.may(found.permission), "proof": explained.proof(found),
        "second": explained.second_person(found), "undo": BY_SLUG.get(found.undo), "notice": explained.notice(found, organization=organization, actor=name, now=now),
        "recorded": explained.recorded(found, actor=name, target=_("Sam Sample")), "refusals": [(code, text(code)) for code in explained.refusals(found)],
        "curl": explained.curl(found, organization), "command": explained.command(found, organization), "compared": found.slug in explained.COMPARED})
