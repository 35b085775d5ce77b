"""The mail about an access to records: once for each access, at once or when the delay that two people agreed on is over."""
from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from django.conf import settings
from django.urls import reverse

from accounts import outbox
from accounts.models import Account, Organization
from accounts.organizations import contact
from accounts.schedules import words
from audit.subscribers import Sealed, Subscriber
from dsar.content import readers
from dsar.content.model import ContentAccess
from dsar.content.telling import FACT
from dsar.powers.content import GROUNDS, VIEW

TOLD = "data.view_told"


def handle(batch: list[Sealed]) -> None:
    """Owe the mails. What is told later waits for the entry that says so."""
    for sealed in batch:
        facts = sealed.record.get("facts", {})
        if sealed.outcome != "success" or (sealed.action == VIEW.event and FACT in facts):
            continue
        row = ContentAccess.objects.select_related("account", "organization").filter(id=UUID(facts["access"])).first()
        if row is not None:
            _tell(sealed, row, row.organization, row.account)


def _tell(sealed: Sealed, row: ContentAccess, organization: Organization, account: Account) -> None:
    viewer, zone = Account.objects.filter(id=row.viewer).first(), account.time_zone or organization.time_zone
    known = readers.kinds()
    outbox.owe(template=VIEW.slug, account=account, entry=sealed.entry, organization_id=organization.id, now=datetime.now(UTC), context={
        "organization": organization.name, "contact": contact.line(organization), "actor": (viewer.name or viewer.email) if viewer else "", "words": row.words,
        "reason": str(dict(GROUNDS).get(row.ground, row.ground)),
        "kinds": [str(known[key].title) for key in row.kinds if key in known], "until": words.at(row.ends_at, zone), "began": words.at(row.granted_at, zone), "later": sealed.action == TOLD,
        "opened": row.opened, "over": row.ended_at is not None, "when": sealed.record["occurred_at"][:16].replace("T", " "), "reference": f"{sealed.seq}",
        "page": settings.STEWARD_URL + reverse("me-who")})


SUBSCRIBER = Subscriber(name="content", handle=handle, actions=frozenset({VIEW.event, TOLD}))
