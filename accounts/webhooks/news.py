"""From the log to the queues: each entry is put down once for each webhook that asked for it. And the mails about webhooks that were paused."""
from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime
from uuid import UUID

from django.conf import settings
from django.urls import reverse

from accounts import audience, outbox
from accounts.models import Organization, Webhook, WebhookDelivery
from accounts.signals.known import known, persons
from accounts.webhooks import events
from audit.subscribers import Sealed, Subscriber

PERMISSION = "manage_apps"
PAUSED = {"webhook.gone": "gone", "webhook.paused_failing": "failing"}


def handle(batch: list[Sealed]) -> None:
    """Runs in the transaction that moves the cursor, so an entry is put down exactly once. What was refused did not happen, and is told to nobody."""
    found: dict[UUID, list[Webhook]] = defaultdict(list)
    for row in Webhook.objects.filter(organization_id__in={sealed.org for sealed in batch}).order_by("id"):
        found[row.organization_id].append(row)
    now, rows = datetime.now(UTC), []
    for sealed in batch if found else ():
        if sealed.outcome != "success":
            continue
        at = datetime.fromisoformat(sealed.record["occurred_at"])
        rows += [WebhookDelivery(organization_id=sealed.org, webhook=row, entry=sealed.entry, seq=sealed.seq, action=sealed.action[:80], occurred_at=at, made_at=now)
                 for row in found[sealed.org] if row.created_at <= at and concerns(row, sealed, at)]
    WebhookDelivery.objects.bulk_create(rows, batch_size=2000, ignore_conflicts=True)


def concerns(row: Webhook, sealed: Sealed, at: datetime) -> bool:
    """Whether this webhook is told: it asked, and where it belongs to a service or an app, that knows whom it is about."""
    if not events.matches(row.events, sealed.action):
        return False
    if row.service_id is None and row.installation_id is None:
        return True
    if events.beyond([sealed.action]):
        return False
    people = persons(sealed.record.get("targets", []))
    return not people or bool(known(people, service_id=row.service_id, installation_id=row.installation_id, at=at))


def tell(batch: list[Sealed]) -> None:
    """Whoever manages apps hears that a webhook was paused without their doing."""
    for sealed in batch:
        organization = Organization.objects.filter(id=sealed.org).first()
        target = next((t for t in sealed.record.get("targets", []) if t["type"] == "webhook"), None)
        row = Webhook.objects.filter(id=target["id"], organization_id=sealed.org).first() if target else None
        if organization is None or row is None:
            continue
        context = {"organization": organization.name, "webhook": row.name, "host": row.host, "why": PAUSED[sealed.action], "when": sealed.record["occurred_at"][:16].replace("T", " "),
                   "reference": f"{sealed.seq}", "page": settings.STEWARD_URL + reverse("webhook", args=[organization.slug, row.id])}
        outbox.owe_all(template="webhook-paused", accounts=audience.holders(organization, PERMISSION), context=context, entry=sealed.entry, organization_id=organization.id, now=datetime.now(UTC))


SUBSCRIBER = Subscriber(name="webhooks", handle=handle)
TELLING = Subscriber(name="webhooks-paused", handle=tell, actions=frozenset(PAUSED))
