"""Who asked: an administrator writes down what came by telephone, letter or an agent; nothing is done before the person confirms it, or two people vouch for them (RIGHTS 3d)."""
from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.actor import Actor
from accounts.addresses import address_key
from accounts.models import Account, Membership
from accounts.people import Person
from accounts.power import Data, Effect, Power
from accounts.powers import choosing
from accounts.powers.forms import StrictForm, note_field
from accounts.reasons import Refused
from accounts.targets import OrganizationTarget
from accounts.work import Work
from dsar.cases import agents, engine, intake, unproven, words
from dsar.cases.models import Case, Channel, Letters
from dsar.powers import cases
from dsar.powers.cases import CaseForm, OwnForm

METHODS = [("", gettext_lazy("Choose one")), ("called_back", gettext_lazy("Called back on a number that was known before")), ("in_person", gettext_lazy("Seen in person, and known")),
           ("document", gettext_lazy("A document was shown, and no copy kept"))]


class RecordForm(StrictForm):
    person = forms.EmailField(label=gettext_lazy("E-mail address of the person"), max_length=254)
    right = forms.ChoiceField(label=gettext_lazy("What they ask for"), choices=words.ASKED_FOR)
    channel = forms.ChoiceField(label=gettext_lazy("How it came"), choices=[c for c in Channel.choices if c[0] in {"phone", "letter", "agent"}])
    received_on = forms.DateField(label=gettext_lazy("Day on which it came"), required=False, widget=forms.DateInput(attrs={"type": "date"}),
                                  help_text=gettext_lazy("Today if you leave it empty. The time to answer runs from it."))
    message = forms.CharField(label=gettext_lazy("Their words"), required=False, max_length=2000, widget=forms.Textarea(attrs={"rows": 4}),
                              help_text=gettext_lazy("Optional. Nothing that proves who they are."))
    agent_name = forms.CharField(**{**agents.NAME, "label": gettext_lazy("Who acts for them: name")}, required=False, help_text=gettext_lazy("Only for what came by an agent."))
    agent_email = forms.EmailField(label=gettext_lazy("Who acts for them: e-mail address"), max_length=254, required=False)
    authority = forms.ChoiceField(label=gettext_lazy("Who acts for them: on what ground"), choices=agents.AUTHORITIES, required=False)
    private_note = note_field()

    def clean_agent_name(self) -> str:
        return agents.clean_name(self.cleaned_data["agent_name"])

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        named = [name for name in ("agent_name", "agent_email", "authority") if cleaned.get(name)]
        if cleaned.get("channel") == "agent" and named:
            for name in {"agent_name", "agent_email", "authority"} - set(named) - set(self.errors):
                self.add_error(name, forms.ValidationError(_("Say who acts for the person: name, address and ground."), code="required"))
        elif named:
            self.add_error("channel", forms.ValidationError(_("Somebody who acts for the person is named, but it did not come by an agent."), code="agent"))
        return cleaned

    def clean_received_on(self) -> date | None:
        day = self.cleaned_data["received_on"]
        if day and not 0 <= (timezone.localdate() - day).days <= 366:
            raise forms.ValidationError(_("Choose a day of the last year."), code="range")
        return day


def _meant(target: OrganizationTarget, data: Data) -> Account | None:
    """Whoever has this address and is or was in the organization."""
    row = Membership.objects.filter(organization_id=target.id, account__email_key=address_key(str(data.get("person") or ""))).exclude(status="invited").select_related("account").first()
    return row.account if row else None


def record_rule(actor: Actor, target: OrganizationTarget, data: Data, _now: datetime) -> Iterable[str]:
    yield from choosing.unreached(actor)
    if data.get("person"):
        account = _meant(target, data)
        if account is None:
            yield "unknown_person"
        elif account.id == actor.account_id:
            yield "self"


def record_effects(_target: OrganizationTarget, _data: Data, _now: datetime) -> list[Effect]:
    return [Effect("later", "told", _("The person gets a mail with the reference, and is asked to confirm that it was them.")), Effect("kept", "data", _("Nothing is done or disclosed before that."))]


def record(work: Work, target: OrganizationTarget, data: Data) -> None:
    account = _meant(target, data)
    assert account is not None
    day, zone = data.get("received_on"), ZoneInfo(target.organization.time_zone)
    if isinstance(day, str):
        day = date.fromisoformat(day)
    by = work.people[0] if work.people else None
    got = intake.receive(work, organization=target.organization, account=account, rights=[str(data["right"])], channel=str(data["channel"]), level=0, who="administrator", actor=by,
                         words=str(data.get("message") or ""), received_at=datetime.combine(day, time(12), zone) if day else None, recorded_by=by)
    if data.get("agent_name") and not got.again:
        agents.stated(work, got.loaded.case, dict(data))
    _write(work, target, account, got)


def _write(work: Work, target: OrganizationTarget, account: Account, got: intake.Received) -> None:
    work.note(target.id, _also=[account], _about=account.id, **(got.facts[0] if got.facts else {"case": str(got.loaded.case.id), "again": True}))
    for one in got.facts[1:]:
        work.tell(Person(account=account), f"case.{one['step']}", **one)


