"""Who holds power in an organization: everybody with a rank, by role or through a group; the roles; the service accounts; the groups."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection

from accounts.actor import Actor
from accounts.keyset import Slice, fetch
from accounts.listing_query import tokens
from accounts.models import Role

SIZE = 50


@dataclass(frozen=True)
class Administrator:
    """One holder of a rank, as the page shows them."""

    id: UUID
    name: str
    email: str
    kind: str
    status: str
    role: str
    rank: int
    groups: list[tuple[str, str]]
    """The groups through which they hold a role, each with that role."""
    scope: list[str] | None
    second_factor: bool
    protected: bool
    last_active_at: datetime | None
    tokens: int
    token_used_at: datetime | None
    paused_at: datetime | None
    """Since when they may do no more harm, because of what they did within a day."""


_HOLDERS = """(SELECT h.id, max(h.rank) AS rank, bool_or(h.role = %(role)s) AS chosen FROM (
  SELECT m.id, r.rank, r.id AS role FROM accounts_role r JOIN accounts_membership m ON m.role_id = r.id
  WHERE r.organization_id = %(org)s AND r.rank > 0
  UNION ALL
  SELECT gm.membership_id, r.rank, r.id FROM accounts_role r JOIN accounts_group g ON g.role_id = r.id JOIN accounts_groupmembership gm ON gm.group_id = g.id
  WHERE r.organization_id = %(org)s AND r.rank > 0) h GROUP BY h.id) held
  JOIN accounts_membership m ON m.id = held.id JOIN accounts_account a ON a.id = m.account_id JOIN accounts_role r ON r.id = m.role_id"""
_COLUMNS = """SELECT m.id, a.name, a.email, a.kind, m.effective_status, r.name, held.rank,
  ARRAY(SELECT ARRAY[g.name, gr.name] FROM accounts_groupmembership gm JOIN accounts_group g ON g.id = gm.group_id
    JOIN accounts_role gr ON gr.id = g.role_id WHERE gm.membership_id = m.id ORDER BY g.name),
  CASE WHEN m.role_scope IS NOT NULL THEN ARRAY(SELECT g.name FROM accounts_group g WHERE g.id = ANY(m.role_scope) ORDER BY g.name) END,
  a.has_second_factor, m.protected, m.last_active_at,
  (SELECT count(*) FROM accounts_apitoken t WHERE t.membership_id = m.id AND t.state = 'active' AND t.expires_at > now()),
  (SELECT max(t.last_used_at) FROM accounts_apitoken t WHERE t.membership_id = m.id),
  (SELECT b.paused_at FROM accounts_brake b WHERE b.organization_id = m.organization_id AND b.account_id = m.account_id)"""


def administrators(*, actor: Actor, role: Role | None, cursor: str) -> tuple[list[Administrator], Slice]:
    """Everybody whose rank is above 0, highest first; with `role` only who holds that one, directly or through a group."""
    source, values = _numbered(_HOLDERS, {"org": actor.organization_id, "role": role.id if role else None})
    where = ["m.organization_id = %s", "m.effective_status NOT IN ('removed', 'purged')", *(["held.chosen"] if role else [])]
    values.append(actor.organization_id)
    _reached(actor, where, values)
    found = fetch(select=_COLUMNS, source=source, where=where, values=values, keys=(("-held.rank", "int"), ("m.list_name", "text"), ("m.id", "uuid")),
                  binding=f"administrators:{actor.organization_id}:{role.id if role else ''}:{sorted(map(str, actor.scope_groups or ()))}", cursor=cursor, size=SIZE)
    return [Administrator(*row) for row in found.rows], found


def _numbered(sql: str, named: Mapping[str, Any]) -> tuple[str, list[Any]]:
    """SQL with names for its values, as SQL with places for them."""
    parts, values = sql.split("%("), []
    text = parts[0]
    for part in parts[1:]:
        name, _, rest = part.partition(")s")
        values.append(named[name])
        text += "%s::uuid" + rest
    return text, values


def _reached(actor: Actor, where: list[str], values: list[Any]) -> None:
    """Only whom the actor's role reaches."""
    if actor.scope_groups is not None:
        where.append("EXISTS (SELECT 1 FROM accounts_groupmembership s WHERE s.membership_id = m.id AND s.group_id = ANY(%s))")
        values.append(list(actor.scope_groups))


