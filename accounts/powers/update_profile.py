"""Change a profile: organization fields of any member, the person's own fields only of managed accounts (POWERS P8)."""
from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from django import forms
from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts import reasons
from accounts.actor import Actor
from accounts.models.profile import FieldOwner
from accounts.people import Person
from accounts.power import Data, Effect, Power
from accounts.powers.forms import StrictForm, show, zone
from accounts.profile import aside, asking, rules
from accounts.profile.rules import ACCOUNT_FIELDS, LOCAL_FIELDS
from accounts.work import Work


class ProfileForm(StrictForm):
    name = forms.CharField(label=gettext_lazy("Name"), max_length=200, required=False, help_text=gettext_lazy("Managed accounts only."))
    title = forms.CharField(label=gettext_lazy("Title in this organization"), max_length=200, required=False)
    department = forms.CharField(label=gettext_lazy("Department"), max_length=200, required=False)
    language = forms.ChoiceField(label=gettext_lazy("Language"), choices=[("", gettext_lazy("As it is")), *settings.LANGUAGES], required=False, help_text=gettext_lazy("Managed accounts only."))
    time_zone = forms.CharField(label=gettext_lazy("Time zone"), max_length=64, required=False,
                                help_text=gettext_lazy("Managed accounts only. For example Europe/Berlin. Empty means the organization's time zone."))
    anew = forms.BooleanField(label=gettext_lazy("Even if the value was corrected before"), required=False,
                              help_text=gettext_lazy("Needed for a value that the person said was wrong, and that was corrected."))

    @staticmethod
    def initial_for(person: Person) -> dict[str, Any]:
        """What the fields show before anything is typed."""
        assert person.membership is not None
        return {**{f: getattr(person.account, f) for f in ACCOUNT_FIELDS}, **{f: getattr(person.membership, f) for f in LOCAL_FIELDS}}

    def offer(self, _actor: Actor, person: Person) -> None:
        """What administrators may not change about this person is shown, with the words that say what to do instead."""
        rules.field_rules([person])
        for name in (*ACCOUNT_FIELDS, *LOCAL_FIELDS):
            if code := next(not_ours(person, [name]), "") or ("part_restricted" if aside.restricted(person.membership, name) else ""):
                show(self, name, getattr(person.account if name in ACCOUNT_FIELDS else person.membership, name), reasons.text(code))

    def clean_name(self) -> str:
        return rules.clean(self.cleaned_data["name"])

    def clean_title(self) -> str:
        return rules.clean(self.cleaned_data["title"])

    def clean_department(self) -> str:
        return rules.clean(self.cleaned_data["department"])

    def clean_time_zone(self) -> str:
        return zone(self.cleaned_data["time_zone"])


def _new(person: Person, data: Data) -> dict[str, str]:
    """The fields that would really change. A field that was not sent, or a name left empty, stays."""
    assert person.membership is not None
    now = {**{f: getattr(person.account, f) for f in ACCOUNT_FIELDS}, **{f: getattr(person.membership, f) for f in LOCAL_FIELDS}}
    sent = {f: str(data[f]) for f in now if data.get(f) is not None and not (f in {"name", "language"} and not data[f])}
    return {f: value for f, value in sent.items() if value != now[f]}


def rule(_actor: Actor, person: Person, data: Data, _now: datetime) -> Iterable[str]:
    if person.membership is None or person.membership.status == "removed":
        yield "wrong_status"
        return
    if data:
        new = _new(person, data)
        yield from not_ours(person, new)
        yield from asking.stands_against(person, new, anew=bool(data.get("anew")))
        if not new:
            yield "nothing_to_change"


def not_ours(person: Person, names: Iterable[str]) -> Iterator[str]:
    """Why administrators cannot change these fields of this person."""
    found: Any = person.extra["field_rules"]
    if set(names) & set(ACCOUNT_FIELDS) and not person.managed:
        yield "not_managed"
    if set(names) & set(ACCOUNT_FIELDS) and person.governed:
        yield "managed_by_idp"
    owners = {found[name].owner for name in names if name in LOCAL_FIELDS or person.managed}
    if FieldOwner.PERSON in owners:
        yield "field_of_person"
    if FieldOwner.DIRECTORY in owners:
        yield "field_of_directory"


def effects(person: Person, data: Data, _now: datetime) -> list[Effect]:
    if not data:
        return []
    return [Effect("lost", f"field:{f}:{value}", _("%(field)s becomes “%(value)s”.") % {"field": ProfileForm.base_fields[f].label, "value": value or "—"})
            for f, value in _new(person, data).items()]


def apply(work: Work, person: Person, data: Data) -> None:
    for name, value in _new(person, data).items():
        setattr(person.account if name in ACCOUNT_FIELDS else person.membership, name, value)


POWER = Power(
    slug="update-profile", code="profile.update", event="profile.updated", over="member", permission="update_profiles", tier=0,
    form=ProfileForm, rule=rule, effects=effects, apply=apply, ladder=0, self_allowed=True, notice=False, gather=(rules.field_rules, asking.disputes),
    title=gettext_lazy("Edit the profile"), button=gettext_lazy("Save changes"),
    does=gettext_lazy("Changes title and department here, and name, language and time zone where the account is managed and the organization leaves them to administrators."
                      " The person is told what changed, once a day."),
    does_not=gettext_lazy("Does not touch what the person is called in other organizations' own fields, nor sign-in."),
    sentence=gettext_lazy("%(actor)s changed the profile of %(target)s"),
)
