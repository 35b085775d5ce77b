"""What tests of webhooks do again and again."""
from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from accounts import door, tenancy
from accounts.models import Webhook, WebhookDelivery
from accounts.powers import BY_SLUG
from accounts.webhooks import delivery
from audit import subscribers
from audit.models import Entry
from audit.streams import secrets
from tests.audit.logs import number_all
from tests.audit.receivers import Got, Receiver
from tests.cast import Org
from tests.situations import WHY, arrange, webhook_for


def made(org: Org, receiver: Receiver, name: str = "Payroll", **more: Any) -> tuple[Webhook, secrets.Secret]:
    """A webhook of the organization to this receiver, and its secret."""
    found: list[Webhook] = []
    arrange(lambda: found.append(webhook_for(org, name, **{"url": receiver.url, **more})))
    secret = secrets.unseal(bytes(found[0].secret), stream=found[0].id)
    assert secret is not None
    return found[0], secret


def follow(*names: str) -> None:
    """What the sequencer and the subscribers do."""
    number_all()
    with tenancy.installation("subscribers read every log"):
        subscribers.drain([one for one in subscribers.registered() if one.name in names])


def turn(row: Webhook) -> int:
    """Its turn, as if every waiting were over."""
    with tenancy.scope(org=row.organization_id):
        Webhook.objects.filter(id=row.id).update(next_try=None)
        WebhookDelivery.objects.filter(webhook=row, state="due").update(next_try=None)
    return delivery.turn(row.id, row.organization_id)


def now(row: Webhook) -> Webhook:
    with tenancy.scope(org=row.organization_id):
        return Webhook.objects.get(id=row.id)


def deliveries(row: Webhook) -> list[WebhookDelivery]:
    with tenancy.scope(org=row.organization_id):
        return list(WebhookDelivery.objects.filter(webhook=row).order_by("seq"))


def do(org: Org, slug: str, *names: str, **data: Any) -> None:
    """The owner acts on these people."""
    for name in names:
        with tenancy.scope(org=org.organization.id):
            door.perform(power=BY_SLUG[slug], actor=org.actor("owner"), ids=[org.person(name).id], data={**WHY, **({"how": "reinstate"} if slug == "restore" else {}), **data}, now=datetime.now(UTC))


def over(org: Org, slug: str, by: str = "owner", **data: Any) -> door.Receipt:
    """Somebody uses a power over the organization, on the webhook “Payroll” unless said otherwise."""
    with tenancy.scope(org=org.organization.id):
        return door.perform(power=BY_SLUG[slug], actor=org.actor(by), ids=[org.organization.id], data={"webhook": "Payroll", **data}, now=datetime.now(UTC))


def said(got: Got) -> dict[str, Any]:
    return json.loads(got.body)


def records(org: Org, action: str) -> list[dict[str, Any]]:
    with tenancy.installation("look"):
        return [r for r in (json.loads(e.record) for e in Entry.objects.filter(org=org.organization.id)) if r["action"] == action]


def check_v1a(got: Got, public: str) -> None:
    """The Ed25519 signature, with the public key that everybody may see."""
    key = Ed25519PublicKey.from_public_bytes(base64.b64decode(public.removeprefix("whpk_")))
    (word,) = [one[4:] for one in got.headers["webhook-signature"].split() if one.startswith("v1a,")]
    key.verify(base64.b64decode(word), f"{got.headers['webhook-id']}.{got.headers['webhook-timestamp']}.".encode() + got.body)
