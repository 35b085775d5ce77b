"""Requests of people: what the person does with their own, and how an organization answers (RIGHTS section 3)."""
from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from django import forms
from django.http import QueryDict
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.actor import Actor
from accounts.models import Account, Membership, Organization
from accounts.people import Person
from accounts.power import Data, Effect, Power
from accounts.powers import choosing
from accounts.powers.forms import AnyChoiceField, StrictForm, note_field
from accounts.targets import OrganizationTarget
from accounts.work import Work
from dsar import disputed
from dsar.cases import engine, intake, news, table, words
from dsar.cases.models import ASKABLE, Action, Case, Outcome
from dsar.cases.table import DESTROYS, OPEN

MESSAGE = {"required": False, "max_length": 2000, "widget": forms.Textarea(attrs={"rows": 4})}


# The person


class AskForm(StrictForm):
    right = forms.ChoiceField(label=gettext_lazy("What you ask for"), choices=ASKABLE)
    organization = AnyChoiceField(label=gettext_lazy("Of which organization"), max_length=60, required=False)
    message = forms.CharField(label=gettext_lazy("Your words to them"), help_text=gettext_lazy("Optional. Do not send copies of documents."), **MESSAGE)


def asked_of(account_id: UUID, slug: str) -> Organization | None:
    """The organization that the person means: one they are or were in; where they say none, the only one."""
    rows = Membership.objects.filter(account_id=account_id).exclude(status="invited").select_related("organization")
    found = [m.organization for m in (rows.filter(organization__slug=slug) if slug else rows[:2])]
    return found[0] if len(found) == 1 else None


def ask_rule(_actor: Actor, person: Person, data: Data, _now: datetime) -> Iterable[str]:
    if data.get("right") and asked_of(person.account.id, str(data.get("organization") or "")) is None:
        yield "unknown_organization"


def ask_effects(_person: Person, _data: Data, _now: datetime) -> list[Effect]:
    return [Effect("later", "receipt", _("You get a receipt with a reference and the date by which you are answered.")), Effect("kept", "withdraw", _("You can take it back until something is done."))]


def ask(work: Work, person: Person, data: Data) -> None:
    organization = asked_of(person.account.id, str(data.get("organization") or ""))
    assert organization is not None
    got = intake.receive(work, organization=organization, account=person.account, rights=[str(data["right"])], channel="page", level=2, who="person",
                         actor=person.account.id, words=str(data.get("message") or ""))
    facts, said = got.facts, str(data.get("message") or "").strip()
    if got.again:
        work.note(person.id, case=str(got.loaded.case.id), again=True)
        if said and said != got.loaded.case.words:  # asked twice, it is asked once; what is new in it is not lost
            loaded = engine.load(got.loaded.case.id, account_id=person.account.id)
            facts = [engine.go(work, loaded, "added", who="person", actor=person.account.id, data={"words": said})]
    write_own(work, person, organization.id, facts)


def write_own(work: Work, person: Person, organization_id: UUID, facts: list[dict[str, Any]]) -> None:
    """The entry of the act stands in the log that the person's own acts stand in; the organization that was asked has each step in its own."""
    home = person.management.organization_id if person.management else None
    for number, one in enumerate(facts):
        if number == 0:
            work.note(person.id, **one)
        if home != organization_id:
            work.answered.append((organization_id, f"case.{one['step']}", person.account.email, one))
        elif number:
            work.tell(person, f"case.{one['step']}", **one)


class OwnForm(StrictForm):
    request = forms.CharField(label=gettext_lazy("Request"), max_length=36, required=False, help_text=gettext_lazy("Its reference; where there is only one that you can mean, you need not say it."))


def own(person: Person, data: Data, event: str) -> Case | None:
    """The request of theirs that the person means; where they name none, the only one to which this can happen."""
    word = str(data.get("request") or "")
    rows = Case.objects.filter(account_id=person.account.id)
    if not word:
        found = list(rows.filter(state__in=table.BY_EVENT[event].before)[:2])
        return found[0] if len(found) == 1 else None
    try:
        return rows.filter(id=UUID(word)).first()
    except ValueError:
        return rows.filter(reference=word.upper()).first()


