"""Who calls the API: a bearer token, or the session of the browser (with its CSRF token)."""

from __future__ import annotations

import logging

from django.core.cache import cache
from django.http import HttpRequest
from django.middleware.csrf import CsrfViewMiddleware
from django.utils import timezone
from redis.exceptions import RedisError

from accounts import access, tenancy
from accounts.actor import Actor
from accounts.models import Organization
from accounts.oauth import sessions, usage
from accounts.oauth.scopes import SCOPES
from accounts.organizations import slugs
from accounts.reasons import NotFound
from accounts.seen import token_used
from audit.context import current
from portal import organization
from portal.api.problems import Problem

LIMITS, WINDOW = {"token": 600, "person": 600, "address": 600, "organization": 6000}, 60
"""Requests a minute: of each token or person, of each address where nobody is named, and of an organization in all."""
logger = logging.getLogger("steward.api")
_TOLD = {
    "token_invalid": "The token is not known.",
    "token_ended": "The token has expired, was revoked, or its owner's access changed.",
    "token_network": "The token may not be used from this address.",
}


class _Csrf(CsrfViewMiddleware):
    def _reject(self, request: HttpRequest, reason: str) -> str:  # type: ignore[override]
        return reason


def limit(request: HttpRequest, who: dict[str, object]) -> None:
    """Count this request for each of these; the one over the limit is told when to come back. Without Valkey nobody is counted, and nobody is kept out."""
    now = int(timezone.now().timestamp())
    slot, reset = now // WINDOW, WINDOW - now % WINDOW
    try:
        used = dict(zip(who, cache.count(*(f"api:{kind}:{name}:{slot}" for kind, name in who.items()), seconds=WINDOW * 2), strict=True))
    except (RedisError, OSError) as error:
        logger.warning("requests are not counted: the cache does not answer (%s)", type(error).__name__)
        return
    kinds = {**getattr(request, "rate_used", {}), **used}
    request.rate_used = kinds  # type: ignore[attr-defined]
    request.rate = {  # type: ignore[attr-defined]
        "RateLimit": ", ".join(f'"{kind}";r={max(0, LIMITS[kind] - n)};t={reset}' for kind, n in kinds.items()),
        "RateLimit-Policy": ", ".join(f'"{kind}";q={LIMITS[kind]};w={WINDOW}' for kind in kinds),
    }
    if any(n > LIMITS[kind] for kind, n in used.items()):
        raise Problem(429, "too_many", "Too many requests. Retry-After says when to come back.", retry_after=reset)


def address(request: HttpRequest) -> str:
    """The network address of the caller, for those who do not say who they are."""
    return current().ip or "unknown"


def caller(request: HttpRequest, *, slug: str | None, permission: str | None = None, needs: str | None = None) -> Actor:
    """The actor of this call in this organization, with the scope set. An organization that is not theirs is not found.

    `needs` is the permission that the call is about, wherever it is asked for: what needs none is for people and their own tokens, never for an app.
    """
    scheme, _space, secret = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer" and secret.startswith("sta_"):
        return _by_app(request, secret.strip(), slug, permission, needs)
    if scheme:
        return _by_token(request, scheme, secret.strip(), slug, permission)
    if not request.user.is_authenticated:
        raise Problem(401, "not_signed_in", "Send a token: Authorization: Bearer stw_…")
    if request.method not in {"GET", "HEAD", "OPTIONS"}:
        guard = _Csrf(lambda _request: None)  # type: ignore[arg-type,return-value]
        guard.process_request(request)
        if guard.process_view(request, None, (), {}):  # type: ignore[arg-type]
            raise Problem(403, "csrf", "A browser session needs its CSRF token in X-CSRFToken.")
    limit(request, {"person": request.user.id})
    if slug is None:
        return organization.myself(request)
    try:
        actor = organization.enter(request, slug, permission=permission)
    except organization.Door as closed:
        raise Problem(403, closed.code, "The organization is closed to you now.") from closed
    limit(request, {"organization": actor.organization_id})
    return actor


def _by_app(request: HttpRequest, secret: str, slug: str | None, permission: str | None, needs: str | None) -> Actor:
    """An app acts for the person who allowed it, with what both the person's role and the allowed scopes hold, in the organization that installed it."""
    with tenancy.installation("a token names its organization"):
        use = sessions.by_access_token(secret, now=timezone.now())
    if use.session is None or use.standing is None or use.refusal or use.session.client.installation_id is None:
        raise Problem(401, "token_invalid", _TOLD["token_invalid" if use.session is None else "token_ended"])
    limit(request, {"token": use.session.id, "organization": use.standing.organization_id})
    scopes = frozenset(use.scope.split()) & frozenset(sessions.in_force(use.session)) & frozenset(SCOPES)
    if needs is None or needs not in scopes:
        raise Problem(403, "scope", "The person did not allow the app to do this, or no app can do it.")
    with tenancy.installation("a token names its organization"):
        usage.seen(use.session, needs, now=timezone.now())
    tenancy.set_request_scope(org=use.standing.organization_id, account=use.standing.account_id, purpose=request.purpose)  # type: ignore[attr-defined]
    actor = access.actor_of_app(use.standing, token_id=use.session.id, client=use.session.client_id, scopes=scopes)
    request.organization = Organization.objects.get(id=use.standing.organization_id)  # type: ignore[attr-defined]
    if slug is None or request.organization.slug != slug or not actor.may(permission):  # type: ignore[attr-defined]
        raise NotFound
    return actor


def _by_token(request: HttpRequest, scheme: str, secret: str, slug: str | None, permission: str | None) -> Actor:
    now = timezone.now()
    use = access.check_token(secret=secret, now=now, ip=current().ip) if scheme.lower() == "bearer" else access.TokenUse(None, None, "token_invalid")
    if use.token is None or use.standing is None:
        raise Problem(401, use.refusal, _TOLD.get(use.refusal, _TOLD["token_invalid"]))
    limit(request, {"token": use.token.id, "organization": use.token.organization_id})
    if use.refusal:
        raise Problem(401, "token_ended", _TOLD["token_ended"])
    tenancy.set_request_scope(org=use.token.organization_id, account=use.token.account_id, purpose=request.purpose)  # type: ignore[attr-defined]
    token_used(token=use.token, now=now)
    actor = access.actor_of_token(use)
    request.organization = use.token.organization  # type: ignore[attr-defined]
    if slug is not None and use.token.organization.slug != slug:
        if slugs.moved(slug, account_id=use.token.account_id, now=now) == use.token.organization.slug:
            raise organization.Moved(use.token.organization.slug)
        raise NotFound
    if not actor.may(permission):
        raise NotFound
    return actor
