"""Schedule the deletion of a managed account: closed at once, deleted on a date, until then it can be taken back (POWERS P6)."""
from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts import deletions, gathering, lately, policy
from accounts.actor import Actor
from accounts.deletions import FEWEST_DAYS, MOST_DAYS
from accounts.models import Organization
from accounts.people import Person
from accounts.power import Data, Effect, Power
from accounts.powers.access import ended_access, ended_sessions, set_account_status
from accounts.powers.account_access import close_account
from accounts.powers.deletions import in_the_way
from accounts.powers.forms import ReasonForm, later
from accounts.reasons import Stale
from accounts.roles import OWNER_RANK
from accounts.schedules import rules
from accounts.work import Work, plain


class ScheduleForm(ReasonForm):
    days = forms.IntegerField(label=gettext_lazy("Days until then"), min_value=FEWEST_DAYS, max_value=MOST_DAYS, required=False,
                              help_text=gettext_lazy("1 to 90; what the settings of the organization say if you leave it empty. Until then the deletion can be cancelled."))
    field_order = ["days", "reason_code", "message", "private_note"]

    def choices_for(self, organization: Organization, _actor: Actor) -> None:
        """The days that the organization decided on."""
        self.fields["days"].initial = policy.of(organization.id).deletion_days


def rule(_actor: Actor, person: Person, data: Data, now: datetime) -> Iterable[str]:
    if person.account.status not in deletions.FROM:
        yield "wrong_status"
    yield from in_the_way(person)
    if data.get("reason_code") == "person_asked":  # whether it was the person is in doubt for a while
        yield from lately.codes(person.account, now)


def effects(person: Person, data: Data, now: datetime) -> list[Effect]:
    begins = rules.due_at(data, now)
    date = timezone.localtime((begins or now) + timedelta(days=_days(person, data))).strftime("%Y-%m-%d %H:%M %Z")
    return [
        *ended_sessions(person, everywhere=True), *ended_access(person, tokens="disabled"),
        Effect("lost", "sign_in", _("Signing in stops then, in every organization on this installation. Reset links and changes of the address that are under way end.") if begins else
               _("Signing in stops at once, in every organization on this installation. Reset links and changes of the address that are under way end.")),
        Effect("later", "purge", _("On %(date)s name, address and everything that identifies the person are removed for good.") % {"date": date}, _days(person, data)),
        Effect("kept", "cancel", _("Until then an administrator can cancel, and the account is again what it was.")),
        *([Effect("kept", "by_person", _("Because the person asked for it, they can cancel it too."))] if data.get("reason_code") == "person_asked" else []),
        Effect("kept", "contributions", _("What the person made stays, as by a former user.")),
        Effect("kept", "rights", _("The person is told now, three days before, and at the end. They can still ask for a copy or object.")),
    ]


def _days(person: Person, data: Data) -> int:
    return int(data.get("days") or person.extra["deletion_days"])  # type: ignore[call-overload]


def apply(work: Work, person: Person, data: Data) -> None:
    if any(rank >= OWNER_RANK for _membership, _organization, rank in person.extra["elsewhere"]):
        # Owners elsewhere are counted under a lock: of two whose deletion is scheduled at once, one has to stay.
        deletions.lock_owned([person.account.id])
        if deletions.blockers([person.account.id]):
            raise Stale
    assert person.management is not None
    ground = data.get("reason_code", "") or ""
    row = deletions.schedule(work, person, days=_days(person, data), by_person=ground == "person_asked", reason_code=ground, organization_id=person.management.organization_id)
    set_account_status(work, person, {**data, "until": row.purge_at}, "pending_deletion")
    close_account(work, person, reason="pending_deletion")
    person.account.credential_epoch += 1  # reset links that are under way open nothing any more
    work.cancel_address_changes(person.account.id)
    if person.membership is not None:
        work.withdraw_invitations(person.membership.id)
    facts: dict[str, Any] = {"purge_at": plain(row.purge_at), "days": _days(person, data)}
    work.note(person.id, **facts)


POWER = Power(
    slug="schedule-deletion", code="account.schedule_deletion", event="account.deletion_scheduled", over="member", permission="delete_accounts", tier=2,
    form=later(ScheduleForm), rule=rule, effects=effects, apply=apply, account_power=True, directory=True, ends_ownership=True, undo="cancel-deletion", ladder=2,
    instead="deactivate", bulk=True, brake=True, people_only=True, gather=(gathering.elsewhere, deletions.blocked, deletions.deletion_days),
    title=gettext_lazy("Schedule deletion"), button=gettext_lazy("Schedule the deletion"),
    does=gettext_lazy("Closes the account, at once or at a time that you choose, and deletes it on a date, after the days that the settings of the organization say if you choose no other."),
    does_not=gettext_lazy("Deletes nothing before that date, and nothing while a hold or an open obligation stands in the way."),
    sentence=gettext_lazy("%(actor)s scheduled the deletion of the account of %(target)s"),
)
