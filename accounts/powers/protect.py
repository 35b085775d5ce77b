"""Protect a person: only named administrators may act on them (guard rail 5)."""
from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.actor import Actor
from accounts.addresses import address_key
from accounts.models import Membership, Protection
from accounts.people import Person
from accounts.power import Data, Effect, Power
from accounts.powers.forms import StrictForm
from accounts.powers.joining import names
from accounts.work import Work


class ProtectForm(StrictForm):
    administrators = forms.CharField(label=gettext_lazy("Who may act on this person"), required=False, max_length=2000, widget=forms.Textarea(attrs={"rows": 3}),
                                     help_text=gettext_lazy("E-mail addresses of administrators, separated by commas. Leave it empty to end the protection."))


def _administrators(person: Person, data: Data) -> list[Membership]:
    keys = [address_key(a) for a in names(data.get("administrators"))]
    assert person.membership is not None
    return list(Membership.objects.filter(organization_id=person.membership.organization_id, status="active", role__rank__gte=50, account__email_key__in=keys))


def rule(_actor: Actor, person: Person, data: Data, _now: datetime) -> Iterable[str]:
    if person.membership is None or person.membership.status == "removed":
        yield "wrong_status"
    elif data and len(_administrators(person, data)) != len(set(address_key(a) for a in names(data.get("administrators")))):
        yield "invalid_value"
    elif data and not names(data.get("administrators")) and not person.membership.protected:
        yield "nothing_to_change"


def effects(person: Person, data: Data, _now: datetime) -> list[Effect]:
    if not data:
        return []
    chosen = _administrators(person, data)
    if not chosen:
        return [Effect("lost", "protection", _("The protection ends: everybody whose role allows it may act on the person."))]
    return [Effect("kept", "protection", _("Only the %(n)d named administrators may act on the person, owners included.") % {"n": len(chosen)}, len(chosen))]


def apply(work: Work, person: Person, data: Data) -> None:
    assert person.membership is not None
    chosen = _administrators(person, data)
    for row in Protection.objects.filter(membership=person.membership):
        work.remove(row)
    for administrator in chosen:
        work.add(Protection(organization_id=person.membership.organization_id, membership=person.membership, administrator=administrator))
    person.membership.protected = bool(chosen)
    person.membership.status_changed_at = work.now
    work.note(person.id, administrators=[str(a.id) for a in chosen])


POWER = Power(
    slug="protect", code="person.protect", event="person.protection_changed", over="member", permission="protect_people", tier=2, form=ProtectForm,
    rule=rule, effects=effects, apply=apply, notice=False,
    people_only=True,
    always=True,
    title=gettext_lazy("Protect this person"), button=gettext_lazy("Protect"),
    does=gettext_lazy("Names the only administrators who may act on this person."),
    does_not=gettext_lazy("Does not hide the person, and limits nobody's right to see them."),
    sentence=gettext_lazy("%(actor)s changed who may act on %(target)s"),
)
