"""The person restricts what an organization may do with what it holds about them, and ends that again (policy B7, Art. 18 GDPR)."""
from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts import gathering
from accounts.actor import Actor
from accounts.people import Person
from accounts.power import Data, Effect, Power
from accounts.powers.forms import StrictForm
from accounts.work import Work
from dsar.restriction import life, parts, states
from dsar.restriction.model import Trigger

ASKED = [choice for choice in Trigger.choices if choice[0] not in {Trigger.DISPUTE, Trigger.DELAY, Trigger.REMAINDER, Trigger.CHILD}]


class PartForm(StrictForm):
    """Of what: everything, or one part."""

    what = parts.field(gettext_lazy("Everything, or one part: the values of the profile or one of them, the groups or one of them."))

    def offer(self, _actor: Actor, person: Person) -> None:
        """What there is of this person."""
        gathering.groups([person])
        life.restriction([person])
        self.fields["what"].choices = parts.offered(person)  # type: ignore[attr-defined]


class InForceForm(StrictForm):
    """Which of the restrictions that are in force."""

    what = parts.field(gettext_lazy("Which of the restrictions that are in force: of everything, or of one part."))

    def offer(self, _actor: Actor, person: Person) -> None:
        life.restriction([person])
        rows: Any = person.extra["parts"]
        called = parts.names(rows)
        whole = [("", str(parts.WHOLE))] if person.extra["restriction"] is not None else []
        self.fields["what"].choices = [*whole, *((row.what, parts.words(row.what, called)) for row in rows)]  # type: ignore[attr-defined]


class AskForm(PartForm):
    trigger = forms.ChoiceField(label=gettext_lazy("Why"), choices=ASKED, widget=forms.RadioSelect, initial=Trigger.ASKED)
    message = forms.CharField(label=gettext_lazy("Words to the organization"), required=False, max_length=2000, widget=forms.Textarea(attrs={"rows": 3}),
                              help_text=gettext_lazy("Optional. Those who answer requests read them."))


def _mine(actor: Actor, person: Person) -> bool:
    return person.membership is not None and person.membership.account_id == actor.account_id and person.membership.status not in {"removed", "invited"}


def rule(actor: Actor, person: Person, data: Data, _now: datetime) -> Iterable[str]:
    if not _mine(actor, person):
        yield "wrong_status"
    else:
        yield from parts.stand_against(person, str(data.get("what") or ""))


def effects(_person: Person, data: Data, _now: datetime) -> list[Effect]:
    if data.get("what"):
        return [Effect("lost", "use", _("The organization can only store this. It stands on no list and in no file, nobody finds you by it, and no program is told it.")),
                Effect("kept", "access", _("You sign in and use your services as before, and what the group gives you stays. Everything else is used as before.")), _window()]
    return [Effect("lost", "use", _("The organization can only store what it holds about you. Its administrators see that somebody is there, without your name and address.")),
            Effect("kept", "access", _("You sign in and use your services as before, and your data stays. Nothing is deleted.")),
            _window()]


def _window() -> Effect:
    return Effect("later", "window", _("It holds at once. The organization can object within three working days, on a ground of the law; you are told three days before anything is lifted."))


def apply(work: Work, person: Person, data: Data) -> None:
    assert person.membership is not None
    row = life.begin(work, person.membership, trigger=str(data.get("trigger") or Trigger.ASKED), by_person=True, what=str(data.get("what") or ""), others=person.extra["parts"])  # type: ignore[arg-type]
    work.note(person.id, **life.about(row), trigger=row.trigger, restriction=str(row.id))


POWER = Power(
    slug="restrict-own-use", code="own.restrict_use", event="use.restriction_asked", over="member", permission=None, tier=1, form=AskForm, rule=rule, effects=effects, apply=apply,
    gather=(life.restriction, gathering.groups), self_allowed=True, rank_rule=False, people_only=True, ladder=0, notice=False,
    title=gettext_lazy("Restrict the use of your data"), button=gettext_lazy("Restrict"),
    does=gettext_lazy("From now on the organization may store what it holds about you, or the part that you choose, and nothing else."),
    does_not=gettext_lazy("Deletes nothing, and takes none of your services away."),
    sentence=gettext_lazy("%(actor)s restricted the use of their data"),
)


def end_rule(actor: Actor, person: Person, data: Data, _now: datetime) -> Iterable[str]:
    if not _mine(actor, person):
        yield "wrong_status"
    elif parts.chosen(person, str(data.get("what") or "")) is None and not (not data and person.extra["parts"]):
        yield "not_restricted"


def end(work: Work, person: Person, data: Data) -> None:
    row = parts.chosen(person, str(data.get("what") or ""))
    assert person.membership is not None and row is not None
    work.track(row)
    states.go(row, "withdraw", now=work.now)
    states.mark(person.membership, row, others=person.extra["parts"])  # type: ignore[arg-type]
    work.note(person.id, **life.about(row), restriction=str(row.id))


END = Power(
    slug="end-own-restriction", code="own.end_restriction", event="use.restriction_ended", over="member", permission=None, tier=1, form=InForceForm, rule=end_rule, apply=end,
    gather=(life.restriction,), self_allowed=True, rank_rule=False, people_only=True, ladder=0, notice=False,
    title=gettext_lazy("End the restriction"), button=gettext_lazy("End the restriction"),
    does=gettext_lazy("Lets the organization use what it holds about you again, from now on."),
    does_not=gettext_lazy("Changes nothing that is held, and you can restrict it again."),
    sentence=gettext_lazy("%(actor)s ended the restriction of their data"),
)
