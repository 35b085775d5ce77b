"""The person's part in a transfer of their account: object, which ends it, or take the account themselves with an address of their own. Nobody has to agree."""
from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.actor import Actor
from accounts.addresses import address_key, clean_address
from accounts.emails.collisions import RELEASED_DOMAIN
from accounts.models import Domain, Transfer
from accounts.models.domain import OPEN
from accounts.people import Person
from accounts.power import Data, Effect, Power
from accounts.powers.addresses import own_tier
from accounts.powers.answer_claim import too_often
from accounts.powers.forms import StrictForm
from accounts.powers.transfer_account import ended
from accounts.reasons import Stale
from accounts.tenancy import installation
from accounts.transfers import life
from accounts.work import Work, plain


def _taken(work: Work, person: Person, step: str) -> Transfer:
    seen = life.open_of(person.account.id)
    if seen is None:
        raise Stale
    return life.taken(work, seen, step)


class ObjectForm(StrictForm):
    message = forms.CharField(label=gettext_lazy("Why you object"), required=False, max_length=2000, widget=forms.Textarea(attrs={"rows": 3}),
                              help_text=gettext_lazy("Optional. The administrators of the organization that manages your account read it."))


def object_rule(_actor: Actor, person: Person, _data: Data, _now: datetime) -> Iterable[str]:
    if not life.may(life.open_of(person.account.id), "object"):
        yield "no_transfer"


def object_(work: Work, person: Person, data: Data) -> None:
    row = _taken(work, person, "object")
    life.go(row, "object", now=work.now)
    row.objection = str(data.get("message") or "")
    ended(work, person, row)


OBJECT = Power(
    slug="object-to-transfer", code="own.object_to_transfer", event="management.transfer_objected", over="own_account", permission=None, tier=0, form=ObjectForm, rule=object_rule, apply=object_,
    ladder=0, self_allowed=True, notice=False,
    title=gettext_lazy("Object to a transfer of your account"), button=gettext_lazy("Object"),
    does=gettext_lazy("Ends the transfer: your account is not handed to another organization."),
    does_not=gettext_lazy("Does not end the control of the organization that manages your account now."),
    sentence=gettext_lazy("%(target)s objected to being handed to another organization"),
)


class LeaveForm(StrictForm):
    address = forms.CharField(label=gettext_lazy("Your own address"), max_length=254,
                              help_text=gettext_lazy("An address outside of the domains of both organizations. It gets a link; when you have used it, nobody manages your account."))

    def clean_address(self) -> str:
        return clean_address(self.cleaned_data["address"])


def leave_rule(_actor: Actor, person: Person, data: Data, now: datetime) -> Iterable[str]:
    row = life.open_of(person.account.id)
    if row is None or not life.may(row, "leave"):
        yield "no_transfer"
        return
    if person.account.status != "active":
        yield "wrong_status"
    address = str(data.get("address") or "")
    if not address:
        return
    if _theirs(row, address):
        yield "address_in_domain"
    elif too_often(person, address, now):
        yield "too_many_links"
    elif address_key(address).endswith("@" + RELEASED_DOMAIN):
        yield "address_unavailable"
    # Whether somebody has it is told to whoever reads its mailbox, when they confirm, and to nobody else.


def _theirs(row: Transfer, address: str) -> bool:
    """Whether the address would lead back into a domain of one of the two organizations."""
    with installation("the domains of the two organizations of a transfer"):
        return Domain.objects.filter(organization_id__in=[row.organization_id, row.to_organization_id], name=address_key(address).rpartition("@")[2], state__in=OPEN).exists()


def leave_effects(_person: Person, _data: Data, _now: datetime) -> list[Effect]:
    return [Effect("later", "link", _("The new address gets a link. From the moment you confirm you sign in with it, and nobody manages your account.")),
            Effect("kept", "all", _("Your account, your memberships and what you made stay as they are."))]


def leave(work: Work, person: Person, data: Data) -> None:
    row = _taken(work, person, "leave")
    row.leaving_address, row.leaving_at = str(data["address"]), work.now
    work.note(person.id, transfer=str(row.id), wished_at=plain(row.leaving_at))


LEAVE = Power(
    slug="take-own-account", code="own.take_account", event="management.transfer_exit_asked", over="own_account", permission=None, tier=1, tier_for=own_tier, form=LeaveForm, rule=leave_rule,
    effects=leave_effects, apply=leave, ladder=0, self_allowed=True, notice=False,
    title=gettext_lazy("Take your account yourself"), button=gettext_lazy("Send the link"),
    does=gettext_lazy("Sends a link to an address of your own. When you use it, your account has this address, and neither organization manages it."),
    does_not=gettext_lazy("Needs nobody’s approval, and takes no membership away."),
    sentence=gettext_lazy("%(target)s asked to take their account themselves instead of being handed to another organization"),
)
