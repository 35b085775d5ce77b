"""What may become of a claim and of one account in it, as two explicit tables (POWERS P9). What is not here cannot happen."""
from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import Q

from accounts.models import Claim, ClaimedAccount
from accounts.models.claim import READY, ClaimState, Standing

S, C = Standing, ClaimState
DEFAULT_DAYS, FEWEST_DAYS, MOST_DAYS = 14, 7, 90
"""Days between the telling and the date. Fewer than seven only for accounts that the organization created itself."""
REMINDED_BEFORE = timedelta(days=3)
MISSED_AFTER = timedelta(days=1)
"""So long after its date control begins for nobody who was not reminded: nobody looked, and perhaps nobody could leave (decision 50)."""
ANSWERED_WITHIN = timedelta(days=30)
"""For how long an objection stops everything. Whoever gets no answer in this time is left out."""
STAYS_OUT = timedelta(days=365)
"""For how long whoever was left out, or left, is told again only when somebody names them."""
ANNOUNCEMENTS_A_DAY = 5
"""How often an organization may announce within 24 hours (guard rail 22)."""
TOLD_WITHIN, TOLD_MOST = timedelta(days=30), 2
"""How often one person may be told of claims, by whatever organizations (guard rail 22)."""

STEPS: dict[Standing, dict[str, Standing]] = {
    S.ANNOUNCED: {"accept": S.ACCEPTED, "object": S.OBJECTED, "leave": S.LEFT, "exempt": S.EXEMPTED, "withdraw": S.WITHDRAWN, "miss": S.MISSED, "start": S.MANAGED},
    S.ACCEPTED: {"object": S.OBJECTED, "leave": S.LEFT, "exempt": S.EXEMPTED, "withdraw": S.WITHDRAWN, "miss": S.MISSED, "start": S.MANAGED},
    S.REJECTED: {"accept": S.ACCEPTED, "leave": S.LEFT, "exempt": S.EXEMPTED, "withdraw": S.WITHDRAWN, "miss": S.MISSED, "start": S.MANAGED},
    S.OBJECTED: {"accept": S.ACCEPTED, "leave": S.LEFT, "exempt": S.EXEMPTED, "reject": S.REJECTED, "withdraw": S.WITHDRAWN},
    S.MANAGED: {"exempt": S.ENDING, "end": S.RELEASED},
    S.ENDING: {"end": S.RELEASED},
    S.LEFT: {}, S.EXEMPTED: {}, S.MISSED: {}, S.WITHDRAWN: {}, S.RELEASED: {},
}
TRANSITIONS: dict[ClaimState, frozenset[ClaimState]] = {
    C.ANNOUNCING: frozenset({C.ANNOUNCED, C.CANCELLED, C.ENDED}),
    C.ANNOUNCED: frozenset({C.FINISHED, C.CANCELLED, C.ENDED}),
    C.FINISHED: frozenset(), C.CANCELLED: frozenset(), C.ENDED: frozenset(),
}


class NotPossible(Exception):
    """The step does not exist in this state: a programming error, or somebody was faster."""


def startable(now: datetime) -> Q:
    """Those for whom control begins now."""
    return Q(state__in=READY, effective_at__lte=now) & (Q(reminded=True) | Q(effective_at__gt=now - MISSED_AFTER))


def near(now: datetime) -> Q:
    """Those who are to be told once more: the date is near, or it went by long ago and they were not told."""
    return Q(state__in=READY, reminded=False) & (Q(effective_at__lte=now + REMINDED_BEFORE, effective_at__gt=now) | Q(effective_at__lte=now - MISSED_AFTER))


def may(row: ClaimedAccount, step: str) -> bool:
    """Whether this can happen to the account now. Everybody objects once."""
    return step in STEPS[Standing(row.state)] and not (step == "object" and row.objected_at is not None)


def go(row: ClaimedAccount, step: str, *, now: datetime) -> None:
    """Take the step on a loaded row. Saving is the caller's."""
    if not may(row, step):
        raise NotPossible(f"{step} in {row.state}")
    row.state, row.changed_at = STEPS[Standing(row.state)][step], now


def move(claim: Claim, state: ClaimState, *, now: datetime) -> None:
    """Change the state of a loaded claim, if the table allows it. Saving is the caller's."""
    if state not in TRANSITIONS[ClaimState(claim.state)]:
        raise NotPossible(f"{claim.state} -> {state}")
    claim.state = state
    if not TRANSITIONS[state]:
        claim.ended_at = now


def effective(*, claim: Claim, told_at: datetime, created_here: bool) -> datetime:
    """From when on this account is managed: the date of the claim, and never sooner than seven days after its person was told."""
    return max(claim.effective_at, told_at + timedelta(days=claim.days if created_here else max(claim.days, FEWEST_DAYS)))


def object_to(row: ClaimedAccount, *, words: str, now: datetime) -> None:
    """The person objects: nothing happens to this account until somebody answers."""
    go(row, "object", now=now)
    row.objection, row.objected_at, row.object_until = words, now, now + ANSWERED_WITHIN


def reject(row: ClaimedAccount, *, code: str, words: str, now: datetime) -> None:
    """The objection is declined with a ground that the person reads; they have seven days again to leave."""
    go(row, "reject", now=now)
    row.answer_code, row.answer, row.object_until = code, words, None
    row.effective_at, row.reminded = max(row.effective_at, now + timedelta(days=FEWEST_DAYS)), False
