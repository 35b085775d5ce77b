"""Rules about how long data is kept: setting one, ending one, and letting a run go on that would remove unusually much (RIGHTS 4d, POWERS P4)."""
from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from django import forms
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from accounts.actor import Actor
from accounts.models import Organization
from accounts.power import Data, Effect, Power
from accounts.powers import choosing
from accounts.powers.forms import AnyChoiceField, StrictForm, note_field
from accounts.targets import OrganizationTarget
from accounts.work import Work, plain
from dsar.powers.retention_forms import ONE, RuleForm
from dsar.retention import machine, rules, setting, words
from dsar.retention.models import Kind, RetentionRule, RetentionRun, RunState
from dsar.retention.periods import today
from dsar.retention.setting import Change


def rule(actor: Actor, target: OrganizationTarget, data: Data, now: datetime) -> Iterable[str]:
    yield from choosing.unreached(actor)
    row, codes = setting.typed(target.id, data, now)
    yield from codes
    if row is not None and not codes:
        change = setting.change_to(row, now)
        if change.before is not None and not change.pending and change.before.ends_at is None and _alike(change.before, row):
            yield "nothing_to_change"


def _alike(one: RetentionRule, other: RetentionRule) -> bool:
    return all(getattr(one, name) == getattr(other, name) for name in ("count", "measure", "action", "ground"))


def tier_for(_actor: Actor, target: OrganizationTarget, data: Data) -> int:
    """Letting something go earlier than before needs a second person."""
    row, codes = setting.typed(target.id, data, timezone.now())
    return 3 if row is not None and not codes and setting.change_to(row, timezone.now()).shortens else 0


def effects(target: OrganizationTarget, data: Data, now: datetime) -> list[Effect]:
    row, codes = setting.typed(target.id, data, now)
    if row is None or codes:
        return [Effect("later", "preview", _("Fill in the rule and choose “Look first” to see what would go, and on which day."))] if row is None else []
    found = _changes(target.id, setting.change_to(row, now), row, now)
    if row.kind == Kind.KEEP:
        found.append(Effect("kept", f"ground:{row.ground}", _("It stays although the person asks for its erasure, on the ground that you gave.") if row.ground
                            else _("Without a ground it does not resist an erasure: who asks for that is not kept by this rule.")))
    return found


def _changes(org: UUID, change: Change, row: RetentionRule, now: datetime) -> list[Effect]:
    """Which kinds it is about, from when, and what would go that day."""
    kinds, begins = rules.covered(row), change.effective(now)
    zone = setting.zone(org)
    found = [Effect("kept", "covers:" + ",".join(sorted(one.key for one in kinds)), _("It is about: %(kinds)s.") % {"kinds": ", ".join(str(one.title) for one in kinds) or _("nothing that is there")})]
    if change.before is not None and change.after is not None and change.before is not change.after:
        found.append(Effect("lost", f"replaces:{change.before.id}", _("It takes the place of the rule of %(period)s.") % {"period": rules.period(change.before)}))
    if change.shortens:
        found.append(Effect("later", "wait", _("Something may go earlier than before. So a second person has to agree, and it holds seven days after that: from %(day)s, if they agree now.")
                            % {"day": date_format(today(begins, zone))}))
    else:
        found.append(Effect("lost", "at_once", _("Nothing goes earlier than before, so it holds at once.")))
    there = rules.open_rules(org, now)
    day = today(begins, zone)
    as_is = machine.look(machine.questions(org=org, day=day, zone=zone, rows=there, kinds=kinds))
    would = machine.look(machine.questions(org=org, day=day, zone=zone, rows=setting.after(change, there), kinds=kinds))
    goes, held, before = sum(one.goes for one in would), sum(one.held for one in would), sum(one.goes for one in as_is)
    texts = [ngettext("On %(day)s %(n)d record would be due that is there now; without the change it would be %(before)d.",
                      "On %(day)s %(n)d records would be due that are there now; without the change it would be %(before)d.", goes) % {"day": date_format(day), "n": goes, "before": before}]
    if held:
        texts.append(ngettext("%(n)d record more stays, because a hold keeps it.", "%(n)d records more stay, because a hold keeps them.", held) % {"n": held})
    found.append(Effect("later", "preview", " ".join(texts)))  # numbers change while a second person thinks; what was agreed to does not
    found.append(Effect("later", "dry", _("The first run after the change only counts. You are told, and can look before anything is removed.")))
    return found


