"""The fields that several powers share. A form is the schema for page, API and command line alike."""
from __future__ import annotations

import zoneinfo
from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

GROUNDS = [
    ("left_organization", _("Left the organization")),
    ("absence", _("On leave or away")),
    ("role_change", _("Changed role or team")),
    ("security_incident", _("Security incident")),
    ("compromised", _("The account may be in somebody else's hands")),
    ("policy_violation", _("Violation of a policy")),
    ("person_asked", _("The person asked for it")),
    ("contract_ended", _("Contract ended")),
    ("mistake", _("Correction of a mistake")),
    ("other", _("Other (say what in the private note)")),
]


class StrictForm(forms.Form):
    """A form that refuses control characters and, through `unknown_fields`, fields it does not have."""

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        for name, value in list(cleaned.items()):
            if isinstance(value, str) and any((ord(c) < 32 and c not in "\r\n\t") or ord(c) == 127 for c in value):
                self.add_error(name, ValidationError(_("Remove the control characters."), code="control"))
        return cleaned


def show(form: forms.Form, name: str, value: Any, words: str) -> None:
    """Show a field that whoever looks may not change, with the words that say why. One that was sent nevertheless stays, so that the power refuses it."""
    if form.is_bound and form.add_prefix(name) in form.data:
        return
    form.fields[name].disabled, form.initial[name], form.fields[name].help_text = True, value, words


class AnyChoiceField(forms.ChoiceField):
    """A choice among things the organization made itself, such as its roles: the page offers them, the power's rule decides."""

    def __init__(self, *, max_length: int, **options: Any) -> None:
        super().__init__(**options)
        self.max_length = max_length

    def valid_value(self, value: str) -> bool:
        return len(str(value)) <= self.max_length


class AnyChoicesField(forms.MultipleChoiceField):
    """Several of them."""

    def valid_value(self, value: str) -> bool:
        return len(str(value)) <= 100


class NoForm(StrictForm):
    """For powers that take no parameters."""


class ReasonForm(StrictForm):
    """Ground, words to the person, private note: three separate fields (guard rail 18)."""

    reason_code = forms.ChoiceField(label=_("Ground"), choices=[("", _("Choose one")), *GROUNDS],
                                    help_text=_("Goes to the audit log, and to the person with the notice."))
    message = forms.CharField(label=_("Message to the person"), required=False, max_length=2000, widget=forms.Textarea(attrs={"rows": 3}),
                              help_text=_("Optional. They read it in the notice."))
    private_note = forms.CharField(label=_("Private note"), required=False, max_length=2000, widget=forms.Textarea(attrs={"rows": 2}),
                                   help_text=_("Optional. Administrators and the audit log see it; the person too, in a copy of their data."))

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        if cleaned.get("reason_code") == "other" and not cleaned.get("private_note"):
            self.add_error("private_note", ValidationError(_("Say in the private note what the ground is."), code="required"))
        return cleaned


_FORMATS = ["%Y-%m-%dT%H:%M:%S.%f%z", "%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%dT%H:%M%z", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d"]
FARTHEST = timedelta(days=3650)


def time_field(**options: Any) -> forms.DateTimeField:
    """A moment, typed in the zone that the page shows, or with its distance from UTC by programs."""
    return forms.DateTimeField(widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"), input_formats=_FORMATS, **options)


def ahead(value: datetime | None) -> datetime | None:
    """The moment, if it lies in the future and not beyond all planning."""
    if value is not None and not timezone.now() < value < timezone.now() + FARTHEST:
        raise ValidationError(_("Choose a time in the future, at most ten years away."), code="past")
    return value


def zone(name: str) -> str:
    """A time zone by its name, or '' for none of one's own."""
    if name and name not in zoneinfo.available_timezones():
        raise ValidationError(gettext("“%(name)s” is not a time zone. Write it like Europe/Berlin.") % {"name": name}, code="zone")
    return name


def note_field() -> forms.CharField:
    """A private note that only the entry keeps."""
    return forms.CharField(label=_("Private note"), required=False, max_length=2000, widget=forms.Textarea(attrs={"rows": 2}),
                           help_text=_("Optional. Only administrators and the audit log see it."))


class UntilForm(ReasonForm):
    """A ground, and a time after which access comes back by itself."""

    until = time_field(label=_("Until"), required=False, help_text=_("Optional. Access then comes back by itself."))

    def clean_until(self) -> datetime | None:
        return ahead(self.cleaned_data["until"])


class _Later(StrictForm):
    not_before = time_field(label=_("Not before"), required=False, help_text=_("Optional. Nothing happens until then. The person and the administrators are told now, three days and one day before."))

    def clean_not_before(self) -> datetime | None:
        return ahead(self.cleaned_data["not_before"])

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        if cleaned.get("until") and cleaned.get("not_before") and cleaned["until"] <= cleaned["not_before"]:
            self.add_error("until", ValidationError(_("The end must come after the beginning."), code="order"))
        return cleaned


def later(form: type[forms.Form]) -> type[forms.Form]:
    """The same form for an act that can also be asked for now and happen later; the door does the rest."""
    names = list(dict.fromkeys([*(form.field_order or ()), *form.base_fields]))
    times = ["not_before", *(["until"] if "until" in names else [])]
    place = next((n for n, name in enumerate(names) if name in {"until", "message", "private_note"}), len(names))
    rest = [name for name in names[place:] if name != "until"]
    return type(f"Later{form.__name__}", (_Later, form), {"field_order": [*names[:place], *times, *rest], "__doc__": form.__doc__})
