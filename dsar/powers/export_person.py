"""Export one person: a copy of what the organization holds about somebody, for them or for a request of theirs (POWERS P4, policy A4)."""
from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from accounts import lately
from accounts.actor import Actor
from accounts.domains.checks import frozen
from accounts.people import Person
from accounts.power import Data, Effect, Power
from accounts.powers.forms import ReasonForm
from accounts.work import Work, plain
from dsar.content.telling import FACT
from dsar.models import Copy, CopyState
from dsar.powers.content import DELAYS, LATEST, with_delay


class ExportForm(ReasonForm):
    delay = forms.IntegerField(label=gettext_lazy("Tell the person so many days later"), min_value=0, max_value=LATEST, initial=0, required=False,
                               help_text=gettext_lazy("From 0 to 30. With 0 the person is told at once; later needs a second person. They are always told; nobody can change that."))
    delay_ground = forms.ChoiceField(label=gettext_lazy("Why they are told later"), required=False, choices=[("", gettext_lazy("They are told at once")), *DELAYS])
    field_order = ["reason_code", "message", "delay", "delay_ground", "private_note"]

    def clean_delay(self) -> int:
        return int(self.cleaned_data["delay"] or 0)

    def clean(self) -> dict[str, Any]:
        return with_delay(self, super().clean())


def tier_for(_actor: Actor, _person: Person, data: Data) -> int:
    return 3 if int(data.get("delay") or 0) else 2


def rule(_actor: Actor, person: Person, _data: Data, now: datetime) -> Iterable[str]:
    yield from lately.codes(person.account, now)
    if person.membership is not None and Copy.objects.filter(account_id=person.account.id, organization_id=person.membership.organization_id, state=CopyState.ASKED).exists():
        yield "copy_under_way"
    if person.managed:  # the account itself would be in it, and whether that is the organization's to read is in doubt
        yield from person.extra["frozen"]  # type: ignore[misc]


def effects(person: Person, data: Data, _now: datetime) -> list[Effect]:
    delay = int(data.get("delay") or 0)
    reach = (Effect("later", "whole", _("The copy has what your organization holds about the person, and the account itself, because your organization manages it.")) if person.managed
             else Effect("later", "organization", _("The copy has what your organization holds about the person. The account itself is not in it: your organization does not manage it.")))
    return [reach, Effect("later", "fetched", _("It is ready within minutes, on the page of copies, for seven days and three times.")),
            *([Effect("later", f"told:{delay}:{data.get('delay_ground') or ''}", ngettext("The person is told %(n)d day later that a copy was taken. Nobody can put it off.",
                                                                                          "The person is told %(n)d days later that a copy was taken. Nobody can put it off.", delay) % {"n": delay})]
              if delay else []),
            Effect("kept", "data", _("Nothing changes. The person is told that a copy was taken, by whom and on which ground."))]


def apply(work: Work, person: Person, data: Data) -> None:
    assert person.membership is not None
    decided = work.people[0] if work.people else None
    row = Copy(id=uuid.uuid4(), account_id=person.account.id, organization_id=person.membership.organization_id, requested_by=decided, language=person.account.language or "en", asked_at=work.now)
    if delay := int(data.get("delay") or 0):
        row.tell_at, row.untold = work.now + timedelta(days=delay), True
        work.note(person.id, **{FACT: plain(row.tell_at)}, delay_ground=str(data.get("delay_ground")))
    work.add(row)
    work.note(person.id, copy=str(row.id), reach="account" if person.managed else "organization")


POWER = Power(
    slug="export-person", code="data.export", event="data.export.requested", over="member", permission="manage_requests", tier=2, tier_for=tier_for, form=ExportForm, rule=rule, effects=effects,
        apply=apply,
    people_only=True, gather=(frozen,),
    title=gettext_lazy("Export the person’s data"), button=gettext_lazy("Make the copy"),
    does=gettext_lazy("Makes a copy of what your organization holds about the person, to be handed to them."),
    does_not=gettext_lazy("Shows nothing of other organizations, and no password, key or name of somebody else."),
    sentence=gettext_lazy("%(actor)s took a copy of the data of %(target)s"),
)