def apply(work: Work, target: OrganizationTarget, data: Data) -> None:
    row, _codes = setting.typed(target.id, data, work.now)
    assert row is not None
    change = setting.change_to(row, work.now)
    row.set_by, row.approved_by, row.effective_at = work.people[0], list(work.people[1:]), change.effective(work.now)
    work.add(row)
    _end(work, change, row.effective_at)
    work.note(target.id, rule=str(row.id), **_facts(row), shortens=change.shortens, effective_at=plain(row.effective_at), **({"replaces": str(change.before.id)} if change.before else {}),
              **({"_about": row.account_id} if row.account_id else {}))


def _end(work: Work, change: Change, at: datetime) -> None:
    """What it replaces ends with its beginning; what was to come in its place comes to nothing."""
    for other in change.pending:
        work.track(other)
        other.ends_at = other.effective_at
    if change.before is not None:
        work.track(change.before)
        change.before.ends_at = at


def _facts(row: RetentionRule) -> dict[str, Any]:
    return {"kind": row.kind, "what": row.what, "scope": row.scope, "period": f"{row.count} {row.measure}", "trigger": row.trigger, "act": row.action, "ground": row.ground}


SET = Power(
    slug="set-retention-rule", code="retention.rule_set", event="retention.rule_set", over="organization", permission="manage_retention", tier=2, form=RuleForm, tier_for=tier_for,
    rule=rule, effects=effects, apply=apply, notice=False,
    title=gettext_lazy("Set a rule about how long data is kept"), button=gettext_lazy("Set the rule"),
    does=gettext_lazy("Says for how long one kind of data is kept, or when it goes. What lets something go earlier than before needs a second person and waits seven days."),
    does_not=gettext_lazy("Removes nothing at once, nothing that a hold keeps, and nothing before the time that the law asks for."),
    sentence=gettext_lazy("%(actor)s set a rule about how long data is kept"),
)


class EndForm(StrictForm):
    LOOK = gettext_lazy("Look first")

    rule = AnyChoiceField(max_length=36, label=gettext_lazy("Rule"), choices=())
    private_note = note_field()

    def choices_for(self, organization: Organization, _actor: Actor) -> None:
        rows = rules.open_rules(organization.id, timezone.now())
        self.fields["rule"].choices = [ONE, *((str(row.id), words.rule(row)) for row in rows)]  # type: ignore[attr-defined]


def _named(org: UUID, data: Data, now: datetime) -> RetentionRule | None:
    try:
        wanted = UUID(str(data.get("rule") or ""))
    except ValueError:
        return None
    return next((row for row in rules.open_rules(org, now) if row.id == wanted), None)


def end_rule(actor: Actor, target: OrganizationTarget, data: Data, now: datetime) -> Iterable[str]:
    yield from choosing.unreached(actor)
    if data.get("rule"):
        row = _named(target.id, data, now)
        if row is None:
            yield "unknown_retention_rule"
        elif row.ends_at is not None and row.effective_at <= now and not setting.change_from(row, now).pending:
            yield "nothing_to_change"


def end_tier(_actor: Actor, target: OrganizationTarget, data: Data) -> int:
    row = _named(target.id, data, timezone.now())
    return 3 if row is not None and setting.change_from(row, timezone.now()).shortens else 0


def end_effects(target: OrganizationTarget, data: Data, now: datetime) -> list[Effect]:
    row = _named(target.id, data, now)
    if row is None:
        return []
    change = setting.change_from(row, now)
    if row.effective_at > now:
        return [Effect("lost", f"comes_to_nothing:{row.id}", _("The rule does not begin. What held before goes on."))]
    return _changes(target.id, change, row, now)


