"""Carrying a request out: the copy is made and, once somebody has looked, released to the person; the deletion is scheduled by two people (RIGHTS 3b, rows 11 to 13 and 18 to 20)."""
from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from accounts import deletions, gathering, own_deletion
from accounts.actor import Actor
from accounts.domains.checks import frozen
from accounts.models import Deletion, RightsRequest
from accounts.people import Person
from accounts.power import Data, Effect, Power
from accounts.powers import schedule_deletion
from accounts.powers.delete_own_account import taken
from accounts.powers.forms import StrictForm, note_field
from accounts.reasons import Stale
from accounts.targets import OrganizationTarget
from accounts.work import Work, plain
from dsar.cases import engine, fetching
from dsar.cases.engine import Loaded
from dsar.cases.models import Action, Case, Outcome, Right, Task, TaskKind
from dsar.cases.table import DISCLOSES
from dsar.export import run
from dsar.holds import people
from dsar.models import Copy, CopyState
from dsar.powers import cases
from dsar.powers.cases import AnswerForm, CaseForm

_ASKED: Data = {"reason_code": "person_asked"}


ERASES = frozenset({Right.ERASURE})


def asked_for(people: Sequence[Person]) -> None:
    """extra["requests"]: the requests of each person for a copy or a deletion, proven and not decided yet, by right; of several for one right there is one open at most."""
    found: dict[UUID, dict[str, Case]] = {p.account.id: {} for p in people}
    rows = Action.objects.filter(account_id__in=list(found), organization_id__in={p.membership.organization_id for p in people if p.membership}, right__in=DISCLOSES | ERASES, outcome=Outcome.OPEN,
                                 verified=True, case__state__in=("triage", "planned")).select_related("case")
    for row in rows:
        found[row.account_id][row.right] = row.case
    for person in people:
        person.extra["requests"] = found[person.account.id]


def _asked(person: Person, of: frozenset[Any]) -> Case | None:
    """The oldest of them."""
    requests: dict[str, Case] = person.extra["requests"]  # type: ignore[assignment]
    return min((case for right, case in requests.items() if right in of), key=lambda case: case.received_at, default=None)


class MessageForm(StrictForm):
    message = forms.CharField(label=gettext_lazy("Message to the person"), required=False, max_length=2000, widget=forms.Textarea(attrs={"rows": 3}),
                              help_text=gettext_lazy("Optional. They read it by mail and on the page of their request."))
    private_note = note_field()


def _open(actor: Actor, person: Person, of: frozenset[Any], now: datetime, none: str) -> list[str]:
    case = _asked(person, of)
    if case is None or actor.account_id in case.barred:
        return [none]
    return cases.codes(case, "planned", "administrator", actor.account_id, {}, now)


def _seen(person: Person, *, of: frozenset[Any]) -> Loaded:
    """The request, locked, if it still is as it was shown."""
    case = _asked(person, of)
    assert case is not None
    loaded = engine.load(case.id, account_id=person.account.id)
    if loaded.case.version != case.version or not set(loaded.rights) <= of:
        raise Stale
    return loaded


def _agree(work: Work, loaded: Loaded, plan: str, data: Data) -> list[dict[str, Any]]:
    """Planned and agreed to, in one act."""
    case, by = loaded.case, work.people[0] if work.people else None
    work.track(case)
    case.plan = dict.fromkeys(loaded.rights, plan)
    case.plan_hash = hashlib.sha256(json.dumps(case.plan, sort_keys=True).encode()).hexdigest()
    return [engine.go(work, loaded, "planned", who="administrator", actor=by),
            engine.go(work, loaded, "approved", who="administrator", actor=by, data={"words": data.get("message", "")})]


def _request(person: Person, of: frozenset[Any]) -> list[Effect]:
    case = _asked(person, of)
    return [Effect("kept", "case", _("Request %(reference)s") % {"reference": case.reference}, case.version)] if case else []


# A copy


