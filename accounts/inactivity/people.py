"""Whom the inactivity rule is about: when they last used something in the organization, and who is left out."""
from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection

from accounts import holding, keyset, policy
from accounts.inactivity import rules
from accounts.inactivity.rules import Rule, Stand
from accounts.people import Person
from accounts.roles import OWNER_RANK
from accounts.tenancy import installation

USED = ("GREATEST(m.last_active_at, m.joined_at, m.created_at, m.status_changed_at,"
        " (SELECT max(t.last_used_at) FROM accounts_apitoken t WHERE t.membership_id = m.id),"
        " (SELECT x.last_active_at FROM accounts_account x JOIN accounts_management g ON g.account_id = x.id WHERE x.id = m.account_id AND g.organization_id = m.organization_id))")
"""When somebody last used something here: a page, a token; coming here and coming back count too.

Signing in counts only where the organization manages the account: no other may know of it.
"""
CONCERNED = (
    "m.effective_status IN ('active', 'restricted') AND NOT m.protected AND NOT m.use_restricted AND m.account_id NOT IN (SELECT x.id FROM accounts_account x WHERE x.kind <> 'person')"
    f" AND (SELECT r.rank FROM accounts_role r WHERE r.id = m.role_id) < {OWNER_RANK}"
    " AND NOT EXISTS (SELECT 1 FROM accounts_groupmembership gm JOIN accounts_group g ON g.id = gm.group_id JOIN accounts_role r ON r.id = g.role_id"
    f" WHERE gm.membership_id = m.id AND r.rank >= {OWNER_RANK})")
"""Who can be concerned at all: neither owners, nor protected people, nor service accounts, nor whoever is invited or switched off already, nor those whose data may only be stored."""
NEAR = (f"m.inactivity_warned_at IS NOT NULL AND {CONCERNED} AND m.inactivity_warned_at > {USED} AND m.inactivity_warned_at >="
        " (SELECT p.inactive_since FROM accounts_organizationpolicy p WHERE p.organization_id = m.organization_id AND p.inactive_days IS NOT NULL)")
"""Who was warned and has not been here since: they are suspended within 14 days. For the overview and the filter of the list."""
SIZE = 25


@dataclass(frozen=True)
class Idle:
    """Somebody whom the rule is about."""

    id: UUID
    account: UUID
    stand: Stand


def idle(*, organization_id: UUID, before: datetime | None = None, ids: Collection[UUID] | None = None) -> list[Idle]:
    """Everybody concerned who was last here at or before this moment, longest away first; or those of them with these ids. Needs the scope."""
    found = _found(organization_id, before, ids)
    kept = held(organization_id=organization_id, accounts=[one.account for one in found])
    return [one for one in found if one.account not in kept]


def _found(organization_id: UUID, before: datetime | None, ids: Collection[UUID] | None = None) -> list[Idle]:
    """The same with those who are held."""
    where, values = ["m.organization_id = %s", CONCERNED], [organization_id]
    for condition, value in ((f"{USED} <= %s", before), ("m.id = ANY(%s)", list(ids) if ids is not None else None)):
        if value is not None:
            where.append(condition)
            values.append(value)  # type: ignore[arg-type]
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT m.id, m.account_id, {USED} AS used, m.inactivity_warned_at, m.inactivity_reminded_at FROM accounts_membership m"
                       f" WHERE {' AND '.join(where)} ORDER BY used, m.id", values)
        return [Idle(row[0], row[1], Stand(*row[2:])) for row in cursor.fetchall()]


def held(*, organization_id: UUID, accounts: Collection[UUID]) -> set[UUID]:
    """Of these accounts those that this organization holds. The holds of others are none of its business."""
    if not accounts:
        return set()
    with installation("holds on accounts; only those of the organization are looked at"):
        return {account for account, organizations in holding.held(accounts).items() if organization_id in organizations}


def idleness(people: Sequence[Person]) -> None:
    """extra["idleness"]: the organization's rule, or None, and how each person stands under it, or None for whoever is left out. As it is now, after the rows were locked."""
    organization_id = next((p.membership.organization_id for p in people if p.membership), None)
    rule = rules.of(policy.of(organization_id)) if organization_id else None
    found = {one.id: one.stand for one in idle(organization_id=organization_id, ids=[p.id for p in people])} if organization_id and rule else {}
    for person in people:
        person.extra["idleness"] = (rule, found.get(person.id))



@dataclass(frozen=True)
class Shown:
    """Somebody in the preview, with the day on which access would end."""

    id: UUID
    name: str
    email: str
    used: datetime
    ends: datetime


def preview(*, organization_id: UUID, rule: Rule, now: datetime, cursor: str = "", size: int = SIZE) -> tuple[int, list[Shown], keyset.Slice]:
    """How many people such a rule would warn now, and a page of them, whoever stayed away longest first. Needs the scope."""
    before = now + rules.FIRST - timedelta(days=rule.days)
    everybody = _found(organization_id, before)
    kept = held(organization_id=organization_id, accounts=[one.account for one in everybody])
    where: list[str] = ["m.organization_id = %s", CONCERNED, f"{USED} <= %s", "m.account_id <> ALL(%s)"]
    values: list[Any] = [organization_id, before, list(kept)]
    page = keyset.fetch(select=f"SELECT m.id, a.name, a.email, {USED}, m.inactivity_warned_at, m.inactivity_reminded_at", source="accounts_membership m JOIN accounts_account a ON a.id = m.account_id",
                        where=where, values=values, keys=((USED, "timestamptz"), ("m.id", "uuid")), binding=f"inactive:{organization_id}:{rule.days}", cursor=cursor, size=size)
    return sum(one.account not in kept for one in everybody), [Shown(row[0], row[1], row[2], row[3], rules.step(rule, Stand(*row[3:6]), now)[1]) for row in page.rows], page
