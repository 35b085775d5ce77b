"""The person's three answers to a claim: accept, object, leave with an address of their own. None of them needs anybody's approval (policy A10)."""
from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.actor import Actor
from accounts.addresses import address_key, clean_address
from accounts.claims import life
from accounts.emails.collisions import RELEASED_DOMAIN
from accounts.models import ClaimedAccount, Domain, Mail
from accounts.models.domain import OPEN
from accounts.people import Person
from accounts.power import Data, Effect, Power
from accounts.powers import claims
from accounts.powers.addresses import FROM_ONE, TO_ONE, own_tier
from accounts.powers.claims import OwnForm
from accounts.reasons import Stale
from accounts.tenancy import installation
from accounts.work import Work, plain


def _problems(person: Person, data: Data, step: str) -> Iterable[str]:
    row = claims.own(person, data)
    if row is None:
        yield "unknown_claim"
    elif not life.may(row, step):
        yield "objected_before" if step == "object" and row.objected_at is not None else "claim_decided"


def _taken(work: Work, person: Person, data: Data, step: str) -> ClaimedAccount:
    row = claims.own_taken(work, person, data)
    if not life.may(row, step):
        raise Stale
    return row


def _answered(work: Work, person: Person, row: ClaimedAccount, event: str, **more: str) -> None:
    facts = {"claim": str(row.claim_id), "claimed": str(row.id), "domain": row.claim.domain.name, **more}
    work.note(person.id, **facts)
    work.answered.append((row.organization_id, event, row.address, facts))


def accept_rule(_actor: Actor, person: Person, data: Data, _now: datetime) -> Iterable[str]:
    return _problems(person, data, "accept")


def accept(work: Work, person: Person, data: Data) -> None:
    row = _taken(work, person, data, "accept")
    life.go(row, "accept", now=work.now)
    row.object_until = None
    _answered(work, person, row, "management.accepted")


class ObjectForm(OwnForm):
    message = forms.CharField(label=gettext_lazy("Why you object"), max_length=2000, widget=forms.Textarea(attrs={"rows": 3}),
                              help_text=gettext_lazy("The administrators of the organization read it."))


def object_rule(_actor: Actor, person: Person, data: Data, _now: datetime) -> Iterable[str]:
    return _problems(person, data, "object")


def object_(work: Work, person: Person, data: Data) -> None:
    row = _taken(work, person, data, "object")
    life.object_to(row, words=str(data["message"]), now=work.now)
    _answered(work, person, row, "management.objected", until=plain(row.object_until))


class LeaveForm(OwnForm):
    address = forms.CharField(label=gettext_lazy("Your own address"), max_length=254,
                              help_text=gettext_lazy("An address outside of the domain. It gets a link; when you have used it, the account is out of the claim."))

    def clean_address(self) -> str:
        return clean_address(self.cleaned_data["address"])


def leave_rule(_actor: Actor, person: Person, data: Data, now: datetime) -> Iterable[str]:
    yield from _problems(person, data, "leave")
    row = claims.own(person, data)
    if row is None or not data.get("address"):
        return
    if theirs(row, str(data["address"])):
        yield "address_in_domain"
    elif too_often(person, str(data["address"]), now):
        yield "too_many_links"
    elif address_key(str(data["address"])).endswith("@" + RELEASED_DOMAIN):
        yield "address_unavailable"
    # Whether somebody has it is told to whoever reads its mailbox, when they confirm, and to nobody else.


def too_often(person: Person, address: str, now: datetime) -> bool:
    """Links go to mailboxes of strangers too, so there are only so many a day: for one account, and to one mailbox (guard rail 22)."""
    with installation("how many links a mailbox gets is counted over all organizations"):
        sent = Mail.objects.filter(template__in=["claim-leave", "transfer-leave"], created_at__gt=now - timedelta(days=1))
        return sent.filter(account=person.account).count() >= FROM_ONE or sent.filter(address__iexact=address).count() >= TO_ONE


def theirs(row: ClaimedAccount, address: str) -> bool:
    """Whether the address would lead back into a domain of the organization."""
    with installation("the domains of the organization that announced the claim"):
        return Domain.objects.filter(organization_id=row.organization_id, name=address_key(address).rpartition("@")[2],
                                     state__in=OPEN).exists() or address_key(address).endswith(f"@{row.claim.domain.name}")


def leave_effects(_person: Person, _data: Data, _now: datetime) -> list[Effect]:
    return [Effect("later", "link", _("The new address gets a link. You sign in with it from the moment you confirm.")),
            Effect("kept", "all", _("Your account, your memberships and what you made stay as they are."))]


def leave(work: Work, person: Person, data: Data) -> None:
    row = _taken(work, person, data, "leave")
    row.leaving_address, row.leaving_at = str(data["address"]), work.now
    work.note(person.id, claim=str(row.claim_id), claimed=str(row.id), domain=row.claim.domain.name, wished_at=plain(row.leaving_at))


ACCEPT = Power(
    slug="accept-claim", code="own.accept_claim", event="management.accepted", over="own_account", permission=None, tier=0, form=OwnForm, rule=accept_rule, apply=accept, ladder=0,
    self_allowed=True, notice=False,
    title=gettext_lazy("Accept a claim of your account"), button=gettext_lazy("Accept"),
    does=gettext_lazy("Says that you agree. Control begins on the announced date."), does_not=gettext_lazy("Gives no control before that date; until then you can still leave."),
    sentence=gettext_lazy("%(target)s accepted that their account becomes managed"),
)
OBJECT = Power(
    slug="object-to-claim", code="own.object_to_claim", event="management.objected", over="own_account", permission=None, tier=0, form=ObjectForm, rule=object_rule, apply=object_, ladder=0,
    self_allowed=True, notice=False,
    title=gettext_lazy("Object to a claim of your account"), button=gettext_lazy("Object"),
    does=gettext_lazy("Stops the claim for your account until somebody answers; without an answer within thirty days your account is left out."),
    does_not=gettext_lazy("Does not change your address or your memberships."),
    sentence=gettext_lazy("%(target)s objected to a claim of their account"),
)
LEAVE = Power(
    slug="leave-claim", code="own.leave_claim", event="management.exit_asked", over="own_account", permission=None, tier=1, tier_for=own_tier, form=LeaveForm, rule=leave_rule,
    effects=leave_effects, apply=leave, ladder=0, self_allowed=True, notice=False,
    title=gettext_lazy("Leave with an address of your own"), button=gettext_lazy("Send the link"),
    does=gettext_lazy("Sends a link to an address of your own; when you use it, your account has this address and is out of the claim."),
    does_not=gettext_lazy("Needs nobody's approval, and takes no membership away."),
    sentence=gettext_lazy("%(target)s asked to leave a claim with an address of their own"),
)
