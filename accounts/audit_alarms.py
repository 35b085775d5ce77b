"""Alarms: when the log does not verify, or a drill was not caught, everybody is told who may read the log."""
from __future__ import annotations

from datetime import UTC, datetime

from django.conf import settings
from django.urls import reverse

from accounts import audience, outbox
from accounts.models import Organization
from audit import drill, selfcheck
from audit.subscribers import Sealed, Subscriber

PERMISSION = "view_audit"


def handle(batch: list[Sealed]) -> None:
    """Owe the mails about findings. That everything is well is in the log, and nobody is woken for it."""
    for sealed in batch:
        organization = Organization.objects.filter(id=sealed.org).first() if sealed.outcome != "success" else None
        if organization is not None:
            context = {"organization": organization.name, "drill": sealed.action == drill.ACTION, "facts": sealed.record.get("facts", {}), "reference": f"{sealed.seq}",
                       "when": sealed.record["occurred_at"][:16].replace("T", " "), "page": settings.STEWARD_URL + reverse("audit", args=[organization.slug])}
            for account in audience.holders(organization, PERMISSION):
                outbox.owe(template="audit-alarm", account=account, context=context, entry=sealed.entry, organization_id=organization.id, now=datetime.now(UTC))


SUBSCRIBER = Subscriber(name="alarms", handle=handle, actions=frozenset({selfcheck.ACTION, drill.ACTION}))
