"""An administrator changes the address of a managed account: the new mailbox confirms, or two people answer for a dead one (POWERS P7)."""
from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.actor import Actor
from accounts.emails import life, switching
from accounts.models.address import ChangeKind
from accounts.people import Person
from accounts.power import Data, Effect, Power
from accounts.powers import addresses
from accounts.powers.addresses import limited, taken
from accounts.work import Work

DEAD = "dead_mailbox"


class ChangeEmailForm(addresses.AddressForm, addresses.GroundForm):
    how = forms.ChoiceField(label=gettext_lazy("How"), required=False, initial="confirm", widget=forms.RadioSelect, choices=[
        ("confirm", gettext_lazy("The new mailbox confirms within 72 hours")), (DEAD, gettext_lazy("At once, because nobody can read the old mailbox any more. A second person has to agree"))])
    field_order = ["email", "how", "reason_code", "message", "private_note"]


def tier(_actor: Actor, _person: Person, data: Data) -> int:
    return 3 if data.get("how") == DEAD else 2


def rule(actor: Actor, person: Person, data: Data, now: datetime) -> Iterable[str]:
    if person.account.status != "active":
        yield "wrong_status"
    if person.extra["address_change"] is not None:
        yield "change_pending"
    address = str(data.get("email") or "")
    if not address or actor.organization_id is None:
        return
    if addresses.same(person, address):
        yield "nothing_to_change"
    elif not life.owned(organization_id=actor.organization_id, address=address):
        yield "address_outside"
    else:
        yield from taken(person, address, organization_id=actor.organization_id, now=now)
        yield from limited(person, address, now)


def effects(person: Person, data: Data, now: datetime) -> list[Effect]:
    assert person.membership is not None
    found, dead = [], data.get("how") == DEAD
    if data.get("email"):
        collision = addresses.in_the_way(person, str(data["email"]), organization_id=person.membership.organization_id, now=now)
        if collision.person is not None:
            found.append(Effect("kept", "held", _("%(name)s has this address.") % {"name": collision.name}))
        elif collision.displaced is not None:
            found.append(Effect("lost", "displaced", _("Somebody was registered with this address and never proved it. They lose it when the change takes effect.")))
    if not dead:
        found.append(Effect("later", "confirm", _("The new mailbox gets a link that works for 72 hours. Only when it is used does the address change; until then everything stays as it is.")))
    return [*found, *addresses.consequences(ends_sessions=True, person=person, undo=data.get("reason_code") not in life.COMPROMISED and switching.has_address(person.account))]


def apply(work: Work, person: Person, data: Data) -> None:
    assert person.membership is not None
    row = life.begin(account=person.account, organization_id=person.membership.organization_id, kind=ChangeKind.DEAD_MAILBOX if data.get("how") == DEAD else ChangeKind.ADMINISTRATOR,
                     address=str(data["email"]), now=work.now, by=work.actor_membership, reason_code=str(data.get("reason_code") or ""), reason_text=str(data.get("message") or ""))
    work.note(person.id, _made=[row], how=str(data.get("how") or "confirm"))
    if row.kind == ChangeKind.DEAD_MAILBOX:
        work.note(person.id, event="account.email.changed")
        addresses.complete(work, person, row, ends_sessions="address_changed")
    work.touch(person.membership)
    work.add(row)


POWER = Power(
    slug="change-email", code="email.change", event="account.email.change_requested", over="member", permission="change_email", tier=2, tier_for=tier,
    form=ChangeEmailForm, rule=rule, effects=effects, apply=apply, account_power=True, directory=True, people_only=True, gather=(life.address_change,),
    undo="cancel-email-change",
    title=gettext_lazy("Change the e-mail address"), button=gettext_lazy("Change the address"),
    does=gettext_lazy("Gives the account an address in a proven domain of your organization. The person signs in with it from then on."),
    does_not=gettext_lazy("Does not let you in, and leaves password, second factor, role and access as they are."),
    sentence=gettext_lazy("%(actor)s asked for another address of %(target)s"),
)
