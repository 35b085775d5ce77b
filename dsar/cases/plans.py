"""What a request takes, counted by the data map: what would be in a copy, and what a deletion would remove, change or keep (RIGHTS 3b, row 11)."""
from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.db import connection

from accounts.tenancy import installation
from dsar import holding
from dsar.datamap import MAP
from dsar.datamap.kinds import Unit


@dataclass(frozen=True)
class Counted:
    """One kind of data: how many rows of it the organization has about the person, and what a deletion does to them."""

    unit: Unit
    count: int

    @property
    def more(self) -> bool:
        return self.count > holding.MOST

    @property
    def becomes(self) -> str:
        return self.unit.erase


def counted(*, account_id: UUID, organization_id: UUID, managed: bool) -> list[Counted]:
    """What is the organization's own, and where it manages the account what belongs to that; nothing of other organizations. One statement. Kinds of which there is nothing are left out."""
    units = [unit for unit in MAP.units if holding.told(unit) and (unit.scope == "organization_id" or (managed and not unit.scope))]
    parts, values = [], []
    for number, unit in enumerate(units):
        conditions = [holding.condition(unit.table, subject.path) for subject in unit.about if subject.role in {"subject", "recipient"}]
        text, given = " OR ".join(f"({one})" for one in conditions), [account_id] * len(conditions)
        if unit.scope:
            text, given = f"organization_id = %s AND ({text})", [organization_id, *given]
        parts.append(f'SELECT {number}, count(*) FROM (SELECT 1 FROM "{unit.table}" WHERE {text} LIMIT {holding.MOST + 1}) AS counted')
        values += given
    with installation("what a request takes, as numbers only"), connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(parts), values)
        counts = dict(cursor.fetchall())
    return [Counted(unit, counts[number]) for number, unit in enumerate(units) if counts[number]]
