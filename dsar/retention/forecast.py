"""The time machine over months: of what is there now, how much would go in each of the next twelve, as the rules are and with a change. It only looks (RIGHTS 4d).

One pass over each kind of data, whatever the number of months: each row is asked for the first month in which it is due. A test compares it with a look at the last day of each month.
"""
from __future__ import annotations

import calendar
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from django.db import connection

from accounts.tenancy import installation
from dsar.retention import machine
from dsar.retention.finding import Question
from dsar.retention.models import RetentionRule
from dsar.retention.rules import Sql

MONTHS = 12
_VALUES = 30_000
"""Values in one statement, at most: a protocol has room for twice as many."""


@dataclass
class Month:
    """One month: what goes in it, of what is there now. What is due already goes in the first one."""

    first: date
    last: date
    goes: int = 0
    changed: int = 0
    """How much goes with the change; 0 where there is none."""


@dataclass(frozen=True)
class Forecast:
    months: list[Month]
    held: int
    """What would go within these months, and a hold keeps now."""


def months(today: date, *, many: int = MONTHS) -> list[Month]:
    """This month from today on, and those after it."""
    found, first = [], today
    for _n in range(many):
        last = first.replace(day=calendar.monthrange(first.year, first.month)[1])
        found.append(Month(first, last))
        if last >= date(9999, 12, 1):
            break
        first = date(last.year + (last.month == 12), last.month % 12 + 1, 1)
    return found


def look(*, org: UUID, today: date, zone: str, rows: Callable[[date], Sequence[RetentionRule]], changed: Callable[[date], Sequence[RetentionRule]] | None = None) -> Forecast:
    """`rows` and `changed` say which rules hold on a day, as they are and with the change."""
    found, held = months(today), 0
    parts: list[Sql] = []
    series = [[machine.questions(org=org, day=one.last, zone=zone, rows=given(one.last)) for one in found] for given in (rows, changed) if given is not None]
    for number in range(len(series[0][0])):
        parts.append(_part([[of_day[number] for of_day in one] for one in series]))
    with installation("what is over is counted for everybody, also where use is restricted"), connection.cursor() as cursor:
        for text, values in _statements(parts):
            cursor.execute(text, values)
            for now, then, kept, count in cursor.fetchall():
                if kept:
                    held += count if (now, then) != (None, None) else 0
                    continue
                if now is not None:
                    found[now].goes += count
                if then is not None:
                    found[then].changed += count
    return Forecast(found, held)


def _part(series: list[list[Question]]) -> Sql:
    """For one kind: how many rows are due first in which month, as it is and with the change."""
    one = series[0][0]
    cases = [_first(questions) for questions in series]
    (whose, a), (held, b) = one.whose(), one.held()
    columns = [*(text for text, _values in cases), "NULL::int"]
    values = [value for _text, given in cases for value in given]
    asked = f'SELECT {columns[0]} AS now, {columns[1]} AS later, ({held}) AS kept FROM "{one.one.key}" WHERE {whose}'
    return f"SELECT now, later, kept, count(*) FROM ({asked}) AS x GROUP BY now, later, kept", [*values, *b, *a]


def _first(questions: list[Question]) -> Sql:
    """The number of the first of these days on which a row is due."""
    cases, values = [], []
    for number, question in enumerate(questions):
        due, given = question.due()
        if due != "false":
            cases.append(f"WHEN {due} THEN {number}")
            values += given
    return (f"CASE {' '.join(cases)} END", values) if cases else ("NULL::int", [])


def _statements(parts: Iterable[Sql]) -> Iterable[Sql]:
    texts: list[str] = []
    values: list[object] = []
    for text, given in parts:
        if texts and len(values) + len(given) > _VALUES:
            yield " UNION ALL ".join(texts), values
            texts, values = [], []
        texts.append(text)
        values = [*values, *given]
    if texts:
        yield " UNION ALL ".join(texts), values
