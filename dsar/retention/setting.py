"""Making, changing and ending rules: what somebody typed as a rule, what stands against it, and from when it holds."""
from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from django.utils.translation import gettext as _

from accounts.addresses import address_key
from accounts.models import Account, Group, Membership, Organization, Service
from accounts.powers import choosing
from dsar.datamap.ends import TRIGGERS
from dsar.retention import rules, units
from dsar.retention.models import Act, Ground, Kind, RetentionRule, Scope
from dsar.retention.periods import MEASURES, MOST, Period, zone_of

WAIT = timedelta(days=7)
"""So long a change waits that lets something go earlier than before."""


@dataclass(frozen=True)
class Change:
    """A rule that begins, or ends, and what it takes the place of."""

    after: RetentionRule | None
    before: RetentionRule | None
    """The rule in force in the same place."""
    pending: tuple[RetentionRule, ...]
    """Rules in the same place that would begin later: they come to nothing."""
    shortens: bool

    def effective(self, now: datetime) -> datetime:
        return now + WAIT if self.shortens else now


def typed(org: UUID, data: Mapping[str, Any], now: datetime) -> tuple[RetentionRule | None, list[str]]:
    """The rule that these values mean, not stored; or the codes why they mean none."""
    scope, kind = str(data.get("scope") or Scope.ORGANIZATION), str(data.get("kind") or Kind.DELETE)
    if data.get("count") in (None, "") or not data.get("what"):
        return None, []
    row = RetentionRule(id=uuid4(), organization_id=org, kind=kind, scope=scope, what=str(data["what"]), trigger=str(data.get("trigger") or "end"), count=int(data["count"]),
                        measure=str(data.get("measure") or "days"), action="" if kind == Kind.KEEP else str(data.get("action") or Act.DELETE),
                        ground=str(data.get("ground") or "") if kind == Kind.KEEP else "", set_by=UUID(int=0), set_at=now, effective_at=now)
    codes = list(_placed(row, org, data))
    return row, codes or list(refused(row))


def _placed(row: RetentionRule, org: UUID, data: Mapping[str, Any]) -> Iterator[str]:
    """Whom it is about; the codes of what is not there."""
    if row.scope == Scope.GROUP:
        word = str(data.get("group") or "").strip()
        found = choosing.found(Group.objects.filter(organization_id=org), word, name=word)
        row.about = found.id if found else None
        if found is None:
            yield "unknown_group"
    elif row.scope == Scope.SERVICE:
        word = str(data.get("service") or "").strip()
        services = Service.objects.filter(organization_id=org)
        found = choosing.found(services, word, name=word) or services.filter(slug=word).first()
        row.about = found.id if found else None
        if found is None:
            yield "unknown_service"
    elif row.scope == Scope.PERSON:
        member = Membership.objects.filter(organization_id=org, account__email_key=address_key(str(data.get("person") or ""))).first()
        row.account_id = member.account_id if member else None
        if member is None:
            yield "unknown_person"
    elif row.scope == Scope.LABEL:
        row.label = str(data.get("label") or "").strip()
        if not row.label:
            yield "invalid_value"


def refused(row: RetentionRule) -> Iterator[str]:
    """What stands against a rule, whatever else there is: a kind that does not exist, an action that is not possible, a period beyond its limits."""
    if not units.of(row.what):
        yield "unknown_kind_of_data"
    elif any(word not in known for word, known in ((row.trigger, TRIGGERS), (row.measure, MEASURES), (row.kind, Kind.values), (row.scope, Scope.values), (row.action, ("", *Act.values)),
                                                    (row.ground, ("", *Ground.values)))):
        yield "invalid_value"
    elif not rules.covered(row):
        yield "covers_nothing"
    elif limits(row):
        yield "outside_limits"
    elif row.ground and not all(one.resists for one in rules.covered(row)):
        yield "no_ground_here"


