"""The person's side of a claim: the notice, readable by its link alone, and the three answers of whoever is signed in."""
from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import door
from accounts.claims import leaving
from accounts.powers import BY_SLUG
from accounts.reasons import NotFound, Refused, Stale, StepUpNeeded, text
from portal import claims
from portal.organization import myself
from portal.surfaces.page import querydict
from portal.views import errors
from portal.views.stepup import ask, kept

_ANSWERS = {"accept": "accept-claim", "object": "object-to-claim", "leave": "leave-claim"}


@login_required
def index(request: HttpRequest) -> HttpResponse:
    """Who has claimed the person's account, and what became of it."""
    return render(request, "me/claims.html", {"rows": claims.mine(request.user.id)})


@login_required
def detail(request: HttpRequest, row_id: UUID) -> HttpResponse:
    """One claim in plain words, and the person's answer to it."""
    found = next(iter(claims.mine(request.user.id, row_id)), None)
    if found is None:
        raise NotFound
    forms = {name: BY_SLUG[slug].form() for name, slug in _ANSWERS.items()}
    refused, status = "", 200
    resumed = kept(request)
    if resumed:
        forms["leave"] = BY_SLUG["leave-claim"].form(querydict(resumed))
    if request.method == "POST":
        name = request.POST.get("answer", "")
        if name not in _ANSWERS:
            raise NotFound
        power, status = BY_SLUG[_ANSWERS[name]], 422
        form = forms[name] = power.form({**request.POST.dict(), "claim": str(row_id)})
        if form.is_valid():
            try:
                door.perform(power=power, actor=myself(request), data=form.cleaned_data, now=timezone.now())
                messages.success(request, _("A link is on its way to your new address. Open it and confirm there.") if name == "leave" else _("Your answer is recorded."))
                return redirect("me-claim", row_id)
            except StepUpNeeded as needed:
                return ask(request, needed.tier)
            except (Refused, Stale) as error:
                refused = text(error.codes[0] if isinstance(error, Refused) else "stale")
                found = claims.mine(request.user.id, row_id)[0]
    return render(request, "me/claim.html", {"found": found, "forms": forms, "powers": claims.control(found.version), "refused": refused, "signed_in": True}, status=status)


def notice(request: HttpRequest, token: str) -> HttpResponse:
    """The notice that a mail leads to: whoever has the link may read it; answering needs signing in."""
    row = leaving.noticed(token)
    if row is None:
        return _over(request)
    if request.user.is_authenticated and request.user.id == row.account_id:
        return redirect("me-claim", row.id)
    found = claims.own(row)
    return render(request, "me/claim.html", {"found": found, "powers": claims.control(found.version), "signed_in": False})


def leave(request: HttpRequest, token: str) -> HttpResponse:
    """The link in the new mailbox. Opening it changes nothing; confirming gives the account its new address."""
    row, refused = leaving.found(token), ""
    if row is None:
        return _over(request)
    if request.method == "POST":
        try:
            if not leaving.confirm(token, now=timezone.now()):
                return _over(request)
            return render(request, "me/claim_left.html", {"organization": row.organization.name, "address": row.leaving_address})
        except Refused as refusal:
            refused = text(refusal.codes[0])
    return render(request, "me/claim_leave.html", {"found": claims.Own(row), "refused": refused}, status=422 if refused else 200)


def _over(request: HttpRequest) -> HttpResponse:
    return errors._page(request, 404, _("This link is no longer valid"), _("It was used, another one was sent after it, or the claim has taken effect or ended. Sign in to see how it stands."))
