"""Answer what a person asked for through the rights door: a copy, a deletion, an objection."""
from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.actor import Actor
from accounts.models import Organization, RightsRequest
from accounts.models.rights import THROUGH_THE_DOOR
from accounts.power import Data, Effect, Power
from accounts.powers import choosing
from accounts.powers.forms import AnyChoiceField, StrictForm, note_field
from accounts.targets import OrganizationTarget
from accounts.work import Work


class AnswerForm(StrictForm):
    request = AnyChoiceField(label=gettext_lazy("Request"), max_length=36)
    outcome = forms.ChoiceField(label=gettext_lazy("Answer"), choices=[("granted", gettext_lazy("Granted: it is done, or will be")), ("refused", gettext_lazy("Refused"))], widget=forms.RadioSelect)
    message = forms.CharField(label=gettext_lazy("Message to the person"), max_length=2000, widget=forms.Textarea(attrs={"rows": 4}),
                              help_text=gettext_lazy("What is done and by when, or why not. They read it by mail and on their rights page."))
    private_note = note_field()

    def choices_for(self, organization: Organization, _actor: Actor) -> None:
        """The open requests, the oldest first."""
        rows = RightsRequest.objects.filter(organization=organization, state="open", kind__in=THROUGH_THE_DOOR).select_related("account").order_by("asked_at")[:500]
        self.fields["request"].choices = [("", gettext_lazy("Choose one")), *((str(r.id), f"{r.account.name or r.account.email} · {r.get_kind_display()}") for r in rows)]  # type: ignore[attr-defined]

    @classmethod
    def initial_from(cls, query: QueryDict) -> dict[str, Any]:
        """The request beside which the act was chosen."""
        return {"request": query.get("request", "")[:36]}


def _chosen(target: OrganizationTarget, data: Data) -> RightsRequest | None:
    try:
        return RightsRequest.objects.filter(organization_id=target.id, id=UUID(str(data.get("request") or "")), kind__in=THROUGH_THE_DOOR).select_related("account").first()
    except ValueError:
        return None


def rule(actor: Actor, target: OrganizationTarget, data: Data, _now: datetime) -> Iterable[str]:
    yield from choosing.unreached(actor)
    if data.get("request"):
        row = _chosen(target, data)
        if row is None:
            yield "unknown_request"
        elif row.state != "open":
            yield "wrong_status"
        elif row.account_id == actor.account_id:
            yield "self"


def effects(_target: OrganizationTarget, data: Data, _now: datetime) -> list[Effect]:
    return [Effect("later", f"told_{data.get('outcome') or ''}", _("The person is told by mail. The request is then closed here."))]


def apply(work: Work, target: OrganizationTarget, data: Data) -> None:
    seen = _chosen(target, data)
    assert seen is not None
    row = RightsRequest.objects.select_for_update().get(id=seen.id)
    work.track(row)
    row.state, row.outcome, row.answer, row.answered_at, row.answered_by = "answered", data["outcome"], data.get("message", ""), work.now, work.actor_membership
    work.note(target.id, _also=[seen.account], _about=row.account_id, request=str(row.id), kind=row.kind, outcome=row.outcome)


POWER = Power(
    slug="answer-rights-request", code="rights.answer", event="rights.answered", over="organization", permission="manage_requests", tier=1,
    form=AnswerForm, rule=rule, effects=effects, apply=apply,
    title=gettext_lazy("Answer a request"), button=gettext_lazy("Send the answer"),
    does=gettext_lazy("Answers what a person asked for about their own information, and closes the request."),
    does_not=gettext_lazy("Does nothing else by itself: a copy, a deletion or a change is an act of its own."),
    sentence=gettext_lazy("%(actor)s answered a request of %(target)s"),
)
