"""What follows when a person's own credentials change: epochs, sessions, and the facts the account remembers about them."""
from __future__ import annotations

from datetime import datetime
from uuid import UUID

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.contrib.sessions.models import Session as StoredSession
from django.utils import timezone

from accounts.models import Account, Membership, Session
from accounts.oauth import ending
from accounts.tenancy import installation

FACTORS = (Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN)


def reconcile(*, account_id: UUID) -> None:
    """Write onto the account what the libraries' tables say: a second factor, a verified address. Needs an open act."""
    account = Account.objects.get(id=account_id)
    factor = Authenticator.objects.filter(user=account, type__in=FACTORS).exists()
    address = EmailAddress.objects.filter(user=account, primary=True).first()
    verified = account.email_verified_at
    if address is not None and address.verified and verified is None:
        verified = timezone.now()
    if (factor, verified) != (account.has_second_factor, account.email_verified_at):
        Account.objects.filter(id=account_id).update(has_second_factor=factor, email_verified_at=verified)


def password_changed(*, account_id: UUID, keep_session: str, now: datetime) -> int:
    """After a change or reset by the person: demands are met, links die, every other session ends. Needs an open act.

    Returns how many sessions ended. `keep_session` is the session key that stays, '' for none.
    """
    account = Account.objects.select_for_update().get(id=account_id)
    account.auth_epoch += 1
    account.credential_epoch += 1
    account.reset_required_at = account.reset_required_by = None
    account.version += 1
    account.save(update_fields=["auth_epoch", "credential_epoch", "reset_required_at", "reset_required_by", "version"])
    with installation("a demand is met in every organization that made it"):
        Membership.objects.filter(account=account, reset_required_at__isnull=False).update(reset_required_at=None, reset_required_by=None)
        account.api_tokens.filter(state="active", auth_epoch=account.auth_epoch - 1).update(auth_epoch=account.auth_epoch)
    Session.objects.filter(account=account, session_key=keep_session).update(auth_epoch=account.auth_epoch)
    others = Session.objects.filter(account=account, ended_at=None).exclude(session_key=keep_session)
    StoredSession.objects.filter(session_key__in=list(others.values_list("session_key", flat=True))).delete()
    ending.end(accounts=[account_id], now=now, why="password_changed")
    return others.update(ended_at=now, ended_reason="password_changed")
