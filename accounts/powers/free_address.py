"""Free the address of a deactivated account, so that somebody else in the organization can have it (POWERS P6, guard rail 16b)."""
from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.actor import Actor
from accounts.emails import switching
from accounts.people import Person
from accounts.power import Data, Effect, Power
from accounts.powers.forms import ReasonForm
from accounts.work import Work


def rule(_actor: Actor, person: Person, _data: Data, _now: datetime) -> Iterable[str]:
    if person.account.status != "deactivated":  # of an account that is to be deleted, `release-address` gives it free: cancelling the deletion has to know
        yield "wrong_status"
    elif not switching.has_address(person.account):
        yield "nothing_to_change"


def effects(_person: Person, _data: Data, _now: datetime) -> list[Effect]:
    return [Effect("lost", "address", _("The account has no address any more. If it is reactivated, it needs a new one before anybody can sign in.")),
            Effect("later", "open", _("Your organization can give the address to somebody else at once. For everybody else it is closed for 30 days."))]


def apply(work: Work, person: Person, _data: Data) -> None:
    assert person.membership is not None
    work.cancel_address_changes(person.account.id)
    switching.release(work, person.account, open_to=person.membership.organization_id)


POWER = Power(
    slug="free-address", code="email.free", event="account.email.freed", over="member", permission="change_email", tier=2, form=ReasonForm, rule=rule, effects=effects, apply=apply,
    account_power=True, directory=True, people_only=True, ladder=2,
    title=gettext_lazy("Free the address"), button=gettext_lazy("Free the address"),
    does=gettext_lazy("Takes the e-mail address from an account that is switched off, so that somebody else in your organization can have it."),
    does_not=gettext_lazy("Deletes nothing else. The account itself stays as it is."),
    sentence=gettext_lazy("%(actor)s freed the address of %(target)s"),
)
