"""What is sent: what happened, when, in which organization, to what, by number. No name, no address, no value: who needs more asks the API."""
from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import orjson

from accounts.models import OAuthApplication, Webhook, WebhookDelivery
from accounts.oauth.subjects import subject


def client_of(webhook: Webhook) -> UUID | None:
    """The client of the service or the app that the webhook belongs to: people are named as it knows them."""
    if webhook.service_id is None and webhook.installation_id is None:
        return None
    return OAuthApplication.objects.filter(service_id=webhook.service_id, installation_id=webhook.installation_id).values_list("id", flat=True).first()


def body(delivery: WebhookDelivery, webhook: Webhook, record: Mapping[str, Any] | None, *, client: UUID | None) -> bytes:
    """The message, the same to the byte however often it is sent (Standard Webhooks, “thin” payloads)."""
    about = [{"type": t["type"], "id": t["id"]} for t in (record or {}).get("targets", [])]
    if webhook.service_id or webhook.installation_id:
        about = [one for one in about if one["type"] not in {"person", "membership", "session", "api_token"}]
        people = [UUID(t["id"]) for t in (record or {}).get("targets", []) if t["type"] == "person"]
        about += [{"type": "subject", "id": subject(account_id=one, application_id=client)} for one in people] if client else []
    return orjson.dumps({"type": delivery.action, "timestamp": stamp(delivery.occurred_at), "data": {
        "organization": str(delivery.organization_id), **({"entry": str(delivery.entry), "number": delivery.seq} if delivery.entry else {}), "about": about}})


def stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
