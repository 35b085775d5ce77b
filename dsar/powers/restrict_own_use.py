"""The person restricts what an organization may do with what it holds about them, and ends that again (policy B7, Art. 18 GDPR)."""
from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.actor import Actor
from accounts.people import Person
from accounts.power import Data, Effect, Power
from accounts.powers.forms import NoForm, StrictForm
from accounts.work import Work
from dsar.restriction import life, states
from dsar.restriction.model import Trigger

ASKED = [choice for choice in Trigger.choices if choice[0] not in {Trigger.DISPUTE, Trigger.DELAY, Trigger.REMAINDER, Trigger.CHILD}]


class AskForm(StrictForm):
    trigger = forms.ChoiceField(label=gettext_lazy("Why"), choices=ASKED, widget=forms.RadioSelect, initial=Trigger.ASKED)
    message = forms.CharField(label=gettext_lazy("Words to the organization"), required=False, max_length=2000, widget=forms.Textarea(attrs={"rows": 3}),
                              help_text=gettext_lazy("Optional. Those who answer requests read them."))


def _mine(actor: Actor, person: Person) -> bool:
    return person.membership is not None and person.membership.account_id == actor.account_id and person.membership.status not in {"removed", "invited"}


def rule(actor: Actor, person: Person, _data: Data, _now: datetime) -> Iterable[str]:
    if not _mine(actor, person):
        yield "wrong_status"
    elif person.extra["restriction"] is not None:
        yield "restricted_already"


def effects(_person: Person, _data: Data, _now: datetime) -> list[Effect]:
    return [Effect("lost", "use", _("The organization can only store what it holds about you. Its administrators see that somebody is there, without your name and address.")),
            Effect("kept", "access", _("You sign in and use your services as before, and your data stays. Nothing is deleted.")),
            Effect("later", "window", _("It holds at once. The organization can object within three working days, on a ground of the law; you are told three days before anything is lifted."))]


def apply(work: Work, person: Person, data: Data) -> None:
    assert person.membership is not None
    row = life.begin(work, person.membership, trigger=str(data.get("trigger") or Trigger.ASKED), by_person=True)
    work.note(person.id, trigger=row.trigger, restriction=str(row.id))


POWER = Power(
    slug="restrict-own-use", code="own.restrict_use", event="use.restriction_asked", over="member", permission=None, tier=1, form=AskForm, rule=rule, effects=effects, apply=apply,
    gather=(life.restriction,), self_allowed=True, rank_rule=False, people_only=True, ladder=0, notice=False,
    title=gettext_lazy("Restrict the use of your data"), button=gettext_lazy("Restrict"),
    does=gettext_lazy("From now on the organization may store what it holds about you, and nothing else."),
    does_not=gettext_lazy("Deletes nothing, and takes none of your services away."),
    sentence=gettext_lazy("%(actor)s restricted the use of their data"),
)


def end_rule(actor: Actor, person: Person, _data: Data, _now: datetime) -> Iterable[str]:
    if not _mine(actor, person):
        yield "wrong_status"
    elif person.extra["restriction"] is None:
        yield "not_restricted"


def end(work: Work, person: Person, _data: Data) -> None:
    row = person.extra["restriction"]
    assert person.membership is not None
    work.track(row)  # type: ignore[arg-type]
    states.go(row, "withdraw", now=work.now)  # type: ignore[arg-type]
    states.mark(person.membership, row)  # type: ignore[arg-type]
    work.note(person.id, restriction=str(row.id))  # type: ignore[attr-defined]


END = Power(
    slug="end-own-restriction", code="own.end_restriction", event="use.restriction_ended", over="member", permission=None, tier=1, form=NoForm, rule=end_rule, apply=end, gather=(life.restriction,),
    self_allowed=True, rank_rule=False, people_only=True, ladder=0, notice=False,
    title=gettext_lazy("End the restriction"), button=gettext_lazy("End the restriction"),
    does=gettext_lazy("Lets the organization use what it holds about you again, from now on."),
    does_not=gettext_lazy("Changes nothing that is held, and you can restrict it again."),
    sentence=gettext_lazy("%(actor)s ended the restriction of their data"),
)