def copy_rule(actor: Actor, person: Person, _data: Data, now: datetime) -> Iterable[str]:
    codes = _open(actor, person, DISCLOSES, now, "no_copy_asked")
    yield from codes
    if not codes:
        case = _asked(person, DISCLOSES)
        if person.account.status != "active" and not (case and fetching.vouched(case.happenings.all())):
            yield "cannot_fetch"
        if person.membership is not None and Copy.objects.filter(account_id=person.account.id, organization_id=person.membership.organization_id, state=CopyState.ASKED).exists():
            yield "copy_under_way"
        if person.managed:
            yield from person.extra["frozen"]  # type: ignore[misc]


def copy_effects(person: Person, _data: Data, _now: datetime) -> list[Effect]:
    alone = _("The copy is made within minutes. Then somebody looks at what is in it and releases it; only the person fetches it, signed in.")
    if person.account.status != "active":
        alone = _("The copy is made within minutes. Then somebody looks at what is in it, releases it and makes a code; with the code and their mailbox only the person fetches it.")
    return [*_request(person, DISCLOSES), Effect("later", "review", alone),
            Effect("kept", "data", _("Nothing changes, and nobody in your organization can open the copy."))]


def copy(work: Work, person: Person, data: Data) -> None:
    assert person.membership is not None
    loaded = _seen(person, of=DISCLOSES)
    facts = _agree(work, loaded, "copy", data)
    facts.append(engine.go(work, loaded, "started", who="schedule"))
    row = _copy(work, loaded, person.account.language)
    for action in loaded.actions:
        if action.outcome == Outcome.OPEN:
            work.add(Task(id=uuid4(), case=loaded.case, action=action, organization_id=loaded.case.organization_id, account_id=person.account.id, kind=TaskKind.COPY, refers=row.id))
    work.touch(person.membership)
    work.note(person.id, copy=str(row.id), **facts[1])
    for one in (facts[0], facts[2]):
        work.tell(person, f"case.{one['step']}", **one)


def _copy(work: Work, loaded: Loaded, language: str) -> Copy:
    case = loaded.case
    row = Copy(id=uuid4(), account_id=case.account_id, organization_id=case.organization_id, requested_by=work.people[0] if work.people else None, language=language or "en", asked_at=work.now,
               for_case=case.id)
    work.add(row)
    return row


# A deletion


def erase_rule(actor: Actor, person: Person, data: Data, now: datetime) -> Iterable[str]:
    codes = _open(actor, person, ERASES, now, "no_deletion_asked")
    yield from codes
    if person.membership is not None and people.managed_by(person.membership.organization_id, actor.account_id, person.account.id):
        yield "hold_manager"
    if not codes:
        yield from schedule_deletion.rule(actor, person, {**data, **_ASKED}, now)


def erase_effects(person: Person, data: Data, now: datetime) -> list[Effect]:
    return [*_request(person, ERASES), *schedule_deletion.effects(person, {**data, **_ASKED}, now)]


def erase(work: Work, person: Person, data: Data) -> None:
    loaded = _seen(person, of=ERASES)
    schedule_deletion.apply(work, person, {**data, **_ASKED})
    row = next(one for one in work.added if isinstance(one, Deletion))
    if isinstance(person.extra["asked"], RightsRequest):
        asked = taken(work, person)
        asked.state, asked.outcome, asked.answer, asked.answered_at, asked.answered_by = "answered", "granted", str(data.get("message") or ""), work.now, work.actor_membership
    facts = _agree(work, loaded, "erase", data)
    loaded.case.not_before = row.purge_at
    facts.append(engine.go(work, loaded, "scheduled", who="schedule"))
    known = set(Task.objects.filter(case=loaded.case, kind=TaskKind.ERASE).values_list("action_id", flat=True))
    for action in loaded.actions:
        if action.outcome == Outcome.OPEN and action.id not in known:
            work.add(Task(id=uuid4(), case=loaded.case, action=action, organization_id=loaded.case.organization_id, account_id=person.account.id, kind=TaskKind.ERASE, refers=row.id))
    for one in facts:
        work.tell(person, f"case.{one['step']}", **one)
    work.note(person.id, case=str(loaded.case.id), purge_at=plain(row.purge_at))


# What was made


def release_rule(actor: Actor, target: OrganizationTarget, data: Data, now: datetime) -> Iterable[str]:
    yield from cases.rule_of("released", {"outcomes": dict.fromkeys(Right.values, Outcome.GRANTED)})(actor, target, data, now)


