"""What the rules of organizations make of one person's data: the decision itself, for a record that is over today, with its reasons. For their own pages and for their copies.

Holds are left out, as everywhere where somebody must not learn of one; rules about labels too, because they are about some records only.
"""
from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from django.db.models import Q
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from accounts.models import GroupMembership, Membership, Organization, ServiceAccess
from accounts.tenancy import installation
from dsar.retention import rules, units, words
from dsar.retention.deciding import decide
from dsar.retention.models import RetentionRule, Scope
from dsar.retention.periods import today, zone_of
from dsar.retention.units import Governed


@dataclass(frozen=True)
class Outlook:
    """One kind of data in one organization."""

    organization: str
    goes_on: date | None
    """The day on which a record that is over today would go; None where it would stay."""
    text: str
    why: tuple[str, ...]


def of_person(account_id: UUID, *, now: datetime, only: UUID | None = None) -> dict[str, list[Outlook]]:
    """By table, for each organization of theirs with rules that reach them. The same number of questions, however many organizations and rules there are, but for names of groups and services."""
    with installation("what the rules of a person's organizations make of their data"):
        members = Membership.objects.filter(account_id=account_id, **({"organization_id": only} if only else {})).exclude(status="invited")
        orgs = {one.id: one for one in Organization.objects.filter(id__in=members.values("organization_id")).order_by("name")}
        groups = GroupMembership.objects.filter(membership__in=members).values_list("group_id", flat=True)
        places = {*groups, *ServiceAccess.objects.filter(membership__in=members).values_list("service_id", flat=True)}
        mine = Q(scope=Scope.ORGANIZATION) | Q(scope=Scope.PERSON, account_id=account_id) | Q(scope__in=(Scope.GROUP, Scope.SERVICE), about__in=places)
        rows = list(RetentionRule.objects.filter(mine, Q(ends_at=None) | Q(ends_at__gt=now), organization_id__in=list(orgs), effective_at__lte=now).order_by("id"))
        said = {str(row.id): words.rule(row) for row in rows}
        found: dict[str, list[Outlook]] = {}
        for org in orgs.values():
            theirs = [row for row in rows if row.organization_id == org.id]
            for key, one in units.offered().items() if theirs else ():
                if reached := rules.over(one, theirs):
                    found.setdefault(key, []).append(_decided(org.name, one, reached, today(now, zone_of(org.time_zone)), said))
        return found


def _decided(organization: str, one: Governed, reached: Iterable[RetentionRule], day: date, said: dict[str, str]) -> Outlook:
    general = rules.default(one)
    decision = decide([*map(rules.as_rule, reached), *([general] if general else [])], dict.fromkeys(one.end.clocks, day), floor=one.floor, ceiling=one.ceiling)
    text = (_("A record that is over today would go on %(day)s.") % {"day": date_format(decision.goes_on)} if decision.goes_on
            else _("A record that is over today would stay for as long as these rules hold."))
    return Outlook(organization, decision.goes_on, text, tuple(words.reason(step, said) for step in decision.why))
