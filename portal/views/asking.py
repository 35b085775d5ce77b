"""Asking without a session: a form for anybody, a code from the mailbox, and the page on which one request is followed (RIGHTS 3d, 3g)."""
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
from django.views.decorators.http import require_http_methods

from accounts.addresses import address_key
from accounts.models import Account
from accounts.powers.forms import StrictForm
from accounts.reasons import NotFound, Refused, text
from dsar.cases import agents, children, fetching, inquiries, mailbox
from dsar.cases import words as wordings
from dsar.cases.models import ASKABLE, Letters
from portal.jobs import wake
from portal.views import copies, errors

COOKIE, PATH = "steward_asked", "/rights/"


def _address() -> forms.EmailField:
    return forms.EmailField(label=gettext_lazy("Your e-mail address"), max_length=254, widget=forms.EmailInput(attrs={"autocomplete": "email"}), help_text=gettext_lazy("A code goes to this mailbox."))


class RequestForm(StrictForm):
    email = _address()
    organization = forms.CharField(label=gettext_lazy("Organization"), max_length=120, required=False, help_text=gettext_lazy("Its name as you know it. Leave it empty if you know only one here."))
    right = forms.ChoiceField(label=gettext_lazy("What you ask for"), choices=ASKABLE)
    words = forms.CharField(label=gettext_lazy("Your words to them"), max_length=2000, required=False, widget=forms.Textarea(attrs={"rows": 4}),
                            help_text=gettext_lazy("Optional. Do not send copies of documents."))


class AgentForm(StrictForm):
    """For whoever acts for somebody else."""

    agent_name = forms.CharField(label=gettext_lazy("Your name"), max_length=80, widget=forms.TextInput(attrs={"autocomplete": "name"}))
    agent_email = forms.EmailField(label=gettext_lazy("Your e-mail address"), max_length=254, widget=forms.EmailInput(attrs={"autocomplete": "email"}))
    authority = forms.ChoiceField(label=gettext_lazy("On what ground you act for them"), choices=agents.AUTHORITIES, help_text=gettext_lazy("Do not send copies of documents."))
    email = forms.EmailField(label=gettext_lazy("E-mail address of the person you act for"), max_length=254, widget=forms.EmailInput(attrs={"autocomplete": "off"}),
                             help_text=gettext_lazy("A code goes to this mailbox. They give it to you if they agree."))
    organization = forms.CharField(label=gettext_lazy("Organization"), max_length=120, required=False, help_text=gettext_lazy("Its name as you know it. Leave it empty if they are in one only."))
    right = forms.ChoiceField(label=gettext_lazy("What you ask for, in their name"), choices=wordings.ASKED_FOR)
    words = forms.CharField(label=gettext_lazy("Your words to the organization"), max_length=2000, required=False, widget=forms.Textarea(attrs={"rows": 4}),
                            help_text=gettext_lazy("Optional. Do not send copies of documents."))
    letters = forms.ChoiceField(label=gettext_lazy("Where letters about it go"), help_text=gettext_lazy("The person sees this before they agree. Data go to the person alone."),
                                choices=[("both", gettext_lazy("To both of us")), ("agent", gettext_lazy("To me")), ("person", gettext_lazy("To the person alone"))])

    def clean_agent_name(self) -> str:
        return agents.clean_name(self.cleaned_data["agent_name"])


class LookForm(StrictForm):
    reference = forms.CharField(label=gettext_lazy("Reference"), max_length=12, help_text=gettext_lazy("It stands in the receipt, such as R-7KQM-2XWP."))
    email = _address()


class CodeForm(StrictForm):
    code = forms.CharField(label=gettext_lazy("Code from the mail"), max_length=20, widget=forms.TextInput(attrs={"autocomplete": "one-time-code", "spellcheck": "false"}))


def new(request: HttpRequest) -> HttpResponse:
    """Anybody writes a request for an address. Whoever it is, the answer is the same."""
    return _written(request, RequestForm(request.POST) if request.method == "POST" else RequestForm(), "rights/request.html")


def agent(request: HttpRequest) -> HttpResponse:
    """Somebody asks for somebody else: nothing comes of it unless the person hands on the code that their own mailbox gets."""
    return _written(request, AgentForm(request.POST) if request.method == "POST" else AgentForm(), "rights/agent.html")


@require_http_methods(["GET", "HEAD", "POST"])
def agent_mailbox(request: HttpRequest, word: str) -> HttpResponse:
    """Whoever acts for somebody says that the mailbox is theirs. Opening the page changes nothing, as mail programs open links by themselves; and it shows nothing about anybody."""
    row = agents.behind(word)
    if row is not None and request.method == "POST":
        try:
            agents.confirm_mailbox(word, now=timezone.now())
        except NotFound:  # ended at this moment
            row = None
        else:
            wake()
            return redirect("agent-mailbox", word)
    if row is None:
        return errors._page(request, 404, _("This link is no longer valid"), _("It is not complete, or no letters are to go to this mailbox any more. Whoever you act for can say more."))
    return render(request, "rights/agent_mailbox.html", {"done": row.mailbox_confirmed_at is not None})