def release_effects(target: OrganizationTarget, data: Data, now: datetime) -> list[Effect]:
    row, found = cases.chosen(target.id, data), cases.effects_of("released")(target, data, now)
    made = Copy.objects.filter(for_case=row.id, state=CopyState.READY).first() if row else None
    if made is not None:
        number = sum(made.counts.values())
        found.append(Effect("later", f"copy:{made.sha256[:16]}", ngettext(
            "The copy has %(number)d record, without names of other people.", "The copy has %(number)d records, without names of other people.", number) % {"number": number}))
    return [*found, Effect("later", "fetched", _("The person fetches it, for seven days and three times: signed in, or, if they cannot sign in, with a code that you make for them."))]


def release_tier(_actor: Actor, _target: OrganizationTarget, data: Data) -> int:
    """Where something is withheld, two people (row 20)."""
    return 3 if data.get("outcome") == "partial" else 1


def release(work: Work, target: OrganizationTarget, data: Data) -> None:
    row = cases.chosen(target.id, data)
    assert row is not None
    loaded = engine.load(row.id, organization_id=target.id)
    made = Copy.objects.select_for_update().filter(for_case=row.id, state=CopyState.READY).first()
    if made is None:
        raise Stale
    work.track(made)
    made.expires_at = work.now + run.KEPT
    outcome = Outcome.PARTIAL if data["outcome"] == "partial" else Outcome.GRANTED
    facts = engine.go(work, loaded, "released", who="administrator", actor=work.people[0] if work.people else None,
                      data={"outcomes": dict.fromkeys(loaded.rights, outcome), "code": data.get("ground", ""), "words": data.get("message", "")})
    work.note(target.id, _also=[row.account], _about=row.account_id, copy=str(made.id), **facts)


class RetryForm(CaseForm):
    message = None  # type: ignore[assignment]  # the person is told once it is there


def retry_rule(actor: Actor, target: OrganizationTarget, data: Data, now: datetime) -> Iterable[str]:
    yield from cases.rule_of("retried")(actor, target, data, now)


def retry(work: Work, target: OrganizationTarget, data: Data) -> None:
    row = cases.chosen(target.id, data)
    assert row is not None
    loaded = engine.load(row.id, organization_id=target.id)
    facts = engine.go(work, loaded, "retried", who="administrator", actor=work.people[0] if work.people else None)
    made: UUID | None = None
    for task in Task.objects.select_for_update().filter(case=row, kind=TaskKind.COPY).order_by("id"):
        made = made or _copy(work, loaded, row.account.language).id
        work.track(task)
        task.refers, task.state, task.failure, task.attempts = made, "open", "", task.attempts + 1
    work.note(target.id, _also=[row.account], _about=row.account_id, **facts)


class HandForm(AnswerForm):
    evidence = forms.CharField(label=gettext_lazy("What was done, and where that can be seen"), max_length=2000, widget=forms.Textarea(attrs={"rows": 4}),
                               help_text=gettext_lazy("Such as the number of a ticket or of a letter. The person reads it too."))
    field_order = ["request", "evidence", "outcome", "ground", "message", "private_note"]


def hand_rule(actor: Actor, target: OrganizationTarget, data: Data, now: datetime) -> Iterable[str]:
    """What a hold keeps is not said to be deleted, by hand either."""
    yield from cases.rule_of("by_hand")(actor, target, data, now)
    row = cases.chosen(target.id, data)
    if row is not None and row.actions.filter(right=Right.ERASURE).exists() and (codes := deletions.on_hold([row.account_id]).get(row.account_id)):
        yield from codes


