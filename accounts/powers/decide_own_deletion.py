"""What an administrator answers to a person who asked that their managed account be deleted: agree, or decline with a ground (POWERS P6)."""
from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts import deletions, gathering, own_deletion
from accounts.actor import Actor
from accounts.models import RightsRequest
from accounts.people import Person
from accounts.power import Data, Effect, Power
from accounts.powers import schedule_deletion
from accounts.powers.delete_own_account import taken
from accounts.powers.forms import ReasonForm, StrictForm
from accounts.work import Work

DENIALS = [
    ("work_unfinished", gettext_lazy("Something has to be handed over first")),
    ("must_be_kept", gettext_lazy("The organization has to keep the account for now")),
    ("ask_in_person", gettext_lazy("Ask us in person first")),
    ("other", gettext_lazy("Other (say what in the private note)")),
]
_ASKED: Data = {"reason_code": "person_asked"}


def _open(actor: Actor, person: Person) -> Iterable[str]:
    row = person.extra["asked"]
    if not isinstance(row, RightsRequest) or row.organization_id != actor.organization_id:
        yield "no_request"


def grant_rule(actor: Actor, person: Person, _data: Data, now: datetime) -> Iterable[str]:
    yield from _open(actor, person)
    yield from schedule_deletion.rule(actor, person, _ASKED, now)


def grant_effects(person: Person, _data: Data, now: datetime) -> list[Effect]:
    return schedule_deletion.effects(person, _ASKED, now)


def _answer(work: Work, person: Person, *, outcome: str, words: str) -> None:
    row = taken(work, person)
    row.state, row.outcome, row.answer, row.answered_at, row.answered_by = "answered", outcome, words, work.now, work.actor_membership
    work.touch(person.membership)


def grant(work: Work, person: Person, data: Data) -> None:
    _answer(work, person, outcome="granted", words=str(data.get("message") or ""))
    schedule_deletion.apply(work, person, {**data, **_ASKED})


class GrantForm(StrictForm):
    message = forms.CharField(label=gettext_lazy("Message to the person"), required=False, max_length=2000, widget=forms.Textarea(attrs={"rows": 3}),
                              help_text=gettext_lazy("Optional. They read it in the notice."))


GRANT = Power(
    slug="grant-own-deletion", code="account.deletion_request.grant", event="account.deletion_granted", over="member", permission="delete_accounts", tier=2, form=GrantForm,
    rule=grant_rule, effects=grant_effects, apply=grant, account_power=True, directory=True, ends_ownership=True, always=True, people_only=True, undo="cancel-deletion", ladder=1,
    gather=(own_deletion.asked, gathering.elsewhere, deletions.blocked, deletions.deletion_days),
    title=gettext_lazy("Agree to the deletion that was asked for"), button=gettext_lazy("Agree"),
    does=gettext_lazy("Schedules the deletion of the account, as its person asked. They can take it back until the date, and so can you."),
    does_not=gettext_lazy("Deletes nothing before that date, and nothing while a hold or an open obligation stands in the way."),
    sentence=gettext_lazy("%(actor)s agreed to the deletion of the account of %(target)s, who had asked for it"),
)


class DeclineForm(ReasonForm):
    reason_code = forms.ChoiceField(label=gettext_lazy("Ground"), choices=[("", gettext_lazy("Choose one")), *DENIALS],
                                    help_text=gettext_lazy("Goes to the audit log, and to the person with the notice."))


def decline_rule(actor: Actor, person: Person, _data: Data, _now: datetime) -> Iterable[str]:
    return _open(actor, person)


def decline_effects(_person: Person, _data: Data, _now: datetime) -> list[Effect]:
    return [Effect("kept", "account", _("The account stays as it is. The person reads the ground and may ask again."))]


def decline(work: Work, person: Person, data: Data) -> None:
    _answer(work, person, outcome="refused", words=str(data.get("message") or ""))


DECLINE = Power(
    slug="decline-own-deletion", code="account.deletion_request.decline", event="account.deletion_declined", over="member", permission="delete_accounts", tier=1, form=DeclineForm,
    rule=decline_rule, effects=decline_effects, apply=decline, account_power=True, urgent=True, always=True, people_only=True, gather=(own_deletion.asked,),
    title=gettext_lazy("Decline the deletion that was asked for"), button=gettext_lazy("Decline"),
    does=gettext_lazy("Ends the person’s request that their account be deleted, with a ground that they read."),
    does_not=gettext_lazy("Changes nothing about the account."),
    sentence=gettext_lazy("%(actor)s declined to delete the account of %(target)s, who had asked for it"),
)
