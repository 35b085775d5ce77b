"""Mails about unused accounts: the holder is warned and told of the end, and administrators get one report on a day on which something happened."""
from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.urls import reverse

from accounts import audience, outbox, own_deletion
from accounts.dormant.running import CLOSED, READER, REPORT, WARNED
from accounts.models import Account, Deletion, Organization
from accounts.organizations import contact
from accounts.schedules import words
from audit.subscribers import Sealed, Subscriber

PERMISSION = "delete_accounts"


def handle(batch: list[Sealed]) -> None:
    """Owe the mails of these entries."""
    for sealed in batch:
        organization = Organization.objects.filter(id=sealed.org).first()
        if sealed.action == REPORT:
            if organization is not None:
                _administrators(sealed, organization)
            continue
        named = next((UUID(t["id"]) for t in sealed.record.get("targets", []) if t["type"] == "person"), None)
        account = Account.objects.filter(id=named).exclude(status="purged").first()
        if account is not None:
            _holder(sealed, organization, account)


def _holder(sealed: Sealed, organization: Organization | None, account: Account) -> None:
    facts, closed = sealed.record["facts"], sealed.action == CLOSED
    row = Deletion.objects.filter(account=account, by_person=True).first() if closed else None
    zone = account.time_zone or (organization.time_zone if organization else "UTC")
    outbox.owe(template="unused-account", account=account, entry=sealed.entry, organization_id=organization.id if organization else None, now=datetime.now(UTC), context={
        **_common(sealed, organization), "closed": closed, "days": facts["days"], "grace": facts.get("grace", 0), "last": facts.get("number") == facts.get("of"),
            "confirmed": account.email_verified_at is not None,
        "until": words.at(datetime.fromisoformat(facts["purge_at"] if closed else facts["ends_at"]), zone), "link": own_deletion.link(row) if row else "",
            "page": settings.STEWARD_URL + reverse("me")})


def _administrators(sealed: Sealed, organization: Organization) -> None:
    for account in audience.holders(organization, PERMISSION):
        outbox.owe(template="unused-accounts-report", account=account, entry=sealed.entry, organization_id=organization.id, now=datetime.now(UTC), context={
            **_common(sealed, organization), **{name: sealed.record["facts"][name] for name in ("days", "warned", "closed", "waiting")},
            "page": settings.STEWARD_URL + reverse("settings-unused", args=[organization.slug])})


def _common(sealed: Sealed, organization: Organization | None) -> dict[str, Any]:
    return {"organization": organization.name if organization else "", "contact": contact.line(organization), "when": sealed.record["occurred_at"][:16].replace("T", " "), "reference": f"{sealed.seq}"}


SUBSCRIBER = Subscriber(name=READER, handle=handle, actions=frozenset({WARNED, CLOSED, REPORT}))
