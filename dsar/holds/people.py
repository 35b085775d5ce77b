"""Who sees which hold, and whom a hold keeps. Nobody sees a hold on themselves that was not disclosed to them, whatever else they may do."""
from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from django.db.models import Q, QuerySet

from accounts.models import Account, GroupMembership, Membership, Service
from accounts.services import ways
from audit.models import Hold as Custody
from dsar.holds.models import Disclosure, LegalHold, Matter

MOST = 5000
"""People in one act."""
_STRANGERS = Q(joined_at=None)
"""Whoever was only invited: an organization has nothing of theirs to keep, and could keep a stranger from deleting their own account."""


def custodies(organization: UUID, *, hold: UUID | None = None, in_force: bool = True) -> QuerySet[Custody]:
    """Whom the holds of an organization, or one of them, keep: the rows that the gate reads."""
    rows = Custody.objects.filter(org=organization, kind="subject", within__isnull=False)
    rows = rows if hold is None else rows.filter(within=hold)
    return rows.filter(released_at=None) if in_force else rows


def hidden(organization: UUID, viewer: UUID | None) -> set[UUID]:
    """Matters with a hold on whoever looks of which they were not told: for them there is no such matter."""
    if viewer is None:
        return set()
    theirs = custodies(organization, in_force=False).filter(subject=viewer).values("within")
    secret = LegalHold.objects.filter(organization_id=organization, id__in=theirs).exclude(disclosure=Disclosure.YES).exclude(disclosure=Disclosure.AFTER, released_at__isnull=False)
    return set(secret.values_list("matter_id", flat=True))


def matters(organization: UUID, viewer: UUID | None) -> QuerySet[Matter]:
    """The matters that this person may know of."""
    return Matter.objects.filter(organization_id=organization).exclude(id__in=hidden(organization, viewer))


def visible(organization: UUID, viewer: UUID | None) -> QuerySet[LegalHold]:
    """The holds that this person may know of."""
    return LegalHold.objects.filter(organization_id=organization).exclude(matter_id__in=hidden(organization, viewer)).select_related("matter")


def managed_by(organization: UUID, viewer: UUID | None, account: UUID) -> bool:
    """Whether the viewer placed, confirmed or may not be told of a hold in force on this account: then they do not approve that it is erased (RIGHTS 3b, row 12)."""
    on = custodies(organization).filter(subject=account).values("within")
    return LegalHold.objects.filter(Q(placed_by=viewer) | Q(confirmed_by=viewer), organization_id=organization, id__in=on, released_at=None).exists()


def named(organization: UUID, addresses: Iterable[str]) -> tuple[list[UUID], list[str]]:
    """The accounts of these addresses, in comparison form, that are or were in the organization; and the addresses that are nobody's there."""
    wanted = list(dict.fromkeys(addresses))
    found = Membership.objects.filter(organization_id=organization, account__email_key__in=wanted, account__kind="person").exclude(account__status="purged").exclude(_STRANGERS)
    rows = dict(found.values_list("account__email_key", "account_id"))
    return [rows[key] for key in wanted if key in rows], [key for key in wanted if key not in rows]


def in_spaces(organization: UUID, *, groups: Iterable[UUID], services: Iterable[UUID]) -> list[UUID]:
    """Everybody who is in these groups or has access to these services now."""
    members = GroupMembership.objects.filter(organization_id=organization, group_id__in=list(groups)).values("membership_id")
    users = ways.members(Service.objects.filter(organization_id=organization, id__in=list(services)).values_list("id", flat=True))
    rows = Membership.objects.filter(Q(id__in=members) | Q(id__in=users), organization_id=organization, account__kind="person").exclude(account__status="purged").exclude(_STRANGERS)
    return list(rows.order_by("account_id").values_list("account_id", flat=True))


def accounts(organization: UUID, hold: UUID) -> list[Account]:
    """Whom a hold keeps now, by name."""
    return list(Account.objects.filter(id__in=custodies(organization, hold=hold).values("subject")).order_by("name", "id"))


def custodies_of(hold: str, account: UUID) -> bool:
    """Whether a hold that can be seen keeps this account."""
    try:
        return Custody.objects.filter(within=UUID(hold), subject=account, released_at=None).exists()
    except ValueError:
        return False
