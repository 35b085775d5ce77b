"""What may become of a domain, as one table, and the writing of it: every change is an entry (POWERS P9)."""
from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from accounts.models import Domain
from accounts.models.domain import OPEN, DomainState
from accounts.work import Work
from audit import recording
from audit.record import ActorRef, EntryDraft, TargetRef

S = DomainState
PROOF_WITHIN = timedelta(days=7)
"""For how long a domain may wait for its first proof."""
FRESH_WITHIN, PREVAILS_AFTER = timedelta(hours=72), timedelta(days=7)
"""Contested: by when both prove afresh, and after how long the one who did prevails. Who did so later prevails when the proof has stood that long."""
SLOW_AFTER, ACTIVE_WITHIN = timedelta(days=30), timedelta(days=7)
"""Whoever held the domain and has people at work in its accounts, or deletions of them under way, loses it to nobody sooner than this, unless the operator decides."""
GONE = frozenset({"no_record", "wrong_record", "wrong_file", "web_redirected"})
"""What was found in place of the proof: it is not there. Anything else says only that nobody could look."""
CHECK_EVERY, LOOK_AGAIN = timedelta(days=1), timedelta(minutes=10)
WARN_ON = (1, 7, 30)
"""Days without proof on which administrators are told. From the last on, powers over accounts are frozen."""
LAPSES_AFTER = timedelta(days=60)
MOST_PENDING = 20

TRANSITIONS: dict[DomainState, frozenset[DomainState]] = {
    S.PENDING_PROOF: frozenset({S.VERIFIED, S.CONTESTED, S.EXPIRED, S.RELEASED}),
    S.VERIFIED: frozenset({S.FAILING, S.CONTESTED, S.RELEASED}),
    S.FAILING: frozenset({S.VERIFIED, S.CONTESTED, S.LAPSED, S.RELEASED}),
    S.CONTESTED: frozenset({S.VERIFIED, S.LAPSED, S.RELEASED}),
    S.LAPSED: frozenset(), S.EXPIRED: frozenset(), S.RELEASED: frozenset(),
}
_SCHEDULE = ActorRef(type="schedule")


class NotPossible(Exception):
    """A domain cannot go from this state to that: a programming error, never an answer to people."""


def new_token() -> str:
    return secrets.token_urlsafe(24)


def go(row: Domain, state: DomainState) -> None:
    """Change the state of a loaded row, if the table allows it. Saving is the caller's."""
    if state not in TRANSITIONS[DomainState(row.state)]:
        raise NotPossible(f"{row.state} -> {state}")
    row.state = state


def end(row: Domain, state: DomainState, *, now: datetime) -> None:
    """Bring a domain to its end: nobody looks at it any more."""
    go(row, state)
    row.ended_at, row.next_check_at, row.proof_until = now, None, None
    row.releasing = state != S.EXPIRED  # what stood on its ground ends with it, by the job of the claims


def proven(row: Domain, *, method: str, now: datetime) -> str:
    """The proof was found: the state that follows and the event that says so ('' when nothing changed but the time)."""
    event, row.method, row.last_proof_at, row.checked_at, row.last_problem = "", method, now, now, ""
    if row.state == S.CONTESTED:
        row.fresh_at, row.next_check_at = row.fresh_at or now, now + CHECK_EVERY
        return ""
    row.next_check_at, row.failing_since, row.warned = now + CHECK_EVERY, None, 0
    if row.state == S.PENDING_PROOF:
        go(row, S.VERIFIED)
        row.verified_at, row.proof_until, event = now, None, "domain.verified"
    elif row.state == S.FAILING:
        go(row, S.VERIFIED)
        event = "domain.recovered"
    return event


