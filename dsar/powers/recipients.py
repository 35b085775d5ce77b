"""Recipients and international transfers, and who answers for the organization's data (policy D5)."""
from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import date, datetime
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.http import QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.actor import Actor
from accounts.models import Organization
from accounts.power import Data, Effect, Power
from accounts.powers import choosing
from accounts.powers.forms import AnyChoiceField, StrictForm
from accounts.reasons import Stale
from accounts.targets import OrganizationTarget
from accounts.work import Work
from dsar.datamap.kinds import CATEGORIES, PURPOSES
from dsar.powers.disclosure_forms import as_day, day_field, past
from dsar.registers import countries, recipients
from dsar.registers.models import Controller, Derogation, Mechanism, Recipient, RecipientKind

PERMISSION = "manage_registers"
_EMPTY = ("", gettext_lazy("Choose one"))


class RecipientField(AnyChoiceField):
    """A recipient, by its name or its id."""

    def __init__(self) -> None:
        super().__init__(label=gettext_lazy("Recipient"), max_length=200)


def chosen(organization_id: uuid.UUID, word: str) -> Recipient | None:
    """The recipient with this id or name, unless it has ended."""
    rows = Recipient.objects.filter(organization_id=organization_id, ended_at=None)
    return choosing.found(rows, word, name=word.strip()) if word else None


class DetailsForm(StrictForm):
    name = forms.CharField(label=gettext_lazy("Name"), max_length=200)
    kind = forms.ChoiceField(label=gettext_lazy("What they are"), choices=[_EMPTY, *RecipientKind.choices])
    purposes = forms.MultipleChoiceField(label=gettext_lazy("What for"), choices=[(key, purpose.title) for key, purpose in PURPOSES.items()], widget=forms.CheckboxSelectMultiple)
    categories = forms.MultipleChoiceField(label=gettext_lazy("What they get"), choices=list(CATEGORIES.items()), widget=forms.CheckboxSelectMultiple)
    country = forms.ChoiceField(label=gettext_lazy("Country to which it goes"), choices=lambda: countries.choices(gettext_lazy("Choose one")))
    mechanism = forms.ChoiceField(label=gettext_lazy("What makes the transfer lawful"), choices=Mechanism.choices, required=False)
    derogation = forms.ChoiceField(label=gettext_lazy("Which exception"), choices=[("", gettext_lazy("None")), *Derogation.choices], required=False)
    mechanism_on = day_field(gettext_lazy("In force since"), required=False, help_text=gettext_lazy("Optional: the day of the contract, the clauses or the decision."))
    document = forms.CharField(label=gettext_lazy("Where it can be found"), max_length=200, required=False, help_text=gettext_lazy("Optional: the number of the contract or the decision."))

    def clean_mechanism_on(self) -> date | None:
        return past(self.cleaned_data["mechanism_on"])

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        if cleaned.get("mechanism") == Mechanism.DEROGATION and not cleaned.get("derogation"):
            self.add_error("derogation", ValidationError(_("Say which exception."), code="required"))
        if cleaned.get("derogation") and cleaned.get("mechanism") != Mechanism.DEROGATION:
            self.add_error("derogation", ValidationError(_("Choose an exception only where an exception makes it lawful."), code="unneeded"))
        return cleaned


class ChangeForm(DetailsForm):
    field_order = ("recipient", *DetailsForm.base_fields)
    recipient = RecipientField()

    @classmethod
    def initial_from(cls, query: QueryDict) -> dict[str, Any]:
        return {"recipient": query.get("recipient", "")[:200]}

    def choices_for(self, organization: Organization, _actor: Actor) -> None:
        self.fields["recipient"].choices = _choices(organization)  # type: ignore[attr-defined]
        if (row := chosen(organization.id, str(self.initial.get("recipient") or ""))) is not None:
            self.initial.update({name: getattr(row, name) for name in DetailsForm.base_fields}, recipient=str(row.id))


class EndForm(StrictForm):
    recipient = RecipientField()

    @classmethod
    def initial_from(cls, query: QueryDict) -> dict[str, Any]:
        return {"recipient": query.get("recipient", "")[:200]}

    def choices_for(self, organization: Organization, _actor: Actor) -> None:
        self.fields["recipient"].choices = _choices(organization)  # type: ignore[attr-defined]


def _choices(organization: Organization) -> list[tuple[str, Any]]:
    return [_EMPTY, *[(str(row.id), row.name) for row in Recipient.objects.filter(organization_id=organization.id, ended_at=None).order_by("name")]]


