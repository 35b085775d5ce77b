"""Values that people dispute are requests for correction: what their answers do to the case, and what the case does to them (RIGHTS 3c and 3e, decision 51)."""
from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet

from accounts import mail
from accounts.models import Account, Membership, ValueDispute
from accounts.models.profile import DisputeState
from accounts.people import Person, load_people
from accounts.profile import asking
from accounts.purposes import ACT
from accounts.tenancy import scope
from accounts.work import Work
from audit import recording
from audit.record import ActorRef, EntryDraft, TargetRef
from audit.subscribers import Sealed, Subscriber
from dsar.cases import engine
from dsar.cases.models import Action, Case, Outcome, Right, State
from dsar.restriction import life, states

EVENT, TOLD = "profile.value_disputed", "profile.dispute_answered"
ANSWERED = {DisputeState.CORRECTED: Outcome.GRANTED, DisputeState.PARTLY: Outcome.PARTIAL, DisputeState.KEPT: Outcome.REFUSED}


# For the powers


def correction(people: Sequence[Person]) -> None:
    """extra["correction"]: the request for correction that each person has under way in this organization, or None."""
    if any("disputes" not in p.extra for p in people):
        asking.disputes(people)
    waiting = [p for p in people if p.extra["disputes"]]
    there = {p.membership.organization_id for p in waiting if p.membership is not None}
    rows = Action.objects.filter(organization_id__in=there, account_id__in=[p.account.id for p in waiting], right=Right.CORRECT, outcome=Outcome.OPEN, verified=True).select_related("case")
    found = {row.account_id: row.case for row in rows} if waiting else {}
    for person in people:
        person.extra["correction"] = found.get(person.account.id)


def barred(person: Person) -> list[UUID]:
    """From whom the person keeps the request in which they dispute values."""
    row = person.extra["correction"]
    return row.barred if isinstance(row, Case) else []


def of(row: Case) -> QuerySet[ValueDispute]:
    """What is disputed in this request."""
    return ValueDispute.objects.filter(organization_id=row.organization_id, account_id=row.account_id, request=row.id).order_by("opened_at")


def alone(row: Case) -> bool:
    """Whether the request asks for nothing but what is disputed, so that it ends with the last answer."""
    return not row.words and not row.happenings.filter(event="added").exclude(words="").exists()


def _last(person: Person, row: ValueDispute) -> engine.Loaded | None:
    """The request, held, if this was the last that waited in it and nobody has asked the person anything."""
    found: Any = person.extra["correction"]
    others: Any = person.extra["disputes"]
    if found is None or found.id != row.request or any(one.id != row.id for one in others.values()) or not alone(found):
        return None
    loaded = engine.load(found.id, organization_id=row.organization_id)
    return loaded if loaded.case.state in {State.TRIAGE, State.PLANNED} else None


def withdrawn(work: Work, person: Person, row: ValueDispute) -> dict[str, Any] | None:
    """The person took the last one back, and with it the request."""
    loaded = _last(person, row)
    return engine.go(work, loaded, "withdrawn", who="person", actor=person.account.id) if loaded else None


def answered(work: Work, person: Person, row: ValueDispute) -> list[dict[str, Any]]:
    """The last one was answered, and with it the request: granted, refused, or both in part. The facts of each step."""
    loaded = _last(person, row)
    if loaded is None:
        return []
    by, said = work.people[0] if work.people else None, {"code": row.ground, "words": row.answer}
    outcomes = {ANSWERED[DisputeState(one)] for one in [row.state, *of(loaded.case).exclude(id=row.id).exclude(state__in=(DisputeState.OPEN, DisputeState.WITHDRAWN)).values_list("state", flat=True)]}
    if outcomes == {Outcome.REFUSED}:
        return [engine.go(work, loaded, "refused", who="administrator", actor=by, data=said)]
    work.track(loaded.case)
    loaded.case.plan = dict.fromkeys(loaded.rights, "by_hand")
    loaded.case.plan_hash = hashlib.sha256(json.dumps(loaded.case.plan, sort_keys=True).encode()).hexdigest()
    outcome = Outcome.GRANTED if outcomes == {Outcome.GRANTED} else Outcome.PARTIAL
    found = [engine.go(work, loaded, "planned", who="administrator", actor=by), engine.go(work, loaded, "approved", who="administrator", actor=by),
             engine.go(work, loaded, "started", who="schedule")]
    last = "fulfilled" if outcome == Outcome.GRANTED else "fulfilled_in_part"
    return [*found, engine.go(work, loaded, last, who="administrator", actor=by, data={**said, "outcomes": dict.fromkeys(loaded.rights, outcome)})]


