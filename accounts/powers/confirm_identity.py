"""Confirm who somebody is, after the organization that manages their account changed their address or second factor (guard rail 8)."""
from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.actor import Actor
from accounts.people import Person
from accounts.power import Data, Effect, Power
from accounts.powers.forms import NoForm
from accounts.work import Work


def rule(_actor: Actor, person: Person, _data: Data, _now: datetime) -> Iterable[str]:
    if person.membership is None or person.membership.identity_changed_at is None:
        yield "nothing_to_change"


def effects(_person: Person, _data: Data, _now: datetime) -> list[Effect]:
    return [Effect("later", "rank", _("The person’s role gives its permissions again, at once.")),
            Effect("kept", "ask_first", _("Ask the person in another way than by the account, for example by telephone, whether it is still them."))]


def apply(_work: Work, person: Person, _data: Data) -> None:
    assert person.membership is not None
    person.membership.identity_changed_at = None


POWER = Power(
    slug="confirm-identity", code="membership.confirm_identity", event="membership.identity_confirmed", over="member", permission="manage_roles", tier=2, form=NoForm,
    rule=rule, effects=effects, apply=apply, owner_lock=True, people_only=True,
    always=True,
    title=gettext_lazy("Confirm who this is"), button=gettext_lazy("It is still them"),
    does=gettext_lazy("Lets the person’s role work again, after another organization changed the address or the second factor of their account."),
    does_not=gettext_lazy("Gives no role that they did not have."),
    sentence=gettext_lazy("%(actor)s confirmed who %(target)s is"),
)
