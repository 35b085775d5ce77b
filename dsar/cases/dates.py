"""The dates of a case: nothing but what the clock makes of what happened (RIGHTS 2b, rule 9)."""
from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from dsar.cases.models import Action, Case, Happening
from dsar.cases.table import BY_EVENT
from dsar.clock.days import Seat
from dsar.clock.explained import explain
from dsar.clock.reckoning import Clock, Event, clock

DATES = ("statutory_due", "internal_target", "extension_notice_by")


def events(happened: Iterable[Happening]) -> list[Event]:
    """What of it counts for the time. That it was received counts from the day on which it came in, which may lie before it was written down."""
    found = []
    for one in happened:
        kind = BY_EVENT[one.event].clock
        if kind and kind != "stop":
            found.append(Event(kind, one.at))
    return found


def clocks(case: Case, actions: Iterable[Action], happened: Iterable[Happening]) -> list[Clock]:
    """One clock for each right."""
    seat, told = Seat(country=case.country[:2], region=case.country[3:], zone=case.time_zone), events(happened)
    return [clock(told, under=case.regimes, right=right, seat=seat) for right in sorted({a.right for a in actions})]


def reckoned(case: Case, actions: Iterable[Action], happened: Iterable[Happening]) -> dict[str, date | None]:
    """Of each milestone the earliest, over all rights and laws."""
    if case.closed_at is not None:
        return dict.fromkeys(DATES)
    found = clocks(case, actions, happened)
    return {name: min((day[0] for one in found if (day := one.earliest(name))), default=None) for name in DATES}


def explained(case: Case, actions: Iterable[Action], happened: Iterable[Happening]) -> list[str]:
    """Why the date is what it is, in sentences: of the right and the law that drive it."""
    best = [(day[0], r) for one in clocks(case, actions, happened) for r in one.reckoned if (day := one.earliest("statutory_due")) and r.regime == day[1]]
    if not best:
        first = clocks(case, actions, happened)
        return explain(first[0].reckoned[0]) if first else []
    return explain(min(best, key=lambda pair: pair[0])[1])
