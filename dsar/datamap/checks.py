"""What must hold of the data map: it is complete, and every word in it means something."""
from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache

from django.apps import apps
from django.db import models

from dsar.datamap.kinds import CATEGORIES, KEEPING, PURPOSES, RECIPIENTS, SOURCES, Column, DataMap, Unit

NO_MODEL = frozenset({"accounts_searchtoken", "django_migrations"})
"""Tables that the database has and no model: kept by triggers, or by the framework itself."""
NO_TABLE = frozenset({"django_rq_dashboard"})
"""Models that the database has no table for: the queue's pages."""
LEAST = 20
"""How many letters a reason has at least."""
_SMELL = re.compile(r"(^|_)(e?mail|ip|phone|name|agent|token|address|account|user|subject|person|owner|requester|actor|message|note|body|text|label|by)(_|$)")


def of_models() -> dict[str, set[str]]:
    """Every table that a model of ours or of a library has, with its columns; tables between two models too."""
    found = {}
    for model in apps.get_models(include_auto_created=True):
        if not model._meta.proxy and model._meta.db_table not in NO_TABLE:
            found[model._meta.db_table] = {f.column for f in model._meta.local_concrete_fields}
    return found


@cache
def json_columns() -> dict[str, frozenset[str]]:
    """By table, the columns that hold a document; `dsar/datamap/documents.py` says what is in them."""
    found = {model._meta.db_table: frozenset(f.column for f in model._meta.local_concrete_fields if isinstance(f, models.JSONField)) for model in apps.get_models(include_auto_created=True)}
    return {table: columns for table, columns in found.items() if columns}


def missing(map_: DataMap, columns: Mapping[str, set[str]]) -> Iterator[str]:
    """What exists and is not declared, and what is declared and does not exist."""
    for table in sorted(set(columns) - map_.tables):
        yield f"{table} is not declared"
    for table in sorted(map_.tables - set(columns)):
        yield f"{table} is declared and does not exist"
    for unit in map_.units:
        if unit.table in columns:
            yield from (f"{unit.table}.{name} is not declared" for name in sorted(columns[unit.table] - set(unit.columns)))
            yield from (f"{unit.table}.{name} is declared and does not exist" for name in sorted(set(unit.columns) - columns[unit.table]))


def wrong(map_: DataMap, columns: Mapping[str, set[str]]) -> Iterator[str]:
    """Declarations that say nothing, or contradict themselves."""
    for nothing in map_.nothing:
        if len(nothing.why) < LEAST:
            yield f"{nothing.table}: the reason is too short to be one"
    seen: set[str] = set()
    for name in [*(unit.table for unit in map_.units), *(one.table for one in map_.nothing)]:
        if name in seen:
            yield f"{name} is declared twice"
        seen.add(name)
    for unit in map_.units:
        yield from (f"{unit.table}: {problem}" for problem in _unit(unit, columns))
        for name, column in unit.columns.items():
            yield from (f"{unit.table}.{name}: {problem}" for problem in _column(unit, name, column))
    for key, keeping in KEEPING.items():
        if keeping.ceiling is None and not keeping.ground:
            yield f"keeping {key}: for ever needs a ground"
        if keeping.days is not None and (keeping.ceiling is None or keeping.days > keeping.ceiling):
            yield f"keeping {key}: longer than its ceiling"


def _unit(unit: Unit, columns: Mapping[str, set[str]]) -> Iterator[str]:
    for word, known in ((unit.purpose, PURPOSES), (unit.keeping, KEEPING)):
        if word not in known:
            yield f"nobody knows {word!r}"
    for words, known in ((unit.recipients, RECIPIENTS), (unit.source, SOURCES)):
        yield from (f"nobody knows {word!r}" for word in words if word not in known)
    if unit.scope and unit.scope not in unit.columns:
        yield f"the organization is said to be in {unit.scope}, which does not exist"
    if not unit.about and unit.erase == "change":
        yield "it is about nobody and would be changed for somebody"
    for subject in unit.about:
        table = unit.table
        for hop in hops(subject.path):
            if hop[0] not in columns.get(table, set()):
                yield f"the way to the person goes through {table}.{hop[0]}, which does not exist"
            table = hop[1] or table


def hops(path: str) -> list[tuple[str, str, str]]:
    """The steps of a way to a person: (column here, table there, column there by which it is found, '' for its id). The last step ends at an account."""
    found, parts = [], path.split(" -> ")
    for column, following in zip(parts, [*parts[1:], ""], strict=True):
        there, _dot, _rest = following.partition(".")
        found.append((column.partition(" by ")[0].rpartition(".")[2], there, following.partition(" by ")[2]))
    return found


def _column(unit: Unit, name: str, column: Column) -> Iterator[str]:
    if column.category and column.category not in CATEGORIES:
        yield f"nobody knows the category {column.category!r}"
    if bool(column.category) == bool(column.why):
        yield "either it has a category, or a reason why it has none"
    if column.why and len(column.why) < LEAST:
        yield "the reason is too short to be one"
    if column.why and _SMELL.search(name) and not column.reviewed and name not in {"organization_id"}:
        yield "it sounds personal and nobody has looked a second time"
    if column.category and column.erase == "keep" and len(column.ground) < LEAST:
        yield "it stays when somebody is erased, without a ground"
    if column.category and unit.erase == "change" and column.erase == "delete":
        yield "it goes with a row that stays"
    if column.category and unit.erase == "keep" and column.erase != "keep":
        yield "it would be changed in a row that stays as it is"
    if column.category.startswith("user.authorization.") and column.export == "yes":
        yield "a secret is never exported"


def leads_to_people(models_: Iterable[type[models.Model]], account: type[models.Model]) -> set[str]:
    """Tables with a way to an account by foreign keys, however long: none of them can be about nobody without a word."""
    direct: dict[str, set[str]] = {}
    for model in models_:
        direct[model._meta.db_table] = {f.related_model._meta.db_table for f in model._meta.local_concrete_fields if f.is_relation and f.related_model}  # type: ignore[union-attr]
    found = {account._meta.db_table}
    while more := {table for table, targets in direct.items() if table not in found and targets & found}:
        found |= more
    return found - {account._meta.db_table}
