"""The organization decides who owns each profile field, and what people may not edit or delete themselves (POWERS P8, policy A8 and A9)."""
from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import uuid4

from django import forms
from django.core.exceptions import ValidationError
from django.http import QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.actor import Actor
from accounts.models import EditLimits, FieldPolicy, Organization
from accounts.models.profile import FieldOwner
from accounts.power import Data, Effect, Power
from accounts.powers import choosing
from accounts.powers.forms import StrictForm
from accounts.profile import rules
from accounts.targets import OrganizationTarget
from accounts.work import Work


class FieldForm(StrictForm):
    """Which field, whose it is, and why."""

    field = forms.ChoiceField(label=gettext_lazy("Field"), choices=[("", gettext_lazy("Choose one")), *rules.LABELS.items()])
    owner = forms.ChoiceField(label=gettext_lazy("Who may change it"), choices=[("", gettext_lazy("Choose one")), *FieldOwner.choices])
    ground = forms.CharField(label=gettext_lazy("Why"), required=False, max_length=500, widget=forms.Textarea(attrs={"rows": 2}),
                             help_text=gettext_lazy("Needed where people cannot change it themselves. They read it beside the field."))

    @classmethod
    def initial_from(cls, query: QueryDict) -> dict[str, Any]:
        """The field beside which the act was chosen."""
        return {"field": query.get("field", "")[:20]}

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        if cleaned.get("owner") in {FieldOwner.ADMINISTRATOR, FieldOwner.DIRECTORY} and not str(cleaned.get("ground") or "").strip():
            self.add_error("ground", ValidationError(_("Say why, because people cannot change this themselves and read it."), code="required"))
        return cleaned


def _rule(target: OrganizationTarget, data: Data) -> rules.Rule | None:
    return rules.of(target.id).get(str(data.get("field") or ""))


def field_rule(actor: Actor, target: OrganizationTarget, data: Data, _now: datetime) -> Iterable[str]:
    yield from choosing.unreached(actor)
    old = _rule(target, data)
    if old is not None and (old.owner, old.ground) == (data.get("owner"), str(data.get("ground") or "").strip()):
        yield "nothing_to_change"


def field_effects(target: OrganizationTarget, data: Data, _now: datetime) -> list[Effect]:
    old, owner = _rule(target, data), str(data.get("owner") or "")
    if old is None or not owner:
        return []
    name = {"field": old.label}
    words = {
        FieldOwner.PERSON: _("“%(field)s” is changed by the person alone.") % name,
        FieldOwner.ADMINISTRATOR: _("“%(field)s” is changed by administrators alone. People read why.") % name,
        FieldOwner.DIRECTORY: _("“%(field)s” is changed in the directory alone. People read why.") % name,
        FieldOwner.BOTH: _("“%(field)s” is changed by the person and by administrators.") % name,
    }[FieldOwner(owner)]
    found = [Effect("lost", f"owner:{old.field}:{owner}", words)]
    if old.field in rules.ACCOUNT_FIELDS:
        found.append(Effect("kept", "unmanaged", _("People whose account you do not manage keep this field as their own.")))
    return found


def set_field(work: Work, target: OrganizationTarget, data: Data) -> None:
    row = FieldPolicy.objects.select_for_update().filter(organization_id=target.id, field=data["field"]).first()
    before = row.owner if row else rules.DEFAULTS[data["field"]]
    if row is None:
        work.add(row := FieldPolicy(id=uuid4(), organization_id=target.id, field=data["field"], set_at=work.now))
    else:
        work.track(row)
    row.owner, row.ground, row.set_at, row.set_by = data["owner"], str(data.get("ground") or "").strip(), work.now, work.actor_membership
    work.note(target.id, field=row.field, owner_before=str(before), owner=str(row.owner))


