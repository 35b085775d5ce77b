"""Restrict: read-only, or only chosen services; sessions stay (POWERS P2)."""
from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts import gathering
from accounts.actor import Actor
from accounts.models import ServiceAccess
from accounts.people import Person
from accounts.power import Data, Effect, Power
from accounts.powers.access import allowed_from, returns_at, set_status
from accounts.powers.forms import UntilForm, later
from accounts.powers.service_access import service_ways
from accounts.work import Work


class RestrictForm(UntilForm):
    mode = forms.ChoiceField(label=gettext_lazy("Restrict to"), initial="read_only", widget=forms.RadioSelect, choices=[
        ("read_only", gettext_lazy("Reading only, in every service they have")),
        ("subset", gettext_lazy("Only the services named below"))])
    services = forms.CharField(label=gettext_lazy("Services they keep"), required=False, max_length=500,
                               help_text=gettext_lazy("Short names separated by commas, for example: notes, calendar"))
    field_order = ["mode", "services", "reason_code", "until", "message", "private_note"]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        if cleaned.get("mode") == "subset" and not cleaned.get("services", "").strip():
            self.add_error("services", ValidationError(gettext_lazy("Name at least one service, or choose reading only."), code="required"))
        return cleaned


def _kept(data: Data) -> set[str]:
    return {name.strip().casefold() for name in str(data.get("services", "")).split(",") if name.strip()}


def rule(actor: Actor, person: Person, data: Data, now: datetime) -> Iterable[str]:
    yield from allowed_from("active", "restricted")(actor, person, data, now)
    if data.get("mode") == "subset" and person.membership is not None:
        held = {way.slug for way in person.extra["service_ways"].values()}
        if _kept(data) - held:
            yield "unknown_service"


def effects(_person: Person, data: Data, _now: datetime) -> list[Effect]:
    change = (_("Every service becomes read-only at once.") if data.get("mode") != "subset"
              else _("Only these services keep working: %(names)s.") % {"names": ", ".join(sorted(_kept(data)))})
    return [Effect("lost", f"restricted:{data.get('mode', 'read_only')}", change),
            Effect("kept", "sessions", _("Sessions stay; permissions are recalculated at the next click.")), *returns_at(data)]


def apply(work: Work, person: Person, data: Data) -> None:
    assert person.membership is not None
    set_status(work, person, data, "restricted")
    person.membership.restricted_mode = data.get("mode") or "read_only"
    kept = _kept(data)
    for access in person.extra["services"]:
        if access.resumes == "none":
            work.remove(access)
            continue
        work.track(access)
        access.resumes = access.resumes or access.state
        access.state = _narrowed(access.resumes, "read_only" if person.membership.restricted_mode == "read_only" else ("full" if access.service.slug in kept else "off"))
    own = {access.service_id for access in person.extra["services"] if access.resumes != "none"}
    for way in person.extra["service_ways"].values():
        if person.membership.restricted_mode == "subset" and way.slug in kept and way.service not in own:
            work.add(ServiceAccess(organization_id=person.membership.organization_id, membership=person.membership, service_id=way.service, state=way.level or "read_only", resumes="none",
                                   granted_at=work.now))
    work.note(person.id, services=sorted(kept))


def _narrowed(was: str, wanted: str) -> str:
    """A restriction widens nothing: what was read-only or taken away stays so."""
    return min(was, wanted, key=("off", "read_only", "full").index)


POWER = Power(
    slug="restrict", code="access.restrict", event="membership.restricted", over="member", permission="manage_access", tier=1,
    form=later(RestrictForm), rule=rule, effects=effects, apply=apply, ends_ownership=False, undo="restore", bulk=True, gather=(gathering.services, service_ways),
    title=gettext_lazy("Restrict"), button=gettext_lazy("Restrict"),
    does=gettext_lazy("Makes the services read-only, or leaves only the ones that are chosen."),
    does_not=gettext_lazy("Does not sign the person out and deletes nothing. Reversible at any time."),
    sentence=gettext_lazy("%(actor)s restricted %(target)s"),
)