def hand(work: Work, target: OrganizationTarget, data: Data) -> None:
    row = cases.chosen(target.id, data)
    assert row is not None
    loaded, by = engine.load(row.id, organization_id=target.id), work.people[0] if work.people else None
    work.tell(Person(account=row.account), "case.by_hand", **engine.go(work, loaded, "by_hand", who="administrator", actor=by, data={"words": data["evidence"]}))
    for task in Task.objects.select_for_update().filter(case=row).exclude(state="done").order_by("id"):
        work.track(task)
        task.state, task.done_at = "done", work.now
    outcome = Outcome.PARTIAL if data["outcome"] == "partial" else Outcome.GRANTED
    last = "fulfilled_in_part" if outcome == Outcome.PARTIAL else "fulfilled"
    facts = engine.go(work, loaded, last, who="administrator", actor=by,
                      data={"outcomes": dict.fromkeys(loaded.rights, outcome), "code": data.get("ground", ""), "words": data.get("message", "")})
    work.note(target.id, event=f"case.{last}", _also=[row.account], _about=row.account_id, **facts)


COPY = Power(
    slug="make-requested-copy", code="case.copy", event="case.approved", over="member", permission="manage_requests", tier=1, form=MessageForm, rule=copy_rule, effects=copy_effects, apply=copy,
    notice=False, people_only=True, always=True, rank_rule=False, gather=(asked_for, frozen),
    title=gettext_lazy("Make the copy that the person asked for"), button=gettext_lazy("Make the copy"),
    does=gettext_lazy("Agrees to the person’s request and makes the copy, for them alone."), does_not=gettext_lazy("Hands nothing out before somebody released it, and nothing to anybody else."),
    sentence=gettext_lazy("%(actor)s agreed to the request of %(target)s for a copy"),
)
ERASE = Power(
    slug="delete-as-requested", code="account.delete_by_request", event="account.deletion_by_request", over="member", permission="delete_accounts", tier=3, form=MessageForm, rule=erase_rule,
    effects=erase_effects, apply=erase, account_power=True, directory=True, ends_ownership=True, always=True, people_only=True, undo="cancel-deletion", ladder=2,
    gather=(asked_for, own_deletion.asked, gathering.elsewhere, deletions.blocked, deletions.deletion_days),
    title=gettext_lazy("Delete the account as the person asked"), button=gettext_lazy("Delete the account"),
    does=gettext_lazy("With a second person, agrees to the request and schedules the deletion of the account. The person can take it back until the date."),
    does_not=gettext_lazy("Deletes nothing before that date, and nothing while a hold or an open obligation stands in the way."),
    sentence=gettext_lazy("%(actor)s scheduled the deletion of the account of %(target)s, who had asked for it"),
)
RELEASE = Power(
    slug="release-copy", code="case.release", event="case.released", over="organization", permission="manage_requests", tier=1, tier_for=release_tier, form=AnswerForm, rule=release_rule,
    effects=release_effects, apply=release, notice=False,
    title=gettext_lazy("Release a copy to the person"), button=gettext_lazy("Release it"),
    does=gettext_lazy("Answers the request: the person can fetch the copy, signed in."), does_not=gettext_lazy("Sends nothing by mail but the news, and shows you nothing of the copy."),
    sentence=gettext_lazy("%(actor)s released what %(target)s asked for"),
)
RETRY = Power(
    slug="retry-request", code="case.retry", event="case.retried", over="organization", permission="manage_requests", tier=1, form=RetryForm, rule=retry_rule, apply=retry, notice=False,
    title=gettext_lazy("Try a request again"), button=gettext_lazy("Try again"),
    does=gettext_lazy("Makes anew what could not be made, such as a copy."), does_not=gettext_lazy("Changes no date."),
    sentence=gettext_lazy("%(actor)s tried a request of %(target)s again"),
)
HAND = Power(
    slug="finish-by-hand", code="case.by_hand", event="case.fulfilled", over="organization", permission="manage_requests", tier=3, form=HandForm, rule=hand_rule,
    effects=cases.effects_of("fulfilled"), apply=hand, notice=False,
    title=gettext_lazy("Finish a request by hand"), button=gettext_lazy("It is done"),
    does=gettext_lazy("Says that what could not be carried out here was done in another way, with evidence; a second person has to agree. Closes the request."),
    does_not=gettext_lazy("Does nothing else by itself."),
    sentence=gettext_lazy("%(actor)s finished a request of %(target)s by hand"),
)
POWERS: tuple[Power, ...] = (COPY, ERASE, RELEASE, RETRY, HAND)
