"""One batch of rows whose time is over: found by key, held rows left, the parts with them, one statement each."""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection

from audit import holds, outside
from dsar.retention.finding import Question
from dsar.retention.models import Act, RetentionRun
from dsar.retention.rules import Sql
from dsar.retention.units import Governed

SIZE = 5000
"""Rows of one batch: each a transaction of its own, so that nobody waits long for what it locks."""
FEW = 500
"""Of kinds in which people are told one by one."""
_WITH = {"accounts_session": ("django_session", "session_key")}
"""What goes with a row by something else than its number: the other table, and the column that both have."""


@dataclass
class Done:
    """What one batch did, and how far it came."""

    after: str = ""
    over: bool = False
    removed: int = 0
    emptied: int = 0
    parts: int = 0
    people: dict[UUID, int] = field(default_factory=dict)
    counted: dict[str, int] = field(default_factory=dict)


def told(row: RetentionRun, one: Governed, *, first: bool, now: datetime) -> None:
    """The line outside of the database, before the first row of a kind goes. Raises `Unavailable`; then nothing goes."""
    if first:
        outside.before("retention.ran", org=row.organization_id, subject=None, facts={"run": str(row.id), "kind": one.key, "day": row.day.isoformat()}, now=now)


def batch(asked: Question, *, after: str, before: Callable[[], None], size: int = 0) -> Done:
    """The next rows behind this key whose time is over and that no hold keeps now. Decided on the locked rows, in the transaction that removes them."""
    one = asked.one
    size = size or (FEW if one.identifies else SIZE)
    ways = [(action, found) for action in (Act.DELETE, Act.DEIDENTIFY) if (found := asked.acts(action)) is not None]
    before()
    holds.shut()
    if len(ways) == 1 and ways[0] == (Act.DELETE, ("true", [])) and not one.identifies and not one.end.counted:
        return _at_once(asked, after if _place(after) else "", size)
    keys = _keys(asked, "" if _place(after) else after, size)
    done = Done(after=str(keys[-1]) if keys else after, over=len(keys) < size)
    if not keys:
        return done
    with connection.cursor() as cursor:
        for action, way in ways:
            chosen = _chosen(cursor, asked, keys, way)
            if not chosen:
                continue
            _people(cursor, one, chosen, done)
            if action == Act.DELETE:
                _delete(cursor, one, chosen, done)
            else:
                _empty(cursor, asked, chosen, done)
    return done


def _free(asked: Question, columns: str) -> Sql:
    """SQL for the rows that are due and that no hold keeps."""
    (whose, a), (due, b), (held, c) = asked.whose(), asked.due(), asked.held()
    return f'SELECT {columns} FROM "{asked.one.key}" WHERE {whose} AND {due} AND NOT ({held})', [*a, *b, *c]


def _keys(asked: Question, after: str, size: int) -> list[Any]:
    """The next of them behind this key, locked, in the order of the table's key: what is emptied stays, and would be found again."""
    free, values = _free(asked, "id")
    behind, value = (" AND id > %s", [after]) if after else ("", [])
    with connection.cursor() as cursor:
        cursor.execute(f"{free}{behind} ORDER BY id LIMIT {size} FOR UPDATE SKIP LOCKED", [*values, *value])
        return [row[0] for row in cursor.fetchall()]


def _place(after: str) -> bool:
    """Whether this says where in the table a batch ended, and not behind which key: rules that changed meanwhile may change the way."""
    return after.startswith("(")


