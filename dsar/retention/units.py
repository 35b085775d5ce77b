"""The kinds of data that have an end, as the engine needs them: whose rules count, what may be done, between which limits."""
from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from uuid import UUID

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from dsar.datamap import MAP
from dsar.datamap.checks import json_columns
from dsar.datamap.ends import ELSEWHERE, ENDS, TRIGGERS, WITH_ANOTHER, End
from dsar.datamap.kinds import CATEGORIES, KEEPING, Keeping, Unit, Words
from dsar.holding import condition
from dsar.retention.periods import Period

IDENTIFYING = frozenset({"user.name", "user.contact.email"})
"""Where one of these goes, the person's own history says so."""

BEFORE = frozenset({
    "accounts_session", "accounts_apitoken", "accounts_appgrant", "accounts_membershipsnapshot", "accounts_addresschange", "accounts_mail", "accounts_rightsvisit", "accounts_rightsrequest",
    "accounts_idempotencykey", "accounts_programsession", "accounts_logoutcall",
    "accounts_profilechange", "accounts_profilesuggestion", "accounts_valuedispute",
    "account_emailconfirmation", "oauth2_provider_accesstoken", "oauth2_provider_refreshtoken", "oauth2_provider_grant",
    "oauth2_provider_idtoken", "oauth2_provider_devicegrant", "dsar_copy"})
"""What goes or is emptied with the account itself, before the data map is walked: credentials, letters, values of the profile, copies. No rule keeps it against an erasure; a hold does."""
PURGED = "SELECT id FROM accounts_account WHERE status = 'purged'"


@dataclass(frozen=True)
class Governed:
    """One kind of data with an end."""

    unit: Unit
    end: End

    @property
    def key(self) -> str:
        return self.unit.table

    @property
    def title(self) -> Words:
        return self.unit.title

    @property
    def keeping(self) -> Keeping:
        return KEEPING[self.unit.keeping]

    @property
    def default(self) -> Period | None:
        """How long it is kept where no rule says so; None for as long as what it belongs to."""
        return Period(self.keeping.days) if self.keeping.days is not None else None

    @property
    def ceiling(self) -> Period | None:
        return Period(self.keeping.ceiling) if self.keeping.ceiling is not None else None

    @property
    def floor(self) -> Period | None:
        days = floors().get(self.unit.keeping)
        return Period(days) if days else None

    @cached_property
    def categories(self) -> list[str]:
        """What kinds of personal data are in it, without the numbers that stand for somebody in nearly everything."""
        found = {column.category for column in self.unit.columns.values()}
        return [key for key in CATEGORIES if key in found and key not in {"user.unique_id", "user.account"}]

    @cached_property
    def actions(self) -> tuple[str, ...]:
        """What a rule may do with it, the mildest last."""
        return (("delete",) if self.end.action == "delete" else ()) + (("deidentify",) if emptied(self.unit) else ())

    @cached_property
    def resists(self) -> bool:
        """Whether a ground can keep rows of it although their person is erased. What stayed goes as soon as nothing keeps it."""
        return self.unit.erase == "delete" and self.key not in BEFORE and self.ways > 0

    @cached_property
    def identifies(self) -> bool:
        return any(column.category in IDENTIFYING and column.export != "no" for column in self.unit.columns.values()) and bool(self.person)

    @cached_property
    def person(self) -> str:
        """The column of an account that the row is about, where there is one in the row itself."""
        return next((subject.path for subject in self.unit.about if subject.role in {"subject", "recipient"} and "->" not in subject.path), "")

    def said(self, trigger: str) -> Words:
        return self.end.said.get(trigger, TRIGGERS[trigger])

    @property
    def scoped(self) -> bool:
        """Whether rows of it can belong to an organization."""
        return bool(self.unit.scope or self.end.whose or self.end.manager)

    def whose(self, org: UUID | None) -> tuple[str, list[object]]:
        """SQL for the rows over which this organization's rules count; without one, those that belong to none."""
        column = self.end.whose or self.unit.scope
        if column:
            return (f'"{column}" = %s', [org]) if org else (f'"{column}" IS NULL', [])
        if self.end.manager:
            managed = "SELECT account_id FROM accounts_management"
            return (f'"{self.end.manager}" IN ({managed} WHERE organization_id = %s)', [org]) if org else (f'"{self.end.manager}" NOT IN ({managed})', [])
        return ("false", []) if org else ("true", [])

    def owner(self) -> str:
        """SQL for the organization whose rules count for a row."""
        column = self.end.whose or self.unit.scope
        if column:
            return f'"{column}"'
        return f'(SELECT m.organization_id FROM accounts_management m WHERE m.account_id = "{self.key}"."{self.end.manager}")' if self.end.manager else "NULL::uuid"

    def about(self, among: str) -> str:
        """SQL for the rows that are about any of these accounts, a query of their ids."""
        ways = [condition(self.key, subject.path, among=among) for subject in self.unit.about if subject.role in {"subject", "recipient"}]
        return " OR ".join(f"({way})" for way in ways) or "false"

    @property
    def ways(self) -> int:
        """How many ways lead from a row to somebody it is about."""
        return sum(subject.role in {"subject", "recipient"} for subject in self.unit.about)