def confirm_rule(_actor: Actor, person: Person, data: Data, now: datetime) -> Iterable[str]:
    row = cases.own(person, data, "proven")
    yield from ["unknown_request"] if row is None else cases.codes(row, "proven", "person", person.account.id, {"level": 2}, now)


def confirm(work: Work, person: Person, data: Data) -> None:
    row = cases.own(person, data, "proven")
    assert row is not None
    loaded = engine.load(row.id, account_id=person.account.id)
    cases.write_own(work, person, row.organization_id, intake.prove(work, loaded, level=2, who="person", actor=person.account.id, code="signed_in"))


def downgrade_rule(_actor: Actor, person: Person, data: Data, now: datetime) -> Iterable[str]:
    row = cases.own(person, data, "downgraded")
    yield from ["unknown_request"] if row is None else cases.codes(row, "downgraded", "person", person.account.id, {}, now)


def downgrade_effects(_person: Person, _data: Data, _now: datetime) -> list[Effect]:
    return [Effect("lost", "deletion", _("The request for deletion is closed. You can ask for it again.")),
            Effect("later", "opt_out", _("A new request asks for no mail and no use beyond what is needed."))]


def downgrade(work: Work, person: Person, data: Data) -> None:
    row = cases.own(person, data, "downgraded")
    assert row is not None
    loaded = engine.load(row.id, account_id=person.account.id)
    cases.write_own(work, person, row.organization_id, [facts for _case, facts in unproven.downgrade(work, loaded, account=person.account, who="person", actor=person.account.id)])


class AgentForm(OwnForm):
    answer = forms.ChoiceField(label=gettext_lazy("Do they act for you?"), choices=[("confirm", gettext_lazy("Yes")), ("end", gettext_lazy("No, or not any more"))], widget=forms.RadioSelect)
    letters = forms.ChoiceField(label=gettext_lazy("Where letters about it go"), choices=Letters.choices, required=False)


def agent_rule(_actor: Actor, person: Person, data: Data, _now: datetime) -> Iterable[str]:
    row = _with_agent(person, data)
    yield from ["unknown_request"] if row is None else agents.codes(row, answer=str(data.get("answer") or "confirm"))


def _with_agent(person: Person, data: Data) -> Case | None:
    """The request that is meant; where none is named, the only one in which somebody acts for the person."""
    if data.get("request"):
        return cases.own(person, data, "agent_confirmed")
    found = list(Case.objects.filter(account_id=person.account.id, agent__state__in=("stated", "confirmed"))[:2])
    return found[0] if len(found) == 1 else None


def agent_effects(_person: Person, _data: Data, _now: datetime) -> list[Effect]:
    return [Effect("later", "letters", _("If they do, letters go where you choose. What asks for a proof of who you are always goes to you.")),
            Effect("kept", "data", _("Your data go to you alone, signed in, whoever acts for you."))]


def agent(work: Work, person: Person, data: Data) -> None:
    row = _with_agent(person, data)
    assert row is not None
    loaded = engine.load(row.id, account_id=person.account.id)
    by = person.account.id
    facts = (agents.confirm(work, loaded, letters=str(data.get("letters") or Letters.PERSON), method="signed_in", who="person", actor=by) if data["answer"] == "confirm"
             else agents.end(work, loaded, actor=by))
    work.note(person.id, event=f"case.{facts['step']}")
    cases.write_own(work, person, row.organization_id, [facts])


class AuthorityForm(CaseForm):
    method = forms.ChoiceField(label=gettext_lazy("How the authority was proven"), choices=agents.METHODS)
    letters = forms.ChoiceField(label=gettext_lazy("Where letters go, by that authority"),
                                choices=[("person", gettext_lazy("To the person alone")), ("agent", gettext_lazy("To whoever acts for them")),
                                ("both", gettext_lazy("To both"))])
    field_order = ["request", "method", "letters", "message", "private_note"]


def authority_rule(actor: Actor, target: OrganizationTarget, data: Data, now: datetime) -> Iterable[str]:
    found = list(cases.rule_of("agent_confirmed")(actor, target, data, now))
    yield from found
    if data.get("request") and not found:
        row = cases.chosen(target.id, data)
        yield from agents.codes(row, answer="confirm") if row is not None else []


def authority(work: Work, target: OrganizationTarget, data: Data) -> None:
    row = cases.chosen(target.id, data)
    assert row is not None
    loaded = engine.load(row.id, organization_id=target.id)
    facts = agents.confirm(work, loaded, letters=str(data["letters"]), method=str(data["method"]), who="administrator", actor=work.people[0] if work.people else None)
    work.note(target.id, _also=[row.account], _about=row.account_id, **facts)


class VouchForm(CaseForm):
    method = forms.ChoiceField(label=gettext_lazy("How you know that it was them"), choices=METHODS)
    field_order = ["request", "method", "message", "private_note"]


