"""Which migrations may run while the version before them still serves: expand, migrate, contract (docs/operating.md).

A migration runs before the new version starts, under the feet of the old one. So it may add what the old one need not know,
and may take nothing away that it uses. What breaks this needs a comment `# safe: …` beside it that says why it does not matter.
"""
from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import connection, models
from django.db.migrations import operations as ops
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.migration import Migration
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState

_NO_END = float("inf")
OURS = ("audit", "accounts", "dsar", "portal")
FIRST = "0001"
_MARK = re.compile(r"#\s*safe:\s*\S.{9,}")
_BODY = re.compile(r"(\$[A-Za-z_]*\$).*?\1", re.DOTALL)
_COMMENT = re.compile(r"--[^\n]*|/\*.*?\*/", re.DOTALL)
_SQL = [(re.compile(pattern, re.IGNORECASE), words) for pattern, words in (
    (r"\bDROP\s+(?!CONSTRAINT|INDEX|NOT\s+NULL|DEFAULT)", "drops something the running version may use"),
    (r"\bALTER\s+(COLUMN\s+)?\S+\s+(SET\s+DATA\s+)?TYPE\b|\bALTER\s+TYPE\b", "changes a type, which rewrites the table or breaks what is sent to it"),
    (r"\bRENAME\b", "renames something the running version uses"),
    (r"\bSET\s+NOT\s+NULL\b", "refuses rows that the running version may write"),
    (r"^\s*TRUNCATE\b", "removes rows"),
    (r"\bCREATE\s+(UNIQUE\s+)?INDEX\s+(?!CONCURRENTLY)", "builds an index while nobody can write; use CONCURRENTLY"),
    (r"\bADD\s+CONSTRAINT\b(?!.*\bNOT\s+VALID\b)", "checks every row while nobody can write; add it NOT VALID and validate later"),
    (r"\bLOCK\s+TABLE\b", "locks a table"),
    (r"^\s*(WITH\b.*)?\b(UPDATE|DELETE\s+FROM)\s", "changes rows in one long transaction; use a job in batches"))]


@dataclass(frozen=True)
class Finding:
    migration: str
    operation: str
    why: str

    def __str__(self) -> str:
        return f"{self.migration}: {self.operation}: {self.why}"


def findings() -> list[Finding]:
    """What the migrations of this repository break, [] when they may run under a running version."""
    loader = MigrationLoader(None, ignore_no_migrations=True, replace_migrations=False)
    found: list[Finding] = []
    for (app, name), migration in sorted(loader.disk_migrations.items()):
        if app in OURS and not name.startswith(FIRST) and not migration.replaces:  # what replaces others runs on new installations only
            found += judge(migration, loader.project_state((app, name), at_end=False), inspect.getsource(inspect.getmodule(type(migration))))  # type: ignore[arg-type]
    return found


def judge(migration: Migration, before: ProjectState, source: str) -> list[Finding]:
    """What one migration breaks, with the state of the models before it."""
    name, state, made = f"{migration.app_label}.{migration.name}", before.clone(), set()
    marks = _marked(source, len(migration.operations))
    found = []
    for number, operation in enumerate(migration.operations):
        after = state.clone()
        operation.state_forwards(migration.app_label, after)
        if isinstance(operation, ops.CreateModel):
            made.add(operation.name_lower)
        if not marks.get(number, False):
            found += [Finding(name, operation.describe() if not isinstance(operation, ops.RunSQL) else "RunSQL", why) for why in _breaks(operation, migration.app_label, state, after, made)]
        state = after
    return found


def _marked(source: str, count: int) -> dict[int, bool]:
    """Which operations carry the comment: on one of their own lines, or on the line before."""
    lines = source.splitlines()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == "operations" for t in node.targets) and isinstance(node.value, ast.List) and len(node.value.elts) == count:
            return {number: any(_MARK.search(line) for line in lines[one.lineno - 2:one.end_lineno]) for number, one in enumerate(node.value.elts)}
    return {}


