"""What the pages and the API show of retention: rules with their state, kinds with their periods, the time machine, reports of runs."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.utils.formats import date_format
from django.utils.translation import gettext as _

from accounts.actor import Actor
from accounts.models import Account, Membership
from accounts.purposes import ADMINISTRATION, handle
from accounts.tenancy import purpose
from dsar.retention import finding, forecast, machine, rules, setting, units, words
from dsar.retention.forecast import Month
from dsar.retention.models import RetentionRule, RetentionRun
from dsar.retention.periods import today
from dsar.retention.units import Governed
from portal.charts import Chart

SHOWN = 60
"""Runs that the page lists."""


@dataclass(frozen=True)
class Line:
    """A rule as pages show it."""

    row: RetentionRule
    text: str
    state: str
    """`in_force`, `coming`, `ending` or `nothing`: what it names is not there any more."""
    kinds: list[Governed]


def lines(org: UUID, now: datetime) -> list[Line]:
    """The rules that hold or will, the oldest first."""
    found = []
    for row in rules.open_rules(org, now):
        kinds = rules.covered(row)
        state = "nothing" if not kinds else "coming" if row.effective_at > now else "ending" if row.ends_at else "in_force"
        found.append(Line(row, words.rule(row), state, kinds))
    return found


def kinds(org: UUID, now: datetime) -> list[dict[str, Any]]:
    """Each kind with an end: how long the installation keeps it, within which limits, and what the organization's rules make of it."""
    there = rules.in_force(org, now)
    return [{"one": one, "default": one.default, "floor": one.floor, "ceiling": one.ceiling, "periods": words.periods(one, there), "label": words.LABELS.get(one.end.label, ""),
             "from": [one.said(trigger) for trigger in one.end.clocks], "categories": [units.categories()[key] for key in one.categories]} for one in units.offered().values()]


@dataclass(frozen=True)
class View:
    """The time machine's answer."""

    day: date
    rows: list[dict[str, Any]]
    goes: int
    held: int
    before: int | None
    """How many would go without the rule that is tried; None where none is."""
    chart: Chart
    nothing: list[str]
    """Rules that name what is not there any more."""
    months: list[Month]
    over_time: Chart


def look(actor: Actor, *, day: date, tried: RetentionRule | None, now: datetime, samples: bool) -> View:
    """What would go on that day of what is there now: by which rule, what a hold keeps, and a few of the records with their reasons."""
    org = actor.organization_id
    assert org is not None
    there, zone = rules.open_rules(org, now), setting.zone(org)
    then = setting.after(setting.change_to(tried, now), there) if tried is not None else there
    asked = machine.questions(org=org, day=day, zone=zone, rows=rules.on(then, day, zone, tried=tried))
    seen = machine.look(asked)
    without = {one.one.key: one.goes for one in machine.look(machine.questions(org=org, day=day, zone=zone, rows=rules.on(there, day, zone)))} if tried is not None else {}
    some = _samples(actor, asked, seen) if samples else {}
    rows = [{"one": one.one, "total": one.total, "goes": one.goes, "held": one.held, "before": without.get(one.one.key), "by": _by(one), "samples": some.get(one.one.key, [])} for one in seen]
    chart = Chart(id="due", title=_("What would be due"), description=_("For each kind of data, how many records would go and how many a hold keeps."), head=_("Kind of data"),
                  series=[(_("Would go"), "bar"), (_("Kept by a hold"), "bar other")],
                  points=[(str(row["one"].title), [row["goes"], row["held"]]) for row in rows if row["goes"] or row["held"]])
    ahead = forecast.look(org=org, today=today(now, zone), zone=zone, rows=lambda on: rules.on(there, on, zone),
                          changed=(lambda on: rules.on(then, on, zone, tried=tried)) if tried is not None else None)
    return View(day, rows, sum(one.goes for one in seen), sum(one.held for one in seen), sum(without.values()) if tried is not None else None, chart,
                [words.rule(row) for row in then if not rules.covered(row)], ahead.months, _over_time(ahead.months, tried=tried is not None))


def _over_time(months: list[Month], *, tried: bool) -> Chart:
    """The columns of the next months. As the rules are comes first, so that a change is read from left to right."""
    return Chart(id="months", title=_("What would go in each month"), description=_("Of what is there now, how many records would go in each of the next twelve months."), head=_("Month"),
                 series=[(_("As the rules are"), "bar"), *([(_("With the rule that you try"), "bar other")] if tried else [])],
                 points=[(date_format(one.last, "M Y"), [one.goes, *([one.changed] if tried else [])]) for one in months])


def _by(one: machine.Seen) -> list[tuple[str, int]]:
    """Which rule lets how many go."""
    said = {finding.DEFAULT: _("the period of this installation"), finding.CEILING: _("the longest time of this installation")}
    return [(said[number] if number in said else words.rule(one.rows[number - 1]), count) for number, count in sorted(one.by.items())]


def _samples(actor: Actor, asked: list[finding.Question], seen: list[machine.Seen]) -> dict[str, list[dict[str, Any]]]:
    """Records that would go, with whom they are about: only people whom the viewer may see; of whom data may only be stored, a handle."""
    wanted = [question for question, one in zip(asked, seen, strict=True) if one.goes]
    found = machine.samples(wanted)
    names = _names(actor, {one.account for one in found if one.account})
    by: dict[str, list[dict[str, Any]]] = {}
    of = {str(row.id): row for question in wanted for row in question.rows}
    for one in found:
        by.setdefault(one.key, []).append({"who": names.get(one.account, "") if one.account else "", "why": [words.step(step, of) for step in one.decision.why],
                                           "on": one.decision.goes_on})
    return by


def _names(actor: Actor, accounts: set[UUID]) -> Mapping[UUID | None, str]:
    """How the viewer may call these people. Needs the page's scope, in which restricted people have no rows."""
    if not accounts:
        return {}
    with purpose(ADMINISTRATION):
        rows = Membership.objects.filter(organization_id=actor.organization_id, account_id__in=accounts)
        if actor.scope_groups is not None:
            rows = rows.filter(group_memberships__group_id__in=actor.scope_groups)
        seen = set(rows.values_list("account_id", flat=True))
    names = {account.id: account.name or account.email for account in Account.objects.filter(id__in=seen)}
    return {account: names.get(account, handle(account)) for account in accounts}


def runs(org: UUID) -> list[RetentionRun]:
    return list(RetentionRun.objects.filter(organization_id=org).order_by("-started_at")[:SHOWN])


def report(row: RetentionRun) -> list[dict[str, Any]]:
    """What a run did, kind by kind."""
    known = {str(rule.id): rule for rule in RetentionRule.objects.filter(organization_id=row.organization_id)}
    found = []
    for step in row.steps:
        one = units.governed().get(step["kind"])
        by = [(_("the period of this installation") if key == "" else _("the longest time of this installation") if key == "-" else words.rule(known[key]) if key in known
               else _("a rule that is gone"), count) for key, count in step["by"].items()]
        found.append({**step, "title": one.title if one else step["kind"], "by": by, "counted": sorted(step["counted"].items())})
    return found


def proposal(org: UUID, data: Mapping[str, Any], now: datetime) -> tuple[RetentionRule | None, list[str]]:
    """The rule that is tried, or why it cannot be one."""
    return setting.typed(org, data, now) if data.get("what") else (None, [])


