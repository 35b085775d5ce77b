"""Succession: the administrators' page, the page of whoever is named or asked, recovery with codes, and the link that stops it."""
from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import door
from accounts.models import SuccessionCase, Successor
from accounts.models.succession import CaseState, Way
from accounts.powers import BY_SLUG
from accounts.powers.ownership import offered
from accounts.reasons import Refused, Stale, text
from accounts.roles import OWNER_RANK
from accounts.succession import stopping
from portal import succession
from portal.organization import enter
from portal.views import errors
from portal.views.stepup import ask

PERMISSION = "manage_settings"


def index(request: HttpRequest, slug: str) -> HttpResponse:
    """Who would follow, how old the codes are, what is under way and what was."""
    actor = enter(request, slug, permission=PERMISSION)
    found = succession.of(request.organization, now=timezone.now())  # type: ignore[attr-defined]
    return render(request, "succession/index.html", {"found": found, "owner": actor.rank >= OWNER_RANK, "tab": "succession"})


def mine(request: HttpRequest, slug: str) -> HttpResponse:
    """For every member: whether one is named, whether ownership is offered, what was begun with codes."""
    actor, now = enter(request, slug), timezone.now()
    assert actor.organization_id is not None
    cases = SuccessionCase.objects.filter(organization_id=actor.organization_id, person=actor.membership_id)
    return render(request, "succession/mine.html", {
        "offer": offered(actor.organization_id, actor.membership_id, now=now), "named": Successor.objects.filter(organization_id=actor.organization_id, membership_id=actor.membership_id).first(),
        "waiting": cases.filter(state=CaseState.WAITING).first(), "accepted": cases.filter(state=CaseState.ACCEPTED).first(),
        "proposed": cases.filter(way=Way.OPERATOR, state=CaseState.WAITING).first(), "owner": actor.rank >= OWNER_RANK})


def recovery(request: HttpRequest, slug: str) -> HttpResponse:
    """Presenting two codes. The person proves who they are before anything is typed, so that no session keeps a code."""
    actor, power, now = enter(request, slug), BY_SLUG["present-recovery-codes"], timezone.now()
    if actor.tier(now) < 2:
        request.method = "GET"  # what was typed is not kept for after the proof
        return ask(request, 2)
    plan = door.plan(power=power, actor=actor, data={}, now=now)
    form, blockers, status = power.form(), plan.verdicts[0].reason_texts, 200
    if request.method == "POST" and not blockers:
        form = power.form(request.POST)
        status = 422
        if form.is_valid():
            try:
                door.perform(power=power, actor=actor, data=form.cleaned_data, now=now)
            except Refused as refusal:
                blockers = [text(code) for code in refusal.codes]
            except Stale:
                blockers, status = [text("stale")], 412
            else:
                return redirect("my-succession", slug)
            form = power.form()  # codes are never sent back
    return render(request, "succession/recovery.html", {"power": power, "form": form, "effects": plan.verdicts[0].effects, "blockers": blockers, "possible": plan.verdicts[0].allowed}, status=status)


@login_required
def keep(request: HttpRequest, token: str) -> HttpResponse:
    """The link in a mail to an owner. Opening it changes nothing; the button stops everything that is under way."""
    case = stopping.found(token, account_id=request.user.id)
    if case is None:
        return errors._page(request, 404, _("This link is no longer valid"), _("It is over already, the link was for somebody else, or it is too old."))
    if request.method != "POST":
        return render(request, "succession/keep.html", {"case": case})
    if not stopping.stop(case_id=case.id, account=request.user, now=timezone.now()):
        return errors._page(request, 410, _("It is too late"), _("It ended while you were looking at it. Sign in to your organization to see how."))
    return errors._page(request, 200, _("It is stopped"), _("Nobody becomes an owner by it. Set up a second factor if you have lost yours, so that it does not begin again."))