def _details(target: OrganizationTarget, data: Data, row: Recipient | None) -> Iterable[str]:
    """A transfer out of where the same law holds needs a ground; one within it needs none."""
    if not data.get("country"):
        return
    inside = countries.inside(str(data["country"]), home=recipients.home(target.id))
    if not inside and not data.get("mechanism"):
        yield "no_mechanism"
    if inside and data.get("mechanism"):
        yield "mechanism_not_needed"
    same = Recipient.objects.filter(organization_id=target.id, ended_at=None, name=str(data.get("name") or "").strip())
    if data.get("name") and same.exclude(id=row.id if row else None).exists():
        yield "recipient_there"


def add_rule(actor: Actor, target: OrganizationTarget, data: Data, _now: datetime) -> Iterable[str]:
    yield from choosing.unreached(actor)
    yield from _details(target, data, None)


def add_effects(target: OrganizationTarget, data: Data, now: datetime) -> list[Effect]:
    found = [Effect("later", "record", _("It stands in the record of processing, on the page of everybody’s own data, and in every copy of somebody’s data."))]
    if data.get("country"):
        row = Recipient(**_values(data), added_at=now)
        found += [Effect("kept", "finding", words) for words in recipients.findings(row, home=recipients.home(target.id))]
    return found


def _values(data: Data) -> dict[str, Any]:
    found = {name: data.get(name) for name in DetailsForm.base_fields}
    return {**found, "mechanism_on": as_day(found["mechanism_on"]), "purposes": list(found["purposes"] or []), "categories": list(found["categories"] or []), "name": str(found["name"] or "").strip(),
            **{name: str(found[name] or "") for name in ("kind", "country", "mechanism", "derogation", "document")}}


def add(work: Work, target: OrganizationTarget, data: Data) -> None:
    row = Recipient(id=uuid.uuid4(), organization_id=target.id, added_at=work.now, **_values(data))
    work.add(row)
    work.note(target.id, recipient=str(row.id), **_facts(row))


def _facts(row: Recipient) -> dict[str, Any]:
    return {"name": row.name, "kind": row.kind, "country": row.country, "mechanism": row.mechanism, "derogation": row.derogation}


def change_rule(actor: Actor, target: OrganizationTarget, data: Data, _now: datetime) -> Iterable[str]:
    yield from choosing.unreached(actor)
    if not data.get("recipient"):
        return
    row = chosen(target.id, str(data["recipient"]))
    if row is None:
        yield "unknown_recipient"
        return
    yield from _details(target, data, row)
    if data.get("name") and all(getattr(row, name) == value for name, value in _values(data).items()):
        yield "nothing_to_change"


def change(work: Work, target: OrganizationTarget, data: Data) -> None:
    row = chosen(target.id, str(data["recipient"]))
    if row is None:
        raise Stale
    work.track(row)
    before = _facts(row)
    for name, value in _values(data).items():
        setattr(row, name, value)
    work.note(target.id, recipient=str(row.id), **_facts(row), before=[f"{name}: {value}" for name, value in before.items() if value != _facts(row)[name]])


def end_rule(actor: Actor, target: OrganizationTarget, data: Data, _now: datetime) -> Iterable[str]:
    yield from choosing.unreached(actor)
    if data.get("recipient") and chosen(target.id, str(data["recipient"])) is None:
        yield "unknown_recipient"


def end_effects(_target: OrganizationTarget, _data: Data, _now: datetime) -> list[Effect]:
    return [Effect("kept", "past", _("It stays among the recipients of the past, and in the records of processing of the days on which it was one."))]


def end(work: Work, target: OrganizationTarget, data: Data) -> None:
    row = chosen(target.id, str(data["recipient"]))
    if row is None:
        raise Stale
    work.track(row)
    row.ended_at = work.now
    work.note(target.id, recipient=str(row.id), **_facts(row))


