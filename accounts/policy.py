"""The numbers that an organization decided on, or their defaults."""
from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from accounts.models import OrganizationPolicy


def of(organization_id: UUID) -> OrganizationPolicy:
    """The organization's numbers; an unsaved row with the defaults where nobody chose any. Needs the scope."""
    return several([organization_id])[organization_id]


def several(organization_ids: Collection[UUID]) -> dict[UUID, OrganizationPolicy]:
    """The same for several organizations, in one query."""
    found = {row.organization_id: row for row in OrganizationPolicy.objects.filter(organization_id__in=organization_ids)}
    return {organization_id: found.get(organization_id) or OrganizationPolicy(organization_id=organization_id) for organization_id in organization_ids}
