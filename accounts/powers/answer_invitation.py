"""The person accepts or declines an invitation, or leaves an organization they are a member of (guard rail 22)."""
from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django import forms
from django.utils.translation import gettext_lazy

from accounts.actor import Actor
from accounts.people import Person
from accounts.power import Data, Power
from accounts.powers.access import set_status, strip_access
from accounts.powers.forms import NoForm, StrictForm
from accounts.powers.grants import drop_role
from accounts.powers.joining import inviter_over
from accounts.work import Work


class AnswerForm(StrictForm):
    answer = forms.ChoiceField(label=gettext_lazy("Your answer"), widget=forms.RadioSelect, choices=[
        ("accept", gettext_lazy("Join")), ("decline", gettext_lazy("Decline")), ("refuse", gettext_lazy("Decline, and refuse all further invitations"))])


def rule(actor: Actor, person: Person, data: Data, now: datetime) -> Iterable[str]:
    membership = person.membership
    if membership is None or membership.account_id != actor.account_id or membership.status != "invited":
        yield "wrong_status"
    elif (membership.invitation_expires_at is not None and membership.invitation_expires_at <= now) or (membership.access_ends_at is not None and membership.access_ends_at <= now):
        yield "expired"
    elif inviter_over(membership, now):
        yield "expired"
    elif data.get("answer") == "accept" and person.account.reported_at is not None:
        yield "account_reported"


def apply(work: Work, person: Person, data: Data) -> None:
    assert person.membership is not None
    if data.get("answer") == "accept":
        set_status(work, person, {}, "active")
        person.membership.joined_at = work.now
    else:
        set_status(work, person, {"reason_code": "declined"}, "removed")
        drop_role(work, person)
        person.account.refuses_invitations = person.account.refuses_invitations or data.get("answer") == "refuse"
        work.note(person.id, event="membership.invitation_declined")


POWER = Power(
    slug="answer-invitation", code="own.answer_invitation", event="membership.accepted", over="member", permission=None, tier=0, form=AnswerForm,
    rule=rule, apply=apply, self_allowed=True, rank_rule=False, ladder=0, notice=False,
    title=gettext_lazy("Answer the invitation"), button=gettext_lazy("Answer"),
    does=gettext_lazy("Joins the organization, or declines."),
    does_not=gettext_lazy("Gives the organization no control over your account."),
    sentence=gettext_lazy("%(actor)s answered the invitation"),
)


def leave_rule(actor: Actor, person: Person, _data: Data, _now: datetime) -> Iterable[str]:
    membership = person.membership
    if membership is None or membership.account_id != actor.account_id or membership.status not in {"active", "restricted"}:
        yield "wrong_status"
    elif person.managed:
        yield "policy_off"


def leave(work: Work, person: Person, _data: Data) -> None:
    set_status(work, person, {"reason_code": "left"}, "removed")
    drop_role(work, person)
    strip_access(work, person, tokens="revoked", reason="left")


LEAVE = Power(
    slug="leave", code="own.leave", event="membership.left", over="member", permission=None, tier=1, form=NoForm, rule=leave_rule, apply=leave,
    self_allowed=True, rank_rule=False, ends_ownership=True, notice=False,
    title=gettext_lazy("Leave the organization"), button=gettext_lazy("Leave"),
    does=gettext_lazy("Ends your membership with its role, services and API tokens."),
    does_not=gettext_lazy("Does not delete your account or what you made."),
    sentence=gettext_lazy("%(actor)s left the organization"),
)
