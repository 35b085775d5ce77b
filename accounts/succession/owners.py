"""The owners of an organization as succession looks at them: who can sign in, who was there lately, and who could follow."""
from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import connection

from accounts.models import GroupMembership, Membership, Organization, SuccessionCase
from accounts.models.succession import OPEN, CaseState
from accounts.roles import OWNER_RANK
from accounts.succession import life

_USABLE = "m.status IN ('active', 'restricted') AND a.status = 'active' AND a.email_verified_at IS NOT NULL AND a.has_second_factor AND m.identity_changed_at IS NULL"
"""What `accounts.people.usable_owners` counts, except that here somebody counts until their end has come: a test compares the two."""
_SIGNED_IN = "(SELECT max(s.started_at) FROM accounts_session s WHERE s.account_id = a.id)"
_SEEN = "(SELECT max(GREATEST(s.started_at, s.last_seen_at)) FROM accounts_session s WHERE s.account_id = a.id)"
_ACTIVE = f"GREATEST(a.last_active_at, m.last_active_at, m.joined_at, m.created_at, {_SEEN})"
_BY_ROLE = "accounts_role r JOIN accounts_membership m ON m.role_id = r.id"
_BY_GROUP = "accounts_role r JOIN accounts_group g ON g.role_id = r.id JOIN accounts_groupmembership gm ON gm.group_id = g.id JOIN accounts_membership m ON m.id = gm.membership_id"
"""The two ways to ownership. Each starts from the few roles that give it, so that no question walks through all members."""
_OF = " UNION ".join(f"""SELECT m.id, m.account_id, {_USABLE}, m.status IN ('invited', 'active', 'restricted') AND a.status = 'active', {_ACTIVE}, {_SIGNED_IN}
FROM {way} JOIN accounts_account a ON a.id = m.account_id
WHERE r.organization_id = %(org)s AND r.rank >= %(owner)s AND m.status <> 'removed' AND a.kind = 'person'""" for way in (_BY_ROLE, _BY_GROUP)) + " ORDER BY 1"


def _nobody(more: str = "") -> str:
    """The organizations in which nobody holds ownership, by whatever way, whom this describes."""
    found = (f"NOT EXISTS (SELECT 1 FROM {way} JOIN accounts_account a ON a.id = m.account_id WHERE r.organization_id = o.id AND r.rank >= %(owner)s AND a.kind = 'person' AND {_USABLE}{more})"
             for way in (_BY_ROLE, _BY_GROUP))
    return f"SELECT o.id FROM accounts_organization o WHERE o.status <> 'deleted' AND {' AND '.join(found)} ORDER BY o.id"


_WITHOUT = _nobody()
_SILENT = _nobody(f" AND {_ACTIVE} > %(now)s - o.owner_silent_days * interval '1 day'")


@dataclass(frozen=True)
class Owner:
    """Somebody who holds ownership, whether or not they can use it."""

    membership: UUID
    account: UUID
    usable: bool
    on_the_way: bool
    """Nothing stands in their way but what they can do themselves: accept, confirm the address, set up a second factor."""
    active_at: datetime
    """When they were last seen, or became a member. What their API tokens do is not counted: programs outlive people."""
    signed_in_at: datetime | None


def of(organization_id: UUID) -> list[Owner]:
    """Everybody who holds ownership."""
    with connection.cursor() as cursor:
        cursor.execute(_OF, {"org": organization_id, "owner": OWNER_RANK})
        return [Owner(*row) for row in cursor.fetchall()]


def unsettled(*, now: datetime) -> list[UUID]:
    """The organizations that have no owner who was active lately and can sign in, and those with an open succession. Needs reach over the installation."""
    with connection.cursor() as cursor:
        cursor.execute(_SILENT, {"owner": OWNER_RANK, "now": now})
        found = [row[0] for row in cursor.fetchall()]
    return sorted({*found, *SuccessionCase.objects.filter(state__in=OPEN).values_list("organization_id", flat=True)})


def without() -> list[UUID]:
    """The organizations that no owner can sign in to. Needs reach over the installation."""
    with connection.cursor() as cursor:
        cursor.execute(_WITHOUT, {"owner": OWNER_RANK})
        return [row[0] for row in cursor.fetchall()]


def missing(organization: Organization, owners: Iterable[Owner], *, now: datetime) -> str:
    """Why the organization needs somebody to follow: no owner can sign in (`unusable`), none was active (`silent`), or '' because one was."""
    owners = list(owners)
    usable = [owner for owner in owners if owner.usable]
    if not usable:
        return "" if organization.created_at > now - life.SETTING_UP and any(owner.on_the_way for owner in owners) else "unusable"
    return "silent" if all(now - owner.active_at >= timedelta(days=organization.owner_silent_days) for owner in usable) else ""


def back(case: SuccessionCase, owners: Iterable[Owner]) -> tuple[Owner | None, str]:
    """Which owner's coming back ends this case, and how they came. A sign-in, which takes their second factor, ends every case; being seen again, or able again, ends what began with their absence."""
    usable = [owner for owner in owners if owner.usable]
    for owner in usable:
        if owner.signed_in_at is not None and owner.signed_in_at >= case.opened_at:
            return owner, "signed_in"
    for owner in usable:
        if case.cause == "unusable" or (case.cause == "silent" and owner.active_at > case.opened_at):
            return owner, "owner_back"
    return None, ""


def rested(organization_id: UUID, *, now: datetime) -> bool:
    """Whether no succession ended so lately that another one must not begin by itself."""
    return not SuccessionCase.objects.filter(organization_id=organization_id, state__in=(CaseState.STOPPED, CaseState.DONE), ended_at__gt=now - life.REST).exists()


def eligible(organization_id: UUID, ids: Iterable[UUID | None]) -> set[UUID]:
    """Which of these members could become owner now: active, verified, with a second factor, and not an owner yet, by whatever way."""
    by_group = GroupMembership.objects.filter(organization_id=organization_id, group__role__rank__gte=OWNER_RANK)
    return set(Membership.objects.filter(
        organization_id=organization_id, id__in=[i for i in ids if i], status="active", role__rank__lt=OWNER_RANK, account__kind="person", account__status="active",
        account__email_verified_at__isnull=False, account__has_second_factor=True).exclude(id__in=by_group.values("membership_id")).values_list("id", flat=True))
