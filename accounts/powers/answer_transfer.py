"""What the other organization answers to an offer of an account: accept with a date that the person is told, or decline (POWERS guard rail 23)."""
from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts import notice
from accounts.actor import Actor
from accounts.models import Transfer
from accounts.models.organization import OrganizationStatus
from accounts.people import Person
from accounts.power import Data, Effect, Power
from accounts.powers.forms import NoForm
from accounts.transfers import life
from accounts.work import Work, plain


def _offer(person: Person) -> Transfer | None:
    row = person.extra["offer"]
    return row if isinstance(row, Transfer) else None


def accept_rule(_actor: Actor, person: Person, _data: Data, now: datetime) -> Iterable[str]:
    row, membership = _offer(person), person.membership
    assert membership is not None
    if row is None or not life.may(row, "accept") or row.answer_until <= now:
        yield "no_transfer"
    elif notice.in_effect(membership.organization_id, now) is None:
        yield "no_notice"
    if person.account.status != "active":
        yield "wrong_status"
    if membership.organization.status != OrganizationStatus.ACTIVE:
        yield "organization_ending"


def accept_effects(_person: Person, _data: Data, now: datetime) -> list[Effect]:
    date = timezone.localtime(now + life.BEGINS_AFTER).strftime("%Y-%m-%d %H:%M %Z")
    return [
        Effect("later", "begins", _("On %(date)s your organization manages the account, if the person does not object or take it themselves until then.") % {"date": date}, life.BEGINS_AFTER.days),
        Effect("later", "told", _("The person is told now and three days before. The organization that offered the account learns that you accepted, and so that the person belongs to yours.")),
        Effect("kept", "membership", _("The membership here stays as it is, and so does the one there.")),
    ]


def accept(work: Work, person: Person, _data: Data) -> None:
    seen, membership = _offer(person), person.membership
    assert seen is not None and membership is not None
    row = life.taken(work, seen, "accept")
    version = notice.in_effect(membership.organization_id, work.now)
    assert version is not None
    life.go(row, "accept", now=work.now)
    row.accepted_by, row.accepted_at, row.effective_at, row.notice_version = work.actor_membership, work.now, work.now + life.BEGINS_AFTER, str(version.id)
    work.touch(membership)
    work.note(person.id, transfer=str(row.id), date=plain(row.effective_at), number=version.number, **{"from": row.organization.name})
    work.across.append((row.organization_id, "management.transfer_agreed", person, {"transfer": str(row.id), "date": plain(row.effective_at), "to": row.to_slug}))


ACCEPT = Power(
    slug="accept-transfer", code="management.transfer_accept", event="management.transfer_accepted", over="member", permission="manage_domains", tier=2, form=NoForm, rule=accept_rule,
    effects=accept_effects, apply=accept, people_only=True, undo="decline-transfer", ladder=1, gather=(life.transfers,),
    title=gettext_lazy("Accept an account from another organization"), button=gettext_lazy("Accept"),
    does=gettext_lazy("Accepts control of the account of a member that another organization offers. It begins on a date that the person is told."),
    does_not=gettext_lazy("Gives no control before that date, and none if the person objects or takes the account themselves."),
    sentence=gettext_lazy("%(actor)s accepted the account of %(target)s, which another organization had offered"),
)


def decline_rule(_actor: Actor, person: Person, _data: Data, _now: datetime) -> Iterable[str]:
    row = _offer(person)
    if row is None or not (life.may(row, "decline") or life.may(row, "refuse")):
        yield "no_transfer"


def decline_effects(person: Person, _data: Data, _now: datetime) -> list[Effect]:
    row = _offer(person)
    told = _("The person and the organization that offered the account are told that you do not take it.") if row is not None and life.may(row, "refuse") else _(
        "The organization that offered the account is not told: it sees an offer that nobody answers, and so does not learn from you who belongs to your organization.")
    return [Effect("kept", "account", _("The account stays as it is.")), Effect("later", "told", told)]


def decline(work: Work, person: Person, _data: Data) -> None:
    seen = _offer(person)
    assert seen is not None
    step = "refuse" if life.may(seen, "refuse") else "decline"
    row = life.taken(work, seen, step)
    life.go(row, step, now=work.now)
    work.touch(person.membership)
    work.note(person.id, transfer=str(row.id), **({"event": "management.transfer_refused", "from": row.organization.name} if step == "refuse" else {}))
    if step == "refuse":
        work.across.append((row.organization_id, "management.transfer_given_back", person, {"transfer": str(row.id), "to": row.to_slug}))


DECLINE = Power(
    slug="decline-transfer", code="management.transfer_decline", event="management.transfer_declined", over="member", permission="manage_domains", tier=1, form=NoForm, rule=decline_rule,
    effects=decline_effects, apply=decline, always=True, people_only=True, notice=False, ladder=1, gather=(life.transfers,),
    title=gettext_lazy("Decline an account from another organization"), button=gettext_lazy("Decline"),
    does=gettext_lazy("Says that your organization does not take the account that another one offers, also after you accepted it, until its date."),
    does_not=gettext_lazy("Changes nothing about the account or the membership."),
    sentence=gettext_lazy("%(actor)s declined the account of %(target)s, which another organization had offered"),
)
