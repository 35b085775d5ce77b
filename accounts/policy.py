"""The numbers that an organization decided on, or their defaults."""
from __future__ import annotations

from uuid import UUID

from accounts.models import OrganizationPolicy


def of(organization_id: UUID) -> OrganizationPolicy:
    """The organization's numbers; an unsaved row with the defaults where nobody chose any. Needs the scope."""
    return OrganizationPolicy.objects.filter(organization_id=organization_id).first() or OrganizationPolicy(organization_id=organization_id)