def withdraw_rule(_actor: Actor, person: Person, data: Data, now: datetime) -> Iterable[str]:
    row = own(person, data, "withdrawn")
    yield from ["unknown_request"] if row is None else ["by_the_link"] if row.state == "scheduled" else codes(row, "withdrawn", "person", person.account.id, {}, now)


def withdraw(work: Work, person: Person, data: Data) -> None:
    row = own(person, data, "withdrawn")
    assert row is not None
    loaded = engine.load(row.id, account_id=person.account.id)
    write_own(work, person, row.organization_id, [engine.go(work, loaded, "withdrawn", who="person", actor=person.account.id)])


# The organization


class CaseForm(StrictForm):
    request = AnyChoiceField(label=gettext_lazy("Request"), max_length=36)
    message = forms.CharField(label=gettext_lazy("Message to the person"), max_length=2000, widget=forms.Textarea(attrs={"rows": 4}),
                              help_text=gettext_lazy("They read it by mail and on the page of their request."))
    private_note = note_field()

    def choices_for(self, organization: Organization, actor: Actor) -> None:
        """The open requests that this administrator may see, what is due first before."""
        rows = visible(organization.id, actor).filter(state__in=OPEN).select_related("account").order_by("statutory_due")[:500]
        self.fields["request"].choices = [("", gettext_lazy("Choose one")), *((str(r.id), f"{r.reference} · {r.account.name or r.account.email}") for r in rows)]  # type: ignore[attr-defined]

    @classmethod
    def initial_from(cls, query: QueryDict) -> dict[str, Any]:
        """The request beside which the act was chosen."""
        return {"request": query.get("request", "")[:36]}


class RefuseForm(CaseForm):
    ground = forms.ChoiceField(label=gettext_lazy("Ground"), choices=[("", gettext_lazy("Choose one")), *words.GROUNDS])
    field_order = ["request", "ground", "message", "private_note"]


class ExtendForm(CaseForm):
    ground = forms.ChoiceField(label=gettext_lazy("Ground"), choices=[("", gettext_lazy("Choose one")), *words.EXTENSIONS])
    field_order = ["request", "ground", "message", "private_note"]


class AnswerForm(CaseForm):
    outcome = forms.ChoiceField(label=gettext_lazy("Answer"), choices=[("granted", gettext_lazy("Granted: it is done")),
                                         ("partial", gettext_lazy("Granted in part: the rest stays, on a ground"))], widget=forms.RadioSelect)
    ground = forms.ChoiceField(label=gettext_lazy("Ground for the rest"), choices=[("", gettext_lazy("None")), *words.GROUNDS], required=False)
    field_order = ["request", "outcome", "ground", "message", "private_note"]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        if cleaned.get("outcome") == "partial" and not cleaned.get("ground"):
            self.add_error("ground", forms.ValidationError(_("Say on which ground the rest stays."), code="required"))
        return cleaned


def visible(organization_id: UUID, actor: Actor) -> Any:
    """The cases of the organization that are not kept from this administrator."""
    return Case.objects.filter(organization_id=organization_id).exclude(barred__contains=[actor.account_id] if actor.account_id else [])


def chosen(organization_id: UUID, data: Data) -> Case | None:
    word, rows = str(data.get("request") or ""), Case.objects.filter(organization_id=organization_id).select_related("account", "organization")
    try:
        return rows.filter(id=UUID(word)).first()
    except ValueError:
        return rows.filter(reference=word.upper()).first()


def codes(row: Case, event: str, who: table.Who, actor: UUID | None, data: dict[str, Any], now: datetime) -> list[str]:
    return table.why_not(engine.load(row.id, lock=False).told(who, actor, data, now), event)


