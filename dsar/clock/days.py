"""Arithmetic with days as laws count them: months, business days, public holidays of a seat."""
from __future__ import annotations

import calendar
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import holidays


@dataclass(frozen=True)
class Seat:
    """Where an organization sits: its country (ISO 3166), its region where holidays depend on it, and the zone in which its days begin and end."""

    country: str
    region: str = ""
    zone: str = "UTC"

    def day(self, at: datetime) -> date:
        """On which day of the organization an instant falls."""
        return at.astimezone(ZoneInfo(self.zone)).date()

    def end_of(self, day: date) -> datetime:
        """The instant at which a day is over there, in UTC: the first one of the next day."""
        return datetime.combine(day + timedelta(days=1), time(), ZoneInfo(self.zone)).astimezone(UTC)

    def closed(self, day: date) -> str:
        """Why it is no working day: "weekend", the name of the public holiday, or ''."""
        if day.weekday() >= 5:
            return "weekend"
        known = _holidays(self.country.upper(), self.region.upper())
        return known.get(day, "") if known is not None else ""


@lru_cache(maxsize=64)
def _holidays(country: str, region: str) -> holidays.HolidayBase | None:
    """The public holidays of a place in English; of the whole country where the region is not known; None where nothing is."""
    regions = holidays.list_supported_countries(include_aliases=True).get(country)
    if regions is None:
        return None
    known: holidays.HolidayBase = holidays.country_holidays(country, subdiv=region if region in regions else None, language=None)
    return known


def add_months(start: date, months: int) -> date:
    """The day with the same number, so many months later; where that month has none, its last day (Regulation 1182/71 Art. 3(2)(c))."""
    year, month = divmod(start.year * 12 + start.month - 1 + months, 12)
    return date(year, month + 1, min(start.day, calendar.monthrange(year, month + 1)[1]))


def add_business_days(start: date, count: int, *, seat: Seat | None) -> date:
    """The first business day after `start` is day 1. Without a seat only weekends are skipped."""
    day, left = start, count
    while left:
        day += timedelta(days=1)
        left -= not (day.weekday() >= 5 if seat is None else seat.closed(day))
    return day


def next_working_day(day: date, *, seat: Seat) -> date:
    """The day itself, or the next one on which people work at the seat."""
    while seat.closed(day):
        day += timedelta(days=1)
    return day
