"""Reset the second factor of a managed account: the person enrols anew after mailbox proof and an hour's wait (POWERS P10)."""
from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from allauth.mfa.models import Authenticator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts import gathering
from accounts.actor import Actor
from accounts.elsewhere import identity_changed
from accounts.people import Person
from accounts.power import Data, Effect, Power
from accounts.powers.access import ended_sessions
from accounts.powers.forms import ReasonForm
from accounts.work import Work

WAIT = timedelta(hours=1)


def rule(_actor: Actor, person: Person, _data: Data, _now: datetime) -> Iterable[str]:
    if person.account.status != "active" or person.membership is None or person.membership.status not in {"active", "restricted"}:
        yield "wrong_status"
    elif not person.account.has_second_factor:
        yield "nothing_to_change"


def effects(person: Person, _data: Data, _now: datetime) -> list[Effect]:
    return [
        *ended_sessions(person, everywhere=True),
        Effect("later", "wait", _("The person is mailed at once and can stop it for one hour; then the second factors are gone and they enrol anew.")),
        Effect("kept", "password", _("The password stays.")),
    ]


def apply(work: Work, person: Person, _data: Data) -> None:
    person.account.mfa_reset_at, person.account.mfa_stop_until = work.now, work.now + WAIT
    person.account.auth_epoch += 1
    person.account.credential_epoch += 1
    work.end_sessions(person.account.id, "second_factor_reset")
    identity_changed(work, person, own=person.membership.organization_id if person.membership else None)
    work.note(person.id, authenticators=Authenticator.objects.filter(user=person.account).count())


POWER = Power(
    slug="reset-second-factor", code="credential.reset_mfa", event="person.second_factor.reset", over="member", permission="reset_second_factor",
    tier=2, form=ReasonForm, rule=rule, effects=effects, apply=apply, account_power=True, ladder=2, gather=(gathering.elsewhere,),
    people_only=True,
    title=gettext_lazy("Reset the second factor"), button=gettext_lazy("Reset second factor"),
    does=gettext_lazy("After one hour removes the person's authenticator app, passkeys and recovery codes, so that they can enrol anew."),
    does_not=gettext_lazy("Does not let you in and leaves the password. The person can stop it during the hour."),
    sentence=gettext_lazy("%(actor)s reset the second factor of %(target)s"),
)
