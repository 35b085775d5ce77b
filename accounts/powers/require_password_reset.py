"""Require a password reset: a gate on this organization for members, account-wide for managed accounts (POWERS P1)."""
from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.contrib.auth.hashers import make_password
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.actor import Actor
from accounts.people import Person
from accounts.power import Data, Effect, Power
from accounts.powers.access import ended_sessions
from accounts.powers.forms import ReasonForm
from accounts.work import Work

PAUSE = timedelta(minutes=10)
"""One mail per person in this time (POWERS P1)."""


class RequireResetForm(ReasonForm):
    revoke_tokens = forms.BooleanField(label=gettext_lazy("Revoke the person's API tokens too"), required=False,
                                       help_text=gettext_lazy("Managed accounts only. Choose it when the ground is a compromise."))
    field_order = ["reason_code", "revoke_tokens", "message", "private_note"]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        if cleaned.get("reason_code") == "compromised":
            cleaned["revoke_tokens"] = True
        return cleaned


def rule(_actor: Actor, person: Person, _data: Data, now: datetime) -> Iterable[str]:
    if person.membership is None or person.membership.status not in {"active", "restricted"} or person.account.status != "active":
        yield "wrong_status"
        return
    demanded = person.account.reset_required_at if person.managed else person.membership.reset_required_at
    if demanded is not None and now - demanded < PAUSE:
        yield "too_often"
    if not person.account.password or (not person.account.has_usable_password() and demanded is None):
        yield "no_password"


def tier_for(_actor: Actor, person: Person, _data: Data) -> int:
    """On a managed account the demand ends every session, which asks for T2."""
    return 2 if person.managed else 1


def effects(person: Person, data: Data, _now: datetime) -> list[Effect]:
    found = [Effect("later", "link", _("A link goes to the person's own mailbox; it works once, for 60 minutes. You never see it."))]
    if person.managed:
        found = [*ended_sessions(person, everywhere=True), Effect("lost", "password", _("The current password stops working at once.")), *found]
        if data.get("revoke_tokens"):
            found.append(Effect("lost", "tokens", _("Their API tokens here are revoked."), person.tokens))
        elif person.tokens:
            found.append(Effect("kept", "tokens", _("API tokens keep working.")))
    else:
        found.append(Effect("lost", "gate", _("This organization's services wait until the password has been changed.")))
        found.append(Effect("kept", "elsewhere", _("Sessions and access elsewhere are not touched.")))
    return found


def apply(work: Work, person: Person, data: Data) -> None:
    assert person.membership is not None
    person.account.credential_epoch += 1
    if person.managed:
        person.account.reset_required_at, person.account.reset_required_by = work.now, work.actor_membership
        person.account.password = make_password(None)
        person.account.auth_epoch += 1
        work.end_sessions(person.account.id, "password_reset_required")
        if data.get("revoke_tokens"):
            work.end_tokens(person.membership.id, state="revoked", reason="password_reset_required")
        else:
            work.keep_tokens(person.account)
    else:
        person.membership.reset_required_at, person.membership.reset_required_by = work.now, work.actor_membership
    work.note(person.id, reach="account" if person.managed else "organization")


POWER = Power(
    slug="require-password-reset", code="credential.require_reset", event="person.password_reset.required", over="member",
    permission="require_password_reset", tier=1, tier_for=tier_for, form=RequireResetForm, rule=rule, effects=effects, apply=apply,
    undo="withdraw-password-reset", bulk=True,
    people_only=True,
    title=gettext_lazy("Require a password reset"), button=gettext_lazy("Require reset"),
    does=gettext_lazy("Sends a link to the person's own address. Until they use it, this organization waits; where it manages the account, everything does."),
    does_not=gettext_lazy("Never shows or sets the password. For accounts you do not manage it changes nothing outside this organization."),
    sentence=gettext_lazy("%(actor)s required %(target)s to reset their password"),
)