def _breaks(operation: Operation, app: str, before: ProjectState, after: ProjectState, made: set[str]) -> Iterator[str]:
    new_table = getattr(operation, "model_name_lower", getattr(operation, "name_lower", "")) in made
    if isinstance(operation, ops.SeparateDatabaseAndState):
        state = before.clone()
        for inner in operation.database_operations:
            then = state.clone()
            inner.state_forwards(app, then)
            yield from _breaks(inner, app, state, then, made)
            state = then
    elif isinstance(operation, ops.RemoveField | ops.DeleteModel):
        yield "the running version still reads and writes it; stop using it in one release, remove it in the next"
    elif isinstance(operation, ops.RenameField | ops.RenameModel | ops.AlterModelTable):
        yield "the running version knows the old name; add the new one, copy, and remove the old one a release later"
    elif isinstance(operation, ops.AddField) and not new_table:
        yield from _added(operation.field)
    elif isinstance(operation, ops.AlterField) and not new_table:
        yield from _altered(before.apps.get_model(app, operation.model_name)._meta.get_field(operation.name), after.apps.get_model(app, operation.model_name)._meta.get_field(operation.name))
    elif isinstance(operation, ops.AddIndex) and not isinstance(operation, AddIndexConcurrently) and not new_table:
        yield "builds an index while nobody can write; use AddIndexConcurrently in a migration with atomic = False"
    elif type(operation) is ops.AddConstraint and not new_table:
        yield "checks every row while nobody can write, and the running version may write others"
    elif isinstance(operation, ops.AlterUniqueTogether) and not new_table:
        yield "builds an index while nobody can write"
    elif isinstance(operation, ops.RunPython):
        yield "code that runs in a migration: say what it does to a large table and to the running version"
    elif isinstance(operation, ops.RunSQL):
        yield from _sql(operation)


def _added(field: models.Field[Any, Any]) -> Iterator[str]:
    if field.many_to_many:
        return
    if not field.null and not field.has_db_default():
        yield "the running version inserts rows without this column; give it db_default, or allow null"
    if field.has_db_default() and not isinstance(field.db_default, str | int | float | bool | models.Value | models.functions.Now | list | dict):
        yield "its default is computed row by row, which rewrites the table"
    if field.unique or field.db_index:
        yield "builds an index while nobody can write; add the column alone, then AddIndexConcurrently"


def _altered(old: models.Field[Any, Any], new: models.Field[Any, Any]) -> Iterator[str]:
    if old.null and not new.null:
        yield "refuses the nulls that the running version may write"
    if old.has_db_default() and not new.has_db_default() and not new.null:
        yield "the running version may leave the column to its default"
    if old.column != new.column:
        yield "the running version knows the old name of the column"
    if (new.unique and not old.unique) or (new.db_index and not old.db_index):
        yield "builds an index while nobody can write"
    if (narrow := _type(old, new)):
        yield narrow


def _type(old: models.Field[Any, Any], new: models.Field[Any, Any]) -> str:
    before, after = old.db_type(connection), new.db_type(connection)
    if before == after:
        return ""
    kinds = [str(kind).split("(")[0] for kind in (before, after)]
    if kinds[1] == "text" and kinds[0] in {"varchar", "text"}:
        return ""
    if kinds[0] == kinds[1] == "varchar":
        longest = [getattr(field, "max_length", None) or _NO_END for field in (old, new)]
        return "" if longest[1] >= longest[0] else "is too narrow for what the running version writes"
    return f"changes its type from {before} to {after}, which rewrites the table or refuses what the running version writes"


def _sql(operation: ops.RunSQL) -> Iterator[str]:
    parts = operation.sql if isinstance(operation.sql, list | tuple) else [operation.sql]
    for part in parts:
        text = part if isinstance(part, str) else str(part[0])
        for statement in _BODY.sub("''", _COMMENT.sub(" ", text)).split(";"):
            for pattern, words in _SQL:
                if pattern.search(" ".join(statement.split())):
                    yield f"{words} ({' '.join(statement.split())[:60]})"
