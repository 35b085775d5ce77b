"""Withdraw a demand for a password reset before the person has met it (POWERS P1)."""
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
    if person.membership is None or person.membership.reset_required_at is None:
        yield "wrong_status"


def effects(_person: Person, _data: Data, _now: datetime) -> list[Effect]:
    return [Effect("kept", "gate", _("This organization's services open again at once.")), Effect("lost", "links", _("Links that were mailed stop working."))]


def apply(work: Work, person: Person, _data: Data) -> None:
    assert person.membership is not None
    person.membership.reset_required_at = person.membership.reset_required_by = None
    person.account.credential_epoch += 1


POWER = Power(
    slug="withdraw-password-reset", code="credential.withdraw_reset", event="person.password_reset.withdrawn", over="member",
    permission="require_password_reset", tier=1, form=NoForm, rule=rule, effects=effects, apply=apply, ladder=0,
    people_only=True,
    always=True,
    title=gettext_lazy("Withdraw the password reset"), button=gettext_lazy("Withdraw"),
    does=gettext_lazy("Takes back a demand that the person has not met yet and opens this organization to them again."),
    does_not=gettext_lazy("Does not apply to managed accounts: their old password is already gone, so they use the link."),
    sentence=gettext_lazy("%(actor)s withdrew the password reset of %(target)s"),
)
