"""Back and forth about a request: a question and its answer, disagreement and a second look (RIGHTS 3b, rows 6, 7, 26 and 27)."""
from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from uuid import uuid4

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts import audience
from accounts.actor import Actor
from accounts.addresses import address_key
from accounts.models import Account, Organization
from accounts.people import Person
from accounts.power import Data, Effect, Power
from accounts.powers.forms import AnyChoiceField
from accounts.targets import OrganizationTarget
from accounts.tenancy import installation
from accounts.work import Work
from dsar.cases import engine
from dsar.cases.models import Case, Task, TaskKind
from dsar.models import Copy, CopyState
from dsar.powers import cases
from dsar.powers.cases import CaseForm, OwnForm


class WordsForm(OwnForm):
    message = forms.CharField(label=gettext_lazy("Your words to them"), max_length=2000, widget=forms.Textarea(attrs={"rows": 4}))


def _own_rule(event: str) -> Callable[[Actor, Person, Data, datetime], Iterable[str]]:
    def rule(_actor: Actor, person: Person, data: Data, now: datetime) -> Iterable[str]:
        row = cases.own(person, data, event)
        yield from ["unknown_request"] if row is None else cases.codes(row, event, "person", person.account.id, {}, now)
    return rule


def _own_act(event: str) -> Callable[[Work, Person, Data], None]:
    def apply(work: Work, person: Person, data: Data) -> None:
        row = cases.own(person, data, event)
        assert row is not None
        loaded = engine.load(row.id, account_id=person.account.id)
        cases.write_own(work, person, row.organization_id, [engine.go(work, loaded, event, who="person", actor=person.account.id, data={"words": data.get("message", "")})])
    return apply


def _own_naming(event: str) -> Callable[[Work, Person, Data], None]:
    """The person names an administrator: who shall not handle the request, or who shall."""
    def apply(work: Work, person: Person, data: Data) -> None:
        row = cases.own(person, data, event)
        assert row is not None
        named = _named(row, data)
        assert named is not None
        loaded = engine.load(row.id, account_id=person.account.id)
        facts = engine.go(work, loaded, event, who="person", actor=person.account.id, data={"account": named.id, "facts": {"administrator": str(named.id)}})
        cases.write_own(work, person, row.organization_id, [{**facts, "administrator": str(named.id)}])
    return apply


def again_rule(_actor: Actor, person: Person, data: Data, now: datetime) -> Iterable[str]:
    row = cases.own(person, data, "asked_again")
    if row is None:
        yield "unknown_request"
        return
    known = cases.codes(row, "asked_again", "person", person.account.id, {}, now)
    yield from known
    if not known and Copy.objects.filter(account_id=person.account.id, organization_id=row.organization_id, state=CopyState.ASKED).exists():
        yield "copy_under_way"


def again_effects(_person: Person, _data: Data, _now: datetime) -> list[Effect]:
    return [Effect("later", "copy", _("It is made anew, as things are then. You get a mail when it is ready; it can be fetched for seven days, three times.")),
            Effect("kept", "request", _("Your request stays answered as it was."))]


def again(work: Work, person: Person, data: Data) -> None:
    row = cases.own(person, data, "asked_again")
    assert row is not None
    loaded = engine.load(row.id, account_id=person.account.id)
    facts = engine.go(work, loaded, "asked_again", who="person", actor=person.account.id)
    made = Copy(id=uuid4(), account_id=person.account.id, organization_id=row.organization_id, requested_by=person.account.id, language=person.account.language or "en",
                asked_at=work.now, for_case=row.id)
    work.add(made)
    for task in Task.objects.select_for_update().filter(case=row, kind=TaskKind.COPY).order_by("id"):
        work.track(task)
        task.refers, task.state, task.failure, task.done_at = made.id, "open", "", None
    cases.write_own(work, person, row.organization_id, [{**facts, "copy": str(made.id)}])


class BarForm(OwnForm):
    administrator = AnyChoiceField(label=gettext_lazy("Who shall not handle it"), max_length=254, help_text=gettext_lazy("By their e-mail address."))


def handlers(row: Case) -> list[Account]:
    """Who could handle this request now: everybody with the permission from whom it is not kept."""
    return [one for one in audience.holders(row.organization, "manage_requests") if one.id not in {*row.barred, row.account_id}]


def _named(row: Case, data: Data) -> Account | None:
    word = str(data.get("administrator") or "").strip()
    with installation("who handles a request is known to whoever made it"):
        return next((one for one in audience.holders(row.organization, "manage_requests") if word in {str(one.id), one.email} or address_key(word) == one.email_key), None)


def bar_rule(_actor: Actor, person: Person, data: Data, now: datetime) -> Iterable[str]:
    row = cases.own(person, data, "barred")
    if row is None:
        yield "unknown_request"
        return
    yield from cases.codes(row, "barred", "person", person.account.id, {}, now)
    if data.get("administrator"):
        named = _named(row, data)
        if named is None or named.id == person.account.id:
            yield "not_a_handler"
        elif named.id in row.barred:
            yield "nothing_to_change"
        else:
            with installation("who handles a request is known to whoever made it"):
                if not [one for one in handlers(row) if one.id != named.id]:
                    yield "nobody_left"


