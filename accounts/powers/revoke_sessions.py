"""End sessions: everywhere for managed accounts, in this organization for members (POWERS P10)."""
from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.actor import Actor
from accounts.people import Person
from accounts.power import Data, Effect, Power
from accounts.powers.access import ended_sessions
from accounts.powers.forms import NoForm
from accounts.work import Work


def rule(_actor: Actor, person: Person, _data: Data, _now: datetime) -> Iterable[str]:
    if person.membership is None or person.membership.status in {"invited", "removed"}:
        yield "wrong_status"


def effects(person: Person, _data: Data, _now: datetime) -> list[Effect]:
    return [*ended_sessions(person, everywhere=person.managed), Effect("kept", "tokens", _("API tokens keep working. The person can sign in again."))]


def apply(work: Work, person: Person, _data: Data) -> None:
    assert person.membership is not None
    if person.managed:
        person.account.auth_epoch += 1
        work.end_sessions(person.account.id, "revoked")
        work.keep_tokens(person.account)
    else:
        person.membership.access_epoch += 1
        work.keep_tokens(person.account, membership=person.membership)
    work.note(person.id, reach="account" if person.managed else "organization")


POWER = Power(
    slug="revoke-sessions", code="credential.revoke_sessions", event="person.sessions.revoked", over="member", permission="revoke_sessions",
    tier=1, form=NoForm, rule=rule, effects=effects, apply=apply, ladder=0, bulk=True,
    people_only=True,
    title=gettext_lazy("End sessions"), button=gettext_lazy("End sessions"),
    does=gettext_lazy("Signs the person out of this organization, or everywhere if it manages the account."),
    does_not=gettext_lazy("Does not stop them from signing in again and leaves API tokens alone."),
    sentence=gettext_lazy("%(actor)s ended the sessions of %(target)s"),
)
