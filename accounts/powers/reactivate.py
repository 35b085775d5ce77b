"""Reactivate: a deactivated or locked account may sign in again, with a new password after a lockdown (POWERS P6)."""
from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.actor import Actor
from accounts.people import Person
from accounts.power import Data, Effect, Power
from accounts.powers.access import set_account_status
from accounts.powers.forms import ReasonForm, later
from accounts.work import Work


def rule(actor: Actor, person: Person, _data: Data, _now: datetime) -> Iterable[str]:
    if person.account.status not in {"deactivated", "locked"}:
        yield "wrong_status"
    elif person.account.status == "locked" and not actor.may("lock_accounts"):
        yield "no_permission"


def effects(person: Person, _data: Data, _now: datetime) -> list[Effect]:
    found = [Effect("kept", "sign_in", _("Signing in works again, in every organization.")),
             Effect("lost", "tokens", _("API tokens and sessions that ended stay ended."))]
    if person.account.status == "locked":
        found.append(Effect("later", "password", _("The person gets a link to set a new password first.")))
    return found


def apply(work: Work, person: Person, data: Data) -> None:
    if person.account.status == "locked":
        person.account.reset_required_at, person.account.reset_required_by = work.now, work.actor_membership
        work.note(person.id, reset_required=True)
    set_account_status(work, person, data, "active")


POWER = Power(
    slug="reactivate", code="account.reactivate", event="account.reactivated", over="member", permission="deactivate_accounts", tier=2,
    form=later(ReasonForm), rule=rule, effects=effects, apply=apply, account_power=True, directory=True, bulk=True,
    always=True,
    title=gettext_lazy("Reactivate the account"), button=gettext_lazy("Reactivate"),
    does=gettext_lazy("Lets the person sign in again. After a lockdown they set a new password first."),
    does_not=gettext_lazy("Does not bring back sessions or API tokens."),
    sentence=gettext_lazy("%(actor)s reactivated the account of %(target)s"),
)
