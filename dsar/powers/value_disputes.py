"""A person says that a value of their profile is not right; an administrator who may change it corrects it, in part or wholly, or keeps it with a ground (POWERS P8, policy B9, RIGHTS 3c).

It is a request for correction, with its case and its clock (decision 51).
"""
from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import uuid4

from django import forms
from django.core.exceptions import ValidationError
from django.http import QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts import lately
from accounts.actor import Actor
from accounts.models import ValueDispute
from accounts.models.profile import DisputeState
from accounts.people import Person
from accounts.power import Data, Effect, Power
from accounts.powers.forms import StrictForm
from accounts.powers.profile_forms import ValueForm, checked, field_choice
from accounts.powers.update_profile import not_ours
from accounts.profile import asking, rules
from accounts.work import Work
from dsar import disputed
from dsar.cases import intake
from dsar.cases.models import Right
from dsar.restriction.states import NOTICE

GROUNDS = [
    ("our_records", gettext_lazy("It is what our records say")),
    ("our_usage", gettext_lazy("The organization writes it this way for everybody")),
    ("from_directory", gettext_lazy("It comes from the directory, where it has to be changed first")),
    ("nothing_shown", gettext_lazy("Nothing shows that it should be different")),
    ("other", gettext_lazy("Other (say what in the message)")),
]


class DisputeForm(ValueForm):
    value_name = "proposed"
    proposed = forms.CharField(label=gettext_lazy("What it should be"), max_length=200, required=False, help_text=gettext_lazy("A language as its code, such as en; a time zone like Europe/Berlin."))
    words = forms.CharField(label=gettext_lazy("Why"), max_length=1000, widget=forms.Textarea(attrs={"rows": 3}), help_text=gettext_lazy("A sentence is enough. Administrators read it."))
    restrict = forms.BooleanField(label=gettext_lazy("Restrict the use of my data meanwhile"), required=False,
                                  help_text=gettext_lazy("The organization may then only store what it holds about you, until two of its people, or you, lift that. You keep your access."))

    def offer(self, _actor: Actor, person: Person) -> None:
        """Only the fields that somebody else answers for."""
        _gathered(person)
        found: Any = self.fields["field"]
        found.choices = [("", _("Choose one")), *((name, label) for name, label in rules.LABELS.items() if asking.disputable(person, name) or self.data.get("field") == name)]


def _gathered(person: Person) -> None:
    for gather in (rules.field_rules, rules.edit_limits, asking.changes):
        gather([person])


def rule(actor: Actor, person: Person, data: Data, now: datetime) -> Iterable[str]:
    if not asking.themselves(actor, person):
        yield "wrong_status"
        return
    waiting: Any = person.extra["disputes"]
    field = str(data.get("field") or "")
    if field in waiting:
        yield "asked_already"
    elif field in person.extra["away"]:  # type: ignore[operator]
        yield "asked_already"
    elif field in rules.LABELS:
        if not asking.disputable(person, field):
            yield "yours_alone"
        elif data.get("proposed") == asking.held(person, field):
            yield "nothing_to_change"
    elif not any(asking.disputable(person, name) and name not in waiting for name in rules.LABELS):
        yield "yours_alone"
    if asking.often(person, now):
        yield "disputed_often"


def effects(_person: Person, data: Data, _now: datetime) -> list[Effect]:
    found = [Effect("later", "answer", _("It is a request with a reference and a date. Administrators correct it, or keep it with a ground that you read.")),
             Effect("lost", "value", _("Until then nobody uses the value: it stands on no list and in no file, only beside what you said."))
             if data.get("field") in {"", None, *asking.CONTESTED} else Effect("kept", "value", _("Until then the value stays as it is, and pages say that you dispute it."))]
    if data.get("restrict"):
        found.append(Effect("lost", "use", _("Within a minute the organization can only store what it holds about you.")))
    return found


def apply(work: Work, person: Person, data: Data) -> None:
    assert person.membership is not None
    row = ValueDispute(id=uuid4(), organization_id=person.membership.organization_id, account=person.account, field=data["field"], value=asking.held(person, data["field"]),
                       proposed=str(data.get("proposed") or ""), words=str(data.get("words") or ""), opened_at=work.now)
    asking.take_away(person, row)
    work.add(row)
    work.touch(person.membership)
    got = intake.receive(work, organization=person.membership.organization, account=person.account, rights=[Right.CORRECT], channel="page", level=2, who="person", actor=person.account.id)
    row.request = got.loaded.case.id
    work.note(person.id, field=row.field, dispute=str(row.id), restrict=bool(data.get("restrict")), restricted=row.away, request=str(got.loaded.case.id))
    for facts in got.facts:
        work.tell(person, f"case.{facts['step']}", **facts)


