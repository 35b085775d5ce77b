"""Mails about exports of an organization: all owners hear of every step, and its people are asked or told where what is private of them may be in it."""
from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.urls import reverse

from accounts import audience, outbox
from accounts.models import Account, Membership, Organization
from accounts.organizations import contact
from accounts.schedules import words
from audit.queries import Seen, disclose
from audit.subscribers import Sealed, Subscriber
from dsar.wholesale import run
from dsar.wholesale.model import Level, OrganizationExport

HOW = {f"data.organization_export.{name}": name for name in ("requested", "built", "stopped", "downloaded", "failed")}
_AT_ONCE = 500


def handle(batch: list[Sealed]) -> None:
    """Owe the mails of these entries. That it could not be made is recorded as a failure, and is news all the same."""
    for sealed in batch:
        row = OrganizationExport.objects.select_related("organization").filter(id=sealed.record.get("facts", {}).get("export")).first()
        if row is None or sealed.outcome not in {"success", "failure"}:
            continue
        _owners(sealed, row, row.organization)
        if HOW[sealed.action] == "requested" and row.level != Level.PLAIN:
            _people(sealed, row, row.organization)


def _owners(sealed: Sealed, row: OrganizationExport, organization: Organization) -> None:
    how = HOW[sealed.action]
    asked_by = Account.objects.filter(id=row.requested_by).first()
    for account in audience.holders(organization, run.PERMISSION):
        if how == "built" and account.id != row.requested_by:
            continue
        outbox.owe(template=run.TEMPLATE, account=account, entry=sealed.entry, organization_id=organization.id, now=datetime.now(UTC), **({"about": row.id} if how == "requested" else {}), context={
            **_common(sealed, row, organization, account.time_zone), "how": how, "mine": account.id == row.requested_by, "actor": _actor(sealed),
                "asked_by": (asked_by.name or asked_by.email) if asked_by else "",
            "lost": row.ended_how == run.LOST, "page": settings.STEWARD_URL + reverse("organization-exports", args=[organization.slug])})


def _people(sealed: Sealed, row: OrganizationExport, organization: Organization) -> None:
    there = Membership.objects.filter(organization=organization, account__kind="person", use_restricted=False).exclude(status__in=("invited", "removed")).order_by("account_id")
    ids = list(there.values_list("account_id", flat=True))
    for start in range(0, len(ids), _AT_ONCE):
        outbox.owe_all(template="organization-export-people", accounts=Account.objects.filter(id__in=ids[start:start + _AT_ONCE]), entry=sealed.entry, organization_id=organization.id,
            now=datetime.now(UTC),
                       context={**_common(sealed, row, organization, ""), "contact": contact.line(organization), "page": settings.STEWARD_URL + reverse("me-exports")})


def _common(sealed: Sealed, row: OrganizationExport, organization: Organization, zone: str) -> dict[str, Any]:
    return {"organization": organization.name, "level": row.level, "purpose": row.purpose, "begins": words.at(row.begins_at, zone or organization.time_zone),
            "until": words.at(row.expires_at, zone or organization.time_zone) if row.expires_at else "", "when": sealed.record["occurred_at"][:16].replace("T", " "), "reference": f"{sealed.seq}"}


def _actor(sealed: Sealed) -> str:
    seen = Seen(seq=sealed.seq, id=sealed.entry, recorded_at=None, occurred_at=datetime.now(UTC), record=sealed.record)
    disclose(org=sealed.org, entries=[seen])
    return next((str(seen.open[path]) for path in ("actor.name", "actor.email") if isinstance(seen.open.get(path), str)), "")


SUBSCRIBER = Subscriber(name="organization-exports", handle=handle, actions=frozenset(HOW))
