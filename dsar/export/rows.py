"""The rows of one table that are about the person, as the copy tells them: by the map, and by nothing else."""
from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import date, datetime
from functools import cache, partial
from typing import Any
from uuid import UUID

import orjson
from django.apps import apps
from django.db import connection, models

from accounts.work import plain
from dsar.datamap.kinds import Column, Unit
from dsar.export.people import People
from dsar.holding import condition

NAMES = {"role_id": "accounts_role", "service_id": "accounts_service", "group_id": "accounts_group", "organization_id": "accounts_organization", "content_object_id": "accounts_organization"}
"""Numbers of things of an organization that have a name which says more."""
_Way = Callable[[Any], Any]
_PLAIN = (models.DateTimeField, models.BooleanField, models.IntegerField)
_TEXT = (models.CharField, models.TextField)
_SECRET = "exists"
_PEOPLE = frozenset({"account_id", "user_id", "membership_id"})
_AS_THEY_ARE = frozenset({str, int, bool})
_AT_ONCE = 2000
KNOWN = "accounts_mail"
"""What we mailed to the person themselves: the names and addresses in it they have had already."""


class Reader:
    """Reads everything about one person, row by row, and counts what it leaves out."""

    def __init__(self, people: People, *, orgs: list[UUID], only: UUID | None = None) -> None:
        self.people = people
        self.orgs = orgs
        self.only = only
        self.secrets: Counter[str] = Counter()
        """How many values of each table exist and are not told, because they would open something."""
        self._names: dict[str, dict[Any, str]] = {}

    def rows(self, unit: Unit) -> Iterator[dict[str, Any]]:
        """The rows of a table, oldest first where it has an order, streamed: never more than some thousand at once."""
        columns = [name for name, column in unit.columns.items() if column.export != "no" or name in {"id", unit.scope}]
        conditions = [condition(unit.table, subject.path) for subject in unit.about if subject.role in {"subject", "recipient"}]
        where, values = " OR ".join(f"({one})" for one in conditions), [self.people.me.id] * len(conditions)
        if unit.scope == "org":
            where, values = f"org = ANY(%s) AND ({where})", [self.orgs, *values]  # type: ignore[list-item]
        elif self.only is not None and unit.scope:
            where, values = f'"{unit.scope}" = %s AND ({where})', [self.only, *values]
        if unit.untold:
            where = f'({where}) AND NOT "{unit.untold}"'
        order = next((name for name in ("created_at", "started_at", "granted_at", "created", "id") if name in unit.columns), columns[0])
        listed = ", ".join(_written(unit.table, name) for name in columns)
        then = '"id"' if "id" in columns else ", ".join(f'"{unit.table}"."{name}"' for name in columns)  # so that the same moment gives the same file
        steps, secrets = self._steps(unit, columns)
        with connection.chunked_cursor() as cursor:
            cursor.execute(f'SELECT {listed} FROM "{unit.table}" WHERE {where} ORDER BY "{unit.table}"."{order}", {then}', values)
            while found := cursor.fetchmany(_AT_ONCE):
                self._learn(unit, columns, found)
                for number in secrets:
                    self.secrets[unit.table] += sum(bool(row[number]) for row in found)
                for row in found:
                    yield {name: row[number] if tell is None else tell(row[number]) for number, name, tell in steps}

    def names(self, unit: Unit) -> list[str]:
        """The names under which a row of this table is told, in order."""
        found = ["organization"] if unit.scope in NAMES else []
        return [*found, *(name.removesuffix("_id") if name in NAMES else name for name, column in unit.columns.items() if (column.export in {"yes", "others"} or name == "id") and name != unit.scope)]

    def _steps(self, unit: Unit, columns: list[str]) -> tuple[list[tuple[int, str, _Way | None]], list[int]]:
        """What is told of a row: the place of each value, its name, and how it is said, None as it is. And the places of secrets, which are counted only."""
        steps: list[tuple[int, str, _Way | None]] = []
        for number, name in enumerate(columns):
            column = unit.columns[name]
            if column.export == _SECRET:
                continue
            if name == unit.scope and unit.scope in NAMES:
                steps.append((number, "organization", partial(self._name, name)))
            elif name == "id":
                steps.append((number, "id", None))
            elif column.export != "no":
                steps.append((number, name.removesuffix("_id") if name in NAMES else name, self._way(unit.table, name, column)))
        return steps, [number for number, name in enumerate(columns) if unit.columns[name].export == _SECRET]

    def _way(self, table: str, name: str, column: Column) -> _Way | None:
        """How the values of a column are said."""
        if name in NAMES:
            return partial(self._name, name)
        if column.export == "others":
            return self._others
        if name in _PEOPLE:
            return self.people.of
        if column.category == "user.contact.email":
            return self._mine
        if (table, name) in _columns(*_PLAIN, *(_TEXT if table == KNOWN else ())):
            return None
        return as_json if table == KNOWN else self._text

    def _others(self, value: Any) -> Any:
        return self.people.of(value) if _is_number(value) else self.people.scrub(value) if isinstance(value, str) else value

    def _mine(self, value: Any) -> Any:
        if isinstance(told := as_json(value), str):
            self.people.mine(told)
        return told

    def _text(self, value: Any) -> Any:
        if value is None or (type(value) is str and "@" not in value):
            return value
        told = as_json(value)
        return self.people.without_addresses(told) if isinstance(told, str) and "@" in told else told

    def _learn(self, unit: Unit, columns: list[str], rows: list[tuple[Any, ...]]) -> None:
        """Who and what stands in these rows, asked for all of them at once."""
        numbers: set[Any] = set()
        texts: set[str] = set()
        addresses: set[str] = set()
        for place, name in enumerate(columns):
            column = unit.columns[name]
            if name in NAMES:
                self._learn_names(name, {row[place] for row in rows} - {None})
            elif column.export == "others":
                for value in filter(None, (row[place] for row in rows)):
                    if isinstance(value, str):
                        texts.add(value)
                    elif _is_number(value):
                        numbers.update(value if isinstance(value, list) else [value])
            elif name in _PEOPLE and column.export != "no":
                numbers |= {row[place] for row in rows} - {None}
            elif column.export == "yes" and unit.table != KNOWN and (unit.table, name) in _columns(*_TEXT) and column.category != "user.contact.email":
                addresses |= {row[place] for row in rows if row[place] and "@" in row[place]}
        self.people.learn(numbers, texts, addresses)

    def _learn_names(self, column: str, values: set[Any]) -> None:
        known = self._names.setdefault(NAMES[column], {})
        if more := list(values - set(known)):
            with connection.cursor() as cursor:
                cursor.execute(f'SELECT id, name FROM "{NAMES[column]}" WHERE id = ANY(%s)', [more])
                known |= dict(cursor.fetchall())

    def _name(self, column: str, value: Any) -> Any:
        return self._names.get(NAMES[column], {}).get(value) or (str(value) if value is not None else None)


