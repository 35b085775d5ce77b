"""Revoke one API token: one's own, or as an administrator somebody else's below one's rank."""
from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.actor import Actor
from accounts.power import Data, Effect, Power
from accounts.powers.forms import NoForm
from accounts.powers.roles import shielded
from accounts.targets import TokenTarget
from accounts.work import Work


def rule(actor: Actor, target: TokenTarget, _data: Data, _now: datetime) -> Iterable[str]:
    if target.token.state == "revoked":
        yield "wrong_status"
    if target.token.account_id != actor.account_id:
        own_service = target.owner.account.kind == "service" and actor.may("manage_settings")
        if not (actor.may("revoke_tokens") or own_service):
            yield "no_permission"
        elif actor.rank <= target.owner.rank:
            yield "rank"
        if actor.scope_groups is not None and not actor.scope_groups & target.owner.group_ids:
            yield "out_of_scope"
        if shielded(actor, target.owner):
            yield "protected"


def effects(_target: TokenTarget, _data: Data, _now: datetime) -> list[Effect]:
    return [Effect("lost", "token", _("Programs that use this token are refused from their next call on."))]


def apply(work: Work, target: TokenTarget, _data: Data) -> None:
    target.token.state, target.token.ended_at, target.token.ended_reason = "revoked", work.now, "revoked"


POWER = Power(
    slug="revoke-token", code="token.revoke", event="token.revoked", over="token", permission=None, tier=0, form=NoForm, rule=rule, effects=effects,
    apply=apply, ladder=0,
    title=gettext_lazy("Revoke an API token"), button=gettext_lazy("Revoke"),
    does=gettext_lazy("Ends one API token for good, at its next use."),
    does_not=gettext_lazy("Does not touch the person's sessions or other tokens."),
    sentence=gettext_lazy("%(actor)s revoked an API token of %(target)s"),
)
