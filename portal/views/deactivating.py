"""A person switches their own account off; and the page behind the link that switches it on again."""
from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import door, own_deactivation
from accounts.powers import BY_SLUG
from accounts.reasons import NotFound, Refused, StepUpNeeded, text
from portal.jobs import wake
from portal.organization import myself
from portal.views import errors
from portal.views.stepup import ask

SLUG = "deactivate-own-account"


@login_required
def mine(request: HttpRequest) -> HttpResponse:
    """What stops and what stays, what stands in the way, and the button."""
    actor, now, power, refused = myself(request), timezone.now(), BY_SLUG[SLUG], ""
    if request.method == "POST":
        try:
            door.perform(power=power, actor=actor, data={}, now=now)
        except StepUpNeeded as needed:
            return ask(request, needed.tier)
        except Refused as refusal:
            refused = text(refusal.codes[0])
        else:
            wake()
            request.session.flush()
            return redirect("away")
    verdict = door.plan(power=power, actor=actor, data={}, now=now).verdicts[0]
    return render(request, "me/deactivate.html", {"effects": verdict.effects, "reasons": verdict.reasons, "blocked": verdict.reason_texts, "refused": refused}, status=422 if refused else 200)


def away(request: HttpRequest) -> HttpResponse:
    """What whoever switched their account off reads, when nobody is signed in any more."""
    return render(request, "me/away.html", {})


def come_back(request: HttpRequest, word: str) -> HttpResponse:
    """The link that switches the account on. Opening it changes nothing; the button does, once."""
    if own_deactivation.behind(word) is None:
        return _over(request)
    if request.method != "POST":
        return render(request, "me/come_back.html", {})
    try:
        own_deactivation.come_back(word, now=timezone.now())
    except NotFound:
        return _over(request)
    wake()
    messages.success(request, _("Welcome back. Sign in to use your account."))
    return redirect("account_login")


def _over(request: HttpRequest) -> HttpResponse:
    return errors._page(request, 404, _("This link is no longer valid"), _("The account is on again, or somebody else decides about it now. Sign in, or see your rights page."))
