"""A person's session at a program: how it begins, and whether what hangs on it may be used now. One function for codes, access tokens, refresh tokens and devices."""
from __future__ import annotations

import hashlib
import re
import secrets
import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from oauth2_provider.models import AccessToken

from accounts import access
from accounts.models import Account, Membership, OAuthApplication, ProgramSession
from accounts.oauth import ending, gate, scopes, usage
from accounts.tenancy import installation
from audit import recording
from audit.record import ActorRef, EntryDraft, TargetRef

_SHAPE = re.compile(r"^sta_([0-9a-f]{32})_[A-Za-z0-9_-]{43}$")


@dataclass(frozen=True, kw_only=True)
class Beginning:
    """What is known of a sign-in to a program before it happens."""

    client: OAuthApplication
    account: Account
    standing: access.Standing
    browser: UUID | None
    auth_time: datetime
    acr: str
    now: datetime

    def write(self, *, code_hash: str, wanted: list[str], way: str = "code") -> ProgramSession:
        """The session. Needs an open act."""
        return ProgramSession.objects.create(
            id=uuid.uuid4(), organization_id=self.client.organization_id, account=self.account, client=self.client, session_id=self.browser, auth_epoch=self.standing.auth_epoch,
            access_epoch=self.standing.access_epoch, auth_time=self.auth_time, acr=self.acr, scopes=wanted, way=way, code_hash=code_hash, started_at=self.now)


@dataclass(frozen=True)
class Use:
    """A session at a program that may be used now, or why not."""

    session: ProgramSession | None
    standing: access.Standing | None
    refusal: str = ""
    scope: str = ""
    expires: datetime | None = None
    issued: datetime | None = None
    level: str = ""
    """How far the person may go at a service."""


def digest(text: str) -> str:
    """What is stored of a code or token: both have 256 random bits, so a fast hash is right."""
    return hashlib.sha256(text.encode()).hexdigest()


def access_token(request: Any) -> str:
    """A new access token. It says which session it belongs to, to us; to everybody else it says nothing."""
    return f"sta_{request.program_session.id.hex}_{secrets.token_urlsafe(32)}"


def refresh_token(_request: Any) -> str:
    return f"str_{secrets.token_urlsafe(32)}"


def state(session: ProgramSession | None, *, now: datetime) -> Use:
    """Whether this session goes on: it has not ended, the person's epochs are those it began with, and the person may use the program. Needs the reach."""
    if session is None or session.ended_at is not None:
        return Use(session, None, "ended")
    look = gate.within(account_id=session.account_id, client=session.client, now=now)
    found = look.standing
    if found is None or (session.auth_epoch, session.access_epoch) != (found.auth_epoch, found.access_epoch):
        return Use(session, found, "ended")
    return Use(session, found, look.refusal, level=look.level)


def by_access_token(token: str, *, client: OAuthApplication | None = None, what: str = "", now: datetime) -> Use:
    """What an access token gives now. With `client`, only a token of this program is known; with `what`, it is noted as used for that. Needs the reach: a token names its organization."""
    shape = _SHAPE.match(token)
    if shape is None:
        return Use(None, None, "unknown")
    row = AccessToken.objects.filter(token_checksum=digest(token)).values_list("application_id", "user_id", "scope", "expires", "created").first()
    rows = ProgramSession.objects.filter(id=UUID(shape[1]))
    session = (rows if client else rows.select_related("client__organization", "client__service")).first() if row else None
    if row is None or session is None or (session.client_id, session.account_id) != row[:2] or (client is not None and client.id != session.client_id):
        return Use(None, None, "unknown")
    if client is not None:
        session.client = client
    if row[3] <= now:
        return Use(session, None, "expired")
    found = state(session, now=now)
    if what and not found.refusal:
        usage.seen(session, what, now=now)
    return Use(session, found.standing, found.refusal, row[2], row[3], row[4], found.level)


def allowed(client: OAuthApplication) -> frozenset[str]:
    """What a program may be given at most: a service signs people in; an app gets what was approved when it was installed."""
    if client.installation_id is None:
        return frozenset(scopes.SIGN_IN)
    with installation("an installation names its organization"):
        approved = client.installation.scopes if client.installation is not None else []
    return frozenset(approved) & frozenset(scopes.SCOPES)


def in_force(session: ProgramSession) -> list[str]:
    """The scopes that this session has now: less than at its beginning when the person or the organization took some back."""
    now_allowed = allowed(session.client)
    if session.client.installation_id is not None:
        from accounts.catalogue import consent  # both packages ask each other

        with installation("a consent names its organization"):
            now_allowed &= consent.granted(account_id=session.account_id, installation_id=session.client.installation_id)
    return [name for name in session.scopes if name in now_allowed]


def misused(session: ProgramSession, *, event: str, now: datetime) -> None:
    """A code or refresh token came a second time: somebody else has it, so everything that came of it ends (RFC 9700, sections 2.1.1 and 4.14.2)."""
    with transaction.atomic(), recording.opened(org=session.organization_id, now=now) as act:
        ending.end(sessions=[session.id], now=now, why="used_twice")
        act.write([EntryDraft(org=session.organization_id, action=event, category="sign_in", outcome="denied", severity="high", reason_code="used_twice",
                              actor=ActorRef(type="anonymous"), targets=targets(session.client, session.account))])


def targets(client: OAuthApplication, account: Account) -> list[TargetRef]:
    """Whom and what an entry about a sign-in names: the person, and the program."""
    with installation("a person is known in the organization by their membership"):
        membership = Membership.objects.filter(organization_id=client.organization_id, account=account).values_list("id", flat=True).first()
    kind, key = ("service", client.service_id) if client.service_id else ("installation", client.installation_id)
    person = [TargetRef(type="person", id=account.id, label=account.name or account.email, subject=account.id)]
    return [*person, *([TargetRef(type="membership", id=membership)] if membership else []), TargetRef(type=kind, id=key or client.id, label=client.name)]


def issuer() -> str:
    """How we are called in every statement (OpenID Connect Core 1.0, section 2)."""
    return str(settings.STEWARD_URL)
