"""What people are told of an organization's own periods: on their page about what is held, and in the record of processing."""
from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from django.db.models import Q
from django.utils.translation import gettext as _

from accounts.models import Membership, Organization
from accounts.tenancy import installation
from dsar.datamap.kinds import Unit
from dsar.retention import rules, units, words
from dsar.retention.models import RetentionRule, Scope


def of_person(account_id: UUID, *, now: datetime) -> list[tuple[str, list[RetentionRule]]]:
    """Organizations that the person is or was in and that have rules, each with those that may be about them: of rules about one person only their own."""
    with installation("the periods that organizations of a person chose"):
        orgs = dict(Organization.objects.filter(id__in=Membership.objects.filter(account_id=account_id).values("organization_id")).order_by("name").values_list("id", "name"))
        found: dict[UUID, list[RetentionRule]] = {}
        mine = ~Q(scope=Scope.PERSON) | Q(account_id=account_id)
        for row in RetentionRule.objects.filter(mine, Q(ends_at=None) | Q(ends_at__gt=now), organization_id__in=list(orgs), effective_at__lte=now).order_by("id"):
            found.setdefault(row.organization_id, []).append(row)
    return [(name, found[org]) for org, name in orgs.items() if org in found]


def about(unit: Unit, own: Iterable[tuple[str, list[RetentionRule]]]) -> list[tuple[str, list[str]]]:
    """How long organizations with rules of their own keep this kind; [] where none has one."""
    one = units.offered().get(unit.table)
    if one is None:
        return []
    return [(name, said) for name, rows in own if (said := words.periods(one, rows))]


def limits(org: UUID, *, now: datetime) -> dict[str, list[str]]:
    """By table, the time limits that an organization's rules make, for its record of processing."""
    rows = rules.in_force(org, now)
    found = {}
    for key, one in units.offered().items():
        if said := words.periods(one, rows):
            found[key] = [_("%(kind)s: %(period)s") % {"kind": one.title, "period": text} for text in said]
    return found
