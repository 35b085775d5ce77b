"""Whose account was reported as a child's, and who is in no organization, says what is so; the operator reads it and decides."""
from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.actor import Actor
from accounts.people import Person
from accounts.power import Data, Effect, Power
from accounts.powers.forms import StrictForm
from accounts.reasons import Stale
from accounts.work import Work, plain
from dsar.cases.account_report import AccountReport, ReportState


class AnswerForm(StrictForm):
    message = forms.CharField(label=gettext_lazy("Your answer"), max_length=2000, widget=forms.Textarea(attrs={"rows": 5}),
                              help_text=gettext_lazy("For example how old you are, and how that can be seen. Do not send copies of documents."))


def report(people: Sequence[Person]) -> None:
    """extra["report"]: the report about each account that waits for the operator, or None."""
    rows = {row.account_id: row for row in AccountReport.objects.filter(account_id__in=[person.account.id for person in people], state=ReportState.OPEN)}
    for person in people:
        person.extra["report"] = rows.get(person.account.id)


def rule(_actor: Actor, person: Person, _data: Data, _now: datetime) -> Iterable[str]:
    if person.extra["report"] is None:
        yield "no_report"


def effects(_person: Person, _data: Data, _now: datetime) -> list[Effect]:
    return [Effect("later", "read", _("Whoever runs this installation reads it before they decide, and hears now that it is there.")),
            Effect("kept", "again", _("You can answer again until then; your last answer counts."))]


def apply(work: Work, person: Person, data: Data) -> None:
    row = AccountReport.objects.select_for_update().filter(account=person.account, state=ReportState.OPEN).first()
    if row is None:
        raise Stale
    work.track(row)
    row.answer, row.answered_at = str(data["message"]).strip(), work.now
    work.note(person.id, report=str(row.id), reference=row.reference, due_at=plain(row.due_at))


POWER = Power(
    slug="answer-child-report", code="own.child_report_answer", event="account.report_answered", over="own_account", permission=None, tier=0, form=AnswerForm, rule=rule, effects=effects, apply=apply,
    gather=(report,), ladder=0, self_allowed=True, people_only=True, notice=False, always=True,
    title=gettext_lazy("Answer a report about your account"), button=gettext_lazy("Send the answer"),
    does=gettext_lazy("Tells whoever runs this installation what is so, where somebody reported that your account is a child’s."),
    does_not=gettext_lazy("Ends nothing by itself. They decide, and you are told."),
    sentence=gettext_lazy("%(actor)s answered a report that their account is a child’s"),
)
