"""Lockdown: the fastest way to close a managed account whose credentials may be in somebody else's hands (POWERS P6)."""
from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django import forms
from django.contrib.auth.hashers import make_password
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts import gathering
from accounts.actor import Actor
from accounts.people import Person
from accounts.power import Data, Effect, Power
from accounts.powers.access import ended_access, ended_sessions, set_account_status
from accounts.powers.account_access import close_account
from accounts.powers.forms import GROUNDS, ReasonForm
from accounts.work import Work

RECOVERY = "recovery_compromised"


class LockdownForm(ReasonForm):
    """The grounds of lockdown know one more: then the recovery address is told nothing."""

    reason_code = forms.ChoiceField(label=gettext_lazy("Ground"), help_text=gettext_lazy("Goes to the audit log, and to the person with the notice."), choices=[
        ("", gettext_lazy("Choose one")), *GROUNDS, (RECOVERY, gettext_lazy("The recovery address is in somebody else’s hands"))])


def rule(_actor: Actor, person: Person, _data: Data, _now: datetime) -> Iterable[str]:
    if person.account.status not in {"active", "deactivated"}:
        yield "wrong_status"


def effects(person: Person, _data: Data, _now: datetime) -> list[Effect]:
    return [
        *ended_sessions(person, everywhere=True), *ended_access(person, tokens="disabled"),
        Effect("lost", "password", _("The password stops working for good, and so do reset links that are under way.")),
        Effect("kept", "second_factor", _("Second factors are kept, but must be proved anew.")),
        Effect("kept", "sticky", _("No directory can lift a lockdown; only an administrator can.")),
    ]


def apply(work: Work, person: Person, data: Data) -> None:
    set_account_status(work, person, data, "locked")
    person.account.password = make_password(None)
    person.account.credential_epoch += 1
    close_account(work, person, reason="locked")
    work.cancel_address_changes(person.account.id)
    if person.membership is not None:
        work.withdraw_invitations(person.membership.id)


POWER = Power(
    slug="lockdown", code="account.lockdown", event="account.locked", over="member", permission="lock_accounts", tier=1,
    form=LockdownForm, rule=rule, effects=effects, apply=apply, account_power=True, ends_ownership=True, owner_lock=True, urgent=True, undo="reactivate",
    bulk=True, gather=(gathering.elsewhere,), brake=True,
    title=gettext_lazy("Lock the account down"), button=gettext_lazy("Lock down"),
    does=gettext_lazy("Closes the account at once: sessions, tokens, the password and reset links all stop."),
    does_not=gettext_lazy("Deletes nothing and keeps second factors. An administrator can reactivate it."),
    sentence=gettext_lazy("%(actor)s locked down the account of %(target)s"),
)