def limits(row: RetentionRule) -> list[str]:
    """In words, which limits of the installation the period does not keep to."""
    period, found = rules.period(row), []
    if row.count > MOST[row.measure]:
        return [_("Nothing is kept by a rule for longer than 100 years. For what must stay until a matter is over, ask for a legal hold.")]
    if row.kind == Kind.KEEP and row.count == 0:
        return [_("A rule that keeps something for no time does nothing. Give a period of at least one day.")]
    for one in rules.covered(row):
        if one.ceiling and period.most > one.ceiling.count and not _same(period, one.ceiling):
            found.append(_("%(kind)s: this installation keeps it for at most %(n)d days.") % {"kind": one.title, "n": one.ceiling.count})
        if row.kind == Kind.DELETE and one.floor and period.least < one.floor.count:
            found.append(_("%(kind)s: it has to be kept for at least %(n)d days.") % {"kind": one.title, "n": one.floor.count})
    return found


def _same(period: Period, days: Period) -> bool:
    """A year is a year, whether it has 365 or 366 days."""
    return period.measure != "days" and period.least <= days.count <= period.most


def change_to(row: RetentionRule, now: datetime) -> Change:
    """Setting this rule: what it takes the place of, and whether something goes earlier by it."""
    there = rules.open_rules(row.organization_id, now)
    same = [other for other in there if rules.same_place(other, row)]
    before = next((other for other in same if other.effective_at <= now), None)
    others = [other for other in there if other not in same]
    return Change(row, before, tuple(other for other in same if other.effective_at > now), rules.shortens(before=before, after=row, others=others))


def change_from(row: RetentionRule, now: datetime) -> Change:
    """Ending this rule. One that has not begun comes to nothing at once, and what it would have replaced stays."""
    there = rules.open_rules(row.organization_id, now)
    if row.effective_at > now:
        before = next((other for other in there if rules.same_place(other, row) and other.effective_at <= now), None)
        return Change(before, before, (row,), False)
    others = [other for other in there if not rules.same_place(other, row)]
    return Change(None, row, tuple(other for other in there if rules.same_place(other, row) and other.effective_at > now), rules.shortens(before=row, after=None, others=others))


def after(change: Change, there: list[RetentionRule]) -> list[RetentionRule]:
    """The rules as they will be once the change holds."""
    gone = {row.id for row in (change.before, *change.pending) if row}
    return [*(row for row in there if row.id not in gone), *([change.after] if change.after else [])]


def what_words(row: RetentionRule) -> str:
    """The kind or category that a rule names, in words; the name itself where it is not there any more."""
    kinds = units.offered()
    return str(kinds[row.what].title if row.what in kinds else units.categories().get(row.what, row.what))


def whom_words(row: RetentionRule) -> str:
    """Whom a rule is about, in words."""
    if row.scope == Scope.GROUP:
        name = Group.objects.filter(id=row.about).values_list("name", flat=True).first()
        return _("the group %(name)s") % {"name": name} if name else _("a group that is gone")
    if row.scope == Scope.SERVICE:
        name = Service.objects.filter(id=row.about).values_list("name", flat=True).first()
        return _("people who use %(name)s") % {"name": name} if name else _("a service that is gone")
    if row.scope == Scope.PERSON:
        account = Account.objects.filter(id=row.account_id).exclude(status="purged").first()
        return (account.name or account.email) if account and _readable(row, account) else _("one person")
    if row.scope == Scope.LABEL:
        return _("what has the label %(label)s") % {"label": row.label}
    return _("everybody")


def _readable(row: RetentionRule, account: Account) -> bool:
    """Whether whoever looks sees the person at all: somebody whose data may only be stored has no name here."""
    return Membership.objects.filter(organization_id=row.organization_id, account_id=account.id).exists()


def zone(org: UUID | None) -> str:
    """In which zone the organization's days are."""
    return zone_of(Organization.objects.filter(id=org).values_list("time_zone", flat=True).first() or "") if org else "UTC"