def status(request: HttpRequest) -> HttpResponseBase:
    """The request that this browser follows; or the form that asks for its reference."""
    secret, now = request.COOKIES.get(COOKIE, ""), timezone.now()
    followed = inquiries.visited(secret=secret, now=now)
    if followed is None:
        return _written(request, LookForm(request.POST) if request.method == "POST" and "do" not in request.POST else LookForm(), "rights/status.html")
    if request.method == "POST":
        return _done(request, *followed)
    found = mailbox.of(followed[0], now=now, id=followed[1])
    return render(request, "rights/status.html", {"one": found[0] if found else None, "visit": True, "letters": Letters.choices})


class ChildForm(StrictForm):
    email = forms.EmailField(label=gettext_lazy("E-mail address of the account"), max_length=254, widget=forms.EmailInput(attrs={"autocomplete": "off"}),
                             help_text=gettext_lazy("No mail from us tells you about it."))
    words = forms.CharField(label=gettext_lazy("How you know"), max_length=1000, required=False, widget=forms.Textarea(attrs={"rows": 3}),
                            help_text=gettext_lazy("Optional. Whoever looks at it reads it: the organization, or whoever runs this installation."
                                                   " Send no documents, and nothing about yourself that you would not tell them."))


def child(request: HttpRequest) -> HttpResponse:
    """Anybody reports that an account is a child's. Whoever is named, the answer is the same."""
    form = ChildForm(request.POST) if request.method == "POST" else ChildForm()
    if form.is_bound and form.is_valid():
        if not consume(request, action="child_report", key=address_key(form.cleaned_data["email"])):
            return errors.too_many(request)
        children.write(email=form.cleaned_data["email"], words=form.cleaned_data["words"], now=timezone.now())
        wake()
        return redirect("rights-child-sent")
    return render(request, "rights/child.html", {"form": form}, status=422 if form.is_bound else 200)


def child_sent(request: HttpRequest) -> HttpResponse:
    return render(request, "rights/child_sent.html", {})


def _written(request: HttpRequest, form: StrictForm, template: str) -> HttpResponse:
    if form.is_bound and form.is_valid():
        if not consume(request, action="rights_request", key=address_key(form.cleaned_data["email"])):
            return errors.too_many(request)
        secret = inquiries.write(said=form.cleaned_data, now=timezone.now())
        wake()
        response = redirect("rights-code")
        lives = int((inquiries.CODE_LIVES + inquiries.VISIT_LIVES).total_seconds())
        response.set_cookie(COOKIE, secret, max_age=lives, path=PATH, httponly=True, samesite="Lax", secure=settings.SESSION_COOKIE_SECURE)
        return response
    return render(request, template, {"form": form}, status=422 if form.is_bound else 200)


def code(request: HttpRequest) -> HttpResponse:
    """The code from the mailbox. A wrong one, an old one and one for an address that nobody has are answered alike."""
    form = CodeForm(request.POST) if request.method == "POST" else CodeForm()
    if form.is_bound and form.is_valid():
        if not consume(request, action="rights_code"):
            return errors.too_many(request)
        try:
            case = inquiries.prove(secret=request.COOKIES.get(COOKIE, ""), code=form.cleaned_data["code"], now=timezone.now())
        except inquiries.Wrong:
            form.add_error("code", forms.ValidationError(_("This code is not right, or not valid any more. It works for ten minutes and five tries; then ask anew."), code="wrong"))
        except Refused as refusal:
            form.add_error(None, forms.ValidationError(text(refusal.codes[0]), code=refusal.codes[0]))
        else:
            wake()
            messages.success(request, _("Your request is %(reference)s. Keep this reference: with it and your mailbox you find this page again.") % {"reference": case.reference})
            return redirect("rights-status")
    return render(request, "rights/code.html", {"form": form}, status=422 if form.is_bound else 200)


def _done(request: HttpRequest, account: Account, case_id: UUID) -> HttpResponseBase:
    """Withdraw, answer or disagree; fetch a copy; or close the page."""
    what = request.POST.get("do", "")
    if what == "close":
        inquiries.end(secret=request.COOKIES.get(COOKIE, ""))
        response = redirect("rights-status")
        response.delete_cookie(COOKIE, path=PATH)
        return response
    try:
        if what == "fetch":
            return copies.answer(*fetching.fetch(account=account, case_id=case_id, code=request.POST.get("code", "")[:40], actor=mailbox.by(account), now=timezone.now()))
        mailbox.do(account=account, case_id=case_id, event=what, words=request.POST.get("words", "")[:2000], now=timezone.now())
        wake()
        messages.success(request, _("Done. It stands below, under what happened."))
    except Refused as refusal:
        messages.info(request, text(refusal.codes[0]))
    return redirect("rights-status")
