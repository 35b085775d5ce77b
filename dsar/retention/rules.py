"""The rules of an organization: which are in force, which kinds of data they cover, which rows they reach, whether a change shortens."""
from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import date, datetime
from uuid import UUID

from django.db.models import Q

from accounts.services.ways import ACCOUNTS
from audit.canonical import canonical
from dsar.holding import condition
from dsar.retention import deciding, units
from dsar.retention.deciding import LEVELS
from dsar.retention.models import Kind, RetentionRule, Scope
from dsar.retention.periods import Period, today
from dsar.retention.units import Governed

Sql = tuple[str, list[object]]
_OF_GROUP = "SELECT m.account_id FROM accounts_groupmembership g JOIN accounts_membership m ON m.id = g.membership_id WHERE g.group_id = %s"


def in_force(org: UUID | None, at: datetime) -> list[RetentionRule]:
    """The rules that hold at this moment, in a fixed order."""
    if org is None:
        return []
    return list(RetentionRule.objects.filter(Q(ends_at=None) | Q(ends_at__gt=at), organization_id=org, effective_at__lte=at).order_by("id"))


def on(rows: Iterable[RetentionRule], day: date, zone: str, *, tried: RetentionRule | None = None) -> list[RetentionRule]:
    """Of these rules those that hold on a day, and the one that is tried."""
    return [row for row in rows if row is tried or (today(row.effective_at, zone) <= day and (row.ends_at is None or today(row.ends_at, zone) > day))]


def open_rules(org: UUID, now: datetime) -> list[RetentionRule]:
    """Those that hold or will, the oldest first."""
    return list(RetentionRule.objects.filter(Q(ends_at=None) | Q(ends_at__gt=now), organization_id=org).order_by("set_at", "id"))


def period(row: RetentionRule) -> Period:
    return Period(row.count, row.measure)  # type: ignore[arg-type]


def as_rule(row: RetentionRule) -> deciding.Rule:
    """The rule as the decision knows it."""
    return deciding.Rule(id=str(row.id), kind=row.kind, level=LEVELS[row.scope], period=period(row), trigger=row.trigger, ground=row.ground, action=row.action)  # type: ignore[arg-type]


def default(one: Governed) -> deciding.Rule | None:
    """The installation's own period, which any rule of the organization comes before."""
    return deciding.Rule(id="", kind="delete", level=LEVELS["installation"], period=one.default, action=one.end.action) if one.default else None


def covers(row: RetentionRule, one: Governed) -> bool:
    """Whether the rule can be carried out on this kind."""
    return (row.trigger in one.end.clocks and (row.kind == Kind.KEEP or row.action in one.actions) and (row.scope != Scope.LABEL or bool(one.end.label))
            and (row.scope not in {Scope.GROUP, Scope.SERVICE, Scope.PERSON} or one.ways > 0))


def covered(row: RetentionRule) -> list[Governed]:
    """The kinds over which it is a rule. [] where what it names is not there any more: then it does nothing, and says so."""
    return [one for one in units.of(row.what) if covers(row, one)]


def over(one: Governed, rows: Iterable[RetentionRule]) -> list[RetentionRule]:
    """Those of these rules that are about this kind."""
    return [row for row in rows if (row.what == one.key or row.what in one.categories) and covers(row, one)]


def reaches(row: RetentionRule, one: Governed) -> Sql:
    """SQL for the rows that the rule reaches, beside that they are the organization's."""
    if row.scope == Scope.ORGANIZATION:
        return "true", []
    if row.scope == Scope.LABEL:
        return f'"{one.end.label}" = %s', [row.label]
    if row.scope == Scope.PERSON:
        ways = [condition(one.key, subject.path) for subject in one.unit.about if subject.role in {"subject", "recipient"}]
        return " OR ".join(f"({way})" for way in ways), [row.account_id] * len(ways)
    return one.about(_OF_GROUP if row.scope == Scope.GROUP else ACCOUNTS), [row.about] * one.ways


def same_place(one: RetentionRule, other: RetentionRule) -> bool:
    """Whether one takes the place of the other: the same kind of rule, for the same data, about the same people, counted from the same moment."""
    return all(getattr(one, name) == getattr(other, name) for name in ("kind", "scope", "about", "account_id", "label", "what", "trigger"))


def shortens(*, before: RetentionRule | None, after: RetentionRule | None, others: Iterable[RetentionRule]) -> bool:
    """Whether some record could go earlier than it would have. `others` are the organization's other rules. Where it cannot be known, it does."""
    changed = after or before
    assert changed is not None
    if changed.kind == Kind.KEEP:
        return before is not None and bool(covered(before)) and (after is None or period(after).least < period(before).most) and not (after is not None and _as_long(before, after))
    others = list(others)
    return any(_earlier(one, before, after, [row for row in over(one, others) if row.kind == Kind.DELETE]) for one in {id(o): o for row in (before, after) if row for o in covered(row)}.values())


def _as_long(before: RetentionRule, after: RetentionRule) -> bool:
    """Whether the second lasts as long whenever it begins, because both are counted alike."""
    one, other = period(before), period(after)
    return (one.measure == "days") == (other.measure == "days") and (other.count >= one.count if one.measure == "days" else other.months >= one.months)


def _earlier(one: Governed, before: RetentionRule | None, after: RetentionRule | None, others: list[RetentionRule]) -> bool:
    """For one kind: whether what holds afterwards for the rows that the rule reaches may end earlier than what held for them."""
    rule = after or before
    assert rule is not None
    if before is not None and after is not None and before.action == after.action:
        return not (period(after).least >= period(before).most or _as_long(before, after))
    rest: list[RetentionRule | deciding.Rule] = [row for row in others if LEVELS[row.scope] <= LEVELS[rule.scope]]
    if (installation := default(one)) is not None:
        rest.append(installation)
    def days(found: RetentionRule | deciding.Rule) -> Period:
        return period(found) if isinstance(found, RetentionRule) else found.period
    alike = all(found.trigger == rule.trigger for found in rest)
    if after is not None and before is None:  # what is more general held before, and some of it perhaps for ever
        return installation is None or not alike or any(days(found).most > period(after).least for found in rest)
    if before is not None and after is None:  # what is more general holds afterwards
        return not alike or any(days(found).least < period(before).most for found in rest)
    return True


def digest(org: UUID | None, rows: Iterable[RetentionRule]) -> str:
    """Names what a run follows: the rules, and the installation's periods."""
    return hashlib.sha256(canonical({
        "rules": sorted([str(row.id), row.ends_at.isoformat() if row.ends_at else ""] for row in rows),
        "kinds": {key: [one.keeping.days, one.keeping.ceiling, one.floor.count if one.floor else 0, one.end.action, one.end.clocks["end"]] for key, one in units.governed().items()}})).hexdigest()
