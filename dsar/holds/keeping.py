"""What a hold keeps now, and what waits for it: counted by the gate itself."""
from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.db import connection

from accounts.models import Deletion
from accounts.tenancy import installation
from audit.models import ErasureWaiting
from dsar import holding
from dsar.datamap import MAP
from dsar.datamap.kinds import Unit
from dsar.holds import gate, people
from dsar.holds.models import LegalHold


@dataclass(frozen=True)
class Kept:
    """One kind of data and how many rows of it a hold keeps."""

    unit: Unit
    count: int

    @property
    def more(self) -> bool:
        return self.count > holding.MOST


@dataclass(frozen=True)
class Waiting:
    """What does not go because of a hold, as numbers."""

    deletions: int
    erasures: int


def counted(row: LegalHold) -> list[Kept]:
    """By kind, what this hold keeps of its organization's own; kinds of which there is nothing are left out. One statement."""
    units = [unit for unit in MAP.units if unit.scope == "organization_id" and holding.told(unit)]
    parts, values = [], []
    for place, unit in enumerate(units):
        where, given = gate.kept(unit, org=row.organization_id, hold=row.id)
        parts.append(f'SELECT {place}, count(*) FROM (SELECT 1 FROM "{unit.table}" WHERE {where} LIMIT {holding.MOST + 1}) AS counted')
        values += given
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(parts), values)
        counts = dict(cursor.fetchall())
    return [Kept(unit, counts[place]) for place, unit in enumerate(units) if counts[place]]


def waiting(row: LegalHold) -> Waiting:
    """Deletions of accounts and erasures in the log that wait while it is in force."""
    held = set(people.custodies(row.organization_id, hold=row.id).values_list("subject", flat=True))
    with installation("which deletions wait for a hold, as a number"):
        deletions = Deletion.objects.filter(account_id__in=held).count()
    return Waiting(deletions, ErasureWaiting.objects.filter(org=row.organization_id, subject__in=held).count())


def several(organization: UUID, rows: list[LegalHold]) -> dict[UUID, int]:
    """How many people each of these holds keeps, or kept until its end."""
    found: dict[UUID, int] = dict.fromkeys([row.id for row in rows], 0)
    for within, released in people.custodies(organization, in_force=False).filter(within__in=list(found)).values_list("within", "released_at"):
        found[within] += released is None or any(row.id == within and row.released_at is not None for row in rows)
    return found
