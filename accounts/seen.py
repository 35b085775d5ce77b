"""When people and credentials were last seen: kept roughly, written rarely, never an act."""
from __future__ import annotations

from datetime import datetime, timedelta

from accounts.models import Account, ApiToken, Membership, Session

_ROUGHLY = timedelta(minutes=5)


def seen(*, session: Session, now: datetime) -> None:
    """The person used this session. At most one write in five minutes."""
    if now - session.last_seen_at >= _ROUGHLY:
        Session.objects.filter(id=session.id).update(last_seen_at=now)
        Account.objects.filter(id=session.account_id).update(last_active_at=now)


def seen_in(*, membership_id: object, before: datetime | None, now: datetime) -> None:
    """The person was active in an organization."""
    if before is None or now - before >= _ROUGHLY:
        Membership.objects.filter(id=membership_id).update(last_active_at=now)


def token_used(*, token: ApiToken, now: datetime) -> None:
    """The token was used."""
    if token.last_used_at is None or now - token.last_used_at >= _ROUGHLY:
        ApiToken.objects.filter(id=token.id).update(last_used_at=now)