def end(work: Work, target: OrganizationTarget, data: Data) -> None:
    row = _named(target.id, data, work.now)
    assert row is not None
    change = setting.change_from(row, work.now)
    at = change.effective(work.now)
    for other in change.pending:
        work.track(other)
        other.ends_at = other.effective_at
    if change.after is not None:  # it had not begun: what it would have replaced stays
        work.track(change.after)
        change.after.ends_at = None
    elif change.before is not None:
        work.track(change.before)
        change.before.ends_at = at
    work.note(target.id, rule=str(row.id), **_facts(row), shortens=change.shortens, ends_at=plain(at), **({"_about": row.account_id} if row.account_id else {}))


END = Power(
    slug="remove-retention-rule", code="retention.rule_remove", event="retention.rule_removed", over="organization", permission="manage_retention", tier=2, form=EndForm, tier_for=end_tier,
    rule=end_rule, effects=end_effects, apply=end, notice=False,
    title=gettext_lazy("Remove a rule about how long data is kept"), button=gettext_lazy("Remove the rule"),
    does=gettext_lazy("Ends a rule, so that the more general one or the installation’s own period counts. Where something then goes earlier, it needs a second person and waits seven days."),
    does_not=gettext_lazy("Removes no data at once."),
    sentence=gettext_lazy("%(actor)s removed a rule about how long data is kept"),
)


class GoOnForm(StrictForm):
    run = AnyChoiceField(max_length=36, label=gettext_lazy("Run"), choices=())
    private_note = forms.CharField(label=gettext_lazy("Why"), max_length=2000, widget=forms.Textarea(attrs={"rows": 3}),
                                   help_text=gettext_lazy("Why so much may go. Only administrators and the audit log see it."))

    def choices_for(self, organization: Organization, _actor: Actor) -> None:
        rows = RetentionRun.objects.filter(organization_id=organization.id, state=RunState.STOPPED).order_by("-day")[:20]
        shown = [(str(row.id), ngettext("%(day)s: %(n)d record", "%(day)s: %(n)d records", row.due) % {"day": date_format(row.day), "n": row.due}) for row in rows]
        self.fields["run"].choices = [ONE, *shown]  # type: ignore[attr-defined]


def _stopped(org: UUID, data: Data) -> RetentionRun | None:
    try:
        return RetentionRun.objects.filter(organization_id=org, id=UUID(str(data.get("run") or "")), state=RunState.STOPPED).first()
    except ValueError:
        return None


def go_on_rule(actor: Actor, target: OrganizationTarget, data: Data, _now: datetime) -> Iterable[str]:
    yield from choosing.unreached(actor)
    if data.get("run") and _stopped(target.id, data) is None:
        yield "unknown_retention_run"


def go_on_effects(target: OrganizationTarget, data: Data, _now: datetime) -> list[Effect]:
    row = _stopped(target.id, data)
    if row is None:
        return []
    return [Effect("lost", f"goes:{row.id}", ngettext("%(n)d record of %(total)d is removed or emptied, unless a hold or a rule keeps it by then.",
                                                     "%(n)d records of %(total)d are removed or emptied, unless a hold or a rule keeps them by then.", row.due) % {"n": row.due, "total": row.total}),
            Effect("kept", "report", _("Its report says what went, and why."))]


def go_on(work: Work, target: OrganizationTarget, data: Data) -> None:
    row = _stopped(target.id, data)
    assert row is not None
    row = RetentionRun.objects.select_for_update().get(id=row.id)
    work.track(row)
    row.agreed, row.state = True, RunState.RUNNING
    work.note(target.id, run=str(row.id), due=row.due, total=row.total)


GO_ON = Power(
    slug="continue-retention-run", code="retention.run_continue", event="retention.continued", over="organization", permission="manage_retention", tier=3, form=GoOnForm,
    rule=go_on_rule, effects=go_on_effects, apply=go_on, notice=False,
    title=gettext_lazy("Let a stopped run go on"), button=gettext_lazy("Let it go on"),
    does=gettext_lazy("Lets a run remove what is over, although it is unusually much."),
    does_not=gettext_lazy("Removes nothing that a hold or a rule keeps."),
    sentence=gettext_lazy("%(actor)s let a run go on that removes unusually much"),
)
POWERS: tuple[Power, ...] = (SET, END, GO_ON)
