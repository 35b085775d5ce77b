"""Through what people have access to services: their own row decides; where there is none, the widest of their groups and of what everybody has.

What a restriction of the membership takes (POWERS P2) is taken from all of it: reading only, or nothing but what the person still has of their own.
"""
from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from django.db import connection

_IN = "FROM accounts_groupservice gs JOIN accounts_groupmembership gm ON gm.group_id = gs.group_id WHERE gs.service_id = s.id AND gm.membership_id = m.id"
_SHARED = (f"CASE WHEN s.everyone = 'full' OR EXISTS (SELECT 1 {_IN} AND gs.state = 'full') THEN 'full'"
           f" WHEN s.everyone = 'read_only' OR EXISTS (SELECT 1 {_IN}) THEN 'read_only' ELSE '' END")
LEVEL = (f"CASE WHEN sa.id IS NOT NULL THEN CASE WHEN sa.state = 'off' THEN '' WHEN m.status = 'restricted' AND m.restricted_mode = 'read_only' THEN 'read_only' ELSE sa.state END"
         f" WHEN m.status = 'restricted' AND m.restricted_mode = 'subset' THEN ''"
         f" WHEN m.status = 'restricted' AND {_SHARED} <> '' THEN 'read_only' ELSE {_SHARED} END")
"""How far a membership `m` reaches in a service `s`, with its own row `sa` if it has one: 'full', 'read_only' or ''. In SQL, so that one person and a hundred thousand are judged alike."""
OWN = "LEFT JOIN accounts_serviceaccess sa ON sa.service_id = s.id AND sa.membership_id = m.id"
HAS = (f"CASE WHEN sa.id IS NOT NULL THEN sa.state <> 'off' WHEN m.status = 'restricted' AND m.restricted_mode = 'subset' THEN false ELSE s.everyone <> '' OR EXISTS (SELECT 1 {_IN}) END")
"""Whether that is anything at all."""
COUNT = f"(SELECT count(*) FROM accounts_service s {OWN} WHERE s.organization_id = m.organization_id AND {HAS})"
"""How many services a membership `m` opens."""


ACCOUNTS = (f"SELECT m.account_id FROM accounts_service s JOIN accounts_membership m ON m.organization_id = s.organization_id {OWN}"
            f" WHERE s.id = %s AND (sa.id IS NOT NULL OR s.everyone <> '' OR EXISTS (SELECT 1 {_IN}))")
"""The accounts that have, or had until it was taken away, access to a service through whatever."""


@dataclass(frozen=True)
class Way:
    """One service that a person has access to, how far, since when, and through what."""

    service: UUID
    slug: str
    name: str
    description: str
    url: str
    state: str
    """`suspended`: nobody gets in at present."""
    level: str
    own: str
    """What the person's own row says; '' where there is none."""
    everyone: str
    groups: tuple[str, ...] = field(default=())
    since: datetime | None = None
    last_used_at: datetime | None = None
    organization: str = ""
    membership: UUID | None = None

    @property
    def direct(self) -> bool:
        return bool(self.own)


_COLUMNS = f"""s.id, s.slug, s.name, s.description, s.url, s.state, {LEVEL}, COALESCE(sa.state, ''), s.everyone, ARRAY(SELECT g.name
  FROM accounts_groupservice gs JOIN accounts_groupmembership gm ON gm.group_id = gs.group_id JOIN accounts_group g ON g.id = gs.group_id
  WHERE gs.service_id = s.id AND gm.membership_id = m.id ORDER BY g.name),
  COALESCE(sa.granted_at, (SELECT min(gs.granted_at) {_IN}), GREATEST(s.created_at, m.joined_at)), sa.last_used_at, o.name, m.id"""


def of(memberships: Iterable[UUID]) -> list[Way]:
    """What these memberships open and what was taken from them by a row of their own, by organization and name."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {_COLUMNS} FROM accounts_membership m JOIN accounts_service s ON s.organization_id = m.organization_id JOIN accounts_organization o ON o.id = m.organization_id {OWN}"
                       f" WHERE m.id = ANY(%s) AND (sa.id IS NOT NULL OR {_SHARED} <> '') ORDER BY o.name, s.name, s.id", [list(memberships)])
        return [Way(*row[:9], tuple(row[9]), *row[10:]) for row in cursor.fetchall()]


def level(*, membership_id: UUID, service_id: UUID) -> str:
    """How far the membership reaches in the service: 'full', 'read_only', or '' for not at all. Whether the membership may be used at all is asked elsewhere."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {LEVEL} FROM accounts_membership m JOIN accounts_service s ON s.organization_id = m.organization_id {OWN} WHERE m.id = %s AND s.id = %s", [membership_id, service_id])
        row = cursor.fetchone()
    return str(row[0]) if row else ""


def members(services: Iterable[UUID]) -> list[UUID]:
    """The memberships with access to any of these services, through whatever; somebody's own row counts, even where it says that nothing is left."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT DISTINCT m.id FROM accounts_service s JOIN accounts_membership m ON m.organization_id = s.organization_id {OWN}"
                       f" WHERE s.id = ANY(%s) AND m.status <> 'removed' AND (sa.id IS NOT NULL OR {_SHARED} <> '')", [list(services)])
        return [row[0] for row in cursor.fetchall()]
