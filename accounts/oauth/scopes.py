"""What a program may ask for, in words that people understand: signing in, and permissions of the API that are no power over access to accounts."""
from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from accounts.permissions import PERMISSIONS

SIGN_IN = {
    "openid": _("Know who signs in, by an identifier that only this program gets"),
    "profile": _("See the name and the language of whoever signs in"),
    "email": _("See the e-mail address of whoever signs in"),
    "offline_access": _("Keep people signed in while they are away"),
}
"""OpenID Connect Core 1.0, section 5.4 and 11."""

NEVER = frozenset({
    "require_password_reset", "lock_accounts", "revoke_sessions", "revoke_tokens", "reset_second_factor", "change_email", "manage_roles", "transfer_ownership", "protect_people", "approve_plans",
    "manage_apps", "manage_holds", "view_content", "export_organization", "export_audit", "manage_settings", "manage_domains",
})
"""Credentials, ownership and what decides over the log: no program gets any of it, whoever installs it (POWERS P5)."""

SENSITIVE = frozenset({"import_people", "manage_access", "deactivate_accounts", "delete_accounts", "update_profiles", "manage_requests", "manage_retention", "manage_registers", "view_audit"})
"""Installing something that asks for one of these takes a fresh second factor."""

SCOPES = {**SIGN_IN, **{name: words for name, words in PERMISSIONS.items() if name not in NEVER}}
"""Every scope there is, with its words."""

TO_PERSON = {
    **SCOPES,
    "openid": _("Know that it is you, by an identifier that only this program gets"),
    "profile": _("See your name and your language"),
    "email": _("See your e-mail address"),
    "offline_access": _("Keep you signed in while you are away"),
}
"""The same, for whoever decides about their own account."""
