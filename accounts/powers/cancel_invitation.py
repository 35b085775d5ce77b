"""Cancel an invitation that has not been accepted."""
from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts import gathering
from accounts.actor import Actor
from accounts.people import Person
from accounts.power import Data, Effect, Power
from accounts.powers.access import set_status
from accounts.powers.forms import NoForm
from accounts.powers.grants import drop_role
from accounts.work import Work


def rule(_actor: Actor, person: Person, _data: Data, _now: datetime) -> Iterable[str]:
    if person.membership is None or person.membership.status != "invited":
        yield "wrong_status"


def effects(_person: Person, _data: Data, _now: datetime) -> list[Effect]:
    return [Effect("lost", "invitation", _("The link in the invitation stops working."))]


def apply(work: Work, person: Person, _data: Data) -> None:
    assert person.membership is not None
    set_status(work, person, {"reason_code": "invitation_cancelled"}, "removed")
    person.membership.access_epoch += 1
    drop_role(work, person)


POWER = Power(
    slug="cancel-invitation", code="invitation.cancel", event="membership.invitation_cancelled", over="member", permission="invite_people", tier=0,
    form=NoForm, rule=rule, effects=effects, apply=apply, ladder=0, bulk=True, gather=(gathering.auth_groups,),
    people_only=True,
    always=True,
    title=gettext_lazy("Cancel the invitation"), button=gettext_lazy("Cancel invitation"),
    does=gettext_lazy("Takes the invitation back; its link stops working."),
    does_not=gettext_lazy("Does not delete an account that the person already had."),
    sentence=gettext_lazy("%(actor)s cancelled the invitation of %(target)s"),
)
