"""Mails about the brake: whoever could agree hears that somebody was paused, and so does whoever was."""
from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from django.conf import settings
from django.urls import reverse
from django.utils import translation

from accounts import approvers, audience, outbox
from accounts.models import Account, Membership, Organization
from accounts.powers import BY_CODE
from audit.subscribers import Sealed, Subscriber

EVENTS = frozenset({"actor.paused", "actor.pause_ended"})


def handle(batch: list[Sealed]) -> None:
    """Owe the mails: to everybody who may approve, and to the one who was paused."""
    for sealed in batch:
        organization = Organization.objects.filter(id=sealed.org).first()
        person = next((UUID(t["id"]) for t in sealed.record.get("targets", []) if t["type"] == "person"), None)
        account = Account.objects.filter(id=person).first()
        if organization is None or account is None or sealed.outcome != "success":
            continue
        for told in {account.id: account, **{a.id: a for a in audience.holders(organization, approvers.PERMISSION)}}.values():
            _owe(sealed, organization, account, told)


def _owe(sealed: Sealed, organization: Organization, account: Account, told: Account) -> None:
    membership = Membership.objects.filter(organization=organization, account=account).first()
    ended, power = sealed.action == "actor.pause_ended", BY_CODE.get(sealed.record.get("facts", {}).get("power", ""))
    with translation.override(told.language):
        context = {
            "organization": organization.name, "who": account.name or account.email, "mine": told.id == account.id, "ended": ended, "power": str(power.title) if power else "",
            "when": sealed.record["occurred_at"][:16].replace("T", " "), "reference": f"{sealed.seq}",
            "page": settings.STEWARD_URL + (reverse("person", args=[organization.slug, membership.id]) if membership else reverse("administrators", args=[organization.slug]))}
    outbox.owe(template="brake", account=told, context=context, entry=sealed.entry, organization_id=organization.id, now=datetime.now(UTC))


SUBSCRIBER = Subscriber(name="brake", handle=handle, actions=EVENTS)