def bar_effects(_person: Person, _data: Data, _now: datetime) -> list[Effect]:
    return [Effect("lost", "access", _("They see the request no more, and cannot act on it or agree to anything about it.")),
            Effect("kept", "request", _("Your request and its date stay as they are."))]


class HandlerForm(OwnForm):
    administrator = AnyChoiceField(label=gettext_lazy("Who shall handle it"), max_length=254, help_text=gettext_lazy("By their e-mail address."))


def handler_rule(_actor: Actor, person: Person, data: Data, now: datetime) -> Iterable[str]:
    row = cases.own(person, data, "assigned")
    if row is None:
        yield "unknown_request"
        return
    yield from cases.codes(row, "assigned", "person", person.account.id, {}, now)
    if data.get("administrator"):
        yield from _no_handler(row, _named(row, data))


def _no_handler(row: Case, named: Account | None) -> Iterable[str]:
    if named is None or named.id in {row.account_id, *row.barred}:
        yield "not_a_handler"
    elif named.id == row.assigned:
        yield "nothing_to_change"


def handler_effects(_person: Person, _data: Data, _now: datetime) -> list[Effect]:
    return [Effect("later", "told", _("They are told by mail that they handle your request. Others who may handle requests still see it.")),
            Effect("kept", "request", _("Your request and its date stay as they are."))]


class AssignForm(CaseForm):
    message = None  # type: ignore[assignment]  # the person is told only where they had asked for somebody else
    administrator = AnyChoiceField(label=gettext_lazy("Who handles it"), max_length=254, help_text=gettext_lazy("Whoever may handle requests here. Choose yourself to take it over."))
    field_order = ["request", "administrator", "private_note"]

    def choices_for(self, organization: Organization, actor: Actor) -> None:
        """Everybody who could; who is kept out of the chosen request the rule says."""
        super().choices_for(organization, actor)
        found = sorted(audience.holders(organization, "manage_requests"), key=lambda one: (one.id != actor.account_id, one.name))
        self.fields["administrator"].choices = [("", gettext_lazy("Choose one")), *((str(one.id), one.name or one.email) for one in found)]  # type: ignore[attr-defined]


def assign_rule(actor: Actor, target: OrganizationTarget, data: Data, now: datetime) -> Iterable[str]:
    found = list(cases.rule_of("assigned")(actor, target, data, now))
    yield from found
    if data.get("request") and data.get("administrator") and not found:
        row = cases.chosen(target.id, data)
        yield from _no_handler(row, _named(row, data)) if row is not None else []


def assign_effects(target: OrganizationTarget, data: Data, _now: datetime) -> list[Effect]:
    row = cases.chosen(target.id, data)
    found = [Effect("later", "told", _("They are told by mail, and get the news of this request from now on.")),
             Effect("kept", "others", _("Others who may handle requests still see it and can act."))]
    if row is not None:
        found.append(Effect("kept", "case", _("Request %(reference)s") % {"reference": row.reference}, row.version))
        found += [Effect("later", "wish", _("The person had asked for whoever handles it now, and is told."))] if row.assigned_by_person else []
    return found


def assign(work: Work, target: OrganizationTarget, data: Data) -> None:
    row = cases.chosen(target.id, data)
    assert row is not None
    named = _named(row, data)
    assert named is not None
    loaded = engine.load(row.id, organization_id=target.id)
    facts = engine.go(work, loaded, "assigned", who="administrator", actor=work.people[0] if work.people else None,
                      data={"account": named.id, "facts": {"administrator": str(named.id), **({"against_wish": True} if loaded.case.assigned_by_person else {})}})
    work.note(target.id, _also=[row.account], _about=row.account_id, **facts, administrator=str(named.id))


class ResolveForm(CaseForm):
    outcome = forms.ChoiceField(label=gettext_lazy("Decision"), choices=[("upheld", gettext_lazy("The answer stays")),
                                ("reversed", gettext_lazy("The person is right: it goes on"))], widget=forms.RadioSelect)
    field_order = ["request", "outcome", "message", "private_note"]


def resolve_rule(actor: Actor, target: OrganizationTarget, data: Data, now: datetime) -> Iterable[str]:
    return cases.rule_of(str(data.get("outcome") or "upheld"))(actor, target, data, now)


def resolve_effects(target: OrganizationTarget, data: Data, now: datetime) -> list[Effect]:
    return [*cases.effects_of("upheld" if data.get("outcome") == "upheld" else "reversed")(target, data, now),
            Effect("later", f"resolved:{data.get('outcome', '')}", _("If the answer stays, the request is closed. If not, it is planned again."))]


def resolve(work: Work, target: OrganizationTarget, data: Data) -> None:
    cases.act_of(str(data["outcome"]))(work, target, data)
    work.note(target.id, event=f"case.{data['outcome']}")


