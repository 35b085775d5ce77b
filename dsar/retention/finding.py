"""The decision about a record, said in SQL for all of them at once: which rows of a kind are due on a day, by which rule, and which of these a hold keeps.

Every period is compared as one moment (`Period.over`), so that a million rows cost little more than counting them. A test compares this with `deciding.decide`, row by row.
"""
from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID

from dsar.holds import gate
from dsar.retention import rules
from dsar.retention.deciding import LEVELS
from dsar.retention.models import Act, Kind, RetentionRule
from dsar.retention.periods import Period, begins
from dsar.retention.rules import Sql
from dsar.retention.units import PURGED, Governed, emptied

DEFAULT, CEILING = 0, -1
"""In place of a rule's number: the installation's own period, and its ceiling."""


@dataclass(frozen=True)
class Question:
    """One kind of data in one organization (or of none) on one day, under these rules. A rule's number is its place in `rows`, from 1 on."""

    one: Governed
    org: UUID | None
    day: date
    zone: str
    rows: tuple[RetentionRule, ...]

    def whose(self) -> Sql:
        return self.one.whose(self.org)

    def held(self) -> Sql:
        """What a hold keeps now."""
        return gate.kept(self.one.unit, org=self.org)

    def due(self) -> Sql:
        """Its time is over, and neither rule nor floor keeps it."""
        over: Sql = (f"({self.one.end.clocks['end']}) < %s", [begins(self.day, self.zone)])
        goes = self._any(self._deletion(), *([self.passed("end", self.one.ceiling)] if self.one.ceiling else []), *([self._erased()] if self._resisted() else []))
        found = [over, goes, *(self.unless_kept(row) for row in self._of(Kind.KEEP)), *([self.passed("end", self.one.floor)] if self.one.floor else [])]
        if acts := self.acts(Act.DEIDENTIFY):
            found.append(self._any((f"NOT ({acts[0]})", acts[1]), (self.dirty(), [])))
        return self._all(*found)

    def winner(self) -> Sql:
        """The number of the rule by which a due row goes."""
        ruled = self._deletion()
        chosen = self._chosen()
        return (f"CASE WHEN {ruled[0]} THEN {chosen[0]} ELSE {CEILING} END", [*ruled[1], *chosen[1]]) if self.one.ceiling or self._resisted() else chosen

    def acts(self, action: str) -> Sql | None:
        """SQL for the due rows on which this is done; None where nothing of the kind is. Beyond the ceiling the installation's own way counts."""
        numbers = [number for number, row in enumerate(self.rows, start=1) if row.kind == Kind.DELETE and row.action == action]
        if self.one.end.action == action:
            numbers += [DEFAULT, CEILING]
        everything = {number for number, row in enumerate(self.rows, start=1) if row.kind == Kind.DELETE} | {DEFAULT, CEILING}
        if not numbers:
            return None
        if set(numbers) == everything:
            return "true", []
        text, values = self.winner()
        found: Sql = (f"({text}) IN ({', '.join(map(str, numbers))})", values)
        if self.one.ceiling:
            passed = self.passed("end", self.one.ceiling)
            found = self._any(found, passed) if self.one.end.action == action else self._all(found, (f"NOT {passed[0]}", passed[1]))
        return found

    def columns(self) -> list[tuple[str, str]]:
        return emptied(self.one.unit)

    # the parts

    def _of(self, kind: str) -> list[RetentionRule]:
        return [row for row in self.rows if row.kind == kind]

    def passed(self, trigger: str, period: Period | None) -> Sql:
        """Whether this period, counted from this moment, is over before the day."""
        last = period.over(self.day) if period else None
        return (f"COALESCE(({self.one.end.clocks[trigger]}) < %s, false)", [begins(last + timedelta(days=1), self.zone)]) if last else ("false", [])

    def _levels(self) -> list[list[RetentionRule]]:
        """The delete rules, the most specific first."""
        found: dict[int, list[RetentionRule]] = defaultdict(list)
        for row in self._of(Kind.DELETE):
            found[LEVELS[row.scope]].append(row)
        return [found[level] for level in sorted(found, reverse=True)]

    def _deletion(self) -> Sql:
        """Whether the most specific rule that reaches a row lets it go; of equals, any."""
        def goes(rows: Sequence[RetentionRule]) -> Sql:
            return self._any(*(self._all(rules.reaches(row, self.one), self.passed(row.trigger, rules.period(row))) for row in rows))

        return self._cases(goes, self.passed("end", self.one.default) if self.one.default else ("false", []))

    def _chosen(self) -> Sql:
        return self._cases(self._shortest, (str(DEFAULT), []))

    def _shortest(self, level: Sequence[RetentionRule]) -> Sql:
        """Of the rules of one level that reach a row, the number of the one that is over first."""
        number = {row.id: place for place, row in enumerate(self.rows, start=1)}
        if len(level) == 1:
            return str(number[level[0].id]), []
        days = []
        for row in level:
            reached = rules.reaches(row, self.one)
            day = f"((({self.one.end.clocks[row.trigger]}) AT TIME ZONE %s)::date + interval '{row.count} {row.measure}')::date"
            days.append((f"CASE WHEN {reached[0]} THEN {day} END", [*reached[1], self.zone]))
        values = [value for _text, given in days for value in given]
        text = f"CASE LEAST({', '.join(text for text, _values in days)}) {' '.join(f'WHEN {text} THEN {number[row.id]}' for row, (text, _v) in zip(level, days, strict=True))} END"
        return text, [*values, *values]

    def _cases(self, then: object, otherwise: Sql) -> Sql:
        """A CASE over the levels of delete rules, and what holds where none of them reaches."""
        parts, values = [], []
        for level in self._levels():
            result: Sql = then(level)  # type: ignore[operator]
            reached = self._any(*(rules.reaches(row, self.one) for row in level))
            if reached[0] == "true":
                otherwise = result
                break
            parts.append(f"WHEN {reached[0]} THEN {result[0]}")
            values += [*reached[1], *result[1]]
        return (f"CASE {' '.join(parts)} ELSE {otherwise[0]} END", [*values, *otherwise[1]]) if parts else otherwise

    def unless_kept(self, row: RetentionRule) -> Sql:
        """The keep rule does not reach the row, or is over, or is capped by the ceiling, or yields to an erasure."""
        reached = rules.reaches(row, self.one)
        ways = [self.passed(row.trigger, rules.period(row)), *([self.passed("end", self.one.ceiling)] if self.one.ceiling else []),
                *([self._erased()] if self._resisted() and not row.ground else [])]
        return self._any(*ways) if reached[0] == "true" else self._any((f"NOT ({reached[0]})", reached[1]), *ways)

    def _resisted(self) -> bool:
        """Whether something may have stayed of people who were erased: then it does not wait for a period."""
        return self.one.resists

    def _erased(self) -> Sql:
        return f"({self.one.about(PURGED)})", []

    def dirty(self) -> str:
        return "(" + " OR ".join(f'"{name}" IS DISTINCT FROM {empty}' for name, empty in self.columns()) + ")"

    @staticmethod
    def _any(*parts: Sql) -> Sql:
        texts = [text for text, _values in parts if text != "false"]
        if "true" in texts:
            return "true", []
        values = [value for text, given in parts if text != "false" for value in given]
        return ("(" + " OR ".join(f"({text})" for text in texts) + ")" if len(texts) > 1 else texts[0], values) if texts else ("false", [])

    @staticmethod
    def _all(*parts: Sql) -> Sql:
        texts = [text for text, _values in parts if text != "true"]
        if "false" in texts:
            return "false", []
        values = [value for text, given in parts if text != "true" for value in given]
        return ("(" + " AND ".join(f"({text})" for text in texts) + ")" if len(texts) > 1 else texts[0], values) if texts else ("true", [])


def question(one: Governed, *, org: UUID | None, day: date, zone: str, rows: Sequence[RetentionRule]) -> Question:
    """About one kind: of these rules those that are about it."""
    return Question(one, org, day, zone, tuple(sorted(rules.over(one, rows), key=lambda row: row.id)))
