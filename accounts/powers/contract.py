"""The end of a contract: on a day that is known before, the membership ends, and the account where the organization manages it."""
from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts import gathering
from accounts.actor import Actor
from accounts.domains.checks import frozen
from accounts.people import Person
from accounts.power import Data, Effect, Power
from accounts.powers import cancel_invitation, deactivate, remove
from accounts.powers.forms import FARTHEST, NoForm, StrictForm, note_field
from accounts.schedules import acts, rules, words
from accounts.work import Work


class ContractForm(StrictForm):
    ends_on = forms.DateField(label=gettext_lazy("Last day"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"), input_formats=["%Y-%m-%d"], help_text=gettext_lazy(
        "The whole day still counts, in the organization’s time zone. To have no end, cancel what is scheduled."))
    message = forms.CharField(label=gettext_lazy("Message to the person"), required=False, max_length=2000, widget=forms.Textarea(attrs={"rows": 3}),
                              help_text=gettext_lazy("Optional. They read it in the notice."))
    private_note = note_field()

    @staticmethod
    def initial_for(person: Person) -> dict[str, Any]:
        """The day that is known so far."""
        return {"ends_on": person.membership.contract_ends_on} if person.membership else {}

    def clean_ends_on(self) -> date:
        """A day within ten years; whether it is over already depends on the organization's zone, so the rule says that."""
        found: date = self.cleaned_data["ends_on"]
        if not date(2000, 1, 1) <= found <= date.today() + FARTHEST:
            raise ValidationError(_("Choose a day at most ten years away."), code="far")
        return found


def past(ends_on: date, zone: str, now: datetime) -> bool:
    """Whether the day is over."""
    return ends_on < now.astimezone(ZoneInfo(zone)).date()


def held(person: Person) -> Any:
    """The end that is scheduled already, or None."""
    return next((row for row in acts.rows_of(person) if row.power == acts.CONTRACT), None)


def rule(_actor: Actor, person: Person, data: Data, now: datetime) -> Iterable[str]:
    if person.membership is None or person.membership.status == "removed":
        yield "wrong_status"
        return
    ends_on = rules.day(data.get("ends_on"))
    if ends_on is None:
        return
    if past(ends_on, person.membership.organization.time_zone, now):
        yield "day_over"
    elif (row := held(person)) is not None and (ends_on, rules.over_after(ends_on, person.membership.organization.time_zone)) == (person.membership.contract_ends_on, row.due_at):
        yield "nothing_to_change"  # the same day again moves it where the organization has moved to another zone since


def effects(person: Person, data: Data, _now: datetime) -> list[Effect]:
    ends_on = rules.day(data.get("ends_on"))
    if ends_on is None or person.membership is None:
        return []
    what = {"day": ends_on.isoformat(), "zone": person.membership.organization.time_zone}
    found = [Effect("later", f"contract:{ends_on}", _("The membership ends when %(day)s is over in %(zone)s, with its role, groups, services and API tokens. Until then nothing changes.") % what)]
    if person.managed and not person.governed:
        found.append(Effect("later", "deactivates", _("Your organization manages the account: it is deactivated at the same moment, everywhere.")))
    if person.tokens:
        found.append(Effect("later", "outlived", words.outlived(person.tokens), person.tokens))
    found.append(Effect("kept", "reminded", _(
        "The person and the administrators are reminded before. Until the day is over it can be moved or cancelled; for 90 days after it the person can be brought back.")))
    return found


def apply(work: Work, person: Person, data: Data) -> None:
    membership, ends_on, before = person.membership, rules.day(data["ends_on"]), held(person)
    assert membership is not None and ends_on is not None
    row = acts.put_contract(work, membership, ends_on=ends_on, ahead=person.extra["numbers"][0].reminders, held=before)  # type: ignore[index]
    if before is None:
        acts.rows_of(person).append(row)
    acts.recap(person)
    work.note(person.id, ends_on=ends_on.isoformat(), scheduled=str(row.id))


SET = Power(
    slug="set-contract-end", code="access.set_contract_end", event="membership.contract_end_set", over="member", permission="manage_access", tier=2, form=ContractForm,
    rule=rule, effects=effects, apply=apply, ends_ownership=True, bulk=True, brake=True, people_only=True, undo="cancel-scheduled", gather=(gathering.scheduled, gathering.numbers),
    title=gettext_lazy("Set the end of the contract"), button=gettext_lazy("Set the last day"),
    does=gettext_lazy("Says on which day the membership ends by itself, and the account with it where your organization manages it. The person is told now and reminded before."),
    does_not=gettext_lazy("Changes nothing before that day is over, and deletes nothing."),
    sentence=gettext_lazy("%(actor)s set the end of the contract of %(target)s"),
)


def ended_rule(_actor: Actor, person: Person, _data: Data, _now: datetime) -> Iterable[str]:
    if person.membership is None or person.membership.status == "removed":
        yield "wrong_status"


def ended(work: Work, person: Person, data: Data) -> None:
    """The account first, so that what happens to the tokens here is what happens to those of anybody who is removed."""
    assert person.membership is not None
    closes = person.managed and not person.governed and person.account.status == "active" and not person.extra["frozen"]
    if closes:
        deactivate.apply(work, person, data)
    (cancel_invitation if person.membership.status == "invited" else remove).apply(work, person, data)
    person.membership.reason_code = "contract_ended"
    work.note(person.id, ends_on=str(data.get("ends_on") or ""), deactivated=closes)


END = Power(
    slug=acts.CONTRACT, code="access.end_contract", event="membership.contract_ended", over="member", permission="manage_access", tier=2, form=NoForm,
    rule=ended_rule, apply=ended, ends_ownership=True, undo="restore", always=True, gather=(*remove.POWER.gather, gathering.elsewhere, frozen),
    title=gettext_lazy("End of the contract"), button=gettext_lazy("End"),
    does=gettext_lazy("Ends the membership, and deactivates the account where the organization manages it, when the last day of the contract is over."),
    does_not=gettext_lazy("Deletes nothing. For 90 days the person can be brought back."),
    sentence=gettext_lazy("The contract of %(target)s ended"),
)
"""What the schedule does when the day is over. Nobody is offered it: whoever wants it to happen says on which day."""
