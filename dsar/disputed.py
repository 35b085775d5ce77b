"""Whoever disputes a value of their profile may have the use of their data restricted meanwhile: what is accurate is contested (RIGHTS 3e, Art. 18(1)(a) GDPR)."""
from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from audit.subscribers import Sealed, Subscriber
from dsar.restriction import life

EVENT = "profile.value_disputed"


def handle(batch: list[Sealed]) -> None:
    """Restrict where the person asked for it. Whoever is restricted already stays as they are."""
    for sealed in batch:
        person = next((UUID(t["id"]) for t in sealed.record.get("targets", []) if t["type"] == "person"), None)
        if sealed.outcome == "success" and person is not None and sealed.record.get("facts", {}).get("restrict"):
            life.by_itself(organization_id=sealed.org, account_id=person, trigger="dispute", now=datetime.now(UTC))


SUBSCRIBER = Subscriber(name="disputed", handle=handle, actions=frozenset({EVENT}))
