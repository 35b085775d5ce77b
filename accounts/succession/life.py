"""What may become of a succession, as one table, and the writing of it: every step is an entry in the organization's own log."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from accounts.models import Membership, SuccessionCase
from accounts.models.succession import CaseState, Way
from accounts.work import Work, plain
from audit import recording
from audit.record import ActorRef, EntryDraft, TargetRef, Why

S = CaseState
TRANSITIONS: dict[CaseState, frozenset[CaseState]] = {
    S.OPENED: frozenset({S.WAITING, S.STOPPED}),
    S.WAITING: frozenset({S.OFFERED, S.ACCEPTED, S.OPERATOR, S.STOPPED, S.EXPIRED}),
    S.OFFERED: frozenset({S.OFFERED, S.ACCEPTED, S.OPERATOR, S.STOPPED, S.EXPIRED}),
    S.ACCEPTED: frozenset({S.DONE, S.OFFERED, S.OPERATOR, S.STOPPED, S.EXPIRED}),
    S.OPERATOR: frozenset({S.OFFERED, S.STOPPED}),
    S.DONE: frozenset(), S.STOPPED: frozenset(), S.EXPIRED: frozenset(),
}
OFFER_LASTS = timedelta(days=7)
"""How long somebody has to accept before the next one is asked."""
FINISH_WITHIN = timedelta(days=14)
"""After its waiting period a proposal of the operator is finished within this time, or it is over."""
REST = timedelta(days=7)
"""After a succession ended, none opens by itself for so long: whoever stopped it has the time to put things right."""
SETTING_UP = timedelta(days=7)
"""So long a new organization's owner may take to set up a second factor."""
SCHEDULE = ActorRef(type="schedule")


@dataclass(frozen=True)
class Pace:
    """How long owners have to stop a succession, and when within that time they are told."""

    wait: timedelta
    notices: tuple[timedelta, ...]


SLOW = Pace(timedelta(days=14), (timedelta(0), timedelta(days=7), timedelta(days=13)))
"""While an owner may still be there and only silent; and for whatever the operator proposes."""
FAST = Pace(timedelta(hours=72), (timedelta(0), timedelta(hours=24), timedelta(hours=60)))
"""While no owner can sign in; and for recovery codes, which the owners themselves handed out."""


class NotPossible(Exception):
    """A succession cannot go from this state to that: a programming error, never an answer to people."""


def pace(case: SuccessionCase) -> Pace:
    """The pace of this case."""
    return FAST if case.way == Way.CODES or (case.way == Way.SUCCESSORS and case.cause == "unusable") else SLOW


def go(case: SuccessionCase, state: CaseState) -> None:
    """Change the state of a loaded row, if the table allows it. Saving is the caller's."""
    if state not in TRANSITIONS[CaseState(case.state)]:
        raise NotPossible(f"{case.state} -> {state}")
    case.state = state


def wait(case: SuccessionCase, *, now: datetime) -> None:
    """The waiting period begins, with the first notice."""
    go(case, S.WAITING)
    case.waiting_since, case.waits_until, case.told = now, now + pace(case).wait, 1


def remind(case: SuccessionCase, *, now: datetime) -> bool:
    """Count the next notice, if it is due. Whatever it is late moves the whole rest of the waiting period: nobody is overtaken by a clock that stood still."""
    notices = pace(case).notices
    assert case.waiting_since is not None and case.waits_until is not None
    if case.told >= len(notices) or (late := now - case.waiting_since - notices[case.told]) < timedelta(0):
        return False
    case.waiting_since, case.waits_until, case.told = case.waiting_since + late, case.waits_until + late, case.told + 1
    return True


def over(case: SuccessionCase, *, now: datetime) -> bool:
    """Whether the waiting period is over and every notice was given."""
    return case.waits_until is not None and case.waits_until <= now and case.told >= len(pace(case).notices)


def offer(case: SuccessionCase, person: UUID, *, now: datetime) -> None:
    """It is this person's turn to accept."""
    go(case, S.OFFERED)
    case.person, case.offer_until = person, now + OFFER_LASTS


def accept(case: SuccessionCase, *, now: datetime) -> None:
    """Whoever would become owner wants it."""
    go(case, S.ACCEPTED)
    case.accepted_at, case.offer_until = now, None


def end(case: SuccessionCase, state: CaseState, *, how: str, now: datetime) -> None:
    """Bring a succession to its end."""
    go(case, state)
    case.ended_at, case.ended_how, case.offer_until = now, how, None


def facts(case: SuccessionCase) -> dict[str, object]:
    """What every entry about a case says."""
    said = {"succession": case.id, "way": case.way, "cause": case.cause, "person": case.person, "until": case.waits_until, "offer_until": case.offer_until, "how": case.ended_how,
            "reference": case.reference}
    return {name: plain(value) for name, value in said.items() if value}


def record(work: Work, happened: Sequence[tuple[SuccessionCase, str]], *, actor: ActorRef = SCHEDULE, via: str = "schedule") -> None:
    """Write what changed in these rows, and an entry for each in the log of its organization. Needs a transaction, and the rows locked."""
    organization_id = happened[0][0].organization_id
    concerned = {m.id: m for m in Membership.objects.filter(id__in=[case.person for case, _event in happened if case.person]).select_related("account")}
    with recording.opened(org=organization_id, now=work.now) as act:
        changes = [work.changes_of(case, subject=None) if id(case) in work.tracked else [] for case, _event in happened]
        work.flush()
        act.write([EntryDraft(org=organization_id, action=event, category="succession", outcome="success", actor=actor, via=via, changes=changed, facts=facts(case),
                              targets=[*targets(concerned.get(case.person) if case.person else None), TargetRef(type="succession", id=case.id)],
                              why=Why(text=case.words if event == "succession.proposed" else ""))
                   for (case, event), changed in zip(happened, changes, strict=True)])


def targets(person: Membership | None) -> list[TargetRef]:
    """The person whom an entry about a succession names."""
    if person is None:
        return []
    return [TargetRef(type="person", id=person.account_id, label=person.account.name or person.account.email, subject=person.account_id), TargetRef(type="membership", id=person.id)]
