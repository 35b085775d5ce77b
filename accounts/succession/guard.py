"""What the last owner of an organization cannot do to themselves by the way: take away their last second factor (guard rail 1)."""
from __future__ import annotations

from uuid import UUID

from allauth.mfa.models import Authenticator

from accounts.credentials import FACTORS
from accounts.models import Membership
from accounts.people import usable_owners
from accounts.roles import OWNER_RANK
from accounts.tenancy import installation


def needs_factor(*, account_id: UUID | None) -> bool:
    """Whether this person has a single second factor, and an organization somewhere would have no usable owner without it."""
    if account_id is None or Authenticator.objects.filter(user_id=account_id, type__in=FACTORS).count() > 1:
        return False
    with installation("a person may be the last owner of any organization"):
        owned = list(Membership.objects.filter(account_id=account_id, role__rank__gte=OWNER_RANK, status__in=("active", "restricted")).values_list("id", "organization_id"))
        return any(not usable_owners(organization_id=organization_id, without=[membership_id]) for membership_id, organization_id in owned)
