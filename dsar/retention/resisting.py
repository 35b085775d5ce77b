"""What stays although the person it is about is erased: rows that a rule with a ground keeps, or a shortest time. They go as soon as that is over (RIGHTS 4d)."""
from __future__ import annotations

from datetime import datetime

from django.db.models import Q

from dsar.datamap.kinds import Unit
from dsar.retention import finding, periods, rules, setting, units
from dsar.retention.models import Kind, RetentionRule
from dsar.retention.rules import Sql


def kept(unit: Unit, now: datetime) -> Sql:
    """SQL for the rows of a kind that resist an erasure now, in whatever organization; false for most kinds, because nobody gave a ground."""
    one = units.governed().get(unit.table)
    if one is None or not one.resists:
        return "false", []
    parts: list[Sql] = []
    with_ground = RetentionRule.objects.filter(Q(ends_at=None) | Q(ends_at__gt=now), kind=Kind.KEEP, effective_at__lte=now).exclude(ground="")
    for row in rules.over(one, with_ground):
        zone = setting.zone(row.organization_id)
        asked = finding.question(one, org=row.organization_id, day=periods.today(now, zone), zone=zone, rows=[row])
        (whose, a), (free, b) = asked.whose(), asked.unless_kept(row)
        parts.append((f"({whose}) AND NOT ({free})", [*a, *b]))
    if one.floor:
        over = finding.question(one, org=None, day=periods.today(now, "UTC"), zone="UTC", rows=[]).passed("end", one.floor)
        parts.append((f"({one.end.clocks['end']}) IS NOT NULL AND NOT {over[0]}", over[1]))
    return " OR ".join(f"({text})" for text, _values in parts) or "false", [value for _text, values in parts for value in values]
