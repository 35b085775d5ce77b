"""Where programs get, use up and give back tokens: the token, introspection, revocation and userinfo endpoints."""
from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from uuid import UUID

import orjson
from django.db import transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from oauth2_provider.models import RefreshToken

from accounts.models import OAuthApplication, ProgramSession
from accounts.oauth import claims, ending, sessions
from accounts.tenancy import installation
from audit import recording
from audit.record import ActorRef, EntryDraft
from portal.oauth import device
from portal.oauth.server import LARGEST, Answer, answered, asked, fields, guard, program, server, wrong

DEVICE = "urn:ietf:params:oauth:grant-type:device_code"


def for_programs(view: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Programs send no cookie of ours and get answers in their own terms."""

    @csrf_exempt
    @wraps(view)
    def wrapped(request: HttpRequest) -> HttpResponse:
        try:
            with installation("a program names its organization"):
                return view(request)
        except Answer as answer:
            return answer.response()

    wrapped.body_limit = LARGEST  # type: ignore[attr-defined]
    return wrapped


@for_programs
def token(request: HttpRequest) -> HttpResponse:
    """A code, a refresh token or a device's code becomes tokens (OAuth 2.1, section 3.2)."""
    given = fields(request)
    guard(request, given)
    with transaction.atomic():
        if given.get("grant_type") == DEVICE:
            found = device.exchange(program(request, given), given, asked(request, given), now=timezone.now())
            return answered(found, 400 if "error" in found else 200)
        read = asked(request, given)
        _headers, body, status = server().create_token_response(read.uri, "POST", read.body, read.headers, None)
    if status == 401:
        wrong(request, given)
    found = answered(orjson.loads(body), status)
    if status == 401:
        found.headers["WWW-Authenticate"] = 'Basic realm="steward"'
    found._has_been_logged = True  # type: ignore[attr-defined]  (an answer, not a fault)
    return found


@for_programs
def introspect(request: HttpRequest) -> HttpResponse:
    """Whether an access token works now, and for whom (RFC 7662). A program learns of its own tokens only."""
    given = fields(request)
    client, now = program(request, given), timezone.now()
    use = sessions.by_access_token(given.get("token", ""), client=client, what="introspection", now=now)
    if use.refusal or use.session is None or use.expires is None or use.issued is None or use.standing is None:
        return answered({"active": False})
    return answered({"active": True, "token_type": "Bearer", "client_id": client.client_id, "aud": client.client_id, "iss": sessions.issuer(), "scope": use.scope, "exp": int(use.expires.timestamp()),
                     "iat": int(use.issued.timestamp()), **claims.of_session(use.session), **({"access": use.level} if use.level else {})})


@for_programs
def revoke(request: HttpRequest) -> HttpResponse:
    """A program gives a token back: the session that it came of ends (RFC 7009). What is not its own, it learns nothing of."""
    given = fields(request)
    client, now = program(request, given), timezone.now()
    if "token" not in given:
        raise Answer("invalid_request", "Say which token.")
    session = _session_of(given["token"], client)
    if session is not None and session.ended_at is None:
        with transaction.atomic(), recording.opened(org=client.organization_id, now=now) as act:
            ending.end(sessions=[session.id], now=now, why="given_back", tell=False)
            act.write([EntryDraft(org=client.organization_id, action="session.program_signed_out", category="sign_in", outcome="success", via="api", actor=ActorRef(type="anonymous"),
                                  targets=sessions.targets(client, session.account), facts={"why": "given_back"})])
    return HttpResponse(status=200)


def _session_of(text: str, client: OAuthApplication) -> ProgramSession | None:
    found = sessions.by_access_token(text, client=client, now=timezone.now()).session
    if found is not None:
        return found
    family: UUID | None = RefreshToken.objects.filter(token_checksum=sessions.digest(text), application=client).values_list("token_family", flat=True).first()
    return ProgramSession.objects.select_related("account").filter(id=family, client=client).first() if family else None


@for_programs
def userinfo(request: HttpRequest) -> HttpResponse:
    """Who the person is, as far as they allowed it (OpenID Connect Core 1.0, section 5.3)."""
    scheme, _space, secret = request.headers.get("Authorization", "").partition(" ")
    use = sessions.by_access_token(secret.strip(), what="userinfo", now=timezone.now()) if scheme.lower() == "bearer" else sessions.Use(None, None, "unknown")
    if use.refusal or use.session is None:
        return JsonResponse({"error": "invalid_token"}, status=401, headers={"WWW-Authenticate": 'Bearer realm="steward", error="invalid_token"'})
    scopes = [name for name in use.scope.split() if name in sessions.in_force(use.session)]
    if "openid" not in scopes:
        return JsonResponse({"error": "insufficient_scope"}, status=403, headers={"WWW-Authenticate": 'Bearer realm="steward", error="insufficient_scope", scope="openid"'})
    return answered({"sub": claims.of_session(use.session)["sub"], **claims.of_person(use.session.account, scopes), **({"access": use.level} if use.level else {})})
