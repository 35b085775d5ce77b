"""Mails about copies: whoever asked hears that theirs is ready, was fetched, or could not be made; and the person that their organization took one."""
from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from django.conf import settings
from django.urls import reverse

from accounts import mail, outbox
from accounts.models import Account
from accounts.organizations import contact
from audit.subscribers import Sealed, Subscriber
from dsar.content.telling import FACT
from dsar.models import Copy, CopyState
from dsar.powers import export_person

TOLD = "data.export.told"
EVENTS = {"package.built": "ready", "package.downloaded": "fetched", "package.failed": "failed", "package.expiring": "soon"}


def handle(batch: list[Sealed]) -> None:
    """Owe the mails. That it failed is recorded as a failure, and is news all the same."""
    for sealed in batch:
        account = Account.objects.filter(id=_person(sealed)).first()
        if account is None:
            continue
        if sealed.action in EVENTS:
            _about_copy(sealed, account)
        elif sealed.action == TOLD:
            _later(sealed, account)
        elif sealed.outcome == "success" and sealed.record["actor"].get("id") != str(account.id) and FACT not in sealed.record.get("facts", {}):
            mail.tell(sealed, account=account, template=export_person.POWER.slug)


def _later(sealed: Sealed, account: Account) -> None:
    """The notice that two people agreed to give later: who took the copy, and when."""
    row = Copy.objects.select_related("organization").filter(id=sealed.record["facts"]["copy"]).first()
    if row is None or row.organization is None:
        return
    by = Account.objects.filter(id=row.requested_by).first()
    outbox.owe(template=export_person.POWER.slug, account=account, entry=sealed.entry, organization_id=row.organization_id, now=datetime.now(UTC), context={
        "organization": row.organization.name, "actor": (by.name or by.email) if by else "", "contact": contact.line(row.organization), "later": True,
            "taken": f"{row.asked_at.astimezone(UTC):%Y-%m-%d %H:%M}",
        "when": sealed.record["occurred_at"][:16].replace("T", " "), "reference": f"{sealed.seq}"})


def _about_copy(sealed: Sealed, person: Account) -> None:
    row = Copy.objects.select_related("organization").filter(id=sealed.record.get("facts", {}).get("copy"), for_case=None).first()  # of those for a request its own letters tell
    account = person if row is None or row.organization is None else Account.objects.filter(id=row.requested_by).first()
    if row is None or account is None or (sealed.action == "package.expiring" and row.state != CopyState.READY) or (row.organization and sealed.action == "package.downloaded"):
        return
    page = reverse("copies", args=[row.organization.slug]) if row.organization else reverse("me-copies")
    context = {"how": EVENTS[sealed.action], "until": f"{row.expires_at.astimezone(UTC):%Y-%m-%d %H:%M}" if row.expires_at else "", "page": settings.STEWARD_URL + page,
               "organization": row.organization.name if row.organization else "", "when": sealed.record["occurred_at"][:16].replace("T", " "), "reference": f"{sealed.seq}"}
    outbox.owe(template="copy-news", account=account, context=context, entry=sealed.entry, organization_id=row.organization_id, now=datetime.now(UTC))


def _person(sealed: Sealed) -> UUID | None:
    return next((UUID(t["id"]) for t in sealed.record.get("targets", []) if t["type"] == "person"), None)


SUBSCRIBER = Subscriber(name="copies", handle=handle, actions=frozenset({*EVENTS, export_person.POWER.event, TOLD}))
