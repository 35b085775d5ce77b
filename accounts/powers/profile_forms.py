"""The fields with which somebody names another value of a profile: one that is suggested, proposed, or set in answer."""
from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.http import QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.powers.forms import StrictForm, zone
from accounts.profile import rules


def field_choice(**more: Any) -> forms.ChoiceField:
    """One of the profile fields."""
    return forms.ChoiceField(label=gettext_lazy("Field"), choices=[("", gettext_lazy("Choose one")), *rules.LABELS.items()], **more)


def checked(field: str, value: str) -> str:
    """The value, if the field can hold it."""
    if field == "language" and value not in dict(settings.LANGUAGES):
        raise ValidationError(_("Write one of: %(codes)s.") % {"codes": ", ".join(code for code, _name in settings.LANGUAGES)}, code="language")
    if field == "name" and not value.strip():
        raise ValidationError(_("A name cannot be empty."), code="required")
    return zone(value.strip()) if field == "time_zone" else rules.clean(value)


class ValueForm(StrictForm):
    """A field and another value for it."""

    value_name = "value"
    field = field_choice()

    @classmethod
    def initial_from(cls, query: QueryDict) -> dict[str, Any]:
        """The field beside which the act was chosen."""
        return {"field": query.get("field", "")[:20]}

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        field, value = cleaned.get("field"), cleaned.get(self.value_name)
        if field and value is not None:
            try:
                cleaned[self.value_name] = checked(field, value)
            except ValidationError as error:
                self.add_error(self.value_name, error)
        return cleaned
