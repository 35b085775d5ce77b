"""Which program calls: its client id and secret, as it got them when it was registered (HTTP Basic, RFC 7617, encoded as RFC 6749, section 2.3.1 has it)."""
from __future__ import annotations

import base64
from urllib.parse import unquote_plus

from django.http import HttpRequest
from django.utils import timezone

from accounts import purposes, tenancy
from accounts.models import OAuthApplication
from accounts.oauth import clients
from accounts.signals.streams import Bad
from portal.api.auth import address, limit
from portal.api.problems import Problem


def caller(request: HttpRequest) -> OAuthApplication:
    """The client, with the scope of its organization set. A program that is unknown, and one whose service or app has ended or is suspended, learn the same in the same time."""
    _count(request, "address", address(request))  # before anything is looked up
    client_id, secret = _given(request)
    with tenancy.installation("a program says which client it is"):
        row = OAuthApplication.objects.select_related("organization", "service", "installation").filter(client_id=client_id).first()
    right = clients.same(secret, row.client_secret if row else "")
    if row is None or not right or not _lives(row):
        raise Bad("authentication_failed", "Send the client id and the secret of a service or an installed app: Authorization: Basic …", 401)
    _count(request, "token", f"client:{row.id}")
    tenancy.set_request_scope(org=row.organization_id, account=None, purpose=purposes.SECURITY)
    return row


def _count(request: HttpRequest, kind: str, name: str) -> None:
    try:
        limit(request, {kind: name})
    except Problem as problem:
        raise Bad("too_many_requests", problem.detail, 429) from problem


def _given(request: HttpRequest) -> tuple[str, str]:
    scheme, _space, word = request.headers.get("Authorization", "").partition(" ")
    try:
        name, _colon, secret = base64.b64decode(word.strip(), validate=True).decode().partition(":") if scheme.lower() == "basic" and len(word) < 2000 else ("", "", "")
    except ValueError:  # no base64, no ASCII, no UTF-8
        name = secret = ""
    return unquote_plus(name).replace("\0", ""), unquote_plus(secret)


def _lives(row: OAuthApplication) -> bool:
    """Whether what the client stands for is there and works."""
    if row.organization.status != "active" or (row.service is None and row.installation is None):
        return False
    if row.service is not None:
        return row.service.state == "active"
    return row.installation is not None and (row.installation.state == "active" and not (row.installation.expires_at and row.installation.expires_at <= timezone.now()))
