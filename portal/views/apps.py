"""Apps: what is installed, what waits for a decision, one app with what it does; the catalogue for everybody; and what apps hold of oneself (POWERS P5, policy A5, B8)."""
from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts import door, policy, tenancy
from accounts.catalogue import life, listing
from accounts.models import AppDelivery
from accounts.powers.apps import PERMISSION
from accounts.reasons import NotFound, Refused, StepUpNeeded, text
from portal import streams
from portal.organization import enter, myself
from portal.powers import BY_SLUG
from portal.surfaces.page import querydict
from portal.views.stepup import ask, kept

BADGES = {
    "installed": ("ok", "ok", gettext_lazy("Installed")), "suspended": ("warn", "pause", gettext_lazy("Suspended")), "approved": ("info", "ok", gettext_lazy("Approved")),
    "needs_review": ("warn", "inbox", gettext_lazy("Needs review")), "in_review": ("info", "clock", gettext_lazy("In review")), "denied": ("", "x", gettext_lazy("Denied")),
    "blocked": ("bad", "lock", gettext_lazy("Blocked")), "withdrawn": ("", "off", gettext_lazy("Request withdrawn")), "offered": ("", "info", gettext_lazy("Offered")),
    "withdrawn_offer": ("", "off", gettext_lazy("Not offered any more")),
}
WHY = {"uninstalled": gettext_lazy("removed"), "blocked": gettext_lazy("blocked"), "expired": gettext_lazy("its time was over"), "withdrawn": gettext_lazy("you took it back"),
       "replaced": gettext_lazy("you allowed something else")}


def index(request: HttpRequest, slug: str) -> HttpResponse:
    """Every app of the catalogue, as it stands in this organization."""
    actor = enter(request, slug, permission=PERMISSION)
    assert actor.organization_id is not None
    rows = listing.listed(actor.organization_id)
    return render(request, "apps/index.html", {
        "rows": [{"one": one, "badge": BADGES[one.state], "pending": len(one.installation.pending_scopes) if one.installation else 0} for one in rows],
        "policy": life.POLICIES[policy.of(actor.organization_id).app_policy], "waiting": sum(_waits(one) for one in rows), "tab": "apps"})


def _waits(one: listing.Listed) -> bool:
    return one.review is not None and one.review.state in life.WAITING


def queue(request: HttpRequest, slug: str) -> HttpResponse:
    """What people ask for: what most ask for comes first."""
    actor = enter(request, slug, permission=PERMISSION)
    assert actor.organization_id is not None
    rows = listing.queue(actor.organization_id)
    asking = listing.requests(actor.organization_id, [one.app.id for one in rows])
    return render(request, "apps/queue.html", {
        "rows": [{"one": one, "badge": BADGES[one.state], "asking": asking.get(one.app.id, []), "scopes": listing.words(one.app.scopes)} for one in rows], "waiting": len(rows), "tab": "queue"})


def detail(request: HttpRequest, slug: str, app_id: UUID) -> HttpResponse:
    """One app: who provides it, what it may do, who uses it, what it called, and what can be done about it."""
    actor = enter(request, slug, permission=PERMISSION)
    assert actor.organization_id is not None
    found = listing.detail(actor.organization_id, app_id)
    if found is None:
        raise NotFound
    one = found.listed
    row = one.installation
    return render(request, "apps/detail.html", {
        "found": found, "one": one, "app": one.app, "row": row, "badge": BADGES[one.state], "scopes": listing.words(row.scopes if row else one.app.scopes),
        "pending": listing.words(row.pending_scopes) if row else [], "held": listing.held(one.app), "places": listing.places(one.app), "acts": _acts(one),
        "deliveries": [{"row": event, "said": _delivery(event)} for event in found.deliveries], "more": max(found.people - len(found.grants), 0), "may_see": actor.may("view_people"),
        "before": [(past, WHY.get(past.ended_why, past.ended_why)) for past in found.before]})


def _delivery(row: AppDelivery) -> str:
    return streams.error(row.last_error, row.last_status) if row.last_error else ""