ANSWER = Power(
    slug="answer-question", code="own.request_answer", event="case.answered", over="own_account", permission=None, tier=0, form=WordsForm, rule=_own_rule("answered"), apply=_own_act("answered"),
    notice=False, ladder=0, self_allowed=True, people_only=True,
    title=gettext_lazy("Answer a question about your request"), button=gettext_lazy("Send the answer"),
    does=gettext_lazy("Sends your answer; the time goes on. You may say that you mean everything."), does_not=gettext_lazy("Closes nothing and opens nothing."),
    sentence=gettext_lazy("%(actor)s answered a question about a request of theirs"),
)
DISPUTE = Power(
    slug="dispute-answer", code="own.request_dispute", event="case.disputed", over="own_account", permission=None, tier=0, form=WordsForm, rule=_own_rule("disputed"), apply=_own_act("disputed"),
    notice=False, ladder=0, self_allowed=True, people_only=True,
    title=gettext_lazy("Disagree with an answer"), button=gettext_lazy("Disagree"),
    does=gettext_lazy("Asks that somebody else in the organization looks at the answer again."), does_not=gettext_lazy("Takes no other way from you: you can complain elsewhere all the same."),
    sentence=gettext_lazy("%(actor)s disagreed with an answer to a request of theirs"),
)
QUESTION = Power(
    slug="ask-requester", code="case.ask", event="case.ask", over="organization", permission="manage_requests", tier=1, form=CaseForm, rule=cases.rule_of("ask"), effects=cases.effects_of("ask"),
    apply=cases.act_of("ask"), notice=False,
    title=gettext_lazy("Ask about a request"), button=gettext_lazy("Send the question"),
    does=gettext_lazy("Asks the person what they mean, once. Where the law allows it, the time stands still until they answer."),
    does_not=gettext_lazy("Holds nothing up for long: after 30 days without an answer the request goes on as it is."),
    sentence=gettext_lazy("%(actor)s asked %(target)s about a request"),
)
RESOLVE = Power(
    slug="resolve-dispute", code="case.resolve", event="case.upheld", over="organization", permission="manage_requests", tier=1, form=ResolveForm, rule=resolve_rule, effects=resolve_effects,
    apply=resolve, notice=False,
    title=gettext_lazy("Decide about a disputed answer"), button=gettext_lazy("Decide"),
    does=gettext_lazy("Says whether an answer that the person disagrees with stays. Whoever gave it cannot decide."), does_not=gettext_lazy("Carries nothing out by itself."),
    sentence=gettext_lazy("%(actor)s decided about a disputed answer to %(target)s"),
)
BAR = Power(
    slug="bar-from-request", code="own.request_bar", event="case.barred", over="own_account", permission=None, tier=0, form=BarForm, rule=bar_rule, effects=bar_effects,
    apply=_own_naming("barred"), notice=False,
    ladder=0, self_allowed=True, people_only=True, always=True,
    title=gettext_lazy("Keep an administrator out of your request"), button=gettext_lazy("Keep them out"),
    does=gettext_lazy("Takes the access to one of your requests from an administrator, so that somebody else handles it."),
    does_not=gettext_lazy("Changes nothing in your request, and does not tell them why."),
    sentence=gettext_lazy("%(actor)s asked that an administrator does not handle their request"),
)
HANDLER = Power(
    slug="choose-handler", code="own.request_handler", event="case.assigned", over="own_account", permission=None, tier=0, form=HandlerForm, rule=handler_rule, effects=handler_effects,
    apply=_own_naming("assigned"), notice=False, ladder=0, self_allowed=True, people_only=True, always=True,
    title=gettext_lazy("Ask that somebody in particular handles your request"), button=gettext_lazy("Ask for them"),
    does=gettext_lazy("Gives one of your requests to somebody of your choice among those who may handle it."),
    does_not=gettext_lazy("Keeps nobody out: for that there is another act."),
    sentence=gettext_lazy("%(actor)s asked that somebody in particular handles their request"),
)
ASSIGN = Power(
    slug="assign-request", code="case.assign", event="case.assigned", over="organization", permission="manage_requests", tier=0, form=AssignForm, rule=assign_rule, effects=assign_effects,
    apply=assign, notice=False,
    title=gettext_lazy("Say who handles a request"), button=gettext_lazy("Hand it over"),
    does=gettext_lazy("Gives a request to somebody who may handle it, or takes it over."), does_not=gettext_lazy("Takes nobody’s access, and changes no date."),
    sentence=gettext_lazy("%(actor)s settled who handles a request of %(target)s"),
)
AGAIN = Power(
    slug="make-copy-again", code="own.request_again", event="case.asked_again", over="own_account", permission=None, tier=0, form=OwnForm, rule=again_rule, effects=again_effects, apply=again,
    notice=False, ladder=0, self_allowed=True, people_only=True,
    title=gettext_lazy("Have a copy made once more"), button=gettext_lazy("Make it once more"),
    does=gettext_lazy("Makes the copy of a request anew, once, where the first one was destroyed before you fetched it."),
    does_not=gettext_lazy("Opens no new request, and changes nothing of the answer."),
    sentence=gettext_lazy("%(actor)s asked that the copy of a request of theirs be made once more"),
)
POWERS: tuple[Power, ...] = (ANSWER, DISPUTE, BAR, HANDLER, AGAIN, QUESTION, ASSIGN, RESOLVE)