def emptied(unit: Unit) -> list[tuple[str, str]]:
    """The columns that are emptied when rows stay and nobody shall be known from them, each with what an empty one is."""
    if unit.erase != "change":
        return []
    kinds = json_columns().get(unit.table, frozenset())
    empty = {"null": "NULL", "blank": "''"}
    return [(name, "'{}'::jsonb" if name in kinds and column.erase == "blank" else empty[column.erase]) for name, column in unit.columns.items() if column.erase in empty]



@cache
def governed() -> dict[str, Governed]:
    """Every kind with an end, in the order of the map."""
    return {unit.table: Governed(unit, ENDS[unit.table]) for unit in MAP.units if unit.table in ENDS}


def offered() -> dict[str, Governed]:
    """Those of which an organization can have rows, and so rules."""
    return {key: one for key, one in governed().items() if one.scoped}


def categories() -> dict[str, Words]:
    """The categories that are in kinds over which rules can be made."""
    found = {key for one in offered().values() for key in one.categories}
    return {key: words for key, words in CATEGORIES.items() if key in found}


def of(what: str) -> list[Governed]:
    """The kinds that a rule about this names: one, or all that have something of a category. [] where there is none any more."""
    return [one for key, one in offered().items() if what == key or what in one.categories]


@cache
def floors() -> dict[str, int]:
    """The installation's shortest times, in days, by class of keeping."""
    path = Path(settings.RETENTION_FLOORS)
    try:
        found = tomllib.loads(path.read_text())
        return {key: int(section["days"]) for key, section in found.items()}
    except (OSError, tomllib.TOMLDecodeError, KeyError, TypeError, ValueError) as error:
        raise ImproperlyConfigured(f"The shortest times of keeping in {path} cannot be read: {type(error).__name__}. dsar/retention/floors.toml is an example.") from error


def problems() -> Iterator[str]:
    """What does not fit together: kinds with a period and no end, ends of nothing, floors above what is promised."""
    for unit in MAP.units:
        keeping = KEEPING.get(unit.keeping)
        if keeping and keeping.days is not None and unit.keeping not in ELSEWHERE and unit.table not in ENDS and unit.table not in WITH_ANOTHER:
            yield f"{unit.table} is kept for {keeping.days} days, and dsar/datamap/ends.py does not say from when"
    for table, end in ENDS.items():
        if table not in MAP.by_table:
            yield f"{table} has an end and is not in the data map"
        elif "end" not in end.clocks or set(end.clocks) - set(TRIGGERS) or (end.action == "deidentify" and not emptied(MAP.by_table[table])):
            yield f"{table}: its end is not complete"
        elif {end.whose, end.manager, end.label} - {"", *MAP.by_table[table].columns}:
            yield f"{table}: its end names a column that does not exist"
    for key, days in floors().items():
        if key not in KEEPING:
            yield f"nobody knows the class of keeping {key!r}, for which there is a shortest time"
        elif days < 0 or (KEEPING[key].days is not None and days > (KEEPING[key].days or 0)):
            yield f"{key}: the shortest time is longer than what people are promised"
