"""Signing in to a service or an app: the authorization endpoint (OAuth 2.1, section 4.1; OpenID Connect Core 1.0, section 3.1.2)."""
from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods
from oauthlib.oauth2 import FatalClientError, OAuth2Error

from accounts import access
from accounts.models import OAuthApplication
from accounts.oauth import gate, keys, sessions
from accounts.oauth.subjects import subject
from accounts.reasons import Stale
from accounts.tenancy import installation
from audit import recording
from portal.oauth import programs, proof
from portal.oauth.programs import Program
from portal.oauth.server import back, server
from portal.organization import myself
from portal.views.stepup import ask

_CHALLENGE = re.compile(r"^[A-Za-z0-9_-]{43}$")
_PROMPTS = frozenset({"none", "login", "consent", "select_account"})


class _Error(Exception):
    """The program hears of it, at its own address."""

    def __init__(self, code: str, said: str = "") -> None:
        self.code, self.said = code, said
        super().__init__(code)


@dataclass(frozen=True)
class _Asked:
    """A request that may be answered: the program and the address are known, and belong together."""

    client: OAuthApplication
    scopes: list[str]
    credentials: dict[str, Any]
    uri: str
    """The request itself."""
    prompt: frozenset[str]
    max_age: int | None
    strong: bool

    @property
    def redirect_uri(self) -> str:
        return str(self.credentials["redirect_uri"])

    @property
    def state(self) -> str | None:
        return self.credentials.get("state")

    @property
    def name(self) -> str:
        return hashlib.sha256(self.uri.encode()).hexdigest()[:32]


@require_http_methods(["GET", "POST"])
def authorize(request: HttpRequest) -> HttpResponse:
    """Sign in to a program. Whatever is wrong with the program or its address is said here; everything else is said to the program."""
    if any("\x00" in value for _name, values in request.GET.lists() for value in values) or any(len(values) > 1 for _name, values in request.GET.lists()):
        return programs.bad(request, _("The address is malformed. Go back to the program and begin again."))
    uri = f"{sessions.issuer()}{reverse('oauth-authorize')}?{urlencode(dict(request.GET.items()))}"
    try:
        with installation("a program names its organization"):
            scopes, credentials = server().validate_authorization_request(uri, "GET", "", {})
    except FatalClientError:
        return programs.bad(request, _("The program is not known here, or it gave an address that is not registered for it. Nothing was sent to it."))
    except OAuth2Error as error:
        return redirect_to(request, back(str(error.redirect_uri), state=error.state, error=error.error, error_description=error.description or "")) if error.redirect_uri else \
            programs.bad(request, _("The address is malformed. Go back to the program and begin again."))
    try:
        return _answer(request, _read(request, scopes, credentials, uri))
    except _Error as error:
        return redirect_to(request, back(credentials["redirect_uri"], state=credentials.get("state"), error=error.code, error_description=error.said))


def _read(request: HttpRequest, scopes: list[str], credentials: dict[str, Any], uri: str) -> _Asked:
    given = request.GET
    if "request" in given or "request_uri" in given:
        raise _Error("request_not_supported" if "request" in given else "request_uri_not_supported")
    if credentials.get("code_challenge_method") != "S256" or not _CHALLENGE.match(credentials.get("code_challenge") or ""):
        raise _Error("invalid_request", "PKCE with S256 is needed.")
    if given.get("response_mode", "query") != "query" or len(given.get("nonce", "")) > 255:
        raise _Error("invalid_request", "Only response_mode=query is known, and a nonce of at most 255 signs.")
    prompt = frozenset(given.get("prompt", "").split())
    if prompt - _PROMPTS or ("none" in prompt and len(prompt) > 1):
        raise _Error("invalid_request", "The prompt is not known.")
    age = given.get("max_age", "")
    if age and not re.fullmatch(r"[0-9]{1,9}", age):
        raise _Error("invalid_request", "max_age is a number of seconds.")
    return _Asked(credentials["request"].client, scopes, credentials, uri, prompt, int(age) if age else None, given.get("acr_values", "").split()[:1] == ["second_factor"])


