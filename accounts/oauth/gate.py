"""May this person use this program now? Asked at authorization, at the exchange of a code, at each refresh, at introspection and when the program asks who the person is."""
from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from accounts import access
from accounts.models import OAuthApplication
from accounts.models.organization import OrganizationStatus
from accounts.tenancy import installation

NO_CONSENT = "no_consent"
"""The one answer that the person can change alone, at the page that asks them."""


def refusal(*, account_id: UUID, client: OAuthApplication, now: datetime) -> str:
    """Why not, as a code, or ''. The strictest of what the account, the organization, the membership, and the service or the installation say."""
    return look(account_id=account_id, client=client, now=now).refusal


@dataclass(frozen=True)
class Look:
    """How the person stands in the program's organization, whose epochs are what a token is compared with; why not; and how far they may go at a service."""

    standing: access.Standing | None
    refusal: str
    level: str = ""


def look(*, account_id: UUID, client: OAuthApplication, now: datetime) -> Look:
    """The same, with what was found on the way."""
    with installation("a program names its organization"):
        return within(account_id=account_id, client=client, now=now)


def within(*, account_id: UUID, client: OAuthApplication, now: datetime) -> Look:
    """The same, for whoever has the reach already: the question that is asked at every use of a token."""
    found = access.standing(account_id=account_id, organization_id=client.organization_id, now=now)
    if found is None or found.refusal:
        return Look(found, found.refusal if found else "not_a_member")
    if client.organization.status == OrganizationStatus.DELETED:
        return Look(found, "organization_gone")
    if client.service is not None:
        from accounts.services import entry  # both packages ask each other

        level, why = entry.at(found, client.service)
        return Look(found, why, level)
    if client.installation_id is not None:
        from accounts.catalogue import consent

        return Look(found, consent.refusal(account_id=account_id, installation_id=client.installation_id, now=now))
    return Look(found, "unknown_program")
