"""A program sends the person here to sign out (OpenID Connect RP-Initiated Logout 1.0)."""
from __future__ import annotations

from uuid import UUID

from allauth.account.internal.flows.logout import logout as sign_out
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_http_methods

from accounts.models import OAuthApplication, ProgramSession
from accounts.oauth import clients, ending, keys
from accounts.tenancy import installation
from audit import recording
from audit.record import ActorRef, EntryDraft, TargetRef
from portal.oauth import programs, proof
from portal.oauth.authorize import redirect_to
from portal.oauth.server import with_query
from portal.signin.recorded import log_of


@csrf_exempt
@require_http_methods(["GET", "POST"])
def logout(request: HttpRequest) -> HttpResponse:
    """Programs may send their request as a form from their own page; our own form, which signs out, has our token."""
    return _confirmed(request) if request.POST.get("answer") else _asked(request)


@csrf_protect
def _confirmed(request: HttpRequest) -> HttpResponse:
    return _asked(request)


def _asked(request: HttpRequest) -> HttpResponse:
    given = {**request.GET.dict(), **request.POST.dict()}
    if any("\x00" in value for value in given.values()):
        return programs.bad(request, _("The address is malformed. Go back to the program and begin again."))
    claims = keys.read(given.get("id_token_hint", "")) or {}
    named = str(claims.get("aud") or given.get("client_id", ""))
    with installation("a program names its organization"):
        client = OAuthApplication.objects.filter(client_id=named).first() if named else None
    if client is not None and given.get("client_id", client.client_id) != client.client_id:
        client = None
    target, wanted = "", given.get("post_logout_redirect_uri", "")
    if wanted:
        if client is None or wanted not in [*client.post_logout_redirect_uris.split(), *client.redirect_uris.split()] or clients.refused(wanted):
            return programs.bad(request, _("The program is not known here, or it gave an address that is not registered for it. Nothing was sent to it."))
        target = with_query(wanted, {"state": given.get("state", "")})
    if request.user.is_authenticated:
        if not given.get("answer") and not _ours(request, claims):
            kept = {name: given[name] for name in ("id_token_hint", "client_id", "post_logout_redirect_uri", "state") if name in given}
            return render(request, "oauth/logout.html", {"kept": kept, "name": client.name if client is not None else ""})
        if given.get("answer") == "stay":
            return redirect("home")
        _end(request)
    if not target:
        return redirect("account_login")
    if given.get("answer"):
        proof.detour(request)
    return redirect_to(request, target)


def _ours(request: HttpRequest, claims: dict[str, object]) -> bool:
    """The statement is of a session that began in this very browser: then nobody else can have sent the person here, and no question is needed."""
    try:
        sid = UUID(str(claims.get("sid", "")))
    except ValueError:
        return False
    with installation("a session at a program names its organization"):
        return ProgramSession.objects.filter(id=sid, account_id=request.user.id, session_id=request.steward_session.id).exists()  # type: ignore[attr-defined]


def _end(request: HttpRequest) -> None:
    """The person is signed out here and at every program that they went to from here."""
    account, now = request.user, timezone.now()
    browser, log = request.steward_session.id, log_of(account)  # type: ignore[attr-defined]
    with transaction.atomic(), recording.opened(org=log, now=now) as act:
        ending.end(browsers=[browser], now=now, why="signed_out")
        act.write([EntryDraft(org=log, action="account.signed_out", category="sign_in", outcome="success", via="ui",
                              actor=ActorRef(type="user", id=account.id, name=account.name, email=account.email, session=browser),  # type: ignore[union-attr]
                              targets=[TargetRef(type="person", id=account.id, label=account.name or account.email, subject=account.id)])])  # type: ignore[union-attr]
    sign_out(request)