def _answer(request: HttpRequest, asked: _Asked) -> HttpResponse:
    silent = "none" in asked.prompt
    if not request.user.is_authenticated:
        if silent:
            raise _Error("login_required")
        proof.detour(request)
        if asked.prompt & {"login"}:
            proof.ask_anew(request, asked.name)
        return redirect(f"{reverse('account_login')}?{urlencode({'next': request.get_full_path()})}")
    now = timezone.now()
    at, acr = proof.of(request)
    if tier := _wants(request, asked, at, acr, now):
        if silent:
            raise _Error("login_required")
        if request.method == "POST":
            return redirect(request.get_full_path())  # the proof was good when the page was shown; it is asked for from there
        proof.detour(request)
        if proof.asked_anew(request, asked.name) is None:
            proof.ask_anew(request, asked.name)
        return ask(request, tier)
    if (hint := request.GET.get("id_token_hint")) and (keys.read(hint) or {}).get("sub") != subject(account_id=request.user.id, application_id=asked.client.id):
        raise _Error("login_required", "Somebody else is signed in.")
    actor = myself(request)
    program = Program.of(asked.client, account_id=request.user.id)
    look = gate.look(account_id=request.user.id, client=asked.client, now=now)
    standing, code = look.standing, look.refusal
    if code not in {"", gate.NO_CONSENT} or standing is None:
        if silent:
            raise _Error("access_denied")
        return programs.refused(request, program, actor, standing, code, now=now)
    if silent and not programs.knows(request, standing):
        raise _Error("login_required")
    programs.still_known(request, standing)
    consenting = programs.asks(program, asked.scopes, code) or (program.app is not None and "consent" in asked.prompt)
    if consenting and silent:
        raise _Error("consent_required")
    if consenting and request.method != "POST":
        return render(request, "oauth/consent.html", {"program": program, "words": programs.words(asked.scopes), "known": bool(program.granted)})
    if consenting and request.POST.get("answer") != "allow":
        with transaction.atomic(), recording.opened(org=program.organization.id, now=now) as act:
            act.write([programs.draft("app.consent_refused", program, actor, scopes=asked.scopes)])
        raise _Error("access_denied")
    proof.answered(request)
    beginning = sessions.Beginning(client=asked.client, account=request.user, standing=standing, browser=actor.session_id, auth_time=at, acr=acr, now=now)  # type: ignore[arg-type]
    try:
        return redirect_to(request, _issue(request, asked, program, beginning, standing, consenting))
    except Stale:
        raise _Error("access_denied", "What the app may do was changed meanwhile. Begin again.") from None


def _wants(request: HttpRequest, asked: _Asked, at: datetime, acr: str, now: datetime) -> int:
    """Which proof has to be given anew before this goes on: 0 none, 1 any, 2 a second factor."""
    since = proof.asked_anew(request, asked.name)
    fresh = since is not None and at >= since
    tier = 2 if asked.strong else 1
    if asked.strong and acr != "second_factor":
        return 2
    if "login" in asked.prompt and not fresh:
        return tier
    if asked.max_age is not None and (now - at).total_seconds() > asked.max_age and not fresh:
        return tier
    return 0


def _issue(request: HttpRequest, asked: _Asked, program: Program, beginning: sessions.Beginning, standing: access.Standing, consenting: bool) -> str:
    """The session at the program begins, and the person takes a code there. One act, with its entries."""
    actor, now = myself(request), beginning.now
    with transaction.atomic(), recording.opened(org=program.organization.id, now=now) as act, installation("a program names its organization"):
        drafts = []
        if consenting:
            programs.allow(program, asked.scopes, account_id=request.user.id, now=now)
            drafts.append(programs.draft("app.consent_given", program, actor, scopes=asked.scopes))
        headers, _body, _status = server().create_authorization_response(
            asked.uri, "GET", "", {}, scopes=asked.scopes, credentials={**asked.credentials, "user": beginning.account, "beginning": beginning})
        act.write([*drafts, programs.draft("session.program_signed_in", program, actor, scopes=asked.scopes, acr=beginning.acr)])
    return back(headers["Location"], state=asked.state)


def redirect_to(request: HttpRequest, uri: str) -> HttpResponse:
    """Leave for a program's address, which was compared with those that are registered. After a form of ours the browser goes on from a page."""
    if not proof.came_by_form(request):
        return HttpResponse(status=302, headers={"Location": uri})
    response = render(request, "oauth/going.html", {"uri": uri})
    response.headers["Refresh"] = f"0;url={uri}"
    return response
