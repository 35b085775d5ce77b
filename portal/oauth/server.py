"""What every address of the provider needs: the protocol's server, the program that calls, and answers in the form that programs expect."""
from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from django.core.cache import cache
from django.http import HttpRequest, HttpResponse, JsonResponse
from oauth2_provider.settings import oauth2_settings
from oauthlib.common import Request
from oauthlib.openid import Server
from redis.exceptions import RedisError

from accounts.models import OAuthApplication
from accounts.oauth.sessions import digest, issuer
from accounts.oauth.validator import Validator
from audit.context import current

LARGEST = 64 * 1024
"""Bytes that a program may send at most: a form of a few fields."""
WRONG, WINDOW = 10, 60
"""Wrong secrets a minute that one address may send for one client."""
logger = logging.getLogger("steward.oauth")


class Answer(Exception):
    """An answer to a program that ends the request: an error of RFC 6749, section 5.2."""

    def __init__(self, error: str, said: str, status: int = 400) -> None:
        self.error, self.said, self.status = error, said, status
        super().__init__(error)

    def response(self) -> HttpResponse:
        headers = {"WWW-Authenticate": 'Basic realm="steward"'} if self.status == 401 else {"Retry-After": str(WINDOW)} if self.status == 429 else {}
        response = JsonResponse({"error": self.error, "error_description": self.said}, status=self.status, headers=headers)
        response._has_been_logged = True  # type: ignore[attr-defined]  (an answer, not a fault)
        return response


def server() -> Server:
    return Server(Validator(), **oauth2_settings.server_kwargs)


def fields(request: HttpRequest) -> dict[str, str]:
    """What a program sent as a form. A field that comes twice, or with a sign that no text has, is refused."""
    if request.method != "POST":
        raise Answer("invalid_request", "Send a POST with a form.", 405)
    if request.content_type != "application/x-www-form-urlencoded":
        raise Answer("invalid_request", "Send a form: application/x-www-form-urlencoded.")
    found = {}
    for name, values in request.POST.lists():
        if len(values) > 1 or "\x00" in values[0] or len(values[0]) > 4000:
            raise Answer("invalid_request", "A field is given twice, too long, or not a text.")
        found[name] = str(values[0])
    return found


def asked(request: HttpRequest, given: Mapping[str, str]) -> Request:
    """The request as the protocol's library reads it."""
    headers = {name: value for name, value in (("Authorization", request.headers.get("Authorization", "")), ("HTTP_AUTHORIZATION", request.headers.get("Authorization", ""))) if value}
    return Request(issuer() + request.path, "POST", urlencode(given), {**headers, "Content-Type": "application/x-www-form-urlencoded"})


def program(request: HttpRequest, given: Mapping[str, str]) -> OAuthApplication:
    """The program that calls, which proved it by its secret. Wrong ones are counted."""
    guard(request, given)
    read = asked(request, given)
    if not Validator().authenticate_client(read) or read.client is None:
        wrong(request, given)
        raise Answer("invalid_client", "The client is not known, or its secret is wrong.", 401)
    return read.client


def _name(request: HttpRequest, given: Mapping[str, str]) -> str:
    named = given.get("client_id") or request.headers.get("Authorization", "")[:50]
    return f"oauth:wrong:{digest(f'{current().ip} {named}')[:40]}"


def guard(request: HttpRequest, given: Mapping[str, str]) -> None:
    """Whoever sent too many wrong secrets waits. Without Valkey nobody is counted, and nobody is kept out: a secret has 256 random bits."""
    try:
        if (cache.get(_name(request, given)) or 0) >= WRONG:
            raise Answer("temporarily_unavailable", "Too many wrong secrets. Wait a minute.", 429)
    except (RedisError, OSError) as error:
        logger.warning("wrong secrets are not counted: the cache does not answer (%s)", type(error).__name__)


def wrong(request: HttpRequest, given: Mapping[str, str]) -> None:
    """Count a wrong secret."""
    try:
        cache.count(_name(request, given), seconds=WINDOW)
    except (RedisError, OSError) as error:
        logger.warning("wrong secrets are not counted: the cache does not answer (%s)", type(error).__name__)


def with_query(uri: str, values: Mapping[str, str]) -> str:
    """The address with these values in its query, and none of them twice."""
    parts = urlsplit(uri)
    kept = [(name, value) for name, value in parse_qsl(parts.query, keep_blank_values=True) if name not in values]
    return urlunsplit(parts._replace(query=urlencode([*kept, *((name, value) for name, value in values.items() if value)])))


def back(uri: str, *, state: str | None, **values: str) -> str:
    """Where a person goes back to, with our answer: `iss` says who answers, so that a program that uses several providers is not taken in (RFC 9207)."""
    return with_query(uri, {**values, "state": state or "", "iss": issuer()})


def answered(found: Mapping[str, Any], status: int = 200) -> HttpResponse:
    return JsonResponse(dict(found), status=status, headers={"Cache-Control": "no-store", "Pragma": "no-cache"})
