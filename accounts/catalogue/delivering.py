"""Events for the providers of apps: sent at least once to the address that the app names, signed as Standard Webhooks has it, and tried again for two days."""
from __future__ import annotations

import json
import logging
import random
import uuid
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction

from accounts.models import Account, AppDelivery, Installation
from accounts.outbox import open_text, seal_text
from accounts.tenancy import installation as whole
from accounts.work import plain
from audit import outbound
from audit.streams import secrets, sending

logger = logging.getLogger("steward.apps")
ATTEMPTS = 14
SECONDS = 10.0


def owe(row: Installation, event: str, data: dict[str, Any], *, now: datetime) -> AppDelivery:
    """The event as a row that is to be added in the act from which it follows."""
    body = {"type": event, "timestamp": plain(now), "data": {"issuer": settings.STEWARD_URL, "organization": {"id": str(row.organization_id), "name": row.organization.name},
                                                             "installation": str(row.id), "app": row.app.slug, **data}}
    return AppDelivery(id=uuid.uuid4(), organization_id=row.organization_id, installation=row, event=event, sealed=seal_text(json.dumps(body)), next_try=now, created_at=now)


def waiting(*, now: datetime) -> bool:
    with whole("events for the providers of apps of every organization"):
        return AppDelivery.objects.filter(state="due", next_try__lte=now).exists()


def run(*, now: datetime, most: int = 50) -> int:
    """Try what is due, each event in its own transaction. Returns how many were tried. Safe to run twice at once."""
    tried = 0
    with whole("events for the providers of apps of every organization"):
        while tried < most and _one(now):
            tried += 1
    return tried


def _one(now: datetime) -> bool:
    with transaction.atomic():
        rows = AppDelivery.objects.select_for_update(skip_locked=True, of=("self",)).filter(state="due", next_try__lte=now)
        row = rows.select_related("installation__app").order_by("next_try").first()
        if row is None:
            return False
        outcome = _send(row, now)
        row.attempts += 1
        row.last_error, row.last_status = outcome.code, outcome.status
        if outcome.ok:
            row.state, row.sent_at, row.next_try, row.sealed = "sent", now, None, ""
        elif row.attempts >= ATTEMPTS or outcome.code == "gone":
            row.state, row.next_try, row.sealed = "failed", None, ""
            logger.warning("event %s for a provider was given up: %s", row.id, outcome.code)
        else:
            wait = outcome.wait or min(30 * 2**row.attempts, 6 * 3600)
            row.next_try = now + timedelta(seconds=wait * random.uniform(0.8, 1.2))  # noqa: S311
        row.save(update_fields=["attempts", "last_error", "last_status", "state", "sent_at", "next_try", "sealed"])
        return True


def _send(row: AppDelivery, now: datetime) -> sending.Outcome:
    body = open_text(row.sealed).encode()
    secret = secrets.unseal(bytes(row.installation.events_secret or b""), stream=row.installation_id)
    if secret is None:
        return sending.Outcome("secret_unreadable")
    headers = {"content-type": "application/json", "user-agent": "Steward", "accept": "*/*", **secrets.headers(secrets=[secret], message=f"msg_{row.id.hex}", body=body, now=now)}
    try:
        return sending.answered(outbound.request("POST", row.installation.app.events_url, headers=headers, body=body, seconds=SECONDS), now)
    except outbound.NotSent as error:
        return sending.Outcome(error.code)


def contact(account_id: UUID | None) -> dict[str, str]:
    """Whom the provider has to do with: whoever installed it, as the installing page said."""
    account = Account.objects.filter(id=account_id).first() if account_id else None
    return {"name": account.name, "email": account.email} if account else {}
