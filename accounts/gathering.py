"""What powers need to know about their targets beyond the person, fetched for all of them at once: one query, not one each."""
from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Any
from uuid import UUID

from django.db.models import Max
from django.db.models.functions import Coalesce, Greatest

from accounts import notice, policy
from accounts.models import Account, Brake, ClaimedAccount, GroupMembership, Membership, MembershipSnapshot, Plan, Protection, Role, ServiceAccess
from accounts.models.plan import PlanState
from accounts.people import Person
from accounts.tenancy import installation

Gather = Callable[[Sequence[Person]], None]
AccountAuthGroup = Account.groups.through


def needed(gathers: Iterable[Gather], people: Sequence[Person]) -> None:
    """Fetch what these functions fetch, once for each set of people."""
    for gather in gathers:
        if not all(gather.__name__ in person.extra for person in people):
            gather(people)


def _spread(people: Sequence[Person], name: str, rows: Iterable[tuple[UUID, Any]], *, by_account: bool = False) -> None:
    found: dict[UUID, list[Any]] = defaultdict(list)
    for key, value in rows:
        found[key].append(value)
    for person in people:
        person.extra[name] = found.get(person.account.id if by_account else person.id, [])


def _ids(people: Sequence[Person]) -> list[UUID]:
    return [person.id for person in people]


def services(people: Sequence[Person]) -> None:
    """extra["services"]: the person's service assignments, with their services."""
    rows = ServiceAccess.objects.filter(membership_id__in=_ids(people)).select_related("service")
    _spread(people, "services", ((row.membership_id, row) for row in rows))


def groups(people: Sequence[Person]) -> None:
    """extra["groups"]: the person's group memberships."""
    _spread(people, "groups", ((row.membership_id, row) for row in GroupMembership.objects.filter(membership_id__in=_ids(people)).select_related("group")))


def snapshots(people: Sequence[Person]) -> None:
    """extra["snapshots"]: what a removed member held; at most one."""
    _spread(people, "snapshots", ((row.membership_id, row) for row in MembershipSnapshot.objects.filter(membership_id__in=_ids(people))))


def auth_groups(people: Sequence[Person]) -> None:
    """extra["auth_groups"]: the links through which django-guardian knows the person's roles."""
    rows = AccountAuthGroup.objects.filter(account_id__in=[p.account.id for p in people])
    _spread(people, "auth_groups", ((row.account_id, row) for row in rows), by_account=True)


def roles(people: Sequence[Person]) -> None:
    """extra["roles"]: the organization's roles by slug, the same dictionary for everybody."""
    organization_id = next((p.membership.organization_id for p in people if p.membership), None)
    found = {role.slug: role for role in Role.objects.filter(organization_id=organization_id)} if organization_id else {}
    for person in people:
        person.extra["roles"] = found


def noticed(people: Sequence[Person]) -> None:
    """extra["noticed"]: what decides which powers the organization may use now (`accounts.notice.on`), the same for everybody."""
    organization_id = next((p.membership.organization_id for p in people if p.membership), None)
    found = notice.published(organization_id) if organization_id else None
    for person in people:
        person.extra["noticed"] = found


def protections(people: Sequence[Person]) -> None:
    """extra["protections"]: who may act on the person, if they are protected."""
    _spread(people, "protections", ((row.membership_id, row) for row in Protection.objects.filter(membership_id__in=_ids(people))))


def administrators(people: Sequence[Person]) -> None:
    """extra["administrators"]: everybody who can be named to act on a protected person, by the key of their address; the same dictionary for everybody."""
    organization_id = next((p.membership.organization_id for p in people if p.membership), None)
    rows = Membership.objects.filter(organization_id=organization_id, status="active", role__rank__gte=50).select_related("account") if organization_id else []
    found = {row.account.email_key: row for row in rows}
    for person in people:
        person.extra["administrators"] = found


def brake(people: Sequence[Person]) -> None:
    """extra["brake"]: the pause of the person's account in the organization; at most one."""
    organization_id = next((p.membership.organization_id for p in people if p.membership), None)
    rows = Brake.objects.filter(organization_id=organization_id, account_id__in=[p.account.id for p in people], paused_at__isnull=False)
    _spread(people, "brake", ((row.account_id, row) for row in rows), by_account=True)


def claimed(people: Sequence[Person]) -> None:
    """extra["claimed"]: by which claim the organization came to manage the account; at most one."""
    organization_id = next((p.membership.organization_id for p in people if p.membership), None)
    rows = ClaimedAccount.objects.filter(organization_id=organization_id, account_id__in=[p.account.id for p in people], state__in=("managed", "ending"))
    _spread(people, "claimed", ((row.account_id, row) for row in rows), by_account=True)


def elsewhere(people: Sequence[Person]) -> None:
    """extra["elsewhere"]: (membership id, organization id, rank) of every membership of the account, in all organizations. A role that comes by a group counts."""
    with installation("account powers reach the account's memberships in other organizations"):
        found = Membership.objects.filter(account_id__in=[p.account.id for p in people]).exclude(status="removed")
        found = found.annotate(held=Greatest("role__rank", Coalesce(Max("group_memberships__group__role__rank"), 0)))
        rows = list(found.values_list("account_id", "id", "organization_id", "held"))
    _spread(people, "elsewhere", ((row[0], row[1:]) for row in rows), by_account=True)


def scheduled(people: Sequence[Person]) -> None:
    """extra["scheduled"]: the stored plans of what is scheduled about the person, the next one first."""
    rows = Plan.objects.filter(subject__in=_ids(people), state=PlanState.SCHEDULED).order_by("due_at", "created_at")
    _spread(people, "scheduled", ((row.subject, row) for row in rows))


def numbers(people: Sequence[Person]) -> None:
    """extra["numbers"]: the numbers that the organization decided on; the same row for everybody."""
    organization_id = next((p.membership.organization_id for p in people if p.membership), None)
    found = [policy.of(organization_id)] if organization_id else []
    for person in people:
        person.extra["numbers"] = found
