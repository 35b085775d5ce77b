"""The clock of a request: every date as a function of what happened, so that replaying the events gives the stored dates."""
from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Literal

from dsar.clock.days import Seat, next_working_day
from dsar.clock.regimes import Regime, regimes

Kind = Literal["received", "identity_asked", "identity_proven", "fee_asked", "fee_paid", "clarification_asked", "clarified", "extended", "answered"]
_PAIRS: tuple[tuple[Kind, Kind], ...] = (("identity_asked", "identity_proven"), ("fee_asked", "fee_paid"), ("clarification_asked", "clarified"))
MILESTONES = ("acknowledge_target", "acknowledge_by", "internal_target", "extension_notice_by", "statutory_due")


@dataclass(frozen=True)
class Event:
    """Something that happened to a request, at an instant."""

    kind: Kind
    at: datetime


@dataclass(frozen=True)
class Step:
    """One step of an explanation: a code and what it speaks of. `dsar.clock.explained` has the words."""

    code: str
    about: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Reckoned:
    """What one regime says about one right in one request. A date is None where there is none, or where the time has not begun."""

    regime: str
    received_on: date
    started_on: date | None
    """None while the law waits for a proof of identity or a fee."""
    internal_target: date | None = None
    statutory_due: date | None = None
    extension_notice_by: date | None = None
    acknowledge_by: date | None = None
    acknowledge_target: date | None = None
    extended: bool = False
    standing_still_since: date | None = None
    """A question is open and the time stands still; the dates are those that hold if it were answered at once."""
    refused: tuple[str, ...] = ()
    """Pauses and extensions that this law does not allow, as codes."""
    steps: tuple[Step, ...] = ()


@dataclass(frozen=True)
class Clock:
    """All regimes together: of each milestone the earliest, and which regime drives it."""

    reckoned: tuple[Reckoned, ...]
    answered_on: date | None = None

    def earliest(self, milestone: str) -> tuple[date, str] | None:
        """The earliest date of a milestone, and the regime it comes from."""
        found = [(day, r.regime) for r in self.reckoned if (day := getattr(r, milestone)) is not None]
        return min(found) if found else None

    @property
    def statutory_due(self) -> date | None:
        found = self.earliest("statutory_due")
        return found[0] if found else None

    def days_left(self, today: date) -> int | None:
        """Days until the statutory deadline, 0 on its day, negative after it; None once answered or before the time begins."""
        due = self.statutory_due
        return None if due is None or self.answered_on is not None else (due - today).days

    @property
    def late(self) -> bool:
        """Answered after the deadline."""
        return self.answered_on is not None and self.statutory_due is not None and self.answered_on > self.statutory_due


class NotReceived(ValueError):
    """Events without a receipt have no clock."""


def clock(events: Iterable[Event], *, under: Sequence[str], right: str, seat: Seat) -> Clock:
    """The clock of a request about one right under these regimes. The order of events that are given does not matter, only when they happened."""
    happened = sorted(events, key=lambda event: event.at)
    received = [seat.day(event.at) for event in happened if event.kind == "received"]
    if not received:
        raise NotReceived
    answered = [seat.day(event.at) for event in happened if event.kind == "answered"]
    dates = [(event.kind, seat.day(event.at)) for event in happened]
    return Clock(tuple(_reckon(regimes()[slug].for_right(right), dates, received[0], seat) for slug in under), answered[0] if answered else None)


Dates = list[tuple[Kind, date]]