def holders(*, organization_id: UUID) -> dict[UUID, int]:
    """How many hold each role, directly or through a group."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT role, sum(n) FROM (SELECT m.role_id AS role, count(*) AS n FROM accounts_membership m WHERE m.organization_id = %s AND m.status <> 'removed' GROUP BY 1"
            " UNION ALL SELECT g.role_id, count(DISTINCT gm.membership_id) FROM accounts_group g JOIN accounts_groupmembership gm ON gm.group_id = g.id"
            " JOIN accounts_membership m ON m.id = gm.membership_id AND m.role_id <> g.role_id WHERE g.organization_id = %s GROUP BY 1) counted GROUP BY 1", [organization_id, organization_id])
        return {role: int(n) for role, n in cursor.fetchall()}


@dataclass(frozen=True)
class ServiceAccount:
    """A member for programs."""

    id: UUID
    name: str
    status: str
    role: str
    rank: int
    tokens: int
    token_used_at: datetime | None
    created_at: datetime


def service_accounts(*, actor: Actor, cursor: str) -> tuple[list[ServiceAccount], Slice]:
    """The organization's service accounts by name."""
    where, values = ["m.organization_id = %s", "a.kind = 'service'", "m.effective_status <> 'removed'"], [actor.organization_id]
    _reached(actor, where, values)
    found = fetch(
        select="SELECT m.id, a.name, m.effective_status, r.name, r.rank, (SELECT count(*) FROM accounts_apitoken t WHERE t.membership_id = m.id AND t.state = 'active' AND t.expires_at > now()),"
               " (SELECT max(t.last_used_at) FROM accounts_apitoken t WHERE t.membership_id = m.id), m.created_at",
        source="accounts_account a JOIN accounts_membership m ON m.account_id = a.id JOIN accounts_role r ON r.id = m.role_id", where=where, values=values,
        keys=(("m.list_name", "text"), ("m.id", "uuid")), binding=f"services:{actor.organization_id}:{sorted(map(str, actor.scope_groups or ()))}", cursor=cursor, size=SIZE)
    return [ServiceAccount(*row) for row in found.rows], found


@dataclass(frozen=True)
class GroupLine:
    """A group as the list shows it."""

    id: UUID
    name: str
    role: str | None
    rank: int | None
    size: int
    scoping: int
    directory: bool


def groups(*, actor: Actor, q: str, cursor: str) -> tuple[list[GroupLine], Slice]:
    """The organization's groups by name; those that the actor's role reaches."""
    where, values = ["g.organization_id = %s"], [actor.organization_id]
    if actor.scope_groups is not None:
        where.append("g.id = ANY(%s)")
        values.append(list(actor.scope_groups))
    for token in tokens(q):
        where.append("position(%s in lower(g.name)) > 0")
        values.append(token)
    found = fetch(
        select="SELECT g.id, g.name, r.name, r.rank, (SELECT count(*) FROM accounts_groupmembership gm WHERE gm.group_id = g.id),"
               " (SELECT count(*) FROM accounts_membership m WHERE m.organization_id = g.organization_id AND m.role_scope @> ARRAY[g.id] AND m.status <> 'removed'), g.directory",
        source="accounts_group g LEFT JOIN accounts_role r ON r.id = g.role_id", where=where, values=values,
        keys=(("lower(g.name) COLLATE \"C\"", "text"), ("g.id", "uuid")), binding=f"groups:{actor.organization_id}:{q}:{sorted(map(str, actor.scope_groups or ()))}", cursor=cursor, size=SIZE)
    return [GroupLine(*row) for row in found.rows], found
