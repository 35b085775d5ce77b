"""What follows from legal holds: deletions wait or go on, people to whom a hold is disclosed are told, and who manages holds hears what is due and what goes on."""
from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from uuid import UUID

from django.conf import settings
from django.urls import reverse

from accounts import audience, outbox
from accounts.models import Account, Deletion, Organization
from audit.models import Hold
from audit.subscribers import Sealed, Subscriber
from dsar.holds import people, running
from dsar.holds.models import Disclosure, HoldNotice, LegalHold
from dsar.powers import legal_holds

PERSON = {"data.legal_hold.disclosed": "told", "data.legal_hold.reminded": "reminded", "data.legal_hold.ended": "ended"}
MANAGERS = {legal_holds.PLACE.event: "placed", legal_holds.RELEASE.event: "released", legal_holds.LET_GO.event: "people_released", "data.legal_hold.lapsed": "lapsed"}
LOG = frozenset({"data.hold.placed", "data.hold.released"})
"""Holds on the log: on somebody they let a deletion wait too."""


def handle(batch: list[Sealed]) -> None:
    """Let things follow, and owe the mails. Whoever must not know of a hold is told nothing, whatever they may do."""
    for sealed in batch:
        organization = Organization.objects.filter(id=sealed.org).first()
        if sealed.outcome != "success" or organization is None:
            continue
        now = datetime.now(UTC)
        row = LegalHold.objects.select_related("matter").filter(id=sealed.record.get("facts", {}).get("hold"), organization=organization).first()
        if sealed.action in PERSON:
            if row is not None:
                _person(sealed, organization, row, now)
        elif sealed.action in LOG:
            running.follow(_on(sealed) or _waiting(), now=now)
        elif row is not None:
            running.follow(list(people.custodies(organization.id, hold=row.id, in_force=False).values_list("subject", flat=True)), now=now)
            running.tell(row.id, now=now)
            if sealed.action in MANAGERS:
                _managers(sealed, organization, row, now)


def _on(sealed: Sealed) -> list[UUID]:
    """Whom a hold on the log is on; [] where it is on days, or on all of it."""
    return list(Hold.objects.filter(org=sealed.org, id=sealed.record["facts"].get("hold"), subject__isnull=False).values_list("subject", flat=True))


def _waiting() -> list[UUID]:
    """Whoever's deletion waits: one of them may go on."""
    return list(Deletion.objects.filter(state="blocked").values_list("account_id", flat=True))


def _person(sealed: Sealed, organization: Organization, row: LegalHold, now: datetime) -> None:
    account = next((Account.objects.filter(id=t["id"]).first() for t in sealed.record["targets"] if t["type"] == "person"), None)
    if account is None or account.status == "purged" or not HoldNotice.objects.filter(hold=row, account=account).exists():
        return
    after = row.disclosure == Disclosure.AFTER
    outbox.owe(template="hold-news", account=account, entry=sealed.entry, organization_id=organization.id, now=now, context={
        **_common(sealed, organization), "how": "after" if after else PERSON[sealed.action], "since": f"{row.placed_at:%Y-%m-%d}", "page": settings.STEWARD_URL + reverse("me-holds")})


def _managers(sealed: Sealed, organization: Organization, row: LegalHold, now: datetime) -> None:
    for told in _audience(organization, row):
        if sealed.record["actor"].get("id") != str(told.id):
            outbox.owe(template="hold-managers", account=told, entry=sealed.entry, organization_id=organization.id, now=now, context={
                **_common(sealed, organization), "how": MANAGERS[sealed.action], "people": sealed.record["facts"].get("people", 0), "until": f"{row.confirm_by:%Y-%m-%d %H:%M}",
                "resumes": _resumes(row), "page": settings.STEWARD_URL + reverse("hold", args=[organization.slug, row.id])})


def _audience(organization: Organization, row: LegalHold) -> Iterator[Account]:
    """Who manages holds and may know of this one."""
    yield from (one for one in audience.holders(organization, str(legal_holds.PLACE.permission)) if row.matter_id not in people.hidden(organization.id, one.id))


def _resumes(row: LegalHold) -> int:
    """How many deletions of people of this hold do not wait for any hold now."""
    accounts = people.custodies(row.organization_id, hold=row.id, in_force=False).exclude(released_at=None).values_list("subject", flat=True)
    return Deletion.objects.filter(account_id__in=list(accounts)).exclude(state="blocked").count()


def _common(sealed: Sealed, organization: Organization) -> dict[str, str]:
    return {"organization": organization.name, "contact": organization.contact_email or "", "when": sealed.record["occurred_at"][:16].replace("T", " "), "reference": f"{sealed.seq}"}


SUBSCRIBER = Subscriber(name="legal-holds", handle=handle, actions=frozenset({*PERSON, *MANAGERS, legal_holds.ADD.event, *LOG}))
