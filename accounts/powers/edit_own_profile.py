"""The person changes their own name, language and time zone."""
from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django import forms
from django.conf import settings
from django.utils.translation import gettext_lazy

from accounts import reasons
from accounts.actor import Actor
from accounts.people import Person
from accounts.power import Data, Power
from accounts.powers.forms import StrictForm, show, zone
from accounts.profile import aside, rules
from accounts.work import Work

FIELDS = ("name", "language", "time_zone", "refuses_invitations")


class OwnProfileForm(StrictForm):
    name = forms.CharField(label=gettext_lazy("Name"), max_length=200)
    language = forms.ChoiceField(label=gettext_lazy("Language"), choices=settings.LANGUAGES, required=False)
    time_zone = forms.CharField(label=gettext_lazy("Time zone"), max_length=64, required=False,
                                help_text=gettext_lazy("For example Europe/Berlin. Empty means the organization's time zone."))
    refuses_invitations = forms.BooleanField(label=gettext_lazy("Refuse all further invitations"), required=False,
                                             help_text=gettext_lazy("Organizations can no longer invite this account."))

    @staticmethod
    def initial_for(person: Person) -> dict[str, Any]:
        """The account as it is."""
        return {f: getattr(person.account, f) for f in FIELDS}

    def offer(self, _actor: Actor, person: Person) -> None:
        """What the person may not change is shown, with who locked it and why."""
        rules.field_rules([person])
        for rule in rules.locked(person, FIELDS):
            show(self, rule.field, getattr(person.account, rule.field), rule.why_locked(person.management.organization.name if person.management else ""))
        aside.own_name([person])
        if person.extra["own_name"]:
            show(self, "name", person.extra["own_name"], reasons.text("own_restricted"))

    def clean_time_zone(self) -> str:
        return zone(str(self.cleaned_data["time_zone"]))

    def clean_name(self) -> str:
        return rules.clean(self.cleaned_data["name"])


def _new(person: Person, data: Data) -> dict[str, Any]:
    now = {f: getattr(person.account, f) for f in FIELDS}
    if person.extra["own_name"]:
        now["name"] = person.extra["own_name"]
    return {f: data[f] for f in FIELDS if f in data and data[f] is not None and data[f] != now[f]}


def rule(_actor: Actor, person: Person, data: Data, _now: datetime) -> Iterable[str]:
    new = _new(person, data)
    if set(new) - {"refuses_invitations"}:
        yield from rules.limited(person, "profile")
    if rules.locked(person, new):
        yield "field_locked"
    if "name" in new and person.extra["own_name"]:
        yield "own_restricted"
    if data and not new:
        yield "nothing_to_change"


def apply(work: Work, person: Person, data: Data) -> None:
    for name, value in _new(person, data).items():
        setattr(person.account, name, value)


POWER = Power(
    slug="edit-own-profile", code="own.profile", event="profile.updated_by_person", over="own_account", permission=None, tier=0, form=OwnProfileForm,
    rule=rule, apply=apply, ladder=0, self_allowed=True, notice=False, gather=(rules.field_rules, rules.edit_limits, aside.own_name),
    title=gettext_lazy("Edit your profile"), button=gettext_lazy("Save changes"),
    does=gettext_lazy("Changes your name, language and time zone."),
    does_not=gettext_lazy("Does not change what organizations note about you, such as your title there."),
    sentence=gettext_lazy("%(actor)s changed their own profile"),
)