POWER = Power(
    slug="dispute-value", code="own.value_dispute", event="profile.value_disputed", over="member", permission=None, tier=1, form=DisputeForm,
    rule=rule, effects=effects, apply=apply, self_allowed=True, rank_rule=False, people_only=True, notice=False,
    gather=(rules.field_rules, rules.edit_limits, asking.changes, asking.disputes, asking.disputed_often),
    title=gettext_lazy("Say that a value of your profile is not right"), button=gettext_lazy("Say so"),
    does=gettext_lazy("Asks the organization to correct a value that it locked or changed. It has to answer by a date, and uses the value for nothing until then."),
    does_not=gettext_lazy("Does not change the value: an administrator corrects it, or keeps it with a ground that you read."),
    sentence=gettext_lazy("%(actor)s disputed a value of their profile"),
)


class FieldForm(StrictForm):
    field = field_choice()


def withdraw_rule(actor: Actor, person: Person, data: Data, _now: datetime) -> Iterable[str]:
    if not asking.themselves(actor, person):
        yield "wrong_status"
    else:
        yield from _waiting(person, data)


def _waiting(person: Person, data: Data) -> Iterable[str]:
    found: Any = person.extra["disputes"]
    field = str(data.get("field") or "")
    if (field not in found) if field else not found:
        yield "no_dispute"


def withdraw(work: Work, person: Person, data: Data) -> None:
    row = _ended(work, person, data, DisputeState.WITHDRAWN)
    asking.put_back(person, row)
    if (facts := disputed.withdrawn(work, person, row)) is not None:
        work.tell(person, "case.withdrawn", **facts)


def _ended(work: Work, person: Person, data: Data, state: DisputeState) -> ValueDispute:
    found: Any = person.extra["disputes"]
    row: ValueDispute = found[data["field"]]
    work.track(row)
    row.state, row.answered_at = state, work.now
    work.touch(person.membership)
    work.note(person.id, field=row.field, dispute=str(row.id), outcome=str(state))
    return row


WITHDRAW = Power(
    slug="withdraw-dispute", code="own.value_dispute_withdraw", event="profile.dispute_withdrawn", over="member", permission=None, tier=0, form=FieldForm,
    rule=withdraw_rule, apply=withdraw, ladder=0, self_allowed=True, rank_rule=False, people_only=True, notice=False, gather=(asking.disputes, disputed.correction),
    title=gettext_lazy("Withdraw that a value is not right"), button=gettext_lazy("Withdraw"),
    does=gettext_lazy("Ends what you said about the value, without an answer."),
    does_not=gettext_lazy("Changes no value. A restriction that you chose with it stays until you end it."),
    sentence=gettext_lazy("%(actor)s withdrew what they had said about a value of their profile"),
)


OUTCOMES = [("corrected", gettext_lazy("Correct it")), ("partly", gettext_lazy("Correct it in part, to another value than the person proposed")), ("kept", gettext_lazy("Keep it as it is"))]


class DecisionForm(FieldForm):
    outcome = forms.ChoiceField(label=gettext_lazy("Answer"), choices=OUTCOMES, widget=forms.RadioSelect)
    value = forms.CharField(label=gettext_lazy("The right value"), max_length=200, required=False, help_text=gettext_lazy("Where you correct it. Empty means what the person proposed."))
    reason_code = forms.ChoiceField(label=gettext_lazy("Ground"), choices=[("", gettext_lazy("None")), *GROUNDS], required=False,
                                    help_text=gettext_lazy("Needed where you keep it, or correct it in part. The person reads it."))
    message = forms.CharField(label=gettext_lazy("Message to the person"), required=False, max_length=2000, widget=forms.Textarea(attrs={"rows": 3}),
                              help_text=gettext_lazy("Optional, but for “Other”. They read it with the answer."))

    @classmethod
    def initial_from(cls, query: QueryDict) -> dict[str, Any]:
        """The field beside which the answer was chosen."""
        return {"field": query.get("field", "")[:20]}

    def offer(self, _actor: Actor, person: Person) -> None:
        """What is disputed, with what the person says."""
        asking.disputes([person])
        rows: Any = person.extra["disputes"]
        field: Any = self.fields["field"]
        field.choices = [("", _("Choose one")), *((name, rules.LABELS[name]) for name in rows)] if rows else field.choices
        if len(rows) == 1 and not self.initial.get("field"):
            self.initial["field"] = next(iter(rows))
        row = rows.get(str(self.data.get("field") or self.initial.get("field") or ""))
        if row is not None:
            self.initial["value"] = row.proposed
            field.help_text = _("The person says that “%(value)s” should be “%(proposed)s”: %(words)s") % {
                "value": asking.shown(row.field, row.value), "proposed": asking.shown(row.field, row.proposed), "words": row.words}

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        if cleaned.get("outcome") == "partly" and not cleaned.get("value"):
            self.add_error("value", ValidationError(_("Write the value that it becomes."), code="required"))
        if cleaned.get("outcome") == "partly" and not cleaned.get("reason_code"):
            self.add_error("reason_code", ValidationError(_("Say why it does not become what the person proposed."), code="required"))
        if cleaned.get("outcome") == "kept" and not cleaned.get("reason_code"):
            self.add_error("reason_code", ValidationError(_("Say why it stays, because the person reads it."), code="required"))
        if cleaned.get("reason_code") == "other" and not cleaned.get("message"):
            self.add_error("message", ValidationError(_("Say in the message what the ground is."), code="required"))
        if cleaned.get("outcome") in _CORRECTS and cleaned.get("field") and cleaned.get("value"):
            try:
                cleaned["value"] = checked(cleaned["field"], cleaned["value"])
            except ValidationError as error:
                self.add_error("value", error)
        return cleaned