def rule_of(event: str, said: dict[str, Any] | None = None) -> Callable[[Actor, OrganizationTarget, Data, datetime], Iterable[str]]:
    """What stands in the way of every answer, and of this one by the table."""
    def rule(actor: Actor, target: OrganizationTarget, data: Data, now: datetime) -> Iterable[str]:
        yield from choosing.unreached(actor)
        if data.get("request"):
            row = chosen(target.id, data)
            if row is None or actor.account_id in row.barred:
                yield "unknown_request"
            elif row.account_id == actor.account_id:
                yield "self"
            else:
                yield from codes(row, event, "administrator", actor.account_id, said or {}, now)
    return rule


def closing_rule(event: str) -> Callable[[Actor, OrganizationTarget, Data, datetime], Iterable[str]]:
    """The same; where values of the profile are disputed in the request, each of them is answered first."""
    rule = rule_of(event)

    def closing(actor: Actor, target: OrganizationTarget, data: Data, now: datetime) -> Iterable[str]:
        yield from rule(actor, target, data, now)
        row = chosen(target.id, data) if data.get("request") else None
        if row is not None and disputed.of(row).filter(state="open").exists():
            yield "answer_values_first"
        if row is not None and event == "refused" and row.channel == "report":
            yield "rebut_report"
    return closing


def effects_of(event: str) -> Callable[[OrganizationTarget, Data, datetime], list[Effect]]:
    """What the person will read, and until when they were to be answered."""
    def effects(target: OrganizationTarget, data: Data, _now: datetime) -> list[Effect]:
        row = chosen(target.id, data)
        found = [Effect("later", "told", _("The person is told by mail, with your message and where else they can turn."))]
        if row is not None:
            sent = "fulfilled_in_part" if (event, data.get("outcome")) == ("fulfilled", "partial") else event
            text = news.preview(row, sent, str(data.get("message") or ""), ground=str(data.get("ground") or ""))
            found += [Effect("later", "letter", _("The letter: “%(text)s”") % {"text": text})] if text else []
            found.append(Effect("kept", "case", _("Request %(reference)s") % {"reference": row.reference}, row.version))
            found += [Effect("later", f"due:{row.statutory_due}", _("It has to be answered by %(day)s.") % {"day": date_format(row.statutory_due)})] if row.statutory_due else []
            found += [Effect("kept", "complain", line) for line in words.complain(row.regimes)] if event in {"refused", "upheld"} else []
        return found
    return effects


def act_of(event: str) -> Callable[[Work, OrganizationTarget, Data], None]:
    def apply(work: Work, target: OrganizationTarget, data: Data) -> None:
        row = chosen(target.id, data)
        assert row is not None
        loaded = engine.load(row.id, organization_id=target.id)
        facts = engine.go(work, loaded, event, who="administrator", actor=_by(work), data={"code": data.get("ground", ""), "words": data.get("message", "")})
        work.note(target.id, _also=[row.account], _about=row.account_id, **facts)
    return apply


def _by(work: Work) -> UUID | None:
    return work.people[0] if work.people else None


def answer(work: Work, target: OrganizationTarget, data: Data) -> None:
    """What an administrator did by hand: planned, agreed to, begun and done in one act, each step with its entry."""
    row = chosen(target.id, data)
    assert row is not None
    loaded = engine.load(row.id, organization_id=target.id)
    case, by = loaded.case, _by(work)
    work.track(case)
    case.plan = {right: "by_hand" for right in loaded.rights}
    case.plan_hash = hashlib.sha256(json.dumps(case.plan, sort_keys=True).encode()).hexdigest()
    for event, who in (("planned", "administrator"), ("approved", "administrator"), ("started", "schedule")):
        facts = engine.go(work, loaded, event, who=who, actor=by)  # type: ignore[arg-type]
        work.tell(Person(account=row.account), f"case.{event}", **facts)
    outcome = Outcome.PARTIAL if data["outcome"] == "partial" else Outcome.GRANTED
    last = "fulfilled_in_part" if outcome == Outcome.PARTIAL else "fulfilled"
    facts = engine.go(work, loaded, last, who="administrator", actor=by, data={"outcomes": dict.fromkeys(loaded.rights, outcome), "code": data.get("ground", ""), "words": data.get("message", "")})
    work.note(target.id, event=f"case.{last}", _also=[row.account], _about=row.account_id, **facts)


