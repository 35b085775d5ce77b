"""How many entries there are: exact without counting them, because numbers have no gaps; and honest where that is not possible."""
from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

from django.db import connection

from audit import retention
from audit.queries import Filters, conditions, numbers, planned_anew

COUNTED = 1000
"""How far entries are counted where no exact number is known; beyond it there are "more than" so many."""


def count(*, org: UUID, since: date | None = None, until: date | None = None) -> int:
    """Exactly how many numbered entries the log has in these days: a subtraction of gap-free numbers."""
    low, high = numbers(org, Filters(since=since, until=until))
    with connection.cursor() as cursor:
        cursor.execute("SELECT size FROM audit_tree WHERE org = %s", [org])
        row = cursor.fetchone()
    size = row[0] if row else 0
    return max(0, (size if high is None else high) - (1 if low is None else min(low, size + 1)) + 1)


def matching(*, org: UUID, filters: Filters) -> tuple[int, bool]:
    """How many numbered entries match, and whether that is exact. Exact for ranges, one actor or one target, from numbers that are kept; otherwise counted up to COUNTED."""
    if filters.only == "range":
        low, high = numbers(org, filters)
        gone = retention.removed(org=org, low=low or 1, high=2**62 if high is None else high)
        return count(org=org, since=filters.since, until=filters.until) - gone, True
    asked = conditions(org, filters)
    number, values = asked.number, asked.values
    found = f"FROM {asked.source} WHERE {' AND '.join(asked.where)}"
    with planned_anew(), connection.cursor() as cursor:
        if not filters.only:
            n = _counted(cursor, found, values)
            return min(n, COUNTED), n <= COUNTED
        cursor.execute("SELECT COALESCE(max(last), 0) FROM audit_pruned WHERE org = %s", [org])
        gone = cursor.fetchone()[0]
        n = "t.n" if filters.only == "target" else "(l.envelope::json ->> 'actor_n')::bigint"
        above = f"{found} AND {number} > %s"
        cursor.execute(f"SELECT (SELECT {n} {above} ORDER BY {number} DESC LIMIT 1) - (SELECT {n} {above} ORDER BY {number} LIMIT 1) + 1", [*values, gone, *values, gone])
        whole = int(cursor.fetchone()[0] or 0)
        held = _counted(cursor, f"{found} AND {number} <= %s", [*values, gone]) if gone else 0
        return whole + min(held, COUNTED), held <= COUNTED


def _counted(cursor: Any, found: str, values: list[Any]) -> int:
    """Counted one by one, no further than is needed to say "more than": also below what was removed, where the kept numbers have holes."""
    cursor.execute(f"SELECT count(*) FROM (SELECT 1 {found} LIMIT {COUNTED + 1}) c", values)
    return int(cursor.fetchone()[0])


def ever(*, org: UUID, kind: str, key: UUID) -> int:
    """How many entries by this actor (`kind` "actor") or about this target were ever numbered, removed ones too."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT n FROM audit_counter WHERE org = %s AND kind = %s AND key = %s", [org, kind, key])
        row = cursor.fetchone()
    return row[0] if row else 0


def days(*, org: UUID, since: date | None = None, until: date | None = None, most: int = 400) -> list[tuple[date, int]]:
    """Entries of each UTC day that has some, oldest first: subtractions of gap-free numbers."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT day, last_seq - first_seq + 1 FROM audit_day WHERE org = %s AND day >= COALESCE(%s::date, '-infinity')"
                       " AND day <= COALESCE(%s::date, 'infinity') ORDER BY day DESC LIMIT %s",
                       [org, since, until, most])
        return cursor.fetchall()[::-1]
