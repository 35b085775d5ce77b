"""The rights door: a form for whoever cannot sign in, a link that works once, and one page."""
from __future__ import annotations

from uuid import UUID

from allauth.core.ratelimit import consume
from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts import deletions, own_deactivation, own_deletion, rights
from accounts.addresses import address_key
from accounts.models import Account, Deletion
from accounts.powers.forms import GROUNDS, StrictForm
from accounts.reasons import NotFound, Refused, text
from accounts.tenancy import installation
from dsar.cases import fetching, mailbox
from dsar.cases.models import ASKABLE, Letters
from portal.jobs import wake
from portal.views import copies, errors

COOKIE, PATH = "steward_rights", "/rights/"


class AddressForm(StrictForm):
    email = forms.EmailField(label=gettext_lazy("E-mail address of your account"), max_length=254, widget=forms.EmailInput(attrs={"autocomplete": "email"}))


def ask(request: HttpRequest) -> HttpResponse:
    """Anybody may type any address: the answer is the same, and what follows goes to the mailbox."""
    form = AddressForm(request.POST) if request.method == "POST" else AddressForm()
    if request.method == "POST" and form.is_valid():
        if not consume(request, action="rights_link", key=address_key(form.cleaned_data["email"])):
            return errors.too_many(request)
        rights.ask(address=form.cleaned_data["email"], now=timezone.now())
        wake()
        return redirect("rights-sent")
    return render(request, "rights/ask.html", {"form": form}, status=422 if form.is_bound else 200)


def sent(request: HttpRequest) -> HttpResponse:
    return render(request, "rights/sent.html", {})


def link(request: HttpRequest, token: str) -> HttpResponse:
    """The link of the mail. Opening it changes nothing; the button uses it up."""
    now = timezone.now()
    if request.method == "POST":
        try:
            secret = rights.begin(token=token, now=now)
        except NotFound:
            return _over(request)
        response = redirect("rights")
        response.set_cookie(COOKIE, secret, max_age=int(rights.VISIT_LIVES.total_seconds()), path=PATH, httponly=True, samesite="Lax", secure=settings.SESSION_COOKIE_SECURE)
        return response
    return render(request, "rights/link.html", {}) if rights.behind_link(token=token, now=now) else _over(request)


def _over(request: HttpRequest) -> HttpResponse:
    return errors._page(request, 404, _("This link is no longer valid"), _("It was used, or it is older than half an hour. Ask for a new one."))


def page(request: HttpRequest) -> HttpResponseBase:
    """What is closed, why, until when, whom to ask; and what the person can ask for."""
    account = _person(request)
    if account is None:
        return redirect("rights-ask")
    if request.method == "POST":
        return _done(request, account)
    grounds, deletion = dict(GROUNDS), rights.own_deletion(account)
    return render(request, "rights/page.html", {
        "account": account, "may_come_back": own_deactivation.own(account),
        "places": [(place, grounds.get(place.reason, ""), mailbox.of(account, now=timezone.now(), organization=place.organization)) for place in rights.places(account)],
        "rights": ASKABLE, "letters": Letters.choices, "deletion": deletion, "waits": own_deletion.waits(deletion or _anybodys(account)),
        "visit": not request.user.is_authenticated, })


def _anybodys(account: Account) -> Deletion | None:
    """The deletion of the account that somebody else decided on."""
    with installation("a person's own account"):
        return deletions.shown(account_id=account.id) if account.status == "pending_deletion" else None


def _person(request: HttpRequest) -> Account | None:
    """Whoever came by the link; or whoever is signed in, to whom an organization is closed."""
    if request.user.is_authenticated:
        return request.user
    return rights.visitor(secret=request.COOKIES.get(COOKIE, ""), now=timezone.now())


def _done(request: HttpRequest, account: Account) -> HttpResponseBase:
    what, now = request.POST.get("do", ""), timezone.now()
    if what == "close":
        rights.end(secret=request.COOKIES.get(COOKIE, ""))
        response = redirect("rights-ask")
        response.delete_cookie(COOKIE, path=PATH)
        return response
    try:
        if what == "fetch":
            return copies.answer(*fetching.fetch(account=account, case_id=_id(request.POST.get("request", "")), code=request.POST.get("code", "")[:40], actor=mailbox.by(account), now=now))
        if what == "cancel":
            rights.cancel_deletion(account_id=account.id, now=now)
            messages.success(request, _("The deletion is cancelled. Your account is again what it was before."))
        elif what == "come-back":
            own_deactivation.switch_on(account_id=account.id, now=now, method="mail_link")
            messages.success(request, _("Your account is on again. Sign in to use it."))
        elif what == "ask" and not request.user.is_authenticated:  # whoever is signed in asks on their own pages, where it is known better that it is them
            case = mailbox.ask(account=account, organization_id=_id(request.POST.get("organization", "")), right=request.POST.get("right", ""), words=request.POST.get("words", "")[:2000], now=now)
            wake()
            messages.success(request, _("Your request is written down as %(reference)s. The organization answers by mail, and here.") % {"reference": case.reference})
        else:
            mailbox.do(account=account, case_id=_id(request.POST.get("request", "")), event=what, words=request.POST.get("words", "")[:2000], now=now)
            wake()
            messages.success(request, _("Done. It stands below, under what happened."))
    except Refused as refusal:
        messages.info(request, text(refusal.codes[0]))
    return redirect("rights")


def _id(value: str) -> UUID:
    try:
        return UUID(value)
    except ValueError:
        raise NotFound from None

