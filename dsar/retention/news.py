"""Mails to whoever decides how long data is kept: a run that only counted, one that stopped, one that left something behind."""
from __future__ import annotations

from datetime import UTC, datetime

from django.conf import settings
from django.urls import reverse

from accounts import audience, outbox
from accounts.models import Organization
from audit.subscribers import Sealed, Subscriber
from dsar.powers import retention

TEMPLATE = "retention-news"
EVENTS = {"retention.tried": "tried", "retention.stopped": "stopped", "retention.finished": "left"}


def handle(batch: list[Sealed]) -> None:
    """Owe the mails. That a run did all it should is in the log and on the page, and nobody is woken for it."""
    for sealed in batch:
        organization = Organization.objects.filter(id=sealed.org).first()
        if organization is None or (sealed.action == "retention.finished" and sealed.outcome == "success"):
            continue
        facts = sealed.record["facts"]
        context = {"how": EVENTS[sealed.action], "organization": organization.name, "due": facts.get("due", 0), "held": facts.get("held", 0), "overdue": facts.get("overdue", 0), "day": facts["day"],
                   "page": settings.STEWARD_URL + reverse("retention-run", args=[organization.slug, facts["run"]]), "when": sealed.record["occurred_at"][:16].replace("T", " "),
                   "reference": f"{sealed.seq}"}
        for account in audience.holders(organization, str(retention.SET.permission)):
            outbox.owe(template=TEMPLATE, account=account, context=context, entry=sealed.entry, organization_id=organization.id, now=datetime.now(UTC))


SUBSCRIBER = Subscriber(name="retention", handle=handle, actions=frozenset(EVENTS))