class ControllerForm(StrictForm):
    name = forms.CharField(label=gettext_lazy("Legal name"), max_length=200, required=False,
        help_text=gettext_lazy("Of the company or person who answers for the data. Empty: the name of the organization."))
    address = forms.CharField(label=gettext_lazy("Postal address"), max_length=300, required=False)
    country = forms.ChoiceField(label=gettext_lazy("Country"), choices=lambda: countries.choices(gettext_lazy("Not said")), required=False,
                                help_text=gettext_lazy("Where the controller sits. It decides for which recipients something has to make the transfer lawful."))
    contact = forms.CharField(label=gettext_lazy("Contact about data"), max_length=254, required=False, help_text=gettext_lazy("Empty: the contact that the organization published."))
    officer = forms.CharField(label=gettext_lazy("Data protection officer"), max_length=200, required=False)
    officer_contact = forms.CharField(label=gettext_lazy("How to reach them"), max_length=254, required=False)
    measures = forms.CharField(label=gettext_lazy("How data is kept safe"), max_length=10_000, required=False, widget=forms.Textarea(attrs={"rows": 8}),
                               help_text=gettext_lazy("A general description of the technical and organizational measures (GDPR Art. 30(1)(g)). Plain text."))

    def choices_for(self, organization: Organization, _actor: Actor) -> None:
        """As it is now."""
        row = recipients.controller(organization.id)
        for name in ControllerForm.base_fields:
            self.initial.setdefault(name, getattr(row, name))

    def clean_measures(self) -> str:
        return str(self.cleaned_data["measures"]).replace("\r\n", "\n").strip()


def controller_rule(actor: Actor, target: OrganizationTarget, data: Data, _now: datetime) -> Iterable[str]:
    yield from choosing.unreached(actor)
    row = recipients.controller(target.id)
    if data and all(getattr(row, name) == data[name] for name in ControllerForm.base_fields if name in data):
        yield "nothing_to_change"


def controller_effects(_target: OrganizationTarget, _data: Data, _now: datetime) -> list[Effect]:
    return [Effect("later", "record", _("It stands in the record of processing from now on, and people read it beside your notice."))]


def controller_of(work: Work, organization_id: uuid.UUID) -> Controller:
    """The row, to be changed. The organization is locked, so there is never a second one."""
    row = Controller.objects.filter(organization_id=organization_id).first()
    if row is None:
        row = Controller(id=uuid.uuid4(), organization_id=organization_id)
        work.add(row)
    else:
        work.track(row)
    return row


def set_controller(work: Work, target: OrganizationTarget, data: Data) -> None:
    row = controller_of(work, target.id)
    changed = [name for name in ControllerForm.base_fields if name in data and getattr(row, name) != data[name]]
    for name in changed:
        setattr(row, name, data[name])
    work.note(target.id, changed=changed, country=row.country)


def _power(slug: str, name: str, event: str, form: Any, rule: Any, effects: Any, apply: Any, **more: Any) -> Power:
    return Power(slug=slug, code=f"register.{name}", event=f"register.{event}", over="organization", permission=PERMISSION, tier=1, form=form, rule=rule, effects=effects, apply=apply,
        notice=False, **more)


POWERS: tuple[Power, ...] = (
    _power("add-recipient", "recipient_add", "recipient_added", DetailsForm, add_rule, add_effects, add,
           title=gettext_lazy("Add a recipient of data"), button=gettext_lazy("Add the recipient"),
           does=gettext_lazy("Writes into the register who gets personal data from your organization, and what makes it lawful that it goes there."),
           does_not=gettext_lazy("Sends nothing to anybody."), sentence=gettext_lazy("%(actor)s added a recipient of data")),
    _power("change-recipient", "recipient_change", "recipient_changed", ChangeForm, change_rule, add_effects, change,
           title=gettext_lazy("Change a recipient of data"), button=gettext_lazy("Save"), does=gettext_lazy("Changes what the register says about a recipient from now on."),
           does_not=gettext_lazy("Changes no record of processing of a day that is over."), sentence=gettext_lazy("%(actor)s changed a recipient of data")),
    _power("end-recipient", "recipient_end", "recipient_ended", EndForm, end_rule, end_effects, end,
           title=gettext_lazy("End a recipient of data"), button=gettext_lazy("End it"),
           does=gettext_lazy("Says that a recipient gets no more data."), does_not=gettext_lazy("Takes back nothing that they have."),
           sentence=gettext_lazy("%(actor)s ended a recipient of data")),
    _power("set-controller", "controller", "controller_set", ControllerForm, controller_rule, controller_effects, set_controller,
           title=gettext_lazy("Say who answers for the data"), button=gettext_lazy("Save"), does=gettext_lazy("Names the controller, the data protection officer and how data is kept safe."),
           does_not=gettext_lazy("Changes neither the name nor the published contact of the organization."), sentence=gettext_lazy("%(actor)s changed who answers for the organization’s data")),
)
