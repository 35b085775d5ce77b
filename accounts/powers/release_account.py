"""Release: the organization gives up its control of one account; the person decides about it alone again (POWERS P9)."""
from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts import gathering
from accounts.actor import Actor
from accounts.claims import life
from accounts.people import Person
from accounts.power import Data, Effect, Power
from accounts.powers.forms import ReasonForm
from accounts.work import Work, plain


def rule(_actor: Actor, person: Person, _data: Data, _now: datetime) -> Iterable[str]:
    # Who is switched off would stay so for ever: nobody could switch a released account on again.
    if person.account.status != "active":
        yield "wrong_status"


def effects(person: Person, _data: Data, _now: datetime) -> list[Effect]:
    return [
        Effect("lost", "management", _("The organization can no longer act on the account itself: neither on its password, sign-in and second factor, nor on what the person says about themselves.")),
        Effect("kept", "membership", _("The membership stays: role, groups, services, sessions and tokens are as before. What was made here stays here.")),
        Effect("later", "no_way_back", _("There is no way back by a click. Control begins anew only in a way that the person is told of.")),
    ]


def apply(work: Work, person: Person, _data: Data) -> None:
    management = person.management
    assert management is not None
    work.note(person.id, basis=management.basis, since=plain(management.since))
    work.remove(management)
    person.management = None  # nothing that is scheduled closes the account any more
    work.cancel_address_changes(person.account.id)
    for row in person.extra["claimed"]:  # type: ignore[attr-defined]
        work.track(row)
        life.go(row, "end", now=work.now)
        row.problem = "released"
    work.touch(person.membership)  # what somebody else has on the screen says that the account is managed


POWER = Power(
    slug="release-account", code="management.release", event="management.ended", over="member", permission="manage_domains", tier=2,
    form=ReasonForm, rule=rule, effects=effects, apply=apply, account_power=True, urgent=True, directory=True, people_only=True, bulk=True, gather=(gathering.claimed,),
    title=gettext_lazy("Release the account"), button=gettext_lazy("Release"),
    does=gettext_lazy("Ends the organization's control of the account: from then on it belongs to the person alone."),
    does_not=gettext_lazy("Takes no access to your services away and deletes nothing."),
    sentence=gettext_lazy("%(actor)s released the account of %(target)s"),
)
