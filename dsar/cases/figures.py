"""How requests went: how many, how long they took, and how they ended, as numbers about nobody (policy A9)."""
from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import connection

from dsar.cases.models import Outcome, Right


@dataclass(frozen=True)
class Figure:
    """One right with one outcome."""

    right: str
    outcome: str
    count: int
    median_days: float | None
    """From the day on which it came in to its answer; None while it is open."""
    late: int

    @property
    def right_words(self) -> str:
        return str(Right(self.right).label)

    @property
    def outcome_words(self) -> str:
        return str(Outcome(self.outcome).label)


_SQL = """SELECT a."right", a.outcome, count(*),
 percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM a.decided_at - c.received_at) / 86400) FILTER (WHERE a.outcome <> ''),
 count(*) FILTER (WHERE EXISTS (SELECT 1 FROM dsar_happening h WHERE h.case_id = c.id AND h.event = 'breached'))
 FROM dsar_action a JOIN dsar_case c ON c.id = a.case_id WHERE c.organization_id = %s AND c.received_at >= %s GROUP BY 1, 2 ORDER BY 1, 2"""


def figures(*, organization_id: UUID, since: datetime) -> list[Figure]:
    """Of everything that came in since then. Needs the scope."""
    with connection.cursor() as cursor:
        cursor.execute(_SQL, [organization_id, since])
        return [Figure(right, outcome, count, None if median is None else round(float(median), 1), late) for right, outcome, count, median, late in cursor.fetchall()]
