"""The person asks for another address: unmanaged, the new mailbox is enough; managed, an administrator agrees or declines (policy A7)."""
from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.actor import Actor
from accounts.emails import life
from accounts.emails.collisions import RELEASED_DOMAIN
from accounts.models.address import ChangeKind, ChangeState
from accounts.people import Person
from accounts.power import Data, Effect, Power
from accounts.powers import addresses
from accounts.powers.addresses import limited
from accounts.powers.forms import NoForm
from accounts.profile import rules
from accounts.work import Work


def rule(_actor: Actor, person: Person, data: Data, now: datetime) -> Iterable[str]:
    if person.governed:
        yield "managed_by_idp"
    yield from rules.limited(person, "email")
    if person.extra["address_change"] is not None:
        yield "change_pending"
    address = str(data.get("email") or "")
    if address and addresses.same(person, address):
        yield "nothing_to_change"
    elif address.casefold().endswith("@" + RELEASED_DOMAIN):
        yield "address_unavailable"
    elif address:  # whether somebody has it is told to whoever reads its mailbox, when they confirm, and to nobody else
        yield from limited(person, address, now)


def effects(person: Person, data: Data, _now: datetime) -> list[Effect]:
    found = [Effect("later", "confirm", _("The new mailbox gets a link that works for 72 hours."))]
    if person.management is not None:
        found.append(Effect("later", "approval", _("Then an administrator of the organization that manages your account agrees, or declines with a ground.")))
        if data.get("email") and not life.owned(organization_id=person.management.organization_id, address=str(data["email"])):
            found.append(Effect("later", "release", _("The address is outside the organization’s domains. If it agrees, it no longer manages your account.")))
    return [*found, *addresses.consequences(ends_sessions=False, person=person, undo=True)]


def apply(work: Work, person: Person, data: Data) -> None:
    row = life.begin(account=person.account, organization_id=person.management.organization_id if person.management else None, kind=ChangeKind.PERSON, address=str(data["email"]), now=work.now)
    work.note(person.id, _made=[row])
    work.add(row)


POWER = Power(
    slug="change-own-email", code="own.email", event="account.email.change_asked", over="own_account", permission=None, tier=1, tier_for=addresses.own_tier,
    form=addresses.AddressForm, rule=rule, effects=effects, apply=apply, ladder=0, self_allowed=True, notice=False, gather=(life.address_change, rules.edit_limits),
    title=gettext_lazy("Change your e-mail address"), button=gettext_lazy("Change the address"),
    does=gettext_lazy("Sends a link to the new mailbox. When you have used it, the address changes, or the organization that manages your account is asked."),
    does_not=gettext_lazy("Changes nothing until the new mailbox has confirmed."),
    sentence=gettext_lazy("%(actor)s asked for another address of their own"),
)


def withdraw_rule(_actor: Actor, person: Person, _data: Data, _now: datetime) -> Iterable[str]:
    row = person.extra["address_change"]
    if row is None or row.kind != ChangeKind.PERSON:  # type: ignore[attr-defined]
        yield "no_change_pending"


def withdraw(work: Work, person: Person, _data: Data) -> None:
    life.go(addresses.tracked(work, person), ChangeState.CANCELLED, now=work.now)


WITHDRAW = Power(
    slug="withdraw-own-email-change", code="own.email_withdraw", event="account.email.change_withdrawn", over="own_account", permission=None, tier=0, form=NoForm,
    rule=withdraw_rule, apply=withdraw, ladder=0, self_allowed=True, notice=False, gather=(life.address_change,),
    title=gettext_lazy("Withdraw the change of your address"), button=gettext_lazy("Withdraw"),
    does=gettext_lazy("Ends the change you asked for; your address stays."),
    does_not=gettext_lazy("Does not undo a change that has taken effect. The old mailbox can, for seven days."),
    sentence=gettext_lazy("%(actor)s withdrew the change of their own address"),
)
