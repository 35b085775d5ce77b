"""The people list: search, filters, sort and keyset pages over one table, whatever the size of the organization."""
from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.core import signing
from django.db import connection

SORTS = {"name": ("m.list_name", "text"), "email": ("m.list_email", "text"), "active": ("COALESCE(m.last_active_at, '0001-01-01T00:00:00Z')", "timestamptz")}
STATUSES = ("active", "restricted", "suspended", "invited", "deactivated", "locked", "pending_deletion", "removed")
_SIGNER = signing.Signer(salt="steward.people.cursor")


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What the address of the list says."""

    q: str = ""
    status: str = ""
    role: str = ""
    mfa: str = ""
    sort: str = "name"
    descending: bool = False
    cursor: str = ""
    size: int = 25


@dataclass
class Row:
    id: UUID
    name: str
    email: str
    status: str
    role: str
    role_rank: int
    managed: bool
    second_factor: bool
    title: str
    last_active_at: datetime | None
    services: int


@dataclass
class People:
    rows: list[Row]
    next: str = ""
    previous: str = ""
    lost: bool = False
    """Whether there was a cursor and it did not fit: the page begins anew, the API says so."""
    counts: dict[str, int] = field(default_factory=dict)


def wanted(params: Any) -> Wanted:
    """From query parameters; what is not known is ignored, as links grow old."""
    sort = params.get("sort", "name")
    return Wanted(
        q=params.get("q", "")[:200], status=params.get("status", "") if params.get("status") in STATUSES else "", role=params.get("role", "")[:40],
        mfa=params.get("mfa", "") if params.get("mfa") in {"yes", "no"} else "", sort=sort.lstrip("-") if sort.lstrip("-") in SORTS else "name",
        descending=sort.startswith("-"), cursor=params.get("cursor", "")[:2000])


def page(*, organization_id: UUID, want: Wanted, groups: frozenset[UUID] | None = None) -> People:
    """One page, of the people whom the actor's role reaches (`groups`: those of these groups, None for everybody).

    The cursor names the last row by its sort value and id, bound to organization, filter and sort.
    """
    where, values = filters(organization_id, want, groups=groups)
    column, kind = SORTS[want.sort]
    position = _position(organization_id, want)
    backwards = bool(position and position[0] == "<")
    descending = want.descending != backwards
    if position:
        where.append(f"({column}, m.id) {'<' if descending else '>'} (%s::{kind}, %s::uuid)")
        values += position[1:]
    order = "DESC" if descending else "ASC"
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT m.id, a.name, a.email, m.effective_status, r.name, r.rank, mg.organization_id IS NOT DISTINCT FROM m.organization_id, a.has_second_factor, m.title,"
            " m.last_active_at, (SELECT count(*) FROM accounts_serviceaccess s WHERE s.membership_id = m.id AND s.state <> 'off'), " + column +
            " FROM accounts_membership m JOIN accounts_account a ON a.id = m.account_id JOIN accounts_role r ON r.id = m.role_id"
            " LEFT JOIN accounts_management mg ON mg.account_id = a.id"
            f" WHERE {' AND '.join(where)} ORDER BY {column} {order}, m.id {order} LIMIT %s", [*values, want.size + 1])
        found = cursor.fetchall()
    more, found = len(found) > want.size, found[:want.size]
    if backwards:
        found.reverse()
    result = People(rows=[Row(*row[:11]) for row in found], lost=bool(want.cursor) and position is None)
    if found and (more or backwards):
        result.next = _cursor(organization_id, want, ">", found[-1])
    if found and ((position and not backwards) or (backwards and more)):
        result.previous = _cursor(organization_id, want, "<", found[0])
    return result


def filters(organization_id: UUID, want: Wanted, *, groups: frozenset[UUID] | None = None) -> tuple[list[str], list[Any]]:
    """The conditions of the list on memberships `m`, accounts `a` and roles `r`, and their values."""
    where, values = ["m.organization_id = %s", "a.kind = 'person'"], [organization_id]
    if groups is not None:
        where.append("EXISTS (SELECT 1 FROM accounts_groupmembership g WHERE g.membership_id = m.id AND g.group_id = ANY(%s))")
        values.append(list(groups))
    if want.status:
        where.append("m.effective_status = %s")
        values.append(want.status)
    else:
        where.append("m.effective_status <> 'removed'")
    if want.role:
        where.append("r.slug = %s")
        values.append(want.role)
    if want.mfa:
        where.append("a.has_second_factor = %s")
        values.append(want.mfa == "yes")
    for token in tokens(want.q):
        where.append("EXISTS (SELECT 1 FROM accounts_searchtoken t WHERE t.organization_id = %s AND t.membership_id = m.id AND t.token >= %s AND t.token < %s)")
        values += [organization_id, token, token + "\U0010ffff"]
    return where, values


def tokens(q: str) -> list[str]:
    """The words of a search, as PostgreSQL splits names: letters and digits, lower case."""
    return [t[:64] for t in re.split(r"[^\w]+|_", q.lower()) if t][:8]


def _cursor(organization_id: UUID, want: Wanted, direction: str, row: tuple[Any, ...]) -> str:
    value = row[11]
    return _SIGNER.sign_object([str(organization_id), _binding(want), direction, value.isoformat() if isinstance(value, datetime) else value, str(row[0])])


def _position(organization_id: UUID, want: Wanted) -> tuple[str, Any, str] | None:
    """Where a cursor points to; one of another organization, filter or sort, or a forged one, is the first page."""
    if not want.cursor:
        return None
    try:
        organization, binding, direction, value, row = _SIGNER.unsign_object(want.cursor)
    except (signing.BadSignature, ValueError, TypeError):
        return None
    return (direction, value, row) if (organization, binding) == (str(organization_id), _binding(want)) else None


def _binding(want: Wanted) -> str:
    return f"{want.q}|{want.status}|{want.role}|{want.mfa}|{want.sort}|{want.descending}"


def counts(*, organization_id: UUID, groups: frozenset[UUID] | None = None) -> dict[str, int]:
    """How many people have each status, and how many active ones have no second factor; of those whom the actor's role reaches.

    For the whole organization these are kept counts, whatever its size; for a role limited to groups they are counted.
    """
    kept = "SELECT status, second_factor, sum(n) FROM accounts_peoplecount WHERE organization_id = %s AND kind = 'person' GROUP BY 1, 2"
    counted = ("SELECT m.effective_status, a.has_second_factor, count(*) FROM accounts_membership m JOIN accounts_account a ON a.id = m.account_id"
               " WHERE m.organization_id = %s AND a.kind = 'person'"
               " AND EXISTS (SELECT 1 FROM accounts_groupmembership g WHERE g.membership_id = m.id AND g.group_id = ANY(%s)) GROUP BY 1, 2")
    with connection.cursor() as cursor:
        cursor.execute(kept if groups is None else counted, [organization_id] if groups is None else [organization_id, list(groups)])
        rows = cursor.fetchall()
    found: dict[str, int] = {}
    for status, _factor, n in rows:
        found[status] = found.get(status, 0) + int(n)
    found["no_mfa"] = sum(int(n) for status, factor, n in rows if status == "active" and not factor)
    found["all"] = sum(found.get(s, 0) for s in STATUSES if s != "removed")
    return found


def fold_counts(*, least: int = 100) -> None:
    """Add up the differences of organizations that have more than `least` of them."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT accounts_fold_counts(%s)", [least])
