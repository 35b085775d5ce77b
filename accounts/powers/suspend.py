"""Suspend: no service access in this organization until it is restored (POWERS P2)."""
from __future__ import annotations

from datetime import datetime

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.people import Person
from accounts.power import Data, Effect, Power
from accounts.powers.access import allowed_from, ended_access, ended_sessions, returns_at, set_status, strip_access
from accounts.powers.forms import UntilForm, later
from accounts.work import Work


def effects(person: Person, data: Data, _now: datetime) -> list[Effect]:
    return [
        *ended_sessions(person, everywhere=False), *ended_access(person, tokens="disabled"),
        Effect("kept", "assignments", _("Role, groups and service assignments are kept for a restore.")),
        Effect("kept", "content", _("Their name stays on what they made. Other organizations and the account itself are untouched.")),
        *returns_at(data),
    ]


def apply(work: Work, person: Person, data: Data) -> None:
    set_status(work, person, data, "suspended")
    strip_access(work, person, tokens="disabled", reason="suspended")


POWER = Power(
    slug="suspend", code="access.suspend", event="membership.suspended", over="member", permission="manage_access", tier=1,
    form=later(UntilForm), rule=allowed_from("active", "restricted"), effects=effects, apply=apply, ends_ownership=True,
    undo="restore", bulk=True, brake=True,
    title=gettext_lazy("Suspend"), button=gettext_lazy("Suspend"),
    does=gettext_lazy("Stops all access to this organization's services and disables the person's API tokens here."),
    does_not=gettext_lazy("Deletes nothing, and does not touch the account, other organizations or personal spaces. Reversible at any time."),
    sentence=gettext_lazy("%(actor)s suspended %(target)s"),
)