def vouch_rule(actor: Actor, target: OrganizationTarget, data: Data, now: datetime) -> Iterable[str]:
    return cases.rule_of("proven", {"level": 3})(actor, target, data, now)


def vouch(work: Work, target: OrganizationTarget, data: Data) -> None:
    row = cases.chosen(target.id, data)
    assert row is not None
    # The person may be confirming another request for the same right right now. Who holds the organization does not wait for a person, or two would wait in a circle.
    account = Account.objects.select_for_update(skip_locked=True).filter(id=row.account_id).first()
    if account is None:
        raise Refused({str(target.id): ["stale"]})
    loaded = engine.load(row.id, organization_id=target.id)
    facts = intake.prove(work, loaded, level=3, who="administrator", actor=work.people[0] if work.people else None, code=str(data["method"]))
    _write(work, target, account, intake.Received(loaded, facts))


RECORD = Power(
    slug="record-request", code="case.record", event="case.received", over="organization", permission="manage_requests", tier=1,
    form=RecordForm, rule=record_rule, effects=record_effects, apply=record,
    notice=False,
    title=gettext_lazy("Write a request down"), button=gettext_lazy("Write it down"),
    does=gettext_lazy("Takes in what a person asked by telephone, letter or an agent, with the day on which it came."),
    does_not=gettext_lazy("Does and discloses nothing before the person confirms that it was them, or two people vouch for them."),
    sentence=gettext_lazy("%(actor)s wrote down a request of %(target)s"),
)
CONFIRM = Power(
    slug="confirm-request", code="own.request_confirm", event="case.proven", over="own_account", permission=None, tier=1, form=OwnForm, rule=confirm_rule, apply=confirm, notice=False, ladder=0,
    self_allowed=True, people_only=True,
    title=gettext_lazy("Confirm that it was you who asked"), button=gettext_lazy("It was me"),
    does=gettext_lazy("Says that a request which somebody wrote down for you is yours."), does_not=gettext_lazy("Changes nothing in what was asked."),
    sentence=gettext_lazy("%(actor)s confirmed that a request was theirs"),
)
VOUCH = Power(
    slug="vouch-for-requester", code="case.vouch", event="case.proven", over="organization", permission="manage_requests", tier=3, form=VouchForm, rule=vouch_rule, effects=cases.effects_of("proven"),
    apply=vouch, notice=False,
    title=gettext_lazy("Vouch for who asked"), button=gettext_lazy("Vouch"),
    does=gettext_lazy("Says how you know that the person themselves asked; a second person has to agree."), does_not=gettext_lazy("Keeps no copy of any document."),
    sentence=gettext_lazy("%(actor)s vouched that %(target)s made a request"),
)
DOWNGRADE = Power(
    slug="downgrade-request", code="own.request_downgrade", event="case.downgraded", over="own_account", permission=None, tier=0, form=OwnForm, rule=downgrade_rule, effects=downgrade_effects,
    apply=downgrade, notice=False, ladder=0, self_allowed=True, people_only=True,
    title=gettext_lazy("Ask for less than a deletion"), button=gettext_lazy("No mail and no use instead"),
    does=gettext_lazy("Asks, instead of a deletion that waits for a proof of who you are, for no mail and no use beyond what is needed. That needs no proof."),
    does_not=gettext_lazy("Deletes nothing. You can ask for the deletion again."),
    sentence=gettext_lazy("%(actor)s asked for no mail and no use instead of a deletion"),
)
AGENT = Power(
    slug="answer-agent", code="own.request_agent", event="case.agent_confirmed", over="own_account", permission=None, tier=1, form=AgentForm, rule=agent_rule, effects=agent_effects, apply=agent,
    notice=False, ladder=0, self_allowed=True, people_only=True,
    title=gettext_lazy("Say whether somebody acts for you"), button=gettext_lazy("Save"),
    does=gettext_lazy("Confirms or ends that somebody acts for you in one request, and says where letters go."), does_not=gettext_lazy("Gives nobody your data: those you fetch yourself."),
    sentence=gettext_lazy("%(actor)s said who acts for them in a request"),
)
AUTHORITY = Power(
    slug="record-authority", code="case.authority", event="case.agent_confirmed", over="organization", permission="manage_requests", tier=3, form=AuthorityForm, rule=authority_rule,
    effects=cases.effects_of("agent_confirmed"), apply=authority, notice=False,
    title=gettext_lazy("Record how somebody’s authority was proven"), button=gettext_lazy("Record it"),
    does=gettext_lazy("Says how you know that somebody acts for the person; a second person has to agree. The person is told, and can end it."),
    does_not=gettext_lazy("Proves nothing about the person themselves, hands out no data, and keeps no copy of any document."),
    sentence=gettext_lazy("%(actor)s recorded that somebody acts for %(target)s"),
)
POWERS: tuple[Power, ...] = (RECORD, CONFIRM, DOWNGRADE, AGENT, VOUCH, AUTHORITY)
