"""Set how long the audit log is kept: two people, because what goes does not come back."""
from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from accounts.actor import Actor
from accounts.power import Data, Effect, Power
from accounts.powers.log_keeping import RetentionForm
from accounts.targets import OrganizationTarget
from accounts.work import Work
from audit import retention


def rule(_actor: Actor, target: OrganizationTarget, data: Data, _now: datetime) -> Iterable[str]:
    if not data.get("years"):
        return
    low, high = retention.bounds()
    now = retention.current(org=target.id)
    if not low <= int(data["years"]) <= high:
        yield "invalid_value"
    elif now.since is not None and now.years == int(data["years"]):
        yield "nothing_to_change"


def effects(target: OrganizationTarget, data: Data, _now: datetime) -> list[Effect]:
    if not data.get("years"):
        return []
    years, now = int(data["years"]), retention.current(org=target.id)
    found = [Effect("kept", f"years:{years}", ngettext("What is written from now on is kept for %(n)d year.", "What is written from now on is kept for %(n)d years.", years) % {"n": years})]
    if years > now.years:
        found.append(Effect("kept", "longer", _("The longer time also holds for what is there already.")))
    elif years < now.years:
        found.append(Effect("kept", "shorter", _("What is there already keeps the longer time it was written under.")))
    coming = retention.upcoming(org=target.id, chosen=years, limit=3)
    for one in coming:
        found.append(Effect("later", "removal", ngettext(
            "On %(day)s this would remove %(n)d entry, number %(first)d.", "On %(day)s this would remove %(n)d entries, numbers %(first)d to %(last)d.", one.count)
            % {"day": date_format(one.on), "n": one.count, "first": one.first, "last": one.last}))
    if not coming:
        found.append(Effect("later", "removal", _("There is nothing yet that would be removed.")))
    found.append(Effect("kept", "proofs", _("Numbers, counts and proofs of removed entries stay, and each removal is an entry itself.")))
    return found


def apply(work: Work, target: OrganizationTarget, data: Data) -> None:
    before = retention.current(org=target.id)
    retention.agree(org=target.id, years=int(data["years"]), agreed_by=work.people, now=work.now)
    work.note(target.id, before=before.retention if before.since else "", after=f"y{int(data['years'])}")


POWER = Power(
    slug="set-audit-retention", code="retention.set", event="retention.changed", over="organization", permission="manage_settings", tier=3, form=RetentionForm,
    rule=rule, effects=effects, apply=apply, notice=False,
    title=gettext_lazy("Set how long the audit log is kept"), button=gettext_lazy("Set the time"),
    does=gettext_lazy("Says after how many years entries of the audit log are removed, a month at a time."),
    does_not=gettext_lazy("Removes nothing at once, and nothing that is on hold."),
    sentence=gettext_lazy("%(actor)s changed how long the audit log is kept"),
)
