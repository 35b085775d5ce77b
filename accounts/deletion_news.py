"""Mails about deletions that no act of a person causes: the date is near, something stands in the way, the address was given free."""
from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from django.conf import settings
from django.urls import reverse
from django.utils import translation

from accounts import audience, deletions, outbox, own_deletion
from accounts.addresses import address_key
from accounts.models import Account, Deletion, Membership, Organization
from accounts.reasons import text
from audit.subscribers import Sealed, Subscriber

EVENTS = frozenset({"account.deletion_near", "account.purge_waits", "account.address_released", "account.own_deletion_scheduled"})
ASKED = frozenset({"account.deletion_asked", "account.deletion_request_waiting"})
BACK = "account.deletion_cancelled"
PERMISSION = "delete_accounts"


def handle(batch: list[Sealed]) -> None:
    """Owe the mails. What is over by now is told to nobody."""
    for sealed in batch:
        person = next((UUID(t["id"]) for t in sealed.record.get("targets", []) if t["type"] == "person"), None)
        row = deletions.of(account_id=person) if person else None
        organization = Organization.objects.filter(id=sealed.org).first()
        if sealed.outcome == "success" and person and (sealed.action in ASKED or sealed.action == BACK):
            account = Account.objects.get(id=person)
            if sealed.action == BACK and sealed.record["actor"].get("id") == str(person):
                _taken_back(sealed, organization, account)
            elif sealed.action in ASKED and organization is not None and account.status != "purged":
                _requests(sealed, organization, account, how="waits" if sealed.action == "account.deletion_request_waiting" else "asks")
            continue
        if row is None or sealed.outcome != "success":
            continue
        account = Account.objects.get(id=row.account_id)
        if sealed.action == "account.deletion_near" and deletions.on_hold([row.account_id]):
            continue  # it waits meanwhile; they are warned anew when it goes on
        if sealed.action == "account.purge_waits":
            if organization is not None:
                _administrators(sealed, organization, row, account)
        else:
            _person(sealed, organization, row, account)
            if sealed.action == "account.own_deletion_scheduled" and organization is not None:
                _requests(sealed, organization, account, how="alone")


def _requests(sealed: Sealed, organization: Organization, account: Account, *, how: str) -> None:
    """Whoever may delete accounts hears what a person asked or decided; after some days without an answer all administrators, then the owners."""
    days = int(sealed.record.get("facts", {}).get("days", 0)) if how == "waits" else 0
    for told in audience.holders(organization, PERMISSION, rank=dict(own_deletion.ESCALATES).get(days, 0)):
        if told.id != account.id:
            outbox.owe(template="deletion-asked", account=told, entry=sealed.entry, organization_id=organization.id, now=datetime.now(UTC), context={
                "how": how, "days": days, "who": account.name or account.email, "organization": organization.name,
                "when": sealed.record["occurred_at"][:16].replace("T", " "), "reference": f"{sealed.seq}",
                "page": settings.STEWARD_URL + reverse("rights-requests", args=[organization.slug])})


def _taken_back(sealed: Sealed, organization: Organization | None, account: Account) -> None:
    """The person took it back. The mailbox hears of it in any case: whoever did it may not have been the person."""
    outbox.owe(template="deletion-news", account=account, entry=sealed.entry, organization_id=organization.id if organization else None, now=datetime.now(UTC), context={
        "event": "deletion_cancelled", "organization": organization.name if organization else "", "contact": (organization.contact_email if organization else "") or "",
        "when": sealed.record["occurred_at"][:16].replace("T", " "), "reference": f"{sealed.seq}"})


def _person(sealed: Sealed, organization: Organization | None, row: Deletion, account: Account) -> None:
    address = outbox.open_text(row.last_address)
    if Account.objects.filter(email_key=address_key(address)).exclude(id=account.id).exists():
        return  # somebody else reads it now
    outbox.owe(template="deletion-news", account=account, address=address, entry=sealed.entry, organization_id=row.organization_id, now=datetime.now(UTC), context={
        **_common(sealed, organization, row), "event": sealed.action.partition(".")[2], "waits": bool(row.waits_for) or bool(deletions.on_hold([row.account_id])),
        "postponed": sealed.record.get("facts", {}).get("postponed", False), "link": own_deletion.link(row) if row.by_person and deletions.may(row, "cancel") else ""})


def _administrators(sealed: Sealed, organization: Organization, row: Deletion, account: Account) -> None:
    member = Membership.objects.filter(organization=organization, account=account).first()
    for told in audience.holders(organization, PERMISSION):
        with translation.override(told.language):
            words = [text(code) for code in sealed.record.get("facts", {}).get("waits_for", [])]
        outbox.owe(template="deletion-waits", account=told, entry=sealed.entry, organization_id=organization.id, now=datetime.now(UTC), context={
            **_common(sealed, organization, row), "words": words, "began": row.began_at is not None,
            "page": settings.STEWARD_URL + (reverse("person", args=[organization.slug, member.id]) if member else reverse("people", args=[organization.slug]))})


def _common(sealed: Sealed, organization: Organization | None, row: Deletion) -> dict[str, str]:
    return {"organization": organization.name if organization else "", "contact": (organization.contact_email if organization else "") or "", "until": row.purge_at.isoformat()[:16].replace("T", " "),
            "when": sealed.record["occurred_at"][:16].replace("T", " "), "reference": f"{sealed.seq}"}


SUBSCRIBER = Subscriber(name="deletions", handle=handle, actions=EVENTS | ASKED | {BACK})
