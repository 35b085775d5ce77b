"""The person changes their own title and department in an organization, where it leaves them to the person."""
from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy

from accounts import reasons
from accounts.actor import Actor
from accounts.people import Person
from accounts.power import Data, Power
from accounts.powers.forms import StrictForm, show
from accounts.profile import aside, asking, rules
from accounts.work import Work


class DetailsForm(StrictForm):
    title = forms.CharField(label=rules.LABELS["title"], max_length=200, required=False)
    department = forms.CharField(label=rules.LABELS["department"], max_length=200, required=False)

    @staticmethod
    def initial_for(person: Person) -> dict[str, Any]:
        """What the organization holds."""
        return {name: asking.held(person, name) for name in rules.LOCAL_FIELDS}

    def offer(self, _actor: Actor, person: Person) -> None:
        """What the person may not change is shown, with who locked it and why."""
        rules.field_rules([person])
        for rule in rules.locked(person, rules.LOCAL_FIELDS):
            show(self, rule.field, asking.held(person, rule.field), rule.why_locked(person.membership.organization.name if person.membership else ""))
        for name in rules.LOCAL_FIELDS:
            if aside.restricted(person.membership, name):
                show(self, name, asking.held(person, name), reasons.text("own_restricted"))

    def clean_title(self) -> str:
        return rules.clean(self.cleaned_data["title"])

    def clean_department(self) -> str:
        return rules.clean(self.cleaned_data["department"])


def _new(person: Person, data: Data) -> dict[str, str]:
    return {name: str(data[name]) for name in rules.LOCAL_FIELDS if data.get(name) is not None and data[name] != asking.held(person, name)}


def rule(actor: Actor, person: Person, data: Data, _now: datetime) -> Iterable[str]:
    if person.membership is None or person.account.id != actor.account_id or person.membership.status not in {"active", "restricted"}:
        yield "wrong_status"
        return
    yield from rules.limited(person, "profile")
    new = _new(person, data)
    if len(rules.locked(person, rules.LOCAL_FIELDS)) == len(rules.LOCAL_FIELDS) or rules.locked(person, new):
        yield "field_locked"
    if any(aside.restricted(person.membership, name) for name in new):
        yield "own_restricted"
    if data and not new:
        yield "nothing_to_change"


def apply(_work: Work, person: Person, data: Data) -> None:
    for name, value in _new(person, data).items():
        setattr(person.membership, name, value)


POWER = Power(
    slug="edit-own-details", code="own.details", event="profile.details_updated_by_person", over="member", permission=None, tier=0, form=DetailsForm,
    rule=rule, apply=apply, ladder=0, self_allowed=True, rank_rule=False, notice=False, gather=(rules.field_rules, rules.edit_limits),
    title=gettext_lazy("Edit your title and department"), button=gettext_lazy("Save changes"),
    does=gettext_lazy("Changes your title and department in this organization, where it leaves them to you."),
    does_not=gettext_lazy("Does not change your role, nor anything in other organizations."),
    sentence=gettext_lazy("%(actor)s changed their own title or department"),
)
