"""The end of installations: at once, set-based, inside an open act. Rows stay as history and end; nothing is destroyed, so a legal hold has nothing to keep here."""
from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from accounts.catalogue import delivering
from accounts.models import AppDelivery, AppGrant, Installation, OAuthApplication


def credentials(installations: Iterable[UUID], *, now: datetime) -> int:
    """Every token, code and sign-in under way of these installations ends. They do not come back, whatever becomes of the installation."""
    from accounts.oauth import ending

    return ending.end(clients=list(OAuthApplication.objects.filter(installation_id__in=list(installations)).values_list("id", flat=True)), now=now)


def everything(installation: Installation, *, why: str, now: datetime) -> dict[str, Any]:
    """Tokens, consents, webhooks and what was to be sent end; the provider hears that the app is gone and is asked to erase. The caller changes the installation's own row."""
    from accounts.webhooks import ending as webhooks

    facts = {"tokens": credentials([installation.id], now=now)}
    webhooks.end(installations=[installation.id], now=now)
    facts["grants"] = AppGrant.objects.filter(installation=installation, ended_at=None).update(ended_at=now, ended_why=why)
    AppDelivery.objects.filter(installation=installation, state="due").update(state="dropped", sealed="", next_try=None)
    if installation.app.events_url:
        delivering.owe(installation, "app.uninstalled", {"erase": True, "reason": why}, now=now).save(force_insert=True)
    return facts
