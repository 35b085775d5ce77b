"""A person deletes their own account, or asks for it; and the page behind the link that takes it back."""
from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts import deletions, door, lately, own_deletion, tenancy
from accounts.addresses import address_key
from accounts.models import Deletion, Management, RightsRequest
from accounts.models.rights import RightsKind
from accounts.power import Plan
from accounts.powers import BY_SLUG
from accounts.reasons import NotFound, Refused, text
from dsar import holding
from dsar.datamap import STORES
from portal.organization import myself
from portal.surfaces.page import querydict
from portal.views import errors
from portal.views.stepup import kept

OWN = ("delete-own-account", "ask-own-deletion", "withdraw-own-deletion")
SETTLE = {
    "last_owner": gettext_lazy("You are the last owner who can sign in. Make somebody else an owner, or end the organization."),
    "sole_control": gettext_lazy("Somebody there is protected, and only you may act on them. Have another administrator named for them."),
    "on_hold": gettext_lazy("Something has to be kept for a legal reason. Ask the organization when that ends."),
}
"""What the person does about what stands in the way."""


@login_required
def mine(request: HttpRequest) -> HttpResponse:
    """What would go and what would stay, what stands in the way, and the button."""
    actor, resumed = myself(request), kept(request)
    sent = request.POST if request.method == "POST" else querydict(resumed) if resumed else None
    chosen = BY_SLUG[sent["act"]] if sent is not None and sent.get("act") in OWN else None
    management = Management.objects.filter(account=request.user).select_related("organization").first()
    plan = _plan("delete-own-account", actor)
    asks = "ask_first" in plan.verdicts[0].reasons
    form = BY_SLUG["ask-own-deletion"].form(sent if chosen is not None and chosen.slug == "ask-own-deletion" else None)
    wrong, refused, status = False, "", 200
    if request.method == "POST" and chosen is not None:
        bound = form if chosen.slug == "ask-own-deletion" else chosen.form({})
        wrong, status = chosen.slug == "delete-own-account" and address_key(request.POST.get("confirm", "")) != address_key(request.user.email), 422
        if not wrong and bound.is_valid():
            try:
                door.perform(power=chosen, actor=actor, data=bound.cleaned_data, now=timezone.now())
                return _done(request, chosen.slug)
            except Refused as refusal:
                refused = text(refusal.codes[0])
    return render(request, "me/delete.html", {
        "management": management, "asks": asks, "form": form, "wrong": wrong, "refused": refused, "effects": (_plan("ask-own-deletion", actor) if asks else plan).verdicts[0].effects,
        "obstacles": [(SETTLE.get(code) or text(code), organization) for code, organization in (own_deletion.in_the_way(request.user.id) if plan.verdicts[0].target.extra["blocked"] else ())],
        "rests": lately.until(request.user, timezone.now()),
        "directory": "managed_by_idp" in plan.verdicts[0].reasons, "requests": _requests(request), "stores": [store for store in STORES if store.category], **_preview(request)}, status=status)


def _plan(slug: str, actor: Any) -> Plan:
    return door.plan(power=BY_SLUG[slug], actor=actor, data={}, now=timezone.now())


def _requests(request: HttpRequest) -> list[RightsRequest]:
    """What the person asked before, the newest first."""
    with tenancy.installation("a person's own requests"):
        return list(RightsRequest.objects.filter(account=request.user, kind=RightsKind.ACCOUNT).select_related("organization").order_by("-asked_at")[:10])


def _preview(request: HttpRequest) -> dict[str, list[holding.Held]]:
    """What is held, by what becomes of it."""
    found = [one for one in holding.held(request.user.id) if one.count]
    return {name: [one for one in found if one.unit.erase == what] for name, what in (("goes", "delete"), ("emptied", "change"), ("stays", "keep"))}


def _done(request: HttpRequest, slug: str) -> HttpResponse:
    if slug == "delete-own-account":
        request.session.flush()
        return redirect("goodbye")
    messages.success(request, _("You asked. The answer comes by mail, and stands here.") if slug == "ask-own-deletion" else _("Withdrawn. Your account stays as it is."))
    return redirect("me-delete")


def goodbye(request: HttpRequest) -> HttpResponse:
    """What whoever deleted their account reads, when nobody is signed in any more."""
    return render(request, "me/goodbye.html", {})


def keep(request: HttpRequest, word: str) -> HttpResponse:
    """The link that takes a deletion back. Opening it changes nothing; the button does, once."""
    found = own_deletion.behind(word)
    if found is None:
        return _over(request)
    if request.method != "POST":
        return render(request, "me/keep.html", {"row": found[0], "waits": own_deletion.waits(_now(found[0]))})
    try:
        own_deletion.keep(word, now=timezone.now())
    except NotFound:
        return _over(request)
    except Refused as refusal:
        return errors._page(request, 409, _("It is too late"), text(refusal.codes[0]))
    messages.success(request, _("The deletion is cancelled. Your account is again what it was before. Sign in to use it."))
    return redirect("account_login")


def _now(row: Deletion) -> Deletion | None:
    """As it is to be told at this moment."""
    with tenancy.installation("a link names the deletion"):
        return deletions.shown(account_id=row.account_id)


def _over(request: HttpRequest) -> HttpResponse:
    return errors._page(request, 404, _("This link is no longer valid"),
                        _("It was used, the deletion was cancelled or has begun, or it was not you who asked for it. Your rights page says how it stands."))
