"""Protect a person: only named administrators may act on them (guard rail 5)."""
from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts import gathering
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
    """Those who are named, among everybody who could be."""
    known: dict[str, Membership] = person.extra["administrators"]  # type: ignore[assignment]
    return [known[key] for key in dict.fromkeys(address_key(a) for a in names(data.get("administrators"))) if key in known]


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
    chosen = {administrator.id: administrator for administrator in _administrators(person, data)}
    before: dict[UUID, Protection] = {row.administrator_id: row for row in person.extra["protections"]}  # type: ignore[attr-defined]
    for administrator_id, row in before.items():
        if administrator_id not in chosen:
            work.remove(row)
    for administrator in chosen.values():
        if administrator.id not in before:
            work.add(Protection(organization_id=person.membership.organization_id, membership=person.membership, administrator=administrator, since=work.now, set_by=work.actor_membership))
    person.membership.protected = bool(chosen)
    person.membership.status_changed_at = work.now
    work.note(person.id, administrators=[str(i) for i in chosen])
    if work.actor_membership in chosen and work.actor_membership not in before:
        work.tell(person, "person.protector_added_self")  # whoever lets themselves in is seen to


POWER = Power(
    slug="protect", code="person.protect", event="person.protection_changed", over="member", permission="protect_people", tier=2, form=ProtectForm,
    rule=rule, effects=effects, apply=apply, notice=False, bulk=True, gather=(gathering.protections, gathering.administrators),
    people_only=True,
    always=True,
    title=gettext_lazy("Protect this person"), button=gettext_lazy("Protect"),
    does=gettext_lazy("Names the only administrators who may act on this person."),
    does_not=gettext_lazy("Does not hide the person, and limits nobody's right to see them."),
    sentence=gettext_lazy("%(actor)s changed who may act on %(target)s"),
)
