"""An administrator restricts the use of somebody's data, for them; and two administrators lift a restriction, all of it or a part (RIGHTS 3e)."""
from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django import forms
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts import gathering
from accounts.actor import Actor
from accounts.people import Person
from accounts.power import Data, Effect, Power
from accounts.purposes import FREED, PURPOSES
from accounts.work import Work, plain
from dsar.powers.restrict_own_use import ASKED, InForceForm, PartForm
from dsar.restriction import life, parts, states
from dsar.restriction.model import Trigger


def _message() -> forms.CharField:
    return forms.CharField(label=gettext_lazy("Message to the person"), required=False, max_length=2000, widget=forms.Textarea(attrs={"rows": 3}),
                           help_text=gettext_lazy("Optional. They read it in the notice."))


def _note(text: object) -> forms.CharField:
    return forms.CharField(label=gettext_lazy("Private note"), required=False, max_length=2000, widget=forms.Textarea(attrs={"rows": 2}), help_text=text)


class RestrictForm(PartForm):
    trigger = forms.ChoiceField(label=gettext_lazy("What the person says"), choices=[("", gettext_lazy("Choose one")), *ASKED], help_text=gettext_lazy("In their words: why the data may not be used."))
    message = _message()
    private_note = _note(gettext_lazy("Optional: how they asked, such as by a letter. Administrators and the audit log see it."))


def rule(_actor: Actor, person: Person, data: Data, _now: datetime) -> Iterable[str]:
    if person.membership is None or person.membership.status in {"removed", "invited"}:
        yield "wrong_status"
    else:
        yield from parts.stand_against(person, str(data.get("what") or ""))


def effects(_person: Person, data: Data, _now: datetime) -> list[Effect]:
    use = (_("This part stands on no list, in no search and in no file, and nobody changes it. Everything else of the person is used as before.") if data.get("what")
           else _("Lists, search, files and acts show and reach nothing of the person but that they are there."))
    return [Effect("lost", "use", use),
            Effect("kept", "access", _("The person signs in and uses their services as before. Everything stays stored.")),
            Effect("later", "lifting", _("Only two people together lift it again, and the person is told three days before."))]


def apply(work: Work, person: Person, data: Data) -> None:
    assert person.membership is not None
    row = life.begin(work, person.membership, trigger=str(data.get("trigger") or Trigger.ASKED), by_person=False, settled=True, what=str(data.get("what") or ""), others=person.extra["parts"])  # type: ignore[arg-type]
    work.note(person.id, **life.about(row), trigger=row.trigger, restriction=str(row.id))


POWER = Power(
    slug="restrict-use", code="use.restrict", event="use.restricted", over="member", permission="manage_requests", tier=1, form=RestrictForm, rule=rule, effects=effects, apply=apply,
    gather=(life.restriction, gathering.groups), people_only=True, urgent=True,
    title=gettext_lazy("Restrict the use of the person’s data"), button=gettext_lazy("Restrict the use"),
    does=gettext_lazy("From now on what your organization holds about the person, or the part that you choose, may be stored, and nothing else."),
    does_not=gettext_lazy("Takes no access away and deletes nothing."),
    sentence=gettext_lazy("%(actor)s restricted the use of the data of %(target)s"),
)


class LiftForm(InForceForm):
    reason_code = forms.ChoiceField(label=gettext_lazy("Ground"), choices=[("", gettext_lazy("Choose one")), *states.OBJECTIONS.items(), *states.SETTLED.items()],
                                    help_text=gettext_lazy("Goes to the audit log, and to the person with the notice."))
    freeing = forms.MultipleChoiceField(label=gettext_lazy("What becomes free again"), choices=[(name, PURPOSES[name]) for name in FREED], widget=forms.CheckboxSelectMultiple,
                                        help_text=gettext_lazy("All together lift the restriction; otherwise the rest stays restricted. A part is lifted as a whole."))
    message = _message()
    private_note = _note(gettext_lazy("Administrators and the audit log see it; the person too, in a copy of their data."))

    def clean(self) -> dict[str, object]:
        cleaned = super().clean()
        if cleaned.get("reason_code") == "no_right" and not cleaned.get("private_note"):
            self.add_error("private_note", forms.ValidationError(_("Say why the right does not apply."), code="required"))
        return cleaned


def lift_rule(_actor: Actor, person: Person, data: Data, _now: datetime) -> Iterable[str]:
    row, ground = parts.chosen(person, str(data.get("what") or "")), data.get("reason_code")
    if row is None:
        if data or not person.extra["parts"]:
            yield "not_restricted"
    elif not states.may(row, "announce"):
        yield "lift_pending"
    elif ground and row.state == states.S.CONFIRMED and ground not in states.AFTER:
        yield "not_your_ground"
    elif ground and not set(data.get("freeing") or ()) - set(row.freed):
        yield "nothing_freed"
    elif ground and row.what and set(FREED) - set(data.get("freeing") or ()):
        yield "part_lifted_whole"


def lift_effects(_person: Person, _data: Data, now: datetime) -> list[Effect]:
    until = timezone.localtime(now + states.NOTICE).strftime("%Y-%m-%d %H:%M %Z")
    return [Effect("kept", "restricted", _("A second person has to agree. Then the person is told, and everything stays restricted for three more days.")),
            Effect("later", "lifted", _("Agreed to now, it would take effect on %(date)s. The person can object and complain meanwhile.") % {"date": until})]


def lift(work: Work, person: Person, data: Data) -> None:
    row = parts.chosen(person, str(data.get("what") or ""))
    assert person.membership is not None and row is not None
    work.track(row)
    states.go(row, "announce", now=work.now)
    row.ground, row.freeing = str(data.get("reason_code") or ""), [name for name in FREED if name in (data.get("freeing") or ())]
    work.touch(person.membership)
    work.note(person.id, **life.about(row), restriction=str(row.id), freeing=list(row.freeing), lift_at=plain(row.lift_at))


LIFT = Power(
    slug="lift-restriction", code="use.lift", event="use.lift_announced", over="member", permission="manage_requests", tier=3, form=LiftForm, rule=lift_rule, effects=lift_effects, apply=lift,
    gather=(life.restriction,), people_only=True, urgent=True,
    title=gettext_lazy("Object to the restriction, or lift it"), button=gettext_lazy("Ask for it to be lifted"),
    does=gettext_lazy("With a second person, and after the person was told, lets your organization use the data again."),
    does_not=gettext_lazy("Ends nothing today, and settles no dispute."),
    sentence=gettext_lazy("%(actor)s announced to %(target)s that the restriction of their data is lifted"),
)
