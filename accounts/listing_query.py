"""The people list: search, filters, sort and keyset pages over one table, whatever the size of the organization."""
from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from django.core import signing
from django.db import connection

from accounts import purposes
from accounts.inactivity.people import NEAR
from accounts.services import ways
from audit.queries import planned_anew

SORTS = {"name": ("m.list_name", "text"), "email": ("m.list_email", "text"), "active": ("GREATEST(m.last_active_at, '0001-01-01 00:00:00+00'::timestamptz)", "timestamptz")}
DUE = {
    "invitation": "m.status = 'invited' AND m.invitation_expires_at BETWEEN now() AND now() + interval '3 days'",
    "return": "m.status_until BETWEEN now() AND now() + interval '7 days'",
    "contract": "m.contract_ends_on BETWEEN current_date - 1 AND current_date + 30 AND m.status <> 'removed'",
    "inactive": NEAR,
    "notice": "EXISTS (SELECT 1 FROM accounts_mail e WHERE e.account_id = m.account_id AND e.organization_id = m.organization_id AND e.state = 'failed')",
    "token": "EXISTS (SELECT 1 FROM accounts_apitoken t WHERE t.membership_id = m.id AND t.state = 'active' AND t.expires_at BETWEEN now() AND now() + interval '14 days')",
    "dispute": "EXISTS (SELECT 1 FROM accounts_valuedispute v WHERE v.account_id = m.account_id AND v.organization_id = m.organization_id AND v.state = 'open')",
}
"""What the dashboard counts and the list can show: disputed values, invitations about to end, access about to come back, contracts that end within 30 days,
people who are suspended for inactivity within 14 days, notices that could not be delivered,
tokens about to end."""
STATUSES = ("active", "restricted", "suspended", "invited", "deactivated", "locked", "pending_deletion", "removed")
_SIGNER = signing.Signer(salt="steward.people.cursor")


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What the address of the list says."""

    q: str = ""
    status: str = ""
    role: str = ""
    mfa: str = ""
    due: str = ""
    """What is about to happen to them, or went wrong: one of DUE."""
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
    restricted: bool = False
    """What is held may only be stored: a handle stands for the person, and the rest is left out."""
    purge_at: datetime | None = None
    """When the account is deleted, if that is scheduled."""


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
        mfa=params.get("mfa", "") if params.get("mfa") in {"yes", "no"} else "", due=params.get("due", "") if params.get("due") in DUE else "",
        sort=sort.lstrip("-") if sort.lstrip("-") in SORTS else "name",
        descending=sort.startswith("-"), cursor=params.get("cursor", "")[:2000])


def page(*, organization_id: UUID, want: Wanted, groups: frozenset[UUID] | None = None) -> People:
    """One page, of the people whom the actor's role reaches (`groups`: those of these groups, None for everybody).

    The cursor names the last row by its sort value and id, bound to organization, filter and sort.
    """
    walk = groups is None and not want.q and not _few(organization_id, want)
    where, values = filters(organization_id, want, groups=groups)
    column, kind = SORTS[want.sort]
    position = _position(organization_id, want)
    backwards = bool(position and position[0] == "<")
    descending = want.descending != backwards
    if position:
        where.append(f"({column}, m.id) {'<' if descending else '>'} (%s::{kind}, %s::uuid)")
        values += position[1:]
    order = "DESC" if descending else "ASC"
    # The rows of the page are chosen on the one table that has the order, and only they are joined with the others.
    chosen = f"SELECT m.id, {column} AS place FROM accounts_membership m WHERE {' AND '.join(where)} ORDER BY place {order}, m.id {order} LIMIT %s"
    with planned_anew(), _in_order(walk), connection.cursor() as cursor:
        cursor.execute(
            f"SELECT m.id, a.name, a.email, m.effective_status, r.name, r.rank, mg.organization_id IS NOT DISTINCT FROM m.organization_id, a.has_second_factor, m.title,"
            f" m.last_active_at, {ways.COUNT}, {_STORED_ONLY},"
            " CASE WHEN a.status = 'pending_deletion' THEN a.status_until END, c.place"
            f" FROM ({chosen}) c JOIN accounts_membership m ON m.id = c.id JOIN accounts_account a ON a.id = m.account_id JOIN accounts_role r ON r.id = m.role_id"
            f" LEFT JOIN accounts_management mg ON mg.account_id = a.id ORDER BY c.place {order}, m.id {order}", [*values, want.size + 1])
        found = cursor.fetchall()
    more, found = len(found) > want.size, found[:want.size]
    if backwards:
        found.reverse()
    result = People(rows=[_bare(Row(*row[:13])) for row in found], lost=bool(want.cursor) and position is None)
    if found and (more or backwards):
        result.next = _cursor(organization_id, want, ">", found[-1])
    if found and ((position and not backwards) or (backwards and more)):
        result.previous = _cursor(organization_id, want, "<", found[0])
    return result


_STORED_ONLY = f"m.use_restricted AND NOT '{purposes.ADMINISTRATION}' = ANY (m.use_freed)"


def _bare(row: Row) -> Row:
    """The row as it may be shown."""
    if not row.restricted:
        return row
    return replace(row, name="", email=purposes.handle(row.id), role="", managed=False, second_factor=False, title="", last_active_at=None, services=0)


@contextmanager
def _in_order(walk: bool) -> Iterator[None]:
    """Where many match, walk along the index that has the order and stop when the page is full, instead of sorting everybody.

    PostgreSQL cannot know which is better, because row-level security hides from it how large the organization is. Where few
    match, it finds and sorts them; and where a word is searched, because people of one name stand together in the list, far from its beginning.
    """
    if not walk:
        yield
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('enable_sort', 'off', false), set_config('enable_bitmapscan', 'off', false)")
        try:
            yield
        finally:
            cursor.execute("SELECT set_config('enable_sort', 'on', false), set_config('enable_bitmapscan', 'on', false)")


def _few(organization_id: UUID, want: Wanted) -> bool:
    """Whether a role, a status or what is due narrows the list to at most FEW people; nobody counts further than that."""
    asked: list[tuple[str, list[Any]]] = []
    if want.status:
        asked.append(("SELECT 1 FROM accounts_membership m WHERE m.organization_id = %s AND m.effective_status = %s", [organization_id, want.status]))
    if want.role:
        asked.append((f"SELECT 1 FROM accounts_membership m WHERE {_ROLE}", [organization_id, want.role]))
    if want.due:
        return True
    if not asked:
        return False
    counted = ", ".join(f"(SELECT count(*) FROM ({sql} LIMIT {FEW + 1}) c{n})" for n, (sql, _values) in enumerate(asked))
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {counted}", [value for _sql, values in asked for value in values])
        return min(cursor.fetchone()) <= FEW


FEW = 2000
_LAST = "\U0010ffff"
_ROLE = "m.role_id IN (SELECT o.id FROM accounts_role o WHERE o.organization_id = %s AND o.slug = %s)"


_WORD = "SELECT t.membership_id FROM accounts_searchtoken t WHERE t.organization_id = %s AND t.token >= %s AND t.token < %s"


def _having_all(organization_id: UUID, found: list[str]) -> tuple[str, list[Any]]:
    """The memberships that have all these words."""
    return " INTERSECT ".join([_WORD] * len(found)), [value for token in found for value in (organization_id, token, token + _LAST)]


def filters(organization_id: UUID, want: Wanted, *, groups: frozenset[UUID] | None = None) -> tuple[list[str], list[Any]]:
    """The conditions of the list on memberships `m`, and their values. `OFFSET 0` keeps a condition a look-up for each row that is met."""
    where, values = ["m.organization_id = %s"], [organization_id]
    if groups is not None:
        where.append("EXISTS (SELECT 1 FROM accounts_groupmembership g WHERE g.membership_id = m.id AND g.group_id = ANY(%s))")
        values.append(list(groups))
    if want.status:
        where.append("m.effective_status = %s")
        values.append(want.status)
    else:
        where.append("m.effective_status NOT IN ('removed', 'purged')")
    if want.role:
        where.append(_ROLE)
        values += [organization_id, want.role]
    if want.due:
        where.append(DUE[want.due])
    found = tokens(want.q)
    if found:
        words, asked = _having_all(organization_id, found)
        where.append(f"m.id IN ({words})")
        values += asked
    where.append("m.account_id NOT IN (SELECT x.id FROM accounts_account x WHERE x.kind <> 'person')")  # of those there are few, so asking for them is cheaper
    if want.mfa:
        where.append("EXISTS (SELECT 1 FROM accounts_account x WHERE x.id = m.account_id AND x.has_second_factor = %s OFFSET 0)")
        values.append(want.mfa == "yes")
    return where, values


def tokens(q: str) -> list[str]:
    """The words of a search, as PostgreSQL splits names: letters and digits, lower case."""
    return [t[:64] for t in re.split(r"[^\w]+|_", q.lower()) if t][:8]


def _cursor(organization_id: UUID, want: Wanted, direction: str, row: tuple[Any, ...]) -> str:
    value = row[13]
    return _SIGNER.sign_object([str(organization_id), _binding(want), direction, value.isoformat() if isinstance(value, datetime) else value, str(row[0])])


def _position(organization_id: UUID, want: Wanted) -> tuple[str, Any, UUID] | None:
    """Where a cursor points to; one of another organization, filter or sort, or a forged one, is the first page.

    Its values have the types of their columns: under row-level security PostgreSQL uses no index for what it must first convert.
    """
    if not want.cursor:
        return None
    try:
        organization, binding, direction, value, row = _SIGNER.unsign_object(want.cursor)
        place = (direction, datetime.fromisoformat(value) if want.sort == "active" else value, UUID(row))
    except (signing.BadSignature, ValueError, TypeError):
        return None
    return place if (organization, binding) == (str(organization_id), _binding(want)) else None


def _binding(want: Wanted) -> str:
    return f"{want.q}|{want.status}|{want.role}|{want.mfa}|{want.due}|{want.sort}|{want.descending}"


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
