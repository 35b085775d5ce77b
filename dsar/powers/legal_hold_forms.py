"""The forms of the powers over legal holds."""
from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms
from django.core.exceptions import ValidationError
from django.http import QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.actor import Actor
from accounts.addresses import address_key
from accounts.models import Account, Group, Organization, Service
from accounts.powers.forms import AnyChoiceField, AnyChoicesField, StrictForm
from accounts.powers.log_keeping import DayField
from dsar.datamap.kinds import CATEGORIES
from dsar.holds import people
from dsar.holds.models import Disclosure, LegalHold
from dsar.powers.matters import MatterForm, number

KINDS = [(key, words) for key, words in CATEGORIES.items() if key not in {"user.unique_id", "user.history"} and not key.startswith("user.authorization")]
"""What a hold can be limited to: not the log, which is always held, and not credentials, which prove nothing."""


def keys(text: object) -> list[str]:
    """The addresses that were typed, in comparison form."""
    return list(dict.fromkeys(address_key(word) for word in str(text or "").replace(",", "\n").replace(";", "\n").split()))


class AddressesField(forms.CharField):
    def __init__(self, **options: Any) -> None:
        super().__init__(max_length=100_000, widget=forms.Textarea(attrs={"rows": 4, "spellcheck": "false", "autocomplete": "off"}), **options)


class PlaceForm(MatterForm):
    custodians = AddressesField(label=gettext_lazy("People, by e-mail address"), required=False,
                                help_text=gettext_lazy("One in a line. Also people who have left. What your organization has about them stays."))
    groups = AnyChoicesField(label=gettext_lazy("Groups"), required=False, widget=forms.CheckboxSelectMultiple, help_text=gettext_lazy("Whoever is in them now is held, and the groups stay."))
    services = AnyChoicesField(label=gettext_lazy("Services"), required=False, widget=forms.CheckboxSelectMultiple, help_text=gettext_lazy("Whoever has access to them now is held."))
    categories = forms.MultipleChoiceField(label=gettext_lazy("Only what is about"), required=False, choices=KINDS, widget=forms.CheckboxSelectMultiple,
                                           help_text=gettext_lazy("Choose nothing to hold everything. The audit log is always held too, and the account itself is not deleted."))
    first_day = DayField(label=gettext_lazy("First day"), help_text=gettext_lazy("Optional. Of what bears a date, nothing from before is held."))
    last_day = DayField(label=gettext_lazy("Last day"), help_text=gettext_lazy("Optional. Days are in UTC. Both are included."))
    disclosure = forms.ChoiceField(label=gettext_lazy("Are the people told?"), choices=Disclosure.choices, initial=Disclosure.NO, widget=forms.RadioSelect)
    ground = forms.CharField(label=gettext_lazy("Ground"), max_length=2000, widget=forms.Textarea(attrs={"rows": 3}), help_text=gettext_lazy("Why it must stay. Only people who manage holds see it."))

    def choices_for(self, organization: Organization, actor: Actor) -> None:
        """The open matters, and the groups and services that there are."""
        super().choices_for(organization, actor)
        for name, model in (("groups", Group), ("services", Service)):
            self.fields[name].choices = [(str(row.id), row.name) for row in model.objects.filter(organization=organization).order_by("name")[:500]]  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        first, last = cleaned.get("first_day"), cleaned.get("last_day")
        if first and last and last < first:
            self.add_error("last_day", ValidationError(_("The first day is after the last day."), code="order"))
        if "custodians" in cleaned and not (keys(cleaned["custodians"]) or cleaned.get("groups") or cleaned.get("services")):
            self.add_error("custodians", ValidationError(_("Name at least one person, group or service."), code="required"))
        return cleaned


class HoldForm(StrictForm):
    hold = AnyChoiceField(max_length=36, label=gettext_lazy("Hold"), choices=())
    unconfirmed = False

    @staticmethod
    def initial_from(query: QueryDict) -> dict[str, Any]:
        """The hold on whose page it was chosen."""
        return {"hold": query.get("hold", ""), "person": query.get("person", "")}

    def choices_for(self, organization: Organization, actor: Actor) -> None:
        """The holds in force that whoever asks may know of."""
        rows = people.visible(organization.id, actor.account_id).filter(released_at=None).order_by("-placed_at")
        rows = rows.filter(confirmed_at=None) if self.unconfirmed else rows
        self.fields["hold"].choices = [("", _("Choose one")), *((str(row.id), title(row)) for row in rows)]  # type: ignore[attr-defined]
        chosen, person = self.initial.get("hold"), number(self.initial.get("person"))
        if "custodians" in self.fields and person and any(str(row.id) == chosen for row in rows) and people.custodies_of(chosen, person):
            self.initial["custodians"] = Account.objects.get(id=person).email  # on whose line it was chosen


def title(row: LegalHold) -> str:
    """A hold in one line, for people who manage holds."""
    return _("%(matter)s, hold %(number)s of %(day)s") % {"matter": row.matter.name, "number": short(row.id), "day": row.placed_at.date().isoformat()}


def short(hold: UUID) -> str:
    """How a hold is called where no more is to be said about it."""
    return str(hold)[:8]


class ConfirmForm(HoldForm):
    unconfirmed = True


class PeopleForm(HoldForm):
    custodians = AddressesField(label=gettext_lazy("People, by e-mail address"), help_text=gettext_lazy("One in a line."))


class LetGoForm(PeopleForm):
    ground = forms.CharField(label=gettext_lazy("Why"), max_length=2000, widget=forms.Textarea(attrs={"rows": 3}),
                             help_text=gettext_lazy("Why they may be let go. Only people who manage holds see it."))


class ReleaseForm(HoldForm):
    ground = forms.CharField(label=gettext_lazy("Why"), max_length=2000, widget=forms.Textarea(attrs={"rows": 3}),
                             help_text=gettext_lazy("Why it may be released. Only people who manage holds see it."))

