"""The second step's forms: a code of the authenticator app works once, for as long as it would be accepted."""
from __future__ import annotations

from allauth.mfa import app_settings
from allauth.mfa.adapter import get_adapter
from allauth.mfa.base import forms
from allauth.mfa.models import Authenticator
from django.core.cache import cache

ACCEPTED = app_settings.TOTP_PERIOD * (2 * app_settings.TOTP_TOLERANCE + 1)
"""Seconds for which one code can be accepted. The library remembers a used one for a single period only, and takes those of the neighbouring periods too (RFC 6238 section 5.2)."""


class Once:
    """Refuses a code that this person has used already."""

    def clean_code(self) -> str:
        code: str = super().clean_code()  # type: ignore[misc]
        found: Authenticator = self.authenticator  # type: ignore[attr-defined]
        if found.type == Authenticator.Type.TOTP and not cache.add(f"second-step-used:{found.user_id}:{''.join(code.split())}", 1, timeout=ACCEPTED):
            raise get_adapter().validation_error("incorrect_code")
        return code


class AuthenticateForm(Once, forms.AuthenticateForm):
    """Signing in."""


class ReauthenticateForm(Once, forms.ReauthenticateForm):
    """Proving again who one is."""
