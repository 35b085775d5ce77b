"""Which accounts a rule about unused accounts is about: when they were last used, and which are left out."""
from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import connection
from django.utils.module_loading import import_string

from accounts import deletions, keyset
from accounts.dormant import rules
from accounts.dormant.rules import Rule
from accounts.roles import OWNER_RANK
from accounts.tenancy import installation

USED = ("GREATEST(a.created_at, a.last_active_at, a.last_login, a.status_changed_at, (SELECT max(GREATEST(m.last_active_at, m.joined_at, m.status_changed_at, m.created_at)) FROM accounts_membership m"
        " WHERE m.account_id = a.id), (SELECT max(t.last_used_at) FROM accounts_apitoken t WHERE t.account_id = a.id))")
"""When anything was last done with the account, in whatever organization: a page, a sign-in, a token; becoming a member, and leaving, count too."""
_THERE = "SELECT 1 FROM accounts_membership m JOIN accounts_role r ON r.id = m.role_id WHERE m.account_id = a.id AND m.status <> 'removed'"
CONCERNED = (
    "a.kind = 'person' AND a.status IN ('active', 'deactivated') AND NOT a.is_operator"
    f" AND NOT EXISTS ({_THERE} AND (r.rank >= {OWNER_RANK} OR m.protected OR m.use_restricted))"
    " AND NOT EXISTS (SELECT 1 FROM accounts_groupmembership gm JOIN accounts_group g ON g.id = gm.group_id JOIN accounts_role r ON r.id = g.role_id"
    f" JOIN accounts_membership m ON m.id = gm.membership_id WHERE m.account_id = a.id AND m.status <> 'removed' AND r.rank >= {OWNER_RANK})"
    " AND NOT EXISTS (SELECT 1 FROM accounts_rightsrequest q WHERE q.account_id = a.id AND q.state = 'open')"
    " AND NOT EXISTS (SELECT 1 FROM accounts_valuedispute d WHERE d.account_id = a.id AND d.away)"
    " AND NOT EXISTS (SELECT 1 FROM accounts_membership d WHERE d.account_id = a.id AND d.set_aside <> '{}')"
    " AND NOT EXISTS (SELECT 1 FROM accounts_claimedaccount c WHERE c.account_id = a.id AND c.state IN ('announced', 'objected'))"
    " AND NOT EXISTS (SELECT 1 FROM accounts_transfer t WHERE t.account_id = a.id AND t.state IN ('offered', 'accepted'))")
"""Who can be concerned at all: neither owners, operators, protected or locked people, nor whoever has something open, nor whose data may only be stored."""
UNMANAGED = "NOT EXISTS (SELECT 1 FROM accounts_management g WHERE g.account_id = a.id)"
MANAGED = "EXISTS (SELECT 1 FROM accounts_management g WHERE g.account_id = a.id AND g.organization_id = %s AND g.basis <> 'scim')"
"""What a directory governs it also ends."""
NOBODY_CONFIRMED = f"a.email_verified_at IS NULL AND NOT EXISTS ({_THERE})"
SIZE = 25


@dataclass(frozen=True)
class Unused:
    """An account that a rule is about."""

    account: UUID
    used: datetime
    told: tuple[datetime, ...]


@dataclass(frozen=True)
class Whose:
    """Whose rule it is, and SQL for the accounts under it. `organization` None: the installation's."""

    organization: UUID | None
    rule: Rule
    where: str
    values: tuple[object, ...] = ()


def of_installation() -> list[Whose]:
    """The installation's rules: one for people, one for addresses that nobody ever confirmed."""
    found = [(rules.of_unconfirmed(), f"{UNMANAGED} AND {NOBODY_CONFIRMED}"), (rules.of_installation(), f"{UNMANAGED} AND NOT ({NOBODY_CONFIRMED})")]
    return [Whose(None, rule, where) for rule, where in found if rule is not None]


def of_organization(organization_id: UUID, rule: Rule) -> Whose:
    """The accounts that this organization manages."""
    return Whose(organization_id, rule, MANAGED, (organization_id,))


def unused(whose: Whose, *, before: datetime | None = None, ids: Collection[UUID] | None = None) -> list[Unused]:
    """Every account under the rule that was last used at or before this moment, the longest unused first; or of these those. Needs to see every organization."""
    where, values = [whose.where, CONCERNED], [*whose.values]
    if before is not None:
        where.append(f"{USED} <= %s")
        values.append(before)
    if ids is not None:
        where.append("a.id = ANY(%s)")
        values.append(list(ids))
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT a.id, {USED} AS used, d.told FROM accounts_account a LEFT JOIN accounts_dormancy d ON d.account_id = a.id AND d.organization_id IS NOT DISTINCT FROM %s"
                       f" WHERE {' AND '.join(f'({one})' for one in where)} ORDER BY used, a.id", [whose.organization, *values])
        found = [Unused(row[0], row[1], tuple(row[2] or ())) for row in cursor.fetchall()]
    kept = kept_back([one.account for one in found])
    return [one for one in found if one.account not in kept]


def kept_back(accounts: Iterable[UUID]) -> set[UUID]:
    """Of these accounts those that stay although nobody uses them: something stands in the way of their deletion, or is open about them elsewhere."""
    accounts = list(accounts)
    if not accounts:
        return set()
    found = set(deletions.blockers(accounts))
    for name in settings.ACCOUNT_KEEPERS:
        found |= import_string(name)(accounts)
    return found


@dataclass(frozen=True)
class Shown:
    """An account in the preview, with the day on which it would be closed."""

    membership: UUID | None
    name: str
    used: datetime
    ends: datetime


def preview(organization_id: UUID, rule: Rule, *, now: datetime, cursor: str = "") -> tuple[int, list[Shown], keyset.Slice]:
    """How many accounts such a rule would warn now, and a page of them, the longest unused first."""
    whose, before = of_organization(organization_id, rule), now + rule.warned[0] - timedelta(days=rule.days)
    with installation("the accounts that an organization manages, wherever they are used"):
        everybody = [one.account for one in unused(whose, before=before)]
        where = [f"({whose.where})", "a.id = ANY(%s)"]
        page = keyset.fetch(select=f"SELECT (SELECT m.id FROM accounts_membership m WHERE m.account_id = a.id AND m.organization_id = %s), COALESCE(NULLIF(a.name, ''), a.email), {USED}",
                            source="accounts_account a", where=where, values=[organization_id, *whose.values, everybody], keys=((USED, "timestamptz"), ("a.id", "uuid")),
                            binding=f"unused:{organization_id}:{rule.days}", cursor=cursor, size=SIZE)
    return len(everybody), [Shown(*row, rules.step(rule, row[2], (), now)[1]) for row in page.rows], page
