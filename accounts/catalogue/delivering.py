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
from audit.streams import sending

logger = logging.getLogger("steward.apps")
ATTEMPTS = 14
LEASE = timedelta(minutes=1)
"""So long a try belongs to one worker; when that one died, the event is sent again."""


def owe(row: Installation, event: str, data: dict[str, Any], *, now: datetime) -> AppDelivery:
    """The event as a row that is to be added in the act from which it follows."""
    body = {"type": event, "timestamp": plain(now), "data": {"issuer": settings.STEWARD_URL, "organization": {"id": str(row.organization_id), "name": row.organization.name},
                                                             "installation": str(row.id), "app": row.app.slug, **data}}
    return AppDelivery(id=uuid.uuid4(), organization_id=row.organization_id, installation=row, event=event, sealed=seal_text(json.dumps(body)), next_try=now, created_at=now)


def waiting(*, now: datetime) -> bool:
    with whole("events for the providers of apps of every organization"):
        return AppDelivery.objects.filter(state="due", next_try__lte=now).exists()


def run(*, now: datetime, most: int = 50) -> int:
    """Try what is due, one event after the other. Returns how many were tried. Safe to run twice at once."""
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
        AppDelivery.objects.filter(id=row.id).update(next_try=now + LEASE)
    # no transaction is open while somebody else's server takes its time
    outcome = sending.post(url=row.installation.app.events_url, sealed=[row.installation.events_secret], owner=row.installation_id, body=open_text(row.sealed).encode(), kind="application/json",
                           message=f"msg_{row.id.hex}", now=now)
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
    names = ("attempts", "last_error", "last_status", "state", "sent_at", "next_try", "sealed")
    AppDelivery.objects.filter(id=row.id, state="due").update(**{name: getattr(row, name) for name in names})  # what was called off meanwhile stays so
    return True


def contact(account_id: UUID | None) -> dict[str, str]:
    """Whom the provider has to do with: whoever installed it, as the installing page said."""
    account = Account.objects.filter(id=account_id).first() if account_id else None
    return {"name": account.name, "email": account.email} if account else {}