# From the log


def handle(batch: list[Sealed]) -> None:
    """Restrict where the person asked for it; and let what happens to a request reach the values that are disputed in it."""
    for sealed in batch:
        if sealed.outcome != "success":
            continue
        person = next((UUID(t["id"]) for t in sealed.record.get("targets", []) if t["type"] == "person"), None)
        if sealed.action == TOLD:
            if (account := Account.objects.filter(id=person).first()) is not None:
                mail.tell(sealed, account=account, template="answer-value-dispute")
        elif sealed.action == EVENT:
            if person is not None and sealed.record.get("facts", {}).get("restrict"):
                life.by_itself(organization_id=sealed.org, account_id=person, trigger="dispute", now=datetime.now(UTC))
        elif (found := Case.objects.filter(id=sealed.record["facts"].get("case"), organization_id=sealed.org, actions__right=Right.CORRECT).first()) is not None:
            _move(found, FOLLOWS[sealed.action], datetime.now(UTC))


def _move(found: Case, step: Callable[[Person, ValueDispute, datetime], bool], now: datetime) -> None:
    """Take the step with each value of the request for which it is one, in one act."""
    with scope(org=found.organization_id, purpose=ACT), transaction.atomic():
        member = Membership.objects.filter(organization_id=found.organization_id, account_id=found.account_id).values_list("id", flat=True).first()
        people = load_people(organization_id=found.organization_id, ids=[member], lock=True) if member else []
        if not people:
            return
        person, work = people[0], Work(now=now)
        rows = list(of(found).select_for_update())
        for one in (person.membership, person.account, *rows):
            work.track(one)
        moved = [row for row in rows if step(person, row, now)]
        if not moved:
            return
        changes = [*work.changes_of(person.membership, subject=person.account.id), *work.changes_of(person.account, subject=person.account.id)]  # type: ignore[arg-type]
        with recording.opened(org=found.organization_id, now=now) as act:
            work.flush()
            act.write([EntryDraft(org=found.organization_id, action="profile.dispute_moved", category="profile", outcome="success", actor=ActorRef(type="schedule"), via="schedule", changes=changes,
                                  targets=[TargetRef(type="person", id=person.account.id, subject=person.account.id), TargetRef(type="case", id=found.id)],
                                  facts={"fields": sorted(row.field for row in moved), "case": str(found.id)})])


def _taken_back(person: Person, row: ValueDispute, now: datetime) -> bool:
    if row.state != DisputeState.OPEN:
        return False
    row.state, row.answered_at = DisputeState.WITHDRAWN, now
    asking.put_back(person, row)
    return True


def _contested(person: Person, row: ValueDispute, _now: datetime) -> bool:
    """The person disagrees with the answer: what was kept is contested on, and used by nobody until somebody else has looked."""
    if row.state != DisputeState.KEPT:
        return False
    row.back_at = None
    if not row.away and asking.held(person, row.field) == row.value:
        asking.take_away(person, row)
    return True


def _upheld(_person: Person, row: ValueDispute, now: datetime) -> bool:
    if row.state != DisputeState.KEPT or not row.away:
        return False
    row.back_at = now + states.NOTICE
    return True


def _opened_again(person: Person, row: ValueDispute, _now: datetime) -> bool:
    """Somebody else said that the person is right: what was refused waits for an answer again."""
    same = ValueDispute.objects.filter(organization_id=row.organization_id, account_id=row.account_id, field=row.field, state=DisputeState.OPEN)
    if row.state not in {DisputeState.KEPT, DisputeState.PARTLY} or same.exists():
        return False
    if row.state == DisputeState.PARTLY:
        row.value = asking.held(person, row.field)
        asking.take_away(person, row)
    row.state, row.answered_at, row.back_at = DisputeState.OPEN, None, None
    return True


FOLLOWS: dict[str, Callable[[Person, ValueDispute, datetime], bool]] = {"case.withdrawn": _taken_back, "case.disputed": _contested, "case.upheld": _upheld, "case.reversed": _opened_again}
SUBSCRIBER = Subscriber(name="disputed", handle=handle, actions=frozenset({EVENT, TOLD, *FOLLOWS}))
