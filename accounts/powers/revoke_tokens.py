"""Revoke all API tokens that a member holds in this organization (POWERS P10)."""
from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.utils.translation import gettext_lazy, ngettext

from accounts.actor import Actor
from accounts.people import Person
from accounts.power import Data, Effect, Power
from accounts.powers.forms import ReasonForm
from accounts.work import Work


def rule(_actor: Actor, person: Person, _data: Data, _now: datetime) -> Iterable[str]:
    if not person.tokens:
        yield "nothing_to_change"


def effects(person: Person, _data: Data, _now: datetime) -> list[Effect]:
    return [Effect("lost", "tokens", ngettext("%(n)d API token is revoked for good.", "%(n)d API tokens are revoked for good.", person.tokens) % {"n": person.tokens}, person.tokens)]


def apply(work: Work, person: Person, _data: Data) -> None:
    assert person.membership is not None
    work.end_tokens(person.membership.id, state="revoked", reason="revoked_by_administrator")


POWER = Power(
    slug="revoke-tokens", code="credential.revoke_tokens", event="person.tokens.revoked", over="member", permission="revoke_tokens",
    tier=1, form=ReasonForm, rule=rule, effects=effects, apply=apply, bulk=True,
    title=gettext_lazy("Revoke API tokens"), button=gettext_lazy("Revoke tokens"),
    does=gettext_lazy("Ends every API token the person holds in this organization, for good."),
    does_not=gettext_lazy("Does not end sessions and does not stop the person from making new tokens."),
    sentence=gettext_lazy("%(actor)s revoked the API tokens of %(target)s"),
)