class LimitsForm(StrictForm):
    """What people may not do themselves; nothing chosen means that they may do everything."""

    limited = forms.MultipleChoiceField(label=gettext_lazy("People may not do these themselves"), choices=list(rules.LIMITS.items()), required=False, widget=forms.CheckboxSelectMultiple,
                                        help_text=gettext_lazy("For people whose account you manage. What they can always do stands above."))
    ground = forms.CharField(label=gettext_lazy("Why"), required=False, max_length=500, widget=forms.Textarea(attrs={"rows": 2}),
                             help_text=gettext_lazy("Needed where anything is limited. People read it."))

    def choices_for(self, organization: Organization, _actor: Actor) -> None:
        """The limits as they are."""
        limits = rules.limits_of(organization.id)
        self.initial.update({"limited": sorted(limits.limited), "ground": limits.ground})

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        if cleaned.get("limited") and not str(cleaned.get("ground") or "").strip():
            self.add_error("ground", ValidationError(_("Say why, because people read it."), code="required"))
        return cleaned


def _limits(data: Data) -> tuple[frozenset[str], str]:
    chosen = frozenset(data.get("limited") or ())
    return chosen, str(data.get("ground") or "").strip() if chosen else ""


def limits_rule(actor: Actor, target: OrganizationTarget, data: Data, _now: datetime) -> Iterable[str]:
    yield from choosing.unreached(actor)
    old = rules.limits_of(target.id)
    if data and _limits(data) == (old.limited, old.ground):
        yield "nothing_to_change"


def limits_effects(target: OrganizationTarget, data: Data, _now: datetime) -> list[Effect]:
    old, new = rules.limits_of(target.id).limited, _limits(data)[0]
    words = {name: str(text) for name, text in rules.LIMITS.items()}
    return [*(Effect("lost", f"limit:{name}", _("People may no longer do this themselves: %(what)s") % {"what": words[name]}) for name in sorted(new - old)),
            *(Effect("kept", f"allow:{name}", _("People may do this themselves again: %(what)s") % {"what": words[name]}) for name in sorted(old - new)),
            Effect("kept", "never", _("People can always see and copy their data, look after password, second factor and sessions, take back what they allowed apps, and write to you."))]


def set_limits(work: Work, target: OrganizationTarget, data: Data) -> None:
    row = EditLimits.objects.select_for_update().filter(organization_id=target.id).first()
    before = sorted(row.limited) if row else []
    if row is None:
        work.add(row := EditLimits(id=uuid4(), organization_id=target.id, set_at=work.now))
    else:
        work.track(row)
    chosen, row.ground = _limits(data)
    row.limited, row.set_at, row.set_by = sorted(chosen), work.now, work.actor_membership
    work.note(target.id, limited_before=before, limited=row.limited)


FIELD = Power(
    slug="set-field-policy", code="policy.fields.set", event="policy.field_set", over="organization", permission="manage_settings", tier=1,
    form=FieldForm, rule=field_rule, effects=field_effects, apply=set_field, notice=False,
    title=gettext_lazy("Decide who changes a profile field"), button=gettext_lazy("Save"),
    does=gettext_lazy("Says whether a profile field is changed by the person, by administrators, by both, or in the directory only."),
    does_not=gettext_lazy("Changes no value, and gives no hold on the profile of somebody whose account the organization does not manage."),
    sentence=gettext_lazy("%(actor)s decided who changes a profile field"),
)
LIMITS = Power(
    slug="set-edit-limits", code="policy.edit.set", event="policy.edit_limits_set", over="organization", permission="manage_settings", tier=1,
    form=LimitsForm, rule=limits_rule, effects=limits_effects, apply=set_limits, notice=False,
    title=gettext_lazy("Limit what people edit and delete themselves"), button=gettext_lazy("Save"),
    does=gettext_lazy("Says what people whose account the organization manages cannot edit or delete by themselves, and why."),
    does_not=gettext_lazy("Never limits seeing and copying one's data, password, second factor, sessions, what one allowed apps, or writing to the contact."),
    sentence=gettext_lazy("%(actor)s changed what people may edit and delete themselves"),
)