def missed(row: Domain, *, problem: str, now: datetime) -> str:
    """The proof was not found: what follows from how long that has been so. The event, or ''."""
    row.checked_at, row.last_problem, row.next_check_at = now, problem, now + CHECK_EVERY
    if row.state == S.PENDING_PROOF:
        row.next_check_at = now + LOOK_AGAIN
        if row.proof_until is not None and row.proof_until <= now:
            end(row, S.EXPIRED, now=now)
            return "domain.expired"
        return ""
    if row.state == S.CONTESTED:
        row.next_check_at = now + LOOK_AGAIN
        if row.fresh_at is None or problem not in GONE:
            return ""
        row.fresh_at = None
        return "domain.fresh_proof_gone"
    if row.state != S.FAILING:
        go(row, S.FAILING)
        row.failing_since = now
    return _warning(row, now)


def _warning(row: Domain, now: datetime) -> str:
    assert row.failing_since is not None
    since = now - row.failing_since
    if since >= LAPSES_AFTER:
        end(row, S.LAPSED, now=now)
        return "domain.lapsed"
    due = [day for day in WARN_ON if row.warned < day and since >= timedelta(days=day - 1 if day == 1 else day)]
    if not due:
        return ""
    row.warned = due[-1]
    return "domain.frozen" if row.warned == WARN_ON[-1] else "domain.failing"


def frozen(row: Domain) -> str:
    """Why powers over accounts of this domain rest, as a reason code, or ''. They rest from the warning on that says so."""
    if row.state == S.CONTESTED:
        return "domain_contested"
    return "domain_unproven" if row.state == S.FAILING and row.warned >= WARN_ON[-1] else ""


def afresh(row: Domain) -> bool:
    """Contested, and the new value was found and still is: whoever takes it down again gave up."""
    return row.contested_at is not None and row.fresh_at is not None and not row.last_problem


def prevails_at(row: Domain) -> datetime | None:
    """From when on whoever alone has the fresh proof holds the domain: a week after the contest began, or after the proof if that came too late. None without one."""
    if not afresh(row) or row.contested_at is None or row.fresh_at is None:
        return None
    return (row.contested_at if row.fresh_at <= row.contested_at + FRESH_WITHIN else row.fresh_at) + PREVAILS_AFTER


def held_before(row: Domain) -> bool:
    """Contested: whether the organization held the domain until somebody else proved it too."""
    return row.verified_at is not None and row.contested_at is not None and row.verified_at < row.contested_at


def contest(row: Domain, *, now: datetime) -> None:
    """Two organizations have proven the same domain: nobody holds it, and each has to prove it afresh, by a new token."""
    go(row, S.CONTESTED)
    row.contested_at, row.token, row.proof_until, row.next_check_at = now, new_token(), now + FRESH_WITHIN, now
    row.last_proof_at, row.fresh_at, row.failing_since, row.warned, row.last_problem = None, None, None, 0, ""


def record(work: Work, happened: Sequence[tuple[Domain, str]], **facts: object) -> None:
    """Write what changed in these tracked rows, and an entry for each in the log of its organization. Needs a transaction, and the rows locked."""
    with recording.opened(org=happened[0][0].organization_id, now=work.now) as act:
        changes = [work.changes_of(row, subject=None) for row, _event in happened]
        work.flush()
        act.write([EntryDraft(org=row.organization_id, action=event, category="domain", outcome="success", actor=_SCHEDULE, via="schedule",
                              targets=[TargetRef(type="domain", id=row.id, label=row.name)], changes=found,
                              facts={"domain": row.name, **({"problem": row.last_problem} if row.last_problem else {}), **facts})
                   for (row, event), found in zip(happened, changes, strict=True)])


def of(*, organization_id: UUID) -> list[Domain]:
    """The domains of an organization: open ones by name, then what ended, newest first."""
    rows = list(Domain.objects.filter(organization_id=organization_id))
    ended = sorted((row for row in rows if row.state not in OPEN), key=lambda row: row.ended_at or row.created_at, reverse=True)
    return sorted((row for row in rows if row.state in OPEN), key=lambda row: row.name) + ended[:50]
