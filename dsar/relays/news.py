"""Mails to whoever answers requests: somebody has to be asked by hand, somebody does not answer, somebody's access rests because of that. Names of people are in none of them."""
from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.urls import reverse
from django.utils import translation
from django.utils.formats import date_format

from accounts import audience, outbox
from accounts.models import Account, Organization
from audit.subscribers import Sealed, Subscriber
from dsar.cases.models import Case
from dsar.powers import relays, responders
from dsar.relays.models import Responder

BY_HAND, OVERDUE, CYCLE, SUSPENDED = "relay.undeliverable", "relay.overdue", "relay.cycle_missed", "relay.access_suspended"
KINDS = {"relay.asked": "by_hand", BY_HAND: "by_hand", OVERDUE: "overdue", CYCLE: "cycle", SUSPENDED: "suspended"}


def handle(batch: list[Sealed]) -> None:
    """Owe the mails, each once. What goes on by itself, such as by mail, is told to nobody."""
    for sealed in batch:
        facts = sealed.record.get("facts", {})
        if (sealed.action == "relay.asked" and not facts.get("by_hand")) or facts.get("then") == "mail" or sealed.outcome == "denied":
            continue
        organization = Organization.objects.filter(id=sealed.org).exclude(status="deleted").first()
        if organization is not None:
            _tell(sealed, organization, facts)


def _tell(sealed: Sealed, organization: Organization, facts: dict[str, Any]) -> None:
    targets = sealed.record.get("targets", [])
    responder = Responder.objects.select_related("service", "installation__app").filter(id__in=[t["id"] for t in targets if t["type"] == "responder"]).first()
    case = Case.objects.filter(id=facts["case"]).first() if facts.get("case") else None
    about = {UUID(t["id"]) for t in targets if t["type"] == "person"} | set(case.barred if case else ())
    found: dict[UUID, Account] = {one.id: one for permission in (relays.PERMISSION, responders.PERMISSION) for one in audience.holders(organization, permission)}
    for account in found.values():
        if account.id in about:
            continue
        with translation.override(account.language):
            days = {name: date_format(date.fromisoformat(facts[name])) for name in ("respond_by", "rests_on") if facts.get(name)}
        outbox.owe(template="relay-news", account=account, entry=sealed.entry, organization_id=organization.id, now=datetime.now(UTC), context={
            "organization": organization.name, "kind": KINDS[sealed.action], "program": responder.name if responder else "", "request": case.reference if case else "", **days,
            "entry": f"{sealed.seq}", "page": settings.STEWARD_URL + reverse("responders", args=[organization.slug])})


SUBSCRIBER = Subscriber(name="relay-news", handle=handle, actions=frozenset(KINDS))
