"""Services as pages and the API show them: the list, one of them, and who has access to it through what."""
from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection

from accounts import purposes
from accounts.actor import Actor
from accounts.keyset import Slice, fetch
from accounts.listing_query import tokens
from accounts.models import GroupService
from accounts.services import ways

SIZE = 50
_WITH = f"FROM accounts_membership m {ways.OWN} WHERE m.organization_id = s.organization_id AND m.status IN ('active', 'restricted') AND {ways.HAS}"


@dataclass(frozen=True)
class Line:
    """A service as the list shows it."""

    id: UUID
    slug: str
    name: str
    description: str
    url: str
    state: str
    everyone: str
    owner_id: UUID | None
    owner: str
    categories: list[str]
    created_at: datetime
    client_id: str | None
    redirect_uris: str | None
    logout_url: str | None
    people: int
    groups: int
    last_used_at: datetime | None


_LINE = f"""SELECT s.id, s.slug, s.name, s.description, s.url, s.state, s.everyone, om.id, COALESCE(NULLIF(oa.name, ''), oa.email, ''), s.categories, s.created_at,
  c.client_id, c.redirect_uris, c.logout_url, (SELECT count(*) {_WITH}),
  (SELECT count(*) FROM accounts_groupservice gs WHERE gs.service_id = s.id), (SELECT max(sa.last_used_at) FROM accounts_serviceaccess sa WHERE sa.service_id = s.id)"""
_FROM = """accounts_service s LEFT JOIN accounts_membership om ON om.id = s.answered_by AND om.status <> 'removed' LEFT JOIN accounts_account oa ON oa.id = om.account_id
  LEFT JOIN accounts_oauthapplication c ON c.service_id = s.id"""


def lines(*, actor: Actor) -> list[Line]:
    """The services of the actor's organization by name; there are never many."""
    return _lines("s.organization_id = %s", [actor.organization_id])


def one(*, actor: Actor, service_id: UUID) -> Line | None:
    """One of them."""
    found = _lines("s.organization_id = %s AND s.id = %s", [actor.organization_id, service_id])
    return found[0] if found else None


def _lines(where: str, values: list[Any]) -> list[Line]:
    with connection.cursor() as cursor:
        cursor.execute(f"{_LINE} FROM {_FROM} WHERE {where} ORDER BY lower(s.name), s.id", values)
        return [Line(*row) for row in cursor.fetchall()]


def groups(service_id: UUID) -> list[GroupService]:
    """The groups that have access, by name."""
    return list(GroupService.objects.filter(service_id=service_id).select_related("group").order_by("group__name"))


@dataclass(frozen=True)
class Holder:
    """Somebody with access, or from whom it was taken, and through what."""

    id: UUID
    name: str
    email: str
    status: str
    level: str
    own: str
    groups: list[str]
    everyone: str
    since: datetime | None
    last_used_at: datetime | None


_RESTRICTED = f"m.use_restricted AND NOT '{purposes.ADMINISTRATION}' = ANY (m.use_freed)"
_HOLDER = f"""SELECT m.id, CASE WHEN {_RESTRICTED} THEN '' ELSE a.name END, CASE WHEN {_RESTRICTED} THEN '' ELSE a.email END, m.effective_status, {ways.LEVEL}, COALESCE(sa.state, ''),
  ARRAY(SELECT g.name FROM accounts_groupservice gs JOIN accounts_groupmembership gm ON gm.group_id = gs.group_id JOIN accounts_group g ON g.id = gs.group_id
        WHERE gs.service_id = s.id AND gm.membership_id = m.id ORDER BY g.name), s.everyone, sa.granted_at, sa.last_used_at"""


def holders(*, actor: Actor, service_id: UUID, q: str = "", cursor: str = "", size: int = SIZE) -> tuple[list[Holder], Slice]:
    """Whoever has access to the service or had it taken away, by name; of those whom the actor's role reaches."""
    where = ["s.organization_id = %s", "s.id = %s", "m.effective_status NOT IN ('removed', 'purged')", f"(sa.id IS NOT NULL OR {ways.HAS})"]
    values: list[Any] = [actor.organization_id, service_id]
    if actor.scope_groups is not None:
        where.append("EXISTS (SELECT 1 FROM accounts_groupmembership r WHERE r.membership_id = m.id AND r.group_id = ANY(%s))")
        values.append(list(actor.scope_groups))
    words = tokens(q)
    for token in words:
        where.append("EXISTS (SELECT 1 FROM accounts_searchtoken t WHERE t.membership_id = m.id AND t.token LIKE %s)")
        values.append(token.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%")
    found = fetch(select=_HOLDER, source=f"accounts_service s JOIN accounts_membership m ON m.organization_id = s.organization_id JOIN accounts_account a ON a.id = m.account_id {ways.OWN}",
                  where=where, values=values, keys=(("m.list_name", "text"), ("m.id", "uuid")),
                  binding=f"service:{service_id}:{' '.join(words)}:{sorted(map(str, actor.scope_groups or ()))}", cursor=cursor, size=size)
    return [Holder(*row) for row in found.rows], found
