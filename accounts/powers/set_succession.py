"""After how many days without an active owner a succession opens."""
from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from accounts.actor import Actor
from accounts.power import Data, Effect, Power
from accounts.powers.forms import StrictForm
from accounts.targets import OrganizationTarget
from accounts.work import Work


class DaysForm(StrictForm):
    """The number of days."""

    days = forms.IntegerField(label=gettext_lazy("Days without an active owner"), min_value=30, max_value=365,
                              help_text=gettext_lazy("From 30 to 365. The waiting period of 14 days comes after that."))


def rule(_actor: Actor, target: OrganizationTarget, data: Data, _now: datetime) -> Iterable[str]:
    if "days" in data and int(data["days"]) == target.organization.owner_silent_days:
        yield "nothing_to_change"


def effects(target: OrganizationTarget, data: Data, _now: datetime) -> list[Effect]:
    days = int(data.get("days") or target.organization.owner_silent_days)
    return [Effect("later", f"days:{days}", ngettext("A succession opens when no owner was active for %(n)d day.", "A succession opens when no owner was active for %(n)d days.", days) % {"n": days}),
            Effect("later", "told", _("All owners are told of the change."))]


def apply(work: Work, target: OrganizationTarget, data: Data) -> None:
    target.organization.owner_silent_days = int(data["days"])
    work.note(target.id, days=int(data["days"]))


POWER = Power(
    slug="set-succession-days", code="succession.set_days", event="succession.days_set", over="organization", permission="transfer_ownership", tier=2, form=DaysForm,
    rule=rule, effects=effects, apply=apply, notice=False,
    title=gettext_lazy("Set when a succession opens"), button=gettext_lazy("Set the days"),
    does=gettext_lazy("Says after how many days without an active owner the named successors come into play."),
    does_not=gettext_lazy("Does not change the waiting period, in which every owner is told and can stop it."),
    sentence=gettext_lazy("%(actor)s set after how many days without an owner a succession opens"),
)
