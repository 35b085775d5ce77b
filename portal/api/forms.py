"""A power's form as the schema of its request body, and a body as the form reads it. The form is the only definition."""

from __future__ import annotations

from functools import cache
from typing import Any

from django import forms
from django.http import HttpRequest, QueryDict

from accounts.actor import Actor
from accounts.power import Power
from accounts.powers.forms import AnyChoiceField, AnyChoicesField
from portal.api import schema
from portal.api.problems import Problem
from portal.api.schema import Schema
from portal.powers import form_for

SAMPLES: dict[str, Any] = {
    "email": "sam@example.com",
    "name": "Sam Sample",
    "url": "https://siem.example.com/steward",
    "stream": "SIEM",
    "domain": "north-mail.com",
    "role": "auditor",
    "group": "Support",
    "label": "Nightly report",
    "message": "See you on Monday.",
    "private_note": "Agreed by phone.",
    "title": "Analyst",
    "department": "Finance",
    "not_before": "2030-01-01T09:00:00Z",
    "until": "2030-01-31T09:00:00Z",
    "at": "2030-01-02T09:00:00Z",
    "rank": 10,
    "powers": ["suspend"],
    "purpose": "To end access that is no longer needed.",
    "slug": "north-star",
    "contact_email": "help@example.com",
    "contact_link": "https://example.com/help",
    "deletion_days": 21,
    "days": 30,
    "time_zone": "Europe/Berlin",
    "permissions": ["view_people"],
    "scopes": ["view_people"],
    "administrators": "kim@example.com",
    "networks": "192.0.2.0/24",
    "successors": "kim@example.com",
    "address": "sam@home-mail.com",
    "claim": "",
    "account": "sam@example.com",
    "first": "1-ABCDE-FGHJK-MNPQR-STUVW",
    "second": "2-ABCDE-FGHJK-MNPQR-STUVW",
    "services": "notes",
    "service": "notes",
    "app": "whiteboard",
    "webhook": "Payroll",
    "families": ["membership.*"],
    "provider_email": "privacy@example.com",
    "scope": [],
    "country": "DE",
    "received_on": "2020-01-31",
    "contact": "privacy@example.com",
}


@cache
def body_of(power: Power) -> Schema:
    """The JSON object that this power takes: fields, types, lengths, choices, and what is required."""
    fields = {name: _field(name, field) for name, field in power.form.base_fields.items()}
    return {**schema.thing(None, **fields), "required": [name for name, field in power.form.base_fields.items() if field.required and field.initial is None]}


def _field(name: str, field: forms.Field) -> Schema:
    found = _shape(field)
    if field.label:
        found["title"] = str(field.label)
    if field.help_text:
        found["description"] = str(field.help_text)
    if field.initial is not None:
        found["default"] = field.initial
    if name in SAMPLES and not schema.check(found, SAMPLES[name]):
        found["examples"] = [SAMPLES[name]]
    return found


def _shape(field: forms.Field) -> Schema:
    if isinstance(field, AnyChoicesField):
        return schema.many(schema.text(100, least=1), 100, least=1 if field.required else 0)
    if isinstance(field, forms.MultipleChoiceField):
        return schema.many(schema.choice(*_values(field)), 100, least=1 if field.required else 0)
    if isinstance(field, AnyChoiceField):
        return schema.text(field.max_length, least=1 if field.required else 0)
    if isinstance(field, forms.ChoiceField):
        return schema.choice(*_values(field))
    if isinstance(field, forms.IntegerField):
        return schema.number(field.min_value, field.max_value)
    if isinstance(field, forms.BooleanField):
        return {**schema.flag(), "examples": [False]}
    if isinstance(field, forms.DateField) and not isinstance(field, forms.DateTimeField):
        return schema.text(10, like=r"^\d{4}-\d\d-\d\d$", sample="2030-01-31")
    if isinstance(field, forms.DateTimeField):
        return schema.text(40, sample="2030-01-31T09:00:00Z") | {"format": "date-time"}
    assert isinstance(field, forms.CharField), f"the API has no schema for {type(field).__name__}"
    return schema.text(field.max_length or 2000, least=1 if field.required else 0)


def _values(field: forms.ChoiceField) -> list[str]:
    return [str(value) for value, _label in field.choices if value != ""]  # type: ignore[union-attr]


def example_of(power: Power) -> dict[str, Any]:
    """A body that the power accepts: what is required, and the ground's words where there is one."""
    body = body_of(power)
    wanted = [*body["required"], *[n for n in ("title", "role", "url", "contact_email", "deletion_days", "value", "proposed") if n in body["properties"] and n not in body["required"]]]
    return {name: schema.sample(body["properties"][name]) for name in wanted}


def cleaned(power: Power, body: dict[str, Any], request: HttpRequest, actor: Actor) -> dict[str, Any]:
    """The body as the power's form reads it, after the schema let it pass. Fields that were not sent are left alone."""
    fields = power.form.base_fields
    data = QueryDict(mutable=True)
    for name, value in body.items():
        if value is not False:
            data.setlist(name, [str(v).lower() if isinstance(v, bool) else str(v) for v in (value if isinstance(value, list) else [value])])
    for name, field in fields.items():
        if name not in body and field.initial is not None:
            data[name] = str(field.initial)
    form = form_for(power, request.organization, actor, data)  # type: ignore[attr-defined]
    if not form.is_valid():
        raise Problem(422, "invalid", "Some fields are not valid.", errors={name: [str(e) for e in errors] for name, errors in form.errors.items()})
    return {name: value for name, value in form.cleaned_data.items() if name in body or name not in fields or fields[name].initial is not None or value}
