"""Mails about restrictions: the person hears of every step, before anything is lifted above all; who answers requests hears that one began, without the name."""
from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from django.conf import settings
from django.urls import reverse
from django.utils import translation

from accounts import audience, mail, outbox
from accounts.models import Account, Membership, Organization
from audit.subscribers import Sealed, Subscriber
from dsar.powers import restrict_own_use, restrict_use
from dsar.restriction import parts
from dsar.restriction.model import Restriction

NEWS = {"use.restricted": "began", "use.restriction_confirmed": "confirmed", "use.restriction_lifted": "lifted", "use.partly_freed": "partly"}
"""What comes by time, or by itself."""
NOTICES = {restrict_use.POWER.event: restrict_use.POWER.slug, restrict_use.LIFT.event: restrict_use.LIFT.slug}


def handle(batch: list[Sealed]) -> None:
    """Owe the mails. Refused attempts are told to nobody."""
    for sealed in batch:
        person = next((UUID(t["id"]) for t in sealed.record.get("targets", []) if t["type"] == "person"), None)
        account, organization = Account.objects.filter(id=person).first(), Organization.objects.filter(id=sealed.org).first()
        if sealed.outcome != "success" or account is None or organization is None:
            continue
        by_itself = sealed.record["actor"]["type"] == "schedule"
        if not by_itself and sealed.action in NOTICES:
            mail.tell(sealed, account=account, template=NOTICES[sealed.action])
        elif by_itself and sealed.action in NEWS:
            _person(sealed, organization, account)
        if sealed.action == restrict_own_use.POWER.event or (by_itself and sealed.action == "use.restricted"):
            _administrators(sealed, organization, account)


def _person(sealed: Sealed, organization: Organization, account: Account) -> None:
    outbox.owe(template="restriction-news", account=account, entry=sealed.entry, organization_id=organization.id, now=datetime.now(UTC), context={
        **_common(sealed, organization, account), "how": NEWS[sealed.action], "trigger": sealed.record.get("facts", {}).get("trigger", ""), "page": settings.STEWARD_URL + reverse("me-restriction")})


def _administrators(sealed: Sealed, organization: Organization, account: Account) -> None:
    row = Restriction.objects.filter(organization=organization, account=account, what=_what(sealed)).order_by("-began_at").first()
    member = Membership.objects.filter(organization=organization, account=account).first()
    if row is None or member is None or row.object_by is None:
        return
    for told in audience.holders(organization, str(restrict_use.LIFT.permission)):
        if told.id != account.id:
            outbox.owe(template="restriction-window", account=told, entry=sealed.entry, organization_id=organization.id, now=datetime.now(UTC), context={
                **_common(sealed, organization, told), "until": f"{row.object_by.astimezone(UTC):%Y-%m-%d %H:%M}",
                "page": settings.STEWARD_URL + reverse("person", args=[organization.slug, member.id])})


def _what(sealed: Sealed) -> str:
    """The part that the entry is about; '' is everything."""
    return str(sealed.record.get("facts", {}).get("what", ""))


def _common(sealed: Sealed, organization: Organization, told: Account) -> dict[str, str]:
    """A part is named by its kind: which group it is stands on the page and in no mail."""
    with translation.override(told.language):
        part = parts.words(_what(sealed)) if _what(sealed) else ""
    return {"organization": organization.name, "part": part, "when": sealed.record["occurred_at"][:16].replace("T", " "), "reference": f"{sealed.seq}"}


SUBSCRIBER = Subscriber(name="restrictions", handle=handle, actions=frozenset({*NEWS, *NOTICES, restrict_own_use.POWER.event}))
