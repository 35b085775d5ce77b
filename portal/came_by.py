"""How something came about, in words: which way it took into the product, and how whoever did it had proved who they are."""
from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy

_WAYS = {
    "ui": gettext_lazy("Page"), "api": gettext_lazy("API"), "cli": gettext_lazy("Command line"), "schedule": gettext_lazy("By itself, in time"),
    "job": gettext_lazy("Background job"), "upgrade": gettext_lazy("Upgrade of Steward"), "calendar": gettext_lazy("Calendar"),
}
_PROOFS = {
    "password": gettext_lazy("Password"), "totp": gettext_lazy("Code of an authenticator app"), "passkey": gettext_lazy("Passkey"), "recovery_code": gettext_lazy("Recovery code"),
    "mail_link": gettext_lazy("Link in a mail"), "session": gettext_lazy("Being signed in"),
}


def way(context: dict[str, Any]) -> str:
    """By which way: a page, the API, the command line, or nobody at all."""
    word = str(context.get("via") or "")
    return str(_WAYS.get(word, word))


def proof(auth: dict[str, Any]) -> str:
    """What the person had proved themselves with."""
    word = str(auth.get("method") or "")
    return str(_PROOFS.get(word, word))
