"""The time machine: what would go on a day, of what is there now, by which rule, and what a hold keeps. It only looks (RIGHTS 4d)."""
from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from uuid import UUID

from django.db import connection

from accounts.tenancy import installation
from dsar.retention import finding, rules, units
from dsar.retention.deciding import Decision, decide
from dsar.retention.finding import Question
from dsar.retention.models import RetentionRule
from dsar.retention.units import Governed

SAMPLES = 3


@dataclass
class Seen:
    """One kind on that day."""

    one: Governed
    total: int = 0
    held: int = 0
    by: dict[int, int] = field(default_factory=dict)
    """How many go, by the number of the rule in the question."""
    rows: tuple[RetentionRule, ...] = ()

    @property
    def goes(self) -> int:
        return sum(self.by.values())


@dataclass(frozen=True)
class Sample:
    """One row that would go, whom it is about where the row says so, and why it goes."""

    key: str
    account: UUID | None
    decision: Decision


def questions(*, org: UUID | None, day: date, zone: str, rows: Sequence[RetentionRule], kinds: Iterable[Governed] | None = None) -> list[Question]:
    """One for each kind that may have rows there."""
    found = kinds if kinds is not None else (units.offered() if org else units.governed()).values()
    return [finding.question(one, org=org, day=day, zone=zone, rows=rows) for one in found]


def look(asked: Sequence[Question]) -> list[Seen]:
    """How many would go, by which rule, and how many a hold keeps: one statement for all kinds."""
    seen = [Seen(question.one, rows=question.rows) for question in asked]
    parts, values = [], []
    for number, question in enumerate(asked):
        (whose, a), (due, b), (winner, c), (held, d) = question.whose(), question.due(), question.winner(), question.held()
        parts.append(f"SELECT {number}, w, h, count(*) FROM (SELECT CASE WHEN {due} THEN {winner} END AS w, ({held}) AS h FROM \"{question.one.key}\" WHERE {whose}) AS x GROUP BY w, h")
        values += [*b, *c, *d, *a]
    if parts:
        with installation("what is over is counted for everybody, also where use is restricted"), connection.cursor() as cursor:
            cursor.execute(" UNION ALL ".join(parts), values)
            for number, winner, held, count in cursor.fetchall():
                seen[number].total += count
                if winner is not None and held:
                    seen[number].held += count
                elif winner is not None:
                    seen[number].by[winner] = seen[number].by.get(winner, 0) + count
    return seen


def samples(asked: Sequence[Question]) -> list[Sample]:
    """A few rows of each kind that would go, each decided once more by the function itself, with its reasons."""
    parts, values = [], []
    for number, question in enumerate(asked):
        (whose, a), (due, b), (held, c) = question.whose(), question.due(), question.held()
        days = [f"(({sql}) AT TIME ZONE %s)::date" for sql in question.one.end.clocks.values()]
        reached = [rules.reaches(row, question.one) for row in question.rows]
        person = f'"{question.one.person}"' if question.one.person else "NULL"
        parts.append(f"(SELECT {number}, {person}::uuid, ARRAY[{', '.join(days)}]::date[], ARRAY[{', '.join(f'({text})' for text, _values in reached)}]::bool[]"
                     f' FROM "{question.one.key}" WHERE {whose} AND {due} AND NOT ({held}) LIMIT {SAMPLES})')
        values += [*[question.zone] * len(days), *(value for _text, given in reached for value in given), *a, *b, *c]
    if not parts:
        return []
    with installation("samples of what is over; whoever looks sees whom they may see"), connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(parts), values)
        return [Sample(asked[number].one.key, account, _decided(asked[number], days, reached)) for number, account, days, reached in cursor.fetchall()]


def _decided(question: Question, days: list[date | None], reached: list[bool]) -> Decision:
    one = question.one
    found = [rules.as_rule(row) for row, yes in zip(question.rows, reached, strict=True) if yes]
    if (general := rules.default(one)) is not None:
        found.append(general)
    return decide(found, dict(zip(one.end.clocks, days, strict=True)), floor=one.floor, ceiling=one.ceiling)
