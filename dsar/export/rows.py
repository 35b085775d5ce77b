"""The rows of one table that are about the person, as the copy tells them: by the map, and by nothing else."""
from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.db import connection

from accounts.work import plain
from dsar.datamap.kinds import Column, Unit
from dsar.export.people import People
from dsar.holding import condition

NAMES = {"role_id": "accounts_role", "service_id": "accounts_service", "group_id": "accounts_group", "organization_id": "accounts_organization", "content_object_id": "accounts_organization"}
"""Numbers of things of an organization that have a name which says more."""
_SECRET = "exists"
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
        order = next((name for name in ("created_at", "started_at", "granted_at", "created", "id") if name in unit.columns), columns[0])
        listed = ", ".join(f'"{name}"' for name in columns)
        with connection.chunked_cursor() as cursor:
            cursor.execute(f'SELECT {listed} FROM "{unit.table}" WHERE {where} ORDER BY "{order}", {listed}', values)
            while found := cursor.fetchmany(2000):
                for row in found:
                    yield self._told(unit, dict(zip(columns, row, strict=True)))

    def names(self, unit: Unit) -> list[str]:
        """The names under which a row of this table is told, in order."""
        found = ["organization"] if unit.scope in NAMES else []
        return [*found, *(name.removesuffix("_id") if name in NAMES else name for name, column in unit.columns.items() if (column.export in {"yes", "others"} or name == "id") and name != unit.scope)]

    def _told(self, unit: Unit, row: dict[str, Any]) -> dict[str, Any]:
        told: dict[str, Any] = {}
        for name, value in row.items():
            column = unit.columns[name]
            if column.export == _SECRET:
                self.secrets[unit.table] += bool(value)
            elif name == unit.scope and unit.scope in NAMES:
                told["organization"] = self._name(name, value)
            elif name == "id":
                told["id"] = str(value)
            elif column.export != "no":
                told[name.removesuffix("_id") if name in NAMES else name] = self._value(unit.table, name, column, value)
        return told

    def _value(self, unit: str, name: str, column: Column, value: Any) -> Any:
        if name in NAMES:
            return self._name(name, value)
        if column.export == "others":
            return self.people.of(value) if _is_number(value) else self.people.scrub(value) if isinstance(value, str) else value
        if name in {"account_id", "user_id", "membership_id"}:
            return self.people.of(value)
        told = as_json(value)
        if column.category == "user.contact.email" and isinstance(told, str):
            self.people.mine(told)
        elif isinstance(told, str) and unit != KNOWN:
            return self.people.without_addresses(told)
        return told

    def _name(self, column: str, value: Any) -> Any:
        table = NAMES[column]
        if table not in self._names:
            self._names[table] = {}
        known = self._names[table]
        if value not in known:
            with connection.cursor() as cursor:
                cursor.execute(f'SELECT name FROM "{table}" WHERE id = %s', [value])
                found = cursor.fetchone()
            known[value] = found[0] if found else str(value)
        return known[value]


def _is_number(value: Any) -> bool:
    return isinstance(value, UUID) or (isinstance(value, list) and all(isinstance(one, UUID) for one in value))


def as_json(value: Any) -> Any:
    """A value of the database as the copy writes it: times in RFC 3339 and UTC, numbers of things as text."""
    if isinstance(value, bytes | memoryview):
        return None
    if isinstance(value, date) and not isinstance(value, datetime):
        return value.isoformat()
    return plain(value)


def line(row: dict[str, Any]) -> bytes:
    """One record as one line."""
    return json.dumps(row, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def schema(unit: Unit) -> dict[str, Any]:
    """What the lines of a table are, for programs: JSON Schema, with where it comes from, why and for how long."""
    from dsar.datamap.kinds import CATEGORIES, KEEPING, PURPOSES, SOURCES

    told = {name: column for name, column in unit.columns.items() if column.export in {"yes", "others"}}
    properties: dict[str, Any] = {(name.removesuffix("_id") if name in NAMES else name): {"title": str(CATEGORIES[column.category]), "x-category": column.category} for name, column in told.items()}
    keeping = KEEPING[unit.keeping]
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": str(unit.title), "type": "object", "properties": properties,
            "x-purpose": str(PURPOSES[unit.purpose].title), "x-legal-basis": f"GDPR Art. 6(1)({PURPOSES[unit.purpose].basis})", "x-source": [str(SOURCES[word]) for word in unit.source],
            "x-kept": f"{keeping.title}, {keeping.trigger}"}
