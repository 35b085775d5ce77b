"""The person's side of a transfer of their account: how it stands, objecting, and taking the account themselves."""
from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import door
from accounts.powers import BY_SLUG
from accounts.reasons import NotFound, Refused, Stale, StepUpNeeded, text
from accounts.transfers import leaving
from portal import transfers
from portal.organization import myself
from portal.surfaces.page import querydict
from portal.views import errors
from portal.views.stepup import ask, kept

_ANSWERS = {"object": "object-to-transfer", "leave": "take-own-account"}


@login_required
def mine(request: HttpRequest) -> HttpResponse:
    """The newest transfer in plain words, and what the person can do about it."""
    forms = {name: BY_SLUG[slug].form() for name, slug in _ANSWERS.items()}
    refused, status = "", 200
    if resumed := kept(request):
        forms["leave"] = BY_SLUG["take-own-account"].form(querydict(resumed))
    if request.method == "POST":
        name = request.POST.get("answer", "")
        if name not in _ANSWERS:
            raise NotFound
        power, status = BY_SLUG[_ANSWERS[name]], 422
        form = forms[name] = power.form(request.POST)
        if form.is_valid():
            try:
                door.perform(power=power, actor=myself(request), data=form.cleaned_data, now=timezone.now())
                messages.success(request, _("A link is on its way to your new address. Open it and confirm there.") if name == "leave" else _("Recorded. Your account is not handed over."))
                return redirect("me-transfer")
            except StepUpNeeded as needed:
                return ask(request, needed.tier)
            except (Refused, Stale) as error:
                refused = text(error.codes[0] if isinstance(error, Refused) else "stale")
    return render(request, "me/transfer.html", {"found": transfers.mine(request.user.id), "forms": forms, "refused": refused}, status=status)  # type: ignore[arg-type]


def leave(request: HttpRequest, token: str) -> HttpResponse:
    """The link in the new mailbox. Opening it changes nothing; confirming gives the account its new address, and nobody manages it."""
    row, refused = leaving.found(token), ""
    if row is None:
        return _over(request)
    if request.method == "POST":
        try:
            if not leaving.confirm(token, now=timezone.now()):
                return _over(request)
            messages.success(request, _("Your account is your own. Sign in with your new address."))
            return redirect("me-transfer" if request.user.is_authenticated else "account_login")
        except Refused as refusal:
            refused = text(refusal.codes[0])
    return render(request, "me/transfer_leave.html", {"row": row, "refused": refused}, status=422 if refused else 200)


def _over(request: HttpRequest) -> HttpResponse:
    return errors._page(request, 404, _("This link is no longer valid"), _("It was used, another one was sent after it, or the account was handed over or kept. Sign in to see how it stands."))
