"""One request to one service or app: sending it again, and writing down what they answered by another way (RIGHTS 4e)."""
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
from accounts.models import Organization
from accounts.power import Data, Effect, Power
from accounts.powers import choosing
from accounts.powers.forms import AnyChoiceField, StrictForm
from accounts.reasons import Stale
from accounts.targets import OrganizationTarget
from accounts.work import Work
from dsar.powers.cases import visible
from dsar.relays import answering, asking
from dsar.relays.messages import Unfit
from dsar.relays.models import Relay, RelayState, Way

PERMISSION = "manage_requests"
_EMPTY = ("", gettext_lazy("Choose one"))
_SAID = [(state, state.label) for state in (RelayState.COMPLETED, RelayState.PARTIAL, RelayState.NOT_FOUND, RelayState.REJECTED)]


def seen(organization_id: UUID | None, actor: Actor) -> Any:
    """Requests to programs that this administrator may see: not those of cases that are kept from them, nor their own."""
    rows = Relay.objects.filter(organization_id=organization_id).exclude(account_id=actor.account_id)
    return rows.filter(case=None) | rows.filter(case__in=visible(organization_id, actor))


def chosen(organization_id: UUID, data: Data, actor: Actor | None = None) -> Relay | None:
    try:
        number = UUID(str(data.get("relay") or ""))
    except ValueError:
        return None
    rows = seen(organization_id, actor) if actor is not None else Relay.objects.filter(organization_id=organization_id)
    found: Relay | None = rows.filter(id=number).select_related("responder__service", "responder__installation__app").first()
    return found


class RelayForm(StrictForm):
    relay = AnyChoiceField(label=gettext_lazy("Request to a service or app"), max_length=36)

    @classmethod
    def initial_from(cls, query: QueryDict) -> dict[str, Any]:
        return {"relay": query.get("relay", "")[:36]}

    def choices_for(self, organization: Organization, actor: Actor) -> None:
        rows = seen(organization.id, actor).select_related("responder__service", "responder__installation__app", "case").order_by("-asked_at")[:200]
        shown = [(str(row.id), " · ".join(one for one in (row.responder.name, str(row.get_type_display()), row.case.reference if row.case else "") if one)) for row in rows]
        self.fields["relay"].choices = [_EMPTY, *shown]  # type: ignore[attr-defined]


def again_rule(actor: Actor, target: OrganizationTarget, data: Data, _now: datetime) -> Iterable[str]:
    yield from choosing.unreached(actor)
    if not data.get("relay"):
        return
    row = chosen(target.id, data, actor)
    if row is None:
        yield "unknown_relay"
    elif asking.way_of(row.responder, row.type)[1] == RelayState.BY_HAND:
        yield "no_way_to_send"


def again_effects(_target: OrganizationTarget, _data: Data, _now: datetime) -> list[Effect]:
    return [Effect("later", "same", _("It bears the same number as before, so a program that has done it already does nothing twice.")),
            Effect("lost", "answer", _("What they answered before does not count any more; it stays in the audit log."))]


def again(work: Work, target: OrganizationTarget, data: Data) -> None:
    row = _locked(target.id, data)
    work.track(row)
    row.way, row.state = asking.way_of(row.responder, row.type)
    row.next_try = work.now if row.way != Way.PULL else None
    row.attempts, row.first_try, row.problem, row.told_at, row.answered_at, row.how, row.code = 0, None, "", None, None, "", ""
    if row.overdue_at is not None:
        row.respond_by, row.overdue_at = max(row.respond_by, work.now.date() + asking.LEAST), None
    work.note(target.id, relay=str(row.id), type=row.type, way=row.way, responder=str(row.responder_id), **({"case": str(row.case_id)} if row.case_id else {}))


def _locked(organization_id: UUID, data: Data) -> Relay:
    row = chosen(organization_id, data)
    fresh = answering.locked(row.id) if row is not None else None
    if fresh is None:
        raise Stale
    return fresh


class RecordForm(RelayForm):
    status = forms.ChoiceField(label=gettext_lazy("What they answered"), choices=[_EMPTY, *_SAID])
    private_note = forms.CharField(label=gettext_lazy("How it is known"), max_length=2000, widget=forms.Textarea(attrs={"rows": 3}),
                                   help_text=gettext_lazy("Such as the day of a call and with whom. Only administrators and the audit log see it."))


def record_rule(actor: Actor, target: OrganizationTarget, data: Data, _now: datetime) -> Iterable[str]:
    yield from choosing.unreached(actor)
    if not data.get("relay"):
        return
    row = chosen(target.id, data, actor)
    if row is None:
        yield "unknown_relay"
    elif data.get("status") and data["status"] not in answering.AFTER[row.state]:
        yield "relay_answered"


def record_effects(_target: OrganizationTarget, _data: Data, _now: datetime) -> list[Effect]:
    return [Effect("later", "shown", _("The person reads it beside their request."))]


def record(work: Work, target: OrganizationTarget, data: Data) -> None:
    row = _locked(target.id, data)
    work.track(row)
    try:
        answering.change(row, answering.Answer(status=str(data["status"]), how="hand", code="other" if data["status"] == RelayState.REJECTED else ""), now=work.now)
    except Unfit as error:
        raise Stale from error
    work.note(target.id, relay=str(row.id), type=row.type, status=row.state, responder=str(row.responder_id), **({"case": str(row.case_id)} if row.case_id else {}))


AGAIN = Power(
    slug="send-relay-again", code="relay.again", event="relay.sent_again", over="organization", permission=PERMISSION, tier=1, form=RelayForm, rule=again_rule, effects=again_effects, apply=again,
    notice=False,
    title=gettext_lazy("Send a request to a service or app again"), button=gettext_lazy("Send it again"),
    does=gettext_lazy("Sends a request of somebody to a service or app once more, by the way that is set now."), does_not=gettext_lazy("Makes no new request, and changes no date of the person."),
    sentence=gettext_lazy("%(actor)s sent a request of somebody to a service or app again"),
)
RECORD = Power(
    slug="record-relay-answer", code="relay.record", event="relay.answer_recorded", over="organization", permission=PERMISSION, tier=1, form=RecordForm, rule=record_rule, effects=record_effects,
    apply=record, notice=False,
    title=gettext_lazy("Write down what a service or app answered"), button=gettext_lazy("Write it down"),
    does=gettext_lazy("Says what a service or app answered by another way, such as by telephone."), does_not=gettext_lazy("Checks nothing: it is your word that they said it."),
    sentence=gettext_lazy("%(actor)s wrote down what a service or app answered to a request of somebody"),
)
POWERS: tuple[Power, ...] = (AGAIN, RECORD)
