"""Deactivate: the managed account is switched off in every organization; nothing is deleted (POWERS P6)."""
from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts import gathering
from accounts.actor import Actor
from accounts.people import Person
from accounts.power import Data, Effect, Power
from accounts.powers.access import ended_access, ended_sessions, returns_at, set_account_status
from accounts.powers.account_access import close_account
from accounts.powers.forms import UntilForm, later
from accounts.work import Work


def rule(_actor: Actor, person: Person, _data: Data, _now: datetime) -> Iterable[str]:
    if person.account.status != "active":
        yield "wrong_status"


def effects(person: Person, data: Data, _now: datetime) -> list[Effect]:
    return [
        *ended_sessions(person, everywhere=True), *ended_access(person, tokens="disabled"),
        Effect("lost", "sign_in", _("Signing in stops, in every organization on this installation.")),
        Effect("kept", "data", _("Nothing is deleted. Role, groups and assignments are kept.")),
        Effect("kept", "rights", _("The person can still ask for their data; they are told how.")),
        *returns_at(data),
    ]


def apply(work: Work, person: Person, data: Data) -> None:
    set_account_status(work, person, data, "deactivated")
    close_account(work, person, reason="deactivated")
    if person.membership is not None:
        work.withdraw_invitations(person.membership.id)


POWER = Power(
    slug="deactivate", code="account.deactivate", event="account.deactivated", over="member", permission="deactivate_accounts", tier=2,
    form=later(UntilForm), rule=rule, effects=effects, apply=apply, account_power=True, directory=True, ends_ownership=True, undo="reactivate", ladder=2,
    instead="suspend", bulk=True, gather=(gathering.elsewhere,), brake=True,
    title=gettext_lazy("Deactivate the account"), button=gettext_lazy("Deactivate"),
    does=gettext_lazy("Switches the account off everywhere: sessions end, tokens are disabled, signing in stops."),
    does_not=gettext_lazy("Deletes nothing. Other organizations see only that the member is unavailable, not why."),
    sentence=gettext_lazy("%(actor)s deactivated the account of %(target)s"),
)
