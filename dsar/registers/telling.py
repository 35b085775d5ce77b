"""What a round tells each person: the row that they find on their page, and the mail."""
from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from django.conf import settings
from django.urls import reverse

from accounts import outbox
from accounts.models import Account, Mail, NoticeVersion, Organization
from accounts.organizations import contact
from dsar.registers import countries
from dsar.registers.models import BusinessTransfer, Disclosure, NoticeSeen, PrivacyNotice, Reach, Round, ToldDisclosure

TOLD = ("kind", "name", "country", "their_reference", "received_on", "basis", "categories", "from_day", "to_day", "outcome", "given", "refusal", "answered_on", "secret_until", "number")


def disclosure(row: Round, people: list[Account], now: datetime) -> None:
    """Somebody asked for data about them: what, on which ground, and what became of it."""
    line = Disclosure.objects.select_related("organization").get(organization_id=row.organization_id, entry=row.about, number=row.number)
    alone = line.reach == Reach.PEOPLE and len(line.people) == 1
    values = {name: getattr(line, name) for name in TOLD}
    ToldDisclosure.objects.bulk_create([ToldDisclosure(id=uuid.uuid4(), account=one, organization_id=line.organization_id, disclosure=line.entry, told_at=now,
    records=line.records if alone else None, **values)
                                        for one in people], ignore_conflicts=True)
    _owe("disclosure-told", row, people, now, {**_organization(line.organization), "who": line.name, "country": countries.name(line.country), "day": line.received_on.isoformat(),
        "outcome": line.outcome,
                                               "corrected": line.step == "corrected", "page": settings.STEWARD_URL + reverse("me-disclosures")})


def prohibition(row: Round, people: list[Account], now: datetime) -> None:
    """Those who keep the register hear that a prohibition to tell ends; not of whom."""
    line = Disclosure.objects.select_related("organization").filter(organization_id=row.organization_id, entry=row.about).order_by("-number")[0]
    if line.told_at is None and line.secret_until is not None and line.secret_until.toordinal() == row.number:
        page = settings.STEWARD_URL + reverse("register-disclosure", args=[line.organization.slug, line.entry])
        _owe("prohibition-ends", row, people, now, {**_organization(line.organization), "disclosure": line.reference, "day": line.secret_until.isoformat(), "page": page})


def privacy(row: Round, people: list[Account], now: datetime, *, again: bool = False) -> None:
    """The installation's privacy notice changed."""
    version = PrivacyNotice.objects.get(id=row.about)
    page = f"{settings.STEWARD_URL}{reverse('privacy-notice')}?version={version.number}"
    for one in people:
        outbox.owe(template="privacy-notice", account=one, entry=row.entry, organization_id=None, now=now, asks="read", about=version.id, context={
            "number": version.number, "day": f"{version.effective_at:%Y-%m-%d}", "page": page, "reference": f"{row.seq}", "again": again})


def privacy_again(row: Round, people: list[Account], now: datetime) -> None:
    """Once more, to whoever has not confirmed it; and never again."""
    privacy(row, _open(row, people), now, again=True)


def powers_again(row: Round, people: list[Account], now: datetime) -> None:
    """An organization's notice changed, and somebody has not confirmed that they read it: once more, and never again."""
    version = NoticeVersion.objects.select_related("organization").get(id=row.about)
    page = settings.STEWARD_URL + reverse("me-notices")
    _owe("notice-again", row, _open(row, people), now, {**_organization(version.organization), "number": version.number, "day": f"{version.effective_at:%Y-%m-%d}", "page": page})


def _open(row: Round, people: list[Account]) -> list[Account]:
    """Those who were asked to confirm this version and have not: neither in their notices nor when they signed in."""
    asked = set(Mail.objects.filter(about=row.about, acknowledged_at=None, account__in=people).values_list("account_id", flat=True))
    done = set(NoticeSeen.objects.filter(notice=row.about, confirmed_at__isnull=False, account__in=people).values_list("account_id", flat=True))
    return [one for one in people if one.id in asked - done]


def transfer(row: Round, people: list[Account], now: datetime) -> None:
    """The organization goes to another controller, or does not."""
    change = BusinessTransfer.objects.select_related("organization").get(id=row.about)
    _owe("business-transfer", row, people, now, {
        **_organization(change.organization),
        "how": row.kind.removeprefix("transfer-"), "name": change.name, "address": change.address, "country": countries.name(change.country), "to_contact": change.contact,
        "day": change.goes_on.isoformat(), "changes": change.changes, "page": settings.STEWARD_URL + reverse("me-privacy")})


def _organization(organization: Organization) -> dict[str, Any]:
    return {"organization": organization.name, "contact": contact.line(organization)}


def _owe(template: str, row: Round, people: list[Account], now: datetime, context: dict[str, Any]) -> None:
    outbox.owe_all(template=template, accounts=people, context={**context, "reference": f"{row.seq}", "when": f"{now:%Y-%m-%d %H:%M}"}, entry=row.entry, organization_id=row.organization_id, now=now)
