"""Mails to everybody in an organization, about what concerns them all: a notice that changes."""
from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.urls import reverse

from accounts import acknowledging, audience, outbox
from accounts.models import Account, ClaimedAccount, Closing, Membership, NoticeVersion, Organization
from accounts.models.claim import UNDECIDED, Standing
from accounts.organizations import contact
from accounts.powers import BY_SLUG
from audit.subscribers import Sealed, Subscriber

ENDINGS = {"organization.deletion_scheduled": "scheduled", "organization.deletion_cancelled": "kept", "organization.ending_near": "near", "organization.end_waits": "waits",
           "membership.ended_with_organization": "ended"}
TOO_OLD = timedelta(days=14)
"""What happened longer ago is told nobody any more: the log and the pages say it."""


def handle(batch: list[Sealed]) -> None:
    """Owe the mails to all members."""
    now = datetime.now(UTC)
    for sealed in batch:
        organization = Organization.objects.filter(id=sealed.org).first()
        if organization is None or sealed.outcome != "success" or datetime.fromisoformat(sealed.record["occurred_at"]) <= now - TOO_OLD:
            continue
        if sealed.action in ENDINGS:
            _ending(organization, sealed, now)
        elif sealed.record.get("facts", {}).get("significant"):
            _notice(organization, sealed, now)


def _ending(organization: Organization, sealed: Sealed, now: datetime) -> None:
    """Everybody hears that the organization is to end, or not; owners that it waits; each person when it has ended."""
    row = Closing.objects.filter(organization=organization).first()
    how = ENDINGS[sealed.action]
    facts = sealed.record.get("facts", {})
    context = {"organization": organization.name, "how": how, "contact": contact.line(organization), "reference": f"{sealed.seq}", "when": sealed.record["occurred_at"][:16].replace("T", " "),
               "ground": row.ground if row else "", "ends": str(facts.get("ends_at", "") or (row.ends_at.isoformat() if row else ""))[:16].replace("T", " "), "released": facts.get("released", False),
               "postponed": facts.get("postponed", False)}
    if how == "ended":
        person = next(t["id"] for t in sealed.record["targets"] if t["type"] == "person")
        told: Iterator[Account] = iter(Account.objects.filter(id=person, kind="person").exclude(status="purged"))
    elif how == "waits":
        told = audience.holders(organization, "transfer_ownership")
    else:
        told = (membership.account for membership in members(organization.id))
    for account in told:
        outbox.owe(template="organization-ends", account=account, context=context, entry=sealed.entry, organization_id=organization.id, now=now)


def members(organization_id: UUID) -> Iterator[Membership]:
    """Everybody who belongs to the organization with an account that is theirs to use; also who is suspended, because it concerns them too."""
    rows = Membership.objects.filter(organization_id=organization_id, status__in=("active", "restricted", "suspended"), account__kind="person").exclude(account__status="purged")
    return rows.select_related("account").order_by("id").iterator(chunk_size=500)


def _notice(organization: Organization, sealed: Sealed, now: datetime) -> None:
    row = NoticeVersion.objects.filter(organization=organization, number=sealed.record["facts"]["number"]).first()
    if row is None or row.effective_at is None:
        return
    before = NoticeVersion.objects.filter(organization=organization, number__lt=row.number).exclude(state="draft").order_by("-number").first()
    context: dict[str, Any] = {
        "organization": organization.name, "number": row.number, "day": f"{row.effective_at:%Y-%m-%d}", "at": f"{row.effective_at:%Y-%m-%d %H:%M}", "contact": contact.line(organization),
        "reference": f"{sealed.seq}",
        "new": [{"title": _title(slug), "purpose": row.words.get(slug, {}).get("purpose", "")} for slug in sealed.record["facts"].get("new", [])],
        "gone": [_title(slug) for slug in sorted(set(before.powers if before else []) - set(row.powers))]}
    for membership in members(organization.id):
        page = f"{settings.STEWARD_URL}{reverse('me-notice', args=[membership.id])}?version={row.number}"
        acknowledging.require(about=row.id, template="notice-changed", accounts=[membership.account], context={**context, "page": page}, entry=sealed.entry, organization_id=organization.id, now=now,
                              asks="important")
    for claimed in outsiders(organization.id):
        page = f"{settings.STEWARD_URL}{reverse('me-claim-notice', args=[claimed.id])}?version={row.number}"
        acknowledging.require(about=row.id, template="notice-changed", accounts=[claimed.account], context={**context, "page": page}, entry=sealed.entry, organization_id=organization.id, now=now,
                              asks="important")


def outsiders(organization_id: UUID) -> Iterator[ClaimedAccount]:
    """Whoever does not belong to the organization and whose account it manages by a claim, or has announced to claim: its notice is about them too."""
    rows = ClaimedAccount.objects.filter(organization_id=organization_id, state__in=(*UNDECIDED, Standing.MANAGED)).exclude(account__in=Membership.objects.filter(
        organization_id=organization_id, status__in=("active", "restricted", "suspended")).values("account_id")).exclude(account__status="purged")
    return rows.select_related("account").order_by("id").iterator(chunk_size=500)


def _title(slug: str) -> str:
    power = BY_SLUG.get(slug)
    return str(power.title) if power else slug


SUBSCRIBER = Subscriber(name="organizations", handle=handle, actions=frozenset({"notice.published", *ENDINGS}))
