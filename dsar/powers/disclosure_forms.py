"""The forms of the register of disclosures."""
from __future__ import annotations

import copy
from datetime import date, timedelta
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.http import QueryDict
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.actor import Actor
from accounts.addresses import address_key, clean_address
from accounts.models import Organization
from accounts.powers.forms import AnyChoiceField, StrictForm
from dsar.cases import evidence
from dsar.datamap.kinds import CATEGORIES
from dsar.powers.adding import Chosen
from dsar.registers import countries, disclosures
from dsar.registers.models import Asker, Disclosure, LegalBasis, Outcome, Reach, Refusal

OLDEST = date(1990, 1, 1)
LONGEST = timedelta(days=3653)
_EMPTY = ("", gettext_lazy("Choose one"))


def day_field(label: Any, *, required: bool = True, **options: Any) -> forms.DateField:
    return forms.DateField(label=label, required=required, widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"), input_formats=["%Y-%m-%d"], **options)


def as_day(value: Any) -> date | None:
    """A day as a form has it, or as a stored plan has."""
    return value if isinstance(value, date) or not value else date.fromisoformat(str(value))


def past(value: date | None) -> date | None:
    """A day on which something has happened."""
    if value is not None and not OLDEST <= value <= timezone.localdate() + timedelta(days=1):  # it is tomorrow already somewhere
        raise ValidationError(_("Choose a day that is not in the future, and not before 1990."), code="future")
    return value


def ahead(value: date | None) -> date | None:
    """A day until which something holds."""
    if value is not None and not timezone.localdate() <= value <= timezone.localdate() + LONGEST:
        raise ValidationError(_("Choose today or a later day, at most ten years away."), code="past")
    return value


class DisclosureField(AnyChoiceField):
    """An entry of the register, by its reference or its id."""

    def __init__(self) -> None:
        super().__init__(label=gettext_lazy("Entry"), max_length=36, help_text=gettext_lazy("The reference of the entry in the register."))


class OfEntryForm(StrictForm):
    """What is done with one entry."""

    disclosure = DisclosureField()

    @classmethod
    def initial_from(cls, query: QueryDict) -> dict[str, Any]:
        return {"disclosure": query.get("disclosure", "")[:36]}

    def choices_for(self, organization: Organization, actor: Actor) -> None:
        """The entries that whoever acts may see."""
        rows = disclosures.current(organization.id, reader=actor.account_id)
        self.fields["disclosure"].choices = [("", gettext_lazy("Choose one")), *[(row.reference, f"{row.reference} · {row.name}") for row in rows]]  # type: ignore[attr-defined]
        if (word := str(self.initial.get("disclosure") or "")) and (row := disclosures.found(organization.id, word, reader=actor.account_id)):
            self.initial["disclosure"] = row.reference
            self.prefill(row)

    def prefill(self, row: Disclosure) -> None:
        """What the fields hold before anything is typed."""


class AskedForm(StrictForm):
    """Who asks for what, about whom."""

    people_needed = True

    kind = forms.ChoiceField(label=gettext_lazy("Who asks"), choices=[_EMPTY, *Asker.choices])
    name = forms.CharField(label=gettext_lazy("Name"), max_length=200, help_text=gettext_lazy("Of the authority, the court or the company; of a person only where a person asks."))
    country = forms.ChoiceField(label=gettext_lazy("Country"), choices=lambda: countries.choices(gettext_lazy("Choose one")))
    their_reference = forms.CharField(label=gettext_lazy("Their reference"), max_length=100, required=False)
    received_on = day_field(gettext_lazy("Received on"))
    basis = forms.ChoiceField(label=gettext_lazy("Legal basis"), choices=[_EMPTY, *LegalBasis.choices])
    categories = forms.MultipleChoiceField(label=gettext_lazy("What is asked for"), choices=list(CATEGORIES.items()), widget=forms.CheckboxSelectMultiple)
    from_day = day_field(gettext_lazy("From"), required=False, help_text=gettext_lazy("Optional: the first day that the request is about."))
    to_day = day_field(gettext_lazy("To"), required=False, help_text=gettext_lazy("Optional: the last day that the request is about."))
    reach = forms.ChoiceField(label=gettext_lazy("Whom it is about"), choices=[(one.value, one.label) for one in (Reach.NUMBER, Reach.PEOPLE, Reach.EVERYONE)])
    people = forms.CharField(label=gettext_lazy("These people"), required=False, max_length=20_000, widget=forms.Textarea(attrs={"rows": 4}),
                             help_text=gettext_lazy("Their e-mail addresses here, one on each line, at most 200. They read the entry once they may be told."))
    concerned = forms.IntegerField(label=gettext_lazy("How many"), required=False, min_value=1, max_value=10_000_000, initial=1, help_text=gettext_lazy("Where the request names nobody."))

    def clean_received_on(self) -> date | None:
        return past(self.cleaned_data["received_on"])

    def clean_from_day(self) -> date | None:
        return past(self.cleaned_data["from_day"])

    def clean_people(self) -> str:
        """One address on each line, in the form in which addresses are compared."""
        lines = [line.strip(" ,;\t") for line in str(self.cleaned_data["people"] or "").replace(",", "\n").splitlines() if line.strip(" ,;\t")]
        if len(lines) > disclosures.MOST_PEOPLE:
            raise ValidationError(_("At most 200 people. For more, choose “Everybody in the organization”, or their number."), code="too_many")
        return "\n".join(dict.fromkeys(address_key(clean_address(line)) for line in lines))

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        if cleaned.get("from_day") and cleaned.get("to_day") and cleaned["to_day"] < cleaned["from_day"]:
            self.add_error("to_day", ValidationError(_("The last day must not come before the first."), code="order"))
        if self.people_needed and cleaned.get("reach") == Reach.PEOPLE and not cleaned.get("people") and "people" not in self.errors:
            self.add_error("people", ValidationError(_("Write at least one address, or choose whom it is about differently."), code="required"))
        return cleaned


class SecretFields(StrictForm):
    """Until when the people concerned may not be told."""

    secret_until = day_field(gettext_lazy("They may not be told until"), required=False, help_text=gettext_lazy(
        "Only where a law or an order forbids it: the last day, or the day on which you look at it again. On the day after they are told by themselves. You are reminded two weeks before."))
    secret_basis = forms.CharField(label=gettext_lazy("What forbids it"), required=False, max_length=300, help_text=gettext_lazy("The law, or the number of the order."))

    def clean_secret_until(self) -> date | None:
        return ahead(self.cleaned_data["secret_until"])

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        for one, other in (("secret_until", "secret_basis"), ("secret_basis", "secret_until")):
            if cleaned.get(one) and not cleaned.get(other) and other not in self.errors:
                self.add_error(other, ValidationError(_("Say both what forbids it and until when, or neither."), code="required"))
        return cleaned


class RecordForm(AskedForm, SecretFields):
    """A request that came in."""

    field_order = (*AskedForm.base_fields, *SecretFields.base_fields)


class AnswerFields(StrictForm):
    outcome = forms.ChoiceField(label=gettext_lazy("Decision"), choices=[_EMPTY, *[one for one in Outcome.choices if one[0]]])
    given = forms.MultipleChoiceField(label=gettext_lazy("What was given"), choices=list(CATEGORIES.items()), widget=forms.CheckboxSelectMultiple, required=False)
    records = forms.IntegerField(label=gettext_lazy("Number of records"), required=False, min_value=0, max_value=1_000_000_000)
    refusal = forms.ChoiceField(label=gettext_lazy("Why not all of it"), choices=[("", gettext_lazy("Nothing was refused")), *Refusal.choices], required=False)
    answered_on = day_field(gettext_lazy("Answered on"), required=False, help_text=gettext_lazy("Empty: today."))

    def clean_answered_on(self) -> date | None:
        return past(self.cleaned_data["answered_on"])

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        outcome = cleaned.get("outcome")
        if outcome in {Outcome.GIVEN, Outcome.PARTLY} and not cleaned.get("given"):
            self.add_error("given", ValidationError(_("Say what was given."), code="required"))
        if outcome == Outcome.REFUSED and (cleaned.get("given") or cleaned.get("records")):
            self.add_error("given", ValidationError(_("If it was refused, nothing was given."), code="refused"))
        if outcome in {Outcome.PARTLY, Outcome.REFUSED} and not cleaned.get("refusal"):
            self.add_error("refusal", ValidationError(_("Say why not all of it was given."), code="required"))
        if outcome == Outcome.GIVEN and cleaned.get("refusal"):
            self.add_error("refusal", ValidationError(_("If all of it was given, nothing was refused."), code="refused"))
        return cleaned


class AnswerForm(OfEntryForm, AnswerFields):
    """What was decided."""

    field_order = ("disclosure", *AnswerFields.base_fields)

    def prefill(self, row: Disclosure) -> None:
        self.initial.setdefault("given", row.categories)


class CorrectForm(OfEntryForm, AskedForm):
    """An entry as it should have been written. What is left empty stays as it is."""

    people_needed = False
    field_order = ("disclosure", *AskedForm.base_fields, "records", "words")
    records = forms.IntegerField(label=gettext_lazy("Number of records"), required=False, min_value=0, max_value=1_000_000_000, help_text=gettext_lazy("Only where it is decided already."))
    words = forms.CharField(label=gettext_lazy("What was wrong"), max_length=2000, widget=forms.Textarea(attrs={"rows": 3}), help_text=gettext_lazy("Stands in the register beside the correction."))

    def prefill(self, row: Disclosure) -> None:
        for name in (*AskedForm.base_fields, "records"):
            if name != "people":
                self.initial.setdefault(name, getattr(row, name))


def _left_as_it_is(name: str, field: forms.Field) -> forms.Field:
    """The same field, which may be left empty."""
    found = copy.deepcopy(field)
    found.required, found.initial = False, None
    if name == "reach":
        found.choices = [("", gettext_lazy("As it is")), *Reach.choices]  # type: ignore[attr-defined]
    return found


CorrectForm.base_fields = {name: _left_as_it_is(name, field) if name in AskedForm.base_fields else field for name, field in CorrectForm.base_fields.items()}


class ExtendForm(OfEntryForm):
    """A longer prohibition."""

    secret_until = day_field(gettext_lazy("They may not be told until"), help_text=gettext_lazy("The last day, or the day on which you look at it again."))
    secret_basis = forms.CharField(label=gettext_lazy("What forbids it"), max_length=300, help_text=gettext_lazy("The law, or the number of the order."))

    def clean_secret_until(self) -> date | None:
        return ahead(self.cleaned_data["secret_until"])

    def prefill(self, row: Disclosure) -> None:
        self.initial.setdefault("secret_basis", row.secret_basis)


class TellForm(OfEntryForm):
    lifted = forms.BooleanField(label=gettext_lazy("The prohibition was lifted"), required=False, help_text=gettext_lazy("Needed where one still runs. A second person has to agree."))
    words = forms.CharField(label=gettext_lazy("Remark"), required=False, max_length=2000, widget=forms.Textarea(attrs={"rows": 2}),
        help_text=gettext_lazy("Stands in the register. The people do not read it."))


class EvidenceForm(OfEntryForm):
    BODY = 3 * 1024 * 1024
    """What a program sends with a file of the largest size, in base64."""

    file = forms.CharField(label=gettext_lazy("File"), max_length=evidence.TEXT, error_messages={"max_length": gettext_lazy("The file is larger than 2 MB.")},
                           widget=Chosen(attrs={"accept": ".pdf,.png,.jpg,.jpeg,.txt"}),
                           help_text=gettext_lazy("PDF, PNG, JPEG or plain text, at most 2 MB; from programs in base64. It lies sealed, and whoever fetches it is written down."))

    def clean_file(self) -> str:
        text = str(self.cleaned_data["file"])
        evidence.checked(evidence.decoded(text))
        return text
