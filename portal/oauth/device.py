"""Signing in on a device that has no good keyboard: the device shows a code, the person types it here (RFC 8628)."""
from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from allauth.core.ratelimit import consume
from django import forms
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods
from oauth2_provider.models import DeviceGrant
from oauthlib.openid.connect.core.grant_types.base import GrantTypeBase

from accounts import access
from accounts.models import OAuthApplication, ProgramSession
from accounts.oauth import gate, sessions, usage
from accounts.oauth.validator import LIFETIME
from accounts.powers.forms import StrictForm
from accounts.tenancy import installation
from audit import recording
from portal.oauth import programs, proof
from portal.oauth.programs import Program
from portal.oauth.server import LARGEST, Answer, answered, fields, program, server
from portal.organization import myself
from portal.views import errors

MINUTES, SECONDS = 10, 5
"""How long a code can be typed, and how often the device may ask."""
_SIGNS = "BCDFGHJKLMNPQRSTVWXZ"


class CodeForm(StrictForm):
    code = forms.CharField(label=gettext_lazy("Code that the device shows"), max_length=20,
                           widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "characters", "spellcheck": "false"}))

    def clean_code(self) -> str:
        return "".join(sign for sign in self.cleaned_data["code"].upper() if sign.isalnum())


@csrf_exempt
def begin(request: HttpRequest) -> HttpResponse:
    """A device asks for a code to show."""
    try:
        with installation("a program names its organization"):
            given = fields(request)
            client = program(request, given)
            most = sessions.allowed(client)
            wanted = [name for name in dict.fromkeys(given.get("scope", "openid").split()) if name in most]
            if not wanted:
                raise Answer("invalid_scope", "None of these scopes is allowed to this program.")
            device_code, user_code = secrets.token_urlsafe(32), "".join(secrets.choice(_SIGNS) for _n in range(8))
            DeviceGrant.objects.create(client_id=client.client_id, device_code=sessions.digest(device_code), user_code=user_code, scope=" ".join(wanted), interval=SECONDS,
                                       expires=timezone.now() + timedelta(minutes=MINUTES))
    except Answer as answer:
        return answer.response()
    shown, page = f"{user_code[:4]}-{user_code[4:]}", sessions.issuer() + reverse("oauth-device")
    return answered({"device_code": device_code, "user_code": shown, "verification_uri": page, "verification_uri_complete": f"{page}?{urlencode({'code': shown})}",
                     "expires_in": MINUTES * 60, "interval": SECONDS})


begin.body_limit = LARGEST  # type: ignore[attr-defined]


@require_http_methods(["GET", "POST"])
def page(request: HttpRequest) -> HttpResponse:
    """The person types the code, sees who asks, and decides. A code that came in the address is shown, never taken without a look."""
    if not request.user.is_authenticated:
        return redirect(f"{reverse('account_login')}?{urlencode({'next': request.get_full_path()})}")
    form = CodeForm(request.POST) if request.method == "POST" else CodeForm(initial={"code": request.GET.get("code", "")[:20]})
    if request.method != "POST" or not form.is_valid():
        return render(request, "oauth/device.html", {"form": form}, status=422 if request.method == "POST" else 200)
    answer = request.POST.get("answer", "")
    if not consume(request, action="device_code", key=str(request.user.id)):  # also with an answer: whoever guesses codes would send one at once
        return errors.too_many(request)
    now = timezone.now()
    try:
        return _looked_up(request, form, answer, now=now)
    except _Shut as shut:
        return programs.refused(request, shut.program, myself(request), shut.standing, shut.code, now=now)


class _Shut(Exception):
    """The person may not use the program that the code belongs to."""

    def __init__(self, program: Program, standing: access.Standing | None, code: str) -> None:
        self.program, self.standing, self.code = program, standing, code
        super().__init__(code)


