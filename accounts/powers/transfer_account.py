"""Transfer: the organization that manages an account offers it to another one, or takes the offer back (POWERS guard rail 23)."""
from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from uuid import uuid4

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import validate_slug
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.actor import Actor
from accounts.models import Organization, Transfer
from accounts.people import Person
from accounts.power import Data, Effect, Power
from accounts.powers.forms import ReasonForm
from accounts.reasons import Stale
from accounts.tenancy import installation
from accounts.transfers import life
from accounts.work import Work, plain


class OfferForm(ReasonForm):
    to = forms.CharField(label=gettext_lazy("Address of the other organization"), max_length=50,
                         help_text=gettext_lazy("As it stands after /o/ in its pages, for example northwind. Ask them for it: nobody is told here whether there is such an organization, "
                                                "nor whether the person belongs to it."))
    field_order = ["to", "reason_code", "message", "private_note"]

    def choices_for(self, organization: Organization, _actor: Actor) -> None:
        self.organization = organization

    def clean_to(self) -> str:
        value = self.cleaned_data["to"].strip().casefold()
        try:
            validate_slug(value)
        except ValidationError:
            raise ValidationError(_("This is no address of an organization. It has letters, digits and hyphens only."), code="slug") from None
        return value


def rule(_actor: Actor, person: Person, data: Data, now: datetime) -> Iterable[str]:
    assert person.membership is not None
    if person.managed:
        yield from life.in_the_way(person)
    if code := life.again(person, now):
        yield code
    if str(data.get("to") or "") == person.membership.organization.slug:
        yield "transfer_to_self"


def effects(_person: Person, _data: Data, now: datetime) -> list[Effect]:
    until = timezone.localtime(now + life.ANSWER_WITHIN).strftime("%Y-%m-%d %H:%M %Z")
    return [
        Effect("kept", "now", _("Nothing changes now: your organization manages the account until the other one does.")),
        Effect("later", "answer", _("The other organization sees the offer if the person belongs to it, and can accept until %(until)s. You are told if it accepts.") % {"until": until}),
        Effect("later", "person", _("The person is told now, and again with a date when somebody accepts: %(days)d days later. Until then they can object, which ends it, or take the account.") % {
            "days": life.BEGINS_AFTER.days}, life.BEGINS_AFTER.days),
        Effect("later", "hand_over", _("On that date the other organization manages the account and yours does not. The membership, and what was made here, stay here.")),
    ]


def apply(work: Work, person: Person, data: Data) -> None:
    membership = person.membership
    assert membership is not None
    if life.open_of(person.account.id) is not None:
        raise Stale  # an offer of an earlier manager is still there until the schedule has looked at it
    there = life.receiver(str(data["to"]))
    row = Transfer(id=uuid4(), organization_id=membership.organization_id, to_organization=there, to_slug=str(data["to"]), account=person.account, offered_by=work.actor_membership,
                   offered_at=work.now, answer_until=work.now + life.ANSWER_WITHIN, changed_at=work.now)
    work.add(row)
    work.touch(membership)
    work.note(person.id, transfer=str(row.id), to=row.to_slug, until=plain(row.answer_until))
    with installation("the other organization hears of the offer if it knows the person"):
        if life.known(row):
            work.across.append((there.id, "management.transfer_received", person, {"transfer": str(row.id), "from": membership.organization.slug}))  # type: ignore[union-attr]


POWER = Power(
    slug="transfer-account", code="management.transfer", event="management.transfer_offered", over="member", permission="manage_domains", tier=2, form=OfferForm, rule=rule, effects=effects,
    apply=apply, account_power=True, directory=True, people_only=True, undo="withdraw-transfer", ladder=1, gather=(life.transfers, *life.GATHERED),
    title=gettext_lazy("Hand the account to another organization"), button=gettext_lazy("Offer"),
    does=gettext_lazy("Offers control of the account to another organization here. It takes effect on a date that the person is told, if that organization accepts and the person does not object."),
    does_not=gettext_lazy("Takes nobody’s membership or content away, and hands nothing over before that date."),
    sentence=gettext_lazy("%(actor)s offered the account of %(target)s to another organization"),
)


def withdraw_rule(_actor: Actor, person: Person, _data: Data, _now: datetime) -> Iterable[str]:
    row = person.extra["transfer"]
    if not isinstance(row, Transfer) or not life.may(row, "withdraw"):
        yield "no_transfer"


def withdraw_effects(_person: Person, _data: Data, _now: datetime) -> list[Effect]:
    return [Effect("kept", "management", _("Your organization manages the account as before.")), Effect("later", "told", _("The person is told, and the other organization if it knew of the offer."))]


def withdraw(work: Work, person: Person, _data: Data) -> None:
    seen = person.extra["transfer"]
    assert isinstance(seen, Transfer)
    row = life.taken(work, seen, "withdraw")
    if row.organization_id != seen.organization_id:
        raise Stale
    life.go(row, "withdraw", now=work.now)
    work.touch(person.membership)
    ended(work, person, row)


def ended(work: Work, person: Person, row: Transfer) -> None:
    """It came to nothing: the entry says of which transfer, and the other organization's log says so too, if it knew of it."""
    work.note(person.id, transfer=str(row.id), to=row.to_slug)
    with installation("the other organization hears of the end if it knew of the offer"):
        if life.known(row):
            assert row.to_organization_id is not None
            work.across.append((row.to_organization_id, "management.transfer_ended", person, {"transfer": str(row.id), "how": str(row.state)}))


WITHDRAW = Power(
    slug="withdraw-transfer", code="management.transfer_withdraw", event="management.transfer_withdrawn", over="member", permission="manage_domains", tier=1, form=ReasonForm, rule=withdraw_rule,
    effects=withdraw_effects, apply=withdraw, account_power=True, urgent=True, always=True, people_only=True, ladder=1, gather=(life.transfers,),
    title=gettext_lazy("Take the offer of the account back"), button=gettext_lazy("Take it back"),
    does=gettext_lazy("Ends the offer of the account to another organization, also after it was accepted, until its date."),
    does_not=gettext_lazy("Brings nothing back after the date: then the other organization manages the account."),
    sentence=gettext_lazy("%(actor)s took the offer of the account of %(target)s to another organization back"),
)
