"""A person as powers see them: account, membership, management, rank and what hangs on them, loaded set-based."""
from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from uuid import UUID

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Count, IntegerField, Max, OuterRef, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce, Greatest

from accounts.models import (
    Account,
    ApiToken,
    GroupMembership,
    Management,
    Membership,
    Protection,
    ServiceAccess,
    Session,
)
from accounts.models.account import AccountStatus
from accounts.models.membership import ManagementBasis, MembershipStatus
from accounts.roles import OWNER_RANK

STRICTNESS = ("purged", "pending_deletion", "locked", "deactivated", "removed", "suspended", "restricted", "invited", "active")
"""Strictest first (POWERS section 1): the effective status is the first that applies."""


def effective_status(*, account: str, membership: str) -> str:
    """The one status people are shown: the stricter of account and membership. The database trigger says the same."""
    return min((account, membership), key=STRICTNESS.index)


@dataclass
class Person:
    """One target of a power. `membership` is None when people act on their own account."""

    account: Account
    membership: Membership | None = None
    management: Management | None = None
    rank: int = 0
    group_ids: frozenset[UUID] = frozenset()
    protectors: frozenset[UUID] = frozenset()
    sessions: int = 0
    tokens: int = 0
    services: int = 0
    invitations: int = 0
    extra: dict[str, object] = field(default_factory=dict)

    @property
    def id(self) -> UUID:
        return self.membership.id if self.membership else self.account.id

    @property
    def kind(self) -> str:
        return "person"

    @property
    def managed(self) -> bool:
        return self.management is not None

    @property
    def governed(self) -> bool:
        """Whether a directory decides over the account's life and profile."""
        return self.management is not None and self.management.basis == ManagementBasis.SCIM

    @property
    def status(self) -> str:
        if self.membership is None:
            return self.account.status
        return effective_status(account=self.account.status, membership=self.membership.status)

    @property
    def is_owner(self) -> bool:
        return self.rank >= OWNER_RANK and self.membership is not None and self.membership.status != MembershipStatus.REMOVED

    @property
    def label(self) -> str:
        return self.account.name or self.account.email

    @property
    def version(self) -> tuple[int, int, int]:
        """What changes whenever a power changed anything about this person: the ETag and part of every digest."""
        return (self.membership.version if self.membership else 0, self.account.version, self.management.version if self.management else 0)

    @property
    def etag(self) -> str:
        return "-".join(str(number) for number in self.version)


def _count(model: type, **match: object) -> Coalesce:
    rows = model.objects.filter(**match).order_by().values(*[key for key in match if key.endswith("_id")][:1])
    return Coalesce(Subquery(rows.annotate(n=Count("pk")).values("n")[:1], output_field=IntegerField()), Value(0))


def people(*, organization_id: UUID) -> QuerySet[Membership]:
    """Members of the organization with everything a plan needs, in one query."""
    groups = GroupMembership.objects.filter(membership_id=OuterRef("pk"))
    return (
        Membership.objects.filter(organization_id=organization_id)
        .select_related("account", "account__management", "role", "organization")
        .annotate(
            group_rank=Coalesce(Subquery(groups.order_by().values("membership_id").annotate(top=Max("group__role__rank")).values("top")[:1], output_field=IntegerField()), Value(0)),
            group_list=ArraySubquery(groups.values("group_id")),
            protector_list=ArraySubquery(Protection.objects.filter(membership_id=OuterRef("pk")).values("administrator_id")),
            n_sessions=_count(Session, account_id=OuterRef("account_id"), ended_at=None),
            n_tokens=_count(ApiToken, membership_id=OuterRef("pk"), state="active"),
            n_services=_count(ServiceAccess, membership_id=OuterRef("pk"), state__in=("full", "read_only")),
            n_invitations=_count(Membership, invited_by=OuterRef("pk"), status="invited"),
        )
        .annotate(top_rank=Greatest("role__rank", "group_rank"))
    )


def person_from(row: Membership) -> Person:
    """The value for one row of `people`."""
    management = getattr(row.account, "management", None)
    return Person(
        account=row.account, membership=row, management=management if management and management.organization_id == row.organization_id else None,
        rank=row.top_rank, group_ids=frozenset(row.group_list), protectors=frozenset(row.protector_list),
        sessions=row.n_sessions, tokens=row.n_tokens, services=row.n_services, invitations=row.n_invitations)


def load_people(*, organization_id: UUID, ids: Iterable[UUID], lock: bool) -> list[Person]:
    """The members with these ids, in id order. `lock` holds membership and account rows until the transaction ends."""
    rows = people(organization_id=organization_id).filter(id__in=list(ids)).order_by("account_id", "id")
    if lock:
        rows = rows.select_for_update(of=("self", "account"))
    return [person_from(row) for row in rows]


def load_self(*, account_id: UUID, lock: bool) -> list[Person]:
    """The person acting on their own account."""
    accounts = Account.objects.filter(id=account_id)
    if lock:
        accounts = accounts.select_for_update()
    return [Person(account=account, management=Management.objects.filter(account=account).first()) for account in accounts]


def usable_owners(*, organization_id: UUID, without: Iterable[UUID]) -> int:
    """Owners who can sign in now: active, verified, with a second factor (guard rail 1). Call under the organization's lock."""
    return Membership.objects.filter(
        organization_id=organization_id, role__rank__gte=OWNER_RANK, status__in=(MembershipStatus.ACTIVE, MembershipStatus.RESTRICTED),
        account__status=AccountStatus.ACTIVE, account__email_verified_at__isnull=False, account__has_second_factor=True,
    ).exclude(id__in=list(without)).count()
