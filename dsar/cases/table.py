"""The transition table: what may happen to a case, from where, by whom, and what follows (RIGHTS 3b). What is not here cannot happen."""
from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal
from zoneinfo import ZoneInfo

from dsar.cases.models import Action, Case, Happening, Outcome, Right, State
from dsar.clock.reckoning import Kind

Who = Literal["person", "agent", "administrator", "schedule", "operator"]
S = State
LEVELS: Mapping[str, int] = {Right.ACCESS: 2, Right.PORTABILITY: 2, Right.ERASURE: 2, Right.CORRECT: 2, Right.DEACTIVATE: 2, Right.RESTRICT: 1, Right.OBJECT: 1, Right.WITHDRAW_CONSENT: 1,
                             Right.OPT_OUT: 0, Right.CHILD: 0}
"""How well a right needs to be known to be asked by the person themselves (RIGHTS 3d)."""
DELAYED = frozenset({Right.ACCESS, Right.PORTABILITY, Right.ERASURE, Right.CORRECT})
"""What rests for 72 hours after the address, the password or a second factor changed. The time to answer runs on."""
DISCLOSES = frozenset({Right.ACCESS, Right.PORTABILITY})
DESTROYS = frozenset({Right.ERASURE, Right.DEACTIVATE})
DISPUTE_DAYS = 60
REMINDERS = 2
"""So often somebody who did not prove who they are is asked again, before the request is closed."""
OVER = frozenset({S.DELIVERED, S.EXPIRED_PACKAGE, S.FULFILLED, S.PARTIALLY_FULFILLED, S.REFUSED, S.WITHDRAWN, S.CLOSED_UNVERIFIED, S.TRANSFERRED, S.MERGED, S.RESOLVED_UPHELD, S.CERTIFIED})
"""In these nothing is open: every action has an outcome."""
OPEN = frozenset(S) - OVER
UNCLAIMED = frozenset({S.RECEIVED, S.IDENTITY_PENDING, S.TRIAGE, S.CLARIFICATION_PENDING, S.PLANNED, S.APPROVED, S.SCHEDULED})
"""Nothing has been done yet: until here the person can take it back."""


@dataclass(frozen=True)
class Told:
    """What a guard may look at."""

    case: Case
    actions: list[Action]
    happened: list[Happening]
    who: Who
    actor: Any
    data: Mapping[str, Any]
    now: datetime
    rests: datetime | None = None
    """Until when nothing is disclosed, deleted or corrected, because the way in to the account changed."""

    @property
    def today(self) -> Any:
        return self.now.astimezone(ZoneInfo(self.case.time_zone)).date()

    def times(self, event: str) -> int:
        return sum(h.event == event for h in self.happened)


Guard = Callable[[Told], Iterable[str]]


def free(_told: Told) -> Iterable[str]:
    return ()


def needed(actions: Iterable[Action]) -> int:
    """The level that all of these rights together need."""
    return max((LEVELS[a.right] for a in actions), default=0)


def _unproven(told: Told) -> Iterable[str]:
    if told.case.level < needed(told.actions):
        yield "case_not_verified"


def _settled(told: Told) -> Iterable[str]:
    """What an administrator would do in the person's name rests for a while. What was done elsewhere already is only written down."""
    yield from _unproven(told)
    if told.rests and told.who == "administrator" and not told.data.get("done"):
        yield "changed_lately"


def _proven(told: Told) -> Iterable[str]:
    if int(told.data.get("level") or 0) < needed(told.actions):
        yield "case_not_verified"


def _asked_once(told: Told) -> Iterable[str]:
    if told.times("ask"):
        yield "asked_before"


def _reminded_twice(told: Told) -> Iterable[str]:
    if told.times("reminded") < REMINDERS:
        yield "not_reminded"


def _deletion(told: Told) -> Iterable[str]:
    if not any(a.right == Right.ERASURE and a.outcome == Outcome.OPEN for a in told.actions):
        yield "no_deletion_asked"


def _same_plan(told: Told) -> Iterable[str]:
    yield from _settled(told)
    if not told.case.plan_hash or told.data.get("plan_hash", told.case.plan_hash) != told.case.plan_hash:
        yield "stale"


