"""Every POST to a sign-in page is an act: one transaction, one entry, success or failure. Libraries write inside it."""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from allauth.account.internal.stagekit import get_pending_stage
from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import credentials, lately
from accounts.addresses import address_key
from accounts.models import Account, Management
from accounts.oauth import ending
from accounts.succession import guard, watch
from accounts.tenancy import installation
from audit import INSTALLATION, recording
from audit.record import ActorRef, EntryDraft, TargetRef

View = Callable[..., HttpResponse]
_REMOVALS = frozenset({"second_factor.app_removed", "second_factor.passkey_removed"})
_FACTOR_EVENTS = _REMOVALS | {"second_factor.app_added", "second_factor.passkey_added", "recovery_codes.made"}
_PASSWORD_EVENTS = frozenset({"account.password_changed", "account.password_reset"})


def recorded(view: View, event: str, *, also_get: bool = False) -> View:
    """Wrap a library's view: its writes happen inside an open act, and the entry says how it ended."""

    def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if request.method != "POST" and not also_get:
            return view(request, *args, **kwargs)
        now = timezone.now()
        if event in _REMOVALS and guard.needs_factor(account_id=request.user.id if request.user.is_authenticated else None):
            return _kept(request, event, now)
        before = request.user if request.user.is_authenticated else _named(request)
        password = before.password if before is not None else ""
        has_password = before is not None and before.has_usable_password()  # the first one is no change
        with transaction.atomic(), recording.opened(org=INSTALLATION, now=now) as act:
            browser = getattr(getattr(request, "steward_session", None), "id", None)
            response = view(request, *args, **kwargs)
            if event == "account.signed_out" and browser is not None:
                ending.end(browsers=[browser], now=now, why="signed_out")
            if hasattr(response, "render") and not response.is_rendered:
                response.render()
            who = request.user if request.user.is_authenticated else before
            outcome = "success" if _went_through(response, event) else "failure"
            if who is not None:
                who = Account.objects.filter(id=who.id).first()
            if who is not None and event in _PASSWORD_EVENTS and who.password != password and outcome == "success":
                credentials.password_changed(account_id=who.id, keep_session=request.session.session_key or "" if request.user.is_authenticated else "", now=now)
            if who is not None and outcome == "success" and (event in _FACTOR_EVENTS or (event in _PASSWORD_EVENTS and has_password and who.password != password)):
                lately.mark(account_id=who.id, now=now)
            if who is not None:
                credentials.reconcile(account_id=who.id)
            said = "account.first_step_passed" if event == "account.signed_in" and outcome == "success" and not request.user.is_authenticated else event
            act.write([_draft(event=said, who=who, request=request, outcome=outcome)])
        if said == "account.signed_in" and outcome == "success" and request.user.is_authenticated:
            watch.signed_in(account_id=request.user.id, now=timezone.now())
        return response

    return wrapped


def _kept(request: HttpRequest, event: str, now: datetime) -> HttpResponse:
    """The last second factor of an organization's last owner stays (guard rail 1). The attempt is recorded."""
    assert isinstance(request.user, Account)
    draft = _draft(event=event, who=request.user, request=request, outcome="denied")
    recording.refuse(replace(draft, reason_code="last_owner"), now=now)
    messages.error(request, _("You are the last owner of an organization, and this is your last second factor. Add another one first, or make somebody else an owner."))
    return redirect("mfa_index")


def _went_through(response: HttpResponse, event: str) -> bool:
    """A redirect is how these pages say yes; asking for a fresh proof first is a no."""
    if event in {"recovery_codes.viewed"}:
        return response.status_code == 200
    location = response.headers.get("Location", "")
    return response.status_code in {302, 303} and "/sign-in/again" not in location and not any(word in location for word in ("inactive", "/keep-account/", "/come-back/"))


def _named(request: HttpRequest) -> Account | None:
    """The account a signed-out form is about, by the address typed into it or by an unfinished sign-in or reset."""
    typed = request.POST.get("login") or request.POST.get("email") or ""
    if typed:
        return Account.objects.filter(email_key=address_key(typed)).first()
    stage = get_pending_stage(request)
    if stage and stage.login and stage.login.user:
        return stage.login.user
    reset = (request.resolver_match.kwargs if request.resolver_match else {}).get("uidb36")
    if reset:
        try:
            return Account.objects.filter(id=UUID(reset)).first()
        except ValueError:
            return None
    return None


def _draft(*, event: str, who: Account | None, request: HttpRequest, outcome: str) -> EntryDraft:
    signed_in = request.user.is_authenticated and who is not None
    actor = ActorRef(type="user", id=who.id, name=who.name, email=who.email) if signed_in else ActorRef(type="anonymous")
    targets = [TargetRef(type="person", id=who.id, label=who.name or who.email, subject=who.id)] if who else []
    return EntryDraft(org=log_of(who), action=event, category="sign_in", outcome=outcome, actor=actor, targets=targets, via="ui")


def log_of(who: Account | None) -> UUID:
    """The log of the organization that manages the account, else the installation's."""
    if who is None:
        return INSTALLATION
    with installation("the log of a person's own acts"):
        found = Management.objects.filter(account_id=who.id).values_list("organization_id", flat=True).first()
    return found or INSTALLATION