def answer_tier(_actor: Actor, target: OrganizationTarget, data: Data) -> int:
    """What destroys something needs two people (RIGHTS 3b, row 12)."""
    row = chosen(target.id, data) if data.get("request") else None
    return 3 if row is not None and set(row.actions.values_list("right", flat=True)) & DESTROYS else 1


def of_person(account: Account) -> list[tuple[Case, list[Action]]]:
    """The person's requests, the newest first."""
    rows = list(Case.objects.filter(account=account).select_related("organization").prefetch_related("actions").order_by("-received_at")[:100])
    return [(row, list(row.actions.all())) for row in rows]


ASK = Power(
    slug="ask-right", code="own.request", event="case.received", over="own_account", permission=None, tier=1, form=AskForm, rule=ask_rule, effects=ask_effects, apply=ask, notice=False, ladder=0,
    self_allowed=True, people_only=True,
    title=gettext_lazy("Ask for what is yours by right"), button=gettext_lazy("Ask"),
    does=gettext_lazy("Sends your request to the organization, which has to answer by a date."), does_not=gettext_lazy("Changes nothing by itself. Asked twice, it is asked once."),
    sentence=gettext_lazy("%(actor)s asked for what is theirs by right"),
)
WITHDRAW = Power(
    slug="withdraw-request", code="own.request_withdraw", event="case.withdrawn", over="own_account", permission=None, tier=0, form=OwnForm, rule=withdraw_rule, apply=withdraw, notice=False, ladder=0,
    self_allowed=True, people_only=True, always=True,
    title=gettext_lazy("Withdraw a request"), button=gettext_lazy("Withdraw it"),
    does=gettext_lazy("Takes a request of yours back, until something was done for it."), does_not=gettext_lazy("Undoes nothing that was done already."),
    sentence=gettext_lazy("%(actor)s withdrew a request"),
)
ANSWER = Power(
    slug="answer-request", code="case.answer", event="case.fulfilled", over="organization", permission="manage_requests", tier=1, tier_for=answer_tier, form=AnswerForm,
    rule=closing_rule("planned"), effects=effects_of("fulfilled"), apply=answer, notice=False,
    title=gettext_lazy("Answer a request as done"), button=gettext_lazy("Send the answer"),
    does=gettext_lazy("Says that what the person asked for is done, or done in part, and closes the request."),
    does_not=gettext_lazy("Does nothing else by itself: a copy, a deletion or a change is an act of its own."),
    sentence=gettext_lazy("%(actor)s granted a request of %(target)s"),
)
REFUSE = Power(
    slug="refuse-request", code="case.refuse", event="case.refused", over="organization", permission="manage_requests", tier=3, form=RefuseForm, rule=closing_rule("refused"),
    effects=effects_of("refused"), apply=act_of("refused"), notice=False,
    title=gettext_lazy("Refuse a request"), button=gettext_lazy("Refuse it"),
    does=gettext_lazy("Refuses what the person asked for, on a ground; a second person has to agree."),
    does_not=gettext_lazy("Ends nothing for good: the person can disagree, and somebody else then decides."),
    sentence=gettext_lazy("%(actor)s refused a request of %(target)s"),
)
EXTEND = Power(
    slug="extend-request", code="case.extend", event="case.extend", over="organization", permission="manage_requests", tier=3, form=ExtendForm, rule=rule_of("extend"), effects=effects_of("extend"),
    apply=act_of("extend"), notice=False,
    title=gettext_lazy("Take more time for a request"), button=gettext_lazy("Take more time"),
    does=gettext_lazy("Moves the date as far as the law lets it, once, on a ground; a second person has to agree."),
    does_not=gettext_lazy("Gives no time where the law gives none."),
    sentence=gettext_lazy("%(actor)s took more time for a request of %(target)s"),
)
POWERS: tuple[Power, ...] = (ASK, WITHDRAW, ANSWER, REFUSE, EXTEND)
