"""The dates of a case: nothing but what the clock makes of what happened (RIGHTS 2b, rule 9)."""
from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from zoneinfo import ZoneInfo

from django.utils.formats import date_format
from django.utils.translation import gettext as _

from dsar.cases.models import Action, Case, Happening
from dsar.cases.table import BY_EVENT
from dsar.clock.days import Seat
from dsar.clock.explained import explain
from dsar.clock.reckoning import Clock, Event, clock

DATES = ("statutory_due", "internal_target", "extension_notice_by")


PRIORITY = timedelta(days=14)
"""By when an answer that was reversed is to be put right, at the latest; earlier where the first date still lies ahead."""


def _last(happened: Iterable[Happening], *names: str) -> Happening | None:
    """The last of these things that happened."""
    return max((one for one in happened if one.event in names), key=lambda one: one.at, default=None)


def disputed(happened: Iterable[Happening]) -> Happening | None:
    """The dispute that nobody has decided yet: it has a time of its own."""
    last = _last(happened, "disputed", "upheld", "reversed")
    return last if last is not None and last.event == "disputed" else None


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
    happened = list(happened)
    seat, told = Seat(country=case.country[:2], region=case.country[3:], zone=case.time_zone), events(happened)
    if (dispute := disputed(happened)) is not None:  # an appeal, where the law knows it, else as a request of that day
        return [clock([Event("received", dispute.at)], under=case.regimes, right="appeal", seat=seat)]
    return [clock(told, under=case.regimes, right=right, seat=seat) for right in sorted({a.right for a in actions})]


def reckoned(case: Case, actions: Iterable[Action], happened: Iterable[Happening]) -> dict[str, date | None]:
    """Of each milestone the earliest, over all rights and laws."""
    if case.closed_at is not None:
        return dict.fromkeys(DATES)
    happened = list(happened)
    found = clocks(case, actions, happened)
    dates: dict[str, date | None] = {name: min((day[0] for one in found if (day := one.earliest(name))), default=None) for name in DATES}
    if (last := _last(happened, "disputed", "reversed")) is not None and last.event == "reversed" and dates["statutory_due"] is not None:
        dates["statutory_due"] = max(dates["statutory_due"], _put_right(case, last))
    return dates


def _put_right(case: Case, reversed_: Happening) -> date:
    return (reversed_.at + PRIORITY).astimezone(ZoneInfo(case.time_zone)).date()


def stands_still(case: Case, actions: Iterable[Action], happened: Iterable[Happening]) -> bool:
    """Whether the time of the law that would be the first to be missed stands still until somebody answers: then nothing is near, and nothing is missed."""
    found = [(r.statutory_due, r.standing_still_since) for one in clocks(case, actions, happened) for r in one.reckoned if r.statutory_due is not None]
    return bool(found) and min(found, key=lambda pair: pair[0])[1] is not None


def explained(case: Case, actions: Iterable[Action], happened: Iterable[Happening]) -> list[str]:
    """Why the date is what it is, in sentences: of the right and the law that drive it."""
    happened = list(happened)
    if (last := _last(happened, "disputed", "reversed")) is not None and last.event == "reversed" and case.statutory_due == _put_right(case, last):
        return [_("The answer was reversed; it is to be put right within two weeks, by %(day)s.") % {"day": date_format(case.statutory_due)}]
    best = [(day[0], r) for one in clocks(case, actions, happened) for r in one.reckoned if (day := one.earliest("statutory_due")) and r.regime == day[1]]
    if not best:
        first = clocks(case, actions, happened)
        return explain(first[0].reckoned[0]) if first else []
    return explain(min(best, key=lambda pair: pair[0])[1])
