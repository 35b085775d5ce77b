"""Periods in days, months or years: which day is the last one of a period, and which beginnings are over on a day. Dates only, so that neither clocks nor leap days decide."""
from __future__ import annotations

import calendar
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

Measure = Literal["days", "months", "years"]
MEASURES = {"days": gettext_lazy("Days"), "months": gettext_lazy("Months"), "years": gettext_lazy("Years")}
MOST = {"days": 36525, "months": 1200, "years": 100}
"""Nothing is kept by a rule for longer than a hundred years."""


@dataclass(frozen=True)
class Period:
    """For how long. A month ends on the day with the same number, or on the last day of a month that has no such day."""

    count: int
    measure: Measure = "days"

    def last(self, begins: date) -> date:
        """The last day of the period that begins on this day: 0 days is the day itself. What would end after the calendar does, ends with it."""
        try:
            if self.measure == "days":
                return begins + timedelta(days=self.count)
            year, month = divmod(begins.year * 12 + begins.month - 1 + self.count * (12 if self.measure == "years" else 1), 12)
            return date(year, month + 1, min(begins.day, calendar.monthrange(year, month + 1)[1]))
        except (OverflowError, ValueError):
            return date.max

    def over(self, today: date) -> date | None:
        """The latest beginning whose period is over before this day; None where there is none. Later beginnings are never over earlier, so one day says it all."""
        if self.measure == "days":
            days = today.toordinal() - self.count - 1
            return date.fromordinal(days) if days > 0 else None
        month = today.year * 12 + today.month - 1 - self.count * (12 if self.measure == "years" else 1)
        if month < 12:
            return None
        found = date(month // 12, month % 12 + 1, min(today.day, calendar.monthrange(month // 12, month % 12 + 1)[1])) + timedelta(days=3)
        while self.last(found) >= today:
            found -= timedelta(days=1)
        return found

    @property
    def months(self) -> int:
        return self.count * 12 if self.measure == "years" else self.count

    @property
    def least(self) -> int:
        """How many days it has at least, whenever it begins."""
        return self.count if self.measure == "days" else self.months // 12 * 365 + self.months % 12 * 28

    @property
    def most(self) -> int:
        """How many days it has at most, whenever it begins."""
        return self.count if self.measure == "days" else self.months // 12 * 366 + self.months % 12 * 31

    def __str__(self) -> str:
        if self.count == 0:
            return _("not at all")
        if self.measure == "days":
            return ngettext("%(n)d day", "%(n)d days", self.count) % {"n": self.count}
        if self.measure == "months":
            return ngettext("%(n)d month", "%(n)d months", self.count) % {"n": self.count}
        return ngettext("%(n)d year", "%(n)d years", self.count) % {"n": self.count}


def begins(day: date, zone: str) -> datetime:
    """The moment at which this day begins there."""
    return datetime.combine(day, time.min, ZoneInfo(zone))


def today(now: datetime, zone: str) -> date:
    """Which day it is there."""
    return now.astimezone(ZoneInfo(zone)).date()


def zone_of(name: str) -> str:
    """The organization's zone; UTC where it has none that is known."""
    try:
        ZoneInfo(name or "UTC")
    except (KeyError, ValueError, OSError):
        return "UTC"
    return name or "UTC"