def _looked_up(request: HttpRequest, form: CodeForm, answer: str, *, now: datetime) -> HttpResponse:
    with transaction.atomic(), installation("a device's code names a program"):
        row = DeviceGrant.objects.select_for_update().filter(user_code=form.cleaned_data["code"], status=DeviceGrant.AUTHORIZATION_PENDING, user=None, expires__gt=now).first()
        client = OAuthApplication.objects.select_related("service", "installation").filter(client_id=row.client_id).first() if row else None
        if row is None or client is None:
            form.add_error("code", _("This code is not known, was used already, or is older than ten minutes. Look at the device again."))
            return render(request, "oauth/device.html", {"form": form}, status=422)
        return _decide(request, form, row, client, answer, now=now)


def _decide(request: HttpRequest, form: CodeForm, row: DeviceGrant, client: OAuthApplication, answer: str, *, now: datetime) -> HttpResponse:
    actor, scopes = myself(request), row.scope.split()
    shown = Program.of(client, account_id=request.user.id)
    look = gate.look(account_id=request.user.id, client=client, now=now)
    standing, code = look.standing, look.refusal
    if code not in {"", gate.NO_CONSENT} or standing is None:
        raise _Shut(shown, standing, code)
    programs.still_known(request, standing)
    if answer not in {"allow", "deny"}:
        return render(request, "oauth/consent.html", {"program": shown, "words": programs.words(scopes), "known": bool(shown.granted), "code": form.cleaned_data["code"]})
    with recording.opened(org=shown.organization.id, now=now) as act:
        if answer == "deny":
            DeviceGrant.objects.filter(id=row.id).update(status=DeviceGrant.DENIED)
            act.write([programs.draft("session.device_refused", shown, actor, scopes=scopes)])
            return render(request, "oauth/device_done.html", {"program": shown, "allowed": False})
        drafts = []
        if programs.asks(shown, scopes, code):
            programs.allow(shown, scopes, account_id=request.user.id, now=now)
            drafts.append(programs.draft("app.consent_given", shown, actor, scopes=scopes))
        at, acr = proof.of(request)
        beginning = sessions.Beginning(client=client, account=request.user, standing=standing, browser=None, auth_time=at, acr=acr, now=now)  # type: ignore[arg-type]
        usage.seen(beginning.write(code_hash=row.device_code, wanted=scopes, way="device"), "sign_in", now=now)
        DeviceGrant.objects.filter(id=row.id).update(status=DeviceGrant.AUTHORIZED, user=request.user)
        act.write([*drafts, programs.draft("session.program_signed_in", shown, actor, scopes=scopes, acr=acr, device=True)])
    return render(request, "oauth/device_done.html", {"program": shown, "allowed": True})


def exchange(client: OAuthApplication, given: Mapping[str, str], read: Any, *, now: datetime) -> dict[str, Any]:
    """What the device gets for its code, once; until then, why not yet (RFC 8628, section 3.5)."""
    kept = sessions.digest(given.get("device_code", ""))
    row = DeviceGrant.objects.select_for_update().filter(device_code=kept, client_id=client.client_id).first()
    session = ProgramSession.objects.select_related("client", "account").filter(code_hash=kept, client=client, way="device").first()
    if row is None:
        if session is not None and session.ended_at is None:
            sessions.misused(session, event="session.code_reused", now=now)
        return _no("invalid_grant")
    asked_before, pending = row.last_checked, row.status == DeviceGrant.AUTHORIZATION_PENDING
    DeviceGrant.objects.filter(id=row.id).update(last_checked=now)
    if row.status == DeviceGrant.DENIED:
        return _no("access_denied")
    if row.expires <= now:
        return _no("expired_token")
    if pending:
        return _no("slow_down" if (now - asked_before).total_seconds() < SECONDS - 1 else "authorization_pending")
    if session is None or sessions.state(session, now=now).refusal:
        return _no("access_denied")
    row.delete()
    made = server()
    read.client, read.client_id, read.user, read.program_session, read.scopes = client, client.client_id, session.account, session, sessions.in_force(session)
    tokens = made.default_token_type.create_token(read, refresh_token=True)
    tokens = GrantTypeBase.add_id_token(made.openid_connect_auth, tokens, made.default_token_type, read)
    made.openid_connect_auth.request_validator.save_token(tokens, read)
    return {**tokens, "expires_in": LIFETIME}


def _no(error: str) -> dict[str, Any]:
    return {"error": error}
