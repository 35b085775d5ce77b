"""The regimes: the numbers of each law as data, and which of them a request falls under."""
from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import Any, Literal

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from dsar.clock.days import Seat, add_business_days, add_months

EEA = frozenset({"AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU", "IE", "IS", "IT", "LI", "LT", "LU", "LV", "MT", "NL", "NO", "PL", "PT", "RO", "SE", "SI", "SK"})
KNOWN = frozenset({"eu", "uk", "california", "brazil", "virginia"})
_UNITS = ("months", "days", "business_days")
_KEYS = {"source", "starts", "period", "extended", "target", "acknowledge", "acknowledge_rolls", "roll", "pauses", "pause_asked_within", "employees", "rights"}


@dataclass(frozen=True)
class Period:
    """A length of time as a law gives it. Days are calendar days; the day it starts from is not counted."""

    unit: Literal["months", "days", "business_days"]
    count: int

    def after(self, start: date, *, seat: Seat | None) -> date:
        """The last day. Business days skip the public holidays of `seat`, or only weekends where it is None."""
        if self.unit == "months":
            return add_months(start, self.count)
        return start + timedelta(days=self.count) if self.unit == "days" else add_business_days(start, self.count, seat=seat)


@dataclass(frozen=True, kw_only=True)
class Regime:
    """What one law says about time, for one right."""

    slug: str
    source: str
    starts: Literal["receipt", "relevant_time"]
    period: Period
    extended: Period | None = None
    target: Period | None = None
    """What we aim at where that is earlier than the law's own day."""
    acknowledge: Period | None = None
    acknowledge_rolls: bool = False
    roll: bool
    pauses: Literal["suspend", "inclusive", "none"]
    pause_asked_within: int | None = None
    """Within how many days of receipt a question has to be asked for the time to stand still."""
    employees: bool = True
    rights: Mapping[str, Mapping[str, Any]]

    def for_right(self, right: str) -> Regime:
        """The same law with what it says about this right in particular."""
        return replace(self, **{key: _period(value) if isinstance(value, dict) else value for key, value in self.rights.get(right, {}).items()})


def _period(value: Mapping[str, int]) -> Period | None:
    if not value:
        return None
    (unit, count), = value.items()
    if unit not in _UNITS or not isinstance(count, int) or isinstance(count, bool) or not 0 <= count <= 3660:
        raise ImproperlyConfigured(f"The legal numbers have a period that cannot be: {unit} = {count!r}")
    return Period(unit, count)  # type: ignore[arg-type]


def read(path: Path) -> dict[str, Regime]:
    """The regimes of a file of legal numbers. Raises ImproperlyConfigured, naming what is wrong with it."""
    try:
        tables = tomllib.loads(path.read_text())
        return {slug: _regime(slug, table) for slug, table in tables.items()}
    except (OSError, tomllib.TOMLDecodeError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise ImproperlyConfigured(f"The legal numbers in {path} cannot be read: {error}") from error


def _regime(slug: str, table: dict[str, Any]) -> Regime:
    rights = table.pop("rights", {})
    for part in (table, *rights.values()):
        if unknown := set(part) - _KEYS:
            raise ValueError(f"[{slug}] does not know {', '.join(sorted(unknown))}")
    if table["starts"] not in {"receipt", "relevant_time"} or table["pauses"] not in {"suspend", "inclusive", "none"}:
        raise ValueError(f"[{slug}] has a start or a kind of pause that does not exist")
    values = {key: _period(value) if isinstance(value, dict) else value for key, value in table.items()}
    if values["period"] is None:
        raise ValueError(f"[{slug}] has no period")
    found = Regime(slug=slug, rights=rights, **values)
    for right in rights:
        found.for_right(right)
    return found


@cache
def regimes() -> dict[str, Regime]:
    """The regimes that this installation knows."""
    return read(Path(settings.LEGAL_NUMBERS))


def applicable(*, seat: str, residence: str = "", employee: bool = False) -> tuple[str, ...]:
    """Which regimes a request falls under: by the country where the organization sits and by where the person lives.

    Countries are ISO 3166 codes, regions of the United States with their state ("US-CA"). An employee's request falls out of
    laws that leave employment out. Where no law is known we keep to the European one: it is what our policy promises to everybody.
    """
    places = {seat[:2].upper(), residence[:2].upper()}
    found = ["eu"] if places & EEA else []
    found += ["uk"] if "GB" in places else []
    found += [slug for slug, where in (("california", "US-CA"), ("brazil", "BR"), ("virginia", "US-VA")) if residence.upper() == where and (regimes()[slug].employees or not employee)]
    return tuple(found) or ("eu",)
