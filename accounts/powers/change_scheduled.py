"""Take back what is scheduled about a person, or move it to another time (guard rail 11)."""
from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts import gathering
from accounts.actor import Actor
from accounts.models import Plan
from accounts.models.plan import PlanState
from accounts.people import Person
from accounts.power import Data, Effect, Power
from accounts.powers.forms import AnyChoiceField, StrictForm, ahead, note_field, time_field
from accounts.reasons import Refused
from accounts.roles import SECOND_FACTOR_RANK
from accounts.schedules import acts, rules, words
from accounts.work import Work, plain


class ScheduledForm(StrictForm):
    scheduled = AnyChoiceField(label=gettext_lazy("What is scheduled"), required=False, max_length=40, help_text=gettext_lazy("Not needed where only one thing is."))
    message = forms.CharField(label=gettext_lazy("Message to the person"), required=False, max_length=2000, widget=forms.Textarea(attrs={"rows": 3}),
                              help_text=gettext_lazy("Optional. They read it in the notice."))
    private_note = note_field()

    def offer(self, actor: Actor, person: Person) -> None:
        """What is scheduled about the person and within the actor's reach, the next one first."""
        gathering.needed([gathering.scheduled], [person])
        rows = reachable(actor, person)
        several = [("", gettext_lazy("Choose one"))] if len(rows) != 1 else []
        self.fields["scheduled"].choices = [*several, *((str(row.id), f"{words.title(row.power)} · {words.at(row.due_at)}") for row in rows if row.due_at)]  # type: ignore[attr-defined]

    @classmethod
    def initial_from(cls, query: QueryDict) -> dict[str, Any]:
        """The one that was chosen in the list."""
        return {"scheduled": query.get("scheduled", "")[:40]}


class MoveForm(ScheduledForm):
    at = time_field(label=gettext_lazy("The new time"))
    field_order = ["scheduled", "at", "message", "private_note"]

    def clean_at(self) -> datetime | None:
        return ahead(self.cleaned_data["at"])


def reachable(actor: Actor, person: Person) -> list[Plan]:
    """What this actor scheduled about the person, or could have. To prolong what was given for a time one has to be able to give it."""
    from accounts.powers import FALLS_DUE

    return [row for row in acts.rows_of(person) if (row.requested_by == actor.membership_id and not row.automatic) or actor.may(FALLS_DUE[row.power].permission)]


def chosen(actor: Actor, person: Person, data: Data) -> Plan | None:
    """The one that is meant: by its id, or the only one."""
    found, wanted = reachable(actor, person), str(data.get("scheduled") or "").strip().lower()
    if not wanted:
        return found[0] if len(found) == 1 else None
    return next((row for row in found if str(row.id) == wanted), None)


def rule(actor: Actor, person: Person, data: Data, _now: datetime) -> Iterable[str]:
    if not acts.rows_of(person):
        yield "nothing_scheduled"
    elif not reachable(actor, person):
        yield "no_permission"
    elif data and chosen(actor, person, data) is None:
        yield "unknown_scheduled"


def _picked(person: Person, data: Data) -> Plan | None:
    """The same without an actor, once the rule has let it pass."""
    rows, wanted = acts.rows_of(person), str(data.get("scheduled") or "").strip().lower()
    return next((row for row in rows if str(row.id) == wanted), None) if wanted else rows[0] if len(rows) == 1 else None


def cancel_tier(_actor: Actor, person: Person, data: Data) -> int:
    """Keeping a role that was to end is giving it for good."""
    row = _picked(person, data)
    return 2 if row is not None and row.automatic and person.rank >= SECOND_FACTOR_RANK else 1


def cancel_effects(person: Person, data: Data, _now: datetime) -> list[Effect]:
    row = _picked(person, data)
    return [Effect("kept", f"cancelled:{row.id}", _("This does not happen on %(when)s: %(act)s.") % {"when": words.at(row.due_at), "act": words.title(row.power)})] if row and row.due_at else []


def _row(work: Work, person: Person, data: Data) -> Plan:
    row = _picked(person, data)
    if row is None:  # several are scheduled, and none was named
        raise Refused({str(person.id): ["unknown_scheduled"]})
    return row