_CORRECTS = ("corrected", "partly")


def decide_rule(actor: Actor, person: Person, data: Data, now: datetime) -> Iterable[str]:
    if person.membership is None or person.membership.status == "removed":
        yield "wrong_status"
        return
    yield from _waiting(person, data)
    if actor.account_id in disputed.barred(person):
        yield "unknown_request"
    if data.get("outcome") in _CORRECTS:
        yield from lately.codes(person.account, now)
    if data.get("outcome") in _CORRECTS and data.get("field") in rules.LABELS:
        yield from not_ours(person, [str(data["field"])])
    found: Any = person.extra["disputes"]
    row = found.get(str(data.get("field") or ""))
    if row is not None and data.get("outcome") == "partly" and data.get("value") in {row.proposed, row.value}:
        yield "not_beyond_proposal"


def _right(person: Person, data: Data) -> str:
    """What a corrected value becomes."""
    found: Any = person.extra["disputes"]
    row = found.get(data.get("field"))
    return str(data.get("value") or (row.proposed if row else ""))


def decide_effects(person: Person, data: Data, _now: datetime) -> list[Effect]:
    field = str(data.get("field") or "")
    if field not in person.extra["disputes"]:  # type: ignore[operator]
        return []
    row = person.extra["disputes"][field]  # type: ignore[index]
    words = {"field": rules.LABELS[field], "old": asking.shown(field, row.value), "proposed": asking.shown(field, row.proposed)}
    said = Effect("kept", "proposed", _("%(field)s was “%(old)s”; the person proposes “%(proposed)s”.") % words)
    if data.get("outcome") in _CORRECTS:
        value = _right(person, data)
        return [said, Effect("lost", f"field:{field}:{value}", _("%(field)s becomes “%(value)s”.") % {"field": rules.LABELS[field], "value": asking.shown(field, value)}),
                Effect("kept", "marker", _("No import and no later change brings the old value back unnoticed."))]
    return [said, Effect("later", "value", _("The value stays, and the person reads why. It is used again three days later, unless they disagree; then somebody else decides."))]


def decide(work: Work, person: Person, data: Data) -> None:
    value = _right(person, data)
    row = _ended(work, person, data, DisputeState(data["outcome"]))
    row.answered_by, row.answer, row.ground = work.actor_membership, str(data.get("message") or ""), "" if data["outcome"] == "corrected" else str(data.get("reason_code") or "")
    if data["outcome"] in _CORRECTS:
        asking.put_right(work, person, row, value)
    elif row.away:
        row.back_at = work.now + NOTICE
    for facts in disputed.answered(work, person, row):
        work.tell(person, f"case.{facts['step']}", **facts)


DECIDE = Power(
    slug="answer-value-dispute", code="profile.dispute_answer", event="profile.dispute_answered", over="member", permission="update_profiles", tier=0, form=DecisionForm,
    rule=decide_rule, effects=decide_effects, apply=decide, always=True, people_only=True,
    gather=(rules.field_rules, asking.disputes, disputed.correction),
    title=gettext_lazy("Answer a person who says that a value is not right"), button=gettext_lazy("Answer"),
    does=gettext_lazy("Corrects the value that the person disputes, or keeps it with a ground that they read."),
    does_not=gettext_lazy("Changes no other field. The last answer closes the person’s request; they can disagree, and somebody else then decides."),
    sentence=gettext_lazy("%(actor)s answered %(target)s, who had said that a value of their profile is not right"),
)
POWERS: tuple[Power, ...] = (POWER, WITHDRAW, DECIDE)
