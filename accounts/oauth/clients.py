"""Making a program known to our provider: its identifier, its secret, and the addresses that people may be sent back to."""
from __future__ import annotations

import hashlib
import hmac
import ipaddress
import re
import secrets
import uuid
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings

from accounts.models import Installation, OAuthApplication, Organization, Service

_SIGNS = re.compile(r"^[\x21-\x7e]{1,500}$")
_KEPT = "sha256:"


def make(_work: Any, *, organization: Organization, name: str, service: Service | None = None, installation: Installation | None = None,
         redirect_uris: Iterable[str], logout_url: str = "") -> tuple[OAuthApplication, str]:
    """A client for a service or an installed app, to be added by the caller, and its secret, to be shown once. Raises ValueError with a code for an address that is not allowed."""
    if (service is None) == (installation is None):
        raise ValueError("one_of_both")
    uris = list(dict.fromkeys(redirect_uris))
    for uri in uris:
        if code := refused(uri):
            raise ValueError(code)
    client = OAuthApplication(
        id=uuid.uuid4(), organization=organization, service=service, installation=installation, name=name[:255], client_id=f"stc_{secrets.token_hex(16)}",
        client_type=OAuthApplication.CLIENT_CONFIDENTIAL, authorization_grant_type=OAuthApplication.GRANT_AUTHORIZATION_CODE, hash_client_secret=False,
        skip_authorization=service is not None, algorithm=OAuthApplication.RS256_ALGORITHM, redirect_uris=" ".join(uris), logout_url=logout_url)
    return client, new_secret(client)


def new_secret(client: OAuthApplication) -> str:
    """A new secret for this client, to be shown once; the old one stops working when the row is written."""
    secret = f"sts_{secrets.token_urlsafe(32)}"
    client.client_secret = kept(secret)
    return secret


def kept(secret: str) -> str:
    """What is stored of a secret. A fast hash is right here: it has 256 random bits, so there is nothing to guess."""
    return _KEPT + hashlib.sha256(secret.encode()).hexdigest()


def same(secret: str, stored: str) -> bool:
    """Whether this is the secret, in constant time."""
    return hmac.compare_digest(kept(secret).encode(), stored.encode())


def refused(uri: str) -> str:
    """Why people may not be sent back to this address, or '': it is one exact https address, without a fragment, a name before an @, or a wildcard (OAuth 2.1, sections 2.3 and 7.5).

    An installation that is itself reached without TLS, as one that somebody tries out, may send people to the same machine.
    """
    if not _SIGNS.match(uri) or any(sign in uri for sign in "*\\<>\"'`{}|^"):
        return "uri_malformed"
    try:
        parts = urlsplit(uri)
        parts.port  # noqa: B018  (raises for a port that is none)
    except ValueError:
        return "uri_malformed"
    if "#" in uri:
        return "uri_fragment"
    if "@" in parts.netloc:
        return "uri_userinfo"
    if parts.scheme == "http" and not settings.SECURE and _own_machine(parts.hostname or ""):
        return ""
    if parts.scheme != "https":
        return "uri_scheme"
    if not parts.hostname or "/../" in parts.path + "/" or "/./" in parts.path + "/":
        return "uri_malformed"
    return ""


def _own_machine(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
