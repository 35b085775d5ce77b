"""What the powers over the audit log's time share: their forms, and how a hold is said in words."""
from __future__ import annotations

from datetime import date
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.actor import Actor
from accounts.addresses import address_key
from accounts.models import Account, Membership, Organization
from accounts.powers.forms import AnyChoiceField, StrictForm
from audit import holds, retention
from audit.models import Hold


class RetentionForm(StrictForm):
    years = forms.IntegerField(label=gettext_lazy("Years"), min_value=1, max_value=99, help_text=gettext_lazy("How long entries of the audit log are kept. Whole years."))
    private_note = forms.CharField(
        label=gettext_lazy("Why"), required=False, max_length=2000, widget=forms.Textarea(attrs={"rows": 2}), help_text=gettext_lazy("Optional. Goes to the audit log."))

    def clean_years(self) -> int:
        low, high = retention.bounds()
        years = int(self.cleaned_data["years"])
        if not low <= years <= high:
            raise ValidationError(_("Choose from %(low)d to %(high)d years. The installation sets these limits."), code="bounds", params={"low": low, "high": high})
        return years


class DayField(forms.CharField):
    """A day, written like 2026-11-23; the page offers a calendar."""

    def __init__(self, **options: Any) -> None:
        super().__init__(required=False, max_length=10, widget=forms.DateInput(attrs={"type": "date"}), **options)

    def clean(self, value: Any) -> date | None:
        typed = super().clean(value)
        try:
            return date.fromisoformat(typed) if typed else None
        except ValueError as error:
            raise ValidationError(_("Write the day like 2026-11-23."), code="invalid") from error


class HoldForm(StrictForm):
    kind = forms.ChoiceField(label=gettext_lazy("What must stay"), initial="log", widget=forms.RadioSelect, choices=[
        ("log", gettext_lazy("The whole log")), ("subject", gettext_lazy("What one person did, and what is about them")), ("range", gettext_lazy("Everything of certain days"))])
    person = forms.CharField(label=gettext_lazy("E-mail address of the person"), required=False, max_length=320)
    first_day = DayField(label=gettext_lazy("First day"))
    last_day = DayField(label=gettext_lazy("Last day"), help_text=gettext_lazy("Days are in UTC. Both are included."))
    matter = forms.CharField(label=gettext_lazy("Matter"), max_length=200, help_text=gettext_lazy("The name or number under which your lawyers know it."))
    private_note = forms.CharField(
        label=gettext_lazy("Ground"), max_length=2000, widget=forms.Textarea(attrs={"rows": 3}), help_text=gettext_lazy("Why it must stay. Only administrators and the audit log see it."))

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        first, last = cleaned.get("first_day"), cleaned.get("last_day")
        if cleaned.get("kind") == "subject" and not cleaned.get("person", "").strip():
            self.add_error("person", ValidationError(_("Name the person."), code="required"))
        if cleaned.get("kind") == "range" and not (first and last):
            self.add_error("last_day" if first else "first_day", ValidationError(_("Give both days."), code="required"))
        elif cleaned.get("kind") == "range" and first and last and last < first:
            self.add_error("last_day", ValidationError(_("The first day is after the last day."), code="order"))
        return cleaned


class ReleaseForm(StrictForm):
    hold = AnyChoiceField(max_length=36, label=gettext_lazy("Hold"), choices=())
    private_note = forms.CharField(
        label=gettext_lazy("Why"), max_length=2000, widget=forms.Textarea(attrs={"rows": 3}), help_text=gettext_lazy("Why it may be released. Goes to the audit log."))

    def choices_for(self, organization: Organization, actor: Actor) -> None:
        """The holds in force."""
        rows = [h for h in holds.covers(org=organization.id) if h.within is None and (h.subject is None or h.subject != actor.account_id)]
        self.fields["hold"].choices = [("", _("Choose one")), *((str(h.id), words(h)) for h in rows)]  # type: ignore[attr-defined]


def words(hold: Hold) -> str:
    """A hold in one line."""
    if hold.kind == "range" and hold.first_day and hold.last_day:
        return _("%(matter)s: everything from %(first)s to %(last)s") % {"matter": hold.matter, "first": date_format(hold.first_day), "last": date_format(hold.last_day)}
    if hold.kind == "subject":
        account = Account.objects.filter(id=hold.subject).first()
        return _("%(matter)s: what %(person)s did and what is about them") % {"matter": hold.matter, "person": (account.name or account.email) if account else _("somebody who is gone")}
    return _("%(matter)s: the whole log") % {"matter": hold.matter}


def person_of(organization_id: Any, address: object) -> Membership | None:
    """The member with this address, also one who was removed; nobody who was only invited: an organization cannot keep a stranger from deleting their own account."""
    return Membership.objects.filter(organization_id=organization_id, account__email_key=address_key(str(address or ""))).exclude(joined_at=None).first()