def _reckon(law: Regime, dates: Dates, received: date, seat: Seat) -> Reckoned:
    steps, refused = [Step("received", {"day": received, "regime": law.slug})], []
    acknowledge, aim = _acknowledgement(law, received, seat)
    start = _start(law, dates, received, steps)
    if start is None:
        return Reckoned(regime=law.slug, received_on=received, started_on=None, acknowledge_by=acknowledge, acknowledge_target=aim, steps=tuple(steps))
    out, since = _left_out(law, dates, start, received, steps, refused)
    last = law.period.after(start, seat=seat) + timedelta(days=out)
    extended = _extended(law, dates, last, refused)
    steps.extend(Step("refused", {"why": code}) for code in dict.fromkeys(refused))
    if extended:
        assert law.extended is not None
        last_notice, last, period = last, law.extended.after(start, seat=seat) + timedelta(days=out), law.extended
    else:
        last_notice, period = last, law.period
    steps.append(Step("extended" if extended else "period", {"unit": period.unit, "count": period.count, "start": start, "day": period.after(start, seat=seat),
                                                             "short": period.unit == "months" and period.after(start, seat=seat).day != start.day}))
    if out:
        steps.append(Step("left_out", {"count": out, "day": last}))
    due = next_working_day(last, seat=seat) if law.roll else last
    if due != last:
        steps.append(Step("rolled", {"from": last, "why": seat.closed(last), "day": due}))
    steps.append(Step("due", {"day": due}))
    aims = [last, *([law.target.after(start, seat=None) + timedelta(days=out)] if law.target and not extended else [])]
    if law.period.unit == "business_days" and not extended:
        aims.append(law.period.after(start, seat=None))
    return Reckoned(
        regime=law.slug, received_on=received, started_on=start, internal_target=min(aims), statutory_due=due, extension_notice_by=last_notice if law.extended else None,
        acknowledge_by=acknowledge, acknowledge_target=aim, extended=extended, standing_still_since=since, refused=tuple(refused), steps=tuple(steps))


def _acknowledgement(law: Regime, received: date, seat: Seat) -> tuple[date | None, date | None]:
    """By when the receipt has to be confirmed, and by when we aim to: business days there skip weekends only."""
    if law.acknowledge is None:
        return None, None
    by = law.acknowledge.after(received, seat=seat)
    return (next_working_day(by, seat=seat) if law.acknowledge_rolls else by), law.acknowledge.after(received, seat=None)


def _start(law: Regime, dates: Dates, received: date, steps: list[Step]) -> date | None:
    """The day from which the time runs. Under a law that waits for identity or fee, the day the last of them came; None while one is missing."""
    if law.starts == "receipt":
        return received
    start = received
    for asked, came in _PAIRS[:2]:
        if any(kind == asked for kind, _day in dates):
            days = [day for kind, day in dates if kind == came]
            if not days:
                steps.append(Step("waiting", {"for": came}))
                return None
            if max(days) > start:
                start = max(days)
                steps.append(Step("started", {"for": came, "day": start}))
    return start


def _left_out(law: Regime, dates: Dates, start: date, received: date, steps: list[Step], refused: list[str]) -> tuple[int, date | None]:
    """How many days do not count, and since when the time stands still if it does now."""
    days: set[date] = set()
    since = None
    for asked, answered in _PAIRS:
        for begin, end in _segments(dates, asked, answered):
            if law.pauses == "none":
                refused.append("no_pauses")
            elif law.pause_asked_within is not None and (begin - received).days > law.pause_asked_within:
                refused.append("asked_too_late")
            elif end is None:
                since = begin if since is None else min(since, begin)
                steps.append(Step("standing_still", {"for": answered, "day": begin}))
            else:
                stop = end if law.pauses == "suspend" else end + timedelta(days=1)
                first = max(begin, start + timedelta(days=1)) if law.pauses == "inclusive" else begin
                days |= {first + timedelta(days=n) for n in range((stop - first).days)}
    return len(days), since


def _segments(dates: Dates, asked: Kind, answered: Kind) -> list[tuple[date, date | None]]:
    """From each question to the answer that came after it. Asking again before the answer changes nothing."""
    found: list[tuple[date, date | None]] = []
    begin: date | None = None
    for kind, day in dates:
        if kind == asked and begin is None:
            begin = day
        elif kind == answered and begin is not None:
            found.append((begin, day))
            begin = None
    return [*found, (begin, None)] if begin is not None else found


def _extended(law: Regime, dates: Dates, notice_by: date, refused: list[str]) -> bool:
    """Whether the time was extended, as this law allows it: once, and told before the first deadline."""
    told = [day for kind, day in dates if kind == "extended"]
    if not told:
        return False
    if law.extended is None:
        refused.append("no_extension")
        return False
    if told[0] > notice_by:
        refused.append("extended_too_late")
        return False
    if len(told) > 1:
        refused.append("extended_twice")
    return True
