"""The recovery address: a second mailbox of the person that is told of what happens to the account. Never a way to sign in."""
from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.actor import Actor
from accounts.addresses import address_key
from accounts.emails import life
from accounts.models import AddressChange
from accounts.models.address import ChangeKind, ChangeState
from accounts.people import Person
from accounts.power import Data, Effect, Power
from accounts.powers import addresses
from accounts.powers.addresses import limited
from accounts.powers.forms import NoForm, ReasonForm
from accounts.profile import rules
from accounts.tenancy import installation
from accounts.work import Work


class RecoveryForm(addresses.AddressForm):
    email = forms.CharField(label=gettext_lazy("Recovery address"), max_length=254, widget=forms.EmailInput(attrs={"autocomplete": "off"}))


def _end(work: Work, person: Person, row: AddressChange) -> None:
    """The wish that waits comes to nothing. Written at once, because only one may wait; and wherever it began."""
    work.note(person.id, ended=str(row.id))
    life.go(row, ChangeState.CANCELLED, now=work.now)
    with installation("a person's own wish, whoever managed the account then"):
        row.save(update_fields=["state", "finished_at", "expires_at", "link_hash"])


def set_rule(_actor: Actor, person: Person, data: Data, now: datetime) -> Iterable[str]:
    yield from rules.limited(person, "recovery_address")
    address = str(data.get("email") or "")
    if address and address_key(address) in {person.account.email_key, address_key(person.account.recovery_email)}:
        yield "nothing_to_change"
    elif address:
        yield from limited(person, address, now)


def set_address(work: Work, person: Person, data: Data) -> None:
    earlier = person.extra["recovery_change"]
    if isinstance(earlier, AddressChange):
        _end(work, person, earlier)
    row = life.begin(account=person.account, organization_id=person.management.organization_id if person.management else None, kind=ChangeKind.RECOVERY, address=str(data["email"]), now=work.now)
    work.note(person.id, _made=[row])
    work.add(row)


SET = Power(
    slug="set-recovery-address", code="own.recovery_address", event="account.recovery_email.asked", over="own_account", permission=None, tier=1, tier_for=addresses.own_tier,
    form=RecoveryForm, rule=set_rule, apply=set_address, ladder=0, self_allowed=True, notice=False, gather=(life.address_change, rules.edit_limits),
    title=gettext_lazy("Set a recovery address"), button=gettext_lazy("Set the recovery address"),
    does=gettext_lazy("Sends a link to a second mailbox of yours. Once used, that mailbox is told when your account is locked or its address changes."),
    does_not=gettext_lazy("Is no way to sign in, and changes nothing until the mailbox has confirmed."),
    sentence=gettext_lazy("%(actor)s asked for a recovery address of their own"),
)


def drop_own_rule(actor: Actor, person: Person, data: Data, now: datetime) -> Iterable[str]:
    yield from rules.limited(person, "recovery_address")
    yield from drop_rule(actor, person, data, now)


def drop_rule(_actor: Actor, person: Person, _data: Data, _now: datetime) -> Iterable[str]:
    if not person.account.recovery_email and not person.extra["recovery_change"]:
        yield "nothing_to_change"


def drop(work: Work, person: Person, _data: Data) -> None:
    person.account.recovery_email = ""
    row = person.extra["recovery_change"]
    if isinstance(row, AddressChange):
        _end(work, person, row)


DROP = Power(
    slug="drop-recovery-address", code="own.recovery_address_drop", event="account.recovery_email.dropped", over="own_account", permission=None, tier=1, tier_for=addresses.own_tier,
    form=NoForm, rule=drop_own_rule, apply=drop, ladder=0, self_allowed=True, notice=False, gather=(life.address_change, rules.edit_limits),
    title=gettext_lazy("Remove your recovery address"), button=gettext_lazy("Remove it"),
    does=gettext_lazy("Forgets the second mailbox; nothing about your account is sent there any more."),
    does_not=gettext_lazy("Does not change the address that you sign in with."),
    sentence=gettext_lazy("%(actor)s removed their own recovery address"),
)


def remove_effects(_person: Person, _data: Data, _now: datetime) -> list[Effect]:
    return [Effect("lost", "recovery", _("The second mailbox is told nothing about the account any more. It is told that it was removed.")),
            Effect("kept", "address", _("The address that the person signs in with stays. They can set another recovery address."))]


REMOVE = Power(
    slug="remove-recovery-address", code="email.recovery_remove", event="account.recovery_email.removed", over="member", permission="change_email", tier=2, form=ReasonForm,
    rule=drop_rule, effects=remove_effects, apply=drop, account_power=True, directory=True, people_only=True, gather=(life.address_change,),
    title=gettext_lazy("Remove the recovery address"), button=gettext_lazy("Remove the recovery address"),
    does=gettext_lazy("Removes the second mailbox that the person set for their account, for example because it is in somebody else’s hands."),
    does_not=gettext_lazy("Does not show you the address and sets no other."),
    sentence=gettext_lazy("%(actor)s removed the recovery address of %(target)s"),
)