def cancel(work: Work, person: Person, data: Data) -> None:
    row = _row(work, person, data)
    acts.end(work, person, row, PlanState.CANCELLED)
    row.decided_by, row.decided_at = work.actor_membership, work.now
    acts.recap(person)
    work.note(person.id, **acts.said(row))


CANCEL = Power(
    slug="cancel-scheduled", code="access.cancel_scheduled", event="plan.schedule_cancelled", over="member", permission="view_people", tier=1, tier_for=cancel_tier, form=ScheduledForm,
    rule=rule, effects=cancel_effects, apply=cancel, gather=(gathering.scheduled,), notice=False, always=True,
    title=gettext_lazy("Cancel what is scheduled"), button=gettext_lazy("Cancel it"),
    does=gettext_lazy("Takes back an act that was to happen later. The person and the administrators are told."),
    does_not=gettext_lazy("Changes nothing that has happened already."),
    sentence=gettext_lazy("%(actor)s cancelled what was scheduled about %(target)s"),
)


def move_rule(actor: Actor, person: Person, data: Data, now: datetime) -> Iterable[str]:
    yield from rule(actor, person, data, now)
    row, at = chosen(actor, person, data), rules.moment(data.get("at"))
    if row is None or at is None:
        return
    at = _at(person, row, at)
    until = rules.moment(row.data.get("until"))
    if at <= now:
        yield "day_over"
    elif until is not None and until <= at:
        yield "after_its_end"
    elif row.due_at == at:
        yield "nothing_to_change"


def _at(person: Person, row: Plan, at: datetime) -> datetime:
    """When it would happen then: a contract ends when a day is over."""
    if row.power != acts.CONTRACT or person.membership is None:
        return at
    zone = person.membership.organization.time_zone
    return rules.over_after(rules.last_day(at, zone), zone)


def move_tier(actor: Actor, person: Person, data: Data) -> int:
    """Moving an act is as serious as scheduling it."""
    from accounts.powers import FALLS_DUE

    row = _picked(person, data)
    if row is None:
        return 1
    power = FALLS_DUE[row.power]
    return max(power.tier, power.tier_for(actor, person, row.data) if power.tier_for else 0, cancel_tier(actor, person, data))


def move_effects(person: Person, data: Data, _now: datetime) -> list[Effect]:
    row, at = _picked(person, data), rules.moment(data.get("at"))
    if row is None or at is None or row.due_at is None:
        return []
    what = {"act": words.title(row.power), "before": words.at(row.due_at), "after": words.at(_at(person, row, at))}
    return [Effect("later", f"moved:{row.id}", _("%(act)s: on %(after)s instead of %(before)s.") % what)]


def move(work: Work, person: Person, data: Data) -> None:
    row, at = _row(work, person, data), rules.moment(data.get("at"))
    assert at is not None
    work.track(row)
    rules.go(row, PlanState.SCHEDULED)
    before = row.due_at
    if row.power == acts.CONTRACT and person.membership is not None:  # a contract ends with a day
        acts.put_contract(work, person.membership, ends_on=rules.last_day(at, person.membership.organization.time_zone), ahead=person.extra["numbers"][0].reminders, held=row)  # type: ignore[index]
    else:
        row.due_at, row.expires_at, row.warned = at, at, rules.warned_for(due=at, now=work.now)
    acts.recap(person)
    work.note(person.id, before=plain(before), **acts.said(row))


MOVE = Power(
    slug="reschedule", code="access.reschedule", event="plan.rescheduled", over="member", permission="view_people", tier=1, tier_for=move_tier, form=MoveForm,
    rule=move_rule, effects=move_effects, apply=move, gather=(gathering.scheduled, gathering.numbers), notice=False, always=True,
    title=gettext_lazy("Move what is scheduled"), button=gettext_lazy("Move it"),
    does=gettext_lazy("Gives an act that is to happen later another time. The person and the administrators are told."),
    does_not=gettext_lazy("Does not change what happens then."),
    sentence=gettext_lazy("%(actor)s moved what was scheduled about %(target)s"),
)
