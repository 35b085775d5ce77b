"""What an administrator decides about a change of an address that is under way: take it back, agree to it, decline it (policy A7)."""
from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts import gathering
from accounts.actor import Actor
from accounts.claims import life as claims
from accounts.emails import life
from accounts.models import AddressChange
from accounts.models.address import ChangeState
from accounts.people import Person
from accounts.power import Data, Effect, Power
from accounts.powers import addresses
from accounts.powers.addresses import ours, taken
from accounts.powers.forms import ReasonForm, StrictForm
from accounts.schedules import released
from accounts.work import Work, plain

DENIALS = [
    ("address_unknown", gettext_lazy("The organization does not know the new address")),
    ("policy_violation", gettext_lazy("The organization’s rules do not allow it")),
    ("ask_in_person", gettext_lazy("Ask us in person first")),
    ("mistake", gettext_lazy("Correction of a mistake")),
    ("other", gettext_lazy("Other (say what in the private note)")),
]


class RequestForm(StrictForm):
    """Which request is meant, so that nobody agrees to another one than they saw."""

    change = forms.UUIDField(label=gettext_lazy("Request"), required=False, widget=forms.HiddenInput, help_text=gettext_lazy("The id of the request. Empty means the one that waits now."))

    @staticmethod
    def initial_for(person: Person) -> dict[str, Any]:
        """The request that waits now."""
        life.address_change([person])
        row = person.extra["address_change"]
        return {"change": str(row.id)} if isinstance(row, AddressChange) else {}


class DenyForm(RequestForm, ReasonForm):
    reason_code = forms.ChoiceField(label=gettext_lazy("Ground"), choices=[("", gettext_lazy("Choose one")), *DENIALS],
                                    help_text=gettext_lazy("Goes to the audit log, and to the person with the notice."))
    field_order = ["reason_code", "message", "private_note", "change"]


def cancel_effects(_person: Person, _data: Data, _now: datetime) -> list[Effect]:
    return [Effect("lost", "link", _("The link in the new mailbox stops working.")), Effect("kept", "address", _("The address stays as it is."))]


def cancel(work: Work, person: Person, _data: Data) -> None:
    life.go(addresses.tracked(work, person), ChangeState.CANCELLED, now=work.now)
    work.touch(person.membership)


def cancel_rule(actor: Actor, person: Person, _data: Data, _now: datetime) -> Iterable[str]:
    return ours(actor, person)


CANCEL = Power(
    slug="cancel-email-change", code="email.cancel", event="account.email.change_cancelled", over="member", permission="change_email", tier=1, form=ReasonForm,
    rule=cancel_rule, effects=cancel_effects, apply=cancel, account_power=True, urgent=True, people_only=True, gather=(life.address_change,),
    title=gettext_lazy("Take back the change of the address"), button=gettext_lazy("Take it back"),
    does=gettext_lazy("Ends a change of the e-mail address that is under way, whoever began it."),
    does_not=gettext_lazy("Does not undo a change that has taken effect."),
    sentence=gettext_lazy("%(actor)s took back the change of the address of %(target)s"),
)


def _waits(actor: Actor, person: Person, data: Data) -> Iterable[str]:
    row = life.of(person, actor.organization_id)
    if row is None:
        yield "no_change_pending"
    elif data.get("change") and str(data["change"]) != str(row.id):
        yield "stale"
    elif row.state != ChangeState.WAITING:
        yield "mailbox_unconfirmed"


def approve_rule(actor: Actor, person: Person, data: Data, now: datetime) -> Iterable[str]:
    yield from _waits(actor, person, data)
    row = life.of(person, actor.organization_id)
    if row is None:
        return
    if person.account.status != "active":
        yield "wrong_status"
    if releases(row) and not actor.may("manage_domains"):
        yield "release_needed"
    yield from taken(person, row.new_address, organization_id=actor.organization_id, now=now)


def releases(row: AddressChange) -> bool:
    """Whether agreeing ends the management of the account: the address is no mailbox of the organization now."""
    return row.organization_id is not None and not life.owned(organization_id=row.organization_id, address=row.new_address)


def approve_effects(person: Person, _data: Data, _now: datetime) -> list[Effect]:
    row = person.extra["address_change"]
    if not isinstance(row, AddressChange):
        return []
    found = [Effect("later", f"address_{row.id}", _("The person signs in with %(address)s from then on. The mailbox has confirmed.") % {"address": row.new_address})]
    if releases(row):
        found.insert(0, Effect("lost", "management", _(
            "This address is outside your proven domains, so agreeing releases the account: your organization can no longer act on the account itself. The membership stays.")))
    return [*found, *addresses.consequences(ends_sessions=False, person=person, undo=True)]


def approve(work: Work, person: Person, _data: Data) -> None:
    row = addresses.tracked(work, person)
    ends = releases(row)
    row.decided_by = work.actor_membership
    addresses.complete(work, person, row)
    work.note(person.id, released=ends)
    if ends and person.management is not None:
        work.note(person.id, basis=person.management.basis, since=plain(person.management.since))
        work.remove(person.management)
        released.one(work, person)
        for claimed in person.extra["claimed"]:  # type: ignore[attr-defined]
            work.track(claimed)
            claims.go(claimed, "end", now=work.now)
            claimed.problem = "not_in_domain"
    work.touch(person.membership)


APPROVE = Power(
    slug="approve-email-change", code="email.change_request.approve", event="account.email.approved", over="member", permission="change_email", tier=2, form=RequestForm,
    rule=approve_rule, effects=approve_effects, apply=approve, account_power=True, directory=True, people_only=True,
    gather=(life.address_change, gathering.elsewhere, gathering.claimed, gathering.scheduled),
    always=True,
    title=gettext_lazy("Agree to the new address"), button=gettext_lazy("Agree"),
    does=gettext_lazy("Gives the account the address that the person asked for and whose mailbox has confirmed."),
    does_not=gettext_lazy("Ends no session and leaves password, second factor, role and access as they are."),
    sentence=gettext_lazy("%(actor)s agreed to the new address of %(target)s"),
)


def deny_rule(actor: Actor, person: Person, data: Data, _now: datetime) -> Iterable[str]:
    return _waits(actor, person, data)


def deny_effects(_person: Person, _data: Data, _now: datetime) -> list[Effect]:
    return [Effect("kept", "address", _("The address stays as it is. The person reads the ground and may ask again."))]


def deny(work: Work, person: Person, data: Data) -> None:
    row = addresses.tracked(work, person)
    life.go(row, ChangeState.DENIED, now=work.now)
    row.decided_by, row.reason_code, row.reason_text = work.actor_membership, str(data.get("reason_code") or ""), str(data.get("message") or "")
    work.touch(person.membership)


DENY = Power(
    slug="deny-email-change", code="email.change_request.deny", event="account.email.denied", over="member", permission="change_email", tier=1, form=DenyForm,
    rule=deny_rule, effects=deny_effects, apply=deny, account_power=True, directory=True, people_only=True, gather=(life.address_change,),
    always=True,
    title=gettext_lazy("Decline the new address"), button=gettext_lazy("Decline"),
    does=gettext_lazy("Ends the person’s request for another address, with a ground that they read."),
    does_not=gettext_lazy("Changes nothing about the account."),
    sentence=gettext_lazy("%(actor)s declined the new address of %(target)s"),
)
