"""Mails of the inactivity rule: each person is warned, and the administrators get one report on a day on which it did anything."""
from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.urls import reverse

from accounts import audience, outbox
from accounts.inactivity.running import EVENTS, REPORT
from accounts.models import Account, Organization
from accounts.organizations import contact
from accounts.powers import inactivity
from accounts.schedules import words
from audit.subscribers import Sealed, Subscriber


def handle(batch: list[Sealed]) -> None:
    """Owe the mails of these entries."""
    for sealed in batch:
        organization = Organization.objects.filter(id=sealed.org).first()
        if organization is None or sealed.outcome != "success":
            continue
        if sealed.action == REPORT:
            _administrators(sealed, organization)
        else:
            _person(sealed, organization)


def _person(sealed: Sealed, organization: Organization) -> None:
    named = next((UUID(t["id"]) for t in sealed.record.get("targets", []) if t["type"] == "person"), None)
    account = Account.objects.filter(id=named).first()
    if account is not None:
        facts = sealed.record["facts"]
        outbox.owe(template="inactivity-warning", account=account, entry=sealed.entry, organization_id=organization.id, now=datetime.now(UTC), context={
            **_common(sealed, organization), "days": facts["days"], "ends": words.at(datetime.fromisoformat(facts["ends_at"]), account.time_zone or organization.time_zone),
            "last": sealed.action == EVENTS["remind"], "page": settings.STEWARD_URL + reverse("org-home", args=[organization.slug]), "contact": contact.line(organization)})


def _administrators(sealed: Sealed, organization: Organization) -> None:
    for account in audience.holders(organization, str(inactivity.END.permission)):
        outbox.owe(template="inactivity-report", account=account, entry=sealed.entry, organization_id=organization.id, now=datetime.now(UTC), context={
            **_common(sealed, organization), **{name: sealed.record["facts"][name] for name in ("days", "warned", "reminded", "suspended", "waiting")},
            "page": settings.STEWARD_URL + reverse("people", args=[organization.slug]) + "?due=inactive"})


def _common(sealed: Sealed, organization: Organization) -> dict[str, Any]:
    return {"organization": organization.name, "when": sealed.record["occurred_at"][:16].replace("T", " "), "reference": f"{sealed.seq}"}


SUBSCRIBER = Subscriber(name="inactivity", handle=handle, actions=frozenset({*EVENTS.values(), REPORT}))