def _written(table: str, name: str) -> str:
    """A column as it is asked for: times as the copy writes them, which the database does for many rows in no time."""
    if (table, name) in _columns(models.DateTimeField):
        return f"""to_char("{table}"."{name}" AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS "{name}\""""
    return f'"{table}"."{name}"{"::text" if name == "id" else ""}'


@cache
def _columns(*kinds: type[models.Field]) -> frozenset[tuple[str, str]]:
    """The columns of these kinds."""
    return frozenset((model._meta.db_table, one.column) for model in apps.get_models(include_auto_created=True) for one in model._meta.local_concrete_fields if isinstance(one, kinds))


def _is_number(value: Any) -> bool:
    return isinstance(value, UUID) or (isinstance(value, list) and all(isinstance(one, UUID) for one in value))


def as_json(value: Any) -> Any:
    """A value of the database as the copy writes it: times in RFC 3339 and UTC, numbers of things as text."""
    if value is None or type(value) in _AS_THEY_ARE:
        return value
    if isinstance(value, bytes | memoryview):
        return None
    if isinstance(value, date) and not isinstance(value, datetime):
        return value.isoformat()
    return plain(value)


def line(row: dict[str, Any]) -> bytes:
    """One record as one line."""
    return orjson.dumps(row, default=str, option=orjson.OPT_APPEND_NEWLINE)


def schema(unit: Unit) -> dict[str, Any]:
    """What the lines of a table are, for programs: JSON Schema, with where it comes from, why and for how long."""
    from dsar.datamap.kinds import CATEGORIES, KEEPING, PURPOSES, SOURCES

    told = {name: column for name, column in unit.columns.items() if column.export in {"yes", "others"}}
    properties: dict[str, Any] = {(name.removesuffix("_id") if name in NAMES else name): {"title": str(CATEGORIES[column.category]), "x-category": column.category} for name, column in told.items()}
    keeping = KEEPING[unit.keeping]
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": str(unit.title), "type": "object", "properties": properties,
            "x-purpose": str(PURPOSES[unit.purpose].title), "x-legal-basis": f"GDPR Art. 6(1)({PURPOSES[unit.purpose].basis})", "x-source": [str(SOURCES[word]) for word in unit.source],
            "x-kept": f"{keeping.title}, {keeping.trigger}"}
