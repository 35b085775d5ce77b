"""What is held about one person, counted by walking the data map: for their own page, and for the plan of an erasure."""
from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from uuid import UUID

from django.apps import apps
from django.contrib.postgres.fields import ArrayField
from django.db import connection

from accounts.models import Membership
from accounts.tenancy import installation
from audit import INSTALLATION
from dsar.datamap import MAP
from dsar.datamap.checks import hops
from dsar.datamap.kinds import CATEGORIES, KEEPING, Keeping, Unit, Words

MOST = 1000
"""Rows of one kind beyond this are not counted one by one."""


@dataclass(frozen=True)
class Held:
    """One kind of data about the person: how many rows there are of it, 0 said as 0."""

    unit: Unit
    count: int

    @property
    def more(self) -> bool:
        return self.count > MOST

    @property
    def keeping(self) -> Keeping:
        return KEEPING[self.unit.keeping]

    @property
    def categories(self) -> list[Words]:
        """What it is, each kind once, in the order of the catalogue."""
        found = {column.category for column in self.unit.columns.values() if column.export != "no" and column.category != "user.unique_id"}
        return [words for key, words in CATEGORIES.items() if key in found]


def told(unit: Unit) -> bool:
    """Whether the person is told of this kind by itself: they are its subject, and something of it is theirs to have."""
    return any(subject.role in {"subject", "recipient"} for subject in unit.about) and any(column.export != "no" for column in unit.columns.values())


def held(account_id: UUID) -> list[Held]:
    """Every kind of data that people are told of, with its count, in the order of the map. One statement, whatever there is."""
    with installation("what is held about one person, in all of their organizations"), connection.cursor() as cursor:
        orgs = [*Membership.objects.filter(account_id=account_id).values_list("organization_id", flat=True), INSTALLATION]
        units = [unit for unit in MAP.units if told(unit)]
        parts, values = [], []
        for number, unit in enumerate(units):
            conditions = [condition(unit.table, subject.path) for subject in unit.about if subject.role in {"subject", "recipient"}]
            text = " OR ".join(f"({one})" for one in conditions)
            values += [account_id] * len(conditions)
            if unit.scope == "org":  # the log's indexes begin with whose log it is
                text = f"org = ANY(%s) AND ({text})"
                values.insert(len(values) - len(conditions), orgs)
            parts.append(f'SELECT {number}, count(*) FROM (SELECT 1 FROM "{unit.table}" WHERE {text} LIMIT {MOST + 1}) AS counted')
        cursor.execute(" UNION ALL ".join(parts), values)
        counts = dict(cursor.fetchall())
    return [Held(unit, counts[number]) for number, unit in enumerate(units)]


def condition(table: str, path: str, *, among: str = "") -> str:
    """SQL that finds the rows of a table that are about one account: a condition with one parameter, the account's id; or those about any of `among`, a query of accounts' ids."""
    return _condition(table, hops(path), among)


def _condition(table: str, steps: list[tuple[str, str, str]], among: str) -> str:
    (column, there, by), *rest = steps
    several, own = (table, column) in _arrays(), f'"{table}"."{column}"'
    if not rest and among:
        return f"{own} && ARRAY({among})" if several else f"{own} IN ({among})"
    if not rest:
        return f"%s = ANY({own})" if several else f"{own} = %s"
    inner = f'SELECT "{by or "id"}" FROM "{there}" WHERE {_condition(there, rest, among)}'
    return f"{own} && ARRAY({inner})" if several else f"{own} IN ({inner})"


@cache
def _arrays() -> frozenset[tuple[str, str]]:
    """Columns that hold several values."""
    return frozenset(_found())


def _found() -> Iterator[tuple[str, str]]:
    for model in apps.get_models(include_auto_created=True):
        yield from ((model._meta.db_table, f.column) for f in model._meta.local_concrete_fields if isinstance(f, ArrayField))