def _acts(one: listing.Listed) -> list[tuple[str, Any, str]]:
    """What can be done with the app now: the power, its words, and how the button looks."""
    state, row = one.state, one.installation
    found: list[str] = []
    if row is not None:
        found = [*(["approve-app-scopes", "refuse-app-scopes"] if row.pending_scopes else []), "suspend-app" if row.state == "active" else "resume-app", "renew-app-secret", "uninstall-app"]
    else:
        found = [*(["review-app"] if state == "needs_review" else []), *(["install-app"] if state in {"approved", "offered", "withdrawn"} and one.app.state == "offered" else [])]
    found += [*(["approve-app"] if state != "approved" else []), *(["deny-app"] if row is None and state not in {"denied", "blocked"} else []), *(["block-app"] if state != "blocked" else [])]
    if one.app.organization_id is not None:
        found += ["change-app", *(["withdraw-app"] if one.app.state == "offered" else [])]
    return [(slug, BY_SLUG[slug].button, "danger" if BY_SLUG[slug].danger else "") for slug in found]


def catalogue(request: HttpRequest, slug: str) -> HttpResponse:
    """The apps that there are, for everybody: what is installed, what can be asked for."""
    actor = enter(request, slug)
    assert actor.organization_id is not None
    chosen = policy.of(actor.organization_id).app_policy
    rows, now = listing.listed(actor.organization_id, account_id=actor.account_id), timezone.now()
    return render(request, "apps/catalogue.html", {"rows": [
        {"one": one, "badge": BADGES[one.state], "scopes": listing.words(one.app.scopes, to_person=True), "held": listing.held(one.app), "places": listing.places(one.app),
         "askable": not one.mine and one.installation is None and not list(life.why_not_ask(chosen, one.app, one.review, now))} for one in rows if one.state != "blocked"]})


_OWN = {"withdraw": "withdraw-app-grant", "object": "object-app"}


@login_required
def mine(request: HttpRequest) -> HttpResponse:
    """Which apps hold data about oneself, why, what each may do, since when; and the ways to end it."""
    status, refused = 200, ""
    data = request.POST if request.method == "POST" else querydict(kept(request) or {})
    if request.method == "POST":
        power = BY_SLUG.get(_OWN.get(data.get("do", ""), ""))
        if power is None:
            raise NotFound
        form = power.form(data)
        if form.is_valid():
            try:
                door.perform(power=power, actor=myself(request), data=form.cleaned_data, now=timezone.now(), key=data.get("key", "")[:100] or None)
            except StepUpNeeded as needed:
                return ask(request, needed.tier)
            except Refused as refusal:
                refused = text(refusal.codes[0])
            else:
                if power.slug == "withdraw-app-grant":
                    messages.success(request, _("It can do nothing more in your name."))
                    return redirect("me-apps")
                messages.success(request, _("Your objection was sent. It stands among your requests, with the date by which you are answered."))
                return redirect("me-requests")
        status, refused = 422, refused or _("That could not be read. Check what you typed.")
    with tenancy.installation("apps of the person's own organizations"):
        now, past = listing.mine(request.user.id)  # type: ignore[arg-type]
    return render(request, "me/apps.html", {"now": [_shown(one) for one in now], "past": [_shown(one) for one in past], "key": uuid4(), "refused": refused, "chosen": data.get("app", ""),
                                            "words": data.get("message", "")}, status=status)


def _shown(one: listing.Mine) -> dict[str, Any]:
    """One app in words."""
    row, grant = one.installation, one.grant
    return {"row": row, "app": row.app, "organization": row.organization, "grant": grant if grant is not None and grant.ended_at is None else None, "was": grant,
            "allowed": listing.words(grant.scopes, to_person=True) if grant else [], "beside": listing.words(one.by_organization), "held": listing.held(row.app), "places": listing.places(row.app),
            "why": WHY.get(row.ended_why if row.state == "ended" else grant.ended_why if grant else "", "")}
