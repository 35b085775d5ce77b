"""What stays although the person it is about is erased: rows that a rule with a ground keeps, or a shortest time. They go as soon as that is over (RIGHTS 4d)."""
from __future__ import annotations

from datetime import datetime

from django.db.models import Q

from dsar.datamap.kinds import Unit
from dsar.retention import finding, periods, rules, setting, units
from dsar.retention.models import Kind, RetentionRule
from dsar.retention.rules import Sql

BEFORE = frozenset({
    "accounts_session", "accounts_apitoken", "accounts_membershipsnapshot", "accounts_addresschange", "accounts_mail", "accounts_rightsvisit", "accounts_rightsrequest", "accounts_idempotencykey",
    "accounts_profilechange", "accounts_profilesuggestion", "accounts_valuedispute",
    "account_emailconfirmation", "oauth2_provider_accesstoken", "oauth2_provider_refreshtoken", "oauth2_provider_grant",
    "oauth2_provider_idtoken", "oauth2_provider_devicegrant", "dsar_copy"})
"""What goes or is emptied with the account itself, before the data map is walked: credentials, letters, values of the profile, copies. No rule keeps it against an erasure; a hold does."""


def possible(one: units.Governed) -> bool:
    """Whether a ground can be given for keeping this kind against an erasure."""
    return one.unit.erase == "delete" and one.key not in BEFORE and one.ways > 0


def kept(unit: Unit, now: datetime) -> Sql:
    """SQL for the rows of a kind that resist an erasure now, in whatever organization; false for most kinds, because nobody gave a ground."""
    one = units.governed().get(unit.table)
    if one is None or not possible(one):
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
