"""Mails about transfers besides the notices of the acts themselves: what time brought about, and what administrators on either side have to know. Neither learns more of the other than its name."""
from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.urls import reverse

from accounts import audience, outbox
from accounts.models import Membership, Organization, Transfer
from accounts.organizations import contact
from accounts.transfers import leaving
from accounts.work import plain
from audit.subscribers import Sealed, Subscriber

PERMISSION = "manage_domains"
LINK = "management.transfer_exit_asked"
TO_PERSON = frozenset({"management.transfer_reminded", "management.transfer_expired", "management.transfer_missed", "management.transfer_refused", "management.transfer_began",
                       "management.transfer_left"})
TO_ADMINISTRATORS = frozenset({"management.transfer_received", "management.transfer_agreed", "management.transfer_given_back", "management.transfer_objected", "management.transfer_expired",
                               "management.transfer_missed", "management.transferred", "management.transfer_left", "management.transfer_ended", "management.transfer_began"})


def handle(batch: list[Sealed]) -> None:
    """Owe the mails about these steps."""
    done = [sealed for sealed in batch if sealed.outcome == "success" and "transfer" in sealed.record.get("facts", {})]
    ids = {UUID(sealed.record["facts"]["transfer"]) for sealed in done}
    rows = {row.id: row for row in Transfer.objects.filter(id__in=ids).select_related("account", "organization", "to_organization")} if ids else {}
    for sealed in done:
        if (row := rows.get(UUID(sealed.record["facts"]["transfer"]))) is not None and row.account.status != "purged":
            _owe(sealed, row)


def _owe(sealed: Sealed, row: Transfer) -> None:
    now = datetime.now(UTC)
    organization = Organization.objects.filter(id=sealed.org).first()
    if sealed.action == LINK:
        if row.leaving_address and sealed.record["facts"].get("wished_at") == plain(row.leaving_at):  # only the newest wish has a link
            context = {**_context(sealed, row, row.organization), "link": settings.STEWARD_URL + reverse("leave-transfer", args=[leaving.token(row)])}
            outbox.owe(template="transfer-leave", account=row.account, address=row.leaving_address, context=context, entry=sealed.entry, organization_id=None, now=now)
        return
    if organization is None:
        return
    if sealed.action in TO_PERSON:
        context = {**_context(sealed, row, organization), "page": settings.STEWARD_URL + reverse("me-transfer")}
        outbox.owe(template="transfer-news", account=row.account, context=context, entry=sealed.entry, organization_id=organization.id, now=now)
    if sealed.action in TO_ADMINISTRATORS:
        member = Membership.objects.filter(organization=organization, account=row.account).values_list("id", flat=True).first()
        page = reverse("person", args=[organization.slug, member]) if member else reverse("claims", args=[organization.slug])
        for account in audience.holders(organization, PERMISSION):
            if account.id != row.account_id:
                outbox.owe(template="transfer-administrators", account=account, entry=sealed.entry, organization_id=organization.id, now=now,
                           context={**_context(sealed, row, organization), "page": settings.STEWARD_URL + page, "who": row.account.name or row.account.email})


def _context(sealed: Sealed, row: Transfer, organization: Organization) -> dict[str, Any]:
    """What a mail says. The receiving organization is named as it was typed until it has accepted: whoever offers learns nothing before."""
    named = row.to_organization.name if row.to_organization is not None and row.accepted_at is not None else row.to_slug
    return {"event": sealed.action.partition(".")[2], "organization": organization.name, "contact": contact.line(organization), "offering": row.organization.name, "receiving": named,
            "date": _day(row.effective_at), "until": _day(row.answer_until), "how": sealed.record["facts"].get("how", ""), "words": row.objection if organization.id == row.organization_id else "",
            "when": sealed.record["occurred_at"][:16].replace("T", " "), "reference": f"{sealed.seq}"}


def _day(when: datetime | None) -> str:
    return f"{when.astimezone(UTC):%Y-%m-%d %H:%M}" if when else ""


SUBSCRIBER = Subscriber(name="transfers", handle=handle, actions=TO_PERSON | TO_ADMINISTRATORS | {LINK})
