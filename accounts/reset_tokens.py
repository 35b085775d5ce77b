"""Reset links that die with the next demand, change or lockdown."""
from __future__ import annotations

from django.contrib.auth.tokens import PasswordResetTokenGenerator
from django.utils import timezone

from accounts.models import Account


class ResetTokens(PasswordResetTokenGenerator):
    """A link is bound to the password, the address, the account's status and its credential epoch; 60 minutes. It dies when access ends."""

    def _make_hash_value(self, user: Account, timestamp: int) -> str:
        return f"{super()._make_hash_value(user, timestamp)}:{user.credential_epoch}:{user.status}:{user.is_over(timezone.now())}"
