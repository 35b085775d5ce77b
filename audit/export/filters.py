"""What an export contains: the range, the filter, and what can be proved about it."""
from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import connections

from audit.models import Pruned
from audit.record import timestamp

Filter = dict[str, Any]
"""Only what is used: actor, acted_as, target {type, id}, actions, categories, outcomes, token, ticket, matter."""

_EQUAL = ("actor", "acted_as", "token", "ticket", "matter")
_AMONG = {"actions": "action", "categories": "category", "outcomes": "outcome"}


def where(*, org: UUID, wanted: Filter) -> tuple[list[str], list[Any]]:
    """Conditions on the leaves `l` of one log."""
    parts, values = ["l.org = %s"], [org]
    for name in _EQUAL:
        if name in wanted:
            parts.append(f"l.{name} = %s")
            values.append(wanted[name])
    for name, column in _AMONG.items():
        if name in wanted:
            parts.append(f"l.{column} = ANY(%s)")
            values.append(wanted[name])
    if "target" in wanted:
        parts.append("l.seq IN (SELECT t.seq FROM audit_target t WHERE t.org = %s AND t.type = %s AND t.target = %s)")
        values += [org, wanted["target"]["type"], wanted["target"]["id"]]
    return parts, values


def completeness(wanted: Filter) -> str:
    """What the bundle proves: that nothing of a range, of an actor, of a target is missing; or only that what is there is genuine."""
    return "range" if not wanted else next(iter(wanted)) if len(wanted) == 1 and set(wanted) <= {"actor", "target"} else "attested"


def counted(wanted: Filter) -> list[list[str]]:
    """The counters whose totals the signer has to prove."""
    return [*([["actor", wanted["actor"]]] if "actor" in wanted else []), *([[wanted["target"]["type"], wanted["target"]["id"]]] if "target" in wanted else [])]


def size(*, org: UUID, alias: str = "default") -> int:
    """How many numbered entries the log has."""
    with connections[alias].cursor() as cursor:
        cursor.execute("SELECT size FROM audit_tree WHERE org = %s", [org])
        row = cursor.fetchone()
    return int(row[0]) if row else 0


def numbers(*, org: UUID, since: date | None, until: date | None, zone: str, size: int) -> tuple[int, int]:
    """Whole days of a time zone as numbers, first and last. An empty range has a last number below its first."""
    here = ZoneInfo(zone)
    first = 1 if since is None else _first_from(org, datetime.combine(since, time(), here), size)
    last = size if until is None else _first_from(org, datetime.combine(until + timedelta(days=1), time(), here), size) - 1
    return first, max(last, first - 1)


def _first_from(org: UUID, moment: datetime, size: int) -> int:
    """The first number that was given at this moment or later: a binary search, because time only grows with numbers."""
    low, high = 1, size + 1
    with connections["default"].cursor() as cursor:
        while low < high:
            middle = (low + high) // 2
            cursor.execute("SELECT seq, recorded_at FROM audit_leaf WHERE org = %s AND seq >= %s ORDER BY seq LIMIT 1", [org, middle])
            row = cursor.fetchone()
            if row is None or row[0] > size or row[1] >= moment:
                high = middle
            else:
                low = row[0] + 1
    return low


def count(*, org: UUID, wanted: Filter, first: int, last: int) -> int:
    """Exactly how many entries there are: of a range by subtraction, of a filter by its index."""
    if last < first:
        return 0
    parts, values = where(org=org, wanted=wanted)
    if not wanted and _whole(org, first, last):
        return last - first + 1
    with connections["default"].cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM audit_leaf l WHERE {' AND '.join(parts)} AND l.seq BETWEEN %s AND %s", [*values, first, last])
        return int(cursor.fetchone()[0])


def _whole(org: UUID, first: int, last: int) -> bool:
    """Whether nothing of this range was removed by retention."""
    return not any(one["first"] <= last and one["last"] >= first for one in pruned(org=org))


def pruned(*, org: UUID, alias: str = "default") -> list[dict[str, Any]]:
    """The ranges that retention removed, in order: what proof/pruned.json says."""
    return [{"first": row.first, "last": row.last, "count": row.last - row.first + 1, "root": bytes(row.root).hex(), "at": timestamp(row.at), "entry": str(row.entry)}
            for row in Pruned.objects.using(alias).filter(org=org).order_by("first")]
