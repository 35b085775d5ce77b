"""Who is told what concerns an organization as a whole: everybody who holds a permission in it, by role or by group."""
from __future__ import annotations

from collections.abc import Iterator

from django.db.models import Q

from accounts import access
from accounts.actor import Proof
from accounts.models import Account, GroupMembership, Membership, Organization, Role


def holders(organization: Organization, permission: str, *, rank: int = 0) -> Iterator[Account]:
    """The active people who may do this here: by their own role, or by a group's. With `rank` only by roles of at least this rank."""
    roles = [role.id for role in Role.objects.filter(organization=organization, rank__gte=rank) if permission in role.permissions]
    groups = GroupMembership.objects.filter(organization=organization, group__role__in=roles)
    rows = Membership.objects.filter(Q(role__in=roles) | Q(id__in=groups.values("membership_id")), organization=organization, status="active", account__status="active", account__kind="person")
    for membership in rows.select_related("account").order_by("id"):
        found = access.standing(account_id=membership.account_id, organization_id=organization.id)
        actor = access.actor_in(found, proof=Proof()) if found else None
        if actor is not None and actor.may(permission):
            yield membership.account
