"""May this person use this program now? Asked at authorization, at the exchange of a code, at each refresh, at introspection and when the program asks who the person is."""
from __future__ import annotations

from datetime import datetime
from uuid import UUID

from accounts import access
from accounts.models import OAuthApplication, Organization
from accounts.models.organization import OrganizationStatus
from accounts.tenancy import installation

NO_CONSENT = "no_consent"
"""The one answer that the person can change alone, at the page that asks them."""


def refusal(*, account_id: UUID, client: OAuthApplication, now: datetime) -> str:
    """Why not, as a code, or ''. The strictest of what the account, the organization, the membership, and the service or the installation say."""
    return look(account_id=account_id, client=client, now=now)[1]


def look(*, account_id: UUID, client: OAuthApplication, now: datetime) -> tuple[access.Standing | None, str]:
    """The same, with how the person stands in the program's organization: its epochs are what a token is compared with."""
    with installation("a program names its organization"):
        found = access.standing(account_id=account_id, organization_id=client.organization_id, now=now)
        if found is None or found.refusal:
            return found, found.refusal if found else "not_a_member"
        if Organization.objects.filter(id=client.organization_id).exclude(status=OrganizationStatus.DELETED).first() is None:
            return found, "organization_gone"
        return found, _of_program(account_id, client, now)


def _of_program(account_id: UUID, client: OAuthApplication, now: datetime) -> str:
    if client.service_id is not None:
        from accounts.services import entry  # both packages ask each other

        return entry.refusal(account_id=account_id, service_id=client.service_id, now=now)
    if client.installation_id is not None:
        from accounts.catalogue import consent

        return consent.refusal(account_id=account_id, installation_id=client.installation_id, now=now)
    return "unknown_program"
