"""Mails about copies: the person hears that theirs is ready, was fetched, or could not be made."""
from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from django.conf import settings
from django.urls import reverse

from accounts import outbox
from accounts.models import Account
from audit.subscribers import Sealed, Subscriber
from dsar.models import Copy

EVENTS = {"package.built": "ready", "package.downloaded": "fetched", "package.failed": "failed"}


def handle(batch: list[Sealed]) -> None:
    """Owe the mails. That it failed is recorded as a failure, and is news all the same."""
    for sealed in batch:
        row = Copy.objects.filter(id=sealed.record.get("facts", {}).get("copy")).first()
        account = Account.objects.filter(id=_person(sealed)).first()
        if row is None or account is None:
            continue
        context = {"how": EVENTS[sealed.action], "until": f"{row.expires_at.astimezone(UTC):%Y-%m-%d %H:%M}" if row.expires_at else "", "page": settings.STEWARD_URL + reverse("me-copies"),
                   "when": sealed.record["occurred_at"][:16].replace("T", " "), "reference": f"{sealed.seq}"}
        outbox.owe(template="copy-news", account=account, context=context, entry=sealed.entry, organization_id=None, now=datetime.now(UTC))


def _person(sealed: Sealed) -> UUID | None:
    return next((UUID(t["id"]) for t in sealed.record.get("targets", []) if t["type"] == "person"), None)


SUBSCRIBER = Subscriber(name="copies", handle=handle, actions=frozenset(EVENTS))