def _time_has_come(told: Told) -> Iterable[str]:
    yield from _unproven(told)
    if told.case.not_before is not None and told.case.not_before > told.now:
        yield "case_too_soon"


def _in_time(told: Told) -> Iterable[str]:
    if told.times("extend"):
        yield "extended_before"
    elif told.case.extension_notice_by is None or told.today > told.case.extension_notice_by:
        yield "too_late_to_extend"


def _once_more(told: Told) -> Iterable[str]:
    yield from _unproven(told)
    if told.times("asked_again") > told.times("not_made_again"):
        yield "made_again_before"


def _lately(told: Told) -> Iterable[str]:
    if told.case.closed_at is None or told.case.closed_at + timedelta(days=DISPUTE_DAYS) < told.now:
        yield "too_late_to_dispute"


def _somebody_else(told: Told) -> Iterable[str]:
    agreed = {one for h in told.happened if BY_EVENT[h.event].decides for one in (str(h.actor), *(h.facts or {}).get("agreed", ()))}
    if told.actor is None or told.actor == told.case.decided_by or str(told.actor) in agreed:
        yield "same_decider"


CHILD_DAYS, CHILD_REMINDED = timedelta(days=5), timedelta(days=1)
"""So long an organization may show that an account is no child's; and so long before the end it is reminded."""
REMINDER = "child:1"


def _is_report(told: Told) -> Iterable[str]:
    if {a.right for a in told.actions} != {Right.CHILD}:
        yield "wrong_status"


def _own_request(told: Told) -> Iterable[str]:
    """Nobody takes back what somebody else reported about them."""
    if any(a.right == Right.CHILD for a in told.actions):
        yield "wrong_status"


def _unrebutted(told: Told) -> Iterable[str]:
    """Nobody said anything against it: neither the organization, which was reminded a day before, nor the person."""
    yield from _is_report(told)
    if told.times("added"):
        yield "contradicted"
    reminded = [h.at for h in told.happened if h.event == "warned" and h.code == REMINDER]
    if told.case.received_at + CHILD_DAYS > told.now or not reminded or min(reminded) + CHILD_REMINDED - timedelta(hours=1) > told.now:
        yield "case_too_soon"


def _outcomes(told: Told) -> Iterable[str]:
    yield from _settled(told)
    if any(a.outcome == Outcome.OPEN and told.data.get("outcomes", {}).get(a.right) not in {Outcome.GRANTED, Outcome.PARTIAL} for a in told.actions):
        yield "no_outcome"


@dataclass(frozen=True, kw_only=True)
class Row:
    """One row. `after` is '' where the state stays. `outcome` is what every action that is still open gets; `tell` whom a mail goes to; `clock` what it means for the time."""

    number: int
    event: str
    before: frozenset[State]
    after: State | Literal[""]
    who: frozenset[Who]
    guard: Guard = free
    outcome: str = ""
    tell: frozenset[Literal["person", "administrators"]] = frozenset()
    clock: Kind | Literal["", "stop"] = ""
    decides: bool = False
    """Whether whoever does it is the decider, who cannot judge a dispute about it."""

    @property
    def entry(self) -> str:
        """What the audit log calls it."""
        return f"case.{self.event}"