def _at_once(asked: Question, after: str, size: int) -> Done:
    """Where rows only go, and nobody is told one by one: found, locked and removed by one statement, parts included, and no key travels.

    In no order: to order what is left anew for each batch costs more than to remove it. Each batch begins where the table was left, so that what was removed is not walked over again and again;
    at its end it begins once more from the beginning, until that finds nothing.
    """
    one = asked.one
    with_it, column = _WITH.get(one.key, ("", ""))
    free, values = _free(asked, f"id, ctid AS place{f', {column}' if column else ''}")
    behind, place = (" AND ctid > %s::tid", [after]) if after else ("", [])
    chosen = f"{free}{behind} LIMIT {size} FOR UPDATE SKIP LOCKED"
    ids = "ARRAY(SELECT id FROM due)"
    more = [f'w0 AS (DELETE FROM "{with_it}" WHERE "{column}" = ANY(ARRAY(SELECT {column} FROM due)) RETURNING 1)'] if with_it else []
    counted = []
    for number, part in enumerate(one.end.parts, start=1):
        how = f'UPDATE "{part.table}" SET "{part.column}" = NULL' if part.how == "null" else f'DELETE FROM "{part.table}"'
        more.append(f'w{number} AS ({how} WHERE "{part.column}" = ANY({ids}) RETURNING 1)')
        counted += [f"(SELECT count(*) FROM w{number})"] if part.how == "delete" else []
    text = (f"WITH due AS MATERIALIZED ({chosen}), gone AS (DELETE FROM \"{one.key}\" WHERE ctid = ANY(ARRAY(SELECT place FROM due)) RETURNING 1){''.join(f', {part}' for part in more)}"
            f" SELECT (SELECT count(*) FROM gone), (SELECT count(*) FROM due), {' + '.join(counted) or '0'}, (SELECT max(place) FROM due)::text")
    with connection.cursor() as cursor:
        cursor.execute(text, [*values, *place])
        gone, found, parts, last = cursor.fetchone()
    if gone and found == size:
        return Done(after=last, removed=gone, parts=parts)
    rest = _at_once(asked, "", size) if after else Done(over=True)
    return Done(after=rest.after, over=rest.over, removed=gone + rest.removed, parts=parts + rest.parts)


def _chosen(cursor: Any, asked: Question, keys: list[Any], way: Sql) -> list[Any]:
    """Of these locked rows those with which this is done."""
    if way[0] == "true":
        return keys
    cursor.execute(f'SELECT id FROM "{asked.one.key}" WHERE id = ANY(%s) AND {way[0]}', [keys, *way[1]])
    return [row[0] for row in cursor.fetchall()]


def _people(cursor: Any, one: Governed, keys: list[Any], done: Done) -> None:
    if not one.identifies:
        return
    cursor.execute(f'SELECT "{one.person}", count(*) FROM "{one.key}" WHERE id = ANY(%s) AND "{one.person}" IS NOT NULL GROUP BY 1', [keys])
    for person, count in cursor.fetchall():
        done.people[person] = done.people.get(person, 0) + count


def _delete(cursor: Any, one: Governed, keys: list[Any], done: Done) -> None:
    if one.end.counted:
        cursor.execute(one.end.counted, [keys])
        for *codes, count in cursor.fetchall():
            key = "/".join(str(code) for code in codes)
            done.counted[key] = done.counted.get(key, 0) + count
    if one.key in _WITH:
        with_it, column = _WITH[one.key]
        cursor.execute(f'DELETE FROM "{with_it}" WHERE "{column}" IN (SELECT "{column}" FROM "{one.key}" WHERE id = ANY(%s))', [keys])
    _parts(cursor, one, keys, done)
    cursor.execute(f'DELETE FROM "{one.key}" WHERE id = ANY(%s)', [keys])
    done.removed += cursor.rowcount


def _parts(cursor: Any, one: Governed, keys: list[Any], done: Done) -> None:
    for part in one.end.parts:
        if part.how == "null":
            cursor.execute(f'UPDATE "{part.table}" SET "{part.column}" = NULL WHERE "{part.column}" = ANY(%s)', [keys])
        else:
            cursor.execute(f'DELETE FROM "{part.table}" WHERE "{part.column}" = ANY(%s)', [keys])
            done.parts += cursor.rowcount


def _empty(cursor: Any, asked: Question, keys: list[Any], done: Done) -> None:
    """Emptied of what identifies people, as the data map declares it; what belongs to the row alone goes."""
    _parts(cursor, asked.one, keys, done)
    sets = ", ".join(f'"{name}" = {empty}' for name, empty in asked.columns())
    bump = ', "version" = "version" + 1' if "version" in asked.one.unit.columns else ""
    cursor.execute(f'UPDATE "{asked.one.key}" SET {sets}{bump} WHERE id = ANY(%s)', [keys])
    done.emptied += cursor.rowcount
