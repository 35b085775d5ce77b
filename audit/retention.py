"""How long a log is kept: what was agreed, what would go and when (AUDIT section 4)."""
from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from uuid import UUID

from django.db import connection

from audit import partitions

DEFAULT = "y7"
"""How long a log is kept about which nobody has agreed on anything. After that time it stays nevertheless: what goes, goes because two people said so."""


@dataclass(frozen=True)
class Agreed:
    """A policy: how many years, since when, by whom."""

    retention: str
    since: datetime | None
    agreed_by: tuple[UUID, ...] = ()

    @property
    def years(self) -> int:
        return years(self.retention)


@dataclass(frozen=True)
class Removal:
    """A month that will go: on which day at the earliest, which numbers, how many."""

    month: date
    on: date
    first: int
    last: int

    @property
    def count(self) -> int:
        return self.last - self.first + 1


def years(retention: str) -> int:
    """How many years a class means; "held" means none."""
    return int(retention[1:]) if retention.startswith("y") else 0


def bounds() -> tuple[int, int]:
    """The shortest and the longest time that the installation allows, in years."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT floor_years, ceiling_years FROM audit_bounds")
        low, high = cursor.fetchone()
    return low, high


def current(*, org: UUID) -> Agreed:
    """What holds now."""
    found = history(org=org)
    return found[0] if found else Agreed(DEFAULT, None)


def history(*, org: UUID) -> list[Agreed]:
    """Everything that was ever agreed about this log, newest first."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT retention, since, agreed_by FROM audit_policychange WHERE org = %s ORDER BY id DESC", [org])
        return [Agreed(retention, since, tuple(agreed)) for retention, since, agreed in cursor.fetchall()]


def agree(*, org: UUID, years: int, agreed_by: Iterable[UUID], now: datetime) -> None:
    """From now on the log is kept this long. Needs an open act, and two different people.

    What is written from now on gets the new time. A longer one also holds for what is there; a shorter one does not.
    """
    people = list(dict.fromkeys(agreed_by))
    low, high = bounds()
    if not low <= years <= high:
        raise ValueError(f"between {low} and {high} years")
    if len(people) < 2:
        raise ValueError("two people have to agree")
    name = f"y{years}"
    partitions.prepare(today=now.astimezone(UTC).date(), classes=(name,))
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO audit_policychange (org, retention, since, agreed_by) VALUES (%s, %s, %s, %s)", [org, name, now, people])
        cursor.execute("INSERT INTO audit_policy (org, retention) VALUES (%s, %s) ON CONFLICT (org) DO UPDATE SET retention = EXCLUDED.retention", [org, name])


def after(month: date, count: int) -> date:
    """The first day on which what was written in this month is older than so many years."""
    turned = date(month.year + count + month.month // 12, month.month % 12 + 1, 1)
    return turned


def upcoming(*, org: UUID, chosen: int, agreed: Agreed | None = None, limit: int = 12) -> list[Removal]:
    """What would go if the log were kept for `chosen` years from now on, month by month, the next first: exact, from the days' numbers.

    For what is there the longer of the chosen time and the present one counts, and the time it was written under.
    """
    past = history(org=org)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT date_trunc('month', d.day)::date, min(GREATEST(d.first_seq, COALESCE(p.last, 0) + 1)), max(d.last_seq) FROM audit_day d"
            " LEFT JOIN (SELECT max(last) AS last FROM audit_pruned WHERE org = %s) p ON true WHERE d.org = %s AND d.last_seq > COALESCE(p.last, 0) GROUP BY 1 ORDER BY 1 LIMIT 600", [org, org])
        months = cursor.fetchall()
    found = [Removal(month=month, on=after(month, max(chosen, _promised(past, month))), first=first, last=last) for month, first, last in months]
    return sorted(found, key=lambda r: (r.on, r.first))[:limit]


def _promised(past: list[Agreed], month: date) -> int:
    """The longest time in force while this month was written."""
    end = datetime.combine(after(month, 0), datetime.min.time(), UTC)
    start = datetime.combine(month, datetime.min.time(), UTC)
    begun = [a for a in past if a.since and a.since < end]
    during = [a.years for a in begun if a.since and a.since >= start]
    before = next((a.years for a in begun if a.since and a.since < start), years(DEFAULT))
    return max([before, *during])


def removed(*, org: UUID, low: int = 1, high: int = 2**62) -> int:
    """How many of the numbers low … high were removed: what an exact count says beside what is there."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT COALESCE(sum(LEAST(last, %(high)s) - GREATEST(first, %(low)s) + 1), 0) FROM audit_pruned WHERE org = %(org)s AND last >= %(low)s AND first <= %(high)s",
                       {"org": org, "low": low, "high": high})
        return int(cursor.fetchone()[0])


def removals(*, org: UUID) -> list[tuple[int, int, UUID, datetime]]:
    """What was removed, newest first: first and last number, the entry that says so, when."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT first, last, entry, at FROM audit_pruned WHERE org = %s ORDER BY first DESC LIMIT 500", [org])
        return list(cursor.fetchall())