P, A, Y, O, R = frozenset({"person"}), frozenset({"administrator"}), frozenset({"schedule"}), frozenset({"operator"}), frozenset({"agent"})  # noqa: E741
TO_P, TO_A = frozenset({"person"}), frozenset({"administrators"})
ROWS: tuple[Row, ...] = (
    Row(number=1, event="received", before=frozenset(), after=S.RECEIVED, who=P | A | O | R | Y, tell=TO_P | TO_A, clock="received"),
    Row(number=1, event="reported", before=frozenset(), after=S.RECEIVED, who=Y, tell=TO_P | TO_A, clock="received"),
    Row(number=2, event="ask_identity", before=frozenset({S.RECEIVED}), after=S.IDENTITY_PENDING, who=Y, tell=TO_P, clock="identity_asked"),
    Row(number=3, event="proven", before=frozenset({S.IDENTITY_PENDING}), after=S.TRIAGE, who=P | A, guard=_proven, tell=TO_P | TO_A, clock="identity_proven"),
    Row(number=4, event="reminded", before=frozenset({S.IDENTITY_PENDING}), after="", who=Y, tell=TO_P),
    Row(number=4, event="downgraded", before=frozenset({S.IDENTITY_PENDING}), after=S.CLOSED_UNVERIFIED, who=P, guard=_deletion, outcome=Outcome.UNVERIFIED, tell=TO_P, clock="stop"),
    Row(number=4, event="closed_unverified", before=frozenset({S.IDENTITY_PENDING}), after=S.CLOSED_UNVERIFIED, who=Y | A, guard=_reminded_twice, outcome=Outcome.UNVERIFIED, tell=TO_P, clock="stop"),
    Row(number=5, event="admitted", before=frozenset({S.RECEIVED}), after=S.TRIAGE, who=Y, guard=_unproven),
    Row(number=6, event="ask", before=frozenset({S.TRIAGE}), after=S.CLARIFICATION_PENDING, who=A, guard=_asked_once, tell=TO_P, clock="clarification_asked"),
    Row(number=7, event="answered", before=frozenset({S.CLARIFICATION_PENDING}), after=S.TRIAGE, who=P | Y, tell=TO_A, clock="clarified"),
    Row(number=8, event="transferred", before=frozenset({S.TRIAGE}), after=S.TRANSFERRED, who=A | Y, outcome=Outcome.TRANSFERRED, tell=TO_P, clock="stop"),
    Row(number=9, event="merged", before=frozenset({S.TRIAGE}), after=S.MERGED, who=A | Y, guard=_unproven, outcome=Outcome.MERGED, tell=TO_P, clock="stop"),
    Row(number=10, event="refused", before=frozenset({S.TRIAGE, S.PLANNED}), after=S.REFUSED, who=A, outcome=Outcome.REFUSED, tell=TO_P, clock="stop", decides=True),
    Row(number=10, event="rebutted", before=frozenset({S.TRIAGE, S.PLANNED}), after=S.REFUSED, who=A, guard=_is_report, outcome=Outcome.REFUSED, tell=TO_P, clock="stop", decides=True),
    Row(number=11, event="planned", before=frozenset({S.TRIAGE, S.PLANNED}), after=S.PLANNED, who=A | Y, guard=_settled),
    Row(number=12, event="approved", before=frozenset({S.PLANNED}), after=S.APPROVED, who=A, guard=_same_plan, tell=TO_P, decides=True),
    Row(number=13, event="scheduled", before=frozenset({S.APPROVED}), after=S.SCHEDULED, who=Y, guard=_unproven, tell=TO_P),
    Row(number=13, event="unrebutted", before=frozenset({S.TRIAGE}), after=S.SCHEDULED, who=Y, guard=_unrebutted, tell=TO_P | TO_A),
    Row(number=14, event="withdrawn", before=UNCLAIMED, after=S.WITHDRAWN, who=P, guard=_own_request, outcome=Outcome.WITHDRAWN, tell=TO_P | TO_A, clock="stop"),
    Row(number=15, event="started", before=frozenset({S.SCHEDULED, S.APPROVED}), after=S.EXECUTING, who=Y, guard=_time_has_come),
    Row(number=15, event="moved", before=frozenset({S.SCHEDULED, S.APPROVED}), after=S.PLANNED, who=Y, tell=TO_A),
    Row(number=16, event="fanned_out", before=frozenset({S.EXECUTING}), after=S.AWAITING_PROCESSORS, who=Y),
    Row(number=17, event="blocked", before=frozenset({S.EXECUTING}), after=S.BLOCKED, who=Y, tell=TO_A),
    Row(number=18, event="by_hand", before=frozenset({S.BLOCKED}), after=S.EXECUTING, who=A, guard=_settled),
    Row(number=18, event="retried", before=frozenset({S.BLOCKED}), after=S.EXECUTING, who=A | O),
    Row(number=19, event="built", before=frozenset({S.EXECUTING}), after=S.REVIEW, who=Y, tell=TO_A),
    Row(number=20, event="released", before=frozenset({S.REVIEW}), after=S.READY, who=A, guard=_outcomes, tell=TO_P, clock="stop", decides=True),
    Row(number=21, event="delivered", before=frozenset({S.READY}), after=S.DELIVERED, who=P, guard=_unproven, tell=TO_P),
    Row(number=22, event="package_expired", before=frozenset({S.READY}), after=S.EXPIRED_PACKAGE, who=Y, tell=TO_P),
    Row(number=22, event="expires_soon", before=frozenset({S.READY}), after="", who=Y, tell=TO_P),
    Row(number=22, event="asked_again", before=frozenset({S.EXPIRED_PACKAGE}), after="", who=P, guard=_once_more),
    Row(number=22, event="made_again", before=frozenset({S.EXPIRED_PACKAGE}), after=S.READY, who=Y, tell=TO_P),
    Row(number=22, event="not_made_again", before=frozenset({S.EXPIRED_PACKAGE}), after="", who=Y, tell=TO_P | TO_A),
    Row(number=23, event="fulfilled", before=frozenset({S.EXECUTING, S.AWAITING_PROCESSORS}), after=S.FULFILLED, who=A | Y, guard=_outcomes, tell=TO_P, clock="stop", decides=True),
    Row(number=23, event="fulfilled_in_part", before=frozenset({S.EXECUTING, S.AWAITING_PROCESSORS}), after=S.PARTIALLY_FULFILLED, who=A | Y, guard=_outcomes, tell=TO_P, clock="stop", decides=True),
    Row(number=24, event="extend", before=OPEN - {S.DISPUTED, S.READY}, after="", who=A, guard=_in_time, tell=TO_P, clock="extended"),
    Row(number=25, event="warned", before=OPEN - {S.READY}, after="", who=Y, tell=TO_A),
    Row(number=25, event="breached", before=OPEN - {S.READY}, after="", who=Y, tell=TO_P | TO_A),
    Row(number=26, event="disputed", before=OVER - {S.WITHDRAWN, S.MERGED, S.CERTIFIED, S.RESOLVED_UPHELD}, after=S.DISPUTED, who=P, guard=_lately, tell=TO_P | TO_A),
    Row(number=27, event="upheld", before=frozenset({S.DISPUTED}), after=S.RESOLVED_UPHELD, who=A, guard=_somebody_else, tell=TO_P),
    Row(number=27, event="reversed", before=frozenset({S.DISPUTED}), after=S.PLANNED, who=A, guard=_somebody_else, tell=TO_P),
    Row(number=28, event="resumed", before=frozenset({S.PARTIALLY_FULFILLED}), after=S.EXECUTING, who=Y),
    Row(number=29, event="certified", before=frozenset({S.FULFILLED}), after=S.CERTIFIED, who=Y),
    Row(number=31, event="agent_confirmed", before=frozenset(S), after="", who=P | A, tell=TO_P | TO_A),
    Row(number=31, event="agent_mailbox", before=frozenset(S), after="", who=R, tell=TO_P),
    Row(number=31, event="agent_ended", before=frozenset(S), after="", who=P, tell=TO_P | TO_A),
    Row(number=32, event="assigned", before=OPEN - {S.RECEIVED}, after="", who=P | A, tell=TO_P | TO_A),
    Row(number=30, event="barred", before=OPEN - {S.RECEIVED}, after="", who=P, tell=TO_A),
    Row(number=33, event="added", before=OPEN - {S.RECEIVED}, after="", who=P, tell=TO_A),
    Row(number=34, event="fetch_code", before=frozenset({S.READY}), after="", who=A, guard=_settled, tell=TO_P),
)
BY_EVENT: Mapping[str, Row] = {row.event: row for row in ROWS}


def why_not(told: Told, event: str) -> list[str]:
    """Why this cannot happen to the case now, as reason codes; [] when it can. What the table does not have is `wrong_status`."""
    row = BY_EVENT[event]
    if not row.before:
        return ["wrong_status"] if told.happened or told.who not in row.who else []
    if told.case.state not in row.before or told.who not in row.who:
        return ["wrong_status"]
    return list(row.guard(told))
