"""E-mail addresses: the person's own page, the pages behind the mailed links, and the organization's queue of requests."""
from __future__ import annotations

from typing import Any
from uuid import uuid4

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts import door
from accounts.emails import steps
from accounts.models import Management
from accounts.models.address import ChangeKind, ChangeState
from accounts.people import load_self
from accounts.powers import BY_SLUG
from accounts.reasons import NotFound, Refused, text
from portal import addresses
from portal.organization import enter, myself
from portal.surfaces.page import querydict
from portal.views import errors
from portal.views.stepup import kept

PERMISSION = "change_email"
OWN = ("change-own-email", "withdraw-own-email-change", "set-recovery-address", "drop-recovery-address")
SAID = {"change-own-email": gettext_lazy("A link was sent to the new mailbox. It works for 72 hours."), "withdraw-own-email-change": gettext_lazy("Withdrawn. Your address stays as it is."),
        "set-recovery-address": gettext_lazy("A link was sent to that mailbox. It works for 72 hours."), "drop-recovery-address": gettext_lazy("The recovery address was removed.")}


@login_required
def mine(request: HttpRequest) -> HttpResponse:
    """The address the person signs in with, what is under way, and the recovery address."""
    actor, resumed = myself(request), kept(request)
    sent = request.POST if request.method == "POST" else querydict(resumed) if resumed else None
    chosen = BY_SLUG[sent["act"]] if sent is not None and sent.get("act") in OWN else None
    refused, bound = "", {}
    if sent is not None and chosen is not None:
        bound[chosen.slug] = form = chosen.form(sent, auto_id=f"id_{chosen.slug}_%s")
        if request.method == "POST" and form.is_valid():
            try:
                door.perform(power=chosen, actor=actor, data=form.cleaned_data, now=timezone.now())
                messages.success(request, str(SAID[chosen.slug]))
                return redirect("me-email")
            except Refused as refusal:
                refused = text(refusal.codes[0])
    pending, recovery, earlier = addresses.mine(load_self(account_id=request.user.id, lock=False)[0].account)
    failed = request.method == "POST"
    return render(request, "me/email.html", {
        "pending": pending, "recovery": recovery, "earlier": earlier, "refused": refused, "refused_act": chosen.slug if chosen else "", "now": timezone.now(), "key": uuid4(),
        "mine": pending is not None and pending.row.kind == ChangeKind.PERSON,
        "management": Management.objects.filter(account=request.user).select_related("organization").first(),
        "change": _form("change-own-email", bound), "set": _form("set-recovery-address", bound), "form": next(iter(bound.values()), None)}, status=422 if failed else 200)


def _form(slug: str, bound: dict[str, Any]) -> Any:
    return bound.get(slug) or BY_SLUG[slug].form(auto_id=f"id_{slug}_%s")


def confirm(request: HttpRequest, word: str) -> HttpResponse:
    """The link in the new mailbox. Opening it changes nothing; the button does."""
    found = steps.seen(word, "confirm", now=timezone.now())
    if found is None:
        return _over(request)
    if request.method != "POST":
        return render(request, "address/confirm.html", {"row": found, "recovery": found.kind == ChangeKind.RECOVERY})
    try:
        row = steps.confirm(word, now=timezone.now())
    except NotFound:
        return _over(request)
    except Refused as refusal:
        return errors._page(request, 409, _("This address cannot be confirmed now"), text(refusal.codes[0]))
    return render(request, "address/done.html", {"row": row, "waits": row.state == ChangeState.WAITING, "recovery": row.kind == ChangeKind.RECOVERY, "undone": False})


def undo(request: HttpRequest, word: str) -> HttpResponse:
    """The link in the old mailbox: for seven days the address can be taken back, once."""
    found = steps.seen(word, "undo", now=timezone.now())
    if found is None:
        return _over(request)
    if request.method != "POST":
        return render(request, "address/undo.html", {"row": found})
    try:
        row = steps.undo(word, now=timezone.now())
    except NotFound:
        return _over(request)
    except Refused as refusal:
        return errors._page(request, 409, _("This cannot be undone now"), text(refusal.codes[0]))
    return render(request, "address/done.html", {"row": row, "waits": False, "recovery": False, "undone": True})


def _over(request: HttpRequest) -> HttpResponse:
    return errors._page(request, 404, _("This link is no longer valid"), _("It was used, its time is over, or what it was about has ended. Nothing was changed."))


def queue(request: HttpRequest, slug: str) -> HttpResponse:
    """What people of the organization ask for, and what became of it."""
    actor = enter(request, slug, permission=PERMISSION)
    found = addresses.queue(actor)
    return render(request, "people/email_changes.html", {"waiting": [one for one in found if one.waits], "sent": [one for one in found if one.row.state == ChangeState.REQUESTED],
                                                         "ended": [one for one in found if not one.under_way]})
