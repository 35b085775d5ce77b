"""What programs are told about a person: an identifier that only they have, how the person signed in, and what the person or their organization allowed them to see."""
from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from accounts.models import Account, OAuthApplication, ProgramSession
from accounts.oauth.subjects import subject

NAMES = ("iss", "sub", "aud", "exp", "iat", "nonce", "at_hash", "auth_time", "acr", "sid", "name", "locale", "zoneinfo", "email", "email_verified", "access")
ACR = ("password", "second_factor")
"""How somebody proved who they are, weakest first (OpenID Connect Core 1.0, section 2, `acr`)."""


def of_session(session: ProgramSession) -> dict[str, Any]:
    """Who it is, at this program, and how they signed in."""
    return {"sub": subject(account_id=session.account_id, application_id=session.client_id), "auth_time": int(session.auth_time.timestamp()), "acr": session.acr, "sid": str(session.id)}


def of_person(account: Account, scopes: list[str]) -> dict[str, Any]:
    """What the granted scopes show of the person (OpenID Connect Core 1.0, section 5.4)."""
    found: dict[str, Any] = {}
    if "profile" in scopes:
        found |= {"name": account.name or account.email, "locale": account.language, **({"zoneinfo": account.time_zone} if account.time_zone else {})}
    if "email" in scopes:
        found |= {"email": account.email, "email_verified": account.email_verified_at is not None}
    return found


def of_access(account_id: UUID, client: OAuthApplication, *, now: datetime) -> dict[str, Any]:
    """For a service: how far the person may go there, `full` or `read_only`."""
    if client.service_id is None:
        return {}
    from accounts.services import entry  # both packages ask each other

    return {"access": entry.level(account_id=account_id, service_id=client.service_id, now=now)}
