"""Rules, reasons and periods in words: for pages, mails, the person's own page and the record of processing."""
from __future__ import annotations

from collections.abc import Mapping, Sequence

from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from dsar.datamap.kinds import Words
from dsar.retention import rules, setting
from dsar.retention.deciding import Step
from dsar.retention.models import Kind, RetentionRule, Scope
from dsar.retention.units import Governed

_STEPS: dict[str, Words] = {
    "in_use": gettext_lazy("It was over on %(day)s."),
    "wins": gettext_lazy("It goes after %(day)s by the rule: %(rule)s."),
    "general": gettext_lazy("A more general rule gives way: %(rule)s."),
    "longer": gettext_lazy("A rule for as few people is longer, so it gives way: %(rule)s."),
    "no_moment": gettext_lazy("The time of the rule has not begun: %(rule)s."),
    "no_rule": gettext_lazy("No rule lets it go."),
    "ceiling": gettext_lazy("This installation keeps it no longer than until %(day)s."),
    "erased": gettext_lazy("The person was erased, so it does not wait."),
    "keeps": gettext_lazy("It is kept until %(day)s by the rule: %(rule)s."),
    "keeps_open": gettext_lazy("It is kept, because the time of the rule has not begun: %(rule)s."),
    "capped": gettext_lazy("A rule that keeps it longer ends with the longest time of this installation, %(day)s: %(rule)s."),
    "yields": gettext_lazy("A rule without a ground does not resist the erasure: %(rule)s."),
    "floor": gettext_lazy("It has to be kept until %(day)s."),
    "held": gettext_lazy("A hold keeps it."),
}

LABELS: dict[str, Words] = {
    "template": gettext_lazy("which notice it is, such as “suspend”"), "power": gettext_lazy("which act it was, such as “suspend”"), "field": gettext_lazy("which field it is about, such as “title”"),
    "kind": gettext_lazy("which kind it is"), "trigger": gettext_lazy("why it began"), "channel": gettext_lazy("how it came in, such as “letter”"), "ended_reason": gettext_lazy("why it ended"),
}
"""What the labels of a kind tell, by the column that has them."""


def step(one: Step, rows: Mapping[str, RetentionRule]) -> str:
    """One reason as a sentence."""
    return reason(one, {one.rule: rule(rows[one.rule])} if one.rule in rows else {})


def reason(one: Step, said: Mapping[str, str]) -> str:
    """The same, where the rules are in words already."""
    if one.code == "in_use" and one.day is None:
        return _("It is still in use.")
    return str(_STEPS[one.code]) % {"day": date_format(one.day) if one.day else "", "rule": said.get(one.rule) or _("the period of this installation")}


def rule(row: RetentionRule) -> str:
    """A rule in one line."""
    text = _("%(what)s, %(whom)s: kept for at least %(period)s") if row.kind == Kind.KEEP else _("%(what)s, %(whom)s: goes after %(period)s")
    return text % {"what": setting.what_words(row), "whom": setting.whom_words(row), "period": rules.period(row)}


def periods(one: Governed, rows: Sequence[RetentionRule]) -> list[str]:
    """How long an organization with these rules keeps this kind, in sentences; [] where it has no rule about it."""
    mine = rules.over(one, rows)
    if not mine:
        return []
    found = []
    general = [row for row in mine if row.scope == Scope.ORGANIZATION]
    for row in general:
        text = _("Kept for at least %(period)s, counted from %(when)s.") if row.kind == Kind.KEEP else (
            _("Deleted after %(period)s, counted from %(when)s.") if row.action == "delete" else _("Emptied of what identifies people after %(period)s, counted from %(when)s."))
        found.append(text % {"period": rules.period(row), "when": one.said(row.trigger)})
    if not any(row.kind == Kind.DELETE for row in general):
        found.append(_("Otherwise: %(title)s, %(trigger)s.") % {"title": one.keeping.title, "trigger": one.keeping.trigger})
    if len(general) < len(mine):
        found.append(_("Other periods hold for some groups, services, people or labels."))
    return found
