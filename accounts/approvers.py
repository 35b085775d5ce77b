"""Who could be the second person: everybody who could agree to something in an organization right now."""
from __future__ import annotations

from collections.abc import Iterable, Iterator
from uuid import UUID

from django.db.models import Q

from accounts import access
from accounts.actor import Actor, Proof
from accounts.models import Account, GroupMembership, Membership, Role

PERMISSION = "approve_plans"


def who_could(*, organization_id: UUID, permissions: Iterable[str | None], rank: int, without: UUID | None) -> Iterator[tuple[Account, Actor]]:
    """The active people, besides the one of this account, who hold all these permissions, may approve, and have at least this rank."""
    wanted = {PERMISSION, *(p for p in permissions if p)}
    roles = [role.id for role in Role.objects.filter(organization_id=organization_id, rank__gt=0) if PERMISSION in role.permissions]
    groups = GroupMembership.objects.filter(organization_id=organization_id, group__role__in=roles)
    rows = Membership.objects.filter(Q(role__in=roles) | Q(id__in=groups.values("membership_id")), organization_id=organization_id, status="active", account__status="active", account__kind="person")
    for membership in rows.exclude(account_id=without).select_related("account").order_by("id"):
        found = access.standing(account_id=membership.account_id, organization_id=organization_id)
        if found is None or found.refusal:
            continue
        actor = access.actor_in(found, proof=Proof())
        if actor.rank >= rank and wanted <= actor.permissions:
            yield membership.account, actor
